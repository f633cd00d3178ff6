/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_type.h"

#include <string.h>

void rsmi_cursor_begin(rsmi_cursor_t *cursor, const rsmi_type_t *type,
                       const void *addr, int count)
{
    cursor->type = type;
    cursor->addr = (char *)addr;
    cursor->left = (type->pieces.count > 0) ? count : 0;
    cursor->piece = 0;
    cursor->repeat = 0;
    cursor->done = 0;
}

size_t rsmi_cursor_run(rsmi_cursor_t *cursor, char **addr_p)
{
    const rsmi_type_t *type = cursor->type;
    const rsmi_piece_t *piece;

    if (cursor->left == 0) {
        return 0;
    }
    if (type->is_dense) {
        *addr_p = cursor->addr + cursor->done;
        return (size_t)cursor->left * type->size - cursor->done;
    }
    piece = &type->pieces.at[cursor->piece];
    *addr_p = cursor->addr + piece->offset +
              (MPI_Aint)cursor->repeat * piece->stride + (MPI_Aint)cursor->done;
    return piece->size - cursor->done;
}

static void cursor_next_run(rsmi_cursor_t *cursor)
{
    const rsmi_pieces_t *pieces = &cursor->type->pieces;

    cursor->done = 0;
    if (++cursor->repeat < pieces->at[cursor->piece].count) {
        return;
    }
    cursor->repeat = 0;
    if (++cursor->piece < pieces->count) {
        return;
    }
    cursor->piece = 0;
    cursor->addr += cursor->type->extent;
    --cursor->left;
}

void rsmi_cursor_advance(rsmi_cursor_t *cursor, size_t size)
{
    const rsmi_type_t *type = cursor->type;

    cursor->done += size;
    if (type->is_dense) {
        if (cursor->done == (size_t)cursor->left * type->size) {
            cursor->left = 0;
        }
        return;
    }
    if (cursor->done == type->pieces.at[cursor->piece].size) {
        cursor_next_run(cursor);
    }
}

void rsmi_cursor_read(rsmi_cursor_t *cursor, char *to, size_t size)
{
    size_t some;
    char *addr;

    while ((size > 0) && ((some = rsmi_cursor_run(cursor, &addr)) > 0)) {
        some = (some < size) ? some : size;
        memcpy(to, addr, some);
        rsmi_cursor_advance(cursor, some);
        to += some;
        size -= some;
    }
}

void rsmi_cursor_write(rsmi_cursor_t *cursor, const char *from, size_t size)
{
    size_t some;
    char *addr;

    while ((size > 0) && ((some = rsmi_cursor_run(cursor, &addr)) > 0)) {
        some = (some < size) ? some : size;
        memcpy(addr, from, some);
        rsmi_cursor_advance(cursor, some);
        from += some;
        size -= some;
    }
}

/* --- from one to the other --------------------------------------------------- */

#define COPY_EACH(number)                                              \
    for (; count > 0; --count, to += to_stride, from += from_stride) { \
        memcpy(to, from, number);                                      \
    }

/* @p count runs of @p size bytes. Single numbers are what most types have. */
static void copy_runs(char *to, MPI_Aint to_stride, const char *from,
                      MPI_Aint from_stride, size_t size, size_t count)
{
    if (size == sizeof(uint64_t)) {
        COPY_EACH(sizeof(uint64_t))
    } else if (size == sizeof(uint32_t)) {
        COPY_EACH(sizeof(uint32_t))
    } else {
        for (; count > 0; --count, to += to_stride, from += from_stride) {
            memmove(to, from, size);
        }
    }
}

static bool copy_is_at_start(const rsmi_cursor_t *cursor)
{
    return (cursor->left > 0) && (cursor->piece == 0) &&
           (cursor->repeat == 0) && (cursor->done == 0);
}

/* Instances of the same type, as long as there are any on both sides. */
static void copy_alike(rsmi_cursor_t *to, rsmi_cursor_t *from)
{
    const rsmi_pieces_t *pieces = &to->type->pieces;
    const rsmi_piece_t *piece;
    size_t i;

    for (; (to->left > 0) && (from->left > 0); --to->left, --from->left) {
        for (i = 0; i < pieces->count; ++i) {
            piece = &pieces->at[i];
            copy_runs(to->addr + piece->offset, piece->stride,
                      from->addr + piece->offset, piece->stride, piece->size,
                      piece->count);
        }
        to->addr += to->type->extent;
        from->addr += from->type->extent;
    }
}

/* How many runs of @p size bytes follow from here on at even distances. */
static size_t copy_series(const rsmi_cursor_t *cursor, size_t size,
                          MPI_Aint *stride_p)
{
    const rsmi_type_t *type = cursor->type;
    const rsmi_piece_t *piece;

    *stride_p = (MPI_Aint)size;
    if (type->is_dense) {
        return ((size_t)cursor->left * type->size - cursor->done) / size;
    }
    piece = &type->pieces.at[cursor->piece];
    if ((cursor->done != 0) || (piece->size != size)) {
        return 1;
    }
    *stride_p = piece->stride;
    return piece->count - cursor->repeat;
}

static void copy_advance(rsmi_cursor_t *cursor, size_t size, size_t count)
{
    if (cursor->type->is_dense) {
        rsmi_cursor_advance(cursor, size * count);
    } else {
        cursor->repeat += count - 1;
        rsmi_cursor_advance(cursor, size);
    }
}

void rsmi_cursor_copy(rsmi_cursor_t *to, rsmi_cursor_t *from)
{
    MPI_Aint to_stride, from_stride;
    size_t size, other, count;
    char *dst, *src;

    if ((to->type == from->type) && !to->type->is_dense &&
        copy_is_at_start(to) && copy_is_at_start(from)) {
        copy_alike(to, from);
    }
    for (;;) {
        size = rsmi_cursor_run(to, &dst);
        other = rsmi_cursor_run(from, &src);
        size = (size < other) ? size : other;
        if (size == 0) {
            return;
        }
        count = copy_series(to, size, &to_stride);
        other = copy_series(from, size, &from_stride);
        count = (count < other) ? count : other;
        copy_runs(dst, to_stride, src, from_stride, size, count);
        copy_advance(to, size, count);
        copy_advance(from, size, count);
    }
}
