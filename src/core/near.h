/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses on RSMI_PATH_SHM: UCX copies between memory of this process and
 * pages that this process has mapped, and is done when its call returns. So
 * there is nothing to count and nobody to wait for; all this may stand inside a
 * section, like an access to a view. Part of the data path. */
#ifndef RSMI_NEAR_H
#define RSMI_NEAR_H

#include "core/span.h"

/* The import that has the door; for those that are far. */
RSMI_INLINE rsmi_import_t *rsmi_near_import(const rsmi_door_t *door)
{
    return (rsmi_import_t *)((uintptr_t)door - offsetof(rsmi_import_t, door));
}

/* What an access is compared with; 0: it has to take the long way. */
RSMI_INLINE size_t rsmi_near_size(const rsmi_far_t *far, bool is_put)
{
    return is_put ? atomic_load_explicit(&far->put_size, memory_order_relaxed)
                  : atomic_load_explicit(&far->get_size, memory_order_relaxed);
}

RSMI_INLINE int rsmi_near_put(rsmi_import_t *import, size_t offset,
                              const void *src, size_t len)
{
    const rsmi_far_t *far = import->far;
    int rc = rsmi_fabric_self_put(far->key, far->remote + offset, src, len);

    return rsmi_likely(rc == RSM_SUCCESS) ? rsmi_span_end(&import->door, true)
                                          : rsmi_transfer_failed(import, rc);
}

RSMI_INLINE int rsmi_near_get(rsmi_import_t *import, size_t offset, void *dst,
                              size_t len)
{
    const rsmi_far_t *far = import->far;
    int rc = rsmi_fabric_self_get(far->key, far->remote + offset, dst, len);

    return rsmi_likely(rc == RSM_SUCCESS) ? rsmi_span_end(&import->door, false)
                                          : rsmi_transfer_failed(import, rc);
}

/* The pieces of @p vector, with one end for all of them: one that fails says
 * nothing of any, so that none is complete. */
RSMI_INLINE int rsmi_near_vector(rsmi_import_t *import,
                                 rsmi_fabric_vector_t *vector, bool is_put)
{
    const rsm_iovec_t *first = vector->next;
    const rsmi_far_t *far = import->far;
    int rc;

    vector->remote = far->remote;
    vector->size = rsmi_near_size(far, is_put);
    rc = is_put ? rsmi_fabric_self_putv(far->key, vector)
                : rsmi_fabric_self_getv(far->key, vector);
    if (rsmi_unlikely(vector->next == first)) {
        return (rc == RSM_SUCCESS) ? rc : rsmi_transfer_failed(import, rc);
    }
    if (rsmi_unlikely(rsmi_span_end(&import->door, is_put) != RSM_SUCCESS)) {
        vector->next = first;
        return RSMERR_CONN_ABORTED;
    }
    return rsmi_likely(rc == RSM_SUCCESS) ? rc
                                          : rsmi_transfer_failed(import, rc);
}

RSMI_INLINE int rsmi_near_atomic_end(rsmi_import_t *import, int rc)
{
    return rsmi_likely(rc == RSM_SUCCESS)
               ? rsmi_span_settle_atomic(&import->door)
               : rsmi_transfer_failed(import, rc);
}

RSMI_INLINE int rsmi_near_atomic(rsmi_import_t *import, rsmi_atomic_op_t op,
                                 unsigned width, size_t offset,
                                 uint64_t operand, uint64_t compare,
                                 uint64_t *old_p)
{
    const rsmi_far_t *far = import->far;

    return rsmi_near_atomic_end(
        import,
        rsmi_fabric_self_atomic(far->key, op, width, far->remote + offset,
                                operand, compare, old_p));
}

/* One that UCX has. */
RSMI_INLINE int rsmi_near_word(rsmi_import_t *import,
                               rsmi_fabric_self_word_t *word, size_t offset,
                               const void *operand, void *reply)
{
    const rsmi_far_t *far = import->far;

    return rsmi_near_atomic_end(
        import, word(far->key, far->remote + offset, operand, reply));
}

#endif
