/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_op.h"

#include <string.h>

enum {
    OP_INTEGER = 1 << RSMI_CLASS_INTEGER,
    OP_FLOAT = 1 << RSMI_CLASS_FLOAT,
    OP_LOGICAL = 1 << RSMI_CLASS_LOGICAL,
    OP_COMPLEX = 1 << RSMI_CLASS_COMPLEX,
    OP_BYTE = 1 << RSMI_CLASS_BYTE,
    OP_PAIR = 1 << RSMI_CLASS_PAIR,
    OP_TRUTHS = OP_INTEGER | OP_LOGICAL,
    OP_ANY = OP_INTEGER | OP_FLOAT | OP_LOGICAL | OP_COMPLEX | OP_BYTE |
             OP_PAIR | (1 << RSMI_CLASS_OTHER)
};

/* Section 5.9.2 of the standard. */
static unsigned op_classes(MPI_Op op)
{
    if ((op == MPI_MAX) || (op == MPI_MIN)) {
        return OP_INTEGER | OP_FLOAT;
    }
    if ((op == MPI_SUM) || (op == MPI_PROD)) {
        return OP_INTEGER | OP_FLOAT | OP_COMPLEX;
    }
    if ((op == MPI_LAND) || (op == MPI_LOR) || (op == MPI_LXOR)) {
        return OP_TRUTHS;
    }
    if ((op == MPI_BAND) || (op == MPI_BOR) || (op == MPI_BXOR)) {
        return OP_INTEGER | OP_BYTE;
    }
    if ((op == MPI_MINLOC) || (op == MPI_MAXLOC)) {
        return OP_PAIR;
    }
    return ((op == MPI_REPLACE) || (op == MPI_NO_OP)) ? OP_ANY : 0;
}

/* The standard has logical operations for integers of C alone. Open MPI computes
 * with those of Fortran that are the same to it, but not with these. */
static bool op_is_fortran(MPI_Datatype element)
{
    return (element == MPI_INTEGER) || (element == MPI_INTEGER4);
}

int rsmi_op_check(MPI_Op op, const rsmi_type_t *type, bool can_be_nothing)
{
    unsigned classes;

    if ((op == MPI_NO_OP) && !can_be_nothing) {
        return MPI_ERR_OP;
    }
    /* A type of no bytes has no element to be wrong. */
    if (type->element == MPI_DATATYPE_NULL) {
        return (op_classes(op) != 0) ? MPI_SUCCESS : MPI_ERR_OP;
    }
    classes = op_classes(op);
    if ((classes == OP_TRUTHS) && op_is_fortran(type->element)) {
        return MPI_ERR_OP;
    }
    return ((classes & (1u << type->element_class)) != 0) ? MPI_SUCCESS
                                                          : MPI_ERR_OP;
}

/* --- sums ------------------------------------------------------------------- */

/* Up to so many bytes of machine numbers are added in less time than it takes to
 * ask the MPI library. */
enum { OP_FEW = 1024 };

/* What one instruction adds. */
enum { OP_WIDE = 16 };
typedef uint8_t op_wide8_t __attribute__((vector_size(OP_WIDE)));
typedef uint16_t op_wide16_t __attribute__((vector_size(OP_WIDE)));

#define OP_SUM(name, number)                                           \
    static void op_sum_##name(char *to, const char *from, size_t size) \
    {                                                                  \
        number a, b;                                                   \
        size_t i;                                                      \
                                                                       \
        for (i = 0; i + sizeof(number) <= size; i += sizeof(number)) { \
            memcpy(&a, to + i, sizeof(a));                             \
            memcpy(&b, from + i, sizeof(b));                           \
            a = (number)(a + b);                                       \
            memcpy(to + i, &a, sizeof(a));                             \
        }                                                              \
    }

OP_SUM(int8, uint8_t)
OP_SUM(wide8, op_wide8_t)
OP_SUM(int16, uint16_t)
OP_SUM(wide16, op_wide16_t)
OP_SUM(int32, uint32_t)
OP_SUM(int64, uint64_t)
OP_SUM(float, float)
OP_SUM(double, double)

/* Open MPI 4.1 adds small integers so that they stop at the largest number on
 * processors which can do that, and others go round; here all of them do. */
static void op_sum_small(size_t element_size, char *to, const char *from,
                         size_t size)
{
    size_t wide = size / OP_WIDE * OP_WIDE;
    bool is_byte = element_size == sizeof(uint8_t);

    (is_byte ? op_sum_wide8 : op_sum_wide16)(to, from, wide);
    (is_byte ? op_sum_int8 : op_sum_int16)(to + wide, from + wide, size - wide);
}

static bool op_sum(const rsmi_type_t *type, char *to, const char *from,
                   size_t size)
{
    bool is_integer = type->element_class == RSMI_CLASS_INTEGER;

    if (is_integer && (type->element_size <= sizeof(uint16_t))) {
        op_sum_small(type->element_size, to, from, size);
        return true;
    }
    if ((size > OP_FEW) ||
        (!is_integer && (type->element_class != RSMI_CLASS_FLOAT))) {
        return false;
    }
    if (type->element_size == sizeof(uint64_t)) {
        (is_integer ? op_sum_int64 : op_sum_double)(to, from, size);
        return true;
    }
    if (type->element_size == sizeof(uint32_t)) {
        (is_integer ? op_sum_int32 : op_sum_float)(to, from, size);
        return true;
    }
    return false;
}

void rsmi_op_apply(MPI_Op op, const rsmi_type_t *type, char *to,
                   const char *from, size_t size)
{
    enum { AT_ONCE = 1 << 20 }; /* elements are counted by an int */
    size_t count, some;

    if ((op == MPI_SUM) && op_sum(type, to, from, size)) {
        return;
    }
    if (op == MPI_NO_OP) {
        return;
    }
    if (op == MPI_REPLACE) {
        memmove(to, from, size);
        return;
    }
    for (count = size / type->element_size; count > 0; count -= some) {
        some = (count < AT_ONCE) ? count : AT_ONCE;
        (void)PMPI_Reduce_local((void *)from, to, (int)some, type->element, op);
        from += some * type->element_size;
        to += some * type->element_size;
    }
}

/* --- predefined types ------------------------------------------------------ */

typedef struct {
    MPI_Datatype handle;
    rsmi_class_t class;
} op_class_t;

static rsmi_class_t op_search(const op_class_t *rows, size_t count,
                              MPI_Datatype handle)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        if (rows[i].handle == handle) {
            return rows[i].class;
        }
    }
    return RSMI_CLASS_OTHER;
}

/* Handles of Open MPI are addresses known to the linker only, so that the
 * table is filled at run time; a type is classified once. */
static rsmi_class_t op_classify_c(MPI_Datatype handle)
{
    const op_class_t rows[] = {
        /* Not in the standard, but the MPI library computes with it, and
         * benchmarks rely on that. */
        {MPI_CHAR, RSMI_CLASS_INTEGER},
        {MPI_INT, RSMI_CLASS_INTEGER},
        {MPI_LONG, RSMI_CLASS_INTEGER},
        {MPI_SHORT, RSMI_CLASS_INTEGER},
        {MPI_UNSIGNED_SHORT, RSMI_CLASS_INTEGER},
        {MPI_UNSIGNED, RSMI_CLASS_INTEGER},
        {MPI_UNSIGNED_LONG, RSMI_CLASS_INTEGER},
        {MPI_LONG_LONG_INT, RSMI_CLASS_INTEGER},
        {MPI_UNSIGNED_LONG_LONG, RSMI_CLASS_INTEGER},
        {MPI_SIGNED_CHAR, RSMI_CLASS_INTEGER},
        {MPI_UNSIGNED_CHAR, RSMI_CLASS_INTEGER},
        {MPI_INT8_T, RSMI_CLASS_INTEGER},
        {MPI_INT16_T, RSMI_CLASS_INTEGER},
        {MPI_INT32_T, RSMI_CLASS_INTEGER},
        {MPI_INT64_T, RSMI_CLASS_INTEGER},
        {MPI_UINT8_T, RSMI_CLASS_INTEGER},
        {MPI_UINT16_T, RSMI_CLASS_INTEGER},
        {MPI_UINT32_T, RSMI_CLASS_INTEGER},
        {MPI_UINT64_T, RSMI_CLASS_INTEGER},
        {MPI_AINT, RSMI_CLASS_INTEGER},
        {MPI_COUNT, RSMI_CLASS_INTEGER},
        {MPI_OFFSET, RSMI_CLASS_INTEGER},
        {MPI_FLOAT, RSMI_CLASS_FLOAT},
        {MPI_DOUBLE, RSMI_CLASS_FLOAT},
        {MPI_LONG_DOUBLE, RSMI_CLASS_FLOAT},
        {MPI_C_BOOL, RSMI_CLASS_LOGICAL},
        {MPI_CXX_BOOL, RSMI_CLASS_LOGICAL},
        {MPI_C_FLOAT_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_C_DOUBLE_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_C_LONG_DOUBLE_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_CXX_FLOAT_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_CXX_DOUBLE_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_CXX_LONG_DOUBLE_COMPLEX, RSMI_CLASS_COMPLEX},
        {MPI_BYTE, RSMI_CLASS_BYTE},
        {MPI_FLOAT_INT, RSMI_CLASS_PAIR},
        {MPI_DOUBLE_INT, RSMI_CLASS_PAIR},
        {MPI_LONG_INT, RSMI_CLASS_PAIR},
        {MPI_2INT, RSMI_CLASS_PAIR},
        {MPI_SHORT_INT, RSMI_CLASS_PAIR},
        {MPI_LONG_DOUBLE_INT, RSMI_CLASS_PAIR}};

    return op_search(rows, sizeof(rows) / sizeof(rows[0]), handle);
}

static rsmi_class_t op_classify_fortran(MPI_Datatype handle)
{
    const op_class_t rows[] = {{MPI_INTEGER, RSMI_CLASS_INTEGER},
                               {MPI_CHARACTER, RSMI_CLASS_INTEGER},
                               {MPI_INTEGER1, RSMI_CLASS_INTEGER},
                               {MPI_INTEGER2, RSMI_CLASS_INTEGER},
                               {MPI_INTEGER4, RSMI_CLASS_INTEGER},
                               {MPI_INTEGER8, RSMI_CLASS_INTEGER},
                               {MPI_REAL, RSMI_CLASS_FLOAT},
                               {MPI_DOUBLE_PRECISION, RSMI_CLASS_FLOAT},
                               {MPI_REAL4, RSMI_CLASS_FLOAT},
                               {MPI_REAL8, RSMI_CLASS_FLOAT},
                               {MPI_REAL16, RSMI_CLASS_FLOAT},
                               {MPI_LOGICAL, RSMI_CLASS_LOGICAL},
                               {MPI_LOGICAL1, RSMI_CLASS_LOGICAL},
                               {MPI_LOGICAL2, RSMI_CLASS_LOGICAL},
                               {MPI_LOGICAL4, RSMI_CLASS_LOGICAL},
                               {MPI_LOGICAL8, RSMI_CLASS_LOGICAL},
                               {MPI_COMPLEX, RSMI_CLASS_COMPLEX},
                               {MPI_DOUBLE_COMPLEX, RSMI_CLASS_COMPLEX},
                               {MPI_COMPLEX8, RSMI_CLASS_COMPLEX},
                               {MPI_COMPLEX16, RSMI_CLASS_COMPLEX},
                               {MPI_COMPLEX32, RSMI_CLASS_COMPLEX},
                               {MPI_2REAL, RSMI_CLASS_PAIR},
                               {MPI_2DOUBLE_PRECISION, RSMI_CLASS_PAIR},
                               {MPI_2INTEGER, RSMI_CLASS_PAIR}};

    return op_search(rows, sizeof(rows) / sizeof(rows[0]), handle);
}

/* Types by precision have no name of their own; the constructor tells. */
static rsmi_class_t op_classify_f90(MPI_Datatype handle)
{
    int integers, addresses, types, combiner;

    if (PMPI_Type_get_envelope(handle, &integers, &addresses, &types,
                               &combiner) != MPI_SUCCESS) {
        return RSMI_CLASS_OTHER;
    }
    switch (combiner) {
    case MPI_COMBINER_F90_INTEGER:
        return RSMI_CLASS_INTEGER;
    case MPI_COMBINER_F90_REAL:
        return RSMI_CLASS_FLOAT;
    case MPI_COMBINER_F90_COMPLEX:
        return RSMI_CLASS_COMPLEX;
    default:
        return RSMI_CLASS_OTHER;
    }
}

rsmi_class_t rsmi_type_classify(MPI_Datatype handle)
{
    rsmi_class_t class = op_classify_c(handle);

    if (class == RSMI_CLASS_OTHER) {
        class = op_classify_fortran(handle);
    }
    return (class != RSMI_CLASS_OTHER) ? class : op_classify_f90(handle);
}
