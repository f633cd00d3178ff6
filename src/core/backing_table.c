/* SPDX-License-Identifier: BSD-3-Clause */
/* Backings, found by address: a table of those that have their range, and a list
 * of the few that have lost a part of it. */
#include "core/backing_table.h"

#include "rsmapi.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Sorted by address. */
static struct {
    rsmi_backing_t **list;
    size_t count;
    size_t room;
} backings RSMI_GUARDED_BY(rsmi_memory_lock);

static rsmi_backing_t *strays RSMI_GUARDED_BY(rsmi_memory_lock);

/* Index of the first backing that ends behind @p addr. */
static size_t backing_lower_bound(const char *addr)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    size_t low = 0, high = backings.count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (backings.list[middle]->addr + backings.list[middle]->pages.size <=
            addr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int rsmi_backing_reserve_row(void)
{
    size_t room = (backings.room == 0) ? 16 : 2 * backings.room;
    rsmi_backing_t **grown;

    if (backings.count < backings.room) {
        return RSM_SUCCESS;
    }
    grown = realloc(backings.list, room * sizeof(rsmi_backing_t *));
    if (grown == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    backings.list = grown;
    backings.room = room;
    return RSM_SUCCESS;
}

void rsmi_backing_list(rsmi_backing_t *backing)
{
    size_t idx = backing_lower_bound(backing->addr);

    memmove(&backings.list[idx + 1], &backings.list[idx],
            (backings.count - idx) * sizeof(rsmi_backing_t *));
    backings.list[idx] = backing;
    ++backings.count;
    backing->is_listed = true;
}

void rsmi_backing_unlist(rsmi_backing_t *backing)
{
    size_t idx;

    if (backing->is_stray) {
        LL_DELETE2(strays, backing, next_stray);
        backing->is_stray = false;
    }
    if (!backing->is_listed) {
        return;
    }
    idx = backing_lower_bound(backing->addr);
    --backings.count;
    memmove(&backings.list[idx], &backings.list[idx + 1],
            (backings.count - idx) * sizeof(rsmi_backing_t *));
    backing->is_listed = false;
}

rsmi_backing_t *rsmi_backing_behind(const char *addr)
{
    size_t idx = backing_lower_bound(addr);

    return (idx < backings.count) ? backings.list[idx] : NULL;
}

static bool backing_is_at(const rsmi_backing_t *backing,
                          const rsmi_mem_area_t *area)
{
    return (area->start >= backing->addr) &&
           (area->start < backing->addr + backing->pages.size) &&
           rsmi_mem_pages_lie_at(&backing->pages, area, backing->addr);
}

static rsmi_backing_t *backing_at(const rsmi_mem_area_t *area)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing = rsmi_backing_behind(area->start);

    if ((backing != NULL) && backing_is_at(backing, area)) {
        return backing;
    }
    LL_FOREACH2(strays, backing, next_stray)
    {
        if (backing_is_at(backing, area)) {
            break;
        }
    }
    return backing;
}

/* The backing at the start of the area, which is cut where that ends, or where
 * the next one begins. */
static rsmi_backing_t *backing_cut(rsmi_mem_area_t *area)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing = backing_at(area);
    rsmi_backing_t *next = rsmi_backing_behind(area->start);
    char *end = area->start + area->size;

    if ((next != NULL) && (next->addr > area->start) && (next->addr < end)) {
        end = next->addr;
    }
    if ((backing != NULL) && (backing->addr + backing->pages.size < end)) {
        end = backing->addr + backing->pages.size;
    }
    area->size = (size_t)(end - area->start);
    return backing;
}

typedef struct {
    rsmi_backing_func_t func;
    void *arg;
} survey_t;

/* Backings that are neighbours in memory and in a file are one mapping to the
 * kernel. */
static int survey_area(const rsmi_mem_area_t *area, void *arg) RSMI_NO_ANALYSIS
{
    const survey_t *survey = arg;
    const char *end = area->start + area->size;
    rsmi_mem_area_t part = *area;
    rsmi_backing_t *backing;
    int rc = RSM_SUCCESS;

    while ((part.start < end) && (rc == RSM_SUCCESS)) {
        part.size = (size_t)(end - part.start);
        backing = backing_cut(&part);
        rc = survey->func(&part, backing, survey->arg);
        part.start += part.size;
        part.offset += (off_t)part.size;
    }
    return rc;
}

int rsmi_backing_survey(const void *addr, size_t size, rsmi_backing_func_t func,
                        void *arg)
{
    survey_t survey = {func, arg};

    return rsmi_mem_survey(addr, size, survey_area, &survey);
}

void rsmi_backing_forget(char *addr, size_t size)
{
    size_t idx = backing_lower_bound(addr);
    rsmi_backing_t *backing;

    while ((idx < backings.count) && (backings.list[idx]->addr < addr + size)) {
        backing = backings.list[idx];
        rsmi_backing_unlist(backing);
        LL_PREPEND2(strays, backing, next_stray);
        backing->is_stray = true;
    }
}

void rsmi_backing_forget_all(void)
{
    backings.count = 0;
    strays = NULL;
}
