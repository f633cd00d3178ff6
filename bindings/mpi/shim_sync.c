/* SPDX-License-Identifier: BSD-3-Clause */
/* Active target: fence, and post/start/complete/wait. Signals are counters in
 * control blocks that only grow; each side remembers how far it has used them
 * up. */
#include "shim_job.h"
#include "shim_remote.h"

#include <stdlib.h>

enum {
    SYNC_FENCE_MODES = MPI_MODE_NOSTORE | MPI_MODE_NOPUT | MPI_MODE_NOPRECEDE |
                       MPI_MODE_NOSUCCEED,
    SYNC_POST_MODES = MPI_MODE_NOCHECK | MPI_MODE_NOSTORE | MPI_MODE_NOPUT
};

static int sync_fence(rsmi_window_t *window, int assert)
{
    int error;

    if ((assert & ~SYNC_FENCE_MODES) != 0) {
        return MPI_ERR_ASSERT;
    }
    if (rsmi_epoch_has_locks(window) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
        (window->started_count >= 0) || (window->exposed_count >= 0)) {
        return MPI_ERR_RMA_SYNC;
    }
    error = rsmi_remote_complete_all(window);
    if (error == MPI_SUCCESS) {
        error = rsmi_wait_fence(window);
    }
    if (error == MPI_SUCCESS) {
        rsmi_epoch_set_open(window, ((assert &MPI_MODE_NOSUCCEED) != 0)
                                        ? RSMI_OPEN_NOT
                                        : RSMI_OPEN_FENCE);
    }
    return error;
}

/* Small groups are the ones whose epochs are short. */
enum { SYNC_FEW = 16 };

static int sync_translate_to(const rsmi_window_t *window, MPI_Group group,
                             int size, int *from, int *ranks)
{
    int i, error;

    for (i = 0; i < size; ++i) {
        from[i] = i;
    }
    error = PMPI_Group_translate_ranks(group, size, from, window->group, ranks);
    for (i = 0; (i < size) && (error == MPI_SUCCESS); ++i) {
        if (ranks[i] == MPI_UNDEFINED) {
            error = MPI_ERR_GROUP;
        }
    }
    return error;
}

/* Ranks of the window in the order of the group. */
static int sync_translate(const rsmi_window_t *window, MPI_Group group,
                          int *ranks, int *count_p)
{
    int few[SYNC_FEW], *many, size, error;

    if ((group == MPI_GROUP_NULL) || ((const void *)group == NULL)) {
        return MPI_ERR_GROUP;
    }
    error = PMPI_Group_size(group, &size);
    if ((error != MPI_SUCCESS) || (size > window->size)) {
        return MPI_ERR_GROUP;
    }
    *count_p = size;
    if (size <= SYNC_FEW) {
        return sync_translate_to(window, group, size, few, ranks);
    }
    many = malloc((size_t)size * sizeof(*many));
    if (many == NULL) {
        return MPI_ERR_NO_MEM;
    }
    error = sync_translate_to(window, group, size, many, ranks);
    free(many);
    return error;
}

/* The signal of this rank at @p rank, which no other one writes. */
static int sync_tell(const rsmi_window_t *window, int rank, size_t signal,
                     uint64_t count)
{
    return rsmi_remote_store(&window->targets[rank],
                             offsetof(rsmi_control_t, signals) +
                                 (size_t)window->rank * sizeof(rsmi_signals_t) +
                                 signal,
                             count);
}

static int sync_post(rsmi_window_t *window, MPI_Group group, int assert)
{
    int i, rank, count, error;

    if ((assert & ~SYNC_POST_MODES) != 0) {
        return MPI_ERR_ASSERT;
    }
    if (window->exposed_count >= 0) {
        return MPI_ERR_RMA_SYNC;
    }
    error = sync_translate(window, group, window->exposed, &count);
    if (error != MPI_SUCCESS) {
        return error;
    }
    window->exposed_count = count;
    for (i = 0; (i < count) && (error == MPI_SUCCESS); ++i) {
        rank = window->exposed[i];
        error = sync_tell(window, rank, offsetof(rsmi_signals_t, posts),
                          ++window->counts[rank].posts_sent);
    }
    return error;
}

static int sync_await_post(rsmi_window_t *window, int rank)
{
    rsmi_control_t *own = window->targets[window->rank].control;
    rsmi_wait_t wait = {0};
    int error;

    while (
        atomic_load_explicit(&own->signals[rank].posts, memory_order_acquire) ==
        window->counts[rank].posts_seen) {
        error = rsmi_wait_turn(&wait, window, rank);
        if (error != MPI_SUCCESS) {
            return error;
        }
    }
    ++window->counts[rank].posts_seen;
    return MPI_SUCCESS;
}

/* Posts are awaited here and not at the first access, which stays free of it.
 * MPI_MODE_NOCHECK says that they have happened, so it changes nothing. */
static int sync_start(rsmi_window_t *window, MPI_Group group, int assert)
{
    int i, count, error;

    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if ((window->started_count >= 0) || rsmi_epoch_has_locks(window) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED)) {
        return MPI_ERR_RMA_SYNC;
    }
    error = sync_translate(window, group, window->started, &count);
    for (i = 0; (i < count) && (error == MPI_SUCCESS); ++i) {
        error = sync_await_post(window, window->started[i]);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    rsmi_epoch_set_open(window, RSMI_OPEN_NOT);
    for (i = 0; i < count; ++i) {
        rsmi_epoch_set_access(window, window->started[i], RSMI_ACCESS_STARTED);
    }
    window->started_count = count;
    return MPI_SUCCESS;
}

static int sync_complete(rsmi_window_t *window)
{
    int i, rank, error, result = MPI_SUCCESS;

    if (window->started_count < 0) {
        return MPI_ERR_RMA_SYNC;
    }
    for (i = 0; i < window->started_count; ++i) {
        rank = window->started[i];
        rsmi_epoch_set_access(window, rank, RSMI_ACCESS_NONE);
        error = rsmi_remote_complete(&window->targets[rank]);
        result = (error == MPI_SUCCESS) ? result : error;
        error = sync_tell(window, rank, offsetof(rsmi_signals_t, completes),
                          ++window->counts[rank].completes_sent);
        result = (error == MPI_SUCCESS) ? result : error;
        error = rsmi_remote_check(&window->targets[rank]);
        result = (error == MPI_SUCCESS) ? result : error;
    }
    window->started_count = -1;
    return result;
}

/* Ends the exposure epoch if all have completed theirs. */
static bool sync_is_over(rsmi_window_t *window)
{
    rsmi_control_t *own = window->targets[window->rank].control;
    int i, rank;

    for (i = 0; i < window->exposed_count; ++i) {
        rank = window->exposed[i];
        if (atomic_load_explicit(&own->signals[rank].completes,
                                 memory_order_acquire) ==
            window->counts[rank].completes_seen) {
            return false;
        }
    }
    for (i = 0; i < window->exposed_count; ++i) {
        ++window->counts[window->exposed[i]].completes_seen;
    }
    window->exposed_count = -1;
    return true;
}

static int sync_wait(rsmi_window_t *window)
{
    rsmi_wait_t wait = {0};
    int error = MPI_SUCCESS;

    if (window->exposed_count < 0) {
        return MPI_ERR_RMA_SYNC;
    }
    while ((error == MPI_SUCCESS) && !sync_is_over(window)) {
        error = rsmi_wait_turn(&wait, window, -1);
    }
    return error;
}

int MPI_Win_fence(int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return (window == NULL)
               ? PMPI_Win_fence(assert, win)
               : rsmi_window_finish(window, sync_fence(window, assert));
}
RSMI_PROFILED(Win_fence);

int MPI_Win_post(MPI_Group group, int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return (window == NULL)
               ? PMPI_Win_post(group, assert, win)
               : rsmi_window_finish(window, sync_post(window, group, assert));
}
RSMI_PROFILED(Win_post);

int MPI_Win_start(MPI_Group group, int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return (window == NULL)
               ? PMPI_Win_start(group, assert, win)
               : rsmi_window_finish(window, sync_start(window, group, assert));
}
RSMI_PROFILED(Win_start);

int MPI_Win_complete(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return (window == NULL) ? PMPI_Win_complete(win)
                            : rsmi_window_finish(window, sync_complete(window));
}
RSMI_PROFILED(Win_complete);

int MPI_Win_wait(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return (window == NULL) ? PMPI_Win_wait(win)
                            : rsmi_window_finish(window, sync_wait(window));
}
RSMI_PROFILED(Win_wait);

int MPI_Win_test(MPI_Win win, int *flag)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error = MPI_SUCCESS;

    if (window == NULL) {
        return PMPI_Win_test(win, flag);
    }
    if (flag == NULL) {
        return rsmi_window_fail(window, MPI_ERR_ARG);
    }
    if (window->exposed_count < 0) {
        return rsmi_window_fail(window, MPI_ERR_RMA_SYNC);
    }
    *flag = sync_is_over(window);
    if (!*flag) {
        error = rsmi_wait_look(&window->tests, window);
    }
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_test);
