/* SPDX-License-Identifier: BSD-3-Clause */
/* The forms that return a request. Accesses are done by then, so any request
 * that is complete will do; receiving from nobody gives one that costs the MPI
 * library no memory, however many the program holds. */
#include "shim_remote.h"
#include "shim_rma.h"

/* Requests belong to passive epochs. */
static int request_check(rsmi_window_t *window, int rank,
                         const MPI_Request *request)
{
    if (request == NULL) {
        return MPI_ERR_REQUEST;
    }
    return (((unsigned)rank >= (unsigned)window->size) ||
            rsmi_epoch_is_passive(window, rank))
               ? MPI_SUCCESS
               : MPI_ERR_RMA_SYNC;
}

static int request_finish(rsmi_window_t *window, int error,
                          MPI_Request *request)
{
    if (error == MPI_SUCCESS) {
        error = PMPI_Irecv(NULL, 0, MPI_BYTE, MPI_PROC_NULL, 0, MPI_COMM_SELF,
                           request);
    }
    return rsmi_window_finish(window, error);
}

int MPI_Rput(const void *origin_addr, int origin_count,
             MPI_Datatype origin_datatype, int target_rank,
             MPI_Aint target_disp, int target_count,
             MPI_Datatype target_datatype, MPI_Win win, MPI_Request *request)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t from = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_there_t to = {target_rank, target_disp, target_count, target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Rput(origin_addr, origin_count, origin_datatype,
                         target_rank, target_disp, target_count,
                         target_datatype, win, request);
    }
    error = request_check(window, target_rank, request);
    if (error == MPI_SUCCESS) {
        error = rsmi_rma_put(window, &from, &to);
    }
    return request_finish(window, error, request);
}
RSMI_PROFILED(Rput);

int MPI_Rget(void *origin_addr, int origin_count, MPI_Datatype origin_datatype,
             int target_rank, MPI_Aint target_disp, int target_count,
             MPI_Datatype target_datatype, MPI_Win win, MPI_Request *request)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t to = {origin_addr, origin_count, origin_datatype};
    rsmi_there_t from = {target_rank, target_disp, target_count,
                         target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Rget(origin_addr, origin_count, origin_datatype,
                         target_rank, target_disp, target_count,
                         target_datatype, win, request);
    }
    error = request_check(window, target_rank, request);
    if (error == MPI_SUCCESS) {
        error = rsmi_rma_get(window, &to, &from);
        error = rsmi_remote_fetched(window, target_rank, error);
    }
    return request_finish(window, error, request);
}
RSMI_PROFILED(Rget);

int MPI_Raccumulate(const void *origin_addr, int origin_count,
                    MPI_Datatype origin_datatype, int target_rank,
                    MPI_Aint target_disp, int target_count,
                    MPI_Datatype target_datatype, MPI_Op op, MPI_Win win,
                    MPI_Request *request)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t origin = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_there_t there = {target_rank, target_disp, target_count,
                          target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Raccumulate(origin_addr, origin_count, origin_datatype,
                                target_rank, target_disp, target_count,
                                target_datatype, op, win, request);
    }
    error = request_check(window, target_rank, request);
    if (error == MPI_SUCCESS) {
        error = rsmi_rma_accumulate(window, &origin, NULL, &there, op);
    }
    return request_finish(window, error, request);
}
RSMI_PROFILED(Raccumulate);

int MPI_Rget_accumulate(const void *origin_addr, int origin_count,
                        MPI_Datatype origin_datatype, void *result_addr,
                        int result_count, MPI_Datatype result_datatype,
                        int target_rank, MPI_Aint target_disp, int target_count,
                        MPI_Datatype target_datatype, MPI_Op op, MPI_Win win,
                        MPI_Request *request)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t origin = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_buffer_t result = {result_addr, result_count, result_datatype};
    rsmi_there_t there = {target_rank, target_disp, target_count,
                          target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Rget_accumulate(origin_addr, origin_count, origin_datatype,
                                    result_addr, result_count, result_datatype,
                                    target_rank, target_disp, target_count,
                                    target_datatype, op, win, request);
    }
    error = request_check(window, target_rank, request);
    if (error == MPI_SUCCESS) {
        error = rsmi_rma_accumulate(window, &origin, &result, &there, op);
        error = rsmi_remote_fetched(window, target_rank, error);
    }
    return request_finish(window, error, request);
}
RSMI_PROFILED(Rget_accumulate);
