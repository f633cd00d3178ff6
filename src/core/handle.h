/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles that go stale instead of dangling. A handle is slot number, kind and
 * generation dressed as a pointer. The table's memory is never given back, so
 * that any bit pattern may be looked up; the generation's top bit is set, so
 * that no address of the application can pass for a handle.
 *
 * Life of an object: create (its handle holds the first reference), find
 * inside a guarded section or get with a reference of one's own, retire (the
 * handle stops working; one caller wins), put. Whoever drops the last
 * reference runs the kind's destroy function. */
#ifndef RSMI_HANDLE_H
#define RSMI_HANDLE_H

#include "core/guard.h"
#include "util/compiler.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RSMI_KIND_CONTROLLER = 1,
    RSMI_KIND_EXPORT,
    RSMI_KIND_IMPORT,
    RSMI_KIND_LOCALMEM
} rsmi_kind_t;

typedef struct rsmi_object rsmi_object_t;

/* First member of everything that has a handle. */
struct rsmi_object {
    _Atomic uint32_t references;
    rsmi_kind_t kind;
    uint64_t handle;
    void (*destroy)(rsmi_object_t *object);
};

#define RSMI_HANDLE_CHUNK_BITS 10
#define RSMI_HANDLE_CHUNK      (1u << RSMI_HANDLE_CHUNK_BITS)
#define RSMI_HANDLE_CHUNKS     (1u << 16)

typedef struct {
    _Atomic uint64_t handle; /* 0: nobody answers to this slot */
    rsmi_object_t *object;
    uint32_t generation;
    uint32_t next_free;
} rsmi_handle_slot_t;

extern _Atomic uint32_t rsmi_handle_limit; /* slots that exist */
extern rsmi_handle_slot_t *rsmi_handle_chunks[RSMI_HANDLE_CHUNKS];

/* The object, or NULL. Only inside a section, and good as long as it lasts. */
RSMI_INLINE void *rsmi_handle_find(const void *handle, rsmi_kind_t kind)
{
    uint64_t value = (uintptr_t)handle;
    uint32_t idx = (uint32_t)value >> 3;
    rsmi_handle_slot_t *slot;

    if (rsmi_unlikely(((value & 7) != (uint64_t)kind) ||
                      (idx >= atomic_load_explicit(&rsmi_handle_limit,
                                                   memory_order_acquire)))) {
        return NULL;
    }
    slot = &rsmi_handle_chunks[idx >> RSMI_HANDLE_CHUNK_BITS]
                              [idx & (RSMI_HANDLE_CHUNK - 1)];
    /* Partner: the releasing store in rsmi_handle_create(). */
    if (rsmi_unlikely(atomic_load_explicit(&slot->handle,
                                           memory_order_acquire) != value)) {
        return NULL;
    }
    return slot->object;
}

/* RSMERR_INSUFFICIENT_MEM, RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_handle_create(rsmi_object_t *object, rsmi_kind_t kind,
                       void (*destroy)(rsmi_object_t *object));

/* The object with a reference, or NULL. */
void *rsmi_handle_get(const void *handle, rsmi_kind_t kind);
void rsmi_handle_put(rsmi_object_t *object);

/* One more reference on an object that the caller has one of. */
void rsmi_handle_hold(rsmi_object_t *object);

/* Stop the handle from working. The caller that succeeds owns the handle's
 * reference; when it returns nobody is looking at the object without one.
 * False when another was first. */
bool rsmi_handle_retire(rsmi_object_t *object);

/* No handle works any more, and none is made: the process ends. */
void rsmi_handle_disable(void);

/* The same in the child of a fork, where the lock may be in any state. */
void rsmi_handle_forked(void);

#endif
