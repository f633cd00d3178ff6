/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/guard.h"

#include "core/handle.h"
#include "rsmapi.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>

static sem_t is_inside, may_leave, has_left;
static atomic_bool is_free;
static const void *looked_at = &looked_at;

static void start(void)
{
    sem_init(&is_inside, 0, 0);
    sem_init(&may_leave, 0, 0);
    sem_init(&has_left, 0, 0);
    rsmi_guard_open();
}

TestSuite(guard, .init = start, .timeout = 30);

/* In a section until told to leave; what it saw is freed afterwards. */
static void *reader(void *arg)
{
    const unsigned *last_words = arg;

    rsmi_guard_enter(looked_at);
    sem_post(&is_inside);
    sem_wait(&may_leave);
    cr_expect(!atomic_load(&is_free), "the wait did not wait");
    if (last_words != NULL) {
        (void)poll(NULL, 0, (int)*last_words);
    }
    rsmi_guard_leave();
    sem_post(&has_left);
    sem_wait(&may_leave);
    return NULL;
}

static void *waiter(void *arg)
{
    (void)arg;
    return (void *)(uintptr_t)rsmi_guard_wait(looked_at);
}

Test(guard, waits_for_nobody)
{
    cr_assert(rsmi_guard_wait(looked_at));
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    cr_assert(rsmi_guard_wait(looked_at));
}

Test(guard, waits_until_a_section_is_left)
{
    unsigned last_words = 20;
    pthread_t readers, waiters;
    void *is_over;

    cr_assert_eq(pthread_create(&readers, NULL, reader, &last_words), 0);
    sem_wait(&is_inside);
    cr_assert_eq(pthread_create(&waiters, NULL, waiter, NULL), 0);
    sem_post(&may_leave);
    pthread_join(waiters, &is_over);
    atomic_store(&is_free, true);
    cr_assert_not_null(is_over);
    cr_assert_eq(sem_trywait(&has_left), 0, "it was still inside");
    sem_post(&may_leave);
    pthread_join(readers, NULL);
}

Test(guard, does_not_wait_for_those_who_look_at_something_else)
{
    pthread_t readers;

    cr_assert_eq(pthread_create(&readers, NULL, reader, NULL), 0);
    sem_wait(&is_inside);
    cr_assert(rsmi_guard_wait(&may_leave));
    atomic_store(&is_free, false);
    cr_assert_neq(sem_trywait(&has_left), 0, "it is inside all the time");
    sem_post(&may_leave);
    sem_post(&may_leave);
    pthread_join(readers, NULL);
}

/* Nobody is held up by a thread that hammers on a handle that is dead. */
static void *hammer(void *arg)
{
    const atomic_bool *is_over = arg;

    while (!atomic_load(is_over)) {
        rsmi_guard_announce(&rsmi_guard_self, looked_at);
        rsmi_guard_retreat(&rsmi_guard_self);
        rsmi_guard_enter(looked_at);
        rsmi_guard_leave();
    }
    return NULL;
}

Test(guard, is_not_held_up_by_who_comes_back_again_and_again)
{
    static atomic_bool is_over;
    pthread_t threads[3];
    int idx, round;

    for (idx = 0; idx < 3; ++idx) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, hammer, &is_over), 0);
    }
    for (round = 0; round < 300; ++round) {
        cr_assert(rsmi_guard_wait(looked_at));
    }
    atomic_store(&is_over, true);
    for (idx = 0; idx < 3; ++idx) {
        pthread_join(threads[idx], NULL);
    }
}

/* Sections that begin while somebody waits are none of his business. */
static void *passer_by(void *arg)
{
    const atomic_bool *is_over = arg;

    while (!atomic_load(is_over)) {
        rsmi_guard_enter(looked_at);
        rsmi_guard_leave();
    }
    return NULL;
}

Test(guard, is_not_held_up_by_newcomers)
{
    static atomic_bool is_over;
    pthread_t threads[3];
    int idx, round;

    for (idx = 0; idx < 3; ++idx) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, passer_by, &is_over),
                     0);
    }
    for (round = 0; round < 300; ++round) {
        cr_assert(rsmi_guard_wait(looked_at));
    }
    atomic_store(&is_over, true);
    for (idx = 0; idx < 3; ++idx) {
        pthread_join(threads[idx], NULL);
    }
}

/* A section left by a long jump ends with the thread's next one. */
static void *jumper(void *arg)
{
    (void)arg;
    rsmi_guard_enter(looked_at);
    sem_post(&is_inside);
    sem_wait(&may_leave);
    rsmi_guard_enter(looked_at);
    sem_wait(&may_leave);
    rsmi_guard_leave();
    return NULL;
}

Test(guard, a_section_left_by_a_jump_ends_with_the_next)
{
    pthread_t jumpers, waiters;
    void *is_over;

    cr_assert_eq(pthread_create(&jumpers, NULL, jumper, NULL), 0);
    sem_wait(&is_inside);
    cr_assert_eq(pthread_create(&waiters, NULL, waiter, NULL), 0);
    (void)poll(NULL, 0, 10); /* it most likely waits by now */
    sem_post(&may_leave);
    pthread_join(waiters, &is_over);
    cr_assert_not_null(is_over);
    sem_post(&may_leave);
    pthread_join(jumpers, NULL);
}

static void *short_life(void *arg)
{
    (void)arg;
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    return NULL;
}

/* Their lines are gone: a wait that read them would read freed memory. */
Test(guard, threads_that_ended_are_forgotten)
{
    pthread_t threads[8];
    int idx, round;

    for (round = 0; round < 50; ++round) {
        for (idx = 0; idx < 8; ++idx) {
            cr_assert_eq(pthread_create(&threads[idx], NULL, short_life, NULL),
                         0);
        }
        cr_assert(rsmi_guard_wait(looked_at));
        for (idx = 7; idx >= 0; --idx) {
            pthread_join(threads[idx], NULL);
        }
        cr_assert(rsmi_guard_wait(looked_at));
    }
}

Test(guard, works_without_membarrier)
{
    unsigned last_words = 5;
    pthread_t readers;

    rsmi_guard_has_membarrier = false;
    cr_assert_eq(pthread_create(&readers, NULL, reader, &last_words), 0);
    sem_wait(&is_inside);
    sem_post(&may_leave);
    cr_assert(rsmi_guard_wait(looked_at));
    cr_assert_eq(sem_trywait(&has_left), 0, "it was still inside");
    sem_post(&may_leave);
    pthread_join(readers, NULL);
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    rsmi_guard_enter(looked_at);
    cr_assert_eq(rsmi_guard_self.limit, 0, "a fence is due each time");
    rsmi_guard_leave();
}

static void *grow_aware(void *arg)
{
    (void)arg;
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    sem_post(&is_inside);
    sem_wait(&may_leave);
    /* The table has grown: this takes the lock that the waiter holds. */
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    sem_post(&has_left);
    return NULL;
}

/* A wait that is held up elsewhere holds up nobody who looks at that handle. */
Test(guard, who_learns_that_the_table_grew_is_not_waited_for)
{
    pthread_t readers, waiters, growers;
    void *is_over;

    cr_assert_eq(pthread_create(&growers, NULL, grow_aware, NULL), 0);
    sem_wait(&is_inside);
    cr_assert_eq(pthread_create(&readers, NULL, reader, NULL), 0);
    sem_wait(&is_inside);
    rsmi_guard_set_limit(4096);
    cr_assert_eq(pthread_create(&waiters, NULL, waiter, NULL), 0);
    (void)poll(NULL, 0, 20); /* it most likely waits by now */
    sem_post(&may_leave);
    sem_post(&may_leave);
    pthread_join(waiters, &is_over);
    cr_assert_not_null(is_over);
    sem_post(&may_leave);
    pthread_join(growers, NULL);
    pthread_join(readers, NULL);
}

static void never(rsmi_object_t *object)
{
    (void)object;
    cr_assert_fail("an object that somebody looks at was destroyed");
}

/* Patience ends; what somebody may look at is kept, its handle dead. */
Test(guard, an_object_that_is_looked_at_for_ever_is_kept)
{
    static rsmi_object_t object;
    pthread_t readers;

    cr_assert_eq(rsmi_handle_create(&object, RSMI_KIND_EXPORT, never),
                 RSM_SUCCESS);
    looked_at = (const void *)(uintptr_t)object.handle;
    cr_assert_eq(pthread_create(&readers, NULL, reader, NULL), 0);
    sem_wait(&is_inside);
    cr_assert(rsmi_handle_retire(&object));
    rsmi_handle_put(&object);
    cr_assert_null(rsmi_handle_get((const void *)(uintptr_t)object.handle,
                                   RSMI_KIND_EXPORT));
    sem_post(&may_leave);
    sem_post(&may_leave);
    pthread_join(readers, NULL);
}

Test(guard, the_child_of_a_fork_starts_anew)
{
    pthread_t readers;

    cr_assert_eq(pthread_create(&readers, NULL, reader, NULL), 0);
    sem_wait(&is_inside);
    rsmi_guard_forked(); /* as in a child, where the reader is not */
    cr_assert(rsmi_guard_wait(looked_at));
    rsmi_guard_enter(looked_at);
    rsmi_guard_leave();
    cr_assert(rsmi_guard_wait(looked_at));
    sem_post(&may_leave);
    sem_post(&may_leave);
    pthread_join(readers, NULL);
}
