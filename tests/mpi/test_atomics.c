/* SPDX-License-Identifier: BSD-3-Clause */
/* Accumulates from many origins at once: atomic for each element, and in the
 * order in which one origin calls them. */
#include "mpi_test.h"

/* Everyone counts at once: the old values are a permutation. */
static void check_permutation(const window_t *w, MPI_Datatype type, size_t size,
                              int rounds)
{
    unsigned char seen[4096] = {0};
    unsigned char all[4096] = {0};
    int64_t one = 1; /* little endian: the low bytes are a smaller one */
    int64_t old;

    for (int i = 0; i < rounds; ++i) {
        old = 0;
        MPI_OK(MPI_Fetch_and_op(&one, &old, type, 0, window_at(w, 0, 8),
                                MPI_SUM, w->win));
        MPI_OK(MPI_Win_flush(0, w->win));
        EXPECT(old >= 0 && old < mpi_size * rounds);
        ++seen[old];
    }
    MPI_Allreduce(seen, all, 4096, MPI_BYTE, MPI_BOR, MPI_COMM_WORLD);
    for (int i = 0; i < mpi_size * rounds; ++i) {
        EXPECT_EQ(all[i], 1);
    }
    mpi_sync();
    if (mpi_rank == 0) {
        old = 0;
        MPI_Put(&old, (int)size, MPI_BYTE, 0, window_at(w, 0, 8), (int)size,
                MPI_BYTE, w->win);
        MPI_Win_flush(0, w->win);
    }
    mpi_sync();
}

MPI_TEST(atomics, counting_leaves_no_gap, 4)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_lock_all(0, w.win);
        if (mpi_case("%s/uint8", window_kind_name(kind))) {
            check_permutation(&w, MPI_UINT8_T, 1, 50);
        }
        if (mpi_case("%s/int16", window_kind_name(kind))) {
            check_permutation(&w, MPI_INT16_T, 2, 250);
        }
        if (mpi_case("%s/int32", window_kind_name(kind))) {
            check_permutation(&w, MPI_INT32_T, 4, 250);
        }
        if (mpi_case("%s/int64", window_kind_name(kind))) {
            check_permutation(&w, MPI_INT64_T, 8, 250);
        }
        MPI_Win_unlock_all(w.win);
        window_close(&w);
    }
}

/* A lock made of compare-and-swap protects a plain counter. */
MPI_TEST(atomics, compare_and_swap_makes_a_lock, 4)
{
    const int rounds = 60;
    int64_t me = mpi_rank + 1;
    int64_t nobody = 0;
    int64_t owner;
    int64_t count;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < rounds; ++i) {
            for (;;) {
                MPI_OK(MPI_Compare_and_swap(&me, &nobody, &owner, MPI_INT64_T,
                                            1, window_at(&w, 1, 0), w.win));
                MPI_OK(MPI_Win_flush(1, w.win));
                if (owner == 0) {
                    break;
                }
                EXPECT(owner > 0 && owner <= 4 && owner != me);
                mpi_pause();
            }
            MPI_Get(&count, 1, MPI_INT64_T, 1, window_at(&w, 1, 8), 1,
                    MPI_INT64_T, w.win);
            MPI_Win_flush(1, w.win);
            ++count;
            MPI_Put(&count, 1, MPI_INT64_T, 1, window_at(&w, 1, 8), 1,
                    MPI_INT64_T, w.win);
            MPI_Win_flush(1, w.win);
            MPI_OK(MPI_Compare_and_swap(&nobody, &me, &owner, MPI_INT64_T, 1,
                                        window_at(&w, 1, 0), w.win));
            MPI_OK(MPI_Win_flush(1, w.win));
            EXPECT_EQ(owner, me);
        }
        mpi_sync();
        MPI_Get(&count, 1, MPI_INT64_T, 1, window_at(&w, 1, 8), 1, MPI_INT64_T,
                w.win);
        MPI_Win_unlock_all(w.win);
        EXPECT_EQ(count, 4 * rounds);
        mpi_sync();
        window_close(&w);
    }
}

/* A chain: each swap finds what another one has left, and every value is found
 * exactly once. */
MPI_TEST(atomics, swaps_make_a_chain, 4)
{
    enum { ROUNDS = 50 };
    int32_t found[4 * ROUNDS + 1] = {0};
    int32_t all[4 * ROUNDS + 1];
    int32_t value;
    int32_t old;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        memset(found, 0, sizeof(found));
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < ROUNDS; ++i) {
            value = 1 + mpi_rank * ROUNDS + i;
            MPI_OK(MPI_Fetch_and_op(&value, &old, MPI_INT32_T, 3,
                                    window_at(&w, 3, 4), MPI_REPLACE, w.win));
            MPI_OK(MPI_Win_flush(3, w.win));
            EXPECT(old >= 0 && old <= 4 * ROUNDS);
            ++found[old];
        }
        mpi_sync();
        if (mpi_rank == 0) {
            MPI_OK(MPI_Fetch_and_op(NULL, &old, MPI_INT32_T, 3,
                                    window_at(&w, 3, 4), MPI_NO_OP, w.win));
            MPI_OK(MPI_Win_flush(3, w.win));
            ++found[old];
        }
        MPI_Win_unlock_all(w.win);
        MPI_Allreduce(found, all, 4 * ROUNDS + 1, MPI_INT32_T, MPI_SUM,
                      MPI_COMM_WORLD);
        for (int i = 0; i <= 4 * ROUNDS; ++i) {
            EXPECT_EQ(all[i], 1);
        }
        window_close(&w);
    }
}

/* Long accumulates of all kinds of elements from everyone onto the same place:
 * no addition is lost. */
MPI_TEST(atomics, long_accumulates_lose_nothing, 4)
{
    enum { COUNT = 3000 };
    static double numbers[COUNT];
    static int16_t words[COUNT];
    double number;
    int16_t word;
    window_t w;

    for (int i = 0; i < COUNT; ++i) {
        numbers[i] = 0.5 * i;
        words[i] = (int16_t)(i % 50 - 25);
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, COUNT * 10, 1);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < 20; ++i) {
            MPI_OK(MPI_Accumulate(numbers, COUNT, MPI_DOUBLE, 0,
                                  window_at(&w, 0, 0), COUNT, MPI_DOUBLE,
                                  MPI_SUM, w.win));
            MPI_OK(MPI_Accumulate(words, COUNT, MPI_INT16_T, 0,
                                  window_at(&w, 0, (size_t)COUNT * 8), COUNT,
                                  MPI_INT16_T, MPI_SUM, w.win));
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        for (int i = 0; mpi_rank == 0 && i < COUNT; ++i) {
            memcpy(&number, w.base + 8 * i, 8);
            EXPECT(number == 40.0 * i);
            memcpy(&word, w.base + 8 * COUNT + 2 * i, 2);
            EXPECT_EQ(word, 80 * (i % 50 - 25));
        }
        mpi_sync();
        window_close(&w);
    }
}

/* Different operations, functions and shapes meet on the same element as long
 * as its type is the same. */
MPI_TEST(atomics, functions_are_atomic_with_each_other, 4)
{
    const int rounds = 100;
    int64_t one = 1;
    int64_t ones[4] = {1, 1, 1, 1};
    int64_t old[7]; /* spread */
    int64_t value;
    MPI_Datatype spread;
    MPI_Request request;
    window_t w;

    MPI_Type_vector(4, 1, 2, MPI_INT64_T, &spread);
    MPI_Type_commit(&spread);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < rounds; ++i) {
            MPI_Aint at = window_at(&w, 2, 0);

            switch (mpi_rank) {
            case 0:
                MPI_OK(MPI_Fetch_and_op(&one, old, MPI_INT64_T, 2, at, MPI_SUM,
                                        w.win));
                break;
            case 1:
                MPI_OK(MPI_Accumulate(ones, 4, MPI_INT64_T, 2, at, 1, spread,
                                      MPI_SUM, w.win));
                break;
            case 2:
                MPI_OK(MPI_Raccumulate(&one, 1, MPI_INT64_T, 2, at, 1,
                                       MPI_INT64_T, MPI_SUM, w.win, &request));
                MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
                break;
            default:
                MPI_OK(MPI_Get_accumulate(ones, 4, MPI_INT64_T, old, 1, spread,
                                          2, at, 4, MPI_INT64_T, MPI_SUM,
                                          w.win));
                break;
            }
            MPI_OK(MPI_Win_flush(2, w.win));
        }
        mpi_sync();
        MPI_Get(&value, 1, MPI_INT64_T, 2, window_at(&w, 2, 0), 1, MPI_INT64_T,
                w.win);
        MPI_Win_unlock_all(w.win);
        EXPECT_EQ(value, 4 * rounds);
        mpi_sync();
        window_close(&w);
    }
    MPI_Type_free(&spread);
}

/* --- order ------------------------------------------------------------------- */

/* By default accumulates of one origin to one place are done in program order:
 * the last replacement stays, and a fetch sees what has been before it. */
MPI_TEST(order, accumulates_follow_the_program, 2)
{
    int values[100];
    int got[100];
    int last;
    window_t w;

    for (int i = 0; i < 100; ++i) {
        values[i] = i + 1;
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_lock_all(0, w.win);
        if (mpi_rank == 0) {
            MPI_Aint at = window_at(&w, 1, 8);

            for (int i = 0; i < 100; ++i) {
                MPI_OK(MPI_Accumulate(&values[i], 1, MPI_INT, 1, at, 1, MPI_INT,
                                      MPI_REPLACE, w.win));
                if (i % 2 == 0) {
                    MPI_OK(MPI_Get_accumulate(NULL, 0, MPI_INT, &got[i], 1,
                                              MPI_INT, 1, at, 1, MPI_INT,
                                              MPI_NO_OP, w.win));
                } else {
                    MPI_OK(MPI_Fetch_and_op(NULL, &got[i], MPI_INT, 1, at,
                                            MPI_NO_OP, w.win));
                }
            }
            MPI_OK(MPI_Win_flush(1, w.win));
            for (int i = 0; i < 100; ++i) {
                EXPECT_EQ(got[i], i + 1);
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        memcpy(&last, w.base + 8, 4);
        EXPECT_EQ(last, mpi_rank == 1 ? 100 : 0);
        window_close(&w);
    }
}

/* Operations that do not commute, of different lengths and shapes. */
MPI_TEST(order, sums_and_products_do_not_commute, 2)
{
    int two[4] = {2, 2, 2, 2};
    int one = 1;
    int expected = 0;
    int got[4];
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_fence(0, w.win);
        expected = 0;
        for (int i = 0; i < 20; ++i) {
            if (mpi_rank == 0) {
                MPI_Accumulate(&one, 1, MPI_INT, 1, window_at(&w, 1, 4), 1,
                               MPI_INT, MPI_SUM, w.win);
                MPI_Accumulate(two, 4, MPI_INT, 1, window_at(&w, 1, 0), 4,
                               MPI_INT, MPI_PROD, w.win);
            }
            expected = (expected + 1) * 2;
        }
        MPI_Win_fence(0, w.win);
        memcpy(got, w.base, 16);
        EXPECT_EQ(got[1], mpi_rank == 1 ? expected : 0);
        EXPECT_EQ(got[0] + got[2] + got[3], 0);
        window_close(&w);
    }
}

/* The infos that loosen order or promise one operation change no result that
 * holds without them. */
MPI_TEST(order, infos_may_loosen_it, 4)
{
    static const char *const values[][2] = {
        {"accumulate_ordering", "none"},
        {"accumulate_ordering", "rar,war"},
        {"accumulate_ordering", "rar,raw,war,waw"},
        {"accumulate_ops", "same_op"},
        {"accumulate_ops", "same_op_no_op"},
        {"no_locks", "false"},
        {"same_size", "true"},
        {"same_disp_unit", "true"}};
    int64_t one = 1;
    int64_t got;
    int64_t *base;
    MPI_Info info;
    MPI_Win win;

    for (int i = 0; i < 8; ++i) {
        (void)mpi_case("%s=%s", values[i][0], values[i][1]);
        MPI_Info_create(&info);
        MPI_Info_set(info, values[i][0], values[i][1]);
        MPI_Win_allocate(64, 8, info, MPI_COMM_WORLD, &base, &win);
        MPI_Info_free(&info);
        base[3] = 0;
        mpi_sync();
        MPI_Win_lock_all(0, win);
        for (int n = 0; n < 20; ++n) {
            MPI_Accumulate(&one, 1, MPI_INT64_T, 2, 3, 1, MPI_INT64_T, MPI_SUM,
                           win);
        }
        MPI_Win_flush(2, win);
        mpi_sync();
        MPI_Get(&got, 1, MPI_INT64_T, 2, 3, 1, MPI_INT64_T, win);
        MPI_Win_unlock_all(win);
        EXPECT_EQ(got, 80);
        mpi_sync();
        MPI_Win_free(&win);
    }
}
