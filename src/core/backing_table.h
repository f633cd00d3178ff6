/* SPDX-License-Identifier: BSD-3-Clause */
/* What backing.c, backing_table.c, acquire.c and memory.c know of backings. The memory lock
 * guards all of it. */
#ifndef RSMI_BACKING_TABLE_H
#define RSMI_BACKING_TABLE_H

#include "core/backing.h"
#include "fabric/fabric.h"

#include <stdint.h>

struct rsmi_backing {
    char *addr; /* the application's range */
    rsmi_mem_pages_t pages;
    rsmi_fabric_mem_t *mem; /* the range as UCX's memory handle */
    uint32_t references;    /* pieces */
    bool is_kept;   /* the library's own memory: stays when no piece is left */
    bool is_held;   /* who has let go of nothing may still store to the pages */
    bool is_listed; /* in the table; not so once it lost its range */
    bool is_stray;  /* it lost a part of it only, as far as is known */
    bool is_renewing; /* pages are being replaced; directory lock */
    struct rsmi_backing *prev, *next; /* list of all */
    struct rsmi_backing *next_stray;
};

/* The first backing that ends behind @p addr; NULL: none. */
rsmi_backing_t *rsmi_backing_behind(const char *addr)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Shows what is mapped, as rsmi_mem_survey() does, cut where a backing begins
 * or ends, and the backing whose pages really lie there, or NULL. */
typedef int (*rsmi_backing_func_t)(const rsmi_mem_area_t *part,
                                   rsmi_backing_t *backing, void *arg);
int rsmi_backing_survey(const void *addr, size_t size, rsmi_backing_func_t func,
                        void *arg) RSMI_REQUIRES(rsmi_memory_lock);

/* Where the application has put other memory into a range that was exported
 * and is still, the backing behind it no longer belongs there. Segments may
 * still be in what is left of the range, where it is found as before. */
void rsmi_backing_forget(char *addr, size_t size)
    RSMI_REQUIRES(rsmi_memory_lock);

void rsmi_backing_forget_all(void) RSMI_REQUIRES(rsmi_memory_lock);

/* Into the table, where room has been reserved, and out of it. */
int rsmi_backing_reserve_row(void) RSMI_REQUIRES(rsmi_memory_lock);
void rsmi_backing_list(rsmi_backing_t *backing) RSMI_REQUIRES(rsmi_memory_lock);
void rsmi_backing_unlist(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Share the private pages at @p addr. */
int rsmi_backing_create(char *addr, size_t size, rsmi_backing_t **backing_p)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Zero pages of our own at an address of our own. */
int rsmi_backing_create_kept(size_t size, rsmi_backing_t **backing_p)
    RSMI_REQUIRES(rsmi_memory_lock);

/* The range becomes private again, if there is one. */
void rsmi_backing_destroy(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock);

/* The range has been unmapped. */
void rsmi_backing_discard(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock);

#endif
