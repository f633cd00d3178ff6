/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers live in the application's memory and hold no more than the handle
 * of their import and whether they are open, marked so that memory which was
 * never initialised is told apart. What a barrier vouches for is found out
 * when it is closed: see core/import.h. */
#include "api/guard.h"
#include "core/span.h"

#include <string.h>

/* The mark depends on the handle, so that half a barrier is none. */
#define BARRIER_CLOSED 0x5253e45a17c93b00u
#define BARRIER_OPEN   (BARRIER_CLOSED + 1)

static inline void *barrier_mark(const void *seg, uint64_t state)
{
    return (void *)((uintptr_t)seg ^ state);
}

static inline bool barrier_is_known(const rsmapi_barrier_t *barrier)
{
    uint64_t state = (uintptr_t)barrier->privdata ^ (uintptr_t)barrier->seg;

    return (state & ~(uint64_t)1) == BARRIER_CLOSED;
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
    rsmi_import_t *import = rsmi_get_import(im_memseg);

    (void)type; /* every scope is served by the widest */
    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (barrier == NULL) {
        rsmi_handle_put(&import->object);
        return RSMERR_BAD_BARRIER_PTR;
    }
    barrier->seg = im_memseg;
    barrier->gnum = (uint16_t)import->door.generation;
    barrier->privdata = barrier_mark(im_memseg, BARRIER_CLOSED);
    rsmi_import_add_barrier(import);
    rsmi_handle_put(&import->object);
    return RSM_SUCCESS;
}

/* Whatever there is to say against it. */
static RSMI_COLD int barrier_open(rsmapi_barrier_t *barrier)
{
    rsmi_import_t *import;
    int rc = barrier_check(barrier);

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    import = rsmi_get_import(barrier->seg);
    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    barrier->privdata = barrier_mark(barrier->seg, BARRIER_OPEN);
    rsmi_handle_put(&import->object);
    return RSM_SUCCESS;
}

RSMI_EXPORT int rsm_memseg_import_open_barrier(rsmapi_barrier_t *barrier)
{
    if (rsmi_unlikely((barrier == NULL) || !barrier_is_known(barrier) ||
                      !rsmi_handle_works(barrier->seg))) {
        return barrier_open(barrier);
    }
    barrier->privdata = barrier_mark(barrier->seg, BARRIER_OPEN);
    return RSM_SUCCESS;
}

/* Accesses that other processes take part in, and whatever there is to say. */
static RSMI_COLD int barrier_complete(rsmapi_barrier_t *barrier, bool is_close)
{
    rsmi_import_t *import;
    int rc = barrier_check(barrier);

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    import = rsmi_get_import(barrier->seg);
    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (!barrier_is_open(barrier)) {
        rc = RSMERR_BARRIER_NOT_OPENED;
    } else {
        if (is_close) {
            barrier->privdata = barrier_mark(barrier->seg, BARRIER_CLOSED);
        }
        rc = import->door.is_done ? rsmi_span_settle(&import->door, true)
                                  : rsmi_transfer_flush(import);
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_INLINE int barrier_door(rsmapi_barrier_t *barrier, bool is_close)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    const rsmi_door_t *door;
    int rc;

    if (rsmi_unlikely((barrier == NULL) || !barrier_is_open(barrier))) {
        return barrier_complete(barrier, is_close);
    }
    door = rsmi_handle_door(self, barrier->seg);
    if (rsmi_unlikely(!door->is_done)) {
        rsmi_guard_retreat(self);
        return barrier_complete(barrier, is_close);
    }
    if (is_close) {
        barrier->privdata = (void *)((uintptr_t)barrier->privdata ^
                                     BARRIER_OPEN ^ BARRIER_CLOSED);
    }
    rc = rsmi_span_settle(door, true);
    rsmi_guard_retreat(self);
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_order_barrier(rsmapi_barrier_t *barrier)
{
    return barrier_door(barrier, false);
}

RSMI_EXPORT int rsm_memseg_import_close_barrier(rsmapi_barrier_t *barrier)
{
    return barrier_door(barrier, true);
}

RSMI_EXPORT int rsm_memseg_import_destroy_barrier(rsmapi_barrier_t *barrier)
{
    rsmi_import_t *import;
    int rc = barrier_check(barrier);

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    import = rsmi_get_import(barrier->seg);
    if (import != NULL) {
        rsmi_import_drop_barrier(import);
        rsmi_handle_put(&import->object);
    } else {
        rc = RSMERR_BAD_SEG_HNDL;
    }
    memset(barrier, 0, sizeof(*barrier));
    return rc;
}
