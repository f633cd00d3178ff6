/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers of the caller's own memory that are given up, or whose target dies
 * under them. */
#include "fabric_target.h"

#include <pthread.h>

#define TARGET_SIZE ((size_t)64 << 20)

TestSuite(fabric_large, .init = target_forget_environment, .timeout = 30);

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
    target_warm_up(&target);
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
    cr_assert_lt(rsmi_clock_now() - begin, 5000000000);
    memset(buffer, 0x33, TARGET_SIZE);

    kill(target.pid, SIGCONT);
    wait = wait_ms(1000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSMERR_CONN_ABORTED);

    /* The way is gone, not the target: another one leads there. */
    rsmi_fabric_key_close(target.key);
    rsmi_fabric_disconnect(target.peer);
    target_connect(&target, path);
    target_warm_up(&target);
    for (i = 0; (i < TARGET_SIZE) && (buffer[i] == 0x33); ++i) {
    }
    cr_assert_eq(i, TARGET_SIZE, "written after the call at %zu", i);
    for (i = 8; (i < TARGET_SIZE) && (target.memory[i] != 0x33); ++i) {
    }
    cr_assert_eq(i, TARGET_SIZE, "read after the call at %zu", i);
    target_end(&target);
    free(buffer);
}

Test(fabric_large, an_abandoned_large_get_by_tcp_leaves_memory_alone)
{
    check_large_abandoned(&path_tcp, true);
}

Test(fabric_large, an_abandoned_large_get_by_shm_leaves_memory_alone)
{
    check_large_abandoned(&path_shm, true);
}

Test(fabric_large, an_abandoned_large_put_by_tcp_leaves_memory_alone)
{
    check_large_abandoned(&path_tcp, false);
}

Test(fabric_large, an_abandoned_large_put_by_shm_leaves_memory_alone)
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

Test(fabric_large, a_large_put_to_a_peer_that_never_answered_by_tcp)
{
    check_large_first(&path_tcp);
}

Test(fabric_large, a_large_put_to_a_peer_that_never_answered_by_shm)
{
    check_large_first(&path_shm);
}

/* The peer dies in the middle of transfers, whatever they are. By shared memory
 * nobody says so, or UCX finds that the peer's pages cannot be opened any more;
 * and what dies while it answers leaves our own queue there blocked, so each
 * round has a domain of its own. */
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
    target_t targets[3];
    rsmi_fabric_wait_t wait;
    pthread_t killer;
    target_t *target;
    int round;
    int rc;

    for (round = 0; round < 3; ++round) {
        target_start(&targets[round], path, TARGET_SIZE);
    }
    for (round = 0; round < 3; ++round) {
        target = &targets[round];
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        target_connect(target, path);
        target_warm_up(target);
        cr_assert_eq(pthread_create(&killer, NULL, kill_soon, target), 0);
        do {
            wait = wait_ms(300);
            rc = is_get ? rsmi_fabric_get(target->key, target->card.remote,
                                          buffer, size, &wait)
                        : rsmi_fabric_put(target->key, target->card.remote,
                                          buffer, size, &wait);
        } while (rc == RSM_SUCCESS);
        pthread_join(killer, NULL);
        cr_assert((rc == RSMERR_CONN_ABORTED) ||
                      ((path->kind == RSMI_FABRIC_SHM) &&
                       ((rc == RSMERR_BARRIER_FAILURE) ||
                        (rc == RSMERR_INSUFFICIENT_RESOURCES))),
                  "%d", rc);
        target_kill(target);
        target_end_dead(target);
    }
    free(buffer);
}

Test(fabric_large, death_in_a_large_put_by_tcp)
{
    check_death_in_transfer(&path_tcp, false, TARGET_SIZE);
}

Test(fabric_large, death_in_a_large_get_by_tcp)
{
    check_death_in_transfer(&path_tcp, true, TARGET_SIZE);
}

Test(fabric_large, death_in_small_puts_by_tcp)
{
    check_death_in_transfer(&path_tcp, false, 8192);
}

Test(fabric_large, death_in_small_gets_by_tcp)
{
    check_death_in_transfer(&path_tcp, true, 8192);
}

Test(fabric_large, death_in_a_large_put_by_shm)
{
    check_death_in_transfer(&path_shm, false, TARGET_SIZE);
}

Test(fabric_large, death_in_a_large_get_by_shm)
{
    check_death_in_transfer(&path_shm, true, TARGET_SIZE);
}
