/* SPDX-License-Identifier: BSD-3-Clause */
#include "types.h"

#include <complex.h>
#include <wchar.h>

/* How a value of a C type is made and read. */
#define SCALAR(word, ctype)                         \
    static void set_##word(void *to, value_t value) \
    {                                               \
        ctype item = (ctype)value.a;                \
                                                    \
        memcpy(to, &item, sizeof(item));            \
    }                                               \
    static value_t get_##word(const void *from)     \
    {                                               \
        ctype item;                                 \
                                                    \
        memcpy(&item, from, sizeof(item));          \
        return (value_t){.a = (long)item};          \
    }                                               \
    static value_t get_##word(const void *from)

#define COMPLEX(word, ctype)                                        \
    static void set_##word(void *to, value_t value)                 \
    {                                                               \
        ctype parts[2] = {(ctype)value.a, (ctype)value.b};          \
                                                                    \
        memcpy(to, parts, sizeof(parts));                           \
    }                                                               \
    static value_t get_##word(const void *from)                     \
    {                                                               \
        ctype parts[2];                                             \
                                                                    \
        memcpy(parts, from, sizeof(parts));                         \
        return (value_t){.a = (long)parts[0], .b = (long)parts[1]}; \
    }                                                               \
    static value_t get_##word(const void *from)

/* A pair may have a gap, which nothing is said about. */
#define PAIR(word, ctype, itype)                                        \
    typedef struct {                                                    \
        ctype value;                                                    \
        itype index;                                                    \
    } word##_t;                                                         \
    static void set_##word(void *to, value_t value)                     \
    {                                                                   \
        word##_t item;                                                  \
                                                                        \
        memset(&item, 0, sizeof(item));                                 \
        item.value = (ctype)value.a;                                    \
        item.index = (itype)value.b;                                    \
        memcpy(to, &item, sizeof(item));                                \
    }                                                                   \
    static value_t get_##word(const void *from)                         \
    {                                                                   \
        word##_t item;                                                  \
                                                                        \
        memcpy(&item, from, sizeof(item));                              \
        return (value_t){.a = (long)item.value, .b = (long)item.index}; \
    }                                                                   \
    static value_t get_##word(const void *from)

SCALAR(char, char);
SCALAR(schar, signed char);
SCALAR(uchar, unsigned char);
SCALAR(short, short);
SCALAR(ushort, unsigned short);
SCALAR(int, int);
SCALAR(uint, unsigned int);
SCALAR(long, long);
SCALAR(ulong, unsigned long);
SCALAR(llong, long long);
SCALAR(ullong, unsigned long long);
SCALAR(wchar, wchar_t);
SCALAR(bool, bool);
SCALAR(int8, int8_t);
SCALAR(int16, int16_t);
SCALAR(int32, int32_t);
SCALAR(int64, int64_t);
SCALAR(uint8, uint8_t);
SCALAR(uint16, uint16_t);
SCALAR(uint32, uint32_t);
SCALAR(uint64, uint64_t);
SCALAR(float, float);
SCALAR(double, double);
SCALAR(ldouble, long double);
SCALAR(aint, MPI_Aint);
SCALAR(offset, MPI_Offset);
SCALAR(count, MPI_Count);
SCALAR(fint, MPI_Fint);
COMPLEX(fcomplex, float);
COMPLEX(dcomplex, double);
COMPLEX(lcomplex, long double);
PAIR(float_int, float, int);
PAIR(double_int, double, int);
PAIR(long_int, long, int);
PAIR(two_int, int, int);
PAIR(short_int, short, int);
PAIR(ldouble_int, long double, int);
PAIR(two_real, float, float);
PAIR(two_double, double, double);
PAIR(two_integer, MPI_Fint, MPI_Fint);

/* clang-format off */
#define ROW(type, class, ctype, word) \
    {#type, type, class, sizeof(ctype), set_##word, get_##word}
#define PAIR_ROW(type, word) \
    {#type, type, TYPE_PAIR, sizeof(word##_t), set_##word, get_##word}

/* A type of Fortran's is null or of no size where a compiler is missing. */
static void keep_known(const predefined_t *rows, size_t count,
                       predefined_t *table)
{
    MPI_Aint lower;
    MPI_Aint extent;

    for (size_t i = 0; i < count; ++i) {
        if (rows[i].type == MPI_DATATYPE_NULL) {
            continue;
        }
        MPI_Type_get_extent(rows[i].type, &lower, &extent);
        if (extent != 0) {
            (void)mpi_case("%s", rows[i].name);
            EXPECT_EQ(extent, rows[i].extent);
            *table = rows[i];
            ++table;
        }
    }
}

static const predefined_t *fill_table(void)
{
    static predefined_t table[64];
    const predefined_t rows[] = {
        ROW(MPI_CHAR, TYPE_OTHER, char, char),
        ROW(MPI_SIGNED_CHAR, TYPE_INTEGER, signed char, schar),
        ROW(MPI_UNSIGNED_CHAR, TYPE_INTEGER, unsigned char, uchar),
        ROW(MPI_SHORT, TYPE_INTEGER, short, short),
        ROW(MPI_UNSIGNED_SHORT, TYPE_INTEGER, unsigned short, ushort),
        ROW(MPI_INT, TYPE_INTEGER, int, int),
        ROW(MPI_UNSIGNED, TYPE_INTEGER, unsigned int, uint),
        ROW(MPI_LONG, TYPE_INTEGER, long, long),
        ROW(MPI_UNSIGNED_LONG, TYPE_INTEGER, unsigned long, ulong),
        ROW(MPI_LONG_LONG, TYPE_INTEGER, long long, llong),
        ROW(MPI_UNSIGNED_LONG_LONG, TYPE_INTEGER, unsigned long long, ullong),
        ROW(MPI_WCHAR, TYPE_OTHER, wchar_t, wchar),
        ROW(MPI_C_BOOL, TYPE_LOGICAL, bool, bool),
        ROW(MPI_INT8_T, TYPE_INTEGER, int8_t, int8),
        ROW(MPI_INT16_T, TYPE_INTEGER, int16_t, int16),
        ROW(MPI_INT32_T, TYPE_INTEGER, int32_t, int32),
        ROW(MPI_INT64_T, TYPE_INTEGER, int64_t, int64),
        ROW(MPI_UINT8_T, TYPE_INTEGER, uint8_t, uint8),
        ROW(MPI_UINT16_T, TYPE_INTEGER, uint16_t, uint16),
        ROW(MPI_UINT32_T, TYPE_INTEGER, uint32_t, uint32),
        ROW(MPI_UINT64_T, TYPE_INTEGER, uint64_t, uint64),
        ROW(MPI_FLOAT, TYPE_FLOAT, float, float),
        ROW(MPI_DOUBLE, TYPE_FLOAT, double, double),
        ROW(MPI_LONG_DOUBLE, TYPE_FLOAT, long double, ldouble),
        ROW(MPI_C_FLOAT_COMPLEX, TYPE_COMPLEX, float complex, fcomplex),
        ROW(MPI_C_DOUBLE_COMPLEX, TYPE_COMPLEX, double complex, dcomplex),
        ROW(MPI_C_LONG_DOUBLE_COMPLEX, TYPE_COMPLEX, long double complex,
            lcomplex),
        ROW(MPI_BYTE, TYPE_BYTE, unsigned char, uchar),
        ROW(MPI_AINT, TYPE_LANGUAGE, MPI_Aint, aint),
        ROW(MPI_OFFSET, TYPE_LANGUAGE, MPI_Offset, offset),
        ROW(MPI_COUNT, TYPE_LANGUAGE, MPI_Count, count),
        PAIR_ROW(MPI_FLOAT_INT, float_int),
        PAIR_ROW(MPI_DOUBLE_INT, double_int),
        PAIR_ROW(MPI_LONG_INT, long_int),
        PAIR_ROW(MPI_2INT, two_int),
        PAIR_ROW(MPI_SHORT_INT, short_int),
        PAIR_ROW(MPI_LONG_DOUBLE_INT, ldouble_int),
        ROW(MPI_INTEGER, TYPE_FORTRAN, MPI_Fint, fint),
        ROW(MPI_REAL, TYPE_FLOAT, float, float),
        ROW(MPI_DOUBLE_PRECISION, TYPE_FLOAT, double, double),
        ROW(MPI_COMPLEX, TYPE_COMPLEX, float complex, fcomplex),
        ROW(MPI_DOUBLE_COMPLEX, TYPE_COMPLEX, double complex, dcomplex),
        ROW(MPI_LOGICAL, TYPE_LOGICAL, MPI_Fint, fint),
        ROW(MPI_CHARACTER, TYPE_OTHER, char, char),
        ROW(MPI_INTEGER1, TYPE_FORTRAN, int8_t, int8),
        ROW(MPI_INTEGER2, TYPE_FORTRAN, int16_t, int16),
        ROW(MPI_INTEGER4, TYPE_FORTRAN, int32_t, int32),
        ROW(MPI_INTEGER8, TYPE_FORTRAN, int64_t, int64),
        ROW(MPI_REAL4, TYPE_FLOAT, float, float),
        ROW(MPI_REAL8, TYPE_FLOAT, double, double),
        ROW(MPI_COMPLEX8, TYPE_COMPLEX, float complex, fcomplex),
        ROW(MPI_COMPLEX16, TYPE_COMPLEX, double complex, dcomplex),
        PAIR_ROW(MPI_2REAL, two_real),
        PAIR_ROW(MPI_2DOUBLE_PRECISION, two_double),
        PAIR_ROW(MPI_2INTEGER, two_integer),
    };
    /* clang-format on */

    keep_known(rows, sizeof(rows) / sizeof(rows[0]), table);
    return table;
}

const predefined_t *types_predefined(void)
{
    static const predefined_t *table;

    if (table == NULL) {
        table = fill_table();
    }
    return table;
}

static value_t do_sum(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){t.a + o.a, t.b + o.b};
}

static value_t do_prod(type_class_t class, value_t t, value_t o)
{
    if (class == TYPE_COMPLEX) {
        return (value_t){t.a * o.a - t.b * o.b, t.a * o.b + t.b * o.a};
    }
    return (value_t){.a = t.a * o.a};
}

static value_t do_max(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return t.a > o.a ? t : o;
}

static value_t do_min(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return t.a < o.a ? t : o;
}

static value_t do_land(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = t.a != 0 && o.a != 0};
}

static value_t do_lor(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = t.a != 0 || o.a != 0};
}

static value_t do_lxor(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = (t.a != 0) != (o.a != 0)};
}

static value_t do_band(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = t.a & o.a};
}

static value_t do_bor(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = t.a | o.a};
}

static value_t do_bxor(type_class_t class, value_t t, value_t o)
{
    (void)class;
    return (value_t){.a = t.a ^ o.a};
}

/* Of equal values the smaller index wins. */
static value_t do_maxloc(type_class_t class, value_t t, value_t o)
{
    (void)class;
    if (t.a == o.a) {
        return t.b < o.b ? t : o;
    }
    return t.a > o.a ? t : o;
}

static value_t do_minloc(type_class_t class, value_t t, value_t o)
{
    (void)class;
    if (t.a == o.a) {
        return t.b < o.b ? t : o;
    }
    return t.a < o.a ? t : o;
}

static value_t do_replace(type_class_t class, value_t t, value_t o)
{
    (void)class;
    (void)t;
    return o;
}

static value_t do_nothing(type_class_t class, value_t t, value_t o)
{
    (void)class;
    (void)o;
    return t;
}

const operation_t *types_operations(void)
{
    enum {
        WHOLE = TYPE_INTEGER | TYPE_FORTRAN | TYPE_LANGUAGE,
        ORDERED = WHOLE | TYPE_FLOAT,
        NUMBER = ORDERED | TYPE_COMPLEX,
        TRUTH = TYPE_INTEGER | TYPE_LOGICAL,
        BITS = WHOLE | TYPE_BYTE,
        ALL = NUMBER | TRUTH | BITS | TYPE_PAIR | TYPE_OTHER
    };
    static operation_t table[16];
    const operation_t rows[] = {
        {"MPI_MAX", MPI_MAX, ORDERED, do_max},
        {"MPI_MIN", MPI_MIN, ORDERED, do_min},
        {"MPI_SUM", MPI_SUM, NUMBER, do_sum},
        {"MPI_PROD", MPI_PROD, NUMBER, do_prod},
        {"MPI_LAND", MPI_LAND, TRUTH, do_land},
        {"MPI_LOR", MPI_LOR, TRUTH, do_lor},
        {"MPI_LXOR", MPI_LXOR, TRUTH, do_lxor},
        {"MPI_BAND", MPI_BAND, BITS, do_band},
        {"MPI_BOR", MPI_BOR, BITS, do_bor},
        {"MPI_BXOR", MPI_BXOR, BITS, do_bxor},
        {"MPI_MAXLOC", MPI_MAXLOC, TYPE_PAIR, do_maxloc},
        {"MPI_MINLOC", MPI_MINLOC, TYPE_PAIR, do_minloc},
        {"MPI_REPLACE", MPI_REPLACE, ALL, do_replace},
        {"MPI_NO_OP", MPI_NO_OP, ALL, do_nothing},
    };

    memcpy(table, rows, sizeof(rows));
    return table;
}
