/* SPDX-License-Identifier: BSD-3-Clause */
/* Where letters may write and look: memory that has been registered and not
 * been released. What a letter says is not believed, be it damaged, by hand or
 * late. Nobody releases memory in the middle of a letter. */
#include "fabric/fabric_internal.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_ROOM_FIRST 16

/* How many begin at or below @p address; the last of them is at most one that
 * contains it, for ranges do not overlap. */
static size_t range_count_below(const rsmi_fabric_ranges_t *ranges,
                                uint64_t address)
{
    size_t low = 0, high = ranges->count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (ranges->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool rsmi_fabric_range_has(const rsmi_fabric_ranges_t *ranges, uint64_t start,
                           size_t size)
{
    size_t below = range_count_below(ranges, start);
    const rsmi_fabric_range_t *range;

    if (below == 0) {
        return false;
    }
    range = &ranges->ranges[below - 1];
    return (start - range->start <= range->size) &&
           (size <= range->size - (start - range->start));
}

static bool range_make_room(rsmi_fabric_ranges_t *ranges)
    RSMI_REQUIRES(ranges->lock)
{
    size_t room = (ranges->room == 0) ? RANGE_ROOM_FIRST : 2 * ranges->room;
    rsmi_fabric_range_t *more;

    if (ranges->count < ranges->room) {
        return true;
    }
    more = realloc(ranges->ranges, room * sizeof(*more));
    if (more == NULL) {
        return false;
    }
    ranges->ranges = more;
    ranges->room = room;
    return true;
}

bool rsmi_fabric_range_add(rsmi_fabric_ranges_t *ranges, uint64_t start,
                           size_t size)
{
    bool is_added;
    size_t at;

    rsmi_lock(&ranges->lock);
    is_added = range_make_room(ranges);
    if (is_added) {
        at = range_count_below(ranges, start);
        memmove(&ranges->ranges[at + 1], &ranges->ranges[at],
                (ranges->count - at) * sizeof(ranges->ranges[0]));
        ranges->ranges[at] = (rsmi_fabric_range_t){start, size};
        ++ranges->count;
    }
    rsmi_unlock(&ranges->lock);
    return is_added;
}

void rsmi_fabric_range_remove(rsmi_fabric_ranges_t *ranges, uint64_t start)
{
    size_t at;

    rsmi_lock(&ranges->lock);
    at = range_count_below(ranges, start);
    if ((at > 0) && (ranges->ranges[at - 1].start == start)) {
        memmove(&ranges->ranges[at - 1], &ranges->ranges[at],
                (ranges->count - at) * sizeof(ranges->ranges[0]));
        --ranges->count;
    }
    rsmi_unlock(&ranges->lock);
}

void rsmi_fabric_range_clear(rsmi_fabric_ranges_t *ranges)
{
    rsmi_lock(&ranges->lock);
    free(ranges->ranges);
    ranges->ranges = NULL;
    ranges->count = 0;
    ranges->room = 0;
    rsmi_unlock(&ranges->lock);
}
