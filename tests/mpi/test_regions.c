/* SPDX-License-Identifier: BSD-3-Clause */
/* What an access to a dynamic window needs is that the bytes are attached, by
 * however many calls. */
#include "mpi_test.h"

#include <sys/mman.h>
#include <unistd.h>

enum { WORDS = 64, BYTES = 8 * WORDS };

static MPI_Win win;

/* Both ranks access memory of rank 0, one after the other: what is one's own is
 * reached another way. */
#define EACH_ORIGIN(origin)                                    \
    for (int origin = 0; (origin) < 2; ++(origin), mpi_sync()) \
        if (mpi_rank == (origin))

static void attach_parts(char *memory, const int *ends)
{
    int from = 0;

    for (; *ends > 0; from = *ends++) {
        MPI_OK(MPI_Win_attach(win, memory + from, *ends - from));
    }
}

static void detach_parts(char *memory, const int *ends)
{
    int from = 0;

    for (; *ends > 0; from = *ends++) {
        MPI_OK(MPI_Win_detach(win, memory + from));
    }
}

/* A window in which rank 0 has the parts attached, and an epoch. */
static void begin(char *memory, const int *ends)
{
    win = dynamic_open();
    if (mpi_rank == 0) {
        attach_parts(memory, ends);
    }
    mpi_sync();
    MPI_OK(MPI_Win_lock_all(0, win));
}

/* --- several regions in one access ------------------------------------------ */

static void fill(int64_t *values, int64_t first)
{
    for (int i = 0; i < WORDS; ++i) {
        values[i] = first + i;
    }
}

static void expect(const int64_t *values, int64_t first, int64_t step)
{
    for (int i = 0; i < WORDS; ++i) {
        EXPECT_EQ(values[i], first + step * i);
    }
}

static void access_all(MPI_Aint at)
{
    int64_t values[WORDS], old[WORDS] = {0};

    fill(values, 100);
    MPI_OK(MPI_Put(values, WORDS, MPI_INT64_T, 0, at, WORDS, MPI_INT64_T, win));
    MPI_OK(MPI_Win_flush(0, win));
    MPI_OK(MPI_Get(old, WORDS, MPI_INT64_T, 0, at, WORDS, MPI_INT64_T, win));
    MPI_OK(MPI_Win_flush(0, win));
    expect(old, 100, 1);
    MPI_OK(MPI_Accumulate(values, WORDS, MPI_INT64_T, 0, at, WORDS, MPI_INT64_T,
                          MPI_SUM, win));
    MPI_OK(MPI_Win_flush(0, win));
    fill(values, 1000);
    MPI_OK(MPI_Get_accumulate(values, WORDS, MPI_INT64_T, old, WORDS,
                              MPI_INT64_T, 0, at, WORDS, MPI_INT64_T,
                              MPI_REPLACE, win));
    MPI_OK(MPI_Win_flush(0, win));
    expect(old, 200, 2);
    MPI_OK(MPI_Get_accumulate(NULL, 0, MPI_INT64_T, old, WORDS, MPI_INT64_T, 0,
                              at, WORDS, MPI_INT64_T, MPI_NO_OP, win));
    MPI_OK(MPI_Win_flush(0, win));
    expect(old, 1000, 1);
}

/* Halves, and parts that end within an element. */
MPI_TEST(regions, an_access_spans_several, 2)
{
    static const int ends[][6] = {
        {BYTES / 2, BYTES}, {8, 16, 24, 200, BYTES}, {3, 77, 78, 301, BYTES}};
    int64_t *memory = calloc(WORDS, 8);
    MPI_Aint at = dynamic_address(0, memory);

    EXPECT(memory != NULL);
    win = dynamic_open();
    for (int i = 0; i < 3; ++i) {
        (void)mpi_case("parts %d", i);
        if (mpi_rank == 0) {
            attach_parts((char *)memory, ends[i]);
        }
        mpi_sync();
        MPI_OK(MPI_Win_lock_all(0, win));
        EACH_ORIGIN(origin)
        {
            access_all(at);
        }
        if (mpi_rank == 0) {
            expect(memory, 1000, 1);
        }
        MPI_OK(MPI_Win_unlock_all(win));
        mpi_sync();
        if (mpi_rank == 0) {
            detach_parts((char *)memory, ends[i]);
        }
    }
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}

/* One element lies in two regions, or in three; fetching and comparing need all
 * of it at once. */
MPI_TEST(regions, an_element_lies_in_several, 2)
{
    static const int ends[] = {4, 8 + 1, 8 + 6, 16, 0};
    int64_t *memory = calloc(2, 8);
    MPI_Aint at = dynamic_address(0, memory);
    int64_t value, other, old;

    EXPECT(memory != NULL);
    begin((char *)memory, ends);
    EACH_ORIGIN(origin)
    {
        for (int i = 0; i < 2; ++i, at += 8) {
            value = INT64_C(0x0102030405060708);
            MPI_OK(MPI_Fetch_and_op(&value, &old, MPI_INT64_T, 0, at,
                                    MPI_REPLACE, win));
            MPI_OK(MPI_Win_flush(0, win));
            EXPECT_EQ(old, origin * 7);
            other = INT64_C(0x0f0f0f0f0f0f0f0f);
            MPI_OK(MPI_Fetch_and_op(&other, &old, MPI_INT64_T, 0, at, MPI_SUM,
                                    win));
            MPI_OK(MPI_Win_flush(0, win));
            EXPECT_EQ(old, value);
            MPI_OK(MPI_Compare_and_swap(&other, &value, &old, MPI_INT64_T, 0,
                                        at, win));
            MPI_OK(MPI_Win_flush(0, win));
            EXPECT_EQ(old, value + other);
            value = old;
            other = 7;
            MPI_OK(MPI_Compare_and_swap(&other, &value, &old, MPI_INT64_T, 0,
                                        at, win));
            MPI_OK(MPI_Win_flush(0, win));
            EXPECT_EQ(old, value);
        }
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        EXPECT_EQ(memory[0], 7);
        EXPECT_EQ(memory[1], 7);
        detach_parts((char *)memory, ends);
    }
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}

/* Neither the ones that add to it alone nor those that add to its neighbours,
 * too, lose anything. */
MPI_TEST(regions, elements_in_two_are_added_to_at_once, 3)
{
    enum { ROUNDS = 300 };
    static const int ends[] = {12, 24, 0};
    int64_t *memory = calloc(3, 8), ones[3] = {1, 1, 1}, old[3];
    MPI_Aint at = dynamic_address(0, memory);

    EXPECT(memory != NULL);
    begin((char *)memory, ends);
    for (int i = 0; i < ROUNDS; ++i) {
        MPI_OK(MPI_Accumulate(ones, 3, MPI_INT64_T, 0, at, 3, MPI_INT64_T,
                              MPI_SUM, win));
        MPI_OK(
            MPI_Fetch_and_op(ones, old, MPI_INT64_T, 0, at + 8, MPI_SUM, win));
        MPI_OK(MPI_Get_accumulate(ones, 2, MPI_INT64_T, old, 2, MPI_INT64_T, 0,
                                  at, 2, MPI_INT64_T, MPI_SUM, win));
        MPI_OK(MPI_Accumulate(ones, 1, MPI_INT64_T, 0, at + 16, 1, MPI_INT64_T,
                              MPI_SUM, win));
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        EXPECT_EQ(memory[0], 2 * 3 * ROUNDS);
        EXPECT_EQ(memory[1], 3 * 3 * ROUNDS);
        EXPECT_EQ(memory[2], 2 * 3 * ROUNDS);
        detach_parts((char *)memory, ends);
    }
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}

/* Four words of each of three allocations, in an order of its own, and a block
 * that goes on from one region to the next. */
static MPI_Datatype make_scattered(const MPI_Aint *at)
{
    int lengths[] = {2, 4, 1, 1, 4};
    MPI_Aint places[] = {at[2] + 16, at[0], at[2] + 8, at[2], at[1] + 24};
    MPI_Datatype type;

    MPI_OK(MPI_Type_create_hindexed(5, lengths, places, MPI_INT64_T, &type));
    MPI_OK(MPI_Type_commit(&type));
    return type;
}

static void access_scattered(MPI_Datatype type)
{
    int64_t values[12], old[12] = {0};

    for (int i = 0; i < 12; ++i) {
        values[i] = 10 + i;
    }
    MPI_OK(MPI_Put(values, 12, MPI_INT64_T, 0, (MPI_Aint)MPI_BOTTOM, 1, type,
                   win));
    MPI_OK(MPI_Win_flush(0, win));
    MPI_OK(MPI_Accumulate(values, 12, MPI_INT64_T, 0, (MPI_Aint)MPI_BOTTOM, 1,
                          type, MPI_SUM, win));
    MPI_OK(MPI_Win_flush(0, win));
    MPI_OK(
        MPI_Get(old, 12, MPI_INT64_T, 0, (MPI_Aint)MPI_BOTTOM, 1, type, win));
    MPI_OK(MPI_Win_flush(0, win));
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(old[i], 2 * (10 + i));
    }
    MPI_OK(MPI_Get_accumulate(values, 12, MPI_INT64_T, old, 12, MPI_INT64_T, 0,
                              (MPI_Aint)MPI_BOTTOM, 1, type, MPI_SUM, win));
    MPI_OK(MPI_Win_flush(0, win));
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(old[i], 2 * (10 + i));
    }
}

MPI_TEST(regions, a_type_reaches_several_allocations, 2)
{
    static const size_t sizes[] = {32, 200, 70000};
    int64_t *memory[3];
    MPI_Aint at[3];
    MPI_Datatype type;

    win = dynamic_open();
    for (int i = 0; i < 3; ++i) {
        memory[i] = calloc(1, sizes[i]);
        EXPECT(memory[i] != NULL);
        at[i] = dynamic_address(0, memory[i]);
    }
    if (mpi_rank == 0) {
        MPI_OK(MPI_Win_attach(win, memory[0], 32));
        /* The block goes from the first of these to the other. */
        MPI_OK(MPI_Win_attach(win, memory[1] + 3, 16));
        MPI_OK(MPI_Win_attach(win, memory[1] + 5, 16));
        MPI_OK(MPI_Win_attach(win, memory[2], 32));
    }
    type = make_scattered(at);
    mpi_sync();
    MPI_OK(MPI_Win_lock_all(0, win));
    EACH_ORIGIN(origin)
    {
        access_scattered(type);
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        for (int i = 0; i < 4; ++i) {
            EXPECT_EQ(memory[0][i], 3 * (10 + 2 + i));
            EXPECT_EQ(memory[1][3 + i], 3 * (10 + 8 + i));
        }
        EXPECT_EQ(memory[1][2], 0);
        EXPECT_EQ(memory[1][7], 0);
        EXPECT_EQ(memory[2][0], 3 * (10 + 7));
        EXPECT_EQ(memory[2][1], 3 * (10 + 6));
        EXPECT_EQ(memory[2][2], 3 * (10 + 0));
        EXPECT_EQ(memory[2][3], 3 * (10 + 1));
        EXPECT_EQ(memory[2][4], 0);
        MPI_OK(MPI_Win_detach(win, memory[0]));
        MPI_OK(MPI_Win_detach(win, memory[1] + 3));
        MPI_OK(MPI_Win_detach(win, memory[1] + 5));
        MPI_OK(MPI_Win_detach(win, memory[2]));
    }
    MPI_OK(MPI_Type_free(&type));
    MPI_OK(MPI_Win_free(&win));
    for (int i = 0; i < 3; ++i) {
        free(memory[i]);
    }
}

/* Instances that lie backwards, with a hole of pages between. */
MPI_TEST(regions, instances_lie_in_regions_of_their_own, 2)
{
    enum { APART = 1 << 16, COUNT = 5 };
    char *memory = calloc(COUNT, APART);
    MPI_Aint at = dynamic_address(0, memory);
    int32_t values[2 * COUNT], old[2 * COUNT];
    MPI_Datatype type;

    EXPECT(memory != NULL);
    win = dynamic_open();
    for (int i = 0; i < COUNT; ++i) {
        MPI_OK(MPI_Win_attach(win, memory + (size_t)i * APART, 8));
        values[2 * i] = i;
        values[2 * i + 1] = -i;
    }
    MPI_OK(MPI_Type_create_resized(MPI_2INT, 0, -APART, &type));
    MPI_OK(MPI_Type_commit(&type));
    mpi_sync();
    MPI_OK(MPI_Win_lock_all(0, win));
    EACH_ORIGIN(origin)
    {
        memset(old, 0, sizeof(old));
        MPI_OK(MPI_Put(values, COUNT, MPI_2INT, 0, at + (COUNT - 1) * APART,
                       COUNT, type, win));
        MPI_OK(MPI_Win_flush(0, win));
        MPI_OK(MPI_Get(old, COUNT, MPI_2INT, 0, at + (COUNT - 1) * APART, COUNT,
                       type, win));
        MPI_OK(MPI_Win_flush(0, win));
        EXPECT(memcmp(old, values, sizeof(old)) == 0);
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    for (int i = 0; (i < COUNT) && (mpi_rank == 0); ++i) {
        memcpy(old, memory + (size_t)i * APART, 8);
        EXPECT_EQ(old[0], COUNT - 1 - i);
        EXPECT_EQ(old[1], -(COUNT - 1 - i));
    }
    for (int i = 0; i < COUNT; ++i) {
        MPI_OK(MPI_Win_detach(win, memory + (size_t)i * APART));
    }
    MPI_OK(MPI_Type_free(&type));
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}

/* Large pieces go a way of their own. */
MPI_TEST(regions, large_accesses_span_several, 2)
{
    enum { SIZE = 3 << 20, FIRST = (1 << 20) + 5, SECOND = 2 << 20 };
    static const int ends[] = {FIRST, SECOND, SIZE, 0};
    unsigned char *memory = calloc(SIZE, 1);
    unsigned char *out = malloc(SIZE), *back = malloc(SIZE);
    MPI_Aint at = dynamic_address(0, memory);

    EXPECT((memory != NULL) && (out != NULL) && (back != NULL));
    begin((char *)memory, ends);
    EACH_ORIGIN(origin)
    {
        for (int i = 0; i < SIZE; ++i) {
            out[i] = (unsigned char)(i * 7 + (i >> 9) + origin);
        }
        MPI_OK(MPI_Put(out, SIZE - 3, MPI_BYTE, 0, at + 3, SIZE - 3, MPI_BYTE,
                       win));
        MPI_OK(MPI_Win_flush(0, win));
        MPI_OK(MPI_Get(back, SIZE - 3, MPI_BYTE, 0, at + 3, SIZE - 3, MPI_BYTE,
                       win));
        MPI_OK(MPI_Win_flush(0, win));
        EXPECT(memcmp(back, out, SIZE - 3) == 0);
    }
    if (mpi_rank == 0) {
        for (int i = 0; i < SIZE; ++i) {
            EXPECT_EQ(
                memory[i],
                i < 3 ? 0 : (unsigned char)((i - 3) * 7 + ((i - 3) >> 9) + 1));
        }
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        detach_parts((char *)memory, ends);
    }
    MPI_OK(MPI_Win_free(&win));
    free(memory);
    free(out);
    free(back);
}

/* What the program shares with others already is reached another way than the
 * rest, and both lie in one access, in one element even. */
MPI_TEST(regions, shared_memory_adjoins_private_memory, 2)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int64_t *words = (int64_t *)(memory + page - BYTES / 2);
    MPI_Aint at = dynamic_address(0, words);
    int64_t one = 1, old;

    EXPECT(memory != MAP_FAILED);
    EXPECT(mmap(memory + page, page, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) == memory + page);
    win = dynamic_open();
    if (mpi_rank == 0) {
        MPI_OK(MPI_Win_attach(win, memory, (MPI_Aint)page - 4));
        MPI_OK(MPI_Win_attach(win, memory + page - 4, 4));
        MPI_OK(MPI_Win_attach(win, memory + page, (MPI_Aint)page));
    }
    mpi_sync();
    MPI_OK(MPI_Win_lock_all(0, win));
    EACH_ORIGIN(origin)
    {
        access_all(at);
        MPI_OK(MPI_Fetch_and_op(&one, &old, MPI_INT64_T, 0, at + BYTES / 2 - 4,
                                MPI_SUM, win));
        MPI_OK(MPI_Win_flush(0, win));
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        memcpy(&old, (char *)words + BYTES / 2 - 4, 8);
        EXPECT_EQ(old, ((int64_t)(1000 + WORDS / 2) << 32) + 1);
        MPI_OK(MPI_Win_detach(win, memory));
        MPI_OK(MPI_Win_detach(win, memory + page - 4));
        MPI_OK(MPI_Win_detach(win, memory + page));
    }
    MPI_OK(MPI_Win_free(&win));
    munmap(memory, 2 * page);
}

/* --- bytes that lie in no region ---------------------------------------------- */

static void refuse_gap(MPI_Aint at)
{
    int64_t values[WORDS], old[WORDS];
    MPI_Datatype type;

    fill(values, 500);
    MPI_FAILS(
        MPI_Put(values, WORDS, MPI_INT64_T, 0, at, WORDS, MPI_INT64_T, win),
        MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Get(old, WORDS, MPI_INT64_T, 0, at, WORDS, MPI_INT64_T, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Accumulate(values, WORDS, MPI_INT64_T, 0, at, WORDS,
                             MPI_INT64_T, MPI_SUM, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Get_accumulate(values, WORDS, MPI_INT64_T, old, WORDS,
                                 MPI_INT64_T, 0, at, WORDS, MPI_INT64_T,
                                 MPI_SUM, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Fetch_and_op(values, old, MPI_INT64_T, 0, at + 8 * 31,
                               MPI_SUM, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Compare_and_swap(values, values, old, MPI_INT64_T, 0,
                                   at + 8 * 31, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(MPI_Put(values, 1, MPI_INT64_T, 0, at - 4, 1, MPI_INT64_T, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(
        MPI_Put(values, 1, MPI_INT64_T, 0, at + BYTES - 4, 1, MPI_INT64_T, win),
        MPI_ERR_RMA_RANGE);

    MPI_OK(MPI_Type_indexed(3, (int[]){2, 2, 2}, (int[]){0, 30, WORDS - 2},
                            MPI_INT64_T, &type));
    MPI_OK(MPI_Type_commit(&type));
    MPI_FAILS(MPI_Put(values, 6, MPI_INT64_T, 0, at, 1, type, win),
              MPI_ERR_RMA_RANGE);
    MPI_FAILS(
        MPI_Accumulate(values, 6, MPI_INT64_T, 0, at, 1, type, MPI_SUM, win),
        MPI_ERR_RMA_RANGE);
    MPI_OK(MPI_Type_free(&type));
}

/* Two words at each end, and one beside the gap. */
static void leave_gap_out(MPI_Aint at)
{
    int64_t values[5], old[5];
    MPI_Datatype type;

    MPI_OK(MPI_Type_indexed(3, (int[]){2, 1, 2}, (int[]){0, 30, WORDS - 2},
                            MPI_INT64_T, &type));
    MPI_OK(MPI_Type_commit(&type));
    for (int i = 0; i < 5; ++i) {
        values[i] = 500 + i;
    }
    MPI_OK(
        MPI_Accumulate(values, 5, MPI_INT64_T, 0, at, 1, type, MPI_SUM, win));
    MPI_OK(MPI_Win_flush(0, win));
    MPI_OK(MPI_Get(old, 5, MPI_INT64_T, 0, at, 1, type, win));
    MPI_OK(MPI_Win_flush(0, win));
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(old[i], 500 + i); /* nothing came of what was refused */
    }
    memset(values, 0, sizeof(values));
    MPI_OK(MPI_Put(values, 5, MPI_INT64_T, 0, at, 1, type, win));
    MPI_OK(MPI_Win_flush(0, win));
    MPI_OK(MPI_Type_free(&type));
}

/* One byte is missing, in the middle of word 31. */
MPI_TEST(regions, every_byte_that_is_accessed_is_attached, 2)
{
    char *memory = calloc(WORDS + 2, 8);
    char *start = memory + 8;
    MPI_Aint at = dynamic_address(0, start);

    EXPECT(memory != NULL);
    win = dynamic_open();
    if (mpi_rank == 0) {
        MPI_OK(MPI_Win_attach(win, start, 8 * 20));
        MPI_OK(MPI_Win_attach(win, start + 8 * 20, 8 * 11 + 4));
        MPI_OK(MPI_Win_attach(win, start + 8 * 31 + 5, BYTES - 8 * 31 - 5));
    }
    mpi_sync();
    MPI_OK(MPI_Win_lock_all(0, win));
    EACH_ORIGIN(origin)
    {
        if (mpi_case("refused")) {
            refuse_gap(at);
        }
        (void)mpi_case("left out");
        leave_gap_out(at);
    }
    MPI_OK(MPI_Win_unlock_all(win));
    mpi_sync();
    if (mpi_rank == 0) {
        for (int i = 0; i < 8 * (WORDS + 2); ++i) {
            EXPECT_EQ(memory[i], 0);
        }
        MPI_OK(MPI_Win_detach(win, start));
        MPI_OK(MPI_Win_detach(win, start + 8 * 20));
        MPI_OK(MPI_Win_detach(win, start + 8 * 31 + 5));
    }
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}
