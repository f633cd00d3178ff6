/* SPDX-License-Identifier: BSD-3-Clause */
/* Large transfers of an importer by tcp, beside others of its threads: whatever
 * becomes of it, the target lives on; whatever becomes of the way, each thread
 * is told. */
#include "fabric/fabric_internal.h"

#include "fabric_deaths.h"

#include <stdatomic.h>

#define SIZE    ((size_t)1 << 20)
#define LARGE   ((size_t)64 << 20)
#define THREADS 8

TestSuite(fabric_mixed, .init = target_forget_environment, .timeout = 60);

/* --- importers that die ------------------------------------------------------ */

static size_t much = SIZE;
static int patience = 10000; /* ms */

static void *put_much(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(patience);
    unsigned char *buffer = calloc(1, SIZE);

    while ((buffer != NULL) &&
           (rsmi_fabric_put(target->key, target->card.remote, buffer, much,
                            &wait) == RSM_SUCCESS)) {
    }
    free(buffer);
    return NULL;
}

static void *get_much(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(patience);
    unsigned char *buffer = malloc(SIZE);

    while ((buffer != NULL) &&
           (rsmi_fabric_get(target->key, target->card.remote, buffer, much,
                            &wait) == RSM_SUCCESS)) {
    }
    free(buffer);
    return NULL;
}

static void *count(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(patience);
    uint64_t old;

    while (rsmi_fabric_atomic(target->key, RSMI_ATOMIC_ADD, 8,
                              target->card.remote, 1, 0, &old,
                              &wait) == RSM_SUCCESS) {
    }
    return NULL;
}

static void *put_through(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(patience);
    rsmi_fabric_look_t look = {.remote = target->card.remote};
    uint64_t word = 1;

    while (rsmi_fabric_put_through(target->key, look.remote, &word,
                                   sizeof(word), &look, &wait) == RSM_SUCCESS) {
    }
    return NULL;
}

/* Each thread has its own kind. */
static void *do_all(void *arg)
{
    static void *(*const functions[])(void *) = {get_much, put_much, count,
                                                 put_through};
    static _Atomic unsigned threads;

    return functions[atomic_fetch_add(&threads, 1) % 4](arg);
}

static void check_deaths(void *(*function)(void *), int threads)
{
    target_t target;

    deaths_begin(&target, SIZE, function, threads);
    target_warm_up(&target);
    target_end(&target);
}

Test(fabric_mixed, a_target_outlives_an_importer_in_a_large_put)
{
    check_deaths(put_much, 1);
}

Test(fabric_mixed, a_target_outlives_importers_in_many_large_puts)
{
    setenv("UCX_TCP_RCVBUF", "64k", 1);
    check_deaths(put_much, THREADS);
}

/* Where even small ones take several messages. */
Test(fabric_mixed, a_target_outlives_importers_with_short_segments)
{
    much = FABRIC_BOUNCE_SIZE;
    setenv("UCX_TCP_TX_SEG_SIZE", "4k", 1);
    setenv("UCX_TCP_RX_SEG_SIZE", "4k", 1);
    check_deaths(do_all, THREADS);
}

Test(fabric_mixed, a_target_outlives_importers_in_many_large_gets)
{
    setenv("UCX_TCP_RCVBUF", "64k", 1);
    check_deaths(get_much, THREADS);
}

Test(fabric_mixed, a_target_outlives_importers_that_do_everything)
{
    check_deaths(do_all, THREADS);
}

/* Others go on, whoever of them dies. */
Test(fabric_mixed, a_target_outlives_one_of_several_importers_after_another)
{
    enum { IMPORTERS = 4 };
    pid_t pids[IMPORTERS] = {0};
    target_t target;
    int round;

    target_start(&target, &path_tcp, SIZE);
    for (round = 0; round < DEATHS + IMPORTERS; ++round) {
        pid_t *pid = &pids[round % IMPORTERS];

        if (*pid != 0) {
            (void)kill(*pid, SIGKILL);
            cr_assert_eq(waitpid(*pid, NULL, 0), *pid);
        }
        *pid = fork();
        cr_assert_geq(*pid, 0);
        if (*pid == 0) {
            deaths_importer(&target, do_all, 4);
        }
        (void)poll(NULL, 0, 40 + round % 40);
        cr_assert_eq(waitpid(target.pid, NULL, WNOHANG), 0,
                     "the target died in round %d", round);
    }
    for (round = 0; round < IMPORTERS; ++round) {
        (void)kill(pids[round], SIGKILL);
        cr_assert_eq(waitpid(pids[round], NULL, 0), pids[round]);
    }
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(&target, &path_tcp);
    target_warm_up(&target);
    target_end(&target);
}

/* --- flushes ----------------------------------------------------------------- */

static _Atomic bool is_over;

static void *ask_again_and_again(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(30000);
    rsmi_fabric_look_t none = {0};
    uint64_t word = 1;
    int rc = RSM_SUCCESS;

    while (!atomic_load(&is_over) && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_put_through(target->key,
                                     target->card.remote + LARGE - 8, &word,
                                     sizeof(word), &none, &wait);
    }
    return (rc == RSM_SUCCESS) ? NULL : arg;
}

/* What others ask meanwhile says nothing of a put that is not over. */
static void check_flush(size_t size)
{
    unsigned char *buffer = malloc(LARGE);
    rsmi_fabric_wait_t wait = wait_ms(30000);
    pthread_t thread;
    target_t target;
    void *failed;
    int round;

    target_begin(&target, &path_tcp, LARGE);
    target_warm_up(&target);
    cr_assert_eq(pthread_create(&thread, NULL, ask_again_and_again, &target),
                 0);
    for (round = 1; round <= 20; ++round) {
        memset(buffer, round, size);
        cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote, buffer,
                                     size, &wait),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
        cr_assert_eq(target.memory[0], round);
        cr_assert_eq(target.memory[size - 1], round, "round %d", round);
    }
    atomic_store(&is_over, true);
    cr_assert_eq(pthread_join(thread, &failed), 0);
    cr_assert_null(failed);
    target_end(&target);
    free(buffer);
}

Test(fabric_mixed, a_flush_comes_after_a_large_put_while_others_ask)
{
    check_flush(LARGE / 2);
}

Test(fabric_mixed, a_flush_comes_after_one_message_while_others_ask)
{
    setenv("UCX_TCP_SNDBUF", "16k", 1);
    setenv("UCX_TCP_RCVBUF", "16k", 1);
    check_flush((size_t)200 << 10);
}

/* --- ways that break --------------------------------------------------------- */

typedef struct {
    target_t *target;
    int ms; /* of patience */
    size_t size;
    int rc;
    unsigned char *buffer;
} access_t;

static void *put_once(void *arg)
{
    access_t *access = arg;
    rsmi_fabric_wait_t wait = wait_ms(access->ms);

    access->rc =
        rsmi_fabric_put(access->target->key, access->target->card.remote,
                        access->buffer, access->size, &wait);
    return NULL;
}

static void *get_once(void *arg)
{
    access_t *access = arg;
    rsmi_fabric_wait_t wait = wait_ms(access->ms);

    access->rc =
        rsmi_fabric_get(access->target->key, access->target->card.remote,
                        access->buffer, access->size, &wait);
    return NULL;
}

/* The put is given up, and the endpoint with it, while a small get waits for its
 * answer and a large one for the small one. */
Test(fabric_mixed, a_large_get_that_waits_is_told_that_the_way_is_gone)
{
    static unsigned char *buffer;
    target_t target;
    access_t put = {&target, 200, LARGE, RSM_SUCCESS, NULL};
    access_t small = {&target, 10000, 8, RSM_SUCCESS, NULL};
    access_t large = {&target, 10000, SIZE, RSM_SUCCESS, NULL};
    pthread_t threads[3];
    int i;

    target_begin(&target, &path_tcp, LARGE);
    target_warm_up(&target);
    buffer = calloc(3, LARGE);
    cr_assert(buffer != NULL);
    put.buffer = buffer;
    small.buffer = buffer + LARGE;
    large.buffer = buffer + 2 * LARGE;
    target_stop(&target);
    cr_assert_eq(pthread_create(&threads[0], NULL, put_once, &put), 0);
    (void)poll(NULL, 0, 60);
    cr_assert_eq(pthread_create(&threads[1], NULL, get_once, &small), 0);
    (void)poll(NULL, 0, 60);
    cr_assert_eq(pthread_create(&threads[2], NULL, get_once, &large), 0);
    for (i = 0; i < 3; ++i) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(put.rc, RSMERR_BARRIER_FAILURE);
    cr_assert_eq(small.rc, RSMERR_CONN_ABORTED);
    cr_assert_eq(large.rc, RSMERR_CONN_ABORTED);
    target_kill(&target);
    target_end_dead(&target);
    free(buffer);
}

/* The target dies, or stops for longer than anybody waits. */
static void check_lost(int signal)
{
    enum { ROUNDS = 5 };
    target_t targets[ROUNDS], *target;
    pthread_t threads[THREADS];
    rsmi_time_t begin;
    int round, i;

    for (round = 0; round < ROUNDS; ++round) {
        target_start(&targets[round], &path_tcp, SIZE);
    }
    for (round = 0; round < ROUNDS; ++round) {
        target = &targets[round];
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        target_connect(target, &path_tcp);
        target_warm_up(target);
        for (i = 0; i < THREADS; ++i) {
            cr_assert_eq(pthread_create(&threads[i], NULL, do_all, target), 0);
        }
        (void)poll(NULL, 0, 20 + 7 * round);
        (void)kill(target->pid, signal);
        begin = rsmi_clock_now();
        for (i = 0; i < THREADS; ++i) {
            cr_assert_eq(pthread_join(threads[i], NULL), 0);
        }
        cr_assert_lt(rsmi_clock_now() - begin, (rsmi_time_t)20000000000);
        target_kill(target);
        target_end_dead(target);
    }
}

Test(fabric_mixed, threads_that_do_everything_outlive_the_target)
{
    check_lost(SIGKILL);
}

Test(fabric_mixed, threads_that_do_everything_give_up_a_stopped_target)
{
    patience = 500;
    check_lost(SIGSTOP);
}

/* How many gets UCX has to carry out now. */
static unsigned gets_on_their_way(rsmi_fabric_domain_t *domain)
{
    const rsmi_fabric_op_t *op;
    unsigned count = 0;

    rsmi_fabric_lock(domain);
    for (op = domain->all_ops; op != NULL; op = op->all) {
        count += (op->peer != NULL) && (op->key != NULL) && !op->is_put &&
                 !op->is_done;
    }
    rsmi_fabric_unlock(domain);
    return count;
}

/* Both find a peer that has not answered anything yet, and ask it. */
Test(fabric_mixed, the_first_large_gets_come_one_after_the_other)
{
    enum { GETS = 4 };
    static unsigned char *buffer;
    pthread_t threads[GETS];
    access_t gets[GETS];
    rsmi_time_t deadline;
    unsigned now, most = 0;
    target_t target;
    int i;

    target_begin(&target, &path_tcp, LARGE);
    target_stop(&target);
    buffer = malloc(GETS * LARGE);
    cr_assert(buffer != NULL);
    for (i = 0; i < GETS; ++i) {
        gets[i] = (access_t){&target, 20000, LARGE, RSMERR_TIMEOUT,
                             buffer + (size_t)i * LARGE};
        cr_assert_eq(pthread_create(&threads[i], NULL, get_once, &gets[i]), 0);
    }
    (void)poll(NULL, 0, 100);
    (void)kill(target.pid, SIGCONT);
    deadline = rsmi_deadline_in_ms(400);
    while (!rsmi_deadline_passed(deadline)) {
        now = gets_on_their_way(target.peer->domain);
        most = (now > most) ? now : most;
    }
    for (i = 0; i < GETS; ++i) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_assert_eq(gets[i].rc, RSM_SUCCESS);
    }
    cr_assert_eq(most, 1, "%u at a time", most);
    target_end(&target);
    free(buffer);
}
