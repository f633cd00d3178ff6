/* SPDX-License-Identifier: BSD-3-Clause */
/* Several gets at once: what they bring, and what becomes of them and of those
 * who answer when one side dies or is stopped. */
#include "fabric_target.h"

#include <pthread.h>

#define PIECES    16
#define PIECE     8192
#define SIZE      ((size_t)1 << 20)
#define TIMEOUT_S 60

TestSuite(fabric_getv, .init = target_forget_environment, .timeout = TIMEOUT_S);

static int getv(const target_t *target, unsigned char *buffer, int ms,
                size_t *done_p)
{
    rsmi_fabric_wait_t wait = wait_ms(ms);
    rsmi_fabric_get_t gets[PIECES];
    size_t i;

    for (i = 0; i < PIECES; ++i) {
        gets[i] = (rsmi_fabric_get_t){target->card.remote + i * PIECE,
                                      buffer + i * PIECE, PIECE};
    }
    return rsmi_fabric_getv(target->key, gets, PIECES, &wait, done_p);
}

/* Small, large and empty ones, more than are asked for at once, and two to the
 * same place: the later one stays. */
static void check_contents(const path_t *path)
{
    static const size_t sizes[] = {8, 0,    1, 8192, 8193, 300000,
                                   7, 4096, 0, 8191, 100,  65536};
    enum { COUNT = 100, KINDS = sizeof(sizes) / sizeof(sizes[0]) };
    unsigned char *buffer = calloc(1, SIZE), *model = calloc(1, SIZE);
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_get_t gets[COUNT];
    target_t target;
    size_t i, from, to, done;

    target_begin(&target, path, SIZE);
    for (i = 0; i < SIZE; ++i) {
        target.memory[i] = (unsigned char)(i * 7 + i / 251);
    }
    for (i = 0; i < COUNT; ++i) {
        from = i * 5003 % (SIZE - 300000);
        to = i / 2 * 7001 % (SIZE - 300000);
        gets[i] = (rsmi_fabric_get_t){target.card.remote + from, buffer + to,
                                      sizes[i % KINDS]};
        memcpy(model + to, target.memory + from, sizes[i % KINDS]);
    }
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, COUNT, &wait, &done),
                 RSM_SUCCESS);
    cr_assert_eq(done, COUNT);
    cr_assert_eq(memcmp(buffer, model, SIZE), 0);
    target_end(&target);
    free(buffer);
    free(model);
}

Test(fabric_getv, brings_what_single_gets_do_by_tcp)
{
    check_contents(&path_tcp);
}

Test(fabric_getv, brings_what_single_gets_do_by_shm)
{
    check_contents(&path_shm);
}

Test(fabric_getv, brings_what_single_gets_do_directly)
{
    check_contents(&path_direct);
}

/* It ends in time, leaves the memory alone, and the way is as good as before. */
Test(fabric_getv, from_a_stopped_target_ends_in_time)
{
    unsigned char *buffer = malloc(SIZE);
    rsmi_fabric_wait_t wait;
    rsmi_time_t begin;
    target_t target;
    size_t i, done;
    int round;

    target_begin(&target, &path_tcp, SIZE);
    target_warm_up(&target);
    memset(target.memory, 0x11, SIZE);
    target_stop(&target);
    memset(buffer, 0x22, SIZE);
    for (round = 0; round < 10; ++round) {
        begin = rsmi_clock_now();
        cr_assert_eq(getv(&target, buffer, 100, &done), RSMERR_BARRIER_FAILURE);
        cr_assert_eq(done, 0);
        cr_assert_lt(rsmi_clock_now() - begin, 2000000000);
    }

    kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    for (i = 0; (i < SIZE) && (buffer[i] == 0x22); ++i) {
    }
    cr_assert_eq(i, SIZE, "written after the call at %zu", i);
    cr_assert_eq(getv(&target, buffer, 10000, &done), RSM_SUCCESS);
    cr_assert_eq(buffer[PIECES * PIECE - 1], 0x11);
    target_end(&target);
    free(buffer);
}

static void *kill_soon(void *arg)
{
    const target_t *target = arg;

    (void)poll(NULL, 0, 5 + (int)(rsmi_clock_now() % 7));
    (void)kill(target->pid, SIGKILL);
    return NULL;
}

Test(fabric_getv, from_a_target_that_dies_is_aborted)
{
    unsigned char *buffer = malloc(SIZE);
    target_t targets[5];
    pthread_t killer;
    target_t *target;
    rsmi_time_t begin;
    size_t done;
    int round, rc;

    for (round = 0; round < 5; ++round) {
        target_start(&targets[round], &path_tcp, SIZE);
    }
    for (round = 0; round < 5; ++round) {
        target = &targets[round];
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        target_connect(target, &path_tcp);
        target_warm_up(target);
        cr_assert_eq(pthread_create(&killer, NULL, kill_soon, target), 0);
        do {
            begin = rsmi_clock_now();
            rc = getv(target, buffer, 5000, &done);
            cr_assert_eq(done == PIECES, rc == RSM_SUCCESS);
        } while (rc == RSM_SUCCESS);
        cr_assert_eq(rc, RSMERR_CONN_ABORTED);
        cr_assert_lt(rsmi_clock_now() - begin, 2000000000);
        pthread_join(killer, NULL);
        target_kill(target);
        target_end_dead(target);
    }
    free(buffer);
}

/* --- importers that die --- */

#define GREEDY_THREADS 64
#define GREEDY_ROUNDS  20

static void *get_greedily(void *arg)
{
    unsigned char *buffer = malloc(PIECES * PIECE);
    size_t done;

    while (getv(arg, buffer, 20000, &done) == RSM_SUCCESS) {
    }
    free(buffer);
    return NULL;
}

/* What the threads would ask for together is more than sockets have room for. */
static void be_greedy(target_t *target)
{
    pthread_t threads[GREEDY_THREADS];
    int i;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rsmi_fabric_open() != RSM_SUCCESS) {
        _exit(1);
    }
    target_connect(target, &path_tcp);
    target_warm_up(target);
    for (i = 0; i < GREEDY_THREADS; ++i) {
        if (pthread_create(&threads[i], NULL, get_greedily, target) != 0) {
            _exit(1);
        }
    }
    (void)poll(NULL, 0, -1);
}

/* Each dies among its gets, every second one deaf for a while before: answers to
 * it find no room, and UCX would abort a target in which one waits for that. */
Test(fabric_getv, importers_that_die_take_no_target_with_them)
{
    unsigned char *buffer = malloc(SIZE);
    target_t target;
    size_t done;
    pid_t pid;
    int round;

    setenv("UCX_TCP_RCVBUF", "64k", 1);
    target_start(&target, &path_tcp, SIZE);
    for (round = 0; round < GREEDY_ROUNDS; ++round) {
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            be_greedy(&target);
        }
        (void)poll(NULL, 0, 200 + round * 7);
        if (round % 2 == 1) {
            (void)kill(pid, SIGSTOP);
            (void)poll(NULL, 0, 100);
        }
        (void)kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        cr_assert_eq(waitpid(target.pid, NULL, WNOHANG), 0,
                     "the target died with importer %d", round);
    }
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(&target, &path_tcp);
    cr_assert_eq(getv(&target, buffer, 10000, &done), RSM_SUCCESS);
    target_end(&target);
    free(buffer);
}
