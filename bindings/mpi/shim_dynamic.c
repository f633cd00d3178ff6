/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_dynamic.h"

#include "shim_job.h"

#include <stdlib.h>
#include <string.h>

/* A segment of the target that is mapped here. */
typedef struct {
    uint64_t serial;
    rsm_memseg_import_handle_t import;
    char *mapping;
} view_pages_t;

typedef struct rsmi_view {
    pthread_mutex_t lock; /* guards the rest */
    uint64_t version;     /* of the target's list when the last one was found */
    rsmi_region_t last;
    intptr_t last_shift;
    rsm_memseg_import_handle_t list_import;
    uint32_t list_segment;
    size_t list_size;
    const rsmi_region_t *list;
    view_pages_t *pages; /* by serial */
    size_t count;
    size_t room;
} rsmi_view_t;

/* Segments that are gone are looked for when there are more than so many. */
enum { VIEW_MANY = 64 };

bool rsmi_dynamic_prepare(rsmi_window_t *window)
{
    rsmi_view_t *view;
    int i;

    for (i = 0; i < window->size; ++i) {
        view = calloc(1, sizeof(*view));
        if (view == NULL) {
            return false;
        }
        (void)pthread_mutex_init(&view->lock, NULL);
        window->targets[i].view = view;
    }
    return true;
}

void rsmi_dynamic_forget(rsmi_target_t *target)
{
    rsmi_view_t *view = target->view;
    size_t i;

    if (view == NULL) {
        return;
    }
    for (i = 0; i < view->count; ++i) {
        rsmi_memory_forget(view->pages[i].import);
    }
    if (view->list_import != NULL) {
        rsmi_memory_forget(view->list_import);
    }
    (void)pthread_mutex_destroy(&view->lock);
    free(view->pages);
    free(view);
    target->view = NULL;
}

const rsmi_region_t *rsmi_dynamic_search(const rsmi_region_t *list,
                                         size_t count, uint64_t low,
                                         uint64_t high)
{
    size_t from = 0, to = count, middle;

    while (from < to) { /* the last one that begins at low or below */
        middle = from + (to - from) / 2;
        if (list[middle].addr <= low) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    /* Regions of no size may stand between. */
    while (from > 0) {
        --from;
        if (list[from].size > 0) {
            return (high - list[from].addr <= list[from].size) ? &list[from]
                                                               : NULL;
        }
    }
    return NULL;
}

/* The list may have moved to larger memory. */
static int view_open_list(rsmi_view_t *view, const rsmi_target_t *target,
                          uint32_t segment, size_t size)
{
    rsm_memseg_import_handle_t import;
    void *mapping;
    int rc;

    if ((segment == view->list_segment) && (view->list != NULL)) {
        return RSM_SUCCESS;
    }
    rc = rsmi_memory_import(target->node, segment, &import, &mapping);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (view->list_import != NULL) {
        rsmi_memory_forget(view->list_import);
    }
    view->list_import = import;
    view->list_segment = segment;
    view->list_size = size;
    view->list = mapping;
    return RSM_SUCCESS;
}

/* Reads the target's list while its owner may be changing it: what was read
 * counts if the version has stayed the same. */
static int view_find(rsmi_view_t *view, const rsmi_window_t *window, int rank,
                     uint64_t low, uint64_t high)
{
    const rsmi_target_t *target = &window->targets[rank];
    rsmi_control_t *control = target->control;
    const rsmi_region_t *region;
    rsmi_region_t found = {0};
    rsmi_wait_t wait = {0};
    uint64_t version, count;
    uint32_t segment;
    size_t size;
    int rc;

    for (;;) {
        version = atomic_load(&control->version);
        count = atomic_load(&control->region_count);
        segment = atomic_load(&control->list_segment);
        size = atomic_load(&control->list_size);
        if ((version % 2 == 0) && (version == atomic_load(&control->version))) {
            if (count == 0) {
                return MPI_ERR_RMA_RANGE;
            }
            rc = view_open_list(view, target, segment, size);
            if (rc != RSM_SUCCESS) {
                return MPI_ERR_OTHER;
            }
            region = rsmi_dynamic_search(view->list, count, low, high);
            if (region != NULL) {
                found = *region;
            }
            atomic_thread_fence(memory_order_seq_cst);
            if (version == atomic_load(&control->version)) {
                view->version = version;
                view->last = found;
                return (region != NULL) ? MPI_SUCCESS : MPI_ERR_RMA_RANGE;
            }
        }
        if (rsmi_wait_turn(&wait, window, rank) != MPI_SUCCESS) {
            return MPI_ERR_OTHER;
        }
    }
}

static size_t view_position(const rsmi_view_t *view, uint64_t serial)
{
    size_t from = 0, to = view->count, middle;

    while (from < to) {
        middle = from + (to - from) / 2;
        if (view->pages[middle].serial < serial) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static int view_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Drops segments that the target's list does not know any more. What the owner
 * changes meanwhile is seen the next time. */
static void view_purge(rsmi_view_t *view, const rsmi_control_t *control)
{
    uint64_t count = atomic_load(&control->region_count), *serials;
    size_t i, kept = 0;

    if ((view->count < VIEW_MANY) || (view->count < 2 * count) ||
        (count * sizeof(*view->list) > view->list_size)) {
        return;
    }
    serials = malloc((count + 1) * sizeof(*serials));
    if (serials == NULL) {
        return;
    }
    for (i = 0; i < count; ++i) {
        serials[i] = view->list[i].serial;
    }
    qsort(serials, count, sizeof(*serials), view_compare);
    for (i = 0; i < view->count; ++i) {
        if (bsearch(&view->pages[i].serial, serials, count, sizeof(*serials),
                    view_compare) != NULL) {
            view->pages[kept++] = view->pages[i];
        } else {
            rsmi_memory_forget(view->pages[i].import);
        }
    }
    view->count = kept;
    free(serials);
}

/* Maps the segment of the region found last, if it is not mapped so far. */
static int view_map(rsmi_view_t *view, const rsmi_target_t *target)
{
    view_pages_t *pages;
    void *mapping;
    size_t at, room;

    at = view_position(view, view->last.serial);
    if ((at < view->count) && (view->pages[at].serial == view->last.serial)) {
        mapping = view->pages[at].mapping;
        view->last_shift =
            (intptr_t)mapping + (intptr_t)(view->last.head - view->last.addr);
        return MPI_SUCCESS;
    }
    view_purge(view, target->control);
    at = view_position(view, view->last.serial);
    if (view->count == view->room) {
        room = (view->room == 0) ? 16 : 2 * view->room;
        pages = realloc(view->pages, room * sizeof(*pages));
        if (pages == NULL) {
            return MPI_ERR_NO_MEM;
        }
        view->pages = pages;
        view->room = room;
    }
    pages = &view->pages[at];
    memmove(pages + 1, pages, (view->count - at) * sizeof(*pages));
    if (rsmi_memory_import(target->node, view->last.segment, &pages->import,
                           &mapping) != RSM_SUCCESS) {
        memmove(pages, pages + 1, (view->count - at) * sizeof(*pages));
        return MPI_ERR_OTHER;
    }
    pages->serial = view->last.serial;
    pages->mapping = mapping;
    ++view->count;
    view->last_shift =
        (intptr_t)mapping + (intptr_t)(view->last.head - view->last.addr);
    return MPI_SUCCESS;
}

int rsmi_dynamic_locate(rsmi_window_t *window, int rank, MPI_Aint low,
                        MPI_Aint high, intptr_t *shift_p)
{
    const rsmi_target_t *target = &window->targets[rank];
    rsmi_view_t *view = target->view;
    uint64_t from = (uint64_t)low, to = (uint64_t)high;
    int error = MPI_SUCCESS;

    if (rank == window->rank) {
        *shift_p = 0;
        return rsmi_attached_has(window, from, to) ? MPI_SUCCESS
                                                   : MPI_ERR_RMA_RANGE;
    }
    pthread_mutex_lock(&view->lock);
    if ((view->version != atomic_load_explicit(&target->control->version,
                                               memory_order_acquire)) ||
        (from - view->last.addr >= view->last.size) ||
        (to - view->last.addr > view->last.size)) {
        error = view_find(view, window, rank, from, to);
        if (error == MPI_SUCCESS) {
            error = view_map(view, target);
        }
        if (error != MPI_SUCCESS) {
            view->last.size = 0; /* nothing is cached */
        }
    }
    *shift_p = view->last_shift;
    pthread_mutex_unlock(&view->lock);
    return error;
}
