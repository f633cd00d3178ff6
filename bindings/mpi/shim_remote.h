/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a target, whichever way leads there: loads and stores where it is
 * mapped, calls of librsm where it is on another host or shared with others
 * already. What is mapped is dealt with in place, the rest out of line. */
#ifndef RSMI_SHIM_REMOTE_H
#define RSMI_SHIM_REMOTE_H

#include "shim_window.h"

/* --- words of the control block: done when the call returns ----------------- */

int rsmi_remote_far_add(const rsmi_target_t *target, size_t field,
                        uint64_t value, uint64_t *old_p);
int rsmi_remote_far_read(const rsmi_target_t *target, size_t field, void *to,
                         size_t size);
int rsmi_remote_far_swap(const rsmi_target_t *target, size_t field,
                         uint64_t value);
int rsmi_remote_far_compare(const rsmi_target_t *target, size_t field,
                            uint64_t *expected, uint64_t desired);
int rsmi_remote_far_compare32(const rsmi_target_t *target, size_t field,
                              uint32_t *expected, uint32_t desired);
int rsmi_remote_far_swap32(const rsmi_target_t *target, size_t field,
                           uint32_t value);

static inline void *rsmi_remote_word(const rsmi_target_t *target, size_t field)
{
    return (char *)target->control + field;
}

static inline int rsmi_remote_add(const rsmi_target_t *target, size_t field,
                                  uint64_t value, uint64_t *old_p)
{
    if (rsmi_unlikely(target->control == NULL)) {
        return rsmi_remote_far_add(target, field, value, old_p);
    }
    *old_p = atomic_fetch_add(
        (_Atomic uint64_t *)rsmi_remote_word(target, field), value);
    return MPI_SUCCESS;
}

/* What came before is there first. A plain store: the next access need not wait
 * until the line has come here. */
static inline int rsmi_remote_store(const rsmi_target_t *target, size_t field,
                                    uint64_t value)
{
    if (rsmi_unlikely(target->control == NULL)) {
        return rsmi_remote_far_swap(target, field, value);
    }
    atomic_store_explicit((_Atomic uint64_t *)rsmi_remote_word(target, field),
                          value, memory_order_release);
    return MPI_SUCCESS;
}

/* Leaves in *@p expected what was there. */
static inline int rsmi_remote_compare(const rsmi_target_t *target, size_t field,
                                      uint64_t *expected, uint64_t desired)
{
    if (rsmi_unlikely(target->control == NULL)) {
        return rsmi_remote_far_compare(target, field, expected, desired);
    }
    (void)atomic_compare_exchange_strong(
        (_Atomic uint64_t *)rsmi_remote_word(target, field), expected, desired);
    return MPI_SUCCESS;
}

static inline int rsmi_remote_compare32(const rsmi_target_t *target,
                                        size_t field, uint32_t *expected,
                                        uint32_t desired)
{
    if (rsmi_unlikely(target->control == NULL)) {
        return rsmi_remote_far_compare32(target, field, expected, desired);
    }
    (void)atomic_compare_exchange_strong(
        (_Atomic uint32_t *)rsmi_remote_word(target, field), expected, desired);
    return MPI_SUCCESS;
}

/* The same. */
static inline int rsmi_remote_store32(const rsmi_target_t *target, size_t field,
                                      uint32_t value)
{
    if (rsmi_unlikely(target->control == NULL)) {
        return rsmi_remote_far_swap32(target, field, value);
    }
    atomic_store_explicit((_Atomic uint32_t *)rsmi_remote_word(target, field),
                          value, memory_order_release);
    return MPI_SUCCESS;
}

/* --- the window's memory, where it is not mapped ----------------------------- */

/* A connection that accesses go through until it is forgotten. */
int rsmi_remote_open(rsmi_target_t *target);
void rsmi_remote_close(rsmi_target_t *target);

/* Not withdrawn, as far as this process has been told. */
bool rsmi_remote_is_connected(const rsmi_target_t *target);

/* Bytes at an offset of the segment. A get is done when the call returns, a put
 * once it is completed. */
int rsmi_remote_put(rsmi_target_t *target, uint64_t offset, const void *from,
                    size_t size);
int rsmi_remote_get(rsmi_target_t *target, uint64_t offset, void *to,
                    size_t size);
int rsmi_remote_far_complete(rsmi_target_t *target);

/* All puts are in the target's memory. */
static inline int rsmi_remote_complete(rsmi_target_t *target)
{
    return rsmi_unlikely((target->far != NULL) ||
                         (atomic_load_explicit(&target->regions,
                                               memory_order_relaxed) != NULL))
               ? rsmi_remote_far_complete(target)
               : MPI_SUCCESS;
}
int rsmi_remote_complete_all(rsmi_window_t *window);

/* Whether the connection stands. A get of nothing only asks. */
static inline int rsmi_remote_ask(rsm_memseg_import_handle_t import,
                                  uint64_t offset)
{
    char nothing;

    return rsmi_likely((import == NULL) ||
                       (rsm_memseg_import_get(import, (off_t)offset, &nothing,
                                              0) == RSM_SUCCESS))
               ? MPI_SUCCESS
               : MPI_ERR_OTHER;
}

/* Whether the target lives, and who holds its memory. Loads and stores succeed
 * in any case: the pages of the dead are replaced by blank ones. */
static inline int rsmi_remote_check(const rsmi_target_t *target)
{
    int error = rsmi_remote_ask(target->control_import, target->control_offset);

    if (rsmi_likely((error != MPI_SUCCESS) || (target->holder == NULL))) {
        return error;
    }
    return rsmi_remote_ask(target->holder, 0);
}

/* The same of all of them. */
int rsmi_remote_check_all(const rsmi_window_t *window);

/* The end of an access of result @p error that fetched something, where no flush
 * comes any more to say so. */
static inline int rsmi_remote_fetched(const rsmi_window_t *window, int rank,
                                      int error)
{
    return ((error == MPI_SUCCESS) && (rank != MPI_PROC_NULL))
               ? rsmi_remote_check(&window->targets[rank])
               : error;
}

/* Complete, and at a target that lives: what went to the memory of a dead one
 * is lost and said to be. */
int rsmi_remote_conclude_any(rsmi_target_t *target) RSMI_COLD;
static inline int rsmi_remote_conclude(rsmi_target_t *target)
{
    if (rsmi_unlikely((target->far != NULL) || (target->holder != NULL) ||
                      (atomic_load_explicit(&target->regions,
                                            memory_order_relaxed) != NULL))) {
        return rsmi_remote_conclude_any(target);
    }
    return rsmi_remote_ask(target->control_import, target->control_offset);
}
int rsmi_remote_conclude_all(rsmi_window_t *window);

#endif
