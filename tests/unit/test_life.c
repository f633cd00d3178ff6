/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/life.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(void)
{
    cr_assert_eq(rsmi_life_create(), RSM_SUCCESS);
}

static void stop(void)
{
    rsmi_life_destroy();
    rsmi_life_destroy(); /* twice is no harm */
}

TestSuite(life, .init = start, .fini = stop, .timeout = 30);

Test(life, the_word_says_whether_somebody_stands_for_it)
{
    rsmi_life_view_t view;

    cr_assert_eq(rsmi_life_attach(rsmi_life_fd(), &view), RSM_SUCCESS);
    cr_assert(!rsmi_life_is_alive(view.word));
    cr_assert_eq(rsmi_life_hold(), RSM_SUCCESS);
    cr_assert(rsmi_life_is_alive(view.word));
    rsmi_life_let_go();
    cr_assert(!rsmi_life_is_alive(view.word));
    rsmi_life_detach(&view);
    cr_assert_null(view.base);
    rsmi_life_detach(&view);
}

static void *hold_and_end(void *arg)
{
    (void)arg;
    cr_expect_eq(rsmi_life_hold(), RSM_SUCCESS);
    return NULL;
}

/* The kernel tells of the end of a thread as of that of a process. */
Test(life, the_word_ends_with_its_thread)
{
    rsmi_life_view_t view;
    pthread_t thread;

    cr_assert_eq(rsmi_life_attach(rsmi_life_fd(), &view), RSM_SUCCESS);
    cr_assert_eq(pthread_create(&thread, NULL, hold_and_end, NULL), 0);
    pthread_join(thread, NULL);
    cr_assert(!rsmi_life_is_alive(view.word));
    rsmi_life_detach(&view);
}

Test(life, the_word_ends_with_a_killed_process)
{
    rsmi_life_view_t view;
    int ends[2];
    char byte;
    pid_t pid;

    cr_assert_eq(rsmi_life_attach(rsmi_life_fd(), &view), RSM_SUCCESS);
    cr_assert_eq(pipe(ends), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        if ((rsmi_life_hold() == RSM_SUCCESS) && (write(ends[1], "", 1) == 1)) {
            (void)pause();
        }
        _exit(1);
    }
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    cr_assert(rsmi_life_is_alive(view.word));
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert(!rsmi_life_is_alive(view.word));
    rsmi_life_detach(&view);
}

/* --- generations ------------------------------------------------------------ */

Test(life, a_generation_ends_and_never_returns)
{
    uint32_t slot, next;
    uint64_t first, second;
    rsmi_life_view_t view;

    cr_assert_eq(rsmi_life_attach(rsmi_life_fd(), &view), RSM_SUCCESS);
    cr_assert_eq(rsmi_life_take_slot(&slot, &first), RSM_SUCCESS);
    cr_assert_eq(atomic_load(&view.generations[slot]), first);
    rsmi_life_end_slot(slot);
    cr_assert_neq(atomic_load(&view.generations[slot]), first);
    rsmi_life_free_slot(slot);
    cr_assert_eq(rsmi_life_take_slot(&next, &second), RSM_SUCCESS);
    cr_assert_eq(next, slot, "the slot was not used again");
    cr_assert_neq(second, first);
    cr_assert_eq(atomic_load(&view.generations[slot]), second);
    rsmi_life_detach(&view);
}

Test(life, slots_differ_until_there_are_none)
{
    size_t count = rsmi_life_slots(), idx;
    uint64_t generation;
    uint32_t slot;

    for (idx = 0; idx < count; ++idx) {
        cr_assert_eq(rsmi_life_take_slot(&slot, &generation), RSM_SUCCESS);
        cr_assert_eq(slot, idx);
    }
    cr_assert_eq(rsmi_life_take_slot(&slot, &generation),
                 RSMERR_INSUFFICIENT_RESOURCES);
    for (idx = 0; idx < 200; ++idx) {
        rsmi_life_free_slot((uint32_t)idx);
    }
    for (idx = 0; idx < 200; ++idx) {
        cr_assert_eq(rsmi_life_take_slot(&slot, &generation), RSM_SUCCESS);
        cr_assert_lt(slot, 200);
    }
    cr_assert_eq(rsmi_life_take_slot(&slot, &generation),
                 RSMERR_INSUFFICIENT_RESOURCES);
}

/* --- what others can do with the descriptor ---------------------------------- */

Test(life, nobody_else_can_write)
{
    struct stat status;

    cr_assert_eq(fcntl(rsmi_life_fd(), F_GETFL) & O_ACCMODE, O_RDONLY);
    cr_assert_neq(fcntl(rsmi_life_fd(), F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_eq(fstat(rsmi_life_fd(), &status), 0);
    cr_assert_eq(mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
                      MAP_SHARED, rsmi_life_fd(), 0),
                 MAP_FAILED);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert_lt(ftruncate(rsmi_life_fd(), 0), 0);
}

Test(life, a_descriptor_of_something_else_is_refused)
{
    rsmi_life_view_t view = {0};
    int fd = memfd_create("other", MFD_CLOEXEC);

    cr_assert_eq(rsmi_life_attach(fd, &view), RSMERR_CONN_ABORTED);
    cr_assert_eq(ftruncate(fd, 4096), 0);
    cr_assert_eq(rsmi_life_attach(fd, &view), RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_life_attach(-1, &view), RSMERR_CONN_ABORTED);
    cr_assert_null(view.base);
}

Test(life, without_descriptors_there_is_none)
{
    struct rlimit limit, old;
    rlim_t most;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    rsmi_life_destroy();
    limit = old;
    for (most = 0; most < 16; ++most) {
        limit.rlim_cur = most;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (rsmi_life_create() == RSM_SUCCESS) {
            break;
        }
        cr_assert_eq(rsmi_life_fd(), -1);
    }
    cr_assert_gt(most, 0, "it was made of nothing");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
