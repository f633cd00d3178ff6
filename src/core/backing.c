/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/backing.h"

#include "fabric/fabric.h"
#include "rsmapi.h"
#include "util/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <utlist.h>

/* From this size on it is worth asking whether there is memory: taking more
 * than there is wakes the kernel's out-of-memory killer, not an error. */
#define BACKING_LARGE ((size_t)64 << 20)

struct rsmi_backing {
    char *addr; /* the application's range */
    rsmi_mem_pages_t pages;
    rsmi_fabric_mem_t *mem; /* NULL: the pages are our own */
    uint32_t references;    /* pieces */
    bool is_listed;         /* in the table; not so once it lost its range */
    struct rsmi_backing *prev, *next; /* list of all */
};

rsmi_lock_t rsmi_memory_lock = RSMI_LOCK_INIT;

static rsmi_backing_t *backing_all RSMI_GUARDED_BY(rsmi_memory_lock);

/* Sorted by address. */
static struct {
    rsmi_backing_t **list;
    size_t count;
    size_t room;
} backings RSMI_GUARDED_BY(rsmi_memory_lock);

size_t rsmi_backing_size(const rsmi_backing_t *backing)
{
    return backing->pages.size;
}

int rsmi_backing_fd(const rsmi_backing_t *backing)
{
    return backing->pages.fd;
}

char *rsmi_backing_view(const rsmi_backing_t *backing)
{
    return backing->pages.view;
}

bool rsmi_backing_is_common(const rsmi_backing_t *backing)
{
    return backing->references > 1;
}

/* --- table ---------------------------------------------------------------- */

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

static int backing_reserve_row(void) RSMI_REQUIRES(rsmi_memory_lock)
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

static void backing_list(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    size_t idx = backing_lower_bound(backing->addr);

    memmove(&backings.list[idx + 1], &backings.list[idx],
            (backings.count - idx) * sizeof(rsmi_backing_t *));
    backings.list[idx] = backing;
    ++backings.count;
    backing->is_listed = true;
}

static void backing_unlist(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    size_t idx;

    if (!backing->is_listed) {
        return;
    }
    idx = backing_lower_bound(backing->addr);
    --backings.count;
    memmove(&backings.list[idx], &backings.list[idx + 1],
            (backings.count - idx) * sizeof(rsmi_backing_t *));
    backing->is_listed = false;
}

/* --- pages ---------------------------------------------------------------- */

/* UCX's own allocation where it has shared memory, so that its transports can
 * reach the pages directly; our own where the job runs without. */
static int backing_make_pages(size_t size, rsmi_mem_pages_t *pages_p,
                              rsmi_fabric_mem_t **mem_p)
{
    rsmi_fabric_info_t info;
    void *view;
    int fd, rc;

    *mem_p = NULL;
    if ((size > BACKING_LARGE) && (size > rsmi_mem_available())) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
    if (!info.is_present) {
        return rsmi_mem_pages_create(size, pages_p);
    }
    rc = rsmi_fabric_alloc(size, mem_p, &view, &fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (fd < 0) {
        rsmi_fabric_release(*mem_p);
        *mem_p = NULL;
        return rsmi_mem_pages_create(size, pages_p);
    }
    rc = rsmi_mem_pages_adopt(fd, view, size, pages_p);
    if (rc != RSM_SUCCESS) {
        rsmi_fabric_release(*mem_p);
        *mem_p = NULL;
    }
    return rc;
}

static void backing_free_pages(rsmi_mem_pages_t *pages, rsmi_fabric_mem_t *mem)
{
    if (mem != NULL) {
        rsmi_fabric_release(mem);
    } else {
        rsmi_mem_pages_destroy(pages);
    }
}

static int backing_create(char *addr, size_t size, rsmi_backing_t **backing_p)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing;
    int rc;

    rc = backing_reserve_row();
    if (rc != RSM_SUCCESS) {
        goto err;
    }
    backing = calloc(1, sizeof(*backing));
    if (backing == NULL) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto err;
    }
    rc = backing_make_pages(size, &backing->pages, &backing->mem);
    if (rc != RSM_SUCCESS) {
        goto err_free;
    }
    rc = rsmi_mem_pages_fill(&backing->pages, addr);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_mem_pages_place(&backing->pages, addr);
    }
    if (rc != RSM_SUCCESS) {
        goto err_pages;
    }
    backing->addr = addr;
    backing_list(backing);
    DL_APPEND(backing_all, backing);
    *backing_p = backing;
    return RSM_SUCCESS;

err_pages:
    backing_free_pages(&backing->pages, backing->mem);
err_free:
    free(backing);
err:
    return rc;
}

/* Pages that cannot become private again for want of memory stay what they
 * are, shared with nobody: the application keeps its contents. */
static void backing_destroy(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    if (!rsmi_mem_pages_recall(&backing->pages, backing->addr, false)) {
        rsmi_warn("core", "no memory to make %zu exported bytes private again",
                  backing->pages.size);
    }
    backing_unlist(backing);
    DL_DELETE(backing_all, backing);
    backing_free_pages(&backing->pages, backing->mem);
    free(backing);
}

/* --- pieces --------------------------------------------------------------- */

static int pieces_add(rsmi_pieces_t *pieces, rsmi_backing_t *backing,
                      char *addr, size_t size)
{
    rsmi_piece_t *grown, *last;

    last = (pieces->count > 0) ? &pieces->pieces[pieces->count - 1] : NULL;
    if ((backing == NULL) && (last != NULL) && (last->backing == NULL)) {
        last->size += size; /* foreign neighbours need not be told apart */
        return RSM_SUCCESS;
    }
    grown = realloc(pieces->pieces, (pieces->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    pieces->pieces = grown;
    last = &grown[pieces->count++];
    last->backing = backing;
    last->addr = addr;
    last->size = size;
    last->offset = 0;
    if (backing != NULL) {
        last->offset = (size_t)(addr - backing->addr);
        ++backing->references;
    }
    return RSM_SUCCESS;
}

void rsmi_backing_release(rsmi_pieces_t *pieces)
{
    rsmi_backing_t *backing;
    size_t idx;

    for (idx = pieces->count; idx-- > 0;) {
        backing = pieces->pieces[idx].backing;
        if ((backing != NULL) && (--backing->references == 0)) {
            backing_destroy(backing);
        }
    }
    free(pieces->pieces);
    pieces->pieces = NULL;
    pieces->count = 0;
}

/* The backing whose pages really lie at this area, or NULL. */
static rsmi_backing_t *backing_at(const rsmi_mem_area_t *area)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    size_t idx = backing_lower_bound(area->start);
    rsmi_backing_t *backing;

    if (!area->is_shared || (idx == backings.count)) {
        return NULL;
    }
    backing = backings.list[idx];
    if ((area->start < backing->addr) || (area->dev != backing->pages.dev) ||
        (area->ino != backing->pages.ino) ||
        (area->offset != (off_t)(area->start - backing->addr))) {
        return NULL;
    }
    return backing;
}

typedef struct {
    rsmi_pieces_t plan; /* pieces without references; private: to be made */
    bool *is_private;
} acquire_t;

/* First pass: what lies where. Neighbouring private areas become one piece. */
static int acquire_area(const rsmi_mem_area_t *area, void *arg) RSMI_NO_ANALYSIS
{
    acquire_t *acquire = arg;
    rsmi_pieces_t *plan = &acquire->plan;
    rsmi_backing_t *backing = backing_at(area);
    rsmi_piece_t *grown;
    bool *flags;

    if ((area->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
        return RSMERR_PERM_DENIED;
    }
    if ((plan->count > 0) &&
        (plan->pieces[plan->count - 1].backing == backing) &&
        (acquire->is_private[plan->count - 1] == !area->is_shared)) {
        plan->pieces[plan->count - 1].size += area->size;
        return RSM_SUCCESS;
    }
    grown = realloc(plan->pieces, (plan->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    plan->pieces = grown;
    flags = realloc(acquire->is_private, (plan->count + 1) * sizeof(*flags));
    if (flags == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    acquire->is_private = flags;
    grown[plan->count].backing = backing;
    grown[plan->count].addr = area->start;
    grown[plan->count].size = area->size;
    flags[plan->count] = !area->is_shared;
    ++plan->count;
    return RSM_SUCCESS;
}

/* Where the application has put other memory into a range that was exported
 * and is still, the backing behind it no longer belongs there. */
static void acquire_forget_stale(char *addr, size_t size)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    size_t idx = backing_lower_bound(addr);

    while ((idx < backings.count) && (backings.list[idx]->addr < addr + size)) {
        backing_unlist(backings.list[idx]);
    }
}

static int acquire_survey(void *addr, size_t size, acquire_t *acquire)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    char here;

    memset(acquire, 0, sizeof(*acquire));
    /* Pages under the running stack frame cannot change places. */
    if ((&here >= (char *)addr) && (&here < (char *)addr + size)) {
        return RSMERR_BAD_ADDR;
    }
    return rsmi_mem_survey(addr, size, acquire_area, acquire);
}

static void acquire_clear(acquire_t *acquire)
{
    free(acquire->plan.pieces);
    free(acquire->is_private);
}

/* Second pass: share what is private still. */
static int acquire_carry_out(const acquire_t *acquire, rsmi_pieces_t *pieces_p)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    const rsmi_piece_t *plan;
    rsmi_backing_t *backing;
    size_t idx;
    int rc;

    for (idx = 0; idx < acquire->plan.count; ++idx) {
        plan = &acquire->plan.pieces[idx];
        backing = plan->backing;
        if (acquire->is_private[idx]) {
            acquire_forget_stale(plan->addr, plan->size);
            rc = backing_create(plan->addr, plan->size, &backing);
            if (rc != RSM_SUCCESS) {
                return rc;
            }
        }
        rc = pieces_add(pieces_p, backing, plan->addr, plan->size);
        if (rc != RSM_SUCCESS) {
            if (acquire->is_private[idx]) {
                backing_destroy(backing);
            }
            return rc;
        }
    }
    return RSM_SUCCESS;
}

int rsmi_backing_acquire(void *addr, size_t size, rsmi_pieces_t *pieces_p)
{
    acquire_t acquire;
    int rc;

    pieces_p->pieces = NULL;
    pieces_p->count = 0;
    rc = acquire_survey(addr, size, &acquire);
    if (rc == RSM_SUCCESS) {
        rc = acquire_carry_out(&acquire, pieces_p);
        if (rc != RSM_SUCCESS) {
            rsmi_backing_release(pieces_p);
        }
    }
    acquire_clear(&acquire);
    return rc;
}

int rsmi_backing_examine(void *addr, size_t size)
{
    acquire_t acquire;
    int rc;

    rc = acquire_survey(addr, size, &acquire);
    acquire_clear(&acquire);
    return rc;
}

rsmi_backing_t *rsmi_backing_sole(const rsmi_pieces_t *pieces)
{
    rsmi_backing_t *backing;

    if (pieces->count != 1) {
        return NULL;
    }
    backing = pieces->pieces[0].backing;
    if ((backing == NULL) || (backing->references != 1) ||
        (pieces->pieces[0].size != backing->pages.size)) {
        return NULL;
    }
    return backing;
}

/* --- moving and renewing -------------------------------------------------- */

/* Whether all of the new range is private, or shows this very backing. */
static int move_area(const rsmi_mem_area_t *area, void *arg) RSMI_NO_ANALYSIS
{
    if ((area->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
        return RSMERR_PERM_DENIED;
    }
    if (area->is_shared && (backing_at(area) != arg)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    return RSM_SUCCESS;
}

/* The pages go back to where they were. If even that fails, the application
 * keeps its memory, and the segment has pages that nobody else sees. */
static void backing_return(rsmi_backing_t *backing, char *old)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    if ((rsmi_mem_pages_fill(&backing->pages, old) != RSM_SUCCESS) ||
        (rsmi_mem_pages_place(&backing->pages, old) != RSM_SUCCESS)) {
        rsmi_error("core", "no resources to undo a failed rebind of %zu bytes",
                   backing->pages.size);
        backing_unlist(backing);
    }
}

int rsmi_backing_move(rsmi_backing_t *backing, void *addr)
{
    char *old = backing->addr;
    int rc;

    /* It may have lost its row to memory that was put in its place. */
    rc = backing_reserve_row();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_mem_survey(addr, backing->pages.size, move_area, backing);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (!rsmi_mem_pages_recall(&backing->pages, old, false)) {
        (void)rsmi_mem_pages_place(&backing->pages, old);
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_mem_pages_fill(&backing->pages, addr);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_mem_pages_place(&backing->pages, addr);
    }
    if (rc != RSM_SUCCESS) {
        backing_return(backing, old);
        return rc;
    }
    backing_unlist(backing);
    acquire_forget_stale(addr, backing->pages.size);
    backing->addr = addr;
    backing_list(backing);
    return RSM_SUCCESS;
}

int rsmi_backing_renew(rsmi_backing_t *backing)
{
    rsmi_mem_pages_t pages;
    rsmi_fabric_mem_t *mem;
    int rc;

    rc = backing_make_pages(backing->pages.size, &pages, &mem);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    memcpy(pages.view, backing->pages.view, pages.size);
    rc = rsmi_mem_pages_exchange(&backing->pages, &pages, backing->addr);
    if (rc != RSM_SUCCESS) {
        (void)rsmi_mem_pages_exchange(&pages, &backing->pages, backing->addr);
        backing_free_pages(&pages, mem);
        return rc;
    }
    backing_free_pages(&backing->pages, backing->mem);
    backing->pages = pages;
    backing->mem = mem;
    return RSM_SUCCESS;
}

void rsmi_backing_forked(void)
{
    rsmi_backing_t *backing;

    DL_FOREACH(backing_all, backing)
    {
        (void)rsmi_mem_pages_recall(&backing->pages, backing->addr, true);
    }
    backing_all = NULL;
    backings.count = 0;
}
