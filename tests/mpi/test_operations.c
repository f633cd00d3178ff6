/* SPDX-License-Identifier: BSD-3-Clause */
/* Every predefined datatype with every operation it can be used with, through
 * every function that takes both. Rank 0 does it all to rank 1's memory. */
#include "types.h"

#include <math.h>

#define ELEMENTS 7
#define ROOM     (ELEMENTS * TYPE_EXTENT_MAX)

/* Functions that combine. What fetches leaves the old value behind. */
typedef enum {
    BY_ACCUMULATE,
    BY_RACCUMULATE,
    BY_GET_ACCUMULATE,
    BY_RGET_ACCUMULATE,
    BY_FETCH_AND_OP
} by_t;

static const char *by_name(by_t by)
{
    static const char *const names[] = {"accumulate", "raccumulate",
                                        "get_accumulate", "rget_accumulate",
                                        "fetch_and_op"};

    return names[by];
}

/* Small, so that products fit into a byte; both orders; equal ones; zeros, and
 * only truth values where there are no others. */
static value_t target_value(type_class_t class, int i)
{
    static const value_t values[ELEMENTS] = {{3, 2}, {0, 1}, {5, 3}, {4, 6},
                                             {4, 2}, {7, 1}, {1, 4}};

    if (class == TYPE_LOGICAL) {
        return (value_t){.a = values[i].a & 1};
    }
    return values[i];
}

static value_t origin_value(type_class_t class, int i)
{
    static const value_t values[ELEMENTS] = {{2, 7}, {6, 2}, {0, 5}, {4, 3},
                                             {4, 5}, {7, 1}, {3, 3}};

    if (class == TYPE_LOGICAL) {
        return (value_t){.a = values[i].b & 1};
    }
    return values[i];
}

static bool has_b(const predefined_t *type)
{
    return type->class == TYPE_PAIR || type->class == TYPE_COMPLEX;
}

static void expect_value(const predefined_t *type, const unsigned char *at,
                         value_t expected)
{
    value_t got = type->get(at);

    EXPECT_EQ(got.a, expected.a);
    if (has_b(type)) {
        EXPECT_EQ(got.b, expected.b);
    }
}

static void fetch_each(const window_t *w, const predefined_t *type, MPI_Op op,
                       const unsigned char *out, unsigned char *old)
{
    for (size_t i = 0; i < ELEMENTS; ++i) {
        MPI_OK(MPI_Fetch_and_op(out + i * type->extent, old + i * type->extent,
                                type->type, 1,
                                window_at(w, 1, i * type->extent), op, w->win));
    }
}

/* @p out may not be there when the operation does not look at it. */
static void combine(const window_t *w, const predefined_t *type, by_t by,
                    MPI_Op op, const unsigned char *out, unsigned char *old)
{
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Aint at = window_at(w, 1, 0);

    switch (by) {
    case BY_ACCUMULATE:
        MPI_OK(MPI_Accumulate(out, ELEMENTS, type->type, 1, at, ELEMENTS,
                              type->type, op, w->win));
        break;
    case BY_RACCUMULATE:
        MPI_OK(MPI_Raccumulate(out, ELEMENTS, type->type, 1, at, ELEMENTS,
                               type->type, op, w->win, &request));
        break;
    case BY_GET_ACCUMULATE:
        MPI_OK(MPI_Get_accumulate(out, ELEMENTS, type->type, old, ELEMENTS,
                                  type->type, 1, at, ELEMENTS, type->type, op,
                                  w->win));
        break;
    case BY_RGET_ACCUMULATE:
        MPI_OK(MPI_Rget_accumulate(out, ELEMENTS, type->type, old, ELEMENTS,
                                   type->type, 1, at, ELEMENTS, type->type, op,
                                   w->win, &request));
        break;
    default:
        fetch_each(w, type, op, out, old);
        break;
    }
    MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    MPI_OK(MPI_Win_flush(1, w->win));
}

static void check_operation(const window_t *w, const predefined_t *type,
                            const operation_t *operation, by_t by)
{
    unsigned char out[ROOM] = {0};
    unsigned char in[ROOM] = {0};
    unsigned char old[ROOM] = {0};
    size_t bytes = ELEMENTS * type->extent;

    for (int i = 0; i < ELEMENTS; ++i) {
        type->set(in + (size_t)i * type->extent, target_value(type->class, i));
        type->set(out + (size_t)i * type->extent, origin_value(type->class, i));
    }
    MPI_Put(in, (int)bytes, MPI_BYTE, 1, window_at(w, 1, 0), (int)bytes,
            MPI_BYTE, w->win);
    MPI_Win_flush(1, w->win);

    combine(w, type, by, operation->op, out, old);
    memset(in, 0, sizeof(in));
    MPI_Get(in, ELEMENTS, type->type, 1, window_at(w, 1, 0), ELEMENTS,
            type->type, w->win);
    MPI_Win_flush(1, w->win);

    for (int i = 0; i < ELEMENTS; ++i) {
        value_t before = target_value(type->class, i);
        value_t origin = origin_value(type->class, i);
        size_t at = (size_t)i * type->extent;

        expect_value(type, in + at,
                     operation->result(type->class, before, origin));
        if (by >= BY_GET_ACCUMULATE) {
            expect_value(type, old + at, before);
        }
    }
}

/* MPI_NO_OP only reads: it is not for functions that do not fetch. */
static bool is_possible(by_t by, const operation_t *operation,
                        const predefined_t *type)
{
    return operation_takes(operation, type) &&
           (by >= BY_GET_ACCUMULATE || operation->op != MPI_NO_OP);
}

static void check_all(by_t by)
{
    const predefined_t *type;
    const operation_t *operation;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (type = types_predefined(); type->name != NULL; ++type) {
            for (operation = types_operations(); operation->name != NULL;
                 ++operation) {
                if (mpi_rank == 0 && is_possible(by, operation, type) &&
                    mpi_case("%s/%s/%s/%s", window_kind_name(kind), by_name(by),
                             type->name, operation->name)) {
                    check_operation(&w, type, operation, by);
                }
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}

MPI_TEST(operations, accumulate, 2)
{
    check_all(BY_ACCUMULATE);
}

MPI_TEST(operations, raccumulate, 2)
{
    check_all(BY_RACCUMULATE);
}

MPI_TEST(operations, get_accumulate, 2)
{
    check_all(BY_GET_ACCUMULATE);
}

MPI_TEST(operations, rget_accumulate, 2)
{
    check_all(BY_RGET_ACCUMULATE);
}

MPI_TEST(operations, fetch_and_op, 2)
{
    check_all(BY_FETCH_AND_OP);
}

static void check_put_and_get(const window_t *w, const predefined_t *type)
{
    unsigned char out[ROOM] = {0};
    unsigned char in[ROOM] = {0};
    MPI_Request request;

    for (int i = 0; i < ELEMENTS; ++i) {
        type->set(out + (size_t)i * type->extent, target_value(type->class, i));
    }
    MPI_OK(MPI_Put(out, ELEMENTS - 1, type->type, 1,
                   window_at(w, 1, type->extent), ELEMENTS - 1, type->type,
                   w->win));
    MPI_OK(MPI_Win_flush(1, w->win));
    MPI_OK(MPI_Rput(out + (ELEMENTS - 1) * type->extent, 1, type->type, 1,
                    window_at(w, 1, 0), 1, type->type, w->win, &request));
    MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    MPI_OK(MPI_Win_flush(1, w->win));
    MPI_OK(MPI_Rget(in + type->extent, ELEMENTS - 1, type->type, 1,
                    window_at(w, 1, type->extent), ELEMENTS - 1, type->type,
                    w->win, &request));
    MPI_OK(MPI_Wait(&request, MPI_STATUS_IGNORE));
    MPI_OK(MPI_Get(in, 1, type->type, 1, window_at(w, 1, 0), 1, type->type,
                   w->win));
    MPI_OK(MPI_Win_flush(1, w->win));
    for (int i = 0; i < ELEMENTS; ++i) {
        expect_value(type, in + (size_t)i * type->extent,
                     target_value(type->class, (i + ELEMENTS - 1) % ELEMENTS));
    }
}

MPI_TEST(operations, put_and_get, 2)
{
    const predefined_t *type;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (type = types_predefined(); type->name != NULL; ++type) {
            if (mpi_rank == 0 &&
                mpi_case("%s/%s", window_kind_name(kind), type->name)) {
                check_put_and_get(&w, type);
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}

/* Only integers, logicals and bytes can be compared and swapped. */
static void check_swap(const window_t *w, const predefined_t *type)
{
    unsigned char words[5][TYPE_EXTENT_MAX] = {{0}};
    MPI_Aint at = window_at(w, 1, 2 * type->extent);

    type->set(words[0], (value_t){.a = 1});
    type->set(words[1], (value_t){.a = 0});
    MPI_Put(words[0], 1, type->type, 1, at, 1, type->type, w->win);
    MPI_Win_flush(1, w->win);
    /* Not equal: stays. */
    MPI_OK(MPI_Compare_and_swap(words[1], words[1], words[2], type->type, 1, at,
                                w->win));
    MPI_Win_flush(1, w->win);
    /* Equal: changes. */
    MPI_OK(MPI_Compare_and_swap(words[1], words[0], words[3], type->type, 1, at,
                                w->win));
    MPI_Win_flush(1, w->win);
    MPI_Get(words[4], 1, type->type, 1, at, 1, type->type, w->win);
    MPI_Win_flush(1, w->win);
    EXPECT_EQ(type->get(words[2]).a, 1);
    EXPECT_EQ(type->get(words[3]).a, 1);
    EXPECT_EQ(type->get(words[4]).a, 0);
}

MPI_TEST(operations, compare_and_swap, 2)
{
    const int classes =
        TYPE_INTEGER | TYPE_FORTRAN | TYPE_LOGICAL | TYPE_BYTE | TYPE_LANGUAGE;
    const predefined_t *type;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (type = types_predefined(); type->name != NULL; ++type) {
            if (mpi_rank == 0 && ((int)type->class & classes) != 0 &&
                mpi_case("%s/%s", window_kind_name(kind), type->name)) {
                check_swap(&w, type);
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}

/* Only origin and result have to lie apart: programs write the loop of C's
 * functions, in which what was found is what is expected next. */
static void check_swap_in_place(const window_t *w, const predefined_t *type,
                                int target)
{
    unsigned char words[3][TYPE_EXTENT_MAX] = {{0}};
    MPI_Aint at = window_at(w, target, type->extent);

    type->set(words[0], (value_t){.a = 1});
    type->set(words[1], (value_t){.a = 0});
    MPI_Put(words[0], 1, type->type, target, at, 1, type->type, w->win);
    MPI_Win_flush(target, w->win);
    /* 0 is expected and 1 found: nothing changes. Then 1 is expected. */
    for (int i = 0; i < 2; ++i) {
        MPI_OK(MPI_Compare_and_swap(words[2], words[1], words[1], type->type,
                                    target, at, w->win));
        MPI_OK(MPI_Win_flush(target, w->win));
        EXPECT_EQ(type->get(words[1]).a, 1);
    }
    MPI_Get(words[0], 1, type->type, target, at, 1, type->type, w->win);
    MPI_Win_flush(target, w->win);
    EXPECT_EQ(type->get(words[0]).a, 0);
}

MPI_TEST(operations, compare_and_swap_in_place, 2)
{
    const int classes =
        TYPE_INTEGER | TYPE_FORTRAN | TYPE_LOGICAL | TYPE_BYTE | TYPE_LANGUAGE;
    const predefined_t *type;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (type = types_predefined(); type->name != NULL; ++type) {
            for (int target = 1; target >= 0; --target) {
                if (mpi_rank == 0 && ((int)type->class & classes) != 0 &&
                    mpi_case("%s/%s/rank %d", window_kind_name(kind),
                             type->name, target)) {
                    check_swap_in_place(&w, type, target);
                }
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}

/* MPI_NO_OP does not look at the origin: it may be nothing at all. */
MPI_TEST(operations, no_op_needs_no_origin, 2)
{
    window_t w;
    int32_t got[4];
    int32_t one = -1;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 16, 4);
        for (int i = 0; i < 4; ++i) {
            int32_t value = 10 * mpi_rank + i;

            memcpy(w.base + 4 * i, &value, 4);
        }
        mpi_sync();
        MPI_Win_lock_all(0, w.win);
        for (int rank = 0; rank < 2; ++rank) {
            memset(got, 0, sizeof(got));
            MPI_OK(MPI_Get_accumulate(NULL, 0, MPI_INT32_T, got, 4, MPI_INT32_T,
                                      rank, window_at(&w, rank, 0), 4,
                                      MPI_INT32_T, MPI_NO_OP, w.win));
            MPI_OK(MPI_Fetch_and_op(NULL, &one, MPI_INT32_T, rank,
                                    window_at(&w, rank, 8), MPI_NO_OP, w.win));
            MPI_Win_flush(rank, w.win);
            for (int i = 0; i < 4; ++i) {
                EXPECT_EQ(got[i], 10 * rank + i);
            }
            EXPECT_EQ(one, 10 * rank + 2);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}

/* Signs, wrap-around and rounding are those of the C type. */
MPI_TEST(operations, keep_signs_and_infinities, 2)
{
    int8_t small = 100;
    uint16_t most = 65535;
    int64_t least = INT64_MIN;
    double infinite = HUGE_VAL;
    double got;
    int64_t word;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 1);
        MPI_Win_lock_all(0, w.win);
        if (mpi_rank == 0) {
            int8_t byte = -100;
            uint16_t two = 2;

            MPI_Accumulate(&byte, 1, MPI_INT8_T, 1, window_at(&w, 1, 0), 1,
                           MPI_INT8_T, MPI_REPLACE, w.win);
            MPI_Accumulate(&small, 1, MPI_INT8_T, 1, window_at(&w, 1, 0), 1,
                           MPI_INT8_T, MPI_MAX, w.win);
            MPI_Accumulate(&most, 1, MPI_UINT16_T, 1, window_at(&w, 1, 2), 1,
                           MPI_UINT16_T, MPI_MAX, w.win);
            MPI_Accumulate(&two, 1, MPI_UINT16_T, 1, window_at(&w, 1, 2), 1,
                           MPI_UINT16_T, MPI_MIN, w.win);
            MPI_Accumulate(&least, 1, MPI_INT64_T, 1, window_at(&w, 1, 8), 1,
                           MPI_INT64_T, MPI_MIN, w.win);
            MPI_Accumulate(&infinite, 1, MPI_DOUBLE, 1, window_at(&w, 1, 16), 1,
                           MPI_DOUBLE, MPI_MAX, w.win);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        if (mpi_rank == 1) {
            EXPECT_EQ((int8_t)w.base[0], 100);
            memcpy(&most, w.base + 2, 2);
            EXPECT_EQ(most, 2);
        }
        memcpy(&word, w.base + 8, 8);
        memcpy(&got, w.base + 16, 8);
        if (mpi_rank == 1) {
            EXPECT_EQ(word, INT64_MIN);
            EXPECT(got == HUGE_VAL);
        }
        window_close(&w);
    }
}

/* As many as take every way to add them: at once, and the rest one by one. What
 * does not fit into the type goes round, as in C where it has no sign. */
enum { SMALL = 1000 };

static int small_sum(int a, int b, size_t size, bool has_sign)
{
    int range = (size == 1) ? 256 : 65536;
    int sum = ((a + b) % range + range) % range;

    return (has_sign && sum >= range / 2) ? sum - range : sum;
}

static int small_get(const unsigned char *at, size_t size, bool has_sign)
{
    uint16_t value = 0;

    if (size == 1) {
        return has_sign ? (int8_t)at[0] : at[0];
    }
    memcpy(&value, at, 2);
    return has_sign ? (int16_t)value : value;
}

static void check_small(const window_t *w, MPI_Datatype type, size_t size,
                        bool has_sign)
{
    unsigned char before[2 * SMALL];
    unsigned char out[2 * SMALL];
    unsigned char in[2 * SMALL];
    static const int counts[] = {1, 4, 15, 40, 121, 364, 515, SMALL};
    int sum, count;

    for (size_t i = 0; i < sizeof(out); ++i) {
        before[i] = (unsigned char)(i * 7 + i / 256);
        out[i] = (unsigned char)(i * 131 + 90);
    }
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); ++n) {
        count = counts[n];
        MPI_Put(before, SMALL, type, 1, window_at(w, 1, 0), SMALL, type,
                w->win);
        MPI_Win_flush(1, w->win);
        MPI_OK(MPI_Accumulate(out, count, type, 1, window_at(w, 1, 0), count,
                              type, MPI_SUM, w->win));
        MPI_Win_flush(1, w->win);
        MPI_Get(in, SMALL, type, 1, window_at(w, 1, 0), SMALL, type, w->win);
        MPI_Win_flush(1, w->win);
        for (int i = 0; i < SMALL; ++i) {
            size_t at = (size_t)i * size;

            sum = small_get(before + at, size, has_sign);
            if (i < count) {
                sum = small_sum(sum, small_get(out + at, size, has_sign), size,
                                has_sign);
            }
            EXPECT_EQ(small_get(in + at, size, has_sign), sum);
        }
    }
}

MPI_TEST(operations, small_sums_go_round, 2)
{
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 2 * SMALL, 1);
        MPI_Win_lock_all(0, w.win);
        if (mpi_rank == 0) {
            check_small(&w, MPI_INT8_T, 1, true);
            check_small(&w, MPI_UINT8_T, 1, false);
            check_small(&w, MPI_INT16_T, 2, true);
            check_small(&w, MPI_UINT16_T, 2, false);
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
}
