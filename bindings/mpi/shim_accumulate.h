/* SPDX-License-Identifier: BSD-3-Clause */
/* What accumulates on mapped memory (shim_accumulate.c) and on memory far away
 * (shim_far.c) have in common: the locks of the shares of a target's memory,
 * and the buffers that take part. */
#ifndef RSMI_SHIM_ACCUMULATE_H
#define RSMI_SHIM_ACCUMULATE_H

#include "shim_remote.h"
#include "shim_rma.h"

/* Shares are dealt out in turns of this size. */
enum { RSMI_SHARD_SHIFT = 14, RSMI_SHARD_BYTES = 1 << RSMI_SHARD_SHIFT };

/* Shares side by side, beginning with a multiple of this many, that are worked
 * on together: to take a lock waits for all stores before. */
enum { RSMI_BATCH_SHARDS = 4, RSMI_BATCH_BYTES = 4 * RSMI_SHARD_BYTES };

typedef struct {
    rsmi_cursor_t target, origin, result;
    bool has_origin, has_result;
} rsmi_walk_t;

/* Waits for a lock that @p holder (a rank and 1) has at present. */
int rsmi_shard_wait(const rsmi_window_t *window, int rank, size_t field,
                    uint32_t holder) RSMI_COLD;

/* The lock of the share that begins at or before @p where. */
static inline size_t rsmi_shard_field(uint64_t where)
{
    rsmi_control_t *none = NULL;

    return offsetof(rsmi_control_t, shards) +
           (where >> RSMI_SHARD_SHIFT) % RSMI_SHARDS * sizeof(none->shards[0]);
}

/* How much of a run of @p size bytes lies in one share, or batch of them, of @p
 * whole bytes: an element belongs to the one in which it begins. */
static inline size_t rsmi_shard_part(uint64_t where, size_t element,
                                     size_t size, size_t whole)
{
    size_t part = whole - (where & (whole - 1));

    if (part >= size) {
        return size;
    }
    part = (part + element - 1) / element * element;
    return (part < size) ? part : size;
}

static inline int rsmi_shard_lock(const rsmi_window_t *window, int rank,
                                  size_t field)
{
    uint32_t holder = 0;
    int error;

    error = rsmi_remote_compare32(&window->targets[rank], field, &holder,
                                  (uint32_t)window->rank + 1);
    if (rsmi_unlikely((error == MPI_SUCCESS) && (holder != 0))) {
        return rsmi_shard_wait(window, rank, field, holder);
    }
    return error;
}

static inline int rsmi_shard_unlock(const rsmi_window_t *window, int rank,
                                    size_t field)
{
    return rsmi_remote_store32(&window->targets[rank], field, 0);
}

/* The general ways. The first one is for the same dense type on both sides;
 * false: not that simple, or wrong. */
bool rsmi_rma_accumulate_plain(const rsmi_window_t *window, const void *origin,
                               const rsmi_there_t *there, MPI_Op op,
                               int *error_p);
int rsmi_rma_fetch(rsmi_window_t *window, const void *origin, void *result,
                   const rsmi_there_t *there, MPI_Op op);
int rsmi_rma_compare(rsmi_window_t *window, const void *origin,
                     const void *compare, void *result,
                     const rsmi_there_t *there);

/* All elements of the target. Padding within an element is a part of it, and has
 * to be attached with it. */
int rsmi_far_accumulate(rsmi_window_t *window, int rank,
                        const rsmi_reach_t *reach, rsmi_walk_t *walk,
                        MPI_Op op);

/* One element, with the lock of its share held. */
int rsmi_far_exchange(rsmi_window_t *window, int rank,
                      const rsmi_reach_t *reach, const void *origin,
                      const void *compare, void *result);

#endif
