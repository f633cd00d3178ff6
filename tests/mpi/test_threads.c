/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of one process use windows at the same time. */
#include "mpi_test.h"
#include "writers.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS  50

typedef struct {
    const window_t *window;
    int number;
    int failures;
} worker_t;

static void run_all(void *(*body)(void *), const window_t *windows, int apart)
{
    pthread_t threads[THREADS];
    worker_t workers[THREADS];

    for (int i = 0; i < THREADS; ++i) {
        workers[i] = (worker_t){&windows[i * apart], i, 0};
        EXPECT(pthread_create(&threads[i], NULL, body, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
        EXPECT_EQ(workers[i].failures, 0);
    }
}

/* Each with a communicator of its own. */
static void run_on_copies(void *(*body)(void *), MPI_Comm comm)
{
    window_t holders[THREADS];

    for (int i = 0; i < THREADS; ++i) {
        MPI_Comm_dup(comm, &holders[i].comm);
    }
    run_all(body, holders, 1);
    mpi_sync();
    for (int i = 0; i < THREADS; ++i) {
        MPI_Comm_free(&holders[i].comm);
    }
}

/* Within one epoch: puts, gets and accumulates, each thread to its place. */
static void *use_one_window(void *argument)
{
    worker_t *me = argument;
    const window_t *w = me->window;
    int peer = 1 - mpi_rank;
    size_t at = 64 * (size_t)me->number + 8;
    int64_t one = 1;
    int64_t got;

    for (int64_t i = 1; i <= ROUNDS; ++i) {
        MPI_Put(&i, 1, MPI_INT64_T, peer, window_at(w, peer, at), 1,
                MPI_INT64_T, w->win);
        MPI_Win_flush(peer, w->win);
        got = 0;
        MPI_Get(&got, 1, MPI_INT64_T, peer, window_at(w, peer, at), 1,
                MPI_INT64_T, w->win);
        MPI_Win_flush(peer, w->win);
        me->failures += got != i;
        MPI_Accumulate(&one, 1, MPI_INT64_T, peer, window_at(w, peer, 0), 1,
                       MPI_INT64_T, MPI_SUM, w->win);
        MPI_Fetch_and_op(&one, &got, MPI_INT64_T, mpi_rank,
                         window_at(w, mpi_rank, 0), MPI_SUM, w->win);
        MPI_Win_flush_all(w->win);
    }
    return NULL;
}

MPI_TEST_THREADS(threads, share_an_epoch, 2)
{
    int64_t count;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64 * THREADS, 8);
        MPI_Win_lock_all(0, w.win);
        run_all(use_one_window, &w, 0);
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        memcpy(&count, w.base, 8);
        EXPECT_EQ(count, 2 * THREADS * ROUNDS);
        window_close(&w);
    }
}

/* Each thread has its own window and locks as it likes. */
static void *lock_own_window(void *argument)
{
    worker_t *me = argument;
    const window_t *w = me->window;
    int64_t value;

    for (int i = 0; i < 50; ++i) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, w->win);
        MPI_Get(&value, 1, MPI_INT64_T, 0, window_at(w, 0, 8), 1, MPI_INT64_T,
                w->win);
        MPI_Win_flush(0, w->win);
        ++value;
        MPI_Put(&value, 1, MPI_INT64_T, 0, window_at(w, 0, 8), 1, MPI_INT64_T,
                w->win);
        MPI_Win_unlock(0, w->win);
    }
    return NULL;
}

MPI_TEST_THREADS(threads, lock_windows_of_their_own, 2)
{
    int64_t count;
    window_t windows[THREADS];

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        for (int i = 0; i < THREADS; ++i) {
            window_open(&windows[i], kind, MPI_COMM_WORLD, 64, 8);
        }
        run_all(lock_own_window, windows, 1);
        mpi_sync();
        for (int i = 0; i < THREADS; ++i) {
            memcpy(&count, windows[i].base + 8, 8);
            EXPECT_EQ(count, mpi_rank == 0 ? 100 : 0);
        }
        mpi_sync();
        for (int i = 0; i < THREADS; ++i) {
            window_close(&windows[i]);
        }
    }
}

/* Windows come and go in threads, each over a communicator of its own. */
static void *make_windows(void *argument)
{
    worker_t *me = argument;
    MPI_Comm comm = me->window->comm;
    int64_t value;
    int64_t *memory = malloc(32);
    MPI_Win win;

    for (int i = 0; i < 10; ++i) {
        memset(memory, 0, 32);
        MPI_Win_create(memory, 32, 8, MPI_INFO_NULL, comm, &win);
        MPI_Win_fence(0, win);
        value = 100 * me->number + i;
        MPI_Put(&value, 1, MPI_INT64_T, 1 - mpi_rank, 2, 1, MPI_INT64_T, win);
        MPI_Win_fence(0, win);
        me->failures += memory[2] != value;
        MPI_Win_free(&win);
    }
    free(memory);
    return NULL;
}

MPI_TEST_THREADS(threads, make_windows_at_the_same_time, 2)
{
    run_on_copies(make_windows, MPI_COMM_WORLD);
}

/* A handle that one thread gives back may be another's at once, whose window is
 * a different one: what is put arrives there. */
static void *reuse_handles(void *argument)
{
    worker_t *me = argument;
    MPI_Comm comm = me->window->comm;
    int64_t *memory = malloc(16);
    int64_t value;
    MPI_Win win;

    for (int i = 0; i < 300; ++i) {
        memory[1] = -1;
        MPI_Win_create(memory, 16, 8, MPI_INFO_NULL, comm, &win);
        value = 1000 * me->number + i;
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
        MPI_Put(&value, 1, MPI_INT64_T, 0, 1, 1, MPI_INT64_T, win);
        MPI_Win_unlock(0, win);
        me->failures += memory[1] != value;
        MPI_Win_free(&win);
    }
    free(memory);
    return NULL;
}

MPI_TEST_THREADS(threads, reuse_handles_of_each_other, 1)
{
    if (mpi_case("alone")) {
        run_on_copies(reuse_handles, MPI_COMM_SELF);
    }
}

/* Threads store next to the memory of a window, in the same pages, while it
 * comes and goes: what they store stays. */
MPI_TEST_THREADS(threads, store_next_to_windows, 2)
{
    char *block = malloc(4 * 4096);
    int64_t *memory = (int64_t *)(block + 1024 + 64);
    int64_t value;
    MPI_Win win;

    if (!writers_are_held_up()) {
        cr_skip("skipped: userfaultfd is not to be had here");
    }
    EXPECT(writers_start(1, block + 512, 2048));
    for (int i = 0; i < 60; ++i) {
        memory[2] = -1;
        MPI_Win_create(memory, 32, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &win);
        MPI_Win_fence(0, win);
        value = i;
        MPI_Put(&value, 1, MPI_INT64_T, 1 - mpi_rank, 2, 1, MPI_INT64_T, win);
        MPI_Win_fence(0, win);
        EXPECT_EQ(memory[2], i);
        MPI_Win_free(&win);
        EXPECT_EQ(memory[2], i);
    }
    EXPECT_EQ(writers_stop(), 0);
    free(block);
}

/* A flush is about the puts of its thread, whoever else flushes meanwhile. */
static _Atomic bool flush_is_over;

static void *put_and_flush(void *argument)
{
    const window_t *w = argument;
    int64_t value = 0;

    while (!flush_is_over) {
        MPI_Put(&value, 1, MPI_INT64_T, 1, window_at(w, 1, 64), 1, MPI_INT64_T,
                w->win);
        MPI_Win_flush(1, w->win);
    }
    return NULL;
}

/* Each value is announced when it has been flushed. */
static void flush_and_tell(const window_t *w, int64_t last)
{
    pthread_t other;

    flush_is_over = false;
    EXPECT(pthread_create(&other, NULL, put_and_flush, (void *)w) == 0);
    for (int64_t i = 1; i <= last; ++i) {
        MPI_Put(&i, 1, MPI_INT64_T, 1, window_at(w, 1, 8), 1, MPI_INT64_T,
                w->win);
        MPI_Win_flush(1, w->win);
        MPI_Ssend(&i, 1, MPI_INT64_T, 1, 0, MPI_COMM_WORLD);
    }
    flush_is_over = true;
    EXPECT(pthread_join(other, NULL) == 0);
}

MPI_TEST_THREADS(threads, flush_beside_each_other, 2)
{
    enum { LAST = 2000 };
    int64_t told;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 128, 8);
        MPI_Win_lock_all(0, w.win);
        if (mpi_rank == 0) {
            flush_and_tell(&w, LAST);
        }
        for (int i = 0; mpi_rank == 1 && i < LAST; ++i) {
            MPI_Recv(&told, 1, MPI_INT64_T, 0, 0, MPI_COMM_WORLD,
                     MPI_STATUS_IGNORE);
            EXPECT(*(volatile int64_t *)(void *)(w.base + 8) >= told);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}
