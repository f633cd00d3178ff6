/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion within a passive epoch. Accesses of mapped memory are done when
 * their call returns; what remains is that later loads, of whichever memory,
 * come after them, and to say so if the target has died. */
#include "shim_remote.h"

static int flush_check(rsmi_window_t *window, int rank)
{
    if (rsmi_unlikely((unsigned)rank >= (unsigned)window->size)) {
        return (rank == MPI_PROC_NULL) ? MPI_SUCCESS : MPI_ERR_RANK;
    }
    return rsmi_likely(rsmi_epoch_is_passive(window, rank)) ? MPI_SUCCESS
                                                            : MPI_ERR_RMA_SYNC;
}

static inline int flush_one(rsmi_window_t *window, int rank)
{
    int error = flush_check(window, rank);

    if (rsmi_likely((error == MPI_SUCCESS) && (rank != MPI_PROC_NULL))) {
        atomic_thread_fence(memory_order_seq_cst);
        error = rsmi_remote_conclude(&window->targets[rank]);
    }
    return rsmi_window_finish(window, error);
}

static bool flush_is_open(const rsmi_window_t *window)
{
    return (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
           rsmi_epoch_has_locks(window);
}

static int flush_all(rsmi_window_t *window)
{
    int error;

    if (rsmi_unlikely(!flush_is_open(window))) {
        return rsmi_window_fail(window, MPI_ERR_RMA_SYNC);
    }
    atomic_thread_fence(memory_order_seq_cst);
    error = rsmi_remote_conclude_all(window);
    return rsmi_window_finish(window, error);
}

/* Buffers are free when the calls return; but where something was fetched this
 * is the end of it, and says that it came from a target that lives. */
static int flush_local(rsmi_window_t *window, int rank)
{
    int error = flush_check(window, rank);

    return rsmi_window_finish(window, rsmi_remote_fetched(window, rank, error));
}

static int flush_local_all(rsmi_window_t *window)
{
    int error = flush_is_open(window) ? rsmi_remote_check_all(window)
                                      : MPI_ERR_RMA_SYNC;

    return rsmi_window_finish(window, error);
}

int MPI_Win_flush(int rank, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return rsmi_likely(window != NULL) ? flush_one(window, rank)
                                       : PMPI_Win_flush(rank, win);
}
RSMI_PROFILED(Win_flush);

int MPI_Win_flush_local(int rank, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return rsmi_likely(window != NULL) ? flush_local(window, rank)
                                       : PMPI_Win_flush_local(rank, win);
}
RSMI_PROFILED(Win_flush_local);

int MPI_Win_flush_all(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return rsmi_likely(window != NULL) ? flush_all(window)
                                       : PMPI_Win_flush_all(win);
}
RSMI_PROFILED(Win_flush_all);

int MPI_Win_flush_local_all(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    return rsmi_likely(window != NULL) ? flush_local_all(window)
                                       : PMPI_Win_flush_local_all(win);
}
RSMI_PROFILED(Win_flush_local_all);

/* The two copies of the unified model are one; only the processor has to be
 * told. */
int MPI_Win_sync(MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);

    if (window == NULL) {
        return PMPI_Win_sync(win);
    }
    atomic_thread_fence(memory_order_seq_cst);
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_sync);
