/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: one post, one wait. */
#define _GNU_SOURCE
#include "multi.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Every rank owns a segment and imports that of its partner. */
typedef struct {
    multi_segment_t segment;
    multi_import_t import;
} pair_t;

static void pair_up(pair_t *pair)
{
    multi_publish(&pair->segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&pair->import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
}

static void part(pair_t *pair)
{
    multi_disconnect(&pair->import);
    multi_sync();
    multi_withdraw(&pair->segment);
}

/* Just @p count events are there; they may still be on their way. */
static void expect_events(void *handle, int count)
{
    int i;

    for (i = 0; i < count; i++)
        MULTI_OK(rsm_intr_signal_wait(handle, MULTI_PATIENCE));
    MULTI_CODE(rsm_intr_signal_wait(handle, 50), RSMERR_TIMEOUT);
    MULTI_CODE(rsm_intr_signal_wait(handle, 0), RSMERR_TIMEOUT);
}

MULTI_TEST(signal, events_ping_pong_with_data, 2)
{
    enum { ROUNDS = 1000 };
    uint64_t round;
    pair_t pair;

    pair_up(&pair);
    for (round = 1; round <= ROUNDS; round++) {
        if (multi.rank == 1) {
            MULTI_OK(rsm_intr_signal_wait(pair.segment.handle, -1));
            cr_assert_eq(multi_load64(pair.segment.memory), round,
                         "the event overtook the data");
        }
        multi_put64(&pair.import, 0, round);
        MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
        if (multi.rank == 0) {
            MULTI_OK(rsm_intr_signal_wait(pair.segment.handle, -1));
            cr_assert_eq(multi_load64(pair.segment.memory), round,
                         "the event overtook the data");
        }
    }
    part(&pair);
}

MULTI_TEST(signal, posts_are_counted, 2)
{
    pair_t pair;
    int i;

    pair_up(&pair);
    for (i = 0; i < 1000; i++)
        MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
    multi_sync();
    expect_events(pair.segment.handle, 1000);
    part(&pair);
}

MULTI_TEST(signal, unaccumulated_post_is_dropped, 2)
{
    pair_t pair;
    int i;

    pair_up(&pair);
    if (multi.rank == 1) {
        for (i = 0; i < 20; i++)
            MULTI_OK(rsm_intr_signal_post(pair.import.handle,
                                          RSM_SIGPOST_NO_ACCUMULATE));
        MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
        MULTI_OK(rsm_intr_signal_post(pair.import.handle,
                                      RSM_SIGPOST_NO_ACCUMULATE));
        multi_put64(&pair.import, 0, 1);
        multi_disconnect(&pair.import);
    }
    multi_sync();
    if (multi.rank == 0) {
        multi_await_importers(&pair.segment, 0);
        expect_events(pair.segment.handle, 2);
        multi_disconnect(&pair.import);
    }
    multi_sync();
    multi_withdraw(&pair.segment);
}

MULTI_TEST(signal, wait_honours_its_timeout, 2)
{
    const int timeouts[] = {0, 1, 30, 150};
    pair_t pair;
    size_t i;

    pair_up(&pair);
    for (i = 0; i < 4; i++) {
        void *handles[2] = {pair.segment.handle, pair.import.handle};
        size_t j;

        for (j = 0; j < 2; j++) {
            int64_t start = multi_clock_ms();
            int64_t took;

            MULTI_CODE(rsm_intr_signal_wait(handles[j], timeouts[i]),
                       RSMERR_TIMEOUT);
            took = multi_clock_ms() - start;
            cr_assert_geq(took + 1, timeouts[i], "back after %ld ms",
                          (long)took);
            cr_assert_lt(took, timeouts[i] + 1000, "back after %ld ms",
                         (long)took);
        }
    }
    part(&pair);
}

MULTI_TEST(signal, exporter_reaches_every_importer, 4)
{
    enum { HANDLES = 3, POSTS = 5 };
    multi_import_t imports[HANDLES];
    multi_segment_t segment;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        for (i = 0; i < HANDLES; i++)
            multi_connect(&imports[i], 0, MULTI_ID(0),
                          i == 0 ? RSM_PERM_NONE : RSM_PERM_READ);
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < POSTS; i++)
            MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        MULTI_CODE(rsm_intr_signal_wait(segment.handle, 20), RSMERR_TIMEOUT);
    } else {
        for (i = 0; i < HANDLES; i++) {
            expect_events(imports[i].handle, POSTS);
            multi_disconnect(&imports[i]);
        }
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        multi_withdraw(&segment);
    }
}

/* Per importer: one that has an event pending gets no second one, one that
 * has consumed it gets the next. */
MULTI_TEST(signal, exporter_drops_per_importer, 2)
{
    multi_import_t eager;
    multi_import_t lazy;
    multi_segment_t segment;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        multi_connect(&eager, 0, MULTI_ID(0), RSM_PERM_READ);
        multi_connect(&lazy, 0, MULTI_ID(0), RSM_PERM_READ);
    }
    for (i = 0; i < 3; i++) {
        multi_sync();
        if (multi.rank == 0)
            MULTI_OK(rsm_intr_signal_post(segment.handle,
                                          RSM_SIGPOST_NO_ACCUMULATE));
        else
            MULTI_OK(rsm_intr_signal_wait(eager.handle, MULTI_PATIENCE));
    }
    /* What comes after them tells that all of them have come. */
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
    else {
        MULTI_OK(rsm_intr_signal_wait(eager.handle, MULTI_PATIENCE));
        expect_events(lazy.handle, 2);
        multi_disconnect(&eager);
        multi_disconnect(&lazy);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* The counter belongs to the segment, not to its publication. */
MULTI_TEST(signal, events_survive_unpublish, 2)
{
    pair_t pair;

    pair_up(&pair);
    MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
    MULTI_OK(rsm_intr_signal_post(pair.segment.handle, 0));
    multi_sync();
    MULTI_OK(rsm_intr_signal_wait(pair.segment.handle, MULTI_PATIENCE));
    MULTI_OK(rsm_intr_signal_wait(pair.import.handle, MULTI_PATIENCE));
    MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
    MULTI_OK(rsm_intr_signal_post(pair.segment.handle, 0));
    multi_disconnect(&pair.import);
    multi_sync();
    MULTI_OK(rsm_memseg_export_unpublish(pair.segment.handle));
    expect_events(pair.segment.handle, 1);
    MULTI_OK(rsm_memseg_export_publish(pair.segment.handle, &pair.segment.id,
                                       NULL, 0));
    expect_events(pair.segment.handle, 0);
    multi_sync();
    multi_withdraw(&pair.segment);
}

/* A forced disconnect takes away neither events nor waiting. */
MULTI_TEST(signal, aborted_import_keeps_its_events, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_CODE(rsm_intr_signal_post(import.handle, 0), RSMERR_CONN_ABORTED);
        expect_events(import.handle, 2);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        expect_events(segment.handle, 0);
        multi_withdraw(&segment);
    }
}

MULTI_TEST(signal, unpublished_segment_can_post_and_wait, 1)
{
    multi_segment_t segment;

    multi_create(&segment, MULTI_PAGE, 0);
    MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
    MULTI_CODE(rsm_intr_signal_wait(segment.handle, 10), RSMERR_TIMEOUT);
    MULTI_CODE(rsm_intr_signal_wait(NULL, 0), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_intr_signal_post(NULL, 0), RSMERR_BAD_SEG_HNDL);
    multi_withdraw(&segment);
}

static volatile sig_atomic_t interruptions;

static void on_alarm(int number)
{
    (void)number;
    interruptions++;
}

/* UNIX signals are the application's: no thread of the library takes them. */
MULTI_TEST_ONCE(signal, library_takes_no_unix_signals, 1)
{
    struct sigaction action = {.sa_handler = on_alarm};
    multi_segment_t segment;
    multi_import_t import;
    sigset_t signals;
    sigset_t pending;

    multi_publish(&segment, MULTI_PAGE, 0);
    multi_connect(&import, 0, segment.id, RSM_PERM_RDWR);
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    cr_assert_eq(kill(getpid(), SIGUSR1), 0);
    multi_put64(&import, 0, 1);
    MULTI_OK(rsm_intr_signal_post(import.handle, 0));
    MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    sigpending(&pending);
    cr_assert(sigismember(&pending, SIGUSR1), "another thread took the signal");
    cr_assert_eq(interruptions, 0);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    cr_assert_eq(interruptions, 1);
    multi_disconnect(&import);
    multi_withdraw(&segment);
}

typedef struct {
    pthread_t target;
    volatile int is_done;
} disturber_t;

/* Disturbs again and again: one signal could come before the wait. */
static void *disturb(void *arg)
{
    disturber_t *disturber = arg;
    const struct timespec moment = {.tv_sec = 0, .tv_nsec = 20000000};

    while (!__atomic_load_n(&disturber->is_done, __ATOMIC_ACQUIRE)) {
        nanosleep(&moment, NULL);
        pthread_kill(disturber->target, SIGUSR1);
    }
    return NULL;
}

MULTI_TEST(signal, handler_interrupts_the_wait, 2)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    disturber_t disturber = {.target = pthread_self()};
    struct pollfd entry;
    pthread_t thread;
    pair_t pair;

    pair_up(&pair);
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, disturb, &disturber);
    MULTI_CODE(rsm_intr_signal_wait(pair.segment.handle, MULTI_PATIENCE),
               RSMERR_INTERRUPTED);
    MULTI_CODE(rsm_intr_signal_wait(pair.import.handle, -1),
               RSMERR_INTERRUPTED);
    MULTI_OK(rsm_memseg_get_pollfd(pair.segment.handle, &entry));
    MULTI_CODE(rsm_intr_signal_wait_pollfd(&entry, 1, -1, NULL),
               RSMERR_INTERRUPTED);
    MULTI_OK(rsm_memseg_release_pollfd(pair.segment.handle));
    __atomic_store_n(&disturber.is_done, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    cr_assert_gt(interruptions, 0);
    multi_sync();
    MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
    MULTI_OK(rsm_intr_signal_wait(pair.segment.handle, MULTI_PATIENCE));
    part(&pair);
}

enum { WAITERS = 4, EVENTS = 400 };

typedef struct {
    void *handle;
    int served;
    int failures;
} waiter_t;

/* Ends with the first timeout after everything was posted. */
static void *serve(void *arg)
{
    waiter_t *waiter = arg;
    int rc;

    while ((rc = rsm_intr_signal_wait(waiter->handle, 700)) == RSM_SUCCESS)
        waiter->served++;
    waiter->failures = rc != RSMERR_TIMEOUT;
    return NULL;
}

MULTI_TEST(signal, waiting_threads_share_the_events, 2)
{
    waiter_t waiters[WAITERS];
    pthread_t threads[WAITERS];
    int served = 0;
    pair_t pair;
    int i;

    pair_up(&pair);
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < WAITERS; i++) {
            waiters[i] = (waiter_t){.handle = pair.segment.handle};
            pthread_create(&threads[i], NULL, serve, &waiters[i]);
        }
        for (i = 0; i < WAITERS; i++) {
            pthread_join(threads[i], NULL);
            cr_assert_eq(waiters[i].failures, 0);
            served += waiters[i].served;
        }
        cr_assert_eq(served, EVENTS);
    } else {
        for (i = 0; i < EVENTS; i++)
            MULTI_OK(rsm_intr_signal_post(pair.import.handle, 0));
    }
    multi_sync();
    part(&pair);
}
