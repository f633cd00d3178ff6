/* SPDX-License-Identifier: BSD-3-Clause */
/* Where memory of a dynamic window is that others attached: which segments are
 * connected, and the way from an address to its place here. */
#include "shim_dynamic.h"

#include "shim_job.h"
#include "shim_remote.h"
#include "shim_view.h"

#include <stdlib.h>
#include <string.h>

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

static void view_forget_pages(rsmi_view_pages_t *pages)
{
    if (pages->far != NULL) {
        rsmi_remote_close(pages->far);
        free(pages->far);
    }
    rsmi_memory_forget(pages->import);
}

void rsmi_dynamic_forget(rsmi_target_t *target)
{
    rsmi_view_t *view = target->view;
    size_t i;

    if (view == NULL) {
        return;
    }
    atomic_store(&target->regions, NULL);
    for (i = 0; i < view->count; ++i) {
        view_forget_pages(&view->pages[i]);
    }
    rsmi_view_forget_list(view);
    (void)pthread_mutex_destroy(&view->lock);
    free(view->pages);
    free(view->copy);
    free(view);
    target->view = NULL;
}

/* --- pages -------------------------------------------------------------------- */

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

/* Whether the list that the target has at present is the one that was read. */
static bool view_is_unchanged(const rsmi_view_t *view,
                              const rsmi_target_t *target,
                              rsmi_view_state_t *state_p)
{
    return (rsmi_view_look(target, state_p) == MPI_SUCCESS) &&
           (state_p->version == view->version);
}

/* Drops segments that the target's list does not know any more, unless its owner
 * is changing it: an entry that is being moved is not there for a moment, and
 * another thread may be using what it leads to. Connections that others complete
 * accesses through stay. */
static void view_purge(rsmi_view_t *view, const rsmi_target_t *target)
{
    size_t i, kept = 0, count;
    uint64_t *serials;
    rsmi_view_state_t state;

    if ((view->count < VIEW_MANY) || (target->control == NULL) ||
        (view->list == view->copy) ||
        !view_is_unchanged(view, target, &state) ||
        (view->count < 2 * state.count)) {
        return;
    }
    count = state.count;
    serials = malloc((count + 1) * sizeof(*serials));
    if (serials == NULL) {
        return;
    }
    for (i = 0; i < count; ++i) {
        serials[i] = view->list[i].serial;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (!view_is_unchanged(view, target, &state)) {
        free(serials);
        return;
    }
    qsort(serials, count, sizeof(*serials), view_compare);
    for (i = 0; i < view->count; ++i) {
        if ((view->pages[i].far != NULL) ||
            (bsearch(&view->pages[i].serial, serials, count, sizeof(*serials),
                     view_compare) != NULL)) {
            view->pages[kept++] = view->pages[i];
        } else {
            view_forget_pages(&view->pages[i]);
        }
    }
    view->count = kept;
    free(serials);
}

/* Memory that the target shares with others is not mapped, wherever it is. */
static int view_connect_far(rsmi_view_pages_t *pages, rsmi_target_t *target)
{
    rsmi_target_t *far;
    int rc;

    far = calloc(1, sizeof(*far));
    if (far == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    far->import = pages->import;
    rc = rsmi_remote_open(far);
    if (rc != RSM_SUCCESS) {
        free(far);
        return rc;
    }
    pages->far = far;
    far->next = atomic_load(&target->regions);
    atomic_store(&target->regions, far);
    return RSM_SUCCESS;
}

static int view_connect(rsmi_view_pages_t *pages, rsmi_target_t *target,
                        const rsmi_region_t *region)
{
    void *mapping;
    int rc;

    memset(pages, 0, sizeof(*pages));
    pages->serial = region->serial;
    rc = rsmi_memory_import(target->node, region->segment, &pages->import,
                            &mapping);
    if (rc != RSM_SUCCESS) {
        return MPI_ERR_OTHER;
    }
    pages->mapping = mapping;
    if (mapping == NULL) {
        rc = view_connect_far(pages, target);
    }
    if (rc != RSM_SUCCESS) {
        rsmi_memory_forget(pages->import);
        return MPI_ERR_OTHER;
    }
    return MPI_SUCCESS;
}

static int view_insert(rsmi_view_t *view, rsmi_target_t *target, size_t at)
{
    rsmi_view_pages_t fresh, *pages;
    size_t room;
    int error;

    if (view->count == view->room) {
        room = (view->room == 0) ? 16 : 2 * view->room;
        pages = realloc(view->pages, room * sizeof(*pages));
        if (pages == NULL) {
            return MPI_ERR_NO_MEM;
        }
        view->pages = pages;
        view->room = room;
    }
    error = view_connect(&fresh, target, &view->last);
    if (error != MPI_SUCCESS) {
        return error;
    }
    pages = &view->pages[at];
    memmove(pages + 1, pages, (view->count - at) * sizeof(*pages));
    *pages = fresh;
    ++view->count;
    return MPI_SUCCESS;
}

/* The region found last lies in these pages. */
static void view_show(rsmi_view_t *view, size_t at)
{
    view->last_far = view->pages[at].far;
    view->last_import = view->pages[at].import;
    view->last_mapping = view->pages[at].mapping;
    view->last_shift = (intptr_t)view->pages[at].mapping +
                       (intptr_t)(view->last.head - view->last.addr);
}

/* Connects to the segment of the region found last, if need be. */
static int view_map(rsmi_view_t *view, rsmi_target_t *target)
{
    size_t at = view_position(view, view->last.serial);
    int error = MPI_SUCCESS;

    if ((at == view->count) || (view->pages[at].serial != view->last.serial)) {
        view_purge(view, target);
        at = view_position(view, view->last.serial);
        error = view_insert(view, target, at);
    }
    if (error == MPI_SUCCESS) {
        view_show(view, at);
    }
    return error;
}

/* --- looking up --------------------------------------------------------------- */

/* Nothing is a hit where there is no version to compare with. */
static void view_keep(rsmi_view_t *view, const rsmi_target_t *target)
{
    rsmi_view_hit_t *hit = &view->hit;
    uint64_t turn = atomic_load_explicit(&hit->turn, memory_order_relaxed);
    bool is_near = (view->last_far == NULL) && (target->control != NULL);
    uint64_t size = is_near ? view->last.size : 0;

    atomic_store_explicit(&hit->turn, turn + 1, memory_order_relaxed);
    atomic_store_explicit(&hit->version, view->version, memory_order_release);
    atomic_store_explicit(&hit->addr, view->last.addr, memory_order_release);
    atomic_store_explicit(&hit->size, size, memory_order_release);
    atomic_store_explicit(&hit->shift, view->last_shift, memory_order_release);
    atomic_store_explicit(&hit->turn, turn + 2, memory_order_release);
}

/* Asking a target far away for its version takes as long as the access. There
 * it is enough that the segment is still connected: while it is, the target has
 * not stopped exporting these pages. */
static bool view_is_current(const rsmi_view_t *view,
                            const rsmi_target_t *target)
{
    if (target->control != NULL) {
        return view->version == atomic_load_explicit(&target->control->version,
                                                     memory_order_acquire);
    }
    return (view->last_far != NULL) && rsmi_remote_is_connected(view->last_far);
}

/* The same for every region of the list as it was read last: reading it again
 * for each change of region would take time that grows with the list. */
static bool view_recall(rsmi_view_t *view, const rsmi_target_t *target,
                        uint64_t from)
{
    const rsmi_region_t *region;
    size_t at;

    if ((target->control != NULL) || (view->copy_count == 0)) {
        return false;
    }
    region = rsmi_dynamic_search(view->copy, view->copy_count, from);
    if (region == NULL) {
        return false;
    }
    at = view_position(view, region->serial);
    if ((at == view->count) || (view->pages[at].serial != region->serial)) {
        return false;
    }
    view->last = *region;
    view_show(view, at);
    return view_is_current(view, target);
}

/* Only the first byte is looked for. Far away the region may have become larger
 * since: who goes on behind its end asks again. */
static int view_look_up(rsmi_view_t *view, rsmi_window_t *window, int rank,
                        uint64_t from)
{
    rsmi_target_t *target = &window->targets[rank];
    int error;

    if (((from - view->last.addr < view->last.size) &&
         view_is_current(view, target)) ||
        view_recall(view, target, from)) {
        return MPI_SUCCESS;
    }
    error = rsmi_view_find(view, window, rank, from);
    if (error == MPI_SUCCESS) {
        error = view_map(view, target);
    }
    if (error != MPI_SUCCESS) {
        view->last.size = 0; /* nothing is cached */
    }
    view_keep(view, target);
    return error;
}

int rsmi_dynamic_locate_some(rsmi_window_t *window, int rank, uint64_t at,
                             rsmi_found_t *found_p, uint64_t *size_p)
{
    rsmi_view_t *view = window->targets[rank].view;
    int error;

    if (rank == window->rank) {
        *found_p = (rsmi_found_t){0};
        *size_p = rsmi_attached_size(window, at);
        return (*size_p > 0) ? MPI_SUCCESS : MPI_ERR_RMA_RANGE;
    }
    pthread_mutex_lock(&view->lock);
    error = view_look_up(view, window, rank, at);
    found_p->shift = view->last_shift;
    found_p->far = view->last_far;
    found_p->import = view->last_import;
    found_p->mapping = view->last_mapping;
    *size_p = view->last.size - (at - view->last.addr);
    pthread_mutex_unlock(&view->lock);
    /* The list of one who has died is a blank page. */
    return ((error == MPI_ERR_RMA_RANGE) &&
            (rsmi_remote_check(&window->targets[rank]) != MPI_SUCCESS))
               ? MPI_ERR_OTHER
               : error;
}

int rsmi_dynamic_locate(rsmi_window_t *window, int rank, MPI_Aint low,
                        MPI_Aint high, rsmi_found_t *found_p)
{
    const rsmi_target_t *target = &window->targets[rank];
    uint64_t from = (uint64_t)low, to = (uint64_t)high, size;
    int error;

    *found_p = (rsmi_found_t){0};
    if (rsmi_likely((rank != window->rank) && (to - from < RSMI_LARGE) &&
                    (target->control != NULL) &&
                    rsmi_view_hits(&target->view->hit, target->control, from,
                                   to, &found_p->shift))) {
        return MPI_SUCCESS;
    }
    error = rsmi_dynamic_locate_some(window, rank, from, found_p, &size);
    return ((error == MPI_SUCCESS) && (to - from > size)) ? MPI_ERR_RMA_RANGE
                                                          : error;
}
