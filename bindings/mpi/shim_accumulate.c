/* SPDX-License-Identifier: BSD-3-Clause */
/* Accumulates. All of them, the fetching and comparing ones included, exclude
 * each other by locks in the target's control block, one for each share of the
 * target's memory. A lock that is free costs as much as one atomic operation,
 * and while it is held whole cache lines are worked on with vector code, which
 * operations on single elements would have to forgo. */
#include "shim_accumulate.h"

#include "shim_job.h"
#include "shim_op.h"

#include <string.h>

/* The holder may be waiting for this core, or have died with the lock: then it
 * is ours. */
int rsmi_shard_wait(const rsmi_window_t *window, int rank, size_t field,
                    uint32_t holder)
{
    const rsmi_target_t *target = &window->targets[rank];
    uint32_t own = (uint32_t)window->rank + 1, found;
    rsmi_wait_t wait = {0};
    int error;

    for (;;) {
        /* Its own rank is another thread's, which cannot have died alone. */
        error = rsmi_wait_turn(&wait, window, (int)holder - 1);
        found = (error != MPI_SUCCESS) ? holder : 0;
        holder = found;
        error = rsmi_remote_compare32(target, field, &holder, own);
        if ((error != MPI_SUCCESS) || (holder == found)) {
            return error;
        }
        if (holder == 0) {
            holder = own; /* it was given back meanwhile; nobody to blame */
        }
    }
}

/* --- runs ---------------------------------------------------------------------- */

/* Elements side by side at the target, in the buffers, or NULL there. */
typedef struct {
    char *target; /* far: an offset */
    const char *origin;
    char *result;
    uint64_t where;
    size_t size;
} accumulate_run_t;

/* Counters are what most programs fetch. */
static inline void accumulate_copy(char *to, const char *from, size_t size)
{
    if (size == sizeof(uint64_t)) {
        memcpy(to, from, sizeof(uint64_t));
    } else if (size == sizeof(uint32_t)) {
        memcpy(to, from, sizeof(uint32_t));
    } else {
        memcpy(to, from, size);
    }
}

/* A part of a run, with its locks held. */
static inline void accumulate_near(MPI_Op op, const rsmi_type_t *type,
                                   const accumulate_run_t *run, size_t size)
{
    if (run->result != NULL) {
        accumulate_copy(run->result, run->target, size);
    }
    if (run->origin != NULL) {
        rsmi_op_apply(op, type, run->target, run->origin, size);
    }
}

/* The first @p count locks from that of @p first on. */
static int accumulate_give_back(const rsmi_window_t *window, int rank,
                                uint64_t first, unsigned count)
{
    int error = MPI_SUCCESS;

    while ((count-- > 0) && (error == MPI_SUCCESS)) {
        error = rsmi_shard_unlock(window, rank, rsmi_shard_field(first));
        first += RSMI_SHARD_BYTES;
    }
    return error;
}

/* Of a batch all ranks take the locks in the same order, and of no second one:
 * they cannot wait for each other in a circle. */
static int accumulate_part(const rsmi_window_t *window, int rank,
                           const rsmi_type_t *type, MPI_Op op,
                           const accumulate_run_t *run, size_t size)
{
    uint64_t at = run->where / RSMI_SHARD_BYTES * RSMI_SHARD_BYTES;
    uint64_t last = run->where | (RSMI_BATCH_BYTES - 1), first = at;
    int error = MPI_SUCCESS, end;
    unsigned count = 0;

    /* The last element may reach into the next batch, and belongs to this. */
    last = (run->where + size - 1 < last) ? run->where + size - 1 : last;
    for (; at <= last; at += RSMI_SHARD_BYTES, ++count) {
        error = rsmi_shard_lock(window, rank, rsmi_shard_field(at));
        if (rsmi_unlikely(error != MPI_SUCCESS)) {
            break;
        }
    }
    if (rsmi_likely(error == MPI_SUCCESS)) {
        accumulate_near(op, type, run, size);
    }
    end = accumulate_give_back(window, rank, first, count);
    return rsmi_likely(error == MPI_SUCCESS) ? end : error;
}

static int accumulate_run(const rsmi_window_t *window, int rank,
                          const rsmi_type_t *type, MPI_Op op,
                          accumulate_run_t run)
{
    size_t some;
    int error;

    while (run.size > 0) {
        some = rsmi_shard_part(run.where, type->element_size, run.size,
                               RSMI_BATCH_BYTES);
        error = accumulate_part(window, rank, type, op, &run, some);
        if (rsmi_unlikely(error != MPI_SUCCESS)) {
            return error;
        }
        run.result += (run.result != NULL) ? some : 0;
        run.origin += (run.origin != NULL) ? some : 0;
        run.target += some;
        run.where += some;
        run.size -= some;
    }
    return MPI_SUCCESS;
}

static int accumulate_walk(const rsmi_window_t *window, int rank,
                           const rsmi_reach_t *reach, rsmi_walk_t *walk,
                           MPI_Op op)
{
    accumulate_run_t run = {0};
    int error = MPI_SUCCESS;
    char *addr;
    size_t size;

    while ((error == MPI_SUCCESS) &&
           ((run.size = rsmi_cursor_run(&walk->target, &run.target)) > 0)) {
        if (walk->has_origin) {
            size = rsmi_cursor_run(&walk->origin, &addr);
            run.size = (size < run.size) ? size : run.size;
            run.origin = addr;
        }
        if (walk->has_result) {
            size = rsmi_cursor_run(&walk->result, &run.result);
            run.size = (size < run.size) ? size : run.size;
        }
        if (run.size == 0) {
            break;
        }
        run.where = reach->where + (uint64_t)(run.target - reach->addr);
        error = accumulate_run(window, rank, reach->type, op, run);
        rsmi_cursor_advance(&walk->target, run.size);
        if (walk->has_origin) {
            rsmi_cursor_advance(&walk->origin, run.size);
        }
        if (walk->has_result) {
            rsmi_cursor_advance(&walk->result, run.size);
        }
    }
    return error;
}

/* --- the call ------------------------------------------------------------------ */

/* A buffer must hold as many elements of the same kind as the target's. */
static int accumulate_open(const rsmi_buffer_t *buffer,
                           const rsmi_there_t *there, const rsmi_type_t *type,
                           rsmi_cursor_t *cursor)
{
    rsmi_type_t *own = NULL;
    int error;

    if (buffer->count < 0) {
        return MPI_ERR_COUNT;
    }
    error = rsmi_type_get(buffer->type, &own);
    if (error != MPI_SUCCESS) {
        return error;
    }
    if ((size_t)buffer->count * own->size !=
        (size_t)there->count * type->size) {
        return MPI_ERR_SIZE;
    }
    if ((own->element_class == RSMI_CLASS_MIXED) ||
        ((own->size > 0) && ((own->element_class != type->element_class) ||
                             (own->element_size != type->element_size)))) {
        return MPI_ERR_TYPE;
    }
    rsmi_cursor_begin(cursor, own, buffer->addr, buffer->count);
    return MPI_SUCCESS;
}

int rsmi_rma_accumulate(rsmi_window_t *window, const rsmi_buffer_t *origin,
                        const rsmi_buffer_t *result, const rsmi_there_t *there,
                        MPI_Op op)
{
    rsmi_walk_t walk;
    rsmi_reach_t reach;
    int error;

    error = rsmi_rma_reach(window, there, &reach);
    if ((error != MPI_SUCCESS) || (reach.type == NULL)) {
        return error;
    }
    if (reach.type->element_class == RSMI_CLASS_MIXED) {
        return MPI_ERR_TYPE;
    }
    error = rsmi_op_check(op, reach.type, result != NULL);
    if (error != MPI_SUCCESS) {
        return error;
    }
    walk.has_origin = (op != MPI_NO_OP);
    walk.has_result = (result != NULL);
    if (walk.has_origin) {
        error = accumulate_open(origin, there, reach.type, &walk.origin);
    }
    if (walk.has_result && (error == MPI_SUCCESS)) {
        error = accumulate_open(result, there, reach.type, &walk.result);
    }
    if ((error != MPI_SUCCESS) || reach.is_empty) {
        return error;
    }
    rsmi_cursor_begin(&walk.target, reach.type, reach.addr, there->count);
    return (reach.far == NULL)
               ? accumulate_walk(window, there->rank, &reach, &walk, op)
               : rsmi_far_accumulate(window, there->rank, &reach, &walk, op);
}

bool rsmi_rma_accumulate_plain(const rsmi_window_t *window, const void *origin,
                               const rsmi_there_t *there, MPI_Op op,
                               int *error_p)
{
    const rsmi_type_t *type =
        rsmi_table_find(&rsmi_types, (const void *)there->type);
    accumulate_run_t run = {.origin = origin};

    run.target = rsmi_rma_plain(window, there->rank, there->disp, there->count,
                                type, &run.size);
    if ((run.target == NULL) || (run.size == 0) ||
        (type->element_class == RSMI_CLASS_MIXED) ||
        (rsmi_op_check(op, type, false) != MPI_SUCCESS)) {
        return false;
    }
    run.where =
        (uint64_t)(there->disp * window->targets[there->rank].disp_unit);
    *error_p = accumulate_run(window, there->rank, type, op, run);
    return true;
}

int MPI_Get_accumulate(const void *origin_addr, int origin_count,
                       MPI_Datatype origin_datatype, void *result_addr,
                       int result_count, MPI_Datatype result_datatype,
                       int target_rank, MPI_Aint target_disp, int target_count,
                       MPI_Datatype target_datatype, MPI_Op op, MPI_Win win)
{
    rsmi_window_t *window = rsmi_window_find(win);
    rsmi_buffer_t origin = {(void *)origin_addr, origin_count, origin_datatype};
    rsmi_buffer_t result = {result_addr, result_count, result_datatype};
    rsmi_there_t there = {target_rank, target_disp, target_count,
                          target_datatype};
    int error;

    if (window == NULL) {
        return PMPI_Get_accumulate(origin_addr, origin_count, origin_datatype,
                                   result_addr, result_count, result_datatype,
                                   target_rank, target_disp, target_count,
                                   target_datatype, op, win);
    }
    error = rsmi_rma_accumulate(window, &origin, &result, &there, op);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Get_accumulate);

/* --- single elements ----------------------------------------------------------- */

static bool accumulate_is_predefined(const rsmi_type_t *type)
{
    return (const void *)type->element ==
           atomic_load_explicit(&type->entry.key, memory_order_relaxed);
}

static int accumulate_fetch_far(rsmi_window_t *window, const void *origin,
                                void *result, const rsmi_reach_t *reach,
                                const rsmi_there_t *there, MPI_Op op)
{
    rsmi_walk_t walk = {.has_origin = (op != MPI_NO_OP), .has_result = true};

    rsmi_cursor_begin(&walk.target, reach->type, reach->addr, 1);
    rsmi_cursor_begin(&walk.origin, reach->type, origin, 1);
    rsmi_cursor_begin(&walk.result, reach->type, result, 1);
    return rsmi_far_accumulate(window, there->rank, reach, &walk, op);
}

/* Copies what is there before the operation. */
static int accumulate_fetch_near(rsmi_window_t *window, const void *origin,
                                 void *result, int rank, MPI_Op op,
                                 const rsmi_type_t *type, char *addr,
                                 size_t field)
{
    const accumulate_run_t run = {.target = addr,
                                  .origin = (op == MPI_NO_OP) ? NULL : origin,
                                  .result = result};
    int error = rsmi_shard_lock(window, rank, field);

    if (rsmi_unlikely(error != MPI_SUCCESS)) {
        return error;
    }
    accumulate_near(op, type, &run, type->element_size);
    return rsmi_shard_unlock(window, rank, field);
}

int rsmi_rma_fetch(rsmi_window_t *window, const void *origin, void *result,
                   const rsmi_there_t *there, MPI_Op op)
{
    rsmi_reach_t reach;
    int error;

    error = rsmi_rma_reach(window, there, &reach);
    if ((error != MPI_SUCCESS) || (reach.type == NULL)) {
        return error;
    }
    if (!accumulate_is_predefined(reach.type)) {
        return MPI_ERR_TYPE;
    }
    error = rsmi_op_check(op, reach.type, true);
    if ((error != MPI_SUCCESS) || reach.is_empty) {
        return error;
    }
    if (reach.far != NULL) {
        return accumulate_fetch_far(window, origin, result, &reach, there, op);
    }
    return accumulate_fetch_near(window, origin, result, there->rank, op,
                                 reach.type, reach.addr,
                                 rsmi_shard_field(reach.where));
}

/* The result may go to where the value to compare with is, as with the functions
 * of C. */
static void accumulate_exchange(char *addr, const void *origin,
                                const void *compare, void *result, size_t size)
{
    bool is_equal = memcmp(addr, compare, size) == 0;

    memcpy(result, addr, size);
    if (is_equal) {
        memcpy(addr, origin, size);
    }
}

int rsmi_rma_compare(rsmi_window_t *window, const void *origin,
                     const void *compare, void *result,
                     const rsmi_there_t *there)
{
    rsmi_reach_t reach;
    size_t field, size;
    int error, end;

    error = rsmi_rma_reach(window, there, &reach);
    if (rsmi_unlikely((error != MPI_SUCCESS) || (reach.type == NULL))) {
        return error;
    }
    if (rsmi_unlikely(!accumulate_is_predefined(reach.type) ||
                      (reach.type->element_class == RSMI_CLASS_PAIR))) {
        return MPI_ERR_TYPE;
    }
    field = rsmi_shard_field(reach.where);
    error = rsmi_shard_lock(window, there->rank, field);
    if (rsmi_unlikely(error != MPI_SUCCESS)) {
        return error;
    }
    size = reach.type->element_size;
    if (rsmi_unlikely(reach.far != NULL)) {
        error = rsmi_far_exchange(window, there->rank, &reach, origin, compare,
                                  result);
    } else {
        accumulate_exchange(reach.addr, origin, compare, result, size);
    }
    end = rsmi_shard_unlock(window, there->rank, field);
    return rsmi_likely(error == MPI_SUCCESS) ? end : error;
}
