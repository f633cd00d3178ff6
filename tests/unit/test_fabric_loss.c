/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fabric does when the other process is dead or stopped. */
#include "fabric_target.h"

TestSuite(fabric_loss, .init = target_forget_environment, .timeout = 30);

static bool always_lost(const void *arg)
{
    (void)arg;
    return true;
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
        target_warm_up(&target);
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
        target_warm_up(&target);
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
    target_warm_up(&target);
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

/* Small puts run ahead of a peer that does not listen, up to a bound. */
static void check_bounded(const path_t *path)
{
    unsigned char block[8192];
    rsmi_fabric_wait_t wait = wait_ms(300);
    target_t target;
    uint64_t count;
    int rc = RSM_SUCCESS;

    target_begin(&target, path, 16384);
    target_warm_up(&target);
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
