/* SPDX-License-Identifier: BSD-3-Clause */
/* The accumulates of single words: counters, locks, pointers. What programs call
 * most is straight, with the word's lock taken in place; all the rest, what is
 * wrong included, is a call of the same arguments, out of the way. */
#include "shim_accumulate.h"

#include <string.h>

/* Adds to a counter of four or eight bytes; @p result may be NULL. */
static inline void word_count(const rsmi_type_t *type, char *addr,
                              const void *origin, void *result)
{
    uint64_t wide, more;
    uint32_t narrow, some;

    if (type->word == sizeof(wide)) {
        memcpy(&wide, addr, sizeof(wide));
        memcpy(&more, origin, sizeof(more));
        if (result != NULL) {
            memcpy(result, &wide, sizeof(wide));
        }
        wide += more;
        memcpy(addr, &wide, sizeof(wide));
    } else {
        memcpy(&narrow, addr, sizeof(narrow));
        memcpy(&some, origin, sizeof(some));
        if (result != NULL) {
            memcpy(result, &narrow, sizeof(narrow));
        }
        narrow += some;
        memcpy(addr, &narrow, sizeof(narrow));
    }
}

/* What programs exchange are locks and pointers. */
static inline void word_exchange(const rsmi_type_t *type, char *addr,
                                 const void *origin, const void *compare,
                                 void *result)
{
    uint64_t wide, wanted;
    uint32_t narrow, asked;

    if (type->word == sizeof(wide)) {
        memcpy(&wide, addr, sizeof(wide));
        memcpy(&wanted, compare, sizeof(wanted));
        memcpy(result, &wide, sizeof(wide));
        if (wide == wanted) {
            memcpy(addr, origin, sizeof(wide));
        }
    } else {
        memcpy(&narrow, addr, sizeof(narrow));
        memcpy(&asked, compare, sizeof(asked));
        memcpy(result, &narrow, sizeof(narrow));
        if (narrow == asked) {
            memcpy(addr, origin, sizeof(narrow));
        }
    }
}

/* The lock of the share in which the bytes at @p disp begin. */
static inline size_t word_field(const rsmi_window_t *window, int rank,
                                MPI_Aint disp)
{
    return rsmi_shard_field((uint64_t)(disp * window->targets[rank].disp_unit));
}

/* --- the calls ----------------------------------------------------------------- */

__attribute__((noinline)) static int word_accumulate_any(
    const void *origin_addr, int origin_count, MPI_Datatype origin_datatype,
    int target_rank, MPI_Aint target_disp, int target_count,
    MPI_Datatype target_datatype, MPI_Op op, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t origin = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_there_t there = {target_rank, target_disp, target_count,
                          target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Accumulate(origin_addr, origin_count, origin_datatype,
                               target_rank, target_disp, target_count,
                               target_datatype, op, win);
    }
    if ((origin_datatype != target_datatype) ||
        (origin_count != target_count) ||
        !rsmi_rma_accumulate_plain(window, origin_addr, &there, op, &error)) {
        error = rsmi_rma_accumulate(window, &origin, NULL, &there, op);
    }
    return rsmi_window_finish(window, error);
}

int MPI_Accumulate(const void *origin_addr, int origin_count,
                   MPI_Datatype origin_datatype, int target_rank,
                   MPI_Aint target_disp, int target_count,
                   MPI_Datatype target_datatype, MPI_Op op, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_recall(win);
    const rsmi_type_t *type = rsmi_rma_type(target_datatype);
    size_t field, size;
    char *addr = NULL;
    int error;

    if (rsmi_likely((window != NULL) && (origin_datatype == target_datatype) &&
                    (origin_count == 1) && (target_count == 1) &&
                    (op == MPI_SUM))) {
        addr = rsmi_rma_plain(window, target_rank, target_disp, 1, type, &size);
    }
    if ((addr == NULL) || !type->is_counter) {
        return word_accumulate_any(origin_addr, origin_count, origin_datatype,
                                   target_rank, target_disp, target_count,
                                   target_datatype, op, win);
    }
    field = word_field(window, target_rank, target_disp);
    error = rsmi_shard_lock(window, target_rank, field);
    if (rsmi_likely(error == MPI_SUCCESS)) {
        word_count(type, addr, origin_addr, NULL);
        error = rsmi_shard_unlock(window, target_rank, field);
    }
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Accumulate);

/* What the calls below leave to the general way. */
__attribute__((noinline)) static int word_fetch_any(
    const void *origin_addr, void *result_addr, MPI_Datatype datatype,
    int target_rank, MPI_Aint target_disp, MPI_Op op, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_there_t there = {target_rank, target_disp, 1, datatype};

    if (window == NULL) {
        return PMPI_Fetch_and_op(origin_addr, result_addr, datatype,
                                 target_rank, target_disp, op, win);
    }
    return rsmi_window_finish(
        window, rsmi_rma_fetch(window, origin_addr, result_addr, &there, op));
}

int MPI_Fetch_and_op(const void *origin_addr, void *result_addr,
                     MPI_Datatype datatype, int target_rank,
                     MPI_Aint target_disp, MPI_Op op, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_recall(win);
    const rsmi_type_t *type = rsmi_rma_type(datatype);
    size_t field, size;
    char *addr = NULL;
    int error;

    if (rsmi_likely((window != NULL) && (op == MPI_SUM))) {
        addr = rsmi_rma_plain(window, target_rank, target_disp, 1, type, &size);
    }
    if (rsmi_unlikely((addr == NULL) || !type->is_counter)) {
        return word_fetch_any(origin_addr, result_addr, datatype, target_rank,
                              target_disp, op, win);
    }
    field = word_field(window, target_rank, target_disp);
    error = rsmi_shard_lock(window, target_rank, field);
    if (rsmi_likely(error == MPI_SUCCESS)) {
        word_count(type, addr, origin_addr, result_addr);
        error = rsmi_shard_unlock(window, target_rank, field);
    }
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Fetch_and_op);

__attribute__((noinline)) static int word_compare_any(
    const void *origin_addr, const void *compare_addr, void *result_addr,
    MPI_Datatype datatype, int target_rank, MPI_Aint target_disp, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_there_t there = {target_rank, target_disp, 1, datatype};
    int error;

    if (window == NULL) {
        return PMPI_Compare_and_swap(origin_addr, compare_addr, result_addr,
                                     datatype, target_rank, target_disp, win);
    }
    error = rsmi_rma_compare(window, origin_addr, compare_addr, result_addr,
                             &there);
    return rsmi_window_finish(window, error);
}

int MPI_Compare_and_swap(const void *origin_addr, const void *compare_addr,
                         void *result_addr, MPI_Datatype datatype,
                         int target_rank, MPI_Aint target_disp, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_recall(win);
    const rsmi_type_t *type = rsmi_rma_type(datatype);
    size_t field, size;
    char *addr = NULL;
    int error;

    if (rsmi_likely(window != NULL)) {
        addr = rsmi_rma_plain(window, target_rank, target_disp, 1, type, &size);
    }
    if (rsmi_unlikely((addr == NULL) || (type->word == 0))) {
        return word_compare_any(origin_addr, compare_addr, result_addr,
                                datatype, target_rank, target_disp, win);
    }
    field = word_field(window, target_rank, target_disp);
    error = rsmi_shard_lock(window, target_rank, field);
    if (rsmi_likely(error == MPI_SUCCESS)) {
        word_exchange(type, addr, origin_addr, compare_addr, result_addr);
        error = rsmi_shard_unlock(window, target_rank, field);
    }
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Compare_and_swap);
