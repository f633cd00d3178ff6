/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles that go stale instead of dangling. A handle is the place of a slot,
 * a kind and a generation dressed as a pointer. The table's memory is never given back, so
 * that any bit pattern may be looked up; the generation's top bit is set, so
 * that no address of the application can pass for a handle.
 *
 * Life of an object: create (its handle holds the first reference), find
 * inside a guarded section or get with a reference of one's own, retire (the
 * handle stops working; one caller wins), put. Whoever drops the last
 * reference runs the kind's destroy function. */
#ifndef RSMI_HANDLE_H
#define RSMI_HANDLE_H

#include "core/door.h"
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
    const rsmi_door_t *door; /* NULL: it has none */
    void (*destroy)(rsmi_object_t *object);
};

/* Slots by which the table grows: whole pages of every processor. */
#define RSMI_HANDLE_CHUNK 2048u

/* A handle's lower half: where its slot is in the table, and in the bits that a
 * slot's size leaves over, its kind. */
#define RSMI_HANDLE_KIND_BITS 0x1fu

typedef struct {
    _Atomic uint64_t handle; /* RSMI_HANDLE_NOBODY: none leads here */
    const rsmi_door_t *door; /* never NULL behind a handle that works */
    rsmi_object_t *object;
    uint32_t generation;
    uint32_t next_free;
} rsmi_handle_slot_t;

/* Not the handle of any slot, as the table never gets that long. */
#define RSMI_HANDLE_NOBODY UINT64_MAX

/* The table, one range of addresses from the first handle to the end. */
extern char *rsmi_handle_table RSMI_HIDDEN;

RSMI_INLINE uint32_t rsmi_handle_place(uint64_t value)
{
    return (uint32_t)value & ~RSMI_HANDLE_KIND_BITS;
}

RSMI_INLINE rsmi_handle_slot_t *rsmi_handle_slot(uint32_t place)
{
    return (rsmi_handle_slot_t *)(rsmi_handle_table + place);
}

/* The object, or NULL. Only inside a section, and good as long as it lasts. */
RSMI_INLINE void *rsmi_handle_find(const void *handle, rsmi_kind_t kind)
{
    uint64_t value = (uintptr_t)handle;
    uint32_t place = rsmi_handle_place(value);
    rsmi_handle_slot_t *slot;

    if (rsmi_unlikely(((value & RSMI_HANDLE_KIND_BITS) != (uint64_t)kind) ||
                      (place >= atomic_load_explicit(&rsmi_guard_limit,
                                                     memory_order_acquire)))) {
        return NULL;
    }
    slot = rsmi_handle_slot(place);
    /* Partner: the releasing store in rsmi_handle_create(). */
    if (rsmi_unlikely(atomic_load_explicit(&slot->handle,
                                           memory_order_acquire) != value)) {
        return NULL;
    }
    return slot->object;
}

/* The same for the data path, which looks at nothing but the door: a closed one
 * for whatever is no import, and for threads that have to join the readers
 * first. Begins a section of @p self, which the caller ends. */
RSMI_INLINE const rsmi_door_t *rsmi_handle_door(rsmi_guard_reader_t *self,
                                                const void *handle)
{
    uint64_t value = (uintptr_t)handle;
    uint32_t place = rsmi_handle_place(value);
    rsmi_handle_slot_t *slot;

    rsmi_guard_announce(self, handle);
    if (rsmi_unlikely(place >= atomic_load_explicit(&self->limit,
                                                    memory_order_relaxed))) {
        return &rsmi_door_closed;
    }
    slot = rsmi_handle_slot(place);
    if (rsmi_unlikely(atomic_load_explicit(&slot->handle,
                                           memory_order_acquire) != value)) {
        return &rsmi_door_closed;
    }
    return slot->door;
}

/* Whether the handle works at this moment; of a kind the caller knows. False
 * also where a thread has to join the readers first. */
RSMI_INLINE bool rsmi_handle_works(const void *handle)
{
    uint64_t value = (uintptr_t)handle;
    uint32_t place = rsmi_handle_place(value);

    return (place < atomic_load_explicit(&rsmi_guard_self.limit,
                                         memory_order_relaxed)) &&
           (atomic_load_explicit(&rsmi_handle_slot(place)->handle,
                                 memory_order_acquire) == value);
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
