/* SPDX-License-Identifier: BSD-3-Clause */
/* What put, get and the accumulates have in common: from the arguments of the
 * call to addresses in this process. */
#ifndef RSMI_SHIM_RMA_H
#define RSMI_SHIM_RMA_H

#include "shim_dynamic.h"
#include "shim_type.h"
#include "shim_view.h"
#include "shim_window.h"

/* The three arguments that describe memory, as they stand. */
typedef struct {
    void *addr;
    int count;
    MPI_Datatype type;
} rsmi_buffer_t;

typedef struct {
    int rank;
    MPI_Aint disp;
    int count;
    MPI_Datatype type;
} rsmi_there_t;

/* The target's memory, mapped here; or far away, and then the address is the
 * offset in its segment; or scattered over regions of a dynamic window, and then
 * it is the one in the target (shim_scatter.h). */
typedef struct {
    rsmi_type_t *type;
    rsmi_target_t *far; /* NULL: mapped; scattered: the target itself */
    bool is_empty;      /* no data at all */
    char *addr;         /* of the first instance */
    uint64_t where;     /* the same in words of the target: offset or address */
    rsm_memseg_import_handle_t import; /* for large pieces */
    char *mapping;                     /* of it, NULL: none */
} rsmi_reach_t;

/* MPI_SUCCESS, and nothing to do when @p reach_p->type is NULL
 * (MPI_PROC_NULL), or the class of what is wrong. */
int rsmi_rma_reach(rsmi_window_t *window, const rsmi_there_t *there,
                   rsmi_reach_t *reach_p);

/* Moves data between a buffer and the target. */
int rsmi_rma_put(rsmi_window_t *window, const rsmi_buffer_t *from,
                 const rsmi_there_t *to);
int rsmi_rma_get(rsmi_window_t *window, const rsmi_buffer_t *to,
                 const rsmi_there_t *from);

/* Between dense memory and mapped pages. */
int rsmi_rma_move_dense(const rsmi_reach_t *reach, void *local, size_t size,
                        bool is_put);

/* Accumulates (shim_accumulate.c); @p result may be NULL. */
int rsmi_rma_accumulate(rsmi_window_t *window, const rsmi_buffer_t *origin,
                        const rsmi_buffer_t *result, const rsmi_there_t *there,
                        MPI_Op op);

/* NULL: not one that was used just now. */
static inline const rsmi_type_t *rsmi_rma_type(MPI_Datatype handle)
{
    return rsmi_table_recall(&rsmi_types, (const void *)handle);
}

/* The same for what was found last in a dynamic window. */
static inline char *rsmi_rma_plain_dynamic(const rsmi_target_t *target,
                                           MPI_Aint at, size_t size)
{
    uint64_t from = (uint64_t)at;
    intptr_t shift;

    return ((target->view != NULL) &&
            rsmi_view_hits(&target->view->hit, target->control, from,
                           from + size, &shift))
               ? (char *)(at + shift)
               : NULL;
}

/* Most programs move the same plain type from here to there. Where its @p count
 * instances are at the target, in *@p size_p bytes, if that is all there is to
 * it and nothing is wrong; NULL: the general way finds out. */
static inline char *rsmi_rma_plain(const rsmi_window_t *window, int rank,
                                   MPI_Aint disp, int count,
                                   const rsmi_type_t *type, size_t *size_p)
{
    const rsmi_target_t *target;
    MPI_Aint at;
    size_t size;

    if (rsmi_unlikely((type == NULL) || (count <= 0) || !type->is_dense ||
                      ((unsigned)rank >= (unsigned)window->size) ||
                      !rsmi_epoch_is_any(window, rank))) {
        return NULL;
    }
    target = &window->targets[rank];
    size = (size_t)(unsigned)count * type->size;
    *size_p = size;
    if (rsmi_unlikely(
            __builtin_mul_overflow(disp, (MPI_Aint)target->disp_unit, &at))) {
        return NULL;
    }
    /* In a dynamic window no rank has any size. */
    if (((size_t)at >= (size_t)target->size) ||
        (size > (size_t)target->size - (size_t)at) || (target->addr == NULL)) {
        return rsmi_rma_plain_dynamic(target, at, size);
    }
    return target->addr + at;
}

#endif
