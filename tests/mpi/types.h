/* SPDX-License-Identifier: BSD-3-Clause */
/* The predefined datatypes, and what each operation makes of their values. */
#ifndef RSM_TESTS_MPI_TYPES_H
#define RSM_TESTS_MPI_TYPES_H

#include "mpi_test.h"

/* Classes of types, of which an operation takes some (5.9.2). */
typedef enum {
    TYPE_INTEGER = 1, /* of C */
    TYPE_FORTRAN = 2, /* integers of Fortran */
    TYPE_FLOAT = 4,
    TYPE_LOGICAL = 8,
    TYPE_COMPLEX = 16,
    TYPE_BYTE = 32,
    TYPE_LANGUAGE = 64, /* integers of several languages */
    TYPE_PAIR = 128,
    TYPE_OTHER = 256 /* characters: no arithmetic */
} type_class_t;

/* A value: a number; real and imaginary part; or a value and its index. */
typedef struct {
    long a;
    long b;
} value_t;

typedef struct {
    const char *name;
    MPI_Datatype type;
    type_class_t class;
    size_t extent;
    void (*set)(void *to, value_t value);
    value_t (*get)(const void *from);
} predefined_t;

#define TYPE_EXTENT_MAX 32

/* Those that this MPI library has; ends with a row without name. */
const predefined_t *types_predefined(void);

typedef struct {
    const char *name;
    MPI_Op op;
    int classes; /* of types that it takes */
    value_t (*result)(type_class_t class, value_t target, value_t origin);
} operation_t;

/* All that an accumulate takes; ends with a row without name. */
const operation_t *types_operations(void);

static inline bool operation_takes(const operation_t *operation,
                                   const predefined_t *type)
{
    return (operation->classes & (int)type->class) != 0;
}

#endif
