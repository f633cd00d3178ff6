/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that a rank attaches to a dynamic window. Regions on just the same pages
 * share a segment: small ones, side by side in the heap, cost one export
 * together. */
#include "shim_dynamic.h"
#include "shim_empty.h"
#include "shim_job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Exported pages. */
typedef struct {
    rsm_memseg_export_handle_t export;
    rsm_memseg_id_t segment;
    uint64_t serial;
    uint64_t start;
    uint64_t end;
    size_t uses; /* regions */
} attach_pages_t;

/* Lists that were outgrown; origins may still be reading them. */
typedef struct attach_list {
    struct attach_list *former;
    rsm_memseg_export_handle_t export;
    rsm_memseg_id_t segment;
    rsmi_region_t *regions;
    size_t bytes;
} attach_list_t;

typedef struct rsmi_attached {
    pthread_mutex_t lock; /* guards the rest, and writing to the list */
    attach_list_t *list;
    attach_pages_t **pages; /* of each region, in the same order */
    size_t count;
    size_t room;
    uint64_t serial;
    rsmi_empty_t empty; /* regions of no size, which nobody else hears of */
} rsmi_attached_t;

static rsmi_control_t *attach_control(const rsmi_window_t *window)
{
    return window->targets[window->rank].control;
}

bool rsmi_attached_prepare(rsmi_window_t *window)
{
    window->attached = calloc(1, sizeof(*window->attached));
    if (window->attached == NULL) {
        return false;
    }
    (void)pthread_mutex_init(&window->attached->lock, NULL);
    return true;
}

static void attach_release_pages(attach_pages_t *pages)
{
    if (--pages->uses == 0) {
        rsmi_memory_withdraw(pages->export);
        free(pages);
    }
}

void rsmi_attached_withdraw(rsmi_window_t *window)
{
    rsmi_attached_t *attached = window->attached;
    attach_list_t *list;
    size_t i;

    if (attached == NULL) {
        return;
    }
    for (i = 0; i < attached->count; ++i) {
        attach_release_pages(attached->pages[i]);
    }
    while ((list = attached->list) != NULL) {
        attached->list = list->former;
        rsmi_memory_withdraw(list->export);
        (void)munmap(list->regions, list->bytes);
        free(list);
    }
    (void)pthread_mutex_destroy(&attached->lock);
    free(attached->empty.list);
    free(attached->pages);
    free(attached);
    window->attached = NULL;
}

uint64_t rsmi_attached_size(rsmi_window_t *window, uint64_t at)
{
    rsmi_attached_t *attached = window->attached;
    const rsmi_region_t *region = NULL;
    uint64_t size = 0;

    pthread_mutex_lock(&attached->lock);
    if (attached->list != NULL) {
        region =
            rsmi_dynamic_search(attached->list->regions, attached->count, at);
    }
    if (region != NULL) {
        size = region->size - (at - region->addr);
    }
    pthread_mutex_unlock(&attached->lock);
    return size;
}

/* --- the list --------------------------------------------------------------- */

/* Origins read the list while it changes and look again if they meet an odd
 * version, or another one afterwards. Nothing of the change may be seen before
 * the version is odd. */
static void attach_begin_change(const rsmi_window_t *window)
{
    atomic_fetch_add(&attach_control(window)->version, 1);
    atomic_thread_fence(memory_order_seq_cst);
}

static void attach_end_change(const rsmi_window_t *window)
{
    atomic_fetch_add(&attach_control(window)->version, 1);
}

/* Memory for regions that the others can map. */
static int attach_make_list(size_t bytes, attach_list_t **list_p)
{
    attach_list_t *list;
    size_t head;
    int rc = RSMERR_INSUFFICIENT_MEM;

    list = calloc(1, sizeof(*list));
    if (list == NULL) {
        return rc;
    }
    list->bytes = bytes;
    list->regions = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (list->regions == MAP_FAILED) {
        goto err_free;
    }
    rc = rsmi_memory_export(list->regions, bytes, &list->export, &list->segment,
                            &head);
    if (rc != RSM_SUCCESS) {
        goto err_unmap;
    }
    *list_p = list;
    return RSM_SUCCESS;

err_unmap:
    (void)munmap(list->regions, bytes);
err_free:
    free(list);
    return rc;
}

static int attach_grow(rsmi_window_t *window)
{
    rsmi_attached_t *attached = window->attached;
    rsmi_control_t *control = attach_control(window);
    attach_list_t *list, *old = attached->list;
    size_t bytes = (old == NULL) ? 4 * rsmi_job()->page : 2 * old->bytes;
    size_t room = bytes / sizeof(*old->regions);
    attach_pages_t **pages;
    int rc;

    pages = realloc(attached->pages, room * sizeof(*pages));
    if (pages == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    attached->pages = pages;
    rc = attach_make_list(bytes, &list);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (old != NULL) {
        memcpy(list->regions, old->regions,
               attached->count * sizeof(*list->regions));
    }
    list->former = old;
    attached->list = list;
    attached->room = room;
    attach_begin_change(window);
    atomic_store(&control->list_segment, list->segment);
    atomic_store(&control->list_size, list->bytes);
    attach_end_change(window);
    return RSM_SUCCESS;
}

/* The first region at @p addr or above. */
static size_t attach_position(const rsmi_attached_t *attached, uint64_t addr)
{
    size_t from = 0, to = attached->count, middle;

    while (from < to) {
        middle = from + (to - from) / 2;
        if (attached->list->regions[middle].addr < addr) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool attach_overlaps(const rsmi_attached_t *attached, size_t at,
                            uint64_t addr, uint64_t size)
{
    const rsmi_region_t *region = &attached->list->regions[at];

    return ((at < attached->count) && (region->addr - addr < size)) ||
           ((at > 0) && (addr - region[-1].addr < region[-1].size));
}

/* --- pages ------------------------------------------------------------------ */

static bool attach_is_on(const attach_pages_t *pages, uint64_t start,
                         uint64_t end)
{
    return (pages->start == start) && (pages->end == end);
}

/* An export is known to show what is mapped now only if attached bytes lie on
 * each of its pages: any other one the program may have replaced, once the
 * region that it was exported for had gone. So regions share an export when
 * they lie on just the same pages, which for two of them is one page. They are
 * neighbours in the list. NULL: none. */
static attach_pages_t *attach_find_pages(const rsmi_attached_t *attached,
                                         size_t at, uint64_t start,
                                         uint64_t end)
{
    if ((at < attached->count) &&
        attach_is_on(attached->pages[at], start, end)) {
        return attached->pages[at];
    }
    return ((at > 0) && attach_is_on(attached->pages[at - 1], start, end))
               ? attached->pages[at - 1]
               : NULL;
}

static int attach_get_pages(rsmi_attached_t *attached, size_t at, uint64_t addr,
                            uint64_t size, attach_pages_t **pages_p)
{
    uint64_t mask = rsmi_job()->page - 1;
    uint64_t start = addr & ~mask, end = (addr + size + mask) & ~mask;
    attach_pages_t *pages = attach_find_pages(attached, at, start, end);
    size_t head;
    int rc;

    if (pages == NULL) {
        pages = calloc(1, sizeof(*pages));
        if (pages == NULL) {
            return RSMERR_INSUFFICIENT_MEM;
        }
        rc = rsmi_memory_export((void *)addr, size, &pages->export,
                                &pages->segment, &head);
        if (rc != RSM_SUCCESS) {
            free(pages);
            return rc;
        }
        pages->serial = ++attached->serial;
        pages->start = start;
        pages->end = end;
    }
    ++pages->uses;
    *pages_p = pages;
    return RSM_SUCCESS;
}

static void attach_insert(rsmi_window_t *window, size_t at, uint64_t addr,
                          uint64_t size, attach_pages_t *pages)
{
    rsmi_attached_t *attached = window->attached;
    rsmi_control_t *control = attach_control(window);
    rsmi_region_t *region = &attached->list->regions[at];
    size_t behind = attached->count - at;

    memmove(&attached->pages[at + 1], &attached->pages[at],
            behind * sizeof(attached->pages[0]));
    attached->pages[at] = pages;

    attach_begin_change(window);
    memmove(region + 1, region, behind * sizeof(*region));
    memset(region, 0, sizeof(*region));
    region->addr = addr;
    region->size = size;
    region->serial = pages->serial;
    region->segment = pages->segment;
    region->head = addr - pages->start;
    atomic_store(&control->region_count, ++attached->count);
    attach_end_change(window);
}

static int attach_add(rsmi_window_t *window, uint64_t addr, uint64_t size)
{
    rsmi_attached_t *attached = window->attached;
    attach_pages_t *pages = NULL;
    size_t at = 0;
    int rc = RSM_SUCCESS;

    if (size == 0) {
        return rsmi_empty_add(&attached->empty, addr) ? MPI_SUCCESS
                                                      : MPI_ERR_RMA_ATTACH;
    }
    if (attached->count == attached->room) {
        rc = attach_grow(window);
    }
    if (rc == RSM_SUCCESS) {
        at = attach_position(attached, addr);
        rc = attach_overlaps(attached, at, addr, size) ? RSMERR_BAD_ADDR : rc;
    }
    if (rc == RSM_SUCCESS) {
        rc = attach_get_pages(attached, at, addr, size, &pages);
    }
    if (rc != RSM_SUCCESS) {
        return MPI_ERR_RMA_ATTACH;
    }
    attach_insert(window, at, addr, size, pages);
    return MPI_SUCCESS;
}

/* Of two at one address the one that has bytes goes first: they may be given
 * back to the system next. */
static int attach_remove(rsmi_window_t *window, uint64_t addr)
{
    rsmi_attached_t *attached = window->attached;
    rsmi_control_t *control = attach_control(window);
    size_t at = attach_position(attached, addr), behind;
    attach_pages_t *pages;
    rsmi_region_t *region;

    if ((at == attached->count) || (attached->list->regions[at].addr != addr)) {
        return rsmi_empty_remove(&attached->empty, addr) ? MPI_SUCCESS
                                                         : MPI_ERR_RMA_ATTACH;
    }
    region = &attached->list->regions[at];
    pages = attached->pages[at];
    behind = attached->count - at - 1;
    memmove(&attached->pages[at], &attached->pages[at + 1],
            behind * sizeof(attached->pages[0]));

    attach_begin_change(window);
    memmove(region, region + 1, behind * sizeof(*region));
    atomic_store(&control->region_count, --attached->count);
    attach_end_change(window);
    attach_release_pages(pages);
    return MPI_SUCCESS;
}

int MPI_Win_attach(MPI_Win win, void *base, MPI_Aint size)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_attach(win, base, size);
    }
    if (window->flavor != MPI_WIN_FLAVOR_DYNAMIC) {
        return rsmi_window_fail(window, MPI_ERR_RMA_FLAVOR);
    }
    if (size < 0) {
        return rsmi_window_fail(window, MPI_ERR_SIZE);
    }
    pthread_mutex_lock(&window->attached->lock);
    error = attach_add(window, (uintptr_t)base, (uint64_t)size);
    pthread_mutex_unlock(&window->attached->lock);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_attach);

int MPI_Win_detach(MPI_Win win, const void *base)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_detach(win, base);
    }
    if (window->flavor != MPI_WIN_FLAVOR_DYNAMIC) {
        return rsmi_window_fail(window, MPI_ERR_RMA_FLAVOR);
    }
    pthread_mutex_lock(&window->attached->lock);
    error = attach_remove(window, (uintptr_t)base);
    pthread_mutex_unlock(&window->attached->lock);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_detach);
