/* SPDX-License-Identifier: BSD-3-Clause */
/* Put and get: what arrives where, for every kind of window. */
#include "mpi_test.h"

#include <sys/mman.h>

#define ROOM 294912

static unsigned char pattern(size_t place, int seed)
{
    uint64_t mix = (place + 1) * 0x9e3779b97f4a7c15u + (uint64_t)seed * 77;

    return (unsigned char)(mix >> 40);
}

static void fill(unsigned char *bytes, size_t size, int seed)
{
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = pattern(i, seed);
    }
}

static bool is_filled(const unsigned char *bytes, size_t size, int seed)
{
    for (size_t i = 0; i < size; ++i) {
        if (bytes[i] != pattern(i, seed)) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; ++i) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Everyone writes a part of everyone's memory and reads one written by others,
 * itself among them. */
MPI_TEST(transfer, reaches_every_rank, 4)
{
    const size_t part = 1000;
    unsigned char mine[1000];
    unsigned char theirs[4][1000];
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, part * 4, 1);
        fill(mine, part, mpi_rank);
        MPI_Win_fence(0, w.win);
        for (int rank = 0; rank < 4; ++rank) {
            MPI_Put(mine, (int)part, MPI_BYTE, rank,
                    window_at(&w, rank, part * (size_t)mpi_rank), (int)part,
                    MPI_BYTE, w.win);
        }
        MPI_Win_fence(0, w.win);
        for (int rank = 0; rank < 4; ++rank) {
            EXPECT(is_filled(w.base + part * (size_t)rank, part, rank));
        }
        MPI_Win_fence(0, w.win);
        for (int rank = 0; rank < 4; ++rank) {
            int writer = (rank + mpi_rank) % 4;

            MPI_Get(theirs[rank], (int)part, MPI_BYTE, rank,
                    window_at(&w, rank, part * (size_t)writer), (int)part,
                    MPI_BYTE, w.win);
        }
        MPI_Win_fence(0, w.win);
        for (int rank = 0; rank < 4; ++rank) {
            EXPECT(is_filled(theirs[rank], part, (rank + mpi_rank) % 4));
        }
        window_close(&w);
    }
}

/* Sizes around words, cache lines, pages and what a message may hold, at odd
 * places; nothing beside them changes. */
static void check_size(window_t *w, size_t size, size_t place)
{
    static unsigned char out[ROOM];
    static unsigned char in[ROOM];

    EXPECT(place + size <= ROOM);
    (void)mpi_case("%s/%zu bytes at %zu", window_kind_name(w->kind), size,
                   place);
    if (mpi_rank == 0) {
        fill(out, size, (int)size);
        memset(in, 0, sizeof(in));
        MPI_Put(out, (int)size, MPI_BYTE, 1, window_at(w, 1, place), (int)size,
                MPI_BYTE, w->win);
        MPI_Win_flush(1, w->win);
        MPI_Get(in, ROOM, MPI_BYTE, 1, window_at(w, 1, 0), ROOM, MPI_BYTE,
                w->win);
        MPI_Win_flush(1, w->win);
        EXPECT(is_zero(in, place));
        EXPECT(is_filled(in + place, size, (int)size));
        EXPECT(is_zero(in + place + size, ROOM - place - size));
        memset(out, 0, size);
        MPI_Put(out, (int)size, MPI_BYTE, 1, window_at(w, 1, place), (int)size,
                MPI_BYTE, w->win);
        MPI_Win_flush(1, w->win);
    }
}

MPI_TEST(transfer, moves_any_size_to_any_place, 2)
{
    static const size_t sizes[] = {
        0,   1,    2,    3,    4,    5,     7,      8,      9,
        15,  16,   17,   31,   33,   63,    64,     65,     97,
        255, 1023, 4095, 4097, 8191, 60001, 262143, 262144, 270001};
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
            check_size(&w, sizes[i], 0);
            check_size(&w, sizes[i], 13 + i);
            check_size(&w, sizes[i], 4090);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        EXPECT(is_zero(w.base, ROOM));
        window_close(&w);
    }
}

MPI_TEST(transfer, scales_displacements_by_the_targets_unit, 3)
{
    static const int units[] = {8, 1, 24};
    int64_t value;
    int64_t got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 24 * 16, units[mpi_rank]);
        MPI_Win_lock_all(0, w.win);
        for (int rank = 0; rank < 3; ++rank) {
            /* Byte 48 * (1 + rank) is divisible by all of them. */
            value = 100 * mpi_rank + rank;
            MPI_Put(&value, 1, MPI_INT64_T, rank,
                    window_at(&w, rank, 48 * (1 + (size_t)mpi_rank)), 1,
                    MPI_INT64_T, w.win);
            MPI_Win_flush(rank, w.win);
        }
        mpi_sync();
        for (int rank = 0; rank < 3; ++rank) {
            for (int writer = 0; writer < 3; ++writer) {
                MPI_Get(&got, 1, MPI_INT64_T, rank,
                        window_at(&w, rank, 48 * (1 + (size_t)writer)), 1,
                        MPI_INT64_T, w.win);
                MPI_Win_flush(rank, w.win);
                EXPECT_EQ(got, 100 * writer + rank);
            }
        }
        MPI_Win_unlock_all(w.win);
        window_close(&w);
    }
}

/* A null process takes everything and gives nothing. */
static void use_null_process(window_t *w)
{
    MPI_Request requests[4];
    int64_t value = 5;
    int64_t got = 7;

    MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1, MPI_INT64_T,
                   w->win));
    MPI_OK(MPI_Get(&got, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1, MPI_INT64_T,
                   w->win));
    MPI_OK(MPI_Accumulate(&value, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1,
                          MPI_INT64_T, MPI_SUM, w->win));
    MPI_OK(MPI_Get_accumulate(&value, 1, MPI_INT64_T, &got, 1, MPI_INT64_T,
                              MPI_PROC_NULL, 0, 1, MPI_INT64_T, MPI_SUM,
                              w->win));
    MPI_OK(MPI_Fetch_and_op(&value, &got, MPI_INT64_T, MPI_PROC_NULL, 0,
                            MPI_SUM, w->win));
    MPI_OK(MPI_Compare_and_swap(&value, &value, &got, MPI_INT64_T,
                                MPI_PROC_NULL, 0, w->win));
    MPI_OK(MPI_Rput(&value, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1, MPI_INT64_T,
                    w->win, &requests[0]));
    MPI_OK(MPI_Rget(&got, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1, MPI_INT64_T,
                    w->win, &requests[1]));
    MPI_OK(MPI_Raccumulate(&value, 1, MPI_INT64_T, MPI_PROC_NULL, 0, 1,
                           MPI_INT64_T, MPI_SUM, w->win, &requests[2]));
    MPI_OK(MPI_Rget_accumulate(&value, 1, MPI_INT64_T, &got, 1, MPI_INT64_T,
                               MPI_PROC_NULL, 0, 1, MPI_INT64_T, MPI_SUM,
                               w->win, &requests[3]));
    MPI_OK(MPI_Waitall(4, requests, MPI_STATUSES_IGNORE));
    for (int i = 0; i < 4; ++i) {
        EXPECT(requests[i] == MPI_REQUEST_NULL);
    }
    EXPECT_EQ(got, 7);
}

MPI_TEST(transfer, ends_at_the_null_process, 2)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_fence(0, w.win);
        MPI_OK(
            MPI_Put(w.base, 1, MPI_BYTE, MPI_PROC_NULL, 0, 1, MPI_BYTE, w.win));
        MPI_Win_fence(0, w.win);
        MPI_Win_lock_all(0, w.win);
        use_null_process(&w);
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        EXPECT(is_zero(w.base, 64));
        window_close(&w);
    }
}

MPI_TEST(transfer, moves_nothing_when_a_count_is_zero, 2)
{
    int64_t one = 1;
    int64_t got = 7;
    MPI_Datatype empty;
    window_t w;

    MPI_Type_contiguous(0, MPI_INT64_T, &empty);
    MPI_Type_commit(&empty);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_lock_all(0, w.win);
        for (int rank = 0; rank < 2; ++rank) {
            MPI_Aint at = window_at(&w, rank, 0);

            MPI_OK(
                MPI_Put(NULL, 0, MPI_INT64_T, rank, at, 0, MPI_INT64_T, w.win));
            MPI_OK(MPI_Put(&one, 3, empty, rank, at, 3, empty, w.win));
            MPI_OK(MPI_Put(&one, 0, MPI_INT64_T, rank, at, 3, empty, w.win));
            MPI_OK(
                MPI_Get(&got, 0, MPI_INT64_T, rank, at, 0, MPI_INT64_T, w.win));
            MPI_OK(MPI_Accumulate(&one, 0, MPI_INT64_T, rank, at, 0,
                                  MPI_INT64_T, MPI_SUM, w.win));
            MPI_OK(MPI_Get_accumulate(&one, 0, MPI_INT64_T, &got, 0,
                                      MPI_INT64_T, rank, at, 0, MPI_INT64_T,
                                      MPI_SUM, w.win));
            MPI_OK(MPI_Win_flush(rank, w.win));
        }
        MPI_Win_unlock_all(w.win);
        EXPECT_EQ(got, 7);
        mpi_sync();
        EXPECT(is_zero(w.base, 64));
        window_close(&w);
    }
    MPI_Type_free(&empty);
}

/* The origin's buffer may be a part of its own window. */
MPI_TEST(transfer, takes_from_and_leaves_in_windows, 2)
{
    window_t w;
    int peer = 1 - mpi_rank;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 4096, 1);
        MPI_Win_fence(0, w.win);
        fill(w.base, 1024, mpi_rank);
        MPI_Win_fence(0, w.win);
        MPI_Put(w.base, 1024, MPI_BYTE, peer, window_at(&w, peer, 1024), 1024,
                MPI_BYTE, w.win);
        MPI_Get(w.base + 2048, 1024, MPI_BYTE, peer, window_at(&w, peer, 0),
                1024, MPI_BYTE, w.win);
        MPI_Win_fence(0, w.win);
        EXPECT(is_filled(w.base, 1024, mpi_rank));
        EXPECT(is_filled(w.base + 1024, 1024, peer));
        EXPECT(is_filled(w.base + 2048, 1024, peer));
        /* Within one process, too. */
        MPI_Put(w.base, 1024, MPI_BYTE, mpi_rank, window_at(&w, mpi_rank, 3072),
                1024, MPI_BYTE, w.win);
        MPI_Win_fence(0, w.win);
        EXPECT(is_filled(w.base + 3072, 1024, mpi_rank));
        window_close(&w);
    }
}

/* Many operations at once in all directions, and none is lost. */
MPI_TEST(transfer, keeps_thousands_of_operations_apart, 4)
{
    const int count = 2000;
    static int32_t values[2000];
    static int32_t got[2000];
    window_t w;

    for (int i = 0; i < count; ++i) {
        values[i] = mpi_rank * count + i;
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, (size_t)count * 4 * 4, 4);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < count; ++i) {
            int rank = (mpi_rank + i) % 4;

            MPI_Put(&values[i], 1, MPI_INT32_T, rank,
                    window_at(&w, rank, 4 * (size_t)values[i]), 1, MPI_INT32_T,
                    w.win);
        }
        MPI_Win_flush_all(w.win);
        for (int i = 0; i < count; ++i) {
            int rank = (mpi_rank + i) % 4;

            MPI_Get(&got[i], 1, MPI_INT32_T, rank,
                    window_at(&w, rank, 4 * (size_t)values[i]), 1, MPI_INT32_T,
                    w.win);
        }
        MPI_Win_unlock_all(w.win);
        for (int i = 0; i < count; ++i) {
            EXPECT_EQ(got[i], values[i]);
        }
        mpi_sync();
        window_close(&w);
    }
}

/* Offsets and lengths past what an int of bytes can say. The origin's pages
 * are the kernel's one page of zeros, but for the first and the last. */
MPI_TEST_LOCAL(transfer, goes_beyond_two_gibibytes, 2)
{
    const size_t size = (size_t)5 << 29; /* 2.5 GiB */
    const size_t row = 1 << 20;
    const size_t sent = row * 2049;
    unsigned char *base;
    unsigned char *out;
    MPI_Datatype megabyte;
    int64_t value = 42;
    MPI_Win win;

    MPI_Type_contiguous((int)row, MPI_BYTE, &megabyte);
    MPI_Type_commit(&megabyte);
    MPI_Win_allocate(mpi_rank == 1 ? (MPI_Aint)size : 8, 1, MPI_INFO_NULL,
                     MPI_COMM_WORLD, &base, &win);
    if (mpi_rank == 1) {
        base[63] = 9;
        base[64 + sent / 2] = 9;
        base[64 + sent] = 9;
    }
    mpi_sync();
    MPI_Win_lock_all(0, win);
    if (mpi_rank == 0) {
        MPI_Put(&value, 1, MPI_INT64_T, 1, (MPI_Aint)size - 8, 1, MPI_INT64_T,
                win);
        out = mmap(NULL, sent, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT(out != MAP_FAILED);
        (void)madvise(out, sent, MADV_HUGEPAGE);
        out[0] = 1;
        out[sent - 1] = 2;
        MPI_Put(out, 2049, megabyte, 1, 64, 2049, megabyte, win);
        MPI_Win_flush(1, win);
        value = 0;
        MPI_Get(&value, 1, MPI_INT64_T, 1, (MPI_Aint)size - 8, 1, MPI_INT64_T,
                win);
        MPI_Win_flush(1, win);
        EXPECT_EQ(value, 42);
        EXPECT(munmap(out, sent) == 0);
    }
    MPI_Win_unlock_all(win);
    mpi_sync();
    if (mpi_rank == 1) {
        EXPECT_EQ(base[63], 9);
        EXPECT_EQ(base[64], 1);
        EXPECT_EQ(base[64 + sent / 2], 0);
        EXPECT_EQ(base[64 + sent - 1], 2);
        EXPECT_EQ(base[64 + sent], 9);
        memcpy(&value, base + size - 8, 8);
        EXPECT_EQ(value, 42);
    }
    MPI_Win_free(&win);
    MPI_Type_free(&megabyte);
}
