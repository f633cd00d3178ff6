/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/event.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE 20000 /* ms */

static rsmi_event_t event;

static void start(void)
{
    rsmi_event_init(&event);
}

static void stop(void)
{
    rsmi_event_clear(&event);
}

TestSuite(event, .init = start, .fini = stop, .timeout = 40);

static int wait_now(void)
{
    return rsmi_event_wait(&event, rsmi_deadline_in_ms(0));
}

Test(event, posts_are_counted)
{
    int idx;

    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
    rsmi_event_post(&event, 3, false);
    rsmi_event_post(&event, 0, false);
    rsmi_event_post(&event, 2, false);
    for (idx = 0; idx < 5; ++idx) {
        cr_assert_eq(wait_now(), RSM_SUCCESS);
    }
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
}

Test(event, an_optional_one_is_dropped_while_one_is_pending)
{
    rsmi_event_post(&event, 0, true);
    rsmi_event_post(&event, 0, true);
    rsmi_event_post(&event, 1, true);
    cr_assert_eq(wait_now(), RSM_SUCCESS);
    cr_assert_eq(wait_now(), RSM_SUCCESS);
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
}

Test(event, a_wait_lasts_as_long_as_it_is_told)
{
    rsmi_time_t begin = rsmi_clock_now();

    cr_assert_eq(rsmi_event_wait(&event, rsmi_deadline_in_ms(30)),
                 RSMERR_TIMEOUT);
    cr_assert_geq(rsmi_clock_now() - begin, 30000000);
}

typedef struct {
    pthread_t thread;
    int rc;
    atomic_bool is_over;
} waiter_t;

static void *wait_for_ever(void *arg)
{
    waiter_t *waiter = arg;

    waiter->rc = rsmi_event_wait(&event, RSMI_NEVER);
    atomic_store(&waiter->is_over, true);
    return NULL;
}

static void waiter_start(waiter_t *waiter)
{
    waiter->rc = -1;
    atomic_store(&waiter->is_over, false);
    cr_assert_eq(pthread_create(&waiter->thread, NULL, wait_for_ever, waiter),
                 0);
}

Test(event, a_post_wakes_one_of_those_who_wait)
{
    waiter_t waiters[3];
    int idx;

    for (idx = 0; idx < 3; ++idx) {
        waiter_start(&waiters[idx]);
    }
    for (idx = 0; idx < 3; ++idx) {
        rsmi_event_post(&event, 1, false);
    }
    for (idx = 0; idx < 3; ++idx) {
        pthread_join(waiters[idx].thread, NULL);
        cr_assert_eq(waiters[idx].rc, RSM_SUCCESS);
    }
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
}

static void ignore(int number)
{
    (void)number;
}

Test(event, a_signal_handler_interrupts_the_wait)
{
    struct sigaction action = {.sa_handler = ignore};
    waiter_t waiter;

    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
    waiter_start(&waiter);
    while (!atomic_load(&waiter.is_over)) {
        (void)pthread_kill(waiter.thread, SIGUSR1);
        (void)poll(NULL, 0, 1);
    }
    pthread_join(waiter.thread, NULL);
    cr_assert_eq(waiter.rc, RSMERR_INTERRUPTED);
}

Test(event, closing_ends_every_wait)
{
    waiter_t waiters[3];
    int idx, fd;

    rsmi_event_post(&event, 1, false);
    cr_assert_eq(wait_now(), RSM_SUCCESS);
    for (idx = 0; idx < 3; ++idx) {
        waiter_start(&waiters[idx]);
    }
    cr_assert_eq(rsmi_event_close(&event), RSM_SUCCESS);
    for (idx = 0; idx < 3; ++idx) {
        pthread_join(waiters[idx].thread, NULL);
        cr_assert_eq(waiters[idx].rc, RSMERR_BAD_SEG_HNDL);
    }
    rsmi_event_post(&event, 1, false);
    cr_assert_eq(wait_now(), RSMERR_BAD_SEG_HNDL);
    cr_assert_eq(rsmi_event_get_descriptor(&event, &fd), RSMERR_BAD_SEG_HNDL);
}

Test(event, a_referenced_descriptor_keeps_it_open)
{
    int first, second;

    cr_assert_eq(rsmi_event_get_descriptor(&event, &first), RSM_SUCCESS);
    cr_assert_eq(rsmi_event_get_descriptor(&event, &second), RSM_SUCCESS);
    cr_assert_eq(first, second);
    cr_assert_eq(rsmi_event_close(&event), RSMERR_POLLFD_IN_USE);
    rsmi_event_release_descriptor(&event);
    cr_assert_eq(rsmi_event_close(&event), RSMERR_POLLFD_IN_USE);
    rsmi_event_release_descriptor(&event);
    rsmi_event_release_descriptor(&event); /* one too many is no harm */
    cr_assert_eq(rsmi_event_close(&event), RSM_SUCCESS);
}

/* --- poll ------------------------------------------------------------------ */

static int poll_one(struct pollfd *entry, int ms, int *ready)
{
    return rsmi_event_poll(entry, 1, rsmi_deadline_in_ms(ms), ready);
}

Test(event, the_descriptor_is_ready_while_something_is_pending)
{
    struct pollfd entry = {.events = POLLRDNORM};

    rsmi_event_post(&event, 2, false); /* before anybody asked for it */
    cr_assert_eq(rsmi_event_get_descriptor(&event, &entry.fd), RSM_SUCCESS);
    cr_assert_neq(fcntl(entry.fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_eq(poll(&entry, 1, 0), 1);
    cr_assert_eq(entry.revents, POLLRDNORM);
    cr_assert_eq(wait_now(), RSM_SUCCESS);
    cr_assert_eq(poll(&entry, 1, 0), 1);
    cr_assert_eq(wait_now(), RSM_SUCCESS);
    cr_assert_eq(poll(&entry, 1, 0), 0);
    rsmi_event_post(&event, 1, false);
    cr_assert_eq(poll(&entry, 1, 0), 1);
    rsmi_event_release_descriptor(&event);
}

Test(event, poll_consumes_one_event_of_each_segment)
{
    struct pollfd entries[2] = {{.events = POLLRDNORM}, {.events = POLLRDNORM}};
    rsmi_event_t other;
    int ready = -1;

    rsmi_event_init(&other);
    cr_assert_eq(rsmi_event_get_descriptor(&event, &entries[0].fd),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_event_get_descriptor(&other, &entries[1].fd),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_event_poll(entries, 2, rsmi_deadline_in_ms(0), &ready),
                 RSMERR_TIMEOUT);
    rsmi_event_post(&event, 2, false);
    rsmi_event_post(&other, 1, false);
    cr_assert_eq(rsmi_event_poll(entries, 2, RSMI_NEVER, &ready), RSM_SUCCESS);
    cr_assert_eq(ready, 2);
    cr_assert_eq(rsmi_event_poll(entries, 2, RSMI_NEVER, &ready), RSM_SUCCESS);
    cr_assert_eq(ready, 1);
    cr_assert_eq(entries[0].revents, POLLRDNORM);
    cr_assert_eq(entries[1].revents, 0);
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
    rsmi_event_release_descriptor(&event);
    rsmi_event_release_descriptor(&other);
    rsmi_event_clear(&other);
}

/* Given back, its number is like any other. */
Test(event, a_released_descriptor_is_an_ordinary_one)
{
    struct pollfd entry = {.events = POLLIN};
    int ready;

    cr_assert_eq(rsmi_event_get_descriptor(&event, &entry.fd), RSM_SUCCESS);
    rsmi_event_post(&event, 1, false);
    rsmi_event_release_descriptor(&event);
    cr_assert_eq(poll_one(&entry, PATIENCE, &ready), RSM_SUCCESS);
    cr_assert_eq(entry.revents, POLLIN);
    cr_assert_eq(wait_now(), RSM_SUCCESS, "poll consumed the event");
}

static _Atomic int consumed;

static void *consume(void *arg)
{
    struct pollfd entry = *(const struct pollfd *)arg;
    int ready;

    while (poll_one(&entry, 200, &ready) == RSM_SUCCESS) {
        atomic_fetch_add(&consumed, 1);
    }
    return NULL;
}

Test(event, threads_that_poll_consume_each_event_once)
{
    struct pollfd entry = {.events = POLLRDNORM};
    pthread_t threads[4];
    int idx;

    cr_assert_eq(rsmi_event_get_descriptor(&event, &entry.fd), RSM_SUCCESS);
    for (idx = 0; idx < 4; ++idx) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, consume, &entry), 0);
    }
    for (idx = 0; idx < 2000; ++idx) {
        rsmi_event_post(&event, 1, false);
    }
    for (idx = 0; idx < 4; ++idx) {
        pthread_join(threads[idx], NULL);
    }
    cr_assert_eq(consumed, 2000);
    rsmi_event_release_descriptor(&event);
}

Test(event, poll_tells_what_the_kernel_refuses)
{
    struct rlimit limit;
    int ready;

    cr_assert_eq(rsmi_event_poll((struct pollfd *)16, 1, RSMI_NEVER, &ready),
                 RSMERR_BAD_ADDR);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(rsmi_event_poll(NULL, limit.rlim_cur + 1, RSMI_NEVER, &ready),
                 RSMERR_BAD_ARGS_ERRORS);
}

/* --- descriptors exhausted -------------------------------------------------- */

Test(event, without_descriptors_counting_goes_on)
{
    struct rlimit limit, none;
    int fd;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    rsmi_event_post(&event, 1, false);
    cr_assert_eq(wait_now(), RSM_SUCCESS, "counted in memory");
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
    cr_assert_eq(rsmi_event_get_descriptor(&event, &fd),
                 RSMERR_INSUFFICIENT_MEM);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(wait_now(), RSMERR_TIMEOUT);
    cr_assert_eq(rsmi_event_close(&event), RSM_SUCCESS);
}
