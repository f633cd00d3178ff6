/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts of every size travel in different ways. Barriers speak for all of them,
 * over all segments of an exporter and for all threads. */
#include "multi.h"

#include <pthread.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE            ((size_t)64 * MULTI_PAGE)

enum { SEGMENTS = 2, THREADS = 4, ROUNDS = 40, PUTS = 25 };

typedef struct {
    multi_segment_t segment;
    multi_import_t import;
    unsigned char *shadow; /* what the exporter's bytes have to be */
    size_t at;             /* where the next put of the span goes */
} board_t;

static board_t boards[SEGMENTS];

/* Everybody imports the memory of rank 1. */
static void begin(void)
{
    int i;

    for (i = 0; i < SEGMENTS; ++i) {
        multi_publish(&boards[i].segment, SIZE, MULTI_ID(i));
        multi_connect(&boards[i].import, 1, MULTI_ID(i), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(boards[i].import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        boards[i].shadow = multi_pages(SIZE);
    }
    multi_sync();
}

static void end(void)
{
    int i;

    multi_sync();
    for (i = 0; i < SEGMENTS; ++i) {
        multi_disconnect(&boards[i].import);
        multi_free_pages(boards[i].shadow, SIZE);
    }
    multi_sync();
    for (i = 0; i < SEGMENTS; ++i) {
        multi_withdraw(&boards[i].segment);
    }
}

/* The next put of a span, of another size each time. The exporter knows what to
 * expect by doing the same to its shadow. */
static void scribble(board_t *board, uint32_t seed)
{
    static const size_t sizes[] = {8, 70000, 1, 8192, 8200, 100, 16384, 4096};
    size_t len = sizes[seed % COUNT_OF(sizes)];

    cr_assert_leq(board->at + len, SIZE);
    multi_fill(board->shadow + board->at, len, seed);
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_import_put(board->import.handle, (off_t)board->at,
                                       board->shadow + board->at, len));
    }
    board->at += len;
}

/* Loads of the exporter: a get of the importer would wait for its puts. */
static void check(const board_t *board, int round)
{
    multi_sync();
    if (multi.rank == 1) {
        cr_assert_eq(memcmp(board->segment.memory, board->shadow, SIZE), 0,
                     "round %d", round);
    }
    multi_sync();
}

static void open_barrier(board_t *board)
{
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_import_open_barrier(&board->import.barrier));
    }
}

static void close_barrier(board_t *board)
{
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_import_close_barrier(&board->import.barrier));
    }
}

MULTI_TEST(order, barriers_speak_for_puts_of_all_sizes, 2)
{
    uint32_t seed = 1;
    int round, i;

    begin();
    for (round = 0; round < ROUNDS; ++round) {
        for (i = 0; i < SEGMENTS; ++i) {
            open_barrier(&boards[i]);
            boards[i].at = 8 * (size_t)round;
        }
        for (i = 0; i < PUTS; ++i) {
            scribble(&boards[seed % SEGMENTS], seed / SEGMENTS);
            ++seed;
        }
        for (i = 0; i < SEGMENTS; ++i) {
            close_barrier(&boards[i]);
            check(&boards[i], round);
        }
    }
    end();
}

/* The number that a fetch-and-add leaves comes behind puts of all sizes. */
MULTI_TEST(order, atomics_follow_puts_of_all_sizes, 2)
{
    static const size_t sizes[] = {8, 8192, 8200, 100000};
    static unsigned char data[100000];
    const size_t at = MULTI_PAGE;
    uint64_t round, old;
    size_t len;

    begin();
    open_barrier(&boards[0]);
    for (round = 1; round <= 200; ++round) {
        len = sizes[round % COUNT_OF(sizes)];
        if (multi.rank == 0) {
            memset(data, (int)(round % 251), sizeof(data));
            MULTI_OK(rsm_memseg_import_put(boards[0].import.handle, (off_t)at,
                                           data, len));
            MULTI_OK(rsm_memseg_import_put(boards[0].import.handle,
                                           (off_t)(at + len), data, 64));
            MULTI_OK(
                rsm_memseg_import_order_barrier(&boards[0].import.barrier));
            MULTI_OK(
                rsmx_import_fetch_add64(boards[0].import.handle, 0, 1, &old));
            cr_assert_eq(old, 2 * (round - 1));
            MULTI_WAIT(multi_get64(&boards[0].import, 0) == 2 * round);
        } else {
            MULTI_WAIT(multi_load64(boards[0].segment.memory) == 2 * round - 1);
            cr_assert(multi_is_all(boards[0].segment.memory + at, len + 64,
                                   (unsigned char)(round % 251)),
                      "the number overtook %zu bytes", len);
            MULTI_OK(
                rsmx_import_fetch_add64(boards[0].import.handle, 0, 1, &old));
        }
    }
    close_barrier(&boards[0]);
    end();
}

/* What the threads put, a word every so often. */
enum { STEP = 1000 * 8 };

static void *scribble_beside(void *arg)
{
    size_t part = SIZE / THREADS, thread = (size_t)arg, at;
    uint64_t word;

    for (at = thread * part; at < (thread + 1) * part; at += STEP) {
        word = at;
        MULTI_OK(rsm_memseg_import_put(boards[0].import.handle, (off_t)at,
                                       &word, sizeof(word)));
    }
    return NULL;
}

static void scribble_in_threads(void)
{
    pthread_t threads[THREADS];
    size_t thread;

    for (thread = 0; thread < THREADS; ++thread) {
        cr_assert_eq(pthread_create(&threads[thread], NULL, scribble_beside,
                                    (void *)thread),
                     0);
    }
    for (thread = 0; thread < THREADS; ++thread) {
        cr_assert_eq(pthread_join(threads[thread], NULL), 0);
    }
}

/* Who has waited for threads that put may close the barrier for them. */
MULTI_TEST(order, a_barrier_speaks_for_threads_that_have_ended, 2)
{
    size_t at, thread;
    int round;

    begin();
    memset(boards[0].shadow, 0xff, SIZE);
    for (thread = 0; thread < THREADS; ++thread) {
        at = thread * (SIZE / THREADS);
        for (; at < (thread + 1) * (SIZE / THREADS); at += STEP) {
            memcpy(boards[0].shadow + at, &at, sizeof(at));
        }
    }
    for (round = 0; round < ROUNDS; ++round) {
        if (multi.rank == 1) {
            memset(boards[0].segment.memory, 0xff, SIZE);
        }
        multi_sync();
        open_barrier(&boards[0]);
        if (multi.rank == 0) {
            scribble_in_threads();
        }
        close_barrier(&boards[0]);
        check(&boards[0], round);
    }
    end();
}
