/* SPDX-License-Identifier: BSD-3-Clause */
/* Datatypes as runs of bytes. A type is taken apart once and kept until the
 * program frees it; all of it happens at the origin, whose handles describe the
 * target's memory, too. */
#ifndef RSMI_SHIM_TYPE_H
#define RSMI_SHIM_TYPE_H

#include "shim_table.h"

#include <mpi.h>

/* Which operations make sense; see shim_op.c. */
typedef enum {
    RSMI_CLASS_OTHER, /* bytes move, nothing is computed */
    RSMI_CLASS_INTEGER,
    RSMI_CLASS_FLOAT,
    RSMI_CLASS_LOGICAL,
    RSMI_CLASS_COMPLEX,
    RSMI_CLASS_BYTE,
    RSMI_CLASS_PAIR,
    RSMI_CLASS_MIXED /* derived from several predefined types */
} rsmi_class_t;

/* @p count times @p size bytes, @p stride apart, the first at @p offset. */
typedef struct {
    MPI_Aint offset;
    MPI_Aint stride;
    size_t size;
    size_t count;
} rsmi_piece_t;

typedef struct {
    rsmi_piece_t *at;
    size_t count;
    size_t room;
} rsmi_pieces_t;

typedef struct rsmi_type {
    rsmi_entry_t entry; /* key: the datatype */
    size_t size;        /* bytes of data */
    MPI_Aint extent;
    MPI_Aint true_lb;
    MPI_Aint true_end; /* true_lb + true extent */
    bool is_dense;     /* any number of them is one run from the address on */
    rsmi_class_t element_class;
    MPI_Datatype element; /* the predefined type that all of it consists of */
    size_t element_size;  /* its bytes, as far as the last one that counts */
    uint8_t word;         /* 4 or 8, a predefined type of so many bytes that are
                           * compared as one; 0: something else */
    bool is_counter;      /* such a word, an integer */
    rsmi_pieces_t pieces; /* of whole elements */
    bool has_gaps;        /* within elements: MPI_SHORT_INT */
    bool is_exact;        /* the pieces leave those out */
    struct rsmi_type *exact; /* the same type without them; NULL: no gaps */
    struct rsmi_type *next;  /* in the list of spare ones */
} rsmi_type_t;

extern rsmi_table_t rsmi_types RSMI_LOCAL;

/* What to copy bytes by; what is computed with are whole elements. */
static inline const rsmi_type_t *rsmi_type_bytes(const rsmi_type_t *type)
{
    return rsmi_likely(type->exact == NULL) ? type : type->exact;
}

/* Takes the type apart. MPI_SUCCESS, MPI_ERR_TYPE, MPI_ERR_NO_MEM. */
int rsmi_type_learn(MPI_Datatype handle, rsmi_type_t **type_p) RSMI_COLD;

static inline int rsmi_type_get(MPI_Datatype handle, rsmi_type_t **type_p)
{
    *type_p = rsmi_table_find(&rsmi_types, (const void *)handle);

    return rsmi_likely(*type_p != NULL) ? MPI_SUCCESS
                                        : rsmi_type_learn(handle, type_p);
}

/* --- taking apart (shim_decode.c) ------------------------------------------ */

/* Adds the runs of one @p handle at @p offset; tells which predefined type it
 * consists of (MPI_DATATYPE_NULL so far: none yet) in @p type. */
int rsmi_type_decode(MPI_Datatype handle, MPI_Aint offset, rsmi_type_t *type);

/* Adds runs, joined to the last ones where they follow on. */
int rsmi_type_add(rsmi_type_t *type, const rsmi_piece_t *piece);

/* Class and bytes of a predefined type. */
rsmi_class_t rsmi_type_classify(MPI_Datatype handle);

/* --- walking through (shim_copy.c) ------------------------------------------ */

typedef struct {
    const rsmi_type_t *type;
    char *addr;     /* of the present instance */
    MPI_Count left; /* instances, the present one included */
    size_t piece;   /* in the type */
    size_t repeat;  /* in the piece */
    size_t done;    /* bytes of the run */
} rsmi_cursor_t;

void rsmi_cursor_begin(rsmi_cursor_t *cursor, const rsmi_type_t *type,
                       const void *addr, int count);

/* The bytes at hand; 0 at the end. */
size_t rsmi_cursor_run(rsmi_cursor_t *cursor, char **addr_p);
void rsmi_cursor_advance(rsmi_cursor_t *cursor, size_t size);

/* Moves the next @p size bytes, which are there, to or from a plain buffer. */
void rsmi_cursor_read(rsmi_cursor_t *cursor, char *to, size_t size);
void rsmi_cursor_write(rsmi_cursor_t *cursor, const char *from, size_t size);

/* Copies until one of them ends. */
void rsmi_cursor_copy(rsmi_cursor_t *to, rsmi_cursor_t *from);

#endif
