/* SPDX-License-Identifier: BSD-3-Clause */
#include "shapes.h"

/* Places of integers, counted in integers from the start of the buffer. */
static void place(shape_t *shape, const int cells[SHAPE_INTS])
{
    for (int i = 0; i < SHAPE_INTS; ++i) {
        shape->place[i] = shape->start + 4 * (MPI_Aint)cells[i];
    }
}

#define PLACE(shape, ...) place(shape, (const int[SHAPE_INTS]){__VA_ARGS__})

static void make_plain(shape_t *s)
{
    *s = (shape_t){.name = "predefined", .type = MPI_INT, .count = 12};
    PLACE(s, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}

static void make_contiguous(shape_t *s)
{
    *s = (shape_t){.name = "contiguous", .count = 2, .start = 4};
    MPI_Type_contiguous(6, MPI_INT, &s->type);
    PLACE(s, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}

/* The second of the type begins where the last block of the first ends. */
static void make_vector(shape_t *s)
{
    *s = (shape_t){.name = "vector", .count = 2};
    MPI_Type_vector(3, 2, 4, MPI_INT, &s->type);
    PLACE(s, 0, 1, 4, 5, 8, 9, 10, 11, 14, 15, 18, 19);
}

static void make_vector_backwards(shape_t *s)
{
    *s = (shape_t){.name = "vector backwards", .count = 1, .start = 100};
    MPI_Type_vector(4, 3, -5, MPI_INT, &s->type);
    PLACE(s, 0, 1, 2, -5, -4, -3, -10, -9, -8, -15, -14, -13);
}

static void make_hvector(shape_t *s)
{
    *s = (shape_t){.name = "hvector", .count = 1, .start = 8};
    MPI_Type_create_hvector(4, 3, 28, MPI_INT, &s->type);
    PLACE(s, 0, 1, 2, 7, 8, 9, 14, 15, 16, 21, 22, 23);
}

static void make_indexed(shape_t *s)
{
    const int lengths[] = {3, 0, 1, 2};
    const int places[] = {5, 9, 0, 2};

    *s = (shape_t){.name = "indexed", .count = 2};
    MPI_Type_indexed(4, lengths, places, MPI_INT, &s->type);
    /* From 0 to 8: the second of the type lies 8 further on. */
    PLACE(s, 5, 6, 7, 0, 2, 3, 13, 14, 15, 8, 10, 11);
}

static void make_indexed_block(shape_t *s)
{
    const int places[] = {12, 3, 0, 7, 16, 20};

    *s = (shape_t){.name = "indexed block", .count = 1, .start = 12};
    MPI_Type_create_indexed_block(6, 2, places, MPI_INT, &s->type);
    PLACE(s, 12, 13, 3, 4, 0, 1, 7, 8, 16, 17, 20, 21);
}

static void make_hindexed(shape_t *s)
{
    const int lengths[] = {4, 2};
    const MPI_Aint places[] = {40, 4};

    *s = (shape_t){.name = "hindexed", .count = 2};
    MPI_Type_create_hindexed(2, lengths, places, MPI_INT, &s->type);
    /* From 1 to 14: 13 apart. */
    PLACE(s, 10, 11, 12, 13, 1, 2, 23, 24, 25, 26, 14, 15);
}

static void make_hindexed_block(shape_t *s)
{
    const MPI_Aint places[] = {0, 16, 48};

    *s = (shape_t){.name = "hindexed block", .count = 2};
    MPI_Type_create_hindexed_block(3, 2, places, MPI_INT, &s->type);
    PLACE(s, 0, 1, 4, 5, 12, 13, 14, 15, 18, 19, 26, 27);
}

static void make_struct(shape_t *s)
{
    const int lengths[] = {1, 2, 1};
    const MPI_Aint places[] = {72, 0, 20};
    MPI_Datatype types[] = {MPI_INT, MPI_INT, MPI_DATATYPE_NULL};

    *s = (shape_t){.name = "struct", .count = 1};
    MPI_Type_vector(3, 3, 4, MPI_INT, &types[2]);
    MPI_Type_create_struct(3, lengths, places, types, &s->type);
    PLACE(s, 18, 0, 1, 5, 6, 7, 9, 10, 11, 13, 14, 15);
    MPI_Type_free(&types[2]);
}

/* Rows 1 to 3 and columns 2 to 5 of an array of 5 times 7. */
static void make_subarray(shape_t *s)
{
    const int sizes[] = {5, 7};
    const int part[] = {3, 4};
    const int starts[] = {1, 2};

    *s = (shape_t){.name = "subarray", .count = 1};
    MPI_Type_create_subarray(2, sizes, part, starts, MPI_ORDER_C, MPI_INT,
                             &s->type);
    PLACE(s, 9, 10, 11, 12, 16, 17, 18, 19, 23, 24, 25, 26);
}

/* Twice: the extent is that of the whole array, here 24 integers. */
static void make_subarray_fortran(shape_t *s)
{
    const int sizes[] = {4, 3, 2};
    const int part[] = {2, 3, 1};
    const int starts[] = {1, 0, 1};

    *s = (shape_t){.name = "subarray of Fortran", .count = 2};
    MPI_Type_create_subarray(3, sizes, part, starts, MPI_ORDER_FORTRAN, MPI_INT,
                             &s->type);
    PLACE(s, 13, 14, 17, 18, 21, 22, 37, 38, 41, 42, 45, 46);
}

/* Process 1 of 2 gets every second pair of columns: 2, 3 and 6, 7 of 8, in
 * each of three rows. */
static void make_darray(shape_t *s)
{
    const int sizes[] = {3, 8};
    const int distribution[] = {MPI_DISTRIBUTE_NONE, MPI_DISTRIBUTE_CYCLIC};
    const int arguments[] = {MPI_DISTRIBUTE_DFLT_DARG, 2};
    const int processes[] = {1, 2};

    *s = (shape_t){.name = "darray", .count = 1};
    MPI_Type_create_darray(2, 1, 2, sizes, distribution, arguments, processes,
                           MPI_ORDER_C, MPI_INT, &s->type);
    PLACE(s, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23);
}

static void make_darray_block(shape_t *s)
{
    const int sizes[] = {4, 6};
    const int distribution[] = {MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_BLOCK};
    const int arguments[] = {MPI_DISTRIBUTE_DFLT_DARG,
                             MPI_DISTRIBUTE_DFLT_DARG};
    const int processes[] = {2, 2};

    *s = (shape_t){.name = "darray of blocks", .count = 2};
    MPI_Type_create_darray(4, 3, 2, sizes, distribution, arguments, processes,
                           MPI_ORDER_C, MPI_INT, &s->type);
    PLACE(s, 15, 16, 17, 21, 22, 23, 39, 40, 41, 45, 46, 47);
}

/* A lower bound below the first integer, an extent that leaves a gap. */
static void make_resized(shape_t *s)
{
    *s = (shape_t){.name = "resized", .count = 6, .start = 16};
    MPI_Datatype pair;

    MPI_Type_contiguous(2, MPI_INT, &pair);
    MPI_Type_create_resized(pair, -4, 20, &s->type);
    PLACE(s, 0, 1, 5, 6, 10, 11, 15, 16, 20, 21, 25, 26);
    MPI_Type_free(&pair);
}

static void make_dup(shape_t *s)
{
    MPI_Datatype row;

    *s = (shape_t){.name = "dup", .count = 3};
    MPI_Type_vector(2, 2, 3, MPI_INT, &row);
    MPI_Type_dup(row, &s->type);
    PLACE(s, 0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14);
    MPI_Type_free(&row);
}

/* A vector of structures of an indexed type. */
static void make_nested(shape_t *s)
{
    const int lengths[] = {1, 1};
    const int places[] = {2, 0};
    const MPI_Aint offsets[] = {4, 20};
    MPI_Datatype inner;
    MPI_Datatype types[2];
    MPI_Datatype outer;

    *s = (shape_t){.name = "nested", .count = 1};
    MPI_Type_indexed(2, lengths, places, MPI_INT, &inner); /* 2, 0; extent 3 */
    types[0] = inner;
    types[1] = MPI_INT;
    MPI_Type_create_struct(2, lengths, offsets, types, &outer); /* 3, 1, 5 */
    MPI_Type_create_hvector(4, 1, 24, outer, &s->type);
    PLACE(s, 3, 1, 5, 9, 7, 11, 15, 13, 17, 21, 19, 23);
    MPI_Type_free(&inner);
    MPI_Type_free(&outer);
}

void shapes_make(shape_t shapes[SHAPES])
{
    static void (*const makers[SHAPES])(shape_t *) = {
        make_plain,    make_contiguous,      make_vector,
        make_hvector,  make_indexed,         make_indexed_block,
        make_hindexed, make_hindexed_block,  make_struct,
        make_subarray, make_resized,         make_dup,
        make_darray,   make_darray_block,    make_subarray_fortran,
        make_nested,   make_vector_backwards};

    for (int i = 0; i < SHAPES; ++i) {
        makers[i](&shapes[i]);
        if (shapes[i].type != MPI_INT) {
            MPI_Type_commit(&shapes[i].type);
        }
    }
}

void shapes_free(shape_t shapes[SHAPES])
{
    for (int i = 0; i < SHAPES; ++i) {
        if (shapes[i].type != MPI_INT) {
            MPI_Type_free(&shapes[i].type);
        }
    }
}
