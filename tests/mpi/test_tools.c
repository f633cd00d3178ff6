/* SPDX-License-Identifier: BSD-3-Clause */
/* A tool for profiling defines some of the MPI calls and goes on with PMPI_*,
 * whether it knows of the window or not (chapter 14). */
#include "mpi_test.h"

static int tool_calls;

#define TOOL __attribute__((visibility("default")))

TOOL int MPI_Put(const void *origin_addr, int origin_count,
                 MPI_Datatype origin_datatype, int target_rank,
                 MPI_Aint target_disp, int target_count,
                 MPI_Datatype target_datatype, MPI_Win win)
{
    ++tool_calls;
    return PMPI_Put(origin_addr, origin_count, origin_datatype, target_rank,
                    target_disp, target_count, target_datatype, win);
}

TOOL int MPI_Win_lock(int lock_type, int rank, int assert, MPI_Win win)
{
    ++tool_calls;
    return PMPI_Win_lock(lock_type, rank, assert, win);
}

TOOL int MPI_Win_get_attr(MPI_Win win, int win_keyval, void *attribute_val,
                          int *flag)
{
    ++tool_calls;
    return PMPI_Win_get_attr(win, win_keyval, attribute_val, flag);
}

MPI_TEST(tools, may_watch_some_of_the_calls, 2)
{
    int peer = 1 - mpi_rank, is_set;
    int64_t value = 40 + mpi_rank, got = 0;
    MPI_Aint *size;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(value), 1);
        (void)mpi_case("%s", window_kind_name(kind));
        tool_calls = 0;
        MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, peer, 0, w.win));
        MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, peer, window_at(&w, peer, 0), 1,
                       MPI_INT64_T, w.win));
        MPI_OK(MPI_Win_unlock(peer, w.win));
        mpi_sync();
        MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, mpi_rank, 0, w.win));
        memcpy(&got, w.base, sizeof(got));
        MPI_OK(MPI_Win_unlock(mpi_rank, w.win));
        EXPECT_EQ(got, 40 + peer);
        MPI_OK(MPI_Win_get_attr(w.win, MPI_WIN_SIZE, &size, &is_set));
        EXPECT(is_set);
        EXPECT_EQ(*size, (kind == KIND_DYNAMIC) ? 0 : (long)sizeof(value));
        EXPECT_EQ(tool_calls, 4);
        window_close(&w);
    }
}

/* Nothing is watched, all is called by its other name. */
MPI_TEST(tools, may_do_without_the_first_name, 2)
{
    int64_t value = 7, got = 0, *base;
    int peer = 1 - mpi_rank;
    MPI_Win win;

    MPI_OK(PMPI_Win_allocate(sizeof(value), sizeof(value), MPI_INFO_NULL,
                             MPI_COMM_WORLD, &base, &win));
    *base = 0;
    mpi_sync();
    MPI_OK(PMPI_Win_lock_all(0, win));
    MPI_OK(PMPI_Accumulate(&value, 1, MPI_INT64_T, peer, 0, 1, MPI_INT64_T,
                           MPI_SUM, win));
    MPI_OK(PMPI_Win_flush(peer, win));
    MPI_OK(MPI_Get(&got, 1, MPI_INT64_T, peer, 0, 1, MPI_INT64_T, win));
    MPI_OK(PMPI_Win_unlock_all(win));
    EXPECT_EQ(got, 7);
    mpi_sync();
    EXPECT_EQ(*base, 7);
    MPI_OK(PMPI_Win_free(&win));
}
