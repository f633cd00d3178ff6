/* SPDX-License-Identifier: BSD-3-Clause */
/* Passive target: locks, flushes, and targets that do not take part. */
#include "mpi_test.h"

#include <meet.h>

static int64_t fetch_add(const window_t *w, int rank, size_t byte, int64_t add)
{
    int64_t old = -1;

    MPI_OK(MPI_Fetch_and_op(&add, &old, MPI_INT64_T, rank,
                            window_at(w, rank, byte), MPI_SUM, w->win));
    MPI_OK(MPI_Win_flush(rank, w->win));
    return old;
}

static int64_t read_word(const window_t *w, int rank, size_t byte)
{
    int64_t value = -1;

    MPI_OK(MPI_Get(&value, 1, MPI_INT64_T, rank, window_at(w, rank, byte), 1,
                   MPI_INT64_T, w->win));
    MPI_OK(MPI_Win_flush(rank, w->win));
    return value;
}

static void write_word(const window_t *w, int rank, size_t byte, int64_t value)
{
    MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, rank, window_at(w, rank, byte), 1,
                   MPI_INT64_T, w->win));
    MPI_OK(MPI_Win_flush(rank, w->win));
}

/* Read, add one, write: only an exclusive lock makes that right. */
MPI_TEST(lock, exclusive_excludes, 4)
{
    const int rounds = 100;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        for (int i = 0; i < rounds; ++i) {
            MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 2, 0, w.win));
            write_word(&w, 2, 8, read_word(&w, 2, 8) + 1);
            MPI_OK(MPI_Win_unlock(2, w.win));
        }
        mpi_sync();
        MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, 2, 0, w.win));
        EXPECT_EQ(read_word(&w, 2, 8), 4 * rounds);
        MPI_OK(MPI_Win_unlock(2, w.win));
        window_close(&w);
    }
}

/* Writers write two words that readers always find equal. */
MPI_TEST(lock, shared_and_exclusive_exclude_each_other, 4)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 4096, 8);
        for (int i = 0; i < 60; ++i) {
            if (mpi_rank < 2) {
                MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 3, 0, w.win));
                write_word(&w, 3, 0, 1000 * mpi_rank + i);
                write_word(&w, 3, 2048, 1000 * mpi_rank + i);
                MPI_OK(MPI_Win_unlock(3, w.win));
            } else {
                MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, 3, 0, w.win));
                EXPECT_EQ(read_word(&w, 3, 0), read_word(&w, 3, 2048));
                MPI_OK(MPI_Win_unlock(3, w.win));
            }
        }
        mpi_sync();
        window_close(&w);
    }
}

/* Two hold a shared lock at the same time, or they would wait here forever. */
MPI_TEST(lock, shared_is_shared, 3)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, w.win));
        (void)fetch_add(&w, 0, 0, 1);
        MPI_AWAIT(fetch_add(&w, 0, 0, 0) == 3);
        MPI_OK(MPI_Win_unlock(0, w.win));
        mpi_sync();
        window_close(&w);
    }
}

/* Locks at different targets, and of different windows, are independent. */
MPI_TEST(lock, several_are_held_at_once, 3)
{
    window_t first;
    window_t second;
    int64_t value = 7;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&first, kind, MPI_COMM_WORLD, 64, 8);
        window_open(&second, kind, MPI_COMM_WORLD, 64, 8);
        if (mpi_rank == 0) {
            for (int rank = 0; rank < 3; ++rank) {
                MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, rank, 0, first.win));
                MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, rank, 0, second.win));
            }
            for (int rank = 2; rank >= 0; --rank) {
                MPI_Put(&value, 1, MPI_INT64_T, rank,
                        window_at(&first, rank, 8), 1, MPI_INT64_T, first.win);
                MPI_Put(&value, 1, MPI_INT64_T, rank,
                        window_at(&second, rank, 16), 1, MPI_INT64_T,
                        second.win);
            }
            for (int rank = 0; rank < 3; ++rank) {
                MPI_OK(MPI_Win_unlock(rank, second.win));
                MPI_OK(MPI_Win_unlock(rank, first.win));
            }
        }
        mpi_sync();
        memcpy(&value, first.base + 8, 8);
        EXPECT_EQ(value, 7);
        memcpy(&value, second.base + 16, 8);
        EXPECT_EQ(value, 7);
        mpi_sync();
        window_close(&second);
        window_close(&first);
    }
}

/* A lock on oneself lets one load and store what others lock, too. */
MPI_TEST(lock, protects_local_access, 3)
{
    int64_t *word;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        word = (int64_t *)(void *)w.base;
        for (int i = 0; i < 50; ++i) {
            MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, w.win));
            if (mpi_rank == 0) {
                *(volatile int64_t *)word += 1;
            } else {
                write_word(&w, 0, 0, read_word(&w, 0, 0) + 1);
            }
            MPI_OK(MPI_Win_unlock(0, w.win));
        }
        mpi_sync();
        if (mpi_rank == 0) {
            MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, w.win));
            EXPECT_EQ(*word, 150);
            MPI_OK(MPI_Win_unlock(0, w.win));
        }
        window_close(&w);
    }
}

/* MPI_MODE_NOCHECK: nobody else holds a lock that conflicts. */
MPI_TEST(lock, takes_the_promise_of_no_conflict, 2)
{
    int64_t value = 3;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        for (int turn = 0; turn < 4; ++turn) {
            if (turn % 2 == mpi_rank) {
                MPI_OK(MPI_Win_lock(turn < 2 ? MPI_LOCK_EXCLUSIVE
                                             : MPI_LOCK_SHARED,
                                    1 - mpi_rank, MPI_MODE_NOCHECK, w.win));
                value = turn;
                MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, 1 - mpi_rank,
                               window_at(&w, 1 - mpi_rank, 8 * (size_t)turn), 1,
                               MPI_INT64_T, w.win));
                MPI_OK(MPI_Win_unlock(1 - mpi_rank, w.win));
            }
            mpi_sync();
            if (turn % 2 != mpi_rank) {
                memcpy(&value, w.base + 8 * turn, 8);
                EXPECT_EQ(value, turn);
            }
        }
        MPI_OK(MPI_Win_lock_all(MPI_MODE_NOCHECK, w.win));
        write_word(&w, 1 - mpi_rank, 40, 11);
        MPI_OK(MPI_Win_unlock_all(w.win));
        mpi_sync();
        memcpy(&value, w.base + 40, 8);
        EXPECT_EQ(value, 11);
        window_close(&w);
    }
}

/* lock_all is a shared lock at every rank: it waits for an exclusive one. */
MPI_TEST(lock, all_waits_for_an_exclusive_one, 3)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        for (int round = 1; round <= 10; ++round) {
            if (mpi_rank == 0) {
                MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 2, 0, w.win));
                mpi_sync();
                write_word(&w, 2, 0, round);
                mpi_pause();
                write_word(&w, 2, 8, round);
                MPI_OK(MPI_Win_unlock(2, w.win));
            } else {
                mpi_sync();
                MPI_OK(MPI_Win_lock_all(0, w.win));
                EXPECT_EQ(read_word(&w, 2, 0), round);
                EXPECT_EQ(read_word(&w, 2, 8), round);
                MPI_OK(MPI_Win_unlock_all(w.win));
            }
            mpi_sync();
        }
        window_close(&w);
    }
}

/* --- flush ------------------------------------------------------------------ */

/* After a flush of any kind the origin's buffer can be used again; after a
 * full one the data are at the target, too. */
MPI_TEST(flush, completes_at_origin_and_target, 3)
{
    int64_t value;
    int64_t got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 512, 8);
        MPI_OK(MPI_Win_lock_all(0, w.win));
        for (int i = 0; i < 20; ++i) {
            for (int rank = 0; rank < 3; ++rank) {
                value = 100 * mpi_rank + i;
                MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, rank,
                               window_at(&w, rank, 64 * (size_t)mpi_rank), 1,
                               MPI_INT64_T, w.win));
                if (i % 2 == 0) {
                    MPI_OK(MPI_Win_flush_local(rank, w.win));
                } else {
                    MPI_OK(MPI_Win_flush_local_all(w.win));
                }
                value = -1;
            }
            if (i % 3 == 0) {
                MPI_OK(MPI_Win_flush_all(w.win));
            } else {
                for (int rank = 0; rank < 3; ++rank) {
                    MPI_OK(MPI_Win_flush(rank, w.win));
                }
            }
            mpi_sync();
            for (int writer = 0; writer < 3; ++writer) {
                got = -1;
                MPI_OK(MPI_Get(
                    &got, 1, MPI_INT64_T, (mpi_rank + 1) % 3,
                    window_at(&w, (mpi_rank + 1) % 3, 64 * (size_t)writer), 1,
                    MPI_INT64_T, w.win));
                MPI_OK(MPI_Win_flush_local((mpi_rank + 1) % 3, w.win));
                EXPECT_EQ(got, 100 * writer + i);
            }
            mpi_sync();
        }
        MPI_OK(MPI_Win_unlock_all(w.win));
        window_close(&w);
    }
}

/* In the unified model a load sees what a put has written, once the memory is
 * synchronised, and a get sees what a store has. */
MPI_TEST(flush, sync_joins_loads_and_stores, 2)
{
    volatile int64_t *words;
    int peer = 1 - mpi_rank;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        words = (volatile int64_t *)(void *)w.base;
        MPI_OK(MPI_Win_lock_all(0, w.win));
        for (int i = 1; i <= 50; ++i) {
            words[1] = i;
            MPI_OK(MPI_Win_sync(w.win));
            mpi_sync();
            EXPECT_EQ(read_word(&w, peer, 8), i);
            write_word(&w, peer, 0, 10 * i);
            mpi_sync();
            MPI_OK(MPI_Win_sync(w.win));
            EXPECT_EQ(words[0], 10 * i);
            mpi_sync();
        }
        MPI_OK(MPI_Win_unlock_all(w.win));
        window_close(&w);
    }
}

/* --- targets that do not take part ------------------------------------------- */

static void meet_now(void)
{
    uint64_t values[16] = {0};
    const char *error = meet(values, MPI_PATIENCE);

    if (error != NULL) {
        cr_assert_fail("%s: %s", mpi_case_name(), error);
    }
}

/* Everything that rank 0 can do to rank 1, which sits in a system call. */
static void do_everything(const window_t *w)
{
    MPI_Request request;
    int64_t value = 5;
    int64_t old = -1;
    int64_t swap = 9;

    MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 1, 0, w->win));
    write_word(w, 1, 0, 41);
    EXPECT_EQ(read_word(w, 1, 0), 41);
    EXPECT_EQ(fetch_add(w, 1, 0, 1), 41);
    MPI_OK(MPI_Accumulate(&value, 1, MPI_INT64_T, 1, window_at(w, 1, 8), 1,
                          MPI_INT64_T, MPI_SUM, w->win));
    MPI_OK(MPI_Win_flush(1, w->win));
    MPI_OK(MPI_Get_accumulate(&value, 1, MPI_INT64_T, &old, 1, MPI_INT64_T, 1,
                              window_at(w, 1, 8), 1, MPI_INT64_T, MPI_PROD,
                              w->win));
    MPI_OK(MPI_Win_flush(1, w->win));
    EXPECT_EQ(old, 5);
    value = 25;
    MPI_OK(MPI_Compare_and_swap(&swap, &value, &old, MPI_INT64_T, 1,
                                window_at(w, 1, 8), w->win));
    MPI_OK(MPI_Win_flush(1, w->win));
    EXPECT_EQ(old, 25);
    MPI_OK(MPI_Rput(&swap, 1, MPI_INT64_T, 1, window_at(w, 1, 16), 1,
                    MPI_INT64_T, w->win, &request));
    MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    MPI_OK(MPI_Win_unlock(1, w->win));
    MPI_OK(MPI_Win_lock_all(0, w->win));
    EXPECT_EQ(read_word(w, 1, 16), 9);
    MPI_OK(MPI_Win_unlock_all(w->win));
}

MPI_TEST(passive, needs_nothing_from_a_target_that_sleeps, 2)
{
    volatile int64_t *words;
    window_t w;

    EXPECT(meet_start((uint32_t)mpi_rank, 2, MPI_PATIENCE) == NULL);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        meet_now();
        if (mpi_rank == 0) {
            do_everything(&w);
        }
        meet_now();
        words = (volatile int64_t *)(void *)w.base;
        if (mpi_rank == 1) {
            EXPECT_EQ(words[0], 42);
            EXPECT_EQ(words[1], 9);
            EXPECT_EQ(words[2], 9);
        }
        window_close(&w);
    }
    meet_stop();
}

/* A target that only looks at its memory sees what arrives. */
MPI_TEST(passive, data_appear_without_a_call, 2)
{
    volatile int64_t *words;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        words = (volatile int64_t *)(void *)w.base;
        if (mpi_rank == 0) {
            MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, w.win));
            write_word(&w, 1, 8, 17);
            (void)fetch_add(&w, 1, 0, 1);
            MPI_OK(MPI_Win_unlock(1, w.win));
        } else {
            MPI_AWAIT(words[0] == 1);
            EXPECT_EQ(words[1], 17);
        }
        mpi_sync();
        window_close(&w);
    }
}
