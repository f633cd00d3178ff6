/* SPDX-License-Identifier: BSD-3-Clause */
/* Active target: fences, and epochs that groups open and close. */
#include "mpi_test.h"

static int load(const window_t *w, int cell)
{
    int value;

    memcpy(&value, w->base + 4 * cell, 4);
    return value;
}

static void store(const window_t *w, int cell, int value)
{
    memcpy(w->base + 4 * cell, &value, 4);
}

static void put(const window_t *w, int rank, int cell, const int *value)
{
    MPI_OK(MPI_Put(value, 1, MPI_INT, rank,
                   window_at(w, rank, 4 * (size_t)cell), 1, MPI_INT, w->win));
}

/* --- fence ------------------------------------------------------------------ */

/* Rounds in a ring: what the left neighbour wrote is there after the fence, and
 * what is stored locally is there for its get. */
MPI_TEST(fence, separates_rounds, 4)
{
    int right = (mpi_rank + 1) % 4;
    int left = (mpi_rank + 3) % 4;
    int value;
    int got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_fence(0, w.win);
        for (int round = 0; round < 50; ++round) {
            value = 1000 * mpi_rank + round;
            put(&w, right, 0, &value);
            MPI_Win_fence(0, w.win);
            EXPECT_EQ(load(&w, 0), 1000 * left + round);
            store(&w, 1, load(&w, 0) + 1);
            MPI_Win_fence(0, w.win);
            MPI_Get(&got, 1, MPI_INT, right, window_at(&w, right, 4), 1,
                    MPI_INT, w.win);
            MPI_Win_fence(0, w.win);
            EXPECT_EQ(got, value + 1);
        }
        window_close(&w);
    }
}

/* Ranks that come late to see that a fence is over find what they look at, also
 * when the next window is being made of the last one's memory. */
MPI_TEST(fence, is_the_last_that_a_window_sees, 4)
{
    int right = (mpi_rank + 1) % 4;
    int left = (mpi_rank + 3) % 4;
    window_t w;

    for (int i = 0; i < 100; ++i) {
        window_open(&w, KIND_CREATE, MPI_COMM_WORLD, 64, 4);
        MPI_Win_fence(MPI_MODE_NOPRECEDE, w.win);
        put(&w, right, 0, &mpi_rank);
        MPI_Win_fence(MPI_MODE_NOSUCCEED, w.win);
        EXPECT_EQ(load(&w, 0), left);
        window_close(&w);
    }
}

/* Assertions promise something; what they promise holds here. */
static void fence_with(window_t *w, int round, int before, int after)
{
    int right = (mpi_rank + 1) % mpi_size;
    int left = (mpi_rank + mpi_size - 1) % mpi_size;

    (void)mpi_case("%s/assert 0x%x 0x%x", window_kind_name(w->kind), before,
                   after);
    MPI_OK(MPI_Win_fence(before, w->win));
    put(w, right, 2, &round);
    MPI_OK(MPI_Win_fence(after, w->win));
    EXPECT_EQ(load(w, 2), round);
    EXPECT_EQ(left >= 0, true);
}

MPI_TEST(fence, takes_all_assertions, 3)
{
    /* Nothing is stored locally and nothing put after the second fence. */
    static const int before[] = {0, MPI_MODE_NOPRECEDE, MPI_MODE_NOSTORE,
                                 MPI_MODE_NOPRECEDE | MPI_MODE_NOSTORE};
    static const int after[] = {0, MPI_MODE_NOSUCCEED, MPI_MODE_NOSTORE,
                                MPI_MODE_NOSTORE | MPI_MODE_NOSUCCEED};
    window_t w;
    int round = 0;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int i = 0; i < 16; ++i) {
            ++round;
            fence_with(&w, round, before[i / 4], after[i % 4]);
            /* MPI_MODE_NOPUT: only gets, in the epoch that begins here. */
            MPI_OK(MPI_Win_fence(MPI_MODE_NOPUT | MPI_MODE_NOPRECEDE, w.win));
            MPI_OK(MPI_Win_fence(MPI_MODE_NOSUCCEED | MPI_MODE_NOSTORE, w.win));
        }
        MPI_OK(MPI_Win_fence(MPI_MODE_NOPRECEDE | MPI_MODE_NOSUCCEED |
                                 MPI_MODE_NOPUT | MPI_MODE_NOSTORE,
                             w.win));
        window_close(&w);
    }
}

/* Everyone adds to everyone: the fence waits for all of them. */
MPI_TEST(fence, completes_accumulates_of_all, 8)
{
    int one = 1;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_fence(0, w.win);
        for (int round = 1; round <= 5; ++round) {
            for (int rank = 0; rank < 8; ++rank) {
                for (int i = 0; i < 10; ++i) {
                    MPI_Accumulate(&one, 1, MPI_INT, rank,
                                   window_at(&w, rank, 12), 1, MPI_INT, MPI_SUM,
                                   w.win);
                }
            }
            MPI_Win_fence(0, w.win);
            EXPECT_EQ(load(&w, 3), 80 * round);
            MPI_Win_fence(0, w.win);
        }
        window_close(&w);
    }
}

/* Epochs of other kinds may come between fences that end theirs. */
MPI_TEST(fence, makes_room_for_locks, 2)
{
    int value = 5;
    int peer = 1 - mpi_rank;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_fence(MPI_MODE_NOPRECEDE, w.win);
        put(&w, peer, 0, &value);
        MPI_Win_fence(MPI_MODE_NOSUCCEED, w.win);
        MPI_Win_lock(MPI_LOCK_SHARED, peer, 0, w.win);
        put(&w, peer, 1, &value);
        MPI_Win_unlock(peer, w.win);
        MPI_Win_fence(MPI_MODE_NOPRECEDE, w.win);
        put(&w, peer, 2, &value);
        MPI_Win_fence(MPI_MODE_NOSUCCEED, w.win);
        for (int cell = 0; cell < 3; ++cell) {
            EXPECT_EQ(load(&w, cell), 5);
        }
        window_close(&w);
    }
}

/* --- post, start, complete, wait --------------------------------------------- */

static MPI_Group group_of(int count, const int *ranks)
{
    MPI_Group world;
    MPI_Group group;

    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, count, ranks, &group);
    MPI_Group_free(&world);
    return group;
}

/* Rank 0 writes to 1 and 2, not to 3, in rounds that go as fast as they can. */
MPI_TEST(pscw, serves_a_subgroup, 4)
{
    MPI_Group writers = group_of(1, (const int[]){0});
    MPI_Group readers = group_of(2, (const int[]){2, 1});
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 50; ++round) {
            if (mpi_rank == 0) {
                MPI_OK(MPI_Win_start(readers, 0, w.win));
                put(&w, 1, 0, &round);
                put(&w, 2, 0, &round);
                MPI_OK(MPI_Win_complete(w.win));
            } else if (mpi_rank < 3) {
                MPI_OK(MPI_Win_post(writers, 0, w.win));
                MPI_OK(MPI_Win_wait(w.win));
                EXPECT_EQ(load(&w, 0), round);
            }
        }
        window_close(&w);
    }
    MPI_Group_free(&writers);
    MPI_Group_free(&readers);
}

/* Everyone is origin and target at once. */
MPI_TEST(pscw, goes_both_ways_at_once, 4)
{
    int right = (mpi_rank + 1) % 4;
    int left = (mpi_rank + 3) % 4;
    MPI_Group to = group_of(1, &right);
    MPI_Group from = group_of(1, &left);
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 50; ++round) {
            int value = 100 * mpi_rank + round;

            MPI_OK(MPI_Win_post(from, 0, w.win));
            MPI_OK(MPI_Win_start(to, 0, w.win));
            put(&w, right, round % 8, &value);
            MPI_OK(MPI_Win_complete(w.win));
            MPI_OK(MPI_Win_wait(w.win));
            EXPECT_EQ(load(&w, round % 8), 100 * left + round);
        }
        window_close(&w);
    }
    MPI_Group_free(&to);
    MPI_Group_free(&from);
}

/* A group that is freed leaves its handle to the next one. */
MPI_TEST(pscw, takes_each_group_for_what_it_is, 3)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 50; ++round) {
            int from = round % 3;
            int to = (from + 1 + (round / 3) % 2) % 3;

            if (mpi_rank == from) {
                MPI_Group target = group_of(1, &to);

                MPI_OK(MPI_Win_start(target, 0, w.win));
                MPI_Group_free(&target);
                put(&w, to, 0, &round);
                MPI_OK(MPI_Win_complete(w.win));
            } else if (mpi_rank == to) {
                MPI_Group origin = group_of(1, &from);

                MPI_OK(MPI_Win_post(origin, 0, w.win));
                MPI_Group_free(&origin);
                MPI_OK(MPI_Win_wait(w.win));
                EXPECT_EQ(load(&w, 0), round);
            }
        }
        window_close(&w);
    }
}

MPI_TEST(pscw, takes_everyone_and_oneself, 3)
{
    MPI_Group all = group_of(3, (const int[]){0, 1, 2});
    int one = 1;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 20; ++round) {
            MPI_OK(MPI_Win_post(all, 0, w.win));
            MPI_OK(MPI_Win_start(all, 0, w.win));
            for (int rank = 0; rank < 3; ++rank) {
                MPI_OK(MPI_Accumulate(&one, 1, MPI_INT, rank,
                                      window_at(&w, rank, 0), 1, MPI_INT,
                                      MPI_SUM, w.win));
            }
            MPI_OK(MPI_Win_complete(w.win));
            MPI_OK(MPI_Win_wait(w.win));
            EXPECT_EQ(load(&w, 0), 3 * round);
        }
        window_close(&w);
    }
    MPI_Group_free(&all);
}

/* Empty groups open and close epochs in which nothing can happen. */
MPI_TEST(pscw, takes_empty_groups, 2)
{
    window_t w;
    int flag;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 0; round < 3; ++round) {
            MPI_OK(MPI_Win_post(MPI_GROUP_EMPTY, 0, w.win));
            MPI_OK(MPI_Win_start(MPI_GROUP_EMPTY, 0, w.win));
            MPI_OK(MPI_Win_complete(w.win));
            MPI_OK(MPI_Win_wait(w.win));
            MPI_OK(MPI_Win_post(MPI_GROUP_EMPTY, 0, w.win));
            flag = 0;
            MPI_OK(MPI_Win_test(w.win, &flag));
            EXPECT_EQ(flag, 1);
        }
        window_close(&w);
    }
}

/* False while the origin is busy, true after it is done, and the data are
 * there then. */
MPI_TEST(pscw, test_tells_when_the_epoch_is_over, 2)
{
    int peer = 1 - mpi_rank;
    MPI_Group other = group_of(1, &peer);
    window_t w;
    int flag;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 10; ++round) {
            if (mpi_rank == 0) {
                MPI_OK(MPI_Win_start(other, 0, w.win));
                put(&w, 1, 0, &round);
                /* Rank 1 has seen that it is not over. */
                MPI_Recv(NULL, 0, MPI_BYTE, 1, 0, MPI_COMM_WORLD,
                         MPI_STATUS_IGNORE);
                MPI_OK(MPI_Win_complete(w.win));
            } else {
                MPI_OK(MPI_Win_post(other, 0, w.win));
                for (int i = 0; i < 10; ++i) {
                    flag = 1;
                    MPI_OK(MPI_Win_test(w.win, &flag));
                    EXPECT_EQ(flag, 0);
                }
                MPI_Send(NULL, 0, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
                MPI_AWAIT(MPI_Win_test(w.win, &flag) == MPI_SUCCESS && flag);
                EXPECT_EQ(load(&w, 0), round);
            }
        }
        window_close(&w);
    }
    MPI_Group_free(&other);
}

/* MPI_MODE_NOCHECK: all posts have been before the starts. The barrier says
 * so. MPI_MODE_NOSTORE and MPI_MODE_NOPUT promise about the target. */
MPI_TEST(pscw, takes_all_assertions, 3)
{
    static const int asserts[] = {0, MPI_MODE_NOSTORE,
                                  MPI_MODE_NOCHECK | MPI_MODE_NOSTORE,
                                  MPI_MODE_NOCHECK, MPI_MODE_NOPUT};
    MPI_Group all = group_of(3, (const int[]){0, 1, 2});
    int got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int i = 0; i < 5; ++i) {
            int right = (mpi_rank + 1) % 3;
            int value = 10 * i + mpi_rank;

            if (!mpi_case("%s/assert 0x%x", window_kind_name(kind),
                          asserts[i])) {
                continue;
            }
            if (asserts[i] == MPI_MODE_NOPUT) {
                store(&w, 1, 77 + mpi_rank);
            }
            MPI_OK(MPI_Win_post(all, asserts[i], w.win));
            mpi_sync();
            MPI_OK(MPI_Win_start(all, asserts[i] & MPI_MODE_NOCHECK, w.win));
            if (asserts[i] == MPI_MODE_NOPUT) {
                MPI_Get(&got, 1, MPI_INT, right, window_at(&w, right, 4), 1,
                        MPI_INT, w.win);
            } else {
                put(&w, right, 0, &value);
            }
            MPI_OK(MPI_Win_complete(w.win));
            MPI_OK(MPI_Win_wait(w.win));
            if (asserts[i] == MPI_MODE_NOPUT) {
                EXPECT_EQ(got, 77 + right);
            } else {
                EXPECT_EQ(load(&w, 0), 10 * i + (mpi_rank + 2) % 3);
            }
        }
        window_close(&w);
    }
    MPI_Group_free(&all);
}

/* A late post holds the start or the complete back, not the data's fate. */
MPI_TEST(pscw, waits_for_a_late_post, 3)
{
    MPI_Group writer = group_of(1, (const int[]){0});
    MPI_Group readers = group_of(2, (const int[]){1, 2});
    int value;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        for (int round = 1; round <= 3; ++round) {
            if (mpi_rank == 0) {
                MPI_OK(MPI_Win_start(readers, 0, w.win));
                value = round;
                put(&w, 1, 0, &value);
                put(&w, 2, 0, &value);
                MPI_OK(MPI_Win_complete(w.win));
            } else {
                int64_t until = mpi_clock_ms() + 20 * (mpi_rank - 1);

                while (mpi_clock_ms() < until) {
                    mpi_pause();
                }
                store(&w, 0, -1);
                MPI_OK(MPI_Win_post(writer, 0, w.win));
                MPI_OK(MPI_Win_wait(w.win));
                EXPECT_EQ(load(&w, 0), round);
            }
        }
        window_close(&w);
    }
    MPI_Group_free(&writer);
    MPI_Group_free(&readers);
}
