/* SPDX-License-Identifier: BSD-3-Clause */
/* Put and get: copies between the buffer and the target's memory, which where
 * it is mapped are done when the call returns. */
#include "shim_rma.h"

#include "shim_scatter.h"

#include <string.h>

/* Lowest and highest byte that @p count instances touch, from the address. */
static bool rma_span(const rsmi_type_t *type, int count, MPI_Aint *low_p,
                     MPI_Aint *high_p)
{
    MPI_Aint last;

    if (__builtin_mul_overflow((MPI_Aint)count - 1, type->extent, &last)) {
        return false;
    }
    *low_p = type->true_lb + ((last < 0) ? last : 0);
    return !__builtin_add_overflow(type->true_end, (last > 0) ? last : 0,
                                   high_p);
}

/* What lies in no region as a whole may still lie in several: whoever moves it
 * finds out. */
static int rma_locate_dynamic(rsmi_window_t *window, const rsmi_there_t *there,
                              MPI_Aint low, MPI_Aint high, rsmi_reach_t *reach)
{
    char *at = (char *)reach->where;
    rsmi_found_t found;
    int error;

    error = rsmi_dynamic_locate(window, there->rank, low, high, &found);
    if (rsmi_likely(error == MPI_SUCCESS)) {
        reach->addr = at + found.shift;
        reach->far = found.far;
        reach->import = found.import;
        reach->mapping = found.mapping;
    } else if (error == MPI_ERR_RMA_RANGE) {
        reach->addr = at;
        reach->far = &window->targets[there->rank];
        error = MPI_SUCCESS;
    }
    return error;
}

static int rma_locate(rsmi_window_t *window, const rsmi_there_t *there,
                      rsmi_reach_t *reach)
{
    rsmi_target_t *target = &window->targets[there->rank];
    MPI_Aint low, high, at;

    reach->far = NULL;
    reach->mapping = NULL;
    reach->is_empty = (there->count == 0) || (reach->type->size == 0);
    if (reach->is_empty) {
        return MPI_SUCCESS;
    }
    if (!rma_span(reach->type, there->count, &low, &high) ||
        __builtin_mul_overflow(there->disp, (MPI_Aint)target->disp_unit, &at) ||
        __builtin_add_overflow(low, at, &low) ||
        __builtin_add_overflow(high, at, &high)) {
        return MPI_ERR_RMA_RANGE;
    }
    reach->where = (uint64_t)at;
    if (window->flavor == MPI_WIN_FLAVOR_DYNAMIC) {
        return rma_locate_dynamic(window, there, low, high, reach);
    }
    if ((low < 0) || (high > target->size)) {
        return MPI_ERR_RMA_RANGE;
    }
    if (rsmi_unlikely(target->far != NULL)) {
        reach->far = target;
        reach->addr = (char *)target->head + at;
        return MPI_SUCCESS;
    }
    reach->addr = target->addr + at;
    reach->import = target->import;
    reach->mapping = target->mapping;
    return MPI_SUCCESS;
}

int rsmi_rma_reach(rsmi_window_t *window, const rsmi_there_t *there,
                   rsmi_reach_t *reach_p)
{
    int error;

    if (rsmi_unlikely((unsigned)there->rank >= (unsigned)window->size)) {
        reach_p->type = NULL;
        return (there->rank == MPI_PROC_NULL) ? MPI_SUCCESS : MPI_ERR_RANK;
    }
    if (rsmi_unlikely(there->count < 0)) {
        return MPI_ERR_COUNT;
    }
    error = rsmi_type_get(there->type, &reach_p->type);
    if (rsmi_unlikely(error != MPI_SUCCESS)) {
        return error;
    }
    if (rsmi_unlikely(!rsmi_epoch_is_any(window, there->rank))) {
        return MPI_ERR_RMA_SYNC;
    }
    if (rsmi_unlikely((there->disp < 0) &&
                      (window->flavor != MPI_WIN_FLAVOR_DYNAMIC))) {
        return MPI_ERR_DISP;
    }
    return rma_locate(window, there, reach_p);
}

/* Eight bytes are what most programs move at a time. */
static inline void rma_copy(void *to, const void *from, size_t size)
{
    if (size == sizeof(uint64_t)) {
        memcpy(to, from, sizeof(uint64_t));
    } else {
        memmove(to, from, size);
    }
}

static int rma_copy_large(rsm_memseg_import_handle_t import, off_t offset,
                          void *local, size_t size, bool is_put)
{
    int rc = is_put ? rsm_memseg_import_put(import, offset, local, size)
                    : rsm_memseg_import_get(import, offset, local, size);

    return (rc == RSM_SUCCESS) ? MPI_SUCCESS : MPI_ERR_OTHER;
}

static inline void rma_copy_small(char *remote, void *local, size_t size,
                                  bool is_put)
{
    if (is_put) {
        rma_copy(remote, local, size);
    } else {
        rma_copy(local, remote, size);
    }
}

int rsmi_rma_move_dense(const rsmi_reach_t *reach, void *local, size_t size,
                        bool is_put)
{
    if (rsmi_unlikely(size >= RSMI_LARGE) && (reach->mapping != NULL)) {
        return rma_copy_large(reach->import, reach->addr - reach->mapping,
                              local, size, is_put);
    }
    rma_copy_small(reach->addr, local, size, is_put);
    return MPI_SUCCESS;
}

/* Run by run: the buffer's and the target's seldom have the same lengths. */
static int rma_move_far(rsmi_scatter_t *target, rsmi_cursor_t *there,
                        rsmi_cursor_t *here, bool is_put)
{
    size_t size, other;
    char *local, *remote;
    int error;

    for (;;) {
        size = rsmi_cursor_run(there, &remote);
        other = rsmi_cursor_run(here, &local);
        size = (size < other) ? size : other;
        if (size == 0) {
            return MPI_SUCCESS;
        }
        error = is_put
                    ? rsmi_scatter_put(target, (uintptr_t)remote, local, size)
                    : rsmi_scatter_get(target, (uintptr_t)remote, local, size);
        if (error != MPI_SUCCESS) {
            return error;
        }
        rsmi_cursor_advance(there, size);
        rsmi_cursor_advance(here, size);
    }
}

/* Whatever is neither near nor dense. */
static int rma_move_runs(rsmi_window_t *window, const rsmi_buffer_t *buffer,
                         const rsmi_type_t *type, const rsmi_there_t *where,
                         const rsmi_reach_t *reach, bool is_put)
{
    rsmi_cursor_t here, there;
    rsmi_scatter_t target;
    int error;

    rsmi_cursor_begin(&here, rsmi_type_bytes(type), buffer->addr,
                      buffer->count);
    rsmi_cursor_begin(&there, rsmi_type_bytes(reach->type), reach->addr,
                      where->count);
    if (reach->far != NULL) {
        error = rsmi_scatter_begin(&target, window, where->rank, reach, &there);
        return (error == MPI_SUCCESS)
                   ? rma_move_far(&target, &there, &here, is_put)
                   : error;
    }
    if (is_put) {
        rsmi_cursor_copy(&there, &here);
    } else {
        rsmi_cursor_copy(&here, &there);
    }
    return MPI_SUCCESS;
}

static int rma_move(rsmi_window_t *window, const rsmi_buffer_t *buffer,
                    const rsmi_there_t *there, bool is_put)
{
    rsmi_type_t *type = NULL;
    rsmi_reach_t reach;
    size_t size;
    int error;

    error = rsmi_rma_reach(window, there, &reach);
    if (rsmi_unlikely((error != MPI_SUCCESS) || (reach.type == NULL))) {
        return error;
    }
    if (rsmi_unlikely(buffer->count < 0)) {
        return MPI_ERR_COUNT;
    }
    error = rsmi_type_get(buffer->type, &type);
    if (rsmi_unlikely(error != MPI_SUCCESS)) {
        return error;
    }
    size = (size_t)buffer->count * type->size;
    if (rsmi_unlikely(size != (size_t)there->count * reach.type->size)) {
        return MPI_ERR_SIZE;
    }
    if (rsmi_unlikely(size == 0)) {
        return MPI_SUCCESS;
    }
    if (rsmi_unlikely(!type->is_dense || !reach.type->is_dense ||
                      (reach.far != NULL))) {
        return rma_move_runs(window, buffer, type, there, &reach, is_put);
    }
    return rsmi_rma_move_dense(&reach, buffer->addr, size, is_put);
}

int rsmi_rma_put(rsmi_window_t *window, const rsmi_buffer_t *from,
                 const rsmi_there_t *to)
{
    return rma_move(window, from, to, true);
}

int rsmi_rma_get(rsmi_window_t *window, const rsmi_buffer_t *to,
                 const rsmi_there_t *from)
{
    return rma_move(window, to, from, false);
}

/* --- the calls ----------------------------------------------------------------
 *
 * What most programs do is straight and has no memory of its own: the same plain
 * type on both sides, less than large. All the rest, what is wrong included, is
 * a call of the same arguments. */

/* Sizes that are not worth their own instructions. */
__attribute__((noinline)) static int rma_copy_some(void *to, const void *from,
                                                   size_t size)
{
    memmove(to, from, size);
    return MPI_SUCCESS;
}

RSMI_COLD static int rma_put_any(const void *origin_addr, int origin_count,
                                 MPI_Datatype origin_datatype, int target_rank,
                                 MPI_Aint target_disp, int target_count,
                                 MPI_Datatype target_datatype, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t from = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_there_t to = {target_rank, target_disp, target_count, target_datatype};

    if (window == NULL) {
        return PMPI_Put(origin_addr, origin_count, origin_datatype, target_rank,
                        target_disp, target_count, target_datatype, win);
    }
    return rsmi_window_finish(window, rma_move(window, &from, &to, true));
}

int MPI_Put(const void *origin_addr, int origin_count,
            MPI_Datatype origin_datatype, int target_rank, MPI_Aint target_disp,
            int target_count, MPI_Datatype target_datatype, MPI_Win win)
{
    const rsmi_window_t *window = rsmi_window_recall(win);
    size_t size = 0;
    char *addr;

    if (rsmi_unlikely((window == NULL) ||
                      (origin_datatype != target_datatype) ||
                      (origin_count != target_count))) {
        goto any;
    }
    addr = rsmi_rma_plain(window, target_rank, target_disp, target_count,
                          rsmi_rma_type(target_datatype), &size);
    if (rsmi_unlikely((addr == NULL) || (size >= RSMI_LARGE))) {
        goto any;
    }
    if (rsmi_likely(size == sizeof(uint64_t))) {
        memcpy(addr, origin_addr, sizeof(uint64_t));
        return MPI_SUCCESS;
    }
    return rma_copy_some(addr, origin_addr, size);

any:
    return rma_put_any(origin_addr, origin_count, origin_datatype, target_rank,
                       target_disp, target_count, target_datatype, win);
}
RSMI_PROFILED(Put);

RSMI_COLD static int rma_get_any(void *origin_addr, int origin_count,
                                 MPI_Datatype origin_datatype, int target_rank,
                                 MPI_Aint target_disp, int target_count,
                                 MPI_Datatype target_datatype, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t to = {origin_addr, origin_count, origin_datatype};
    rsmi_there_t from = {target_rank, target_disp, target_count,
                         target_datatype};

    if (window == NULL) {
        return PMPI_Get(origin_addr, origin_count, origin_datatype, target_rank,
                        target_disp, target_count, target_datatype, win);
    }
    return rsmi_window_finish(window, rma_move(window, &to, &from, false));
}

int MPI_Get(void *origin_addr, int origin_count, MPI_Datatype origin_datatype,
            int target_rank, MPI_Aint target_disp, int target_count,
            MPI_Datatype target_datatype, MPI_Win win)
{
    const rsmi_window_t *window = rsmi_window_recall(win);
    size_t size = 0;
    char *addr;

    if (rsmi_unlikely((window == NULL) ||
                      (origin_datatype != target_datatype) ||
                      (origin_count != target_count))) {
        goto any;
    }
    addr = rsmi_rma_plain(window, target_rank, target_disp, target_count,
                          rsmi_rma_type(target_datatype), &size);
    if (rsmi_unlikely((addr == NULL) || (size >= RSMI_LARGE))) {
        goto any;
    }
    if (rsmi_likely(size == sizeof(uint64_t))) {
        memcpy(origin_addr, addr, sizeof(uint64_t));
        return MPI_SUCCESS;
    }
    return rma_copy_some(origin_addr, addr, size);

any:
    return rma_get_any(origin_addr, origin_count, origin_datatype, target_rank,
                       target_disp, target_count, target_datatype, win);
}
RSMI_PROFILED(Get);
