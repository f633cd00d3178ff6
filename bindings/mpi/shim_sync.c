/* SPDX-License-Identifier: BSD-3-Clause */
/* Active target: fence, and post/start/complete/wait. Signals are counters in
 * control blocks that only grow; each side remembers how far it has used them
 * up. */
#include "shim_group.h"
#include "shim_job.h"
#include "shim_remote.h"

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
        window->started.is_open || window->exposed.is_open) {
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
    rsmi_party_t *exposed = &window->exposed;
    int i, rank, error;

    if ((assert & ~SYNC_POST_MODES) != 0) {
        return MPI_ERR_ASSERT;
    }
    if (exposed->is_open) {
        return MPI_ERR_RMA_SYNC;
    }
    error = rsmi_party_find(exposed, window, group);
    if (error != MPI_SUCCESS) {
        return error;
    }
    exposed->is_open = true;
    for (i = 0; (i < exposed->size) && (error == MPI_SUCCESS); ++i) {
        rank = exposed->ranks[i];
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
    rsmi_party_t *started = &window->started;
    int i, error;

    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if (started->is_open || rsmi_epoch_has_locks(window) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED)) {
        return MPI_ERR_RMA_SYNC;
    }
    error = rsmi_party_find(started, window, group);
    for (i = 0; (error == MPI_SUCCESS) && (i < started->size); ++i) {
        error = sync_await_post(window, started->ranks[i]);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    rsmi_epoch_set_open(window, RSMI_OPEN_NOT);
    for (i = 0; i < started->size; ++i) {
        rsmi_epoch_set_access(window, started->ranks[i], RSMI_ACCESS_STARTED);
    }
    started->is_open = true;
    return MPI_SUCCESS;
}

static int sync_complete(rsmi_window_t *window)
{
    rsmi_party_t *started = &window->started;
    int i, rank, error, result = MPI_SUCCESS;

    if (!started->is_open) {
        return MPI_ERR_RMA_SYNC;
    }
    for (i = 0; i < started->size; ++i) {
        rank = started->ranks[i];
        rsmi_epoch_set_access(window, rank, RSMI_ACCESS_NONE);
        error = rsmi_remote_complete(&window->targets[rank]);
        result = (error == MPI_SUCCESS) ? result : error;
        error = sync_tell(window, rank, offsetof(rsmi_signals_t, completes),
                          ++window->counts[rank].completes_sent);
        result = (error == MPI_SUCCESS) ? result : error;
        error = rsmi_remote_check(&window->targets[rank]);
        result = (error == MPI_SUCCESS) ? result : error;
    }
    started->is_open = false;
    return result;
}

/* Ends the exposure epoch if all have completed theirs. */
static bool sync_is_over(rsmi_window_t *window)
{
    rsmi_control_t *own = window->targets[window->rank].control;
    rsmi_party_t *exposed = &window->exposed;
    int i, rank;

    for (i = 0; i < exposed->size; ++i) {
        rank = exposed->ranks[i];
        if (atomic_load_explicit(&own->signals[rank].completes,
                                 memory_order_acquire) ==
            window->counts[rank].completes_seen) {
            return false;
        }
    }
    for (i = 0; i < exposed->size; ++i) {
        ++window->counts[exposed->ranks[i]].completes_seen;
    }
    exposed->is_open = false;
    return true;
}

static int sync_wait(rsmi_window_t *window)
{
    rsmi_wait_t wait = {0};
    int error = MPI_SUCCESS;

    if (!window->exposed.is_open) {
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
    if (!window->exposed.is_open) {
        return rsmi_window_fail(window, MPI_ERR_RMA_SYNC);
    }
    *flag = sync_is_over(window);
    if (!*flag) {
        error = rsmi_wait_look(&window->tests, window);
    }
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_test);
