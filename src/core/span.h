/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that every access passes, in the documented order, and the end of an
 * access in implicit mode. Part of the data path: inline, no lock, no system
 * call, nothing written. */
#ifndef RSMI_SPAN_H
#define RSMI_SPAN_H

#include "core/import.h"

/* Which error a range outside the accessible bytes is. */
RSMI_COLD int rsmi_span_refusal(rsmi_import_t *import, off_t offset);

RSMI_INLINE int rsmi_span_check_range(rsmi_import_t *import, off_t offset,
                                      size_t len)
{
    size_t low = atomic_load_explicit(&import->low, memory_order_relaxed);
    size_t high = atomic_load_explicit(&import->high, memory_order_relaxed);
    size_t start = (size_t)offset;

    if (rsmi_unlikely((start < low) || (start > high) ||
                      (len > high - start))) {
        return rsmi_span_refusal(import, offset);
    }
    return RSM_SUCCESS;
}

RSMI_INLINE bool rsmi_span_is_implicit(const rsmi_import_t *import)
{
    return atomic_load_explicit(&import->door.mode, memory_order_relaxed) ==
           (uint32_t)RSM_BARRIER_MODE_IMPLICIT;
}

/* The connection stands, the right was granted, the range is inside. */
RSMI_INLINE int rsmi_span_check(rsmi_import_t *import, off_t offset, size_t len,
                                rsm_permission_t perm)
{
    if (rsmi_unlikely(!rsmi_import_stands(import))) {
        return RSMERR_CONN_ABORTED;
    }
    if (rsmi_unlikely((perm & ~import->perm) != 0)) {
        return RSMERR_PERM_DENIED;
    }
    return rsmi_span_check_range(import, offset, len);
}

/* An implicit close: loads are complete when their values are here; stores
 * have to be visible before the exporter is looked at once more. */
RSMI_INLINE int rsmi_span_settle(const rsmi_door_t *door, bool was_stored)
{
    if (was_stored) {
        rsmi_door_fence();
    }
    return rsmi_likely(rsmi_door_stands(door)) ? RSM_SUCCESS
                                               : RSMERR_CONN_ABORTED;
}

/* The same after an atomic operation, which on x86 is a fence itself; elsewhere
 * its store may still follow the loads behind it. */
RSMI_INLINE int rsmi_span_settle_atomic(const rsmi_door_t *door)
{
#if defined(__x86_64__)
    return rsmi_span_settle(door, false);
#else
    return rsmi_span_settle(door, true);
#endif
}

/* What an access is compared with: the size of the way it wants to go. */
RSMI_INLINE size_t rsmi_span_size(const rsmi_door_t *door, bool is_put)
{
    return is_put ? atomic_load_explicit(&door->put_size, memory_order_relaxed)
                  : atomic_load_explicit(&door->get_size, memory_order_relaxed);
}

/* The end of an access. Only that of a put in implicit mode is a statement
 * about stores. */
RSMI_INLINE int rsmi_span_end(const rsmi_door_t *door, bool is_put)
{
    bool is_implicit =
        is_put &&
        rsmi_likely(atomic_load_explicit(&door->mode, memory_order_relaxed) ==
                    (uint32_t)RSM_BARRIER_MODE_IMPLICIT);

    return rsmi_span_settle(door, is_implicit);
}

#endif
