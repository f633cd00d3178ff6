/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/bell.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static rsmi_bell_t *bell;
static uint32_t slot;

static void start(void)
{
    cr_assert_eq(rsmi_bell_create(), RSM_SUCCESS);
    bell = rsmi_bell_take(NULL, &slot);
    cr_assert_neq(slot, RSMI_BELL_NONE);
}

static void stop(void)
{
    rsmi_bell_destroy();
    rsmi_bell_destroy(); /* twice is no harm */
}

TestSuite(bell, .init = start, .fini = stop, .timeout = 30);

static rsmi_bell_result_t post(uint64_t count, bool is_optional)
{
    return rsmi_bell_post(bell, rsmi_bell_generation(bell), count, is_optional);
}

Test(bell, events_are_counted_and_consumed_one_by_one)
{
    cr_assert(!rsmi_bell_try(bell));
    cr_assert_eq(post(2, false), RSMI_BELL_DONE);
    cr_assert_eq(post(0, true), RSMI_BELL_DONE, "one is there already");
    cr_assert_eq(rsmi_bell_count(bell), 2);
    cr_assert(rsmi_bell_try(bell));
    cr_assert(rsmi_bell_try(bell));
    cr_assert(!rsmi_bell_try(bell));
    cr_assert_eq(post(0, true), RSMI_BELL_DONE);
    cr_assert_eq(rsmi_bell_count(bell), 1);
}

Test(bell, the_count_stops_before_it_overflows)
{
    uint32_t most;

    cr_assert_eq(post(UINT64_MAX, false), RSMI_BELL_DONE);
    most = rsmi_bell_count(bell);
    cr_assert_gt(most, 0);
    cr_assert_eq(post(1, false), RSMI_BELL_DONE);
    cr_assert_eq(rsmi_bell_count(bell), most);
    cr_assert(rsmi_bell_try(bell));
}

Test(bell, a_post_that_comes_too_late_changes_nothing)
{
    uint32_t before = rsmi_bell_generation(bell), again;

    rsmi_bell_close(bell);
    cr_assert_eq(rsmi_bell_post(bell, before, 1, false), RSMI_BELL_OVER);
    cr_assert_eq(post(1, false), RSMI_BELL_OVER);
    cr_assert(!rsmi_bell_try(bell));
    rsmi_bell_give(slot);
    cr_assert_eq(rsmi_bell_take(NULL, &again), bell);
    cr_assert_eq(again, slot);
    cr_assert_eq(rsmi_bell_post(bell, before, 1, false), RSMI_BELL_OVER);
    cr_assert_eq(rsmi_bell_count(bell), 0);
    cr_assert_eq(post(1, false), RSMI_BELL_DONE);
}

Test(bell, who_is_watched_gets_a_nudge)
{
    atomic_store(&bell->is_watched, 1);
    cr_assert_eq(post(1, false), RSMI_BELL_NUDGE);
    cr_assert_eq(rsmi_bell_count(bell), 1);
}

static void *sleep_for_ever(void *arg)
{
    (void)arg;
    while (!rsmi_bell_try(bell) && (rsmi_bell_count(bell) == 0)) {
        (void)rsmi_bell_sleep(bell, RSMI_NEVER);
    }
    return NULL;
}

Test(bell, a_post_from_another_process_wakes_a_sleeper)
{
    uint32_t generation = rsmi_bell_generation(bell);
    rsmi_bell_view_t view = {NULL};
    pthread_t thread;
    int status;
    pid_t child;

    cr_assert_eq(pthread_create(&thread, NULL, sleep_for_ever, NULL), 0);
    while (atomic_load(&bell->sleepers) == 0) {
        (void)usleep(100);
    }
    child = fork();
    if (child == 0) {
        if ((rsmi_bell_attach(rsmi_bell_fd(), &view) != RSM_SUCCESS) ||
            (rsmi_bell_post(&view.bells[slot], generation, 1, false) !=
             RSMI_BELL_DONE)) {
            _exit(1);
        }
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    pthread_join(thread, NULL);
    cr_assert_eq(rsmi_bell_count(bell), 0);
}

Test(bell, closing_wakes_every_sleeper)
{
    pthread_t threads[3];
    int idx;

    for (idx = 0; idx < 3; ++idx) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, sleep_for_ever, NULL),
                     0);
    }
    while (atomic_load(&bell->sleepers) < 3) {
        (void)usleep(100);
    }
    rsmi_bell_close(bell);
    for (idx = 0; idx < 3; ++idx) {
        pthread_join(threads[idx], NULL);
    }
}

Test(bell, a_sleep_ends_at_its_deadline)
{
    rsmi_time_t begin = rsmi_clock_now();
    int rc;

    do {
        rc = rsmi_bell_sleep(bell, begin + 30000000);
    } while (rc == RSM_SUCCESS);
    cr_assert_eq(rc, RSMERR_TIMEOUT);
    cr_assert_geq(rsmi_clock_now() - begin, 30000000);
}

static int interrupted_rc;

static void *sleep_once(void *arg)
{
    (void)arg;
    interrupted_rc = rsmi_bell_sleep(bell, RSMI_NEVER);
    return NULL;
}

static void ignore(int number)
{
    (void)number;
}

/* SA_RESTART makes no difference, as with poll(). */
Test(bell, every_signal_handler_ends_a_sleep)
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    pthread_t thread;

    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, sleep_once, NULL), 0);
    while (atomic_load(&bell->sleepers) == 0) {
        (void)usleep(100);
    }
    /* It says so before it sleeps. */
    while (atomic_load(&bell->sleepers) != 0) {
        cr_assert_eq(pthread_kill(thread, SIGUSR1), 0);
        (void)usleep(1000);
    }
    pthread_join(thread, NULL);
    cr_assert_eq(interrupted_rc, RSMERR_INTERRUPTED);
}

Test(bell, without_a_page_or_when_it_is_full_the_owner_has_a_bell_of_its_own)
{
    rsmi_bell_t own = {0};
    uint32_t idx, got;

    for (idx = 1; idx < rsmi_bell_slots(); ++idx) {
        (void)rsmi_bell_take(&own, &got);
        cr_assert_neq(got, RSMI_BELL_NONE);
    }
    cr_assert_eq(rsmi_bell_take(&own, &got), &own);
    cr_assert_eq(got, RSMI_BELL_NONE);
    rsmi_bell_give(got);
    rsmi_bell_destroy();
    cr_assert_eq(rsmi_bell_take(&own, &got), &own);
}

Test(bell, a_descriptor_of_something_else_is_refused)
{
    rsmi_bell_view_t view = {NULL};
    int fd = memfd_create("other", MFD_CLOEXEC);

    cr_assert_eq(rsmi_bell_attach(fd, &view), RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_bell_attach(-1, &view), RSMERR_CONN_ABORTED);
    cr_assert_null(view.bells);
    (void)close(fd);
}

Test(bell, without_descriptors_there_is_no_page)
{
    struct rlimit limit, none;

    rsmi_bell_destroy();
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    cr_assert_eq(rsmi_bell_create(), RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(rsmi_bell_fd(), -1);
}
