/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_empty.h"

#include <stdlib.h>
#include <string.h>

enum { EMPTY_FIRST_ROOM = 16 };

/* The first one at @p addr or above. */
static size_t empty_position(const rsmi_empty_t *empty, uint64_t addr)
{
    size_t from = 0, to = empty->count, middle;

    while (from < to) {
        middle = from + (to - from) / 2;
        if (empty->list[middle] < addr) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

bool rsmi_empty_add(rsmi_empty_t *empty, uint64_t addr)
{
    uint64_t *list;
    size_t room, at;

    if (empty->count == empty->room) {
        room = (empty->room == 0) ? EMPTY_FIRST_ROOM : 2 * empty->room;
        list = realloc(empty->list, room * sizeof(*list));
        if (list == NULL) {
            return false;
        }
        empty->list = list;
        empty->room = room;
    }
    at = empty_position(empty, addr);
    list = &empty->list[at];
    memmove(list + 1, list, (empty->count - at) * sizeof(*list));
    *list = addr;
    ++empty->count;
    return true;
}

bool rsmi_empty_remove(rsmi_empty_t *empty, uint64_t addr)
{
    size_t at = empty_position(empty, addr);

    if ((at == empty->count) || (empty->list[at] != addr)) {
        return false;
    }
    --empty->count;
    memmove(&empty->list[at], &empty->list[at + 1],
            (empty->count - at) * sizeof(*empty->list));
    return true;
}
