/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program that has asked for return codes is told about its mistakes,
 * and who is told. A mistake changes nothing: the window works afterwards. */
#include "mpi_test.h"

static void open_returning(window_t *w, window_kind_t kind)
{
    window_open(w, kind, MPI_COMM_WORLD, 64, 8);
    MPI_OK(MPI_Win_set_errhandler(w->win, MPI_ERRORS_RETURN));
}

/* The window still does what it is for. */
static void check_alive(const window_t *w)
{
    int64_t value = 1234;
    int64_t got = 0;
    int peer = 1 - mpi_rank;

    (void)mpi_case("%s/afterwards", window_kind_name(w->kind));
    MPI_OK(MPI_Win_lock(MPI_LOCK_EXCLUSIVE, peer, 0, w->win));
    MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, peer, window_at(w, peer, 8), 1,
                   MPI_INT64_T, w->win));
    MPI_OK(MPI_Win_flush(peer, w->win));
    MPI_OK(MPI_Get(&got, 1, MPI_INT64_T, peer, window_at(w, peer, 8), 1,
                   MPI_INT64_T, w->win));
    MPI_OK(MPI_Win_unlock(peer, w->win));
    EXPECT_EQ(got, 1234);
    mpi_sync();
}

/* One case: what is left out is not called at all. */
#define FAILS(w, name, call, class)                                 \
    do {                                                            \
        if (mpi_case("%s/%s", window_kind_name((w)->kind), name)) { \
            MPI_FAILS(call, class);                                 \
        }                                                           \
    } while (0)

static void check_ranks_and_counts(const window_t *w)
{
    int64_t v = 0;
    int64_t r = 0;
    MPI_Aint at = window_at(w, 1, 0);
    MPI_Win win = w->win;

    FAILS(w, "put rank",
          MPI_Put(&v, 1, MPI_INT64_T, 2, at, 1, MPI_INT64_T, win),
          MPI_ERR_RANK);
    FAILS(w, "get rank",
          MPI_Get(&v, 1, MPI_INT64_T, -77, at, 1, MPI_INT64_T, win),
          MPI_ERR_RANK);
    FAILS(w, "fetch_and_op rank",
          MPI_Fetch_and_op(&v, &r, MPI_INT64_T, 5, at, MPI_SUM, win),
          MPI_ERR_RANK);
    FAILS(w, "put count",
          MPI_Put(&v, -1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, win),
          MPI_ERR_COUNT);
    FAILS(w, "get count",
          MPI_Get(&v, 1, MPI_INT64_T, 1, at, -1, MPI_INT64_T, win),
          MPI_ERR_COUNT);
    FAILS(w, "accumulate count",
          MPI_Accumulate(&v, -3, MPI_INT64_T, 1, at, 1, MPI_INT64_T, MPI_SUM,
                         win),
          MPI_ERR_COUNT);
    FAILS(w, "flush rank", MPI_Win_flush(2, win), MPI_ERR_RANK);
    FAILS(w, "flush_local rank", MPI_Win_flush_local(2, win), MPI_ERR_RANK);
}

static int64_t *take_first;

static void user_function(void *in, void *inout, int *len, MPI_Datatype *type)
{
    (void)in;
    (void)len;
    (void)type;
    take_first = inout;
}

static void check_types_and_ops(const window_t *w)
{
    int64_t v = 0;
    int64_t r = 0;
    MPI_Aint at = window_at(w, 1, 0);
    MPI_Win win = w->win;
    MPI_Op mine;

    MPI_Op_create(user_function, 1, &mine);
    FAILS(w, "put no type",
          MPI_Put(&v, 1, MPI_DATATYPE_NULL, 1, at, 1, MPI_INT64_T, win),
          MPI_ERR_TYPE);
    FAILS(w, "get no type",
          MPI_Get(&v, 1, MPI_INT64_T, 1, at, 1, MPI_DATATYPE_NULL, win),
          MPI_ERR_TYPE);
    FAILS(w, "put type of zero",
          MPI_Put(&v, 1, (MPI_Datatype)NULL, 1, at, 1, MPI_INT64_T, win),
          MPI_ERR_TYPE);
    FAILS(w, "accumulate user op",
          MPI_Accumulate(&v, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, mine, win),
          MPI_ERR_OP);
    FAILS(w, "get_accumulate user op",
          MPI_Get_accumulate(&v, 1, MPI_INT64_T, &r, 1, MPI_INT64_T, 1, at, 1,
                             MPI_INT64_T, mine, win),
          MPI_ERR_OP);
    FAILS(w, "fetch_and_op user op",
          MPI_Fetch_and_op(&v, &r, MPI_INT64_T, 1, at, mine, win), MPI_ERR_OP);
    FAILS(w, "accumulate null op",
          MPI_Accumulate(&v, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, MPI_OP_NULL,
                         win),
          MPI_ERR_OP);
    FAILS(
        w, "accumulate op of another class",
        MPI_Accumulate(&v, 1, MPI_DOUBLE, 1, at, 1, MPI_DOUBLE, MPI_BAND, win),
        MPI_ERR_OP);
    FAILS(
        w, "accumulate logic of Fortran's integers",
        MPI_Accumulate(&v, 1, MPI_INTEGER, 1, at, 1, MPI_INTEGER, MPI_LOR, win),
        MPI_ERR_OP);
    FAILS(w, "fetch_and_op logic of Fortran's integers",
          MPI_Fetch_and_op(&v, &r, MPI_INTEGER, 1, at, MPI_LAND, win),
          MPI_ERR_OP);
    MPI_Op_free(&mine);
}

/* 2^34 bytes, 2^30 times: in a word of 64 bits that is nothing at all. What a
 * library has seen before may go another way. */
static void check_too_much(const window_t *w)
{
    MPI_Datatype part, whole;
    int64_t v = 0;
    int i;

    MPI_OK(MPI_Type_contiguous(1 << 30, MPI_BYTE, &part));
    MPI_OK(MPI_Type_contiguous(16, part, &whole));
    MPI_OK(MPI_Type_commit(&whole));
    for (i = 0; i < 2; ++i) {
        FAILS(w, "put of more than there can be",
              MPI_Put(&v, 1 << 30, whole, 1, window_at(w, 1, 0), 1 << 30, whole,
                      w->win),
              MPI_ERR_RMA_RANGE);
    }
    MPI_OK(MPI_Type_free(&whole));
    MPI_OK(MPI_Type_free(&part));
}

static void check_places(const window_t *w)
{
    int64_t v[9] = {0};
    MPI_Win win = w->win;

    if (w->kind != KIND_DYNAMIC) {
        FAILS(w, "put past the end",
              MPI_Put(v, 1, MPI_INT64_T, 1, 8, 1, MPI_INT64_T, win),
              MPI_ERR_RMA_RANGE);
        FAILS(w, "get across the end",
              MPI_Get(v, 2, MPI_INT64_T, 1, 7, 2, MPI_INT64_T, win),
              MPI_ERR_RMA_RANGE);
        FAILS(w, "accumulate of too much",
              MPI_Accumulate(v, 9, MPI_INT64_T, 1, 0, 9, MPI_INT64_T, MPI_SUM,
                             win),
              MPI_ERR_RMA_RANGE);
    } else {
        FAILS(w, "put where nothing is attached",
              MPI_Put(v, 1, MPI_INT64_T, 1, 64, 1, MPI_INT64_T, win),
              MPI_ERR_RMA_RANGE);
    }
}

MPI_TEST(errors, arguments_of_operations_are_checked, 2)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        open_returning(&w, kind);
        MPI_OK(MPI_Win_lock_all(0, w.win));
        check_ranks_and_counts(&w);
        check_types_and_ops(&w);
        check_places(&w);
        check_too_much(&w);
        MPI_OK(MPI_Win_unlock_all(w.win));
        check_alive(&w);
        window_close(&w);
    }
}

static void check_outside_of_epochs(const window_t *w)
{
    int64_t v = 0;
    int64_t r = 0;
    MPI_Aint at = window_at(w, 1, 0);
    MPI_Win win = w->win;

    FAILS(w, "put outside",
          MPI_Put(&v, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "get outside",
          MPI_Get(&v, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, win),
          MPI_ERR_RMA_SYNC);
    FAILS(
        w, "accumulate outside",
        MPI_Accumulate(&v, 1, MPI_INT64_T, 1, at, 1, MPI_INT64_T, MPI_SUM, win),
        MPI_ERR_RMA_SYNC);
    FAILS(w, "fetch_and_op outside",
          MPI_Fetch_and_op(&v, &r, MPI_INT64_T, 1, at, MPI_SUM, win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "unlock without lock", MPI_Win_unlock(1, win), MPI_ERR_RMA_SYNC);
    FAILS(w, "unlock_all without lock", MPI_Win_unlock_all(win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "flush without lock", MPI_Win_flush(1, win), MPI_ERR_RMA_SYNC);
    FAILS(w, "flush_all without lock", MPI_Win_flush_all(win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "complete without start", MPI_Win_complete(win), MPI_ERR_RMA_SYNC);
    FAILS(w, "wait without post", MPI_Win_wait(win), MPI_ERR_RMA_SYNC);
}

static void check_inside_of_epochs(const window_t *w)
{
    int64_t v = 0;
    MPI_Win win = w->win;

    MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, win));
    FAILS(
        w, "put to a rank without lock",
        MPI_Put(&v, 1, MPI_INT64_T, 0, window_at(w, 0, 0), 1, MPI_INT64_T, win),
        MPI_ERR_RMA_SYNC);
    FAILS(w, "locked twice", MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "lock_all in a lock", MPI_Win_lock_all(0, win), MPI_ERR_RMA_SYNC);
    FAILS(w, "unlock_all of a lock", MPI_Win_unlock_all(win), MPI_ERR_RMA_SYNC);
    MPI_OK(MPI_Win_unlock(1, win));
    MPI_OK(MPI_Win_lock_all(0, win));
    FAILS(w, "lock in lock_all", MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, win),
          MPI_ERR_RMA_SYNC);
    FAILS(w, "lock_all twice", MPI_Win_lock_all(0, win), MPI_ERR_RMA_SYNC);
    FAILS(w, "unlock in lock_all", MPI_Win_unlock(1, win), MPI_ERR_RMA_SYNC);
    MPI_OK(MPI_Win_unlock_all(win));
}

MPI_TEST(errors, epochs_are_checked, 2)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        open_returning(&w, kind);
        check_outside_of_epochs(&w);
        check_inside_of_epochs(&w);
        FAILS(&w, "lock of no type", MPI_Win_lock(-5, 1, 0, w.win),
              MPI_ERR_LOCKTYPE);
        FAILS(&w, "lock rank", MPI_Win_lock(MPI_LOCK_SHARED, 2, 0, w.win),
              MPI_ERR_RANK);
        FAILS(&w, "unlock rank", MPI_Win_unlock(-9, w.win), MPI_ERR_RANK);
        FAILS(&w, "post group of zero", MPI_Win_post((MPI_Group)NULL, 0, w.win),
              MPI_ERR_GROUP);
        FAILS(&w, "set_info info of zero",
              MPI_Win_set_info(w.win, (MPI_Info)NULL), MPI_ERR_INFO);
        FAILS(&w, "fence assertion", MPI_Win_fence(0x1000, w.win),
              MPI_ERR_ASSERT);
        FAILS(&w, "lock assertion",
              MPI_Win_lock(MPI_LOCK_SHARED, 1, 0x1000, w.win), MPI_ERR_ASSERT);
        check_alive(&w);
        window_close(&w);
    }
}

/* Nothing is bound to no window but the communicator that knows everyone. */
MPI_TEST(errors, no_window_is_told_to_the_world, 2)
{
    int64_t v = 0;
    MPI_Win none = MPI_WIN_NULL;
    MPI_Group group;

    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    (void)mpi_case("put");
    MPI_FAILS(MPI_Put(&v, 1, MPI_INT64_T, 1, 0, 1, MPI_INT64_T, none),
              MPI_ERR_WIN);
    (void)mpi_case("accumulate");
    MPI_FAILS(
        MPI_Accumulate(&v, 1, MPI_INT64_T, 1, 0, 1, MPI_INT64_T, MPI_SUM, none),
        MPI_ERR_WIN);
    (void)mpi_case("fence");
    MPI_FAILS(MPI_Win_fence(0, none), MPI_ERR_WIN);
    (void)mpi_case("lock");
    MPI_FAILS(MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, none), MPI_ERR_WIN);
    (void)mpi_case("flush_all");
    MPI_FAILS(MPI_Win_flush_all(none), MPI_ERR_WIN);
    (void)mpi_case("free");
    MPI_FAILS(MPI_Win_free(&none), MPI_ERR_WIN);
    (void)mpi_case("get_group");
    MPI_FAILS(MPI_Win_get_group(none, &group), MPI_ERR_WIN);
}

/* Neither the handle nor the address has a place to go to. */
static void check_places_of_results(void)
{
    int64_t memory[8];
    MPI_Win win = MPI_WIN_NULL;
    int64_t *base;

    if (mpi_case("create handle")) {
        MPI_FAILS(
            MPI_Win_create(memory, 64, 1, MPI_INFO_NULL, MPI_COMM_WORLD, NULL),
            MPI_ERR_WIN);
    }
    if (mpi_case("create_dynamic handle")) {
        MPI_FAILS(MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, NULL),
                  MPI_ERR_WIN);
    }
    if (mpi_case("allocate handle")) {
        MPI_FAILS(
            MPI_Win_allocate(8, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, NULL),
            MPI_ERR_WIN);
    }
    if (mpi_case("allocate base")) {
        MPI_FAILS(
            MPI_Win_allocate(8, 1, MPI_INFO_NULL, MPI_COMM_WORLD, NULL, &win),
            MPI_ERR_ARG);
    }
    if (mpi_case("allocate_shared base")) {
        MPI_FAILS(MPI_Win_allocate_shared(8, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                                          NULL, &win),
                  MPI_ERR_ARG);
    }
    EXPECT(win == MPI_WIN_NULL);
}

MPI_TEST(errors, windows_are_not_made_of_nonsense, 4)
{
    int64_t memory[8];
    int64_t *base;
    MPI_Win win = MPI_WIN_NULL;

    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    if (mpi_case("create size")) {
        MPI_FAILS(
            MPI_Win_create(memory, -1, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &win),
            MPI_ERR_SIZE);
    }
    if (mpi_case("create unit")) {
        MPI_FAILS(
            MPI_Win_create(memory, 64, 0, MPI_INFO_NULL, MPI_COMM_WORLD, &win),
            MPI_ERR_DISP);
    }
    if (mpi_case("create communicator")) {
        MPI_FAILS(
            MPI_Win_create(memory, 64, 1, MPI_INFO_NULL, MPI_COMM_NULL, &win),
            MPI_ERR_COMM);
    }
    if (mpi_case("create communicator of zero")) {
        MPI_FAILS(
            MPI_Win_create(memory, 64, 1, MPI_INFO_NULL, (MPI_Comm)NULL, &win),
            MPI_ERR_COMM);
    }
    if (mpi_case("allocate size")) {
        MPI_FAILS(
            MPI_Win_allocate(-8, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win),
            MPI_ERR_SIZE);
    }
    if (mpi_case("allocate_shared communicator")) {
        MPI_FAILS(MPI_Win_allocate_shared(8, 1, MPI_INFO_NULL, MPI_COMM_NULL,
                                          &base, &win),
                  MPI_ERR_COMM);
    }
    if (mpi_case("allocate_shared too much together")) {
        EXPECT(MPI_Win_allocate_shared((MPI_Aint)1 << 62, 8, MPI_INFO_NULL,
                                       MPI_COMM_WORLD, &base,
                                       &win) != MPI_SUCCESS);
    }
    if (mpi_case("create_dynamic communicator")) {
        MPI_FAILS(MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_NULL, &win),
                  MPI_ERR_COMM);
    }
    if (mpi_case("create info of zero")) {
        MPI_FAILS(
            MPI_Win_create(memory, 64, 1, (MPI_Info)NULL, MPI_COMM_WORLD, &win),
            MPI_ERR_INFO);
    }
    check_places_of_results();
    EXPECT(win == MPI_WIN_NULL);
    mpi_sync();
}

MPI_TEST(errors, calls_suit_the_kind_of_window, 2)
{
    int64_t memory[8] = {0};
    MPI_Aint size;
    int unit;
    void *base;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        open_returning(&w, kind);
        if (kind != KIND_DYNAMIC) {
            FAILS(&w, "attach", MPI_Win_attach(w.win, memory, sizeof(memory)),
                  MPI_ERR_RMA_FLAVOR);
            FAILS(&w, "detach", MPI_Win_detach(w.win, memory),
                  MPI_ERR_RMA_FLAVOR);
        } else {
            FAILS(&w, "attach a negative size",
                  MPI_Win_attach(w.win, memory, -1), MPI_ERR_SIZE);
            FAILS(&w, "detach what is not attached",
                  MPI_Win_detach(w.win, memory), MPI_ERR_RMA_ATTACH);
        }
        if (kind != KIND_SHARED) {
            FAILS(&w, "shared_query",
                  MPI_Win_shared_query(w.win, 0, &size, &unit, &base),
                  MPI_ERR_RMA_FLAVOR);
        }
        check_alive(&w);
        window_close(&w);
    }
}

/* No byte is attached twice, whatever stands between in the order of
 * addresses. */
MPI_TEST(errors, memory_is_attached_once, 2)
{
    static int64_t memory[64];
    MPI_Win win;

    MPI_OK(MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win));
    MPI_OK(MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN));
    MPI_OK(MPI_Win_attach(win, memory + 16, 256));
    MPI_OK(MPI_Win_attach(win, memory + 24, 0));
    MPI_OK(MPI_Win_attach(win, memory + 8, 0));
    if (mpi_case("attach the same")) {
        MPI_FAILS(MPI_Win_attach(win, memory + 16, 256), MPI_ERR_RMA_ATTACH);
    }
    if (mpi_case("attach a part")) {
        MPI_FAILS(MPI_Win_attach(win, memory + 32, 8), MPI_ERR_RMA_ATTACH);
    }
    if (mpi_case("attach the beginning")) {
        MPI_FAILS(MPI_Win_attach(win, memory, 136), MPI_ERR_RMA_ATTACH);
    }
    MPI_OK(MPI_Win_attach(win, memory, 128));
    MPI_OK(MPI_Win_attach(win, memory + 48, 128));
    MPI_OK(MPI_Win_detach(win, memory));
    MPI_OK(MPI_Win_detach(win, memory + 16));
    MPI_OK(MPI_Win_attach(win, memory, 256));
    MPI_OK(MPI_Win_free(&win));
}

/* --- handlers ---------------------------------------------------------------- */

static int calls;
static MPI_Win last_window;
static int last_class;

static void remember(MPI_Win *win, int *code, ...)
{
    ++calls;
    last_window = *win;
    last_class = mpi_class(*code);
}

MPI_TEST(errors, handlers_of_the_user_are_called, 2)
{
    int64_t v = 0;
    MPI_Errhandler mine;
    MPI_Errhandler found;
    window_t w;

    MPI_OK(MPI_Win_create_errhandler(remember, &mine));
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 8);
        MPI_OK(MPI_Win_get_errhandler(w.win, &found));
        EXPECT(found == MPI_ERRORS_ARE_FATAL);
        MPI_Errhandler_free(&found);
        MPI_OK(MPI_Win_set_errhandler(w.win, mine));
        MPI_OK(MPI_Win_get_errhandler(w.win, &found));
        EXPECT(found == mine);
        MPI_Errhandler_free(&found);

        calls = 0;
        MPI_OK(MPI_Win_lock_all(0, w.win));
        (void)MPI_Put(&v, 1, MPI_INT64_T, 9, 0, 1, MPI_INT64_T, w.win);
        EXPECT_EQ(calls, 1);
        EXPECT(last_window == w.win);
        EXPECT_EQ(last_class, MPI_ERR_RANK);
        MPI_OK(MPI_Win_unlock_all(w.win));
        (void)MPI_Win_call_errhandler(w.win, MPI_ERR_OTHER);
        EXPECT_EQ(calls, 2);
        EXPECT_EQ(last_class, MPI_ERR_OTHER);
        check_alive(&w);
        window_close(&w);
    }
    MPI_OK(MPI_Errhandler_free(&mine));
}
