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

void rsmi_cursor_copy(rsmi_cursor_t *to, rsmi_cursor_t *from)
{
    size_t size, other;
    char *dst, *src;

    for (;;) {
        size = rsmi_cursor_run(to, &dst);
        other = rsmi_cursor_run(from, &src);
        size = (size < other) ? size : other;
        if (size == 0) {
            return;
        }
        if (size == sizeof(uint64_t)) {
            memcpy(dst, src, sizeof(uint64_t));
        } else {
            memmove(dst, src, size);
        }
        rsmi_cursor_advance(to, size);
        rsmi_cursor_advance(from, size);
    }
}
