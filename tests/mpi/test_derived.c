/* SPDX-License-Identifier: BSD-3-Clause */
/* Derived datatypes at both ends: every constructor against every other. */
#include "shapes.h"

typedef struct {
    unsigned char bytes[SHAPE_ROOM];
} room_t;

static void room_clear(room_t *room)
{
    memset(room->bytes, 0xee, sizeof(room->bytes));
}

static void room_write(room_t *room, const shape_t *shape, int first)
{
    for (int i = 0; i < SHAPE_INTS; ++i) {
        int value = first + i;

        memcpy(room->bytes + shape->place[i], &value, 4);
    }
}

/* The integers of a shape count from @p first by @p step, and nothing else
 * has been written. */
static void room_check(const room_t *room, const shape_t *shape, int first,
                       int step)
{
    room_t expected;
    int value;

    room_clear(&expected);
    for (int i = 0; i < SHAPE_INTS; ++i) {
        value = first + step * i;
        memcpy(expected.bytes + shape->place[i], &value, 4);
        memcpy(&value, room->bytes + shape->place[i], 4);
        EXPECT_EQ(value, first + step * i);
    }
    EXPECT(memcmp(room->bytes, expected.bytes, SHAPE_ROOM) == 0);
}

/* The whole room at rank 1, as bytes. */
static void target_store(const window_t *w, const room_t *room)
{
    MPI_Put(room->bytes, SHAPE_ROOM, MPI_BYTE, 1, window_at(w, 1, 0),
            SHAPE_ROOM, MPI_BYTE, w->win);
    MPI_Win_flush(1, w->win);
}

static void target_load(const window_t *w, room_t *room)
{
    MPI_Get(room->bytes, SHAPE_ROOM, MPI_BYTE, 1, window_at(w, 1, 0),
            SHAPE_ROOM, MPI_BYTE, w->win);
    MPI_Win_flush(1, w->win);
}

static MPI_Aint target_at(const window_t *w, const shape_t *shape)
{
    return window_at(w, 1, (size_t)shape->start);
}

typedef void check_func_t(const window_t *w, const shape_t *origin,
                          const shape_t *target, const shape_t *result);

static void check_put(const window_t *w, const shape_t *origin,
                      const shape_t *target, const shape_t *result)
{
    room_t here;
    room_t there;

    (void)result;
    room_clear(&here);
    room_clear(&there);
    room_write(&here, origin, 100);
    target_store(w, &there);
    MPI_OK(MPI_Put(here.bytes + origin->start, origin->count, origin->type, 1,
                   target_at(w, target), target->count, target->type, w->win));
    MPI_Win_flush(1, w->win);
    target_load(w, &there);
    room_check(&there, target, 100, 1);
    room_check(&here, origin, 100, 1);
}

static void check_get(const window_t *w, const shape_t *origin,
                      const shape_t *target, const shape_t *result)
{
    room_t here;
    room_t there;

    (void)result;
    room_clear(&here);
    room_clear(&there);
    room_write(&there, target, 200);
    target_store(w, &there);
    MPI_OK(MPI_Get(here.bytes + origin->start, origin->count, origin->type, 1,
                   target_at(w, target), target->count, target->type, w->win));
    MPI_Win_flush(1, w->win);
    room_check(&here, origin, 200, 1);
}

static void check_accumulate(const window_t *w, const shape_t *origin,
                             const shape_t *target, const shape_t *result)
{
    room_t here;
    room_t there;

    (void)result;
    room_clear(&here);
    room_clear(&there);
    room_write(&here, origin, 10);
    room_write(&there, target, 1000);
    target_store(w, &there);
    MPI_OK(MPI_Accumulate(here.bytes + origin->start, origin->count,
                          origin->type, 1, target_at(w, target), target->count,
                          target->type, MPI_SUM, w->win));
    MPI_Win_flush(1, w->win);
    target_load(w, &there);
    room_check(&there, target, 1010, 2);
}

static void check_get_accumulate(const window_t *w, const shape_t *origin,
                                 const shape_t *target, const shape_t *result)
{
    room_t here;
    room_t there;
    room_t old;

    room_clear(&here);
    room_clear(&there);
    room_clear(&old);
    room_write(&here, origin, 10);
    room_write(&there, target, 1000);
    target_store(w, &there);
    MPI_OK(MPI_Get_accumulate(
        here.bytes + origin->start, origin->count, origin->type,
        old.bytes + result->start, result->count, result->type, 1,
        target_at(w, target), target->count, target->type, MPI_SUM, w->win));
    MPI_Win_flush(1, w->win);
    target_load(w, &there);
    room_check(&there, target, 1010, 2);
    room_check(&old, result, 1000, 1);
}

static void check_pairs(check_func_t *check)
{
    shape_t shapes[SHAPES];
    window_t w;

    shapes_make(shapes);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, SHAPE_ROOM, 1);
        MPI_Win_lock_all(0, w.win);
        for (int i = 0; mpi_rank == 0 && i < SHAPES * SHAPES; ++i) {
            const shape_t *origin = &shapes[i % SHAPES];
            const shape_t *target = &shapes[i / SHAPES];

            if (mpi_case("%s/%s/%s", window_kind_name(kind), origin->name,
                         target->name)) {
                check(&w, origin, target, &shapes[(i + 5) % SHAPES]);
            }
        }
        MPI_Win_unlock_all(w.win);
        mpi_sync();
        window_close(&w);
    }
    shapes_free(shapes);
}

MPI_TEST(derived, put, 2)
{
    check_pairs(check_put);
}

MPI_TEST(derived, get, 2)
{
    check_pairs(check_get);
}

MPI_TEST(derived, accumulate, 2)
{
    check_pairs(check_accumulate);
}

MPI_TEST(derived, get_accumulate, 2)
{
    check_pairs(check_get_accumulate);
}

/* --- several predefined types in one --------------------------------------- */

typedef struct {
    char letter;
    double number;
    short words[3];
    int64_t whole;
} loose_t;

typedef struct __attribute__((packed)) {
    char letter;
    double number;
    short words[3];
    int64_t whole;
} tight_t;

static MPI_Datatype make_record(const MPI_Aint places[4], size_t extent)
{
    const int lengths[] = {1, 1, 3, 1};
    MPI_Datatype types[] = {MPI_CHAR, MPI_DOUBLE, MPI_SHORT, MPI_INT64_T};
    MPI_Datatype fields;
    MPI_Datatype record;

    MPI_Type_create_struct(4, lengths, places, types, &fields);
    MPI_Type_create_resized(fields, 0, (MPI_Aint)extent, &record);
    MPI_Type_commit(&record);
    MPI_Type_free(&fields);
    return record;
}

MPI_TEST(derived, records_with_and_without_gaps, 2)
{
    const MPI_Aint loose_places[] = {
        offsetof(loose_t, letter), offsetof(loose_t, number),
        offsetof(loose_t, words), offsetof(loose_t, whole)};
    const MPI_Aint tight_places[] = {
        offsetof(tight_t, letter), offsetof(tight_t, number),
        offsetof(tight_t, words), offsetof(tight_t, whole)};
    MPI_Datatype loose = make_record(loose_places, sizeof(loose_t));
    MPI_Datatype tight = make_record(tight_places, sizeof(tight_t));
    loose_t out[5];
    tight_t got[5];
    window_t w;

    for (int i = 0; i < 5; ++i) {
        out[i] = (loose_t){.letter = (char)('a' + i),
                           .number = i / 4.0,
                           .words = {(short)i, (short)-i, 7},
                           .whole = -i};
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 5 * sizeof(loose_t), 1);
        MPI_Win_fence(0, w.win);
        if (mpi_rank == 0) {
            MPI_Put(out, 5, loose, 1, window_at(&w, 1, 0), 5, tight, w.win);
        }
        MPI_Win_fence(0, w.win);
        memset(got, 0, sizeof(got));
        if (mpi_rank == 1) {
            memcpy(got, w.base, sizeof(got));
        } else {
            MPI_Get(got, 5, tight, 1, window_at(&w, 1, 0), 5, tight, w.win);
        }
        MPI_Win_fence(0, w.win);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(got[i].letter, 'a' + i);
            EXPECT(got[i].number == i / 4.0);
            EXPECT_EQ(got[i].words[1], -i);
            EXPECT_EQ(got[i].words[2], 7);
            EXPECT_EQ(got[i].whole, -i);
        }
        window_close(&w);
    }
    MPI_Type_free(&loose);
    MPI_Type_free(&tight);
}

/* --- absolute addresses ---------------------------------------------------- */

static MPI_Datatype make_absolute(const void *first, const void *second)
{
    const int lengths[] = {2, 1};
    MPI_Aint places[2];
    MPI_Datatype type;

    MPI_Get_address(first, &places[0]);
    MPI_Get_address(second, &places[1]);
    MPI_Type_create_hindexed(2, lengths, places, MPI_INT, &type);
    MPI_Type_commit(&type);
    return type;
}

MPI_TEST(derived, bottom_and_absolute_addresses, 2)
{
    static int in_data[2] = {11, 12};
    int *on_heap = malloc(4);
    int values[3] = {0};
    MPI_Datatype type = make_absolute(in_data, on_heap);
    MPI_Datatype there;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 64, 1);
        in_data[0] = 11;
        in_data[1] = 12;
        *on_heap = 13;
        MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, w.win);
        if (mpi_rank == 0) {
            MPI_Put(MPI_BOTTOM, 1, type, 1, window_at(&w, 1, 4), 3, MPI_INT,
                    w.win);
            MPI_Win_flush(1, w.win);
            MPI_Accumulate(MPI_BOTTOM, 1, type, 1, window_at(&w, 1, 4), 3,
                           MPI_INT, MPI_SUM, w.win);
            MPI_Win_flush(1, w.win);
            MPI_Get(MPI_BOTTOM, 1, type, 1, window_at(&w, 1, 4), 3, MPI_INT,
                    w.win);
            MPI_Win_flush(1, w.win);
            EXPECT_EQ(in_data[0], 22);
            EXPECT_EQ(in_data[1], 24);
            EXPECT_EQ(*on_heap, 26);
        }
        MPI_Win_unlock(1, w.win);
        mpi_sync();
        /* The memory of a dynamic window has absolute addresses, too. */
        if (kind == KIND_DYNAMIC && mpi_case("dynamic/absolute target")) {
            there =
                make_absolute((void *)w.bases[1], (void *)(w.bases[1] + 12));
            MPI_Win_lock(MPI_LOCK_SHARED, 1, 0, w.win);
            if (mpi_rank == 0) {
                values[0] = 31;
                values[1] = 32;
                values[2] = 33;
                MPI_Put(values, 3, MPI_INT, 1, (MPI_Aint)MPI_BOTTOM, 1, there,
                        w.win);
            }
            MPI_Win_unlock(1, w.win);
            mpi_sync();
            if (mpi_rank == 1) {
                memcpy(values, w.base, 8);
                memcpy(values + 2, w.base + 12, 4);
                EXPECT_EQ(values[0], 31);
                EXPECT_EQ(values[1], 32);
                EXPECT_EQ(values[2], 33);
            }
            MPI_Type_free(&there);
        }
        window_close(&w);
    }
    MPI_Type_free(&type);
    free(on_heap);
}

/* A type may be freed when the operation that uses it has been called. */
MPI_TEST(derived, types_are_freed_before_the_end, 2)
{
    int values[40];
    MPI_Datatype type;
    window_t w;

    for (int i = 0; i < 40; ++i) {
        values[i] = i;
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, 4 * 40, 1);
        MPI_Win_fence(0, w.win);
        MPI_Type_vector(10, 1, 4, MPI_INT, &type);
        MPI_Type_commit(&type);
        MPI_Put(values, 1, type, 1 - mpi_rank, window_at(&w, 1 - mpi_rank, 4),
                1, type, w.win);
        MPI_Type_free(&type);
        EXPECT(type == MPI_DATATYPE_NULL);
        MPI_Win_fence(0, w.win);
        for (int i = 0; i < 37; i += 4) {
            int got;

            memcpy(&got, w.base + 4 + 4 * i, 4);
            EXPECT_EQ(got, i);
            memcpy(&got, w.base + 4 * i, 4);
            EXPECT_EQ(got, 0);
        }
        window_close(&w);
    }
}

/* Thousands of blocks, and of a pair type. */
MPI_TEST(derived, columns_of_a_matrix, 4)
{
    enum { SIDE = 200 };
    double *matrix = malloc(sizeof(double) * SIDE * SIDE);
    MPI_Datatype column;
    MPI_Datatype columns;
    window_t w;

    MPI_Type_vector(SIDE, 1, SIDE, MPI_DOUBLE, &column);
    MPI_Type_create_resized(column, 0, sizeof(double), &columns);
    MPI_Type_commit(&columns);
    for (int i = 0; i < SIDE * SIDE; ++i) {
        matrix[i] = i;
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(double) * SIDE * SIDE, 8);
        MPI_Win_fence(0, w.win);
        /* A quarter of the columns each, transposed, added to rank 3's. */
        MPI_Accumulate(
            matrix + mpi_rank * SIDE / 4, SIDE / 4, columns, 3,
            window_at(&w, 3, 8 * (size_t)(mpi_rank * SIDE / 4 * SIDE)),
            SIDE / 4 * SIDE, MPI_DOUBLE, MPI_SUM, w.win);
        MPI_Win_fence(0, w.win);
        for (int i = 0; mpi_rank == 3 && i < SIDE * SIDE; ++i) {
            double got;

            memcpy(&got, w.base + 8 * i, 8);
            EXPECT_EQ(got, i % SIDE * SIDE + i / SIDE);
        }
        window_close(&w);
    }
    MPI_Type_free(&column);
    MPI_Type_free(&columns);
    free(matrix);
}

/* The minimum and its place, in elements that do not lie side by side. */
MPI_TEST(derived, pairs_with_gaps, 2)
{
    typedef struct {
        double value;
        int index;
    } pair_t;
    pair_t out[4] = {{1.5, 7}, {2.5, 8}, {2.5, 1}, {9.0, 2}};
    pair_t in[8];
    MPI_Datatype pairs;
    window_t w;

    MPI_Type_vector(4, 1, 2, MPI_DOUBLE_INT, &pairs);
    MPI_Type_commit(&pairs);
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(in), 1);
        memset(in, 0, sizeof(in));
        for (int i = 0; i < 8; ++i) {
            in[i] = (pair_t){2.5, 4};
        }
        memcpy(w.base, in, sizeof(in));
        MPI_Win_fence(0, w.win);
        if (mpi_rank == 0) {
            MPI_Accumulate(out, 4, MPI_DOUBLE_INT, 1, window_at(&w, 1, 0), 1,
                           pairs, MPI_MINLOC, w.win);
        }
        MPI_Win_fence(0, w.win);
        memcpy(in, w.base, sizeof(in));
        if (mpi_rank == 1) {
            EXPECT(in[0].value == 1.5 && in[0].index == 7);
            EXPECT(in[2].value == 2.5 && in[2].index == 4);
            EXPECT(in[4].value == 2.5 && in[4].index == 1);
            EXPECT(in[6].value == 2.5 && in[6].index == 4);
            EXPECT(in[1].value == 2.5 && in[1].index == 4);
        }
        window_close(&w);
    }
    MPI_Type_free(&pairs);
}
