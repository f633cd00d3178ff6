/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers that die among their gets. UCX 1.13 aborts a target whose answer
 * cannot be sent, as is the second one to a process that has just died: the
 * first was sent, and brought the news. Hence small gets are letters. */
#include "fabric_deaths.h"

#define SIZE    ((size_t)1 << 20)
#define PIECE   8192
#define PIECES  16
#define THREADS 32

/* A lock is no queue: of hundreds of threads one may be the last for long. */
#define TURN_MS 60000

TestSuite(fabric_fetch, .init = target_forget_environment, .timeout = 60);

static int get_one_by_one(const target_t *target)
{
    unsigned char buffer[PIECE];
    rsmi_fabric_wait_t wait = wait_ms(10000);
    int rc = RSM_SUCCESS;
    size_t at;

    for (at = 0; (at < SIZE) && (rc == RSM_SUCCESS); at += PIECE) {
        rc = rsmi_fabric_get(target->key, target->card.remote + at, buffer,
                             PIECE, &wait);
    }
    return rc;
}

static int get_vectors(const target_t *target)
{
    unsigned char buffer[PIECES][PIECE];
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_get_t gets[PIECES];
    int rc = RSM_SUCCESS;
    size_t at, i, done;

    for (at = 0; (at < SIZE) && (rc == RSM_SUCCESS); at += sizeof(buffer)) {
        for (i = 0; i < PIECES; ++i) {
            gets[i] = (rsmi_fabric_get_t){target->card.remote + at + i * PIECE,
                                          buffer[i], (i == 3) ? 1 : PIECE};
        }
        rc = rsmi_fabric_getv(target->key, gets, PIECES, &wait, &done);
        cr_assert((rc != RSM_SUCCESS) || (done == PIECES));
    }
    return rc;
}

static void *be_greedy(void *arg)
{
    while (get_vectors(arg) == RSM_SUCCESS) {
    }
    return NULL;
}

static void *be_modest(void *arg)
{
    while (get_one_by_one(arg) == RSM_SUCCESS) {
    }
    return NULL;
}

static void *count(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait = wait_ms(10000);
    uint64_t old;

    while (rsmi_fabric_atomic(target->key, RSMI_ATOMIC_ADD, 8,
                              target->card.remote, 1, 0, &old,
                              &wait) == RSM_SUCCESS) {
    }
    return NULL;
}

/* And then another one is served. */
static void check_deaths(void *(*function)(void *), int threads)
{
    target_t target;

    deaths_begin(&target, SIZE, function, threads);
    cr_assert_eq(get_one_by_one(&target), RSM_SUCCESS);
    cr_assert_eq(get_vectors(&target), RSM_SUCCESS);
    target_end(&target);
}

Test(fabric_fetch, one_thread_of_single_gets)
{
    check_deaths(be_modest, 1);
}

Test(fabric_fetch, one_thread_of_vectors)
{
    check_deaths(be_greedy, 1);
}

Test(fabric_fetch, many_threads_of_single_gets)
{
    setenv("UCX_TCP_RCVBUF", "64k", 1);
    check_deaths(be_modest, THREADS);
}

Test(fabric_fetch, many_threads_of_vectors)
{
    setenv("UCX_TCP_RCVBUF", "64k", 1);
    check_deaths(be_greedy, THREADS);
}

Test(fabric_fetch, many_threads_of_atomics)
{
    setenv("UCX_TCP_RCVBUF", "64k", 1);
    check_deaths(count, THREADS);
}

static void *get_and_count(void *arg)
{
    const target_t *target = arg;
    rsmi_fabric_wait_t wait;
    unsigned char *buffer = malloc(PIECE);
    bool is_well = buffer != NULL;
    uint64_t old;
    int i;

    for (i = 0; is_well && (i < 20); ++i) {
        wait = wait_ms(TURN_MS);
        is_well = (rsmi_fabric_get(target->key,
                                   target->card.remote + (size_t)i * PIECE,
                                   buffer, PIECE, &wait) == RSM_SUCCESS) &&
                  (rsmi_fabric_atomic(target->key, RSMI_ATOMIC_ADD, 8,
                                      target->card.remote, 1, 0, &old,
                                      &wait) == RSM_SUCCESS);
    }
    free(buffer);
    return is_well ? NULL : arg;
}

/* More threads than a target keeps answers for, and a socket that holds few. */
Test(fabric_fetch, many_threads_have_their_turns, .timeout = 120)
{
    enum { MANY = 600 };
    static pthread_t threads[MANY];
    pthread_attr_t attributes;
    target_t target;
    void *failed;
    int i;

    setenv("UCX_TCP_RCVBUF", "16k", 1);
    setenv("UCX_TCP_SNDBUF", "16k", 1);
    target_begin(&target, &path_tcp, SIZE);
    target_warm_up(&target);
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, (size_t)256 << 10), 0);
    for (i = 0; i < MANY; ++i) {
        cr_assert_eq(
            pthread_create(&threads[i], &attributes, get_and_count, &target),
            0);
    }
    for (i = 0; i < MANY; ++i) {
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_expect_null(failed, "thread %d was not answered", i);
    }
    target_end(&target);
}

/* Small, large and empty ones, more than are asked for at once, and several to
 * the same place: the later one stays. */
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
        to = i * 7001 % (SIZE - 300000);
        gets[i] = (rsmi_fabric_get_t){target.card.remote + from, buffer + to,
                                      sizes[i % KINDS]};
    }
    for (i = 0; i < COUNT; ++i) {
        cr_assert_eq(rsmi_fabric_getv(target.key, &gets[i], 1, &wait, &done),
                     RSM_SUCCESS);
        cr_assert_eq(done, 1);
        cr_assert_eq(
            memcmp(gets[i].dst,
                   target.memory + (gets[i].remote - target.card.remote),
                   gets[i].len),
            0);
    }
    memcpy(model, buffer, SIZE);
    memset(buffer, 0, SIZE);
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, COUNT, &wait, &done),
                 RSM_SUCCESS);
    cr_assert_eq(done, COUNT);
    cr_assert_eq(memcmp(buffer, model, SIZE), 0);
    target_end(&target);
    free(buffer);
    free(model);
}

Test(fabric_fetch, vectors_bring_what_is_there_over_tcp)
{
    check_contents(&path_tcp);
}

Test(fabric_fetch, vectors_bring_what_is_there_over_shared_memory)
{
    check_contents(&path_shm);
}

Test(fabric_fetch, vectors_bring_what_is_there_directly)
{
    check_contents(&path_direct);
}

/* A stopped target: the deadline ends it, nothing is written afterwards, and it
 * goes on when the target does. */
Test(fabric_fetch, a_vector_ends_at_its_deadline)
{
    static unsigned char buffer[PIECES][PIECE], before[PIECES][PIECE];
    rsmi_fabric_get_t gets[PIECES];
    rsmi_fabric_wait_t wait;
    rsmi_time_t start;
    target_t target;
    size_t i, done;

    target_begin(&target, &path_tcp, SIZE);
    target_warm_up(&target);
    memset(target.memory, 5, SIZE);
    for (i = 0; i < PIECES; ++i) {
        gets[i] = (rsmi_fabric_get_t){target.card.remote + i * PIECE, buffer[i],
                                      PIECE};
    }
    (void)kill(target.pid, SIGSTOP);
    start = rsmi_clock_now();
    wait = wait_ms(300);
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, PIECES, &wait, &done),
                 RSMERR_BARRIER_FAILURE);
    cr_assert_eq(done, 0);
    cr_assert_lt(rsmi_clock_now() - start, (rsmi_time_t)2000000000);
    memset(buffer, 9, sizeof(buffer));
    memcpy(before, buffer, sizeof(buffer));
    (void)kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, 1, &wait, &done),
                 RSM_SUCCESS);
    cr_assert_eq(buffer[0][0], 5);
    cr_assert_eq(memcmp(buffer[1], before[1], sizeof(buffer) - PIECE), 0,
                 "an answer came to a vector that was given up");
    target_end(&target);
}
