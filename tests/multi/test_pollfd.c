/* SPDX-License-Identifier: BSD-3-Clause */
/* Poll descriptors: waiting for events together with other things. */
#define _GNU_SOURCE
#include "multi.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
    multi_segment_t segment;
    multi_import_t import;
    struct pollfd entry;
} poller_t;

static void begin_poller(poller_t *poller)
{
    multi_publish(&poller->segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&poller->import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    poller->entry = (struct pollfd){.fd = -1, .events = 0, .revents = 0x7abc};
    MULTI_OK(rsm_memseg_get_pollfd(poller->segment.handle, &poller->entry));
    cr_assert_geq(poller->entry.fd, 0);
    cr_assert_eq(poller->entry.events, POLLRDNORM);
    cr_assert_eq(poller->entry.revents, 0x7abc, "revents was written");
}

static void end_poller(poller_t *poller)
{
    MULTI_OK(rsm_memseg_release_pollfd(poller->segment.handle));
    multi_disconnect(&poller->import);
    multi_sync();
    multi_withdraw(&poller->segment);
}

/* Well before the time is over: a poll that nobody wakes up still finds the
 * event when it gives up. */
static void expect_woken(struct pollfd *entry)
{
    int64_t start = multi_clock_ms();

    cr_assert_eq(poll(entry, 1, MULTI_PATIENCE), 1);
    cr_assert_lt(multi_clock_ms() - start, MULTI_PATIENCE / 2,
                 "the event did not wake up poll");
}

static void expect_rsm_woken(struct pollfd *entries, nfds_t count, int *ready)
{
    int64_t start = multi_clock_ms();

    MULTI_OK(
        rsm_intr_signal_wait_pollfd(entries, count, MULTI_PATIENCE, ready));
    cr_assert_lt(multi_clock_ms() - start, MULTI_PATIENCE / 2,
                 "the event did not wake up the wait");
}

MULTI_TEST(pollfd, plain_poll_sees_but_does_not_consume, 2)
{
    poller_t poller;

    begin_poller(&poller);
    cr_assert_eq(poll(&poller.entry, 1, 0), 0, "readable without an event");
    multi_sync();
    MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
    expect_woken(&poller.entry);
    cr_assert_eq(poller.entry.revents, POLLRDNORM);
    cr_assert_eq(poll(&poller.entry, 1, 0), 1, "poll consumed the event");
    MULTI_OK(rsm_intr_signal_wait(poller.segment.handle, 0));
    cr_assert_eq(poll(&poller.entry, 1, 0), 0, "stays readable");
    end_poller(&poller);
}

MULTI_TEST(pollfd, rsm_wait_consumes_one_event, 2)
{
    poller_t poller;
    int count = 77;
    int i;

    begin_poller(&poller);
    for (i = 0; i < 3; i++)
        MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
    for (i = 0; i < 3; i++) {
        poller.entry.revents = 0;
        expect_rsm_woken(&poller.entry, 1, i == 0 ? NULL : &count);
        cr_assert_eq(poller.entry.revents, POLLRDNORM);
        if (i > 0)
            cr_assert_eq(count, 1);
    }
    MULTI_CODE(rsm_intr_signal_wait_pollfd(&poller.entry, 1, 50, &count),
               RSMERR_TIMEOUT);
    cr_assert_eq(count, 0);
    MULTI_CODE(rsm_intr_signal_wait(poller.segment.handle, 0), RSMERR_TIMEOUT);
    end_poller(&poller);
}

MULTI_TEST(pollfd, mixes_with_other_descriptors, 2)
{
    struct pollfd entries[4];
    poller_t poller;
    char byte = 'x';
    int count = 0;
    int ends[2];

    begin_poller(&poller);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    memset(entries, 0, sizeof(entries));
    entries[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    entries[1] = poller.entry;
    entries[2] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 0};
    MULTI_OK(rsm_memseg_get_pollfd(poller.import.handle, &entries[3]));

    MULTI_CODE(rsm_intr_signal_wait_pollfd(entries, 4, 0, &count),
               RSMERR_TIMEOUT);
    cr_assert_eq(write(ends[1], &byte, 1), 1);
    expect_rsm_woken(entries, 4, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(entries[0].revents, POLLIN);
    cr_assert_eq(entries[1].revents, 0);
    cr_assert_eq(entries[3].revents, 0);
    cr_assert_eq(read(ends[0], &byte, 1), 1, "the pipe was drained");

    multi_sync();
    MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
    MULTI_OK(rsm_intr_signal_post(poller.segment.handle, 0));
    expect_woken(&entries[1]);
    expect_woken(&entries[3]);
    cr_assert_eq(write(ends[1], &byte, 1), 1);
    expect_rsm_woken(entries, 4, &count);
    cr_assert_eq(count, 3);
    cr_assert_eq(entries[0].revents, POLLIN);
    cr_assert_eq(entries[1].revents, POLLRDNORM);
    cr_assert_eq(entries[2].revents, 0);
    cr_assert_eq(entries[3].revents, POLLRDNORM);
    MULTI_CODE(rsm_intr_signal_wait(poller.segment.handle, 0), RSMERR_TIMEOUT);
    MULTI_CODE(rsm_intr_signal_wait(poller.import.handle, 0), RSMERR_TIMEOUT);
    MULTI_OK(rsm_memseg_release_pollfd(poller.import.handle));
    close(ends[0]);
    close(ends[1]);
    end_poller(&poller);
}

/* The event comes while the waiter sleeps, in either kind of poll. */
MULTI_TEST(pollfd, sleeping_waiter_is_woken, 2)
{
    poller_t poller;
    int64_t end;
    int round;

    begin_poller(&poller);
    for (round = 0; round < 4; round++) {
        multi_sync();
        if (multi.rank == 1) {
            /* Long enough for the other one to fall asleep, most times. */
            end = multi_clock_ms() + 100;
            while (multi_clock_ms() < end)
                multi_pause();
            MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
        } else if (round % 2 == 0) {
            expect_woken(&poller.entry);
            MULTI_OK(rsm_intr_signal_wait(poller.segment.handle, 0));
        } else
            expect_rsm_woken(&poller.entry, 1, NULL);
    }
    end_poller(&poller);
}

MULTI_TEST(pollfd, references_hold_the_handle, 2)
{
    struct pollfd again;
    poller_t poller;
    uint64_t word = 0;

    begin_poller(&poller);
    MULTI_OK(rsm_memseg_get_pollfd(poller.segment.handle, &again));
    cr_assert_eq(again.fd, poller.entry.fd, "one descriptor per handle");
    MULTI_OK(rsm_memseg_get_pollfd(poller.import.handle, &again));
    cr_assert_neq(again.fd, poller.entry.fd);

    MULTI_CODE(rsm_memseg_import_disconnect(poller.import.handle),
               RSMERR_POLLFD_IN_USE);
    MULTI_OK(rsm_memseg_import_get64(poller.import.handle, 0, &word, 1));
    MULTI_OK(rsm_memseg_release_pollfd(poller.import.handle));
    multi_disconnect(&poller.import);
    multi_sync();

    MULTI_CODE(rsm_memseg_export_destroy(poller.segment.handle),
               RSMERR_POLLFD_IN_USE);
    MULTI_OK(rsm_memseg_export_unpublish(poller.segment.handle));
    MULTI_CODE(rsm_memseg_export_destroy(poller.segment.handle),
               RSMERR_POLLFD_IN_USE);
    MULTI_OK(rsm_memseg_release_pollfd(poller.segment.handle));
    MULTI_CODE(rsm_memseg_export_destroy(poller.segment.handle),
               RSMERR_POLLFD_IN_USE);
    MULTI_OK(rsm_memseg_release_pollfd(poller.segment.handle));
    MULTI_OK(rsm_memseg_release_pollfd(poller.segment.handle));
    multi_withdraw(&poller.segment);
}

/* A destroy refused for a poll reference leaves everything as it was. */
MULTI_TEST(pollfd, refused_destroy_cuts_nobody_off, 2)
{
    poller_t poller;

    begin_poller(&poller);
    MULTI_CODE(rsm_memseg_export_destroy(poller.segment.handle),
               RSMERR_POLLFD_IN_USE);
    multi_sync();
    multi_put64(&poller.import, 0, 41);
    multi_sync();
    cr_assert_eq(multi_load64(poller.segment.memory), 41);
    end_poller(&poller);
}

/* More entries than the process may have descriptors. */
static void expect_too_many(void)
{
    struct rlimit limit;
    struct pollfd *entries;
    rlim_t old;
    nfds_t i;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    old = limit.rlim_cur;
    limit.rlim_cur = 1000;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    entries = calloc(1001, sizeof(*entries));
    cr_assert_not_null(entries);
    for (i = 0; i < 1001; i++)
        entries[i].fd = -1;
    MULTI_CODE(rsm_intr_signal_wait_pollfd(entries, 1001, 0, NULL),
               RSMERR_BAD_ARGS_ERRORS);
    MULTI_CODE(rsm_intr_signal_wait_pollfd(entries, 1000, 0, NULL),
               RSMERR_TIMEOUT);
    free(entries);
    limit.rlim_cur = old;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

MULTI_TEST(pollfd, argument_errors_are_told, 1)
{
    multi_segment_t segment;
    struct pollfd entry;
    int count = 77;

    multi_create(&segment, MULTI_PAGE, 0);
    MULTI_CODE(rsm_memseg_get_pollfd(NULL, NULL), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_get_pollfd(segment.handle, NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_memseg_release_pollfd(NULL), RSMERR_BAD_SEG_HNDL);
    MULTI_OK(rsm_memseg_get_pollfd(segment.handle, &entry));
    MULTI_CODE(rsm_intr_signal_wait_pollfd(NULL, 1, 0, &count),
               RSMERR_BAD_ADDR);
    expect_too_many();
    MULTI_CODE(rsm_intr_signal_wait_pollfd(&entry, 0, 20, &count),
               RSMERR_TIMEOUT);
    cr_assert_eq(count, 0);
    MULTI_OK(rsm_memseg_release_pollfd(segment.handle));
    multi_withdraw(&segment);
}

/* An application that breaks the rule not to read the descriptor may miss a
 * waking; it neither steals events nor blocks, and the next one wakes again. */
MULTI_TEST(pollfd, reading_the_descriptor_steals_no_event, 2)
{
    poller_t poller;
    char byte;

    begin_poller(&poller);
    multi_sync();
    MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
    expect_woken(&poller.entry);
    cr_assert_eq(read(poller.entry.fd, &byte, 1), 1);
    cr_assert_lt(read(poller.entry.fd, &byte, 1), 0, "would have blocked");
    cr_assert_lt(write(poller.entry.fd, &byte, 1), 0, "can be written");
    MULTI_OK(rsm_intr_signal_wait(poller.segment.handle, 0));
    MULTI_CODE(rsm_intr_signal_wait(poller.segment.handle, 0), RSMERR_TIMEOUT);

    multi_sync();
    MULTI_OK(rsm_intr_signal_post(poller.import.handle, 0));
    expect_woken(&poller.entry);
    MULTI_OK(rsm_intr_signal_wait(poller.segment.handle, 0));
    cr_assert_eq(poll(&poller.entry, 1, 0), 0, "stays readable");
    end_poller(&poller);
}

MULTI_TEST(pollfd, descriptor_is_closed_on_exec, 1)
{
    multi_segment_t segment;
    struct pollfd entry;

    multi_create(&segment, MULTI_PAGE, 0);
    MULTI_OK(rsm_memseg_get_pollfd(segment.handle, &entry));
    cr_assert_neq(fcntl(entry.fd, F_GETFD) & FD_CLOEXEC, 0);
    MULTI_OK(rsm_memseg_release_pollfd(segment.handle));
    multi_withdraw(&segment);
}
