/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/handle.h"

#include "rsmapi.h"
#include "util/lock.h"

#include <stdlib.h>

#define HANDLE_GENERATION_BIT 0x80000000u
#define HANDLE_NONE           UINT32_MAX

_Atomic uint32_t rsmi_handle_limit;
rsmi_handle_slot_t *rsmi_handle_chunks[RSMI_HANDLE_CHUNKS];

static rsmi_lock_t handle_lock = RSMI_LOCK_INIT;
static uint32_t handle_free RSMI_GUARDED_BY(handle_lock) = HANDLE_NONE;
static bool handle_is_disabled RSMI_GUARDED_BY(handle_lock);

static rsmi_handle_slot_t *handle_slot(uint32_t idx)
{
    return &rsmi_handle_chunks[idx >> RSMI_HANDLE_CHUNK_BITS]
                              [idx & (RSMI_HANDLE_CHUNK - 1)];
}

static int handle_grow(void) RSMI_REQUIRES(handle_lock)
{
    uint32_t limit, idx;
    rsmi_handle_slot_t *chunk;

    limit = atomic_load_explicit(&rsmi_handle_limit, memory_order_relaxed);
    if ((limit >> RSMI_HANDLE_CHUNK_BITS) == RSMI_HANDLE_CHUNKS) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    chunk = calloc(RSMI_HANDLE_CHUNK, sizeof(*chunk));
    if (chunk == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    for (idx = RSMI_HANDLE_CHUNK; idx-- > 0;) {
        chunk[idx].next_free = handle_free;
        handle_free = limit + idx;
    }
    rsmi_handle_chunks[limit >> RSMI_HANDLE_CHUNK_BITS] = chunk;
    /* Partner: the acquiring load in rsmi_handle_find(). */
    atomic_store_explicit(&rsmi_handle_limit, limit + RSMI_HANDLE_CHUNK,
                          memory_order_release);
    return RSM_SUCCESS;
}

int rsmi_handle_create(rsmi_object_t *object, rsmi_kind_t kind,
                       void (*destroy)(rsmi_object_t *object))
{
    rsmi_handle_slot_t *slot;
    uint32_t idx;
    int rc;

    rsmi_lock(&handle_lock);
    rc = RSM_SUCCESS;
    if (handle_is_disabled) {
        rc = RSMERR_INSUFFICIENT_RESOURCES;
    } else if (handle_free == HANDLE_NONE) {
        rc = handle_grow();
    }
    if (rc != RSM_SUCCESS) {
        rsmi_unlock(&handle_lock);
        return rc;
    }
    idx = handle_free;
    slot = handle_slot(idx);
    handle_free = slot->next_free;
    slot->generation = (slot->generation + 1) | HANDLE_GENERATION_BIT;
    rsmi_unlock(&handle_lock);

    object->kind = kind;
    object->destroy = destroy;
    object->handle = ((uint64_t)slot->generation << 32) | ((uint64_t)idx << 3) |
                     (uint64_t)kind;
    atomic_init(&object->references, 1);
    slot->object = object;
    atomic_store_explicit(&slot->handle, object->handle, memory_order_release);
    return RSM_SUCCESS;
}

void *rsmi_handle_get(const void *handle, rsmi_kind_t kind)
{
    rsmi_object_t *object;

    rsmi_guard_enter();
    object = rsmi_handle_find(handle, kind);
    if (object != NULL) {
        rsmi_handle_hold(object);
    }
    rsmi_guard_leave();
    return object;
}

void rsmi_handle_hold(rsmi_object_t *object)
{
    (void)atomic_fetch_add_explicit(&object->references, 1,
                                    memory_order_relaxed);
}

void rsmi_handle_put(rsmi_object_t *object)
{
    if (atomic_fetch_sub_explicit(&object->references, 1,
                                  memory_order_acq_rel) == 1) {
        object->destroy(object);
    }
}

bool rsmi_handle_retire(rsmi_object_t *object)
{
    uint32_t idx = (uint32_t)object->handle >> 3;
    rsmi_handle_slot_t *slot = handle_slot(idx);
    uint64_t expected = object->handle;

    if (!atomic_compare_exchange_strong(&slot->handle, &expected, 0)) {
        return false;
    }
    if (!rsmi_guard_wait()) {
        /* Somebody may look at it for ever: it is never freed, and the slot
         * never used again. */
        rsmi_handle_hold(object);
        return true;
    }

    rsmi_lock(&handle_lock);
    slot->object = NULL;
    slot->next_free = handle_free;
    handle_free = idx;
    rsmi_unlock(&handle_lock);
    return true;
}

void rsmi_handle_disable(void)
{
    rsmi_lock(&handle_lock);
    handle_is_disabled = true;
    atomic_store(&rsmi_handle_limit, 0);
    rsmi_unlock(&handle_lock);
}

void rsmi_handle_forked(void)
{
    rsmi_lock_init(&handle_lock);
    rsmi_handle_disable();
}
