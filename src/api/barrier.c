/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers live in the application's memory and hold no more than the handle
 * of their import and whether they are open, marked so that memory which was
 * never initialised is told apart. What a barrier vouches for is found out
 * when it is closed: see core/import.h. */
#include "api/guard.h"
#include "core/span.h"

#include <string.h>

#define BARRIER_CLOSED 0x5253e45a17c93b00u
#define BARRIER_OPEN   0x5253c38e6b2d4100u

/* The mark depends on the handle, so that half a barrier is none. */
static inline void *barrier_mark(const void *seg, uint64_t state)
{
    return (void *)((uintptr_t)seg ^ state);
}

static inline bool barrier_is_known(const rsmapi_barrier_t *barrier)
{
    return (barrier->seg != NULL) &&
           ((barrier->privdata == barrier_mark(barrier->seg, BARRIER_OPEN)) ||
            (barrier->privdata == barrier_mark(barrier->seg, BARRIER_CLOSED)));
}

static inline int barrier_check(const rsmapi_barrier_t *barrier)
{
    if (rsmi_unlikely(barrier == NULL)) {
        return RSMERR_BAD_BARRIER_PTR;
    }
    if (rsmi_unlikely(!barrier_is_known(barrier))) {
        return RSMERR_BARRIER_UNINITIALIZED;
    }
    return RSM_SUCCESS;
}

static inline bool barrier_is_open(const rsmapi_barrier_t *barrier)
{
    return barrier->privdata == barrier_mark(barrier->seg, BARRIER_OPEN);
}

RSMI_EXPORT int rsm_memseg_import_init_barrier(
    rsm_memseg_import_handle_t im_memseg, rsm_barrier_type_t type,
    rsmapi_barrier_t *barrier)
{
    rsmi_import_t *import;
    int rc = RSM_SUCCESS;

    (void)type; /* every scope is served by the widest */
    rsmi_guard_enter();
    import = rsmi_handle_find(im_memseg, RSMI_KIND_IMPORT);
    if (import == NULL) {
        rc = RSMERR_BAD_SEG_HNDL;
    } else if (barrier == NULL) {
        rc = RSMERR_BAD_BARRIER_PTR;
    } else {
        barrier->seg = im_memseg;
        barrier->gnum = (uint16_t)import->generation;
        barrier->privdata = barrier_mark(im_memseg, BARRIER_CLOSED);
        (void)atomic_fetch_add(&import->barriers, 1);
    }
    rsmi_guard_leave();
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_open_barrier(rsmapi_barrier_t *barrier)
{
    int rc = barrier_check(barrier);

    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        return rc;
    }
    rsmi_guard_enter();
    if (rsmi_likely(rsmi_handle_find(barrier->seg, RSMI_KIND_IMPORT) != NULL)) {
        barrier->privdata = barrier_mark(barrier->seg, BARRIER_OPEN);
    } else {
        rc = RSMERR_BAD_SEG_HNDL;
    }
    rsmi_guard_leave();
    return rc;
}

/* The span's transfers through UCX: outside of the guarded section, which it
 * leaves. */
static RSMI_COLD int barrier_transfer(rsmi_import_t *import, bool is_close)
{
    int rc;

    rsmi_handle_hold(&import->object);
    rsmi_guard_leave();
    rc = is_close ? rsmi_transfer_flush(import) : rsmi_transfer_order(import);
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_INLINE int barrier_complete(rsmapi_barrier_t *barrier, bool is_close)
{
    rsmi_import_t *import;
    int rc = barrier_check(barrier);

    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        return rc;
    }
    rsmi_guard_enter();
    import = rsmi_handle_find(barrier->seg, RSMI_KIND_IMPORT);
    if (rsmi_unlikely(import == NULL)) {
        rc = RSMERR_BAD_SEG_HNDL;
    } else if (rsmi_unlikely(!barrier_is_open(barrier))) {
        rc = RSMERR_BARRIER_NOT_OPENED;
    } else {
        if (is_close) {
            barrier->privdata = barrier_mark(barrier->seg, BARRIER_CLOSED);
        }
        if (rsmi_unlikely(import->view == NULL)) {
            return barrier_transfer(import, is_close);
        }
        rc = rsmi_span_settle(import, true);
    }
    rsmi_guard_leave();
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_order_barrier(rsmapi_barrier_t *barrier)
{
    return barrier_complete(barrier, false);
}

RSMI_EXPORT int rsm_memseg_import_close_barrier(rsmapi_barrier_t *barrier)
{
    return barrier_complete(barrier, true);
}

/* A barrier may have been copied, and each copy be destroyed. */
static void barrier_discount(rsmi_import_t *import)
{
    uint32_t count = atomic_load(&import->barriers);

    while ((count > 0) && !atomic_compare_exchange_weak(&import->barriers,
                                                        &count, count - 1)) {
    }
}

RSMI_EXPORT int rsm_memseg_import_destroy_barrier(rsmapi_barrier_t *barrier)
{
    rsmi_import_t *import;
    int rc = barrier_check(barrier);

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rsmi_guard_enter();
    import = rsmi_handle_find(barrier->seg, RSMI_KIND_IMPORT);
    if (import != NULL) {
        barrier_discount(import);
    } else {
        rc = RSMERR_BAD_SEG_HNDL;
    }
    rsmi_guard_leave();
    memset(barrier, 0, sizeof(*barrier));
    return rc;
}
