/* SPDX-License-Identifier: BSD-3-Clause */
/* Accumulates on memory that is not mapped: elements are fetched, changed and
 * put back while the lock of their share is held. A lock is kept as long as the
 * elements lie in its share, and completion is waited for once for all. */
#include "shim_accumulate.h"
#include "shim_op.h"
#include "shim_scatter.h"

#include <string.h>

typedef struct {
    const rsmi_window_t *window;
    int rank;
    rsmi_target_t *far;
    size_t field;
    bool is_held;
} far_lock_t;

static int far_release(far_lock_t *lock)
{
    int error, result;

    if (!lock->is_held) {
        return MPI_SUCCESS;
    }
    lock->is_held = false;
    result = rsmi_remote_complete(lock->far);
    error = rsmi_shard_unlock(lock->window, lock->rank, lock->field);
    return (result == MPI_SUCCESS) ? error : result;
}

static int far_hold(far_lock_t *lock, size_t field)
{
    int error;

    if (lock->is_held && (lock->field == field)) {
        return MPI_SUCCESS;
    }
    error = far_release(lock);
    if (error == MPI_SUCCESS) {
        error = rsmi_shard_lock(lock->window, lock->rank, field);
    }
    lock->field = field;
    lock->is_held = (error == MPI_SUCCESS);
    return error;
}

/* What lies side by side at the target need not do so in the buffers. */
static int far_change(rsmi_scatter_t *target, const rsmi_type_t *type,
                      rsmi_walk_t *walk, MPI_Op op, uint64_t offset,
                      size_t size)
{
    _Alignas(RSMI_LINE) char there[RSMI_SHARD_BYTES + RSMI_LINE];
    _Alignas(RSMI_LINE) char here[RSMI_SHARD_BYTES + RSMI_LINE];
    int error = MPI_SUCCESS;

    if (walk->has_result || (op != MPI_REPLACE)) {
        error = rsmi_scatter_get(target, offset, there, size);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    if (walk->has_result) {
        rsmi_cursor_write(&walk->result, there, size);
    }
    if (walk->has_origin) {
        rsmi_cursor_read(&walk->origin, here, size);
        rsmi_op_apply(op, type, there, here, size);
        error = rsmi_scatter_put(target, offset, there, size);
    }
    return error;
}

int rsmi_far_accumulate(rsmi_window_t *window, int rank,
                        const rsmi_reach_t *reach, rsmi_walk_t *walk, MPI_Op op)
{
    far_lock_t lock = {window, rank, reach->far, 0, false};
    rsmi_scatter_t target;
    uint64_t where;
    char *offset;
    size_t size;
    int error, end;

    error = rsmi_scatter_begin(&target, window, rank, reach, &walk->target);
    while ((error == MPI_SUCCESS) &&
           ((size = rsmi_cursor_run(&walk->target, &offset)) > 0)) {
        where = reach->where + (uint64_t)(offset - reach->addr);
        size = rsmi_shard_part(where, reach->type->element_size, size,
                               RSMI_SHARD_BYTES);
        error = far_hold(&lock, rsmi_shard_field(where));
        if (error == MPI_SUCCESS) {
            error = far_change(&target, reach->type, walk, op,
                               (uintptr_t)offset, size);
        }
        rsmi_cursor_advance(&walk->target, size);
    }
    end = far_release(&lock);
    return (error == MPI_SUCCESS) ? end : error;
}

int rsmi_far_exchange(rsmi_window_t *window, int rank,
                      const rsmi_reach_t *reach, const void *origin,
                      const void *compare, void *result)
{
    uint64_t offset = (uintptr_t)reach->addr;
    size_t size = reach->type->element_size;
    rsmi_scatter_t target;
    rsmi_cursor_t there;
    bool is_equal = false;
    char found[RSMI_LINE];
    int error;

    rsmi_cursor_begin(&there, reach->type, reach->addr, 1);
    error = rsmi_scatter_begin(&target, window, rank, reach, &there);
    if (error == MPI_SUCCESS) {
        error = rsmi_scatter_get(&target, offset, found, size);
    }
    if (error == MPI_SUCCESS) {
        /* The result may go to where the value to compare with is. */
        is_equal = memcmp(found, compare, size) == 0;
        memcpy(result, found, size);
    }
    if (is_equal) {
        error = rsmi_scatter_put(&target, offset, origin, size);
        if (error == MPI_SUCCESS) {
            error = rsmi_remote_complete(reach->far);
        }
    }
    return error;
}
