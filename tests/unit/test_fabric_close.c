/* SPDX-License-Identifier: BSD-3-Clause */
/* Closing, and connecting again: nobody is waited for and nothing is left. */
#include "fabric_target.h"

#include <dirent.h>

#define TARGET_SIZE ((size_t)64 << 20)

TestSuite(fabric_close, .init = target_forget_environment, .timeout = 30);

/* --- tearing down -------------------------------------------------------- */

static void check_close_at_once(const path_t *path, bool is_stopped)
{
    rsmi_fabric_wait_t wait = wait_ms(50);
    unsigned char block[8192] = {0};
    rsmi_time_t begin;
    target_t target;
    int i;

    target_begin(&target, path, TARGET_SIZE);
    if (is_stopped) {
        target_warm_up(&target);
        target_stop(&target);
    } else {
        target_kill(&target);
    }
    for (i = 0; i < 32; ++i) {
        (void)rsmi_fabric_put(target.key, target.card.remote, block,
                              sizeof(block), &wait);
    }
    (void)rsmi_fabric_get(target.key, target.card.remote, block, 4096, &wait);
    (void)rsmi_fabric_flush(target.peer, &wait);

    begin = rsmi_clock_now();
    rsmi_fabric_close();
    cr_assert_lt(rsmi_clock_now() - begin, 1500000000);
    target_kill(&target);
    close(target.socket);
}

Test(fabric_close, close_waits_for_no_dead_peer_by_tcp)
{
    check_close_at_once(&path_tcp, false);
}

Test(fabric_close, close_waits_for_no_dead_peer_by_shm)
{
    check_close_at_once(&path_shm, false);
}

Test(fabric_close, close_waits_for_no_stopped_peer_by_tcp)
{
    check_close_at_once(&path_tcp, true);
}

Test(fabric_close, close_waits_for_no_stopped_peer_by_shm)
{
    check_close_at_once(&path_shm, true);
}

/* A key may go while an operation that uses it is still on its way. */
Test(fabric_close, a_key_may_be_closed_with_operations_on_their_way)
{
    rsmi_fabric_wait_t wait = wait_ms(10);
    unsigned char block[8192] = {0};
    target_t target;
    int i;

    target_begin(&target, &path_tcp, 16384);
    for (i = 0; i < 32; ++i) {
        (void)rsmi_fabric_put(target.key, target.card.remote, block,
                              sizeof(block), &wait);
    }
    (void)rsmi_fabric_get(target.key, target.card.remote, block, 64, &wait);
    rsmi_fabric_key_close(target.key);
    target.key = NULL;
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);

    cr_assert_eq(rsmi_fabric_key_open(target.peer, target.card.key,
                                      target.card.key_size, &target.key),
                 RSM_SUCCESS);
    rsmi_fabric_disconnect(target.peer);
    cr_assert_eq(
        rsmi_fabric_put(target.key, target.card.remote, block, 8, &wait),
        RSMERR_CONN_ABORTED);
    target.peer = NULL;
    target_end(&target);
}

/* --- what an importer can do to the target ------------------------------- */

/* Processor time of a process, in clock ticks. */
static long ticks_of(pid_t pid)
{
    unsigned long user = 0;
    unsigned long system = 0;
    char name[64];
    FILE *file;

    snprintf(name, sizeof(name), "/proc/%d/stat", pid);
    file = fopen(name, "r");
    cr_assert_eq(fscanf(file,
                        "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
                        "%*u %lu %lu",
                        &user, &system),
                 2);
    fclose(file);
    return (long)(user + system);
}

/* Killed with answers to it on their way, an importer leaves a full queue
 * behind. No processor must be burnt for it, and others must be served. The
 * latter cannot be asked of shared memory, where UCX itself is deaf to
 * everybody after a sender was killed at the wrong instant: there a new
 * message may wait for ever, but its sender must not. */
static void check_killed_importer(const path_t *path)
{
    rsmi_fabric_wait_t wait;
    unsigned char *buffer;
    target_t target;
    rsmi_time_t begin;
    pid_t victim;
    long ticks;
    int i;

    target_start(&target, path, TARGET_SIZE);
    for (i = 0; i < 4; ++i) {
        victim = fork();
        if (victim == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            buffer = malloc(TARGET_SIZE);
            wait = wait_ms(60000);
            if (rsmi_fabric_open() == RSM_SUCCESS) {
                target_connect(&target, path);
                while (rsmi_fabric_get(target.key, target.card.remote, buffer,
                                       TARGET_SIZE, &wait) == RSM_SUCCESS) {
                }
            }
            _exit(1);
        }
        (void)poll(NULL, 0, 60 + i);
        kill(victim, SIGKILL);
        (void)waitpid(victim, NULL, 0);
    }

    cr_assert_eq(waitpid(target.pid, NULL, WNOHANG), 0, "the target crashed");
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    begin = rsmi_clock_now();
    target_connect(&target, path);
    for (i = 0; (i < 10) && (path->kind != RSMI_FABRIC_SHM); ++i) {
        target_warm_up(&target);
    }
    wait = wait_ms(500);
    (void)rsmi_fabric_flush(target.peer, &wait);
    cr_expect_lt(rsmi_clock_now() - begin, 2000000000);

    ticks = ticks_of(target.pid);
    (void)poll(NULL, 0, 500);
    cr_expect_lt(ticks_of(target.pid) - ticks, sysconf(_SC_CLK_TCK) / 4,
                 "the target spins");
    target_kill(&target);
    target_end_dead(&target);
}

Test(fabric_close, a_killed_importer_makes_nobody_spin_by_shm)
{
    check_killed_importer(&path_shm);
}

Test(fabric_close, a_killed_importer_does_not_hold_up_others_by_tcp)
{
    check_killed_importer(&path_tcp);
}

/* --- connecting again ---------------------------------------------------- */

static int count_descriptors(pid_t pid)
{
    char name[64];
    int count = 0;
    DIR *dir;

    snprintf(name, sizeof(name), "/proc/%d/fd", pid);
    dir = opendir(name);
    while (readdir(dir) != NULL) {
        ++count;
    }
    closedir(dir);
    return count;
}

static void check_cycles(const path_t *path, int cycles)
{
    target_t target;
    int there = 0;
    int here = 0;
    int i;

    target_begin(&target, path, 4096);
    for (i = 0; i < cycles; ++i) {
        target_warm_up(&target);
        if (i == cycles / 2) {
            here = count_descriptors(getpid());
            there = count_descriptors(target.pid);
        }
        rsmi_fabric_key_close(target.key);
        rsmi_fabric_disconnect(target.peer);
        target_connect(&target, path);
    }
    target_warm_up(&target);
    cr_expect_leq(count_descriptors(getpid()), here + 2, "%d after %d",
                  count_descriptors(getpid()), here);
    cr_expect_leq(count_descriptors(target.pid), there + 2, "%d after %d",
                  count_descriptors(target.pid), there);
    target_end(&target);
}

Test(fabric_close, connecting_again_leaks_no_descriptors_by_tcp)
{
    check_cycles(&path_tcp, 60);
}

Test(fabric_close, connecting_again_leaks_no_descriptors_by_shm)
{
    check_cycles(&path_shm, 60);
}

Test(fabric_close, the_fabric_opens_again_after_close)
{
    target_t target;
    int i;

    target_start(&target, &path_tcp, 4096);
    for (i = 0; i < 5; ++i) {
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        target_connect(&target, &path_tcp);
        target_warm_up(&target);
        rsmi_fabric_close();
    }
    target.key = NULL;
    target.peer = NULL;
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_end(&target);
}
