/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows without memory of their own, and windows that are memory of all. */
#include "mpi_test.h"

static void put_at(MPI_Win win, int rank, MPI_Aint at, int64_t value)
{
    MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, rank, at, 1, MPI_INT64_T, win));
    MPI_OK(MPI_Win_flush(rank, win));
}

static MPI_Aint peers_address(const void *mine)
{
    MPI_Aint address;

    MPI_Get_address(mine, &address);
    MPI_Sendrecv_replace(&address, 1, MPI_AINT, 1 - mpi_rank, 0, 1 - mpi_rank,
                         0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return address;
}

/* Memory comes and goes while the window is in use. */
MPI_TEST(dynamic, memory_comes_and_goes, 2)
{
    int64_t *memory[20];
    MPI_Aint there;
    MPI_Win win;

    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    MPI_Win_lock_all(0, win);
    for (int round = 0; round < 20; ++round) {
        memory[round] = calloc(50 + (size_t)round * 300, 8);
        EXPECT(memory[round] != NULL);
        MPI_OK(MPI_Win_attach(win, memory[round], 400 + round * 2400));
        there = peers_address(memory[round]);
        put_at(win, 1 - mpi_rank, there + 8 * 49, 1000 * mpi_rank + round);
        mpi_sync();
        EXPECT_EQ(memory[round][49], 1000 * (1 - mpi_rank) + round);
        if (round % 3 == 2) {
            mpi_sync();
            MPI_OK(MPI_Win_detach(win, memory[round - 1]));
            EXPECT_EQ(memory[round - 1][49], 1000 * (1 - mpi_rank) + round - 1);
            free(memory[round - 1]);
        }
    }
    mpi_sync();
    for (int round = 0; round < 20; ++round) {
        if (round % 3 != 1 || round == 19) {
            MPI_OK(MPI_Win_detach(win, memory[round]));
            free(memory[round]);
        }
    }
    MPI_Win_unlock_all(win);
    MPI_Win_free(&win);
}

/* The same memory again, and with another size. */
MPI_TEST(dynamic, memory_is_attached_again, 2)
{
    int64_t *memory = calloc(1000, 8);
    MPI_Aint there;
    MPI_Win win;

    EXPECT(memory != NULL);
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    there = peers_address(memory);
    for (int round = 0; round < 30; ++round) {
        MPI_OK(MPI_Win_attach(win, memory, 8 * (100 + 30 * round)));
        mpi_sync();
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 1 - mpi_rank, 0, win);
        put_at(win, 1 - mpi_rank, there + 8 * (99 + 30 * round), round + 1);
        MPI_Win_unlock(1 - mpi_rank, win);
        mpi_sync();
        EXPECT_EQ(memory[99 + 30 * round], round + 1);
        MPI_OK(MPI_Win_detach(win, memory));
    }
    MPI_Win_free(&win);
    free(memory);
}

/* Two windows have the same memory attached; pieces lie side by side. */
MPI_TEST(dynamic, windows_share_memory, 2)
{
    static int64_t memory[1024];
    MPI_Aint there = peers_address(memory);
    MPI_Win first;
    MPI_Win second;

    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &first);
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &second);
    MPI_OK(MPI_Win_attach(first, memory, 1600));
    MPI_OK(MPI_Win_attach(first, memory + 200, 1600));
    MPI_OK(MPI_Win_attach(second, memory, sizeof(memory)));
    mpi_sync();
    MPI_Win_lock_all(0, first);
    MPI_Win_lock_all(0, second);
    put_at(first, 1 - mpi_rank, there + 8 * 199, 1);
    put_at(first, 1 - mpi_rank, there + 8 * 200, 2);
    put_at(second, 1 - mpi_rank, there + 8 * 201, 3);
    MPI_Win_unlock_all(second);
    MPI_Win_unlock_all(first);
    mpi_sync();
    EXPECT_EQ(memory[199], 1);
    EXPECT_EQ(memory[200], 2);
    EXPECT_EQ(memory[201], 3);
    mpi_sync();
    MPI_OK(MPI_Win_detach(first, memory + 200));
    MPI_OK(MPI_Win_detach(first, memory));
    MPI_OK(MPI_Win_detach(second, memory));
    MPI_Win_free(&second);
    MPI_Win_free(&first);
}

/* Every part is found among ten thousand. */
MPI_TEST(dynamic, ten_thousand_parts_are_attached, 2)
{
    enum { PARTS = 10000, WORDS = 8 };
    int64_t *memory = calloc(PARTS, 2 * WORDS * sizeof(int64_t));
    MPI_Aint there;
    MPI_Win win;

    EXPECT(memory != NULL);
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    for (int i = 0; i < PARTS; ++i) {
        MPI_OK(MPI_Win_attach(win, memory + i * 2 * WORDS, 8 * WORDS));
    }
    there = peers_address(memory);
    MPI_Win_lock_all(0, win);
    for (int i = 0; i < PARTS; i += 7) {
        put_at(win, 1 - mpi_rank, there + 8 * (i * 2 * WORDS + i % WORDS),
               i + 1);
    }
    MPI_Win_unlock_all(win);
    mpi_sync();
    for (int i = 0; i < PARTS; ++i) {
        EXPECT_EQ(memory[i * 2 * WORDS + i % WORDS], i % 7 == 0 ? i + 1 : 0);
    }
    for (int i = 0; i < PARTS; ++i) {
        MPI_OK(MPI_Win_detach(win, memory + (i * 7919 % PARTS) * 2 * WORDS));
    }
    MPI_Win_free(&win);
    free(memory);
}

/* Large pieces go a way of their own: between regions in turn, small ones in
 * between, to odd addresses, and touch nothing beside. */
MPI_TEST(dynamic, large_pieces_are_moved, 2)
{
    enum { SIZE = 1 << 20, PIECE = SIZE - 9 };
    unsigned char *memory[2], *back = malloc(SIZE), *out = malloc(SIZE);
    MPI_Aint there[2];
    MPI_Win win;

    EXPECT(back != NULL && out != NULL);
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    for (int i = 0; i < 2; ++i) {
        memory[i] = calloc(SIZE, 1);
        EXPECT(memory[i] != NULL);
        MPI_OK(MPI_Win_attach(win, memory[i], SIZE));
        there[i] = peers_address(memory[i]);
    }
    mpi_sync();
    MPI_Win_lock_all(0, win);
    for (int i = 0; i < 2; ++i) {
        for (int at = 0; at < SIZE; ++at) {
            out[at] = (unsigned char)(at * 7 + (at >> 8) + mpi_rank + i);
        }
        MPI_OK(MPI_Put(out, PIECE, MPI_BYTE, 1 - mpi_rank, there[i] + 5, PIECE,
                       MPI_BYTE, win));
        put_at(win, 1 - mpi_rank, there[1 - i] + 8 * i, 0);
        MPI_OK(MPI_Get(back, PIECE, MPI_BYTE, 1 - mpi_rank, there[i] + 5, PIECE,
                       MPI_BYTE, win));
        MPI_OK(MPI_Win_flush(1 - mpi_rank, win));
        EXPECT(memcmp(back, out, PIECE) == 0);
    }
    MPI_Win_unlock_all(win);
    mpi_sync();
    for (int i = 0; i < 2; ++i) {
        for (int at = 16; at < SIZE - 4; ++at) {
            EXPECT_EQ(memory[i][at],
                      (unsigned char)((at - 5) * 7 + ((at - 5) >> 8) + 1 -
                                      mpi_rank + i));
        }
        for (int at = SIZE - 4; at < SIZE; ++at) {
            EXPECT_EQ(memory[i][at], 0);
        }
    }
    mpi_sync();
    for (int i = 0; i < 2; ++i) {
        MPI_OK(MPI_Win_detach(win, memory[i]));
        free(memory[i]);
    }
    MPI_Win_free(&win);
    free(back);
    free(out);
}

/* --- memory of all ----------------------------------------------------------- */

/* The parts lie one behind the other; everyone loads and stores everywhere. */
MPI_TEST_SHARED(shared, parts_are_contiguous, 3)
{
    size_t mine = 8 * (size_t)(10 + mpi_rank);
    int64_t *part[3];
    int64_t *first;
    MPI_Aint size;
    int unit;
    window_t w;

    window_open(&w, KIND_SHARED, MPI_COMM_WORLD, mine, 8 * (mpi_rank + 1));
    for (int rank = 0; rank < 3; ++rank) {
        MPI_OK(MPI_Win_shared_query(w.win, rank, &size, &unit, &part[rank]));
        EXPECT_EQ(size, 8 * (10 + rank));
        EXPECT_EQ(unit, 8 * (rank + 1));
    }
    EXPECT(part[mpi_rank] == (void *)w.base);
    EXPECT(part[1] == part[0] + 10);
    EXPECT(part[2] == part[1] + 11);
    MPI_OK(MPI_Win_shared_query(w.win, MPI_PROC_NULL, &size, &unit, &first));
    EXPECT(first == part[0]);
    EXPECT_EQ(size, 80);
    EXPECT_EQ(unit, 8);
    MPI_Win_lock_all(0, w.win);
    for (int rank = 0; rank < 3; ++rank) {
        part[rank][mpi_rank] = 10 * mpi_rank + rank;
    }
    MPI_Win_sync(w.win);
    mpi_sync();
    MPI_Win_sync(w.win);
    for (int rank = 0; rank < 3; ++rank) {
        for (int writer = 0; writer < 3; ++writer) {
            EXPECT_EQ(part[rank][writer], 10 * writer + rank);
        }
    }
    MPI_Win_unlock_all(w.win);
    window_close(&w);
}

/* Loads and stores meet operations of MPI. */
MPI_TEST_SHARED(shared, stores_meet_operations, 2)
{
    int64_t one = 1;
    int64_t old;
    volatile int64_t *theirs;
    void *there;
    MPI_Aint size;
    int unit;
    window_t w;

    window_open(&w, KIND_SHARED, MPI_COMM_WORLD, 64, 8);
    MPI_OK(MPI_Win_shared_query(w.win, 1 - mpi_rank, &size, &unit, &there));
    theirs = there;
    MPI_Win_lock_all(0, w.win);
    theirs[0] = 500 + mpi_rank;
    MPI_Win_sync(w.win);
    mpi_sync();
    MPI_Fetch_and_op(&one, &old, MPI_INT64_T, 1 - mpi_rank, 0, MPI_SUM, w.win);
    MPI_Win_flush(1 - mpi_rank, w.win);
    EXPECT_EQ(old, 500 + mpi_rank);
    EXPECT_EQ(theirs[0], 501 + mpi_rank);
    mpi_sync();
    MPI_Win_unlock_all(w.win);
    window_close(&w);
}

/* There is no memory that processes of different hosts load from. */
MPI_TEST_SHARED(shared, hosts_share_none, 4)
{
    MPI_Win win = MPI_WIN_NULL;
    int64_t *base;
    MPI_Comm host;
    int here;

    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                        &host);
    MPI_Comm_size(host, &here);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (here == mpi_size) {
        MPI_OK(MPI_Win_allocate_shared(64, 8, MPI_INFO_NULL, MPI_COMM_WORLD,
                                       &base, &win));
    } else {
        MPI_FAILS(MPI_Win_allocate_shared(64, 8, MPI_INFO_NULL, MPI_COMM_WORLD,
                                          &base, &win),
                  MPI_ERR_RMA_SHARED);
        MPI_OK(
            MPI_Win_allocate_shared(64, 8, MPI_INFO_NULL, host, &base, &win));
    }
    base[0] = mpi_rank;
    MPI_OK(MPI_Win_free(&win));
    MPI_Comm_free(&host);
}

/* Parts of their own, where a process may place them as it likes; some have
 * none. */
MPI_TEST_SHARED(shared, parts_may_lie_apart, 4)
{
    MPI_Info info;
    int64_t *base;
    int64_t *part;
    MPI_Aint size;
    int unit;
    MPI_Win win;

    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true");
    MPI_Win_allocate_shared(mpi_rank % 2 == 0 ? 0 : 8000, 8, info,
                            MPI_COMM_WORLD, &base, &win);
    MPI_Info_free(&info);
    MPI_Win_lock_all(0, win);
    if (mpi_rank % 2 == 1) {
        base[999] = 0;
        base[0] = mpi_rank;
    }
    MPI_Win_sync(win);
    mpi_sync();
    for (int rank = 0; rank < 4; ++rank) {
        MPI_OK(MPI_Win_shared_query(win, rank, &size, &unit, &part));
        if (mpi_case("size of %d", rank)) {
            EXPECT_EQ(size, rank % 2 == 0 ? 0 : 8000);
        }
        if (rank % 2 == 1) {
            EXPECT_EQ(part[0], rank);
        }
    }
    /* The lowest rank that has some. */
    MPI_OK(MPI_Win_shared_query(win, MPI_PROC_NULL, &size, &unit, &part));
    if (mpi_case("size of the first")) {
        EXPECT_EQ(size, 8000);
    }
    if (mpi_case("the first")) {
        EXPECT_EQ(part[0], 1);
    }
    MPI_Win_unlock_all(win);
    mpi_sync();
    MPI_Win_free(&win);
}

/* Only if all of them say so: the parts are at the same places for everybody. */
MPI_TEST_SHARED(shared, parts_are_where_all_see_them, 4)
{
    MPI_Info info;
    char *base;
    char *part;
    MPI_Aint size;
    int unit;
    MPI_Win win;

    if (!mpi_case("at odds")) {
        return;
    }
    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig",
                 mpi_rank == 1 ? "true" : "false");
    MPI_OK(MPI_Win_allocate_shared(24, 1, info, MPI_COMM_WORLD, &base, &win));
    MPI_Info_free(&info);
    MPI_Win_lock_all(0, win);
    memset(base, 'a' + mpi_rank, 24);
    MPI_Win_sync(win);
    mpi_sync();
    for (int rank = 0; rank < 4; ++rank) {
        MPI_OK(MPI_Win_shared_query(win, rank, &size, &unit, &part));
        EXPECT_EQ(size, 24);
        EXPECT_EQ(part[0], 'a' + rank);
        EXPECT_EQ(part[23], 'a' + rank);
        EXPECT_EQ(part - base, 24 * (rank - mpi_rank));
    }
    MPI_Win_unlock_all(win);
    mpi_sync();
    MPI_Win_free(&win);
}
