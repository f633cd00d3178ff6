/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/handle.h"

#include "mem/mem.h"
#include "rsmapi.h"
#include "util/lock.h"

#include <sys/resource.h>

#define HANDLE_GENERATION_BIT 0x80000000u
#define HANDLE_NONE           UINT32_MAX

#define HANDLE_CHUNK_SIZE (RSMI_HANDLE_CHUNK * sizeof(rsmi_handle_slot_t))

/* Addresses kept for the table, more handles than a process has memory for;
 * where addresses are limited, so small a part that nobody misses it. */
#define HANDLE_SPACE      ((size_t)1 << 31)
#define HANDLE_SPACE_PART 64

_Static_assert(sizeof(rsmi_handle_slot_t) == RSMI_HANDLE_KIND_BITS + 1,
               "a slot's place leaves room for the kind");
_Static_assert(HANDLE_SPACE <= UINT32_MAX,
               "places fit into the lower half of a handle");

/* The objects behind handles are in use, but leak checkers do not look into
 * mapped memory by themselves. */
extern void __lsan_register_root_region(const void *start, size_t size)
    __attribute__((weak));

char *rsmi_handle_table;

static rsmi_lock_t handle_lock = RSMI_LOCK_INIT;
static size_t handle_space RSMI_GUARDED_BY(handle_lock);
static uint32_t handle_free RSMI_GUARDED_BY(handle_lock) = HANDLE_NONE;
static bool handle_is_disabled RSMI_GUARDED_BY(handle_lock);

static const rsmi_life_generation_t door_generation;
static const rsmi_life_word_t door_life;

const rsmi_door_t rsmi_door_closed = {
    .generation_at = &door_generation,
    .life = &door_life,
};

static int handle_reserve(void) RSMI_REQUIRES(handle_lock)
{
    size_t space = HANDLE_SPACE;
    struct rlimit limit;

    if ((getrlimit(RLIMIT_AS, &limit) == 0) &&
        (limit.rlim_cur / HANDLE_SPACE_PART < space)) {
        space = limit.rlim_cur / HANDLE_SPACE_PART;
    }
    space -= space % HANDLE_CHUNK_SIZE;
    do {
        space = (space < HANDLE_CHUNK_SIZE) ? HANDLE_CHUNK_SIZE : space;
        rsmi_handle_table = rsmi_mem_reserve(space);
        if (rsmi_handle_table != NULL) {
            handle_space = space;
            return RSM_SUCCESS;
        }
        space = (space / HANDLE_CHUNK_SIZE / 2) * HANDLE_CHUNK_SIZE;
    } while (space > 0);
    return RSMERR_INSUFFICIENT_MEM;
}

static int handle_grow(void) RSMI_REQUIRES(handle_lock)
{
    uint32_t limit, place;
    rsmi_handle_slot_t *slot;
    int rc;

    limit = atomic_load_explicit(&rsmi_guard_limit, memory_order_relaxed);
    if (limit == 0) {
        rc = handle_reserve();
        if (rc != RSM_SUCCESS) {
            return rc;
        }
    }
    if (limit == handle_space) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    if (!rsmi_mem_commit(rsmi_handle_table + limit, HANDLE_CHUNK_SIZE)) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (__lsan_register_root_region != NULL) {
        __lsan_register_root_region(rsmi_handle_table + limit,
                                    HANDLE_CHUNK_SIZE);
    }
    for (place = limit + HANDLE_CHUNK_SIZE; place > limit;) {
        place -= (uint32_t)sizeof(*slot);
        slot = rsmi_handle_slot(place);
        atomic_init(&slot->handle, RSMI_HANDLE_NOBODY);
        slot->next_free = handle_free;
        handle_free = place;
    }
    rsmi_guard_set_limit(limit + (uint32_t)HANDLE_CHUNK_SIZE);
    return RSM_SUCCESS;
}

int rsmi_handle_create(rsmi_object_t *object, rsmi_kind_t kind,
                       void (*destroy)(rsmi_object_t *object))
{
    rsmi_handle_slot_t *slot;
    uint32_t place;
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
    place = handle_free;
    slot = rsmi_handle_slot(place);
    handle_free = slot->next_free;
    slot->generation = (slot->generation + 1) | HANDLE_GENERATION_BIT;
    rsmi_unlock(&handle_lock);

    object->kind = kind;
    object->destroy = destroy;
    object->handle =
        ((uint64_t)slot->generation << 32) | place | (uint64_t)kind;
    atomic_init(&object->references, 1);
    slot->object = object;
    slot->door = (object->door != NULL) ? object->door : &rsmi_door_closed;
    atomic_store_explicit(&slot->handle, object->handle, memory_order_release);
    return RSM_SUCCESS;
}

void *rsmi_handle_get(const void *handle, rsmi_kind_t kind)
{
    rsmi_object_t *object;

    rsmi_guard_enter(handle);
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
    uint32_t place = rsmi_handle_place(object->handle);
    rsmi_handle_slot_t *slot = rsmi_handle_slot(place);
    uint64_t expected = object->handle;

    if (!atomic_compare_exchange_strong(&slot->handle, &expected,
                                        RSMI_HANDLE_NOBODY)) {
        return false;
    }
    if (!rsmi_guard_wait((const void *)(uintptr_t)object->handle)) {
        /* Somebody may look at it for ever: it is never freed, and the slot
         * never used again. */
        rsmi_handle_hold(object);
        return true;
    }

    rsmi_lock(&handle_lock);
    slot->object = NULL;
    slot->next_free = handle_free;
    handle_free = place;
    rsmi_unlock(&handle_lock);
    return true;
}

void rsmi_handle_disable(void)
{
    rsmi_lock(&handle_lock);
    handle_is_disabled = true;
    rsmi_guard_set_limit(0);
    rsmi_unlock(&handle_lock);
}

void rsmi_handle_forked(void)
{
    rsmi_lock_init(&handle_lock);
    rsmi_handle_disable();
}
