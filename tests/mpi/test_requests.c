/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations that return a request. */
#include "mpi_test.h"

/* A request is complete when the origin's buffer can be used again; what gets
 * has got it then. */
MPI_TEST(requests, complete_at_the_origin, 3)
{
    MPI_Request request;
    MPI_Status status;
    int values[8];
    int old[8];
    int flag;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        int right = (mpi_rank + 1) % 3;

        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; i < 8; ++i) {
            values[i] = 10 * mpi_rank + i;
        }
        MPI_OK(MPI_Rput(values, 8, MPI_INT, right, window_at(&w, right, 0), 8,
                        MPI_INT, w.win, &request));
        EXPECT(request != MPI_REQUEST_NULL);
        MPI_OK(MPI_Wait(&request, &status));
        EXPECT(request == MPI_REQUEST_NULL);
        memset(values, 0xff, sizeof(values));
        MPI_Win_flush(right, w.win);

        MPI_OK(MPI_Rget(values, 8, MPI_INT, right, window_at(&w, right, 0), 8,
                        MPI_INT, w.win, &request));
        MPI_AWAIT(MPI_Test(&request, &flag, &status) == MPI_SUCCESS && flag);
        for (int i = 0; i < 8; ++i) {
            EXPECT_EQ(values[i], 10 * mpi_rank + i);
            values[i] = 5;
        }
        MPI_OK(MPI_Raccumulate(values, 8, MPI_INT, right,
                               window_at(&w, right, 0), 8, MPI_INT, MPI_SUM,
                               w.win, &request));
        MPI_OK(MPI_Waitany(1, &request, &flag, &status));
        EXPECT_EQ(flag, 0);
        MPI_Win_flush(right, w.win);
        MPI_OK(MPI_Rget_accumulate(values, 8, MPI_INT, old, 8, MPI_INT, right,
                                   window_at(&w, right, 0), 8, MPI_INT,
                                   MPI_PROD, w.win, &request));
        MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
        for (int i = 0; i < 8; ++i) {
            EXPECT_EQ(old[i], 10 * mpi_rank + i + 5);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        for (int i = 0; i < 8; ++i) {
            memcpy(&flag, w.base + 4 * i, 4);
            EXPECT_EQ(flag, 5 * (10 * ((mpi_rank + 2) % 3) + i + 5));
        }
        window_close(&w);
    }
}

MPI_TEST(requests, need_a_place, 2)
{
    int64_t value = 7, old = 0;
    MPI_Aint at;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_Win_set_errhandler(w.win, MPI_ERRORS_RETURN);
        at = window_at(&w, 1, 0);
        MPI_Win_lock_all(0, w.win);
        MPI_FAILS(MPI_Rput(&value, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, w.win,
                           NULL),
                  MPI_ERR_REQUEST);
        MPI_FAILS(
            MPI_Rget(&old, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, w.win, NULL),
            MPI_ERR_REQUEST);
        MPI_FAILS(MPI_Raccumulate(&value, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T,
                                  MPI_SUM, w.win, NULL),
                  MPI_ERR_REQUEST);
        MPI_FAILS(MPI_Rget_accumulate(&value, 1, MPI_INT64_T, &old, 1,
                                      MPI_INT64_T, 1, at, 1, MPI_INT64_T,
                                      MPI_SUM, w.win, NULL),
                  MPI_ERR_REQUEST);
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        memcpy(&old, w.base, 8);
        EXPECT_EQ(old, 0);
        window_close(&w);
    }
}

/* They mix with requests of messages in the calls that take several. */
MPI_TEST(requests, wait_together_with_messages, 2)
{
    MPI_Request requests[4];
    MPI_Status statuses[4];
    int indices[4];
    int done = 0;
    int count;
    int sent = mpi_rank;
    int received = -1;
    int value = 40 + mpi_rank;
    int got = -1;
    int peer = 1 - mpi_rank;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_lock_all(0, w.win);
        MPI_Irecv(&received, 1, MPI_INT, peer, 3, MPI_COMM_WORLD, &requests[0]);
        MPI_Rput(&value, 1, MPI_INT, peer, window_at(&w, peer, 0), 1, MPI_INT,
                 w.win, &requests[1]);
        MPI_Isend(&sent, 1, MPI_INT, peer, 3, MPI_COMM_WORLD, &requests[2]);
        MPI_Rget(&got, 1, MPI_INT, mpi_rank, window_at(&w, mpi_rank, 4), 1,
                 MPI_INT, w.win, &requests[3]);
        for (done = 0; done < 4; done += count) {
            MPI_OK(MPI_Waitsome(4, requests, &count, indices, statuses));
            EXPECT(count > 0);
        }
        EXPECT_EQ(received, peer);
        EXPECT_EQ(got, 0);
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        memcpy(&got, w.base, 4);
        EXPECT_EQ(got, 40 + peer);
        window_close(&w);
    }
}

/* A request can be given up; the operation is done all the same. */
MPI_TEST(requests, are_freed_before_they_complete, 2)
{
    MPI_Request request;
    int value = 77;
    int got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 4);
        MPI_Win_lock_all(0, w.win);
        MPI_OK(MPI_Rput(&value, 1, MPI_INT, 1 - mpi_rank,
                        window_at(&w, 1 - mpi_rank, 4), 1, MPI_INT, w.win,
                        &request));
        MPI_OK(MPI_Request_free(&request));
        EXPECT(request == MPI_REQUEST_NULL);
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        memcpy(&got, w.base + 4, 4);
        EXPECT_EQ(got, 77);
        window_close(&w);
    }
}

static void start_many(const window_t *w, int count, MPI_Request *requests,
                       const int *values, bool is_put, int *got)
{
    for (int i = 0; i < count; ++i) {
        MPI_Aint at = window_at(w, 1, 4 * (size_t)i);

        if (is_put) {
            MPI_OK(MPI_Rput(&values[i], 1, MPI_INT, 1, at, 1, MPI_INT, w->win,
                            &requests[i]));
        } else {
            MPI_OK(MPI_Rget(&got[i], 1, MPI_INT, 1, at, 1, MPI_INT, w->win,
                            &requests[i]));
        }
    }
    MPI_OK(MPI_Waitall(count, requests, MPI_STATUSES_IGNORE));
}

MPI_TEST(requests, hundred_thousand_are_outstanding, 2)
{
    const int count = 100000;
    MPI_Request *requests = malloc(sizeof(MPI_Request) * (size_t)count);
    int *values = malloc(sizeof(int) * (size_t)count);
    int *got = calloc((size_t)count, sizeof(int));
    window_t w;

    EXPECT(requests != NULL && values != NULL && got != NULL);
    for (int i = 0; i < count; ++i) {
        values[i] = 3 * i + 1;
    }
    (void)mpi_case("create");
    window_open(&w, KIND_CREATE, MPI_COMM_WORLD, 4 * (size_t)count, 4);
    MPI_Win_lock_all(0, w.win);
    if (mpi_rank == 0) {
        start_many(&w, count, requests, values, true, got);
        MPI_Win_flush(1, w.win);
        start_many(&w, count, requests, values, false, got);
        EXPECT(memcmp(values, got, sizeof(int) * (size_t)count) == 0);
    }
    MPI_Win_unlock_all(w.win);
    mpi_sync();
    if (mpi_rank == 1) {
        EXPECT(memcmp(w.base, values, sizeof(int) * (size_t)count) == 0);
    }
    window_close(&w);
    free(requests);
    free(values);
    free(got);
}
