/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/handle.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#define CANARY  0x600dcafeu
#define MANY    (3 * RSMI_HANDLE_CHUNK + 5)
#define READERS 3

typedef struct {
    rsmi_object_t object;
    _Atomic uint32_t canary;
} thing_t;

static _Atomic unsigned destroyed;

static void thing_destroy(rsmi_object_t *object)
{
    thing_t *thing = (thing_t *)object;

    atomic_store(&thing->canary, 0xdead);
    atomic_fetch_add(&destroyed, 1);
    free(thing);
}

static thing_t *thing_new(rsmi_kind_t kind)
{
    thing_t *thing = calloc(1, sizeof(*thing));

    cr_assert_not_null(thing);
    thing->canary = CANARY;
    cr_assert_eq(rsmi_handle_create(&thing->object, kind, thing_destroy),
                 RSM_SUCCESS);
    return thing;
}

static const void *as_pointer(uint64_t handle)
{
    return (const void *)(uintptr_t)handle;
}

static void *find(uint64_t handle, rsmi_kind_t kind)
{
    void *object;

    rsmi_guard_enter(as_pointer(handle));
    object = rsmi_handle_find(as_pointer(handle), kind);
    rsmi_guard_leave();
    return object;
}

static void finish(thing_t *thing)
{
    cr_assert(rsmi_handle_retire(&thing->object));
    rsmi_handle_put(&thing->object);
}

Test(handle, names_one_object_of_one_kind)
{
    thing_t *thing = thing_new(RSMI_KIND_EXPORT);
    uint64_t handle = thing->object.handle;

    cr_assert_eq(find(handle, RSMI_KIND_EXPORT), thing);
    cr_assert_null(find(handle, RSMI_KIND_IMPORT));
    cr_assert_null(find(handle, RSMI_KIND_CONTROLLER));
    cr_assert_null(find(handle, RSMI_KIND_LOCALMEM));
    finish(thing);
    cr_assert_null(find(handle, RSMI_KIND_EXPORT), "it is stale");
    cr_assert_eq(destroyed, 1);
}

/* Whatever an application may pass: nothing is touched, nothing found. */
Test(handle, any_bit_pattern_may_be_looked_up)
{
    thing_t *thing = thing_new(RSMI_KIND_EXPORT);
    uint64_t handle = thing->object.handle, pattern = 88172645463325252u;
    int kind, round;

    for (round = 0; round < 200000; ++round) {
        pattern ^= pattern << 13;
        pattern ^= pattern >> 7;
        pattern ^= pattern << 17;
        for (kind = RSMI_KIND_CONTROLLER; kind <= RSMI_KIND_LOCALMEM; ++kind) {
            cr_assert_null(find(pattern, (rsmi_kind_t)kind));
        }
    }
    for (round = 0; round < 64; ++round) {
        cr_assert_null(find(handle ^ (1ull << round), RSMI_KIND_EXPORT),
                       "bit %d", round);
    }
    cr_assert_null(find(0, RSMI_KIND_EXPORT));
    cr_assert_null(find((uintptr_t)thing, RSMI_KIND_EXPORT), "an address");
    finish(thing);
}

/* As the data path looks: by the door alone. */
static const rsmi_door_t *door_of(uint64_t handle)
{
    const rsmi_door_t *door;

    door = rsmi_handle_door(&rsmi_guard_self, as_pointer(handle));
    rsmi_guard_retreat(&rsmi_guard_self);
    return door;
}

Test(handle, leads_the_data_path_to_the_door)
{
    static rsmi_door_t door;
    thing_t *thing = calloc(1, sizeof(*thing)), *plain;
    uint64_t handle;
    unsigned bit;

    cr_assert_not_null(thing);
    thing->object.door = &door;
    cr_assert_eq(
        rsmi_handle_create(&thing->object, RSMI_KIND_IMPORT, thing_destroy),
        RSM_SUCCESS);
    handle = thing->object.handle;
    plain = thing_new(RSMI_KIND_EXPORT);
    cr_assert_eq(door_of(handle), &rsmi_door_closed, "has not joined yet");
    cr_assert_eq(find(handle, RSMI_KIND_IMPORT), thing);
    cr_assert_eq(door_of(handle), &door);
    cr_assert_eq(door_of(plain->object.handle), &rsmi_door_closed);
    for (bit = 0; bit < 64; ++bit) {
        cr_assert_eq(door_of(handle ^ (1ull << bit)), &rsmi_door_closed);
    }
    finish(thing);
    cr_assert_eq(door_of(handle), &rsmi_door_closed);
    cr_assert_eq(door_of(0), &rsmi_door_closed, "the first slot, now free");
    cr_assert_eq(door_of(UINT64_MAX), &rsmi_door_closed);
    finish(plain);
}

Test(handle, a_used_slot_gives_another_handle)
{
    thing_t *thing = thing_new(RSMI_KIND_IMPORT);
    uint64_t first = thing->object.handle;
    uint64_t next;

    finish(thing);
    thing = thing_new(RSMI_KIND_IMPORT);
    next = thing->object.handle;
    cr_assert_eq((uint32_t)next, (uint32_t)first, "the slot was not reused");
    cr_assert_neq(next, first);
    cr_assert_null(find(first, RSMI_KIND_IMPORT));
    cr_assert_eq(find(next, RSMI_KIND_IMPORT), thing);
    finish(thing);
}

Test(handle, the_table_grows)
{
    static thing_t *things[MANY];
    unsigned idx;

    for (idx = 0; idx < MANY; ++idx) {
        things[idx] = thing_new(RSMI_KIND_LOCALMEM);
    }
    for (idx = 0; idx < MANY; ++idx) {
        cr_assert_eq(find(things[idx]->object.handle, RSMI_KIND_LOCALMEM),
                     things[idx]);
    }
    for (idx = 0; idx < MANY; ++idx) {
        finish(things[idx]);
    }
    cr_assert_eq(destroyed, MANY);
}

Test(handle, references_keep_the_object)
{
    thing_t *thing = thing_new(RSMI_KIND_EXPORT);
    const void *handle = as_pointer(thing->object.handle);

    cr_assert_eq(rsmi_handle_get(handle, RSMI_KIND_EXPORT), thing);
    cr_assert_null(rsmi_handle_get(handle, RSMI_KIND_IMPORT));
    rsmi_handle_hold(&thing->object);
    finish(thing);
    cr_assert_null(rsmi_handle_get(handle, RSMI_KIND_EXPORT));
    cr_assert_eq(destroyed, 0);
    rsmi_handle_put(&thing->object);
    cr_assert_eq(destroyed, 0);
    rsmi_handle_put(&thing->object);
    cr_assert_eq(destroyed, 1);
}

static void *retire_it(void *arg)
{
    return (void *)(uintptr_t)rsmi_handle_retire(arg);
}

Test(handle, one_of_those_who_retire_it_wins)
{
    pthread_t threads[READERS];
    unsigned round, idx, winners;
    thing_t *thing;
    void *has_won;

    for (round = 0; round < 200; ++round) {
        thing = thing_new(RSMI_KIND_EXPORT);
        rsmi_handle_hold(&thing->object);
        for (idx = 0; idx < READERS; ++idx) {
            cr_assert_eq(pthread_create(&threads[idx], NULL, retire_it, thing),
                         0);
        }
        for (idx = 0, winners = 0; idx < READERS; ++idx) {
            pthread_join(threads[idx], &has_won);
            winners += (has_won != NULL) ? 1 : 0;
        }
        cr_assert_eq(winners, 1);
        rsmi_handle_put(&thing->object);
        rsmi_handle_put(&thing->object);
    }
}

static _Atomic uint64_t shown;
static atomic_bool is_over;

/* Counts looks at an object that had been freed. */
static void *look_at_it(void *arg)
{
    uintptr_t bad = 0, seen = 0;
    const void *handle;
    thing_t *thing;

    (void)arg;
    while (!atomic_load(&is_over) || (seen == 0)) {
        handle = as_pointer(atomic_load(&shown));
        rsmi_guard_enter(handle);
        thing = rsmi_handle_find(handle, RSMI_KIND_EXPORT);
        if (thing != NULL) {
            ++seen;
            bad += (atomic_load(&thing->canary) != CANARY) ? 1 : 0;
        }
        rsmi_guard_leave();
    }
    return (void *)bad;
}

Test(handle, nobody_looks_at_a_freed_object)
{
    pthread_t readers[READERS];
    thing_t *thing = NULL, *fresh;
    unsigned round, idx;
    void *bad;

    thing = thing_new(RSMI_KIND_EXPORT);
    atomic_store(&shown, thing->object.handle);
    for (idx = 0; idx < READERS; ++idx) {
        cr_assert_eq(pthread_create(&readers[idx], NULL, look_at_it, NULL), 0);
    }
    for (round = 0; round < 3000; ++round) {
        fresh = thing_new(RSMI_KIND_EXPORT);
        atomic_store(&shown, fresh->object.handle);
        finish(thing);
        thing = fresh;
    }
    atomic_store(&is_over, true);
    for (idx = 0; idx < READERS; ++idx) {
        pthread_join(readers[idx], &bad);
        cr_assert_null(bad, "a reader saw a freed object");
    }
    finish(thing);
}

Test(handle, nothing_works_once_disabled)
{
    thing_t *thing = thing_new(RSMI_KIND_EXPORT), late;

    (void)find(thing->object.handle, RSMI_KIND_EXPORT);
    cr_assert(rsmi_handle_works(as_pointer(thing->object.handle)));
    rsmi_handle_disable();
    cr_assert_null(find(thing->object.handle, RSMI_KIND_EXPORT));
    cr_assert(!rsmi_handle_works(as_pointer(thing->object.handle)));
    cr_assert_eq(door_of(thing->object.handle), &rsmi_door_closed);
    cr_assert_eq(
        rsmi_handle_create(&late.object, RSMI_KIND_EXPORT, thing_destroy),
        RSMERR_INSUFFICIENT_RESOURCES);
    rsmi_handle_forked();
    cr_assert_null(find(thing->object.handle, RSMI_KIND_EXPORT));
}
