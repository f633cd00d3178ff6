/* SPDX-License-Identifier: BSD-3-Clause */
/* Strangers in numbers: those who stand at the door, those who do not listen,
 * and those who take the last descriptor. Nothing of them is left behind. */
#include "stranger.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define CROWD 600

TestSuite(hostile_crowd, .init = stranger_start,
          .fini = stranger_expect_service, .timeout = 120);

static int crowd[CROWD];

static void crowd_knock(void)
{
    size_t idx;

    for (idx = 0; idx < CROWD; ++idx) {
        crowd[idx] = stranger_knock();
    }
}

static void crowd_leave(void)
{
    size_t idx;

    for (idx = 0; idx < CROWD; ++idx) {
        (void)close(crowd[idx]);
    }
}

/* The first of them are turned away, so that others find room. */
Test(hostile_crowd, silent_ones_make_room_for_others)
{
    struct pollfd first;

    crowd_knock();
    stranger_expect_service();
    first = (struct pollfd){.fd = crowd[0], .events = POLLIN};
    cr_assert_eq(poll(&first, 1, STRANGER_PATIENCE), 1);
    cr_assert_neq(first.revents & POLLHUP, 0);
    first.fd = crowd[CROWD - 1];
    cr_assert_eq(poll(&first, 1, 0), 0, "the last one has a while to speak");
    crowd_leave();
}

/* Answers that nobody takes fill the socket, and no more than that. */
Test(hostile_crowd, one_who_asks_and_never_listens)
{
    rsmi_wire_connect_t question = stranger_question(7);
    int fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    int round;

    for (round = 0; round < 10000; ++round) {
        ++question.cookie;
        stranger_say(fd, &question, sizeof(question));
    }
    stranger_expect_service();
    (void)close(fd);
}

static bool is_back_to(size_t count)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(STRANGER_PATIENCE);

    while ((stranger_count_descriptors() != count) &&
           !rsmi_deadline_passed(deadline)) {
        (void)poll(NULL, 0, 1);
    }
    return stranger_count_descriptors() == count;
}

static uint32_t importers(void)
{
    uint32_t count = 0;

    cr_assert_eq(rsmx_export_get_importer_count(stranger.segment, &count),
                 RSM_SUCCESS);
    return count;
}

Test(hostile_crowd, nothing_is_left_of_those_who_go)
{
    rsmi_wire_connect_t question = stranger_question(7);
    rsmi_time_t deadline;
    size_t before;
    int fds[2], round;

    stranger_expect_service();
    before = stranger_count_descriptors();
    for (round = 0; round < 200; ++round) {
        fds[0] = stranger_enter(RSMI_ROLE_REQUEST, 7);
        fds[1] = stranger_enter(RSMI_ROLE_EVENT, 7);
        cr_assert_eq(stranger_ask(fds[0], &question), RSM_SUCCESS);
        (void)close(fds[round % 2]);
        (void)close(fds[1 - round % 2]);
    }
    crowd_knock();
    crowd_leave();
    cr_assert(is_back_to(before), "%zu descriptors, %zu before",
              stranger_count_descriptors(), before);
    deadline = rsmi_deadline_in_ms(STRANGER_PATIENCE);
    while ((importers() > 0) && !rsmi_deadline_passed(deadline)) {
        (void)poll(NULL, 0, 1);
    }
    cr_assert_eq(importers(), 0);
}

/* --- no descriptor left ----------------------------------------------------- */

static int64_t processor_time(void)
{
    struct timespec used;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Another process, so that its sockets are not counted here. */
static pid_t crowd_elsewhere(int *ready)
{
    int ends[2];
    pid_t pid;

    cr_assert_eq(pipe(ends), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        char byte;

        (void)close(ends[1]);
        if (read(ends[0], &byte, 1) == 1) {
            crowd_knock();
            (void)pause();
        }
        _exit(0);
    }
    (void)close(ends[0]);
    *ready = ends[1];
    return pid;
}

Test(hostile_crowd, no_descriptor_left_for_those_who_knock)
{
    struct rlimit limit, old;
    int64_t used;
    int start;
    pid_t pid;

    stranger_expect_service();
    pid = crowd_elsewhere(&start);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = stranger_count_descriptors() + 2;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(write(start, "", 1), 1);

    /* Nobody is busy with those who cannot be let in. */
    (void)poll(NULL, 0, 300);
    used = processor_time();
    (void)poll(NULL, 0, 300);
    cr_expect_lt(processor_time() - used, 150000000, "the service spins");

    (void)kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    (void)close(start);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
