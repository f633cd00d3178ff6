/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of what a target has attached to a dynamic window, which its owner
 * may change at any time. */
#include "shim_view.h"

#include "shim_dynamic.h"
#include "shim_job.h"

#include <stdlib.h>

const rsmi_region_t *rsmi_dynamic_search(const rsmi_region_t *list,
                                         size_t count, uint64_t at)
{
    size_t from = 0, to = count, middle;

    while (from < to) { /* the last one that begins there or below */
        middle = from + (to - from) / 2;
        if (list[middle].addr <= at) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return ((from > 0) && (at - list[from - 1].addr < list[from - 1].size))
               ? &list[from - 1]
               : NULL;
}

void rsmi_view_forget_list(rsmi_view_t *view)
{
    if (view->list_target.import != NULL) {
        rsmi_remote_close(&view->list_target);
        rsmi_memory_forget(view->list_target.import);
        view->list_target.import = NULL;
    }
}

/* Far away all of it is read at once. */
#define VIEW_OFFSET(field) \
    (offsetof(rsmi_control_t, field) - offsetof(rsmi_control_t, version))
_Static_assert(
    (VIEW_OFFSET(region_count) == offsetof(rsmi_view_state_t, count)) &&
        (VIEW_OFFSET(list_size) == offsetof(rsmi_view_state_t, list_size)) &&
        (VIEW_OFFSET(list_segment) ==
         offsetof(rsmi_view_state_t, list_segment)) &&
        (sizeof(rsmi_view_state_t) <= RSMI_LINE),
    "a state is laid out as the control block has it");

int rsmi_view_look(const rsmi_target_t *target, rsmi_view_state_t *state_p)
{
    rsmi_control_t *control = target->control;

    if (control == NULL) {
        return rsmi_remote_far_read(target, offsetof(rsmi_control_t, version),
                                    state_p, sizeof(*state_p));
    }
    state_p->version = atomic_load(&control->version);
    state_p->count = atomic_load(&control->region_count);
    state_p->list_size = atomic_load(&control->list_size);
    state_p->list_segment = atomic_load(&control->list_segment);
    return MPI_SUCCESS;
}

/* The list may have moved to larger memory. */
static int view_connect_list(rsmi_view_t *view, const rsmi_target_t *target,
                             uint32_t segment)
{
    void *mapping;
    int rc;

    if ((segment == view->list_segment) && (view->list_target.import != NULL)) {
        return MPI_SUCCESS;
    }
    rsmi_view_forget_list(view);
    rc = rsmi_memory_import(target->node, segment, &view->list_target.import,
                            &mapping);
    if (rc != RSM_SUCCESS) {
        return MPI_ERR_OTHER;
    }
    view->list_segment = segment;
    view->list = mapping;
    if (mapping != NULL) {
        return MPI_SUCCESS;
    }
    rc = rsmi_remote_open(&view->list_target);
    if (rc != RSM_SUCCESS) {
        rsmi_view_forget_list(view);
        return MPI_ERR_OTHER;
    }
    return MPI_SUCCESS;
}

static int view_open_list(rsmi_view_t *view, const rsmi_target_t *target,
                          const rsmi_view_state_t *state)
{
    size_t bytes = state->count * sizeof(*view->list);
    rsmi_region_t *copy;
    int error;

    if (bytes > state->list_size) {
        return MPI_ERR_OTHER;
    }
    error = view_connect_list(view, target, state->list_segment);
    if ((error != MPI_SUCCESS) || (view->list_target.far == NULL)) {
        return error;
    }
    view->copy_count = 0;
    copy = realloc(view->copy, bytes);
    if (copy == NULL) {
        return MPI_ERR_NO_MEM;
    }
    view->copy = copy;
    view->list = copy;
    return rsmi_remote_get(&view->list_target, 0, copy, bytes);
}

/* One reading of the target's list, which its owner may be changing: it counts
 * if the version is even and has stayed the same. */
static int view_read(rsmi_view_t *view, const rsmi_target_t *target,
                     uint64_t at, bool *is_valid_p)
{
    rsmi_view_state_t state, after;
    const rsmi_region_t *region;
    rsmi_region_t found = {0};
    int error;

    error = rsmi_view_look(target, &state);
    if (error == MPI_SUCCESS) {
        error = rsmi_view_look(target, &after);
    }
    if ((error != MPI_SUCCESS) || (state.version % 2 != 0) ||
        (state.version != after.version)) {
        return error;
    }
    if (state.count == 0) {
        return MPI_ERR_RMA_RANGE;
    }
    error = view_open_list(view, target, &state);
    if (error != MPI_SUCCESS) {
        return error;
    }
    region = rsmi_dynamic_search(view->list, state.count, at);
    if (region != NULL) {
        found = *region;
    }
    atomic_thread_fence(memory_order_seq_cst);
    error = rsmi_view_look(target, &after);
    if ((error != MPI_SUCCESS) || (state.version != after.version)) {
        return error;
    }
    view->version = state.version;
    view->last = found;
    view->copy_count = (view->list == view->copy) ? state.count : 0;
    *is_valid_p = true;
    return (region != NULL) ? MPI_SUCCESS : MPI_ERR_RMA_RANGE;
}

int rsmi_view_find(rsmi_view_t *view, const rsmi_window_t *window, int rank,
                   uint64_t at)
{
    rsmi_wait_t wait = {0};
    bool is_valid = false;
    int error;

    for (;;) {
        error = view_read(view, &window->targets[rank], at, &is_valid);
        if ((error != MPI_SUCCESS) || is_valid) {
            return error;
        }
        error = rsmi_wait_turn(&wait, window, rank);
        if (error != MPI_SUCCESS) {
            return error;
        }
    }
}
