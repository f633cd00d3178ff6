/* SPDX-License-Identifier: BSD-3-Clause */
/* Passive target. The lock is a word of the target's control block:
 *
 *     bit 63      held exclusively
 *     bits 32-62  how many wait to hold it exclusively
 *     bits 0-31   how many hold it shared
 *
 * Those who come to share step back while somebody waits to hold it alone, who
 * would otherwise never find it free. */
#include "shim_job.h"

#include <string.h>

#define LOCK_ALONE  (UINT64_C(1) << 63)
#define LOCK_WAITER (UINT64_C(1) << 32)
#define LOCK_SHARED UINT64_C(1)

static bool lock_try_alone(_Atomic uint64_t *lock, uint64_t gives)
{
    uint64_t word = atomic_load_explicit(lock, memory_order_relaxed);

    return ((word & LOCK_ALONE) == 0) && ((uint32_t)word == 0) &&
           atomic_compare_exchange_strong(lock, &word,
                                          word + LOCK_ALONE - gives);
}

static int lock_take_alone(const rsmi_window_t *window, int rank)
{
    _Atomic uint64_t *lock = &window->targets[rank].control->lock;
    rsmi_wait_t wait = {0};
    uint64_t free_word = 0;
    int error;

    if (atomic_compare_exchange_strong(lock, &free_word, LOCK_ALONE)) {
        return MPI_SUCCESS;
    }
    (void)atomic_fetch_add(lock, LOCK_WAITER);
    while (!lock_try_alone(lock, LOCK_WAITER)) {
        error = rsmi_wait_turn(&wait, window, -1);
        if (error != MPI_SUCCESS) {
            (void)atomic_fetch_sub(lock, LOCK_WAITER);
            return error;
        }
    }
    return MPI_SUCCESS;
}

static int lock_take_shared(const rsmi_window_t *window, int rank)
{
    _Atomic uint64_t *lock = &window->targets[rank].control->lock;
    rsmi_wait_t wait = {0};
    int error;

    for (;;) {
        if (atomic_fetch_add(lock, LOCK_SHARED) < LOCK_WAITER) {
            return MPI_SUCCESS;
        }
        (void)atomic_fetch_sub(lock, LOCK_SHARED);
        do {
            error = rsmi_wait_turn(&wait, window, -1);
            if (error != MPI_SUCCESS) {
                return error;
            }
        } while (atomic_load_explicit(lock, memory_order_relaxed) >=
                 LOCK_WAITER);
    }
}

static int lock_begin(rsmi_window_t *window, int type, int rank, int assert)
{
    uint8_t state = RSMI_ACCESS_UNCHECKED;
    int error = MPI_SUCCESS;

    if (rank == MPI_PROC_NULL) {
        return MPI_SUCCESS;
    }
    if ((type != MPI_LOCK_SHARED) && (type != MPI_LOCK_EXCLUSIVE)) {
        return MPI_ERR_LOCKTYPE;
    }
    if ((unsigned)rank >= (unsigned)window->size) {
        return MPI_ERR_RANK;
    }
    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if ((window->access[rank] != RSMI_ACCESS_NONE) ||
        (window->open >= RSMI_OPEN_LOCKED) || (window->started_count >= 0)) {
        return MPI_ERR_RMA_SYNC;
    }
    if ((assert &MPI_MODE_NOCHECK) == 0) {
        state = (type == MPI_LOCK_SHARED) ? RSMI_ACCESS_SHARED
                                          : RSMI_ACCESS_EXCLUSIVE;
        error = (type == MPI_LOCK_SHARED) ? lock_take_shared(window, rank)
                                          : lock_take_alone(window, rank);
    }
    if (error == MPI_SUCCESS) {
        window->open = RSMI_OPEN_NOT; /* a fence began nothing after all */
        window->access[rank] = state;
        (void)atomic_fetch_add_explicit(&window->locks, 1,
                                        memory_order_relaxed);
    }
    return error;
}

static int lock_end(rsmi_window_t *window, int rank)
{
    uint8_t state;

    if (rank == MPI_PROC_NULL) {
        return MPI_SUCCESS;
    }
    if ((unsigned)rank >= (unsigned)window->size) {
        return MPI_ERR_RANK;
    }
    state = window->access[rank];
    if ((state == RSMI_ACCESS_NONE) || (state == RSMI_ACCESS_STARTED)) {
        return MPI_ERR_RMA_SYNC;
    }
    window->access[rank] = RSMI_ACCESS_NONE;
    (void)atomic_fetch_sub_explicit(&window->locks, 1, memory_order_relaxed);
    if (state == RSMI_ACCESS_UNCHECKED) {
        atomic_thread_fence(memory_order_seq_cst);
    } else {
        (void)atomic_fetch_sub(&window->targets[rank].control->lock,
                               (state == RSMI_ACCESS_EXCLUSIVE) ? LOCK_ALONE
                                                                : LOCK_SHARED);
    }
    return MPI_SUCCESS;
}

static int lock_begin_all(rsmi_window_t *window, int assert)
{
    int i, error = MPI_SUCCESS;

    if ((assert & ~MPI_MODE_NOCHECK) != 0) {
        return MPI_ERR_ASSERT;
    }
    if ((window->locks != 0) || (window->open >= RSMI_OPEN_LOCKED) ||
        (window->started_count >= 0)) {
        return MPI_ERR_RMA_SYNC;
    }
    if ((assert &MPI_MODE_NOCHECK) != 0) {
        window->open = RSMI_OPEN_UNCHECKED;
        return MPI_SUCCESS;
    }
    for (i = 0; (i < window->size) && (error == MPI_SUCCESS); ++i) {
        error = lock_take_shared(window, i);
    }
    if (error == MPI_SUCCESS) {
        window->open = RSMI_OPEN_LOCKED;
        return MPI_SUCCESS;
    }
    for (i -= 2; i >= 0; --i) {
        (void)atomic_fetch_sub(&window->targets[i].control->lock, LOCK_SHARED);
    }
    return error;
}

static int lock_end_all(rsmi_window_t *window)
{
    uint8_t state = window->open;
    int i;

    if (state < RSMI_OPEN_LOCKED) {
        return MPI_ERR_RMA_SYNC;
    }
    window->open = RSMI_OPEN_NOT;
    atomic_thread_fence(memory_order_seq_cst);
    for (i = 0; (state == RSMI_OPEN_LOCKED) && (i < window->size); ++i) {
        (void)atomic_fetch_sub(&window->targets[i].control->lock, LOCK_SHARED);
    }
    return MPI_SUCCESS;
}

int MPI_Win_lock(int lock_type, int rank, int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_lock(lock_type, rank, assert, win);
    }
    error = lock_begin(window, lock_type, rank, assert);
    return rsmi_likely(error == MPI_SUCCESS) ? MPI_SUCCESS
                                             : rsmi_window_fail(window, error);
}

int MPI_Win_unlock(int rank, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_unlock(rank, win);
    }
    error = lock_end(window, rank);
    return rsmi_likely(error == MPI_SUCCESS) ? MPI_SUCCESS
                                             : rsmi_window_fail(window, error);
}

int MPI_Win_lock_all(int assert, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_lock_all(assert, win);
    }
    error = lock_begin_all(window, assert);
    return rsmi_likely(error == MPI_SUCCESS) ? MPI_SUCCESS
                                             : rsmi_window_fail(window, error);
}

int MPI_Win_unlock_all(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_unlock_all(win);
    }
    error = lock_end_all(window);
    return rsmi_likely(error == MPI_SUCCESS) ? MPI_SUCCESS
                                             : rsmi_window_fail(window, error);
}
