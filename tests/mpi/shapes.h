/* SPDX-License-Identifier: BSD-3-Clause */
/* Datatypes of every constructor with the same signature, twelve integers, and
 * where each of the integers lies. The places are counted by hand, so that
 * nothing depends on what the MPI library makes of a type. */
#ifndef RSM_TESTS_MPI_SHAPES_H
#define RSM_TESTS_MPI_SHAPES_H

#include "mpi_test.h"

#define SHAPE_INTS 12
#define SHAPE_ROOM 512 /* bytes; every shape lies within */

typedef struct {
    const char *name;
    MPI_Datatype type;
    int count;                  /* of the type */
    MPI_Aint start;             /* of the buffer, bytes into the room */
    MPI_Aint place[SHAPE_INTS]; /* bytes into the room */
} shape_t;

#define SHAPES 17

/* Commits all types. */
void shapes_make(shape_t shapes[SHAPES]);
void shapes_free(shape_t shapes[SHAPES]);

#endif
