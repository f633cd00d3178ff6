/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that are bound to the same core: whoever waits has to let the other one
 * run. */
#include "mpi_test.h"

#include <sched.h>
#include <sys/resource.h>

#define ROUNDS 20

static bool is_bound; /* all ranks share one core */

/* The first one that all ranks may use; they come from the same launch. */
static void bind_to_one(void)
{
    cpu_set_t cores;
    int core = 0;

    EXPECT(sched_getaffinity(0, sizeof(cores), &cores) == 0);
    while (core < CPU_SETSIZE - 1 && !CPU_ISSET(core, &cores)) {
        ++core;
    }
    MPI_OK(MPI_Bcast(&core, 1, MPI_INT, 0, MPI_COMM_WORLD));
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    /* Where ranks are kept apart, they have no core to share. */
    is_bound = sched_setaffinity(0, sizeof(cores), &cores) == 0;
}

static int64_t processor_us(void)
{
    struct rusage usage;

    EXPECT(getrusage(RUSAGE_THREAD, &usage) == 0);
    return 1000000 * ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int64_t load(const window_t *w)
{
    int64_t value;

    memcpy(&value, w->base + 8, 8);
    return value;
}

MPI_TEST(cores, are_shared_at_a_fence, 2)
{
    window_t w;

    bind_to_one();
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_OK(MPI_Win_fence(0, w.win));
        for (int64_t i = 1; i <= ROUNDS; ++i) {
            MPI_OK(MPI_Put(&i, 1, MPI_INT64_T, 1 - mpi_rank,
                           window_at(&w, 1 - mpi_rank, 8), 1, MPI_INT64_T,
                           w.win));
            MPI_OK(MPI_Win_fence(0, w.win));
            EXPECT_EQ(load(&w), i);
            MPI_OK(MPI_Win_fence(0, w.win));
        }
        window_close(&w);
    }
}

MPI_TEST(cores, are_shared_by_poster_and_starter, 2)
{
    MPI_Group world, other;
    int peer = 1 - mpi_rank;
    window_t w;

    bind_to_one();
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, 1, &peer, &other);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        for (int64_t i = 1; i <= ROUNDS; ++i) {
            MPI_OK(MPI_Win_post(other, 0, w.win));
            MPI_OK(MPI_Win_start(other, 0, w.win));
            MPI_OK(MPI_Put(&i, 1, MPI_INT64_T, peer, window_at(&w, peer, 8), 1,
                           MPI_INT64_T, w.win));
            MPI_OK(MPI_Win_complete(w.win));
            MPI_OK(MPI_Win_wait(w.win));
            EXPECT_EQ(load(&w), i);
        }
        window_close(&w);
    }
    MPI_Group_free(&world);
    MPI_Group_free(&other);
}

/* Each adds up under the lock of the first one, who may be waiting for it. */
MPI_TEST(cores, are_shared_by_those_who_lock, 2)
{
    int64_t value = 0;
    window_t w;

    bind_to_one();
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        for (int i = 0; i < ROUNDS; ++i) {
            MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, w.win));
            MPI_OK(MPI_Get(&value, 1, MPI_INT64_T, 0, window_at(&w, 0, 8), 1,
                           MPI_INT64_T, w.win));
            MPI_OK(MPI_Win_flush(0, w.win));
            ++value;
            MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, 0, window_at(&w, 0, 8), 1,
                           MPI_INT64_T, w.win));
            MPI_OK(MPI_Win_unlock(0, w.win));
        }
        mpi_sync();
        EXPECT_EQ(load(&w), mpi_rank == 0 ? 2 * ROUNDS : 0);
        mpi_sync();
        window_close(&w);
    }
}

static int64_t fences_us(MPI_Win win, int count)
{
    int64_t before = processor_us();

    for (int i = 0; i < count; ++i) {
        MPI_OK(MPI_Win_fence(0, win));
    }
    return processor_us() - before;
}

/* Nobody spins while the other one has something to do, for longer than a fence
 * takes in all. Others may take the core in between: the best of some tries
 * counts. */
MPI_TEST_LOCAL(cores, are_not_spun_on, 2)
{
    enum { TRIES = 10, FENCES = 200, MOST_US = 30 };
    int64_t least, took;
    window_t w;

    bind_to_one();
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_OK(MPI_Win_fence(0, w.win));
        least = INT64_MAX;
        for (int i = 0; i < TRIES; ++i) {
            took = fences_us(w.win, FENCES);
            least = (took < least) ? took : least;
        }
        EXPECT(!is_bound || (least < FENCES * MOST_US));
        window_close(&w);
    }
}
