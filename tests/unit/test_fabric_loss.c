/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fabric does when the other process is dead, stopped, or closed. */
#include "fabric_target.h"

#include <dirent.h>
#include <pthread.h>

#define TARGET_SIZE ((size_t)64 << 20)

static void forget_environment(void)
{
    unsetenv("UCX_TLS");
    unsetenv("UCX_NET_DEVICES");
}

TestSuite(fabric_loss, .init = forget_environment, .timeout = 30);

static bool always_lost(const void *arg)
{
    (void)arg;
    return true;
}

/* Connected for sure: lanes are up and a first answer came. */
static void warm_up(target_t *target)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    uint64_t word = 1;

    cr_assert_eq(rsmi_fabric_put(target->key, target->card.remote, &word,
                                 sizeof(word), &wait),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_flush(target->peer, &wait), RSM_SUCCESS);
}

static void check_dead_by_tcp(bool is_warm)
{
    rsmi_time_t begin;
    rsmi_fabric_wait_t wait;
    uint64_t word = 2;
    target_t target;
    int rc;

    target_begin(&target, &path_tcp, 4096);
    if (is_warm) {
        warm_up(&target);
    }
    target_kill(&target);

    begin = rsmi_clock_now();
    wait = wait_ms(10000);
    rc = rsmi_fabric_put(target.key, target.card.remote, &word, sizeof(word),
                         &wait);
    cr_assert((rc == RSM_SUCCESS) || (rc == RSMERR_CONN_ABORTED));
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_CONN_ABORTED);
    cr_assert_lt(rsmi_clock_now() - begin, 5000000000);

    /* And stays so. */
    cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote, &word,
                                 sizeof(word), &wait),
                 RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_get(target.key, target.card.remote, &word,
                                 sizeof(word), &wait),
                 RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                    target.card.remote, 1, 0, &word, &wait),
                 RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_order(target.peer, &wait), RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_CONN_ABORTED);
    target_end_dead(&target);
}

Test(fabric_loss, a_dead_peer_is_reported_by_tcp)
{
    check_dead_by_tcp(true);
}

Test(fabric_loss, a_peer_that_died_before_the_first_message_is_reported)
{
    check_dead_by_tcp(false);
}

/* Whatever the first thing is that is asked of it. */
static void check_first_of_dead(const path_t *path, int what)
{
    rsmi_fabric_wait_t wait;
    uint64_t word = 2;
    target_t target;
    int rc;
    int i;

    target_begin(&target, path, 4096);
    target_kill(&target);
    for (i = 0; i < 3; ++i) {
        wait = wait_ms(1000);
        rc = (what == 0)
                 ? rsmi_fabric_get(target.key, target.card.remote, &word,
                                   sizeof(word), &wait)
                 : rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                      target.card.remote, 1, 0, &word, &wait);
        cr_assert((rc == RSMERR_BARRIER_FAILURE) ||
                  (rc == RSMERR_CONN_ABORTED));
    }
    target_end_dead(&target);
}

/* The peer's kernel has taken the connection, the peer never does. */
static void check_death_while_connecting(const path_t *path)
{
    rsmi_fabric_wait_t wait;
    uint64_t word = 2;
    target_t target;

    target_begin(&target, path, 4096);
    target_stop(&target);
    wait = wait_ms(50);
    cr_assert_eq(rsmi_fabric_get(target.key, target.card.remote, &word,
                                 sizeof(word), &wait),
                 RSMERR_BARRIER_FAILURE);
    target_kill(&target);
    wait = wait_ms(5000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_CONN_ABORTED);
    target_end_dead(&target);
}

Test(fabric_loss, a_peer_that_dies_while_connecting_by_tcp)
{
    check_death_while_connecting(&path_tcp);
}

Test(fabric_loss, a_first_get_from_a_dead_peer_by_tcp)
{
    check_first_of_dead(&path_tcp, 0);
}

Test(fabric_loss, a_first_atomic_on_a_dead_peer_by_tcp)
{
    check_first_of_dead(&path_tcp, 1);
}

/* Shared memory does not notice, so is_lost and the deadline must do. */
static void check_dead_by_shm(bool is_warm)
{
    rsmi_fabric_wait_t wait = wait_ms(200);
    rsmi_fabric_wait_t lost = {.deadline = RSMI_NEVER, .is_lost = always_lost};
    uint64_t word = 2;
    target_t target;
    int rc;

    target_begin(&target, &path_shm, 4096);
    if (is_warm) {
        warm_up(&target);
    }
    target_kill(&target);

    cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote, &word,
                                 sizeof(word), &wait),
                 RSM_SUCCESS);

    /* The keep-alive of UCX may be quicker than the deadline. */
    rc = rsmi_fabric_flush(target.peer, &wait);
    cr_assert((rc == RSMERR_BARRIER_FAILURE) || (rc == RSMERR_CONN_ABORTED));
    cr_assert_eq(rsmi_fabric_flush(target.peer, &lost), RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_get(target.key, target.card.remote, &word,
                                 sizeof(word), &lost),
                 RSMERR_CONN_ABORTED);
    cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                    target.card.remote, 1, 0, &word, &lost),
                 RSMERR_CONN_ABORTED);
    target_end_dead(&target);
}

Test(fabric_loss, a_dead_peer_ends_waits_by_shm)
{
    check_dead_by_shm(true);
}

Test(fabric_loss, a_dead_peer_ends_first_waits_by_shm)
{
    check_dead_by_shm(false);
}

/* A stopped process is slow, not dead: what fits into memory of ours waits for
 * it, and nothing is lost when it goes on. */
static void check_stopped(const path_t *path)
{
    rsmi_fabric_wait_t wait;
    uint64_t canary = 0x5a5a;
    uint64_t word = 7;
    uint64_t old = 0x5a5a;
    target_t target;

    target_begin(&target, path, 4096);
    warm_up(&target);
    target_stop(&target);

    wait = wait_ms(50);
    cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote + 8, &word,
                                 sizeof(word), &wait),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_BARRIER_FAILURE);
    wait = wait_ms(50);
    cr_assert_eq(rsmi_fabric_get(target.key, target.card.remote, &canary,
                                 sizeof(canary), &wait),
                 RSMERR_BARRIER_FAILURE);
    wait = wait_ms(50);
    cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                    target.card.remote + 16, 3, 0, &old, &wait),
                 RSMERR_BARRIER_FAILURE);

    kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(((uint64_t *)target.memory)[1], 7);
    cr_assert_eq(((uint64_t *)target.memory)[2], 3);
    cr_assert_eq(canary, 0x5a5a, "an abandoned get wrote");
    cr_assert_eq(old, 0x5a5a, "an abandoned atomic wrote");
    target_end(&target);
}

Test(fabric_loss, a_stopped_peer_comes_back_by_tcp)
{
    check_stopped(&path_tcp);
}

Test(fabric_loss, a_stopped_peer_comes_back_by_shm)
{
    check_stopped(&path_shm);
}

/* The caller's own memory is in UCX's hands: the endpoint has to go. */
static void check_large_abandoned(const path_t *path, bool is_get)
{
    unsigned char *buffer = malloc(TARGET_SIZE);
    rsmi_fabric_wait_t wait;
    rsmi_time_t begin;
    target_t target;
    size_t i;
    int rc;

    target_begin(&target, path, TARGET_SIZE);
    warm_up(&target);
    memset(target.memory, 0x11, TARGET_SIZE);
    target_stop(&target);

    memset(buffer, 0x22, TARGET_SIZE);
    begin = rsmi_clock_now();
    wait = wait_ms(100);
    rc = is_get ? rsmi_fabric_get(target.key, target.card.remote, buffer,
                                  TARGET_SIZE, &wait)
                : rsmi_fabric_put(target.key, target.card.remote, buffer,
                                  TARGET_SIZE, &wait);
    cr_assert_eq(rc, RSMERR_BARRIER_FAILURE, "%d", rc);
    cr_assert_lt(rsmi_clock_now() - begin, 400000000);
    memset(buffer, 0x33, TARGET_SIZE);

    kill(target.pid, SIGCONT);
    wait = wait_ms(1000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_CONN_ABORTED);

    /* The way is gone, not the target: another one leads there. */
    rsmi_fabric_key_close(target.key);
    rsmi_fabric_disconnect(target.peer);
    target_connect(&target, path);
    warm_up(&target);
    for (i = 0; (i < TARGET_SIZE) && (buffer[i] == 0x33); ++i) {
    }
    cr_assert_eq(i, TARGET_SIZE, "written after the call at %zu", i);
    for (i = 8; (i < TARGET_SIZE) && (target.memory[i] != 0x33); ++i) {
    }
    cr_assert_eq(i, TARGET_SIZE, "read after the call at %zu", i);
    target_end(&target);
    free(buffer);
}

Test(fabric_loss, an_abandoned_large_get_by_tcp_leaves_memory_alone)
{
    check_large_abandoned(&path_tcp, true);
}

Test(fabric_loss, an_abandoned_large_get_by_shm_leaves_memory_alone)
{
    check_large_abandoned(&path_shm, true);
}

Test(fabric_loss, an_abandoned_large_put_by_tcp_leaves_memory_alone)
{
    check_large_abandoned(&path_tcp, false);
}

Test(fabric_loss, an_abandoned_large_put_by_shm_leaves_memory_alone)
{
    check_large_abandoned(&path_shm, false);
}

/* Nor is it given away to a peer that never answered. */
static void check_large_first(const path_t *path)
{
    unsigned char *buffer = malloc(TARGET_SIZE);
    rsmi_fabric_wait_t wait = wait_ms(100);
    target_t target;
    int rc;

    target_begin(&target, path, TARGET_SIZE);
    target_stop(&target);
    memset(buffer, 0x44, TARGET_SIZE);
    rc = rsmi_fabric_put(target.key, target.card.remote, buffer, TARGET_SIZE,
                         &wait);
    cr_assert_eq(rc, RSMERR_BARRIER_FAILURE);
    rc = rsmi_fabric_get(target.key, target.card.remote, buffer, TARGET_SIZE,
                         &wait);
    cr_assert_eq(rc, RSMERR_BARRIER_FAILURE);

    kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    rc = rsmi_fabric_put(target.key, target.card.remote, buffer, TARGET_SIZE,
                         &wait);
    cr_assert_eq(rc, RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(memcmp(target.memory, buffer, TARGET_SIZE), 0);
    target_end(&target);
    free(buffer);
}

Test(fabric_loss, a_large_put_to_a_peer_that_never_answered_by_tcp)
{
    check_large_first(&path_tcp);
}

Test(fabric_loss, a_large_put_to_a_peer_that_never_answered_by_shm)
{
    check_large_first(&path_shm);
}

/* The peer dies in the middle of transfers, whatever they are. */
static void *kill_soon(void *arg)
{
    const target_t *target = arg;

    (void)poll(NULL, 0, 5 + (int)(rsmi_clock_now() % 7));
    (void)kill(target->pid, SIGKILL);
    return NULL;
}

static void check_death_in_transfer(const path_t *path, bool is_get,
                                    size_t size)
{
    unsigned char *buffer = calloc(1, TARGET_SIZE);
    rsmi_fabric_wait_t wait;
    pthread_t killer;
    target_t target;
    int rounds;
    int rc;

    for (rounds = 0; rounds < 3; ++rounds) {
        target_begin(&target, path, TARGET_SIZE);
        warm_up(&target);
        pthread_create(&killer, NULL, kill_soon, &target);
        do {
            wait = wait_ms(300);
            rc = is_get ? rsmi_fabric_get(target.key, target.card.remote,
                                          buffer, size, &wait)
                        : rsmi_fabric_put(target.key, target.card.remote,
                                          buffer, size, &wait);
        } while (rc == RSM_SUCCESS);
        pthread_join(killer, NULL);
        cr_assert((rc == RSMERR_CONN_ABORTED) ||
                  ((rc == RSMERR_BARRIER_FAILURE) &&
                   (path->kind == RSMI_FABRIC_SHM)));
        target_kill(&target);
        target_end_dead(&target);
    }
    free(buffer);
}

Test(fabric_loss, death_in_a_large_put_by_tcp)
{
    check_death_in_transfer(&path_tcp, false, TARGET_SIZE);
}

Test(fabric_loss, death_in_a_large_get_by_tcp)
{
    check_death_in_transfer(&path_tcp, true, TARGET_SIZE);
}

Test(fabric_loss, death_in_small_puts_by_tcp)
{
    check_death_in_transfer(&path_tcp, false, 8192);
}

Test(fabric_loss, death_in_small_gets_by_tcp)
{
    check_death_in_transfer(&path_tcp, true, 8192);
}

Test(fabric_loss, death_in_a_large_put_by_shm)
{
    check_death_in_transfer(&path_shm, false, TARGET_SIZE);
}

Test(fabric_loss, death_in_a_large_get_by_shm)
{
    check_death_in_transfer(&path_shm, true, TARGET_SIZE);
}

/* Small puts run ahead of a peer that does not listen, up to a bound. */
static void check_bounded(const path_t *path)
{
    unsigned char block[8192];
    rsmi_fabric_wait_t wait = wait_ms(300);
    target_t target;
    uint64_t count;
    int rc = RSM_SUCCESS;

    target_begin(&target, path, 16384);
    warm_up(&target);
    target_stop(&target);
    for (count = 0; (rc == RSM_SUCCESS) && (count < 100000); ++count) {
        memset(block, (int)(count & 0xff), sizeof(block));
        rc = rsmi_fabric_put(target.key, target.card.remote, block,
                             sizeof(block), &wait);
    }
    cr_assert_eq(rc, RSMERR_BARRIER_FAILURE);

    /* All that were accepted arrive, the last one last. */
    kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(target.memory[0], (count - 2) & 0xff);
    cr_assert_eq(target.memory[8191], (count - 2) & 0xff);
    target_end(&target);
}

Test(fabric_loss, puts_to_a_silent_peer_are_bounded_by_tcp)
{
    check_bounded(&path_tcp);
}

Test(fabric_loss, puts_to_a_silent_peer_are_bounded_by_shm)
{
    check_bounded(&path_shm);
}

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
        warm_up(&target);
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

Test(fabric_loss, close_waits_for_no_dead_peer_by_tcp)
{
    check_close_at_once(&path_tcp, false);
}

Test(fabric_loss, close_waits_for_no_dead_peer_by_shm)
{
    check_close_at_once(&path_shm, false);
}

Test(fabric_loss, close_waits_for_no_stopped_peer_by_tcp)
{
    check_close_at_once(&path_tcp, true);
}

Test(fabric_loss, close_waits_for_no_stopped_peer_by_shm)
{
    check_close_at_once(&path_shm, true);
}

/* A key may go while an operation that uses it is still on its way. */
Test(fabric_loss, a_key_may_be_closed_with_operations_on_their_way)
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
        warm_up(&target);
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

Test(fabric_loss, a_killed_importer_makes_nobody_spin_by_shm)
{
    check_killed_importer(&path_shm);
}

Test(fabric_loss, a_killed_importer_does_not_hold_up_others_by_tcp)
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
        warm_up(&target);
        if (i == cycles / 2) {
            here = count_descriptors(getpid());
            there = count_descriptors(target.pid);
        }
        rsmi_fabric_key_close(target.key);
        rsmi_fabric_disconnect(target.peer);
        target_connect(&target, path);
    }
    warm_up(&target);
    cr_expect_leq(count_descriptors(getpid()), here + 2, "%d after %d",
                  count_descriptors(getpid()), here);
    cr_expect_leq(count_descriptors(target.pid), there + 2, "%d after %d",
                  count_descriptors(target.pid), there);
    target_end(&target);
}

Test(fabric_loss, connecting_again_leaks_no_descriptors_by_tcp)
{
    check_cycles(&path_tcp, 60);
}

Test(fabric_loss, connecting_again_leaks_no_descriptors_by_shm)
{
    check_cycles(&path_shm, 60);
}

Test(fabric_loss, the_fabric_opens_again_after_close)
{
    target_t target;
    int i;

    target_start(&target, &path_tcp, 4096);
    for (i = 0; i < 5; ++i) {
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        target_connect(&target, &path_tcp);
        warm_up(&target);
        rsmi_fabric_close();
    }
    target.key = NULL;
    target.peer = NULL;
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_end(&target);
}
