/* SPDX-License-Identifier: BSD-3-Clause */
/* Passive target. The lock is a word of the target's control block:
 *
 *     bit 63      held exclusively
 *     bits 32-62  how many wait to hold it exclusively
 *     bits 0-31   how many hold it shared
 *
 * Those who come to share step back while somebody waits to hold it alone, who
 * would otherwise never find it free.
 *
 * The lock of a target that dies becomes one that nobody holds. Who has waited
 * asks whether it is this which let him in; who has not learns it when he
 * unlocks. */
#include "shim_job.h"
#include "shim_remote.h"

#include <string.h>

#define LOCK_ALONE  (UINT64_C(1) << 63)
#define LOCK_WAITER (UINT64_C(1) << 32)
#define LOCK_SHARED UINT64_C(1)

static const size_t lock_field = offsetof(rsmi_control_t, lock);

static int lock_add(const rsmi_window_t *window, int rank, uint64_t value,
                    uint64_t *former_p)
{
    return rsmi_remote_add(&window->targets[rank], lock_field, value, former_p);
}

static int lock_subtract(const rsmi_window_t *window, int rank, uint64_t value)
{
    uint64_t former;

    return lock_add(window, rank, -value, &former);
}

/* Whether it is the target's death that let us in. Who holds the memory does not
 * matter: the lock is the target's. */
static int lock_check(const rsmi_window_t *window, int rank)
{
    const rsmi_target_t *target = &window->targets[rank];

    return rsmi_remote_ask(target->control_import, target->control_offset);
}

/* @p word: what the lock held when last seen, and holds now. */
static int lock_try_alone(const rsmi_window_t *window, int rank, uint64_t *word,
                          bool *is_taken_p)
{
    uint64_t expected = *word & ~LOCK_ALONE & ~(LOCK_WAITER - 1);
    int error;

    *word = expected;
    error = rsmi_remote_compare(&window->targets[rank], lock_field, word,
                                expected - LOCK_WAITER + LOCK_ALONE);
    *is_taken_p = (error == MPI_SUCCESS) && (*word == expected);
    return error;
}

RSMI_COLD static int lock_wait_alone(const rsmi_window_t *window, int rank)
{
    rsmi_wait_t wait = {0};
    bool is_taken = false;
    uint64_t word;
    int error;

    error = lock_add(window, rank, LOCK_WAITER, &word);
    if (error != MPI_SUCCESS) {
        return error;
    }
    word += LOCK_WAITER;
    for (;;) {
        error = lock_try_alone(window, rank, &word, &is_taken);
        if (is_taken) {
            return lock_check(window, rank);
        }
        if (error == MPI_SUCCESS) {
            error = rsmi_wait_turn(&wait, window, -1);
        }
        if (error != MPI_SUCCESS) {
            (void)lock_subtract(window, rank, LOCK_WAITER);
            return error;
        }
    }
}

static int lock_take_alone(const rsmi_window_t *window, int rank)
{
    uint64_t word = 0;
    int error;

    error = rsmi_remote_compare(&window->targets[rank], lock_field, &word,
                                LOCK_ALONE);
    if (rsmi_unlikely((error == MPI_SUCCESS) && (word != 0))) {
        return lock_wait_alone(window, rank);
    }
    return error;
}

/* Its share is taken already, and has to be given back meanwhile. */
RSMI_COLD static int lock_wait_shared(const rsmi_window_t *window, int rank,
                                      uint64_t word)
{
    rsmi_wait_t wait = {0};
    int error;

    for (;;) {
        error = lock_subtract(window, rank, LOCK_SHARED);
        while ((error == MPI_SUCCESS) && (word >= LOCK_WAITER)) {
            error = rsmi_wait_turn(&wait, window, -1);
            if (error == MPI_SUCCESS) {
                error = lock_add(window, rank, 0, &word);
            }
        }
        if (error == MPI_SUCCESS) {
            error = lock_add(window, rank, LOCK_SHARED, &word);
        }
        if (error != MPI_SUCCESS) {
            return error;
        }
        if (word < LOCK_WAITER) {
            return lock_check(window, rank);
        }
    }
}

static int lock_take_shared(const rsmi_window_t *window, int rank)
{
    uint64_t word;
    int error = lock_add(window, rank, LOCK_SHARED, &word);

    if (rsmi_unlikely((error == MPI_SUCCESS) && (word >= LOCK_WAITER))) {
        return lock_wait_shared(window, rank, word);
    }
    return error;
}

static int lock_begin(rsmi_window_t *window, int type, int rank, int assert)
{
    rsmi_access_t state = RSMI_ACCESS_UNCHECKED;
    int error = MPI_SUCCESS;

    if (rsmi_unlikely(rank == MPI_PROC_NULL)) {
        return MPI_SUCCESS;
    }
    if (rsmi_unlikely((type != MPI_LOCK_SHARED) &&
                      (type != MPI_LOCK_EXCLUSIVE))) {
        return MPI_ERR_LOCKTYPE;
    }
    if (rsmi_unlikely((unsigned)rank >= (unsigned)window->size)) {
        return MPI_ERR_RANK;
    }
    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if ((rsmi_epoch_access(window, rank) != RSMI_ACCESS_NONE) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
        window->started.is_open) {
        return MPI_ERR_RMA_SYNC;
    }
    if ((assert &MPI_MODE_NOCHECK) == 0) {
        state = (type == MPI_LOCK_SHARED) ? RSMI_ACCESS_SHARED
                                          : RSMI_ACCESS_EXCLUSIVE;
        error = (type == MPI_LOCK_SHARED) ? lock_take_shared(window, rank)
                                          : lock_take_alone(window, rank);
    }
    if (rsmi_likely(error == MPI_SUCCESS)) {
        /* A fence began nothing after all. */
        rsmi_epoch_set_open(window, RSMI_OPEN_NOT);
        rsmi_epoch_set_access(window, rank, state);
    }
    return error;
}

static int lock_end(rsmi_window_t *window, int rank)
{
    rsmi_access_t state;
    int error;

    if (rsmi_unlikely((unsigned)rank >= (unsigned)window->size)) {
        return (rank == MPI_PROC_NULL) ? MPI_SUCCESS : MPI_ERR_RANK;
    }
    state = rsmi_epoch_access(window, rank);
    if ((state == RSMI_ACCESS_NONE) || (state == RSMI_ACCESS_STARTED)) {
        return MPI_ERR_RMA_SYNC;
    }
    rsmi_epoch_set_access(window, rank, RSMI_ACCESS_NONE);
    error = rsmi_remote_conclude(&window->targets[rank]);
    if (state == RSMI_ACCESS_UNCHECKED) {
        atomic_thread_fence(memory_order_seq_cst);
    } else if (lock_subtract(window, rank,
                             (state == RSMI_ACCESS_EXCLUSIVE)
                                 ? LOCK_ALONE
                                 : LOCK_SHARED) != MPI_SUCCESS) {
        error = MPI_ERR_OTHER;
    }
    return error;
}

static int lock_begin_all(rsmi_window_t *window, int assert)
{
    int i, error = MPI_SUCCESS;

    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if (rsmi_epoch_has_locks(window) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
        window->started.is_open) {
        return MPI_ERR_RMA_SYNC;
    }
    if ((assert &MPI_MODE_NOCHECK) != 0) {
        rsmi_epoch_set_open(window, RSMI_OPEN_UNCHECKED);
        return MPI_SUCCESS;
    }
    for (i = 0; (i < window->size) && (error == MPI_SUCCESS); ++i) {
        error = lock_take_shared(window, i);
    }
    if (error == MPI_SUCCESS) {
        rsmi_epoch_set_open(window, RSMI_OPEN_LOCKED);
        return MPI_SUCCESS;
    }
    for (i -= 2; i >= 0; --i) {
        (void)lock_subtract(window, i, LOCK_SHARED);
    }
    return error;
}

static int lock_end_all(rsmi_window_t *window)
{
    rsmi_open_t state = rsmi_epoch_open(window);
    int i, error;

    if (state < RSMI_OPEN_LOCKED) {
        return MPI_ERR_RMA_SYNC;
    }
    rsmi_epoch_set_open(window, RSMI_OPEN_NOT);
    atomic_thread_fence(memory_order_seq_cst);
    error = rsmi_remote_conclude_all(window);
    for (i = 0; (state == RSMI_OPEN_LOCKED) && (i < window->size); ++i) {
        if (lock_subtract(window, i, LOCK_SHARED) != MPI_SUCCESS) {
            error = MPI_ERR_OTHER;
        }
    }
    return error;
}

int MPI_Win_lock(int lock_type, int rank, int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_lock(lock_type, rank, assert, win);
    }
    error = lock_begin(window, lock_type, rank, assert);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_lock);

int MPI_Win_unlock(int rank, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_unlock(rank, win);
    }
    error = lock_end(window, rank);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_unlock);

int MPI_Win_lock_all(int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_lock_all(assert, win);
    }
    error = lock_begin_all(window, assert);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_lock_all);

int MPI_Win_unlock_all(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_unlock_all(win);
    }
    error = lock_end_all(window);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_unlock_all);
