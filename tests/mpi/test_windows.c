/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows as objects: what they say about themselves, over which communicators
 * and which memory they lie, how many there can be. */
#include "mpi_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void put_word(MPI_Win win, int rank, MPI_Aint at, int64_t value)
{
    MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, rank, 0, win));
    MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, rank, at, 1, MPI_INT64_T, win));
    MPI_OK(MPI_Win_unlock(rank, win));
}

static int64_t get_word(MPI_Win win, int rank, MPI_Aint at)
{
    int64_t value = -1;

    MPI_OK(MPI_Win_lock(MPI_LOCK_SHARED, rank, 0, win));
    MPI_OK(MPI_Get(&value, 1, MPI_INT64_T, rank, at, 1, MPI_INT64_T, win));
    MPI_OK(MPI_Win_unlock(rank, win));
    return value;
}

static void *attribute(MPI_Win win, int key)
{
    void *value = NULL;
    int flag = 0;

    MPI_OK(MPI_Win_get_attr(win, key, &value, &flag));
    EXPECT(flag);
    return value;
}

MPI_TEST(windows, attributes_describe_them, 2)
{
    static const int flavors[] = {
        MPI_WIN_FLAVOR_CREATE, MPI_WIN_FLAVOR_ALLOCATE, MPI_WIN_FLAVOR_SHARED,
        MPI_WIN_FLAVOR_DYNAMIC};
    size_t size = 48 * (size_t)(mpi_rank + 1);
    int unit = 4 * (mpi_rank + 1);
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, size, unit);
        EXPECT_EQ(*(int *)attribute(w.win, MPI_WIN_CREATE_FLAVOR),
                  flavors[kind]);
        EXPECT_EQ(*(int *)attribute(w.win, MPI_WIN_MODEL), MPI_WIN_UNIFIED);
        if (kind == KIND_DYNAMIC) {
            EXPECT(attribute(w.win, MPI_WIN_BASE) == MPI_BOTTOM);
            EXPECT_EQ(*(MPI_Aint *)attribute(w.win, MPI_WIN_SIZE), 0);
            EXPECT_EQ(*(int *)attribute(w.win, MPI_WIN_DISP_UNIT), 1);
        } else {
            EXPECT(attribute(w.win, MPI_WIN_BASE) == w.base);
            EXPECT_EQ(*(MPI_Aint *)attribute(w.win, MPI_WIN_SIZE), size);
            EXPECT_EQ(*(int *)attribute(w.win, MPI_WIN_DISP_UNIT), unit);
        }
        window_close(&w);
    }
}

static int copies;
static int deletions;
static MPI_Aint deletion_bytes;

/* The window is still there. */
static int count_deletion(MPI_Win win, int key, void *value, void *extra)
{
    (void)key;
    EXPECT_EQ(*(MPI_Aint *)attribute(win, MPI_WIN_SIZE), deletion_bytes);
    EXPECT(value == &copies);
    EXPECT(extra == &deletions);
    ++deletions;
    return MPI_SUCCESS;
}

MPI_TEST(windows, carry_attributes_of_the_user, 2)
{
    void *value;
    int flag;
    int key;
    int second;
    window_t w;

    MPI_OK(MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, count_deletion, &key,
                                 &deletions));
    MPI_OK(MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, MPI_WIN_NULL_DELETE_FN,
                                 &second, NULL));
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        deletions = 0;
        deletion_bytes = (kind == KIND_DYNAMIC) ? 0 : 64;
        window_open(&w, kind, MPI_COMM_WORLD, 64, 1);
        flag = 1;
        MPI_OK(MPI_Win_get_attr(w.win, key, &value, &flag));
        EXPECT(!flag);
        MPI_OK(MPI_Win_set_attr(w.win, key, &copies));
        MPI_OK(MPI_Win_set_attr(w.win, second, &w));
        EXPECT(attribute(w.win, key) == &copies);
        EXPECT(attribute(w.win, second) == &w);
        MPI_OK(MPI_Win_delete_attr(w.win, key));
        EXPECT_EQ(deletions, 1);
        MPI_OK(MPI_Win_get_attr(w.win, key, &value, &flag));
        EXPECT(!flag);
        MPI_OK(MPI_Win_set_attr(w.win, key, &copies));
        window_close(&w);
        EXPECT_EQ(deletions, 2);
    }
    MPI_OK(MPI_Win_free_keyval(&key));
    MPI_OK(MPI_Win_free_keyval(&second));
    EXPECT_EQ(key, MPI_KEYVAL_INVALID);
}

MPI_TEST(windows, have_group_name_and_handle, 3)
{
    char name[MPI_MAX_OBJECT_NAME];
    MPI_Group expected;
    MPI_Group group;
    int relation;
    int length;
    window_t w;

    MPI_Comm_group(MPI_COMM_WORLD, &expected);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 1);
        MPI_OK(MPI_Win_get_group(w.win, &group));
        MPI_Group_compare(group, expected, &relation);
        EXPECT_EQ(relation, MPI_IDENT);
        MPI_Group_free(&group);
        MPI_OK(MPI_Win_set_name(w.win, "halo of the north"));
        MPI_OK(MPI_Win_get_name(w.win, name, &length));
        EXPECT_EQ(length, strlen("halo of the north"));
        EXPECT(strcmp(name, "halo of the north") == 0);
        EXPECT(MPI_Win_f2c(MPI_Win_c2f(w.win)) == w.win);
        window_close(&w);
    }
    MPI_Group_free(&expected);
}

MPI_TEST(windows, tell_and_take_infos, 2)
{
    MPI_Info info;
    MPI_Info used;
    window_t w;

    MPI_Info_create(&info);
    MPI_Info_set(info, "no_locks", "false");
    MPI_Info_set(info, "nobody_knows_this_key", "7");
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 1);
        MPI_OK(MPI_Win_set_info(w.win, info));
        MPI_OK(MPI_Win_get_info(w.win, &used));
        EXPECT(used != MPI_INFO_NULL);
        MPI_OK(MPI_Info_free(&used));
        put_word(w.win, 1 - mpi_rank, window_at(&w, 1 - mpi_rank, 8), 4);
        mpi_sync();
        window_close(&w);
    }
    MPI_Info_free(&info);
}

/* Where the parts of a shared window lie is decided when it is made. */
MPI_TEST_LOCAL(windows, infos_of_the_making_stay, 2)
{
    static const char *const key = "alloc_shared_noncontig";
    char value[MPI_MAX_INFO_VAL + 1] = "";
    MPI_Info made;
    MPI_Info later;
    MPI_Info used;
    MPI_Win win;
    char *base;
    int is_there;

    MPI_Info_create(&later);
    MPI_Info_set(later, key, "true");
    MPI_Info_create(&made);
    MPI_Info_set(made, key, "false");
    for (int i = 0; i < 2; ++i) {
        if (!mpi_case("%s", (i == 0) ? "nothing said" : "false said")) {
            continue;
        }
        MPI_OK(MPI_Win_allocate_shared(64, 1, (i == 0) ? MPI_INFO_NULL : made,
                                       MPI_COMM_WORLD, &base, &win));
        MPI_OK(MPI_Win_set_info(win, later));
        MPI_OK(MPI_Win_get_info(win, &used));
        MPI_OK(MPI_Info_get(used, key, MPI_MAX_INFO_VAL, value, &is_there));
        EXPECT(!is_there || strcmp(value, "false") == 0);
        MPI_OK(MPI_Info_free(&used));
        MPI_OK(MPI_Win_free(&win));
    }
    MPI_Info_free(&made);
    MPI_Info_free(&later);
}

MPI_TEST(windows, may_be_empty, 3)
{
    int64_t value = 9;
    window_t w;

    /* Here and there, and everywhere. */
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        for (int most = 0; most < 2; ++most) {
            size_t size = mpi_rank == 1 ? 64 * (size_t)most : 0;

            window_open(&w, kind, MPI_COMM_WORLD, size, 1);
            MPI_Win_fence(0, w.win);
            if (most == 1) {
                MPI_Accumulate(&value, 1, MPI_INT64_T, 1, window_at(&w, 1, 8),
                               1, MPI_INT64_T, MPI_SUM, w.win);
            }
            MPI_Put(&value, 0, MPI_INT64_T, 0, window_at(&w, 0, 0), 0,
                    MPI_INT64_T, w.win);
            MPI_Win_fence(0, w.win);
            if (size > 0) {
                memcpy(&value, w.base + 8, 8);
                EXPECT_EQ(value, 27);
                value = 9;
            }
            window_close(&w);
        }
    }
    (void)mpi_case("create/null");
    MPI_Win_create(NULL, 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &w.win);
    MPI_Win_fence(0, w.win);
    MPI_Win_fence(0, w.win);
    MPI_Win_free(&w.win);
}

/* --- communicators ----------------------------------------------------------- */

static void use_ring(MPI_Comm comm, window_kind_t kind)
{
    int rank;
    int size;
    window_t w;
    int64_t got;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    window_open(&w, kind, comm, 64, 8);
    put_word(w.win, (rank + 1) % size, window_at(&w, (rank + 1) % size, 16),
             mpi_rank);
    MPI_Barrier(comm);
    got = get_word(w.win, rank, window_at(&w, rank, 16));
    MPI_Sendrecv_replace(&got, 1, MPI_INT64_T, (rank + size - 1) % size, 0,
                         (rank + 1) % size, 0, comm, MPI_STATUS_IGNORE);
    EXPECT_EQ(got, mpi_rank);
    window_close(&w);
}

/* Halves, in reversed order; a part while the others do something else. */
MPI_TEST(windows, lie_over_subcommunicators, 5)
{
    MPI_Comm half;
    MPI_Comm reversed;
    MPI_Comm some;

    MPI_Comm_split(MPI_COMM_WORLD, mpi_rank % 2, 0, &half);
    MPI_Comm_split(MPI_COMM_WORLD, 0, -mpi_rank, &reversed);
    MPI_Comm_split(MPI_COMM_WORLD, mpi_rank > 2 ? MPI_UNDEFINED : 0, 0, &some);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        use_ring(half, kind);
        use_ring(reversed, kind);
        if (some != MPI_COMM_NULL) {
            use_ring(some, kind);
        }
        use_ring(MPI_COMM_WORLD, kind);
    }
    MPI_Comm_free(&half);
    MPI_Comm_free(&reversed);
    if (some != MPI_COMM_NULL) {
        MPI_Comm_free(&some);
    }
}

static void use_alone(void)
{
    int64_t one = 1;
    int64_t old;
    window_t w;

    EACH_KIND(kind, MPI_COMM_SELF)
    {
        window_open(&w, kind, MPI_COMM_SELF, 64, 8);
        put_word(w.win, 0, window_at(&w, 0, 8), 6);
        EXPECT_EQ(get_word(w.win, 0, window_at(&w, 0, 8)), 6);
        MPI_Win_fence(0, w.win);
        MPI_OK(MPI_Fetch_and_op(&one, &old, MPI_INT64_T, 0, window_at(&w, 0, 8),
                                MPI_SUM, w.win));
        MPI_Win_fence(0, w.win);
        EXPECT_EQ(old, 6);
        memcpy(&old, w.base + 8, 8);
        EXPECT_EQ(old, 7);
        window_close(&w);
    }
}

MPI_TEST(windows, lie_over_oneself, 2)
{
    use_alone();
}

MPI_TEST(windows, lie_over_a_world_of_one, 1)
{
    use_alone();
}

/* The communicator may be gone before its window. */
MPI_TEST(windows, outlive_their_communicator, 2)
{
    MPI_Comm comm;
    int64_t *base;
    MPI_Win win;

    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    MPI_Win_allocate(64, 8, MPI_INFO_NULL, comm, &base, &win);
    MPI_Comm_free(&comm);
    put_word(win, 1 - mpi_rank, 2, 50 + mpi_rank);
    MPI_Win_fence(0, win);
    EXPECT_EQ(base[2], 50 + 1 - mpi_rank);
    MPI_Win_fence(0, win);
    MPI_Win_free(&win);
}

/* --- many -------------------------------------------------------------------- */

MPI_TEST(windows, come_and_go_a_thousand_times, 2)
{
    static int64_t words[4];
    MPI_Win win;

    for (int i = 0; i < 1000; ++i) {
        MPI_Win_create(words, sizeof(words), 8, MPI_INFO_NULL, MPI_COMM_WORLD,
                       &win);
        if (i % 100 == 0) {
            put_word(win, 1 - mpi_rank, 1, i);
            mpi_sync();
            EXPECT_EQ(words[1], i);
        }
        MPI_Win_free(&win);
    }
}

MPI_TEST(windows, are_a_thousand_at_once, 2)
{
    static MPI_Win wins[1000];
    static int64_t words[1000];

    for (int i = 0; i < 1000; ++i) {
        MPI_Win_create(&words[i], 8, 8, MPI_INFO_NULL, MPI_COMM_WORLD,
                       &wins[i]);
    }
    for (int i = 0; i < 1000; ++i) {
        put_word(wins[i], 1 - mpi_rank, 0, 5000 + i);
    }
    mpi_sync();
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(words[i], 5000 + i);
    }
    mpi_sync();
    for (int i = 0; i < 1000; ++i) {
        MPI_Win_free(&wins[(i * 7) % 1000]);
    }
}

/* Windows over the same memory, wholly and in part; a store through one is
 * seen through the other. */
MPI_TEST(windows, overlap, 2)
{
    static int64_t words[1000];
    int peer = 1 - mpi_rank;
    MPI_Win whole;
    MPI_Win same;
    MPI_Win part;

    MPI_Win_create(words, sizeof(words), 8, MPI_INFO_NULL, MPI_COMM_WORLD,
                   &whole);
    MPI_Win_create(words + 500, 4000, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &part);
    MPI_Win_create(words, sizeof(words), 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                   &same);
    put_word(whole, peer, 600, 1);
    EXPECT_EQ(get_word(part, peer, 100), 1);
    put_word(part, peer, 101, 2);
    EXPECT_EQ(get_word(same, peer, 601 * 8), 2);
    put_word(same, peer, 8, 3);
    EXPECT_EQ(get_word(whole, peer, 1), 3);
    mpi_sync();
    EXPECT_EQ(words[600], 1);
    EXPECT_EQ(words[601], 2);
    EXPECT_EQ(words[1], 3);
    mpi_sync();
    MPI_Win_free(&whole);
    put_word(part, peer, 102, 4);
    put_word(same, peer, 16, 5);
    mpi_sync();
    EXPECT_EQ(words[602], 4);
    EXPECT_EQ(words[2], 5);
    MPI_Win_free(&part);
    MPI_Win_free(&same);
    EXPECT_EQ(words[600] + words[601] + words[602] + words[1] + words[2], 15);
}

/* --- memory ------------------------------------------------------------------ */

static int64_t in_data[64] = {1};
static int64_t in_bss[64];

static void use_memory(const char *name, int64_t *memory)
{
    MPI_Win win;

    if (!mpi_case("%s", name)) {
        return;
    }
    memory[5] = 100 + mpi_rank;
    MPI_Win_create(memory, 512, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    EXPECT_EQ(get_word(win, 1 - mpi_rank, 5), 101 - mpi_rank);
    mpi_sync();
    put_word(win, 1 - mpi_rank, 6, 200 + mpi_rank);
    mpi_sync();
    EXPECT_EQ(memory[6], 201 - mpi_rank);
    memory[7] = 8;
    MPI_Win_free(&win);
    /* It stays what it was when the window is gone. */
    EXPECT_EQ(memory[5], 100 + mpi_rank);
    EXPECT_EQ(memory[6], 201 - mpi_rank);
    EXPECT_EQ(memory[7], 8);
}

MPI_TEST(windows, lie_over_memory_of_the_process, 2)
{
    int64_t *heap = malloc(8 * 4096);
    int64_t *from_mpi;
    int64_t *mapped;

    EXPECT(heap != NULL);
    use_memory("data", in_data);
    use_memory("bss", in_bss);
    use_memory("middle of the heap", heap + 1021);
    free(heap);
    heap = malloc(8 * 4096);
    use_memory("heap again", heap);
    heap = realloc(heap, 8 * 100000);
    EXPECT(heap != NULL && heap[6] == 201 - mpi_rank);
    free(heap);
    MPI_Alloc_mem(4096, MPI_INFO_NULL, &from_mpi);
    use_memory("MPI_Alloc_mem", from_mpi);
    MPI_Free_mem(from_mpi);
    mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(mapped != MAP_FAILED);
    use_memory("mapped", mapped + 512);
    EXPECT(munmap(mapped, 8192) == 0);
}

/* Somebody has to serve them, whatever they are. */
MPI_TEST_EITHER(windows, lie_over_memory_of_any_kind, 2)
{
    int64_t on_stack[64] = {0};
    FILE *file = tmpfile();
    int64_t *mapped;

    EXPECT(file != NULL && ftruncate(fileno(file), 8192) == 0);
    use_memory("stack", on_stack);
    mapped =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    EXPECT(mapped != MAP_FAILED);
    use_memory("shared file", mapped);
    EXPECT(munmap(mapped, 8192) == 0);
    mapped =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    EXPECT(mapped != MAP_FAILED);
    use_memory("private file", mapped);
    EXPECT(munmap(mapped, 8192) == 0);
    fclose(file);
}

/* Gets need no more than memory that can be read. */
MPI_TEST_EITHER(windows, lie_over_memory_that_is_only_read, 2)
{
    int64_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MPI_Win win;

    EXPECT(memory != MAP_FAILED);
    memory[9] = 70 + mpi_rank;
    EXPECT(mprotect(memory, 8192, PROT_READ) == 0);
    MPI_Win_create(memory, 8192, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    EXPECT_EQ(get_word(win, 1 - mpi_rank, 9), 71 - mpi_rank);
    mpi_sync();
    MPI_Win_free(&win);
    EXPECT_EQ(memory[9], 70 + mpi_rank);
    EXPECT(munmap(memory, 8192) == 0);
}

/* Nobody reads there: what becomes of such a window is the same everywhere. */
MPI_TEST_EITHER(windows, have_an_address_or_are_handed_on, 2)
{
    static int64_t memory[8];
    int64_t value = 12;
    MPI_Win win;

    MPI_OK(MPI_Win_create((mpi_rank == 1) ? NULL : memory, sizeof(memory),
                          sizeof(memory[0]), MPI_INFO_NULL, MPI_COMM_WORLD,
                          &win));
    MPI_OK(MPI_Win_fence(0, win));
    if (mpi_rank == 1) {
        MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, 0, 3, 1, MPI_INT64_T, win));
    }
    MPI_OK(MPI_Win_fence(0, win));
    EXPECT_EQ(memory[3], (mpi_rank == 0) ? 12 : 0);
    MPI_OK(MPI_Win_free(&win));
}
