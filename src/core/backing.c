/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/backing_table.h"

#include "fabric/fabric.h"
#include "rsmapi.h"
#include "util/help.h"
#include "util/limit.h"
#include "util/log.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <utlist.h>

/* From this size on it is worth asking whether there is memory: taking more
 * than there is wakes the kernel's out-of-memory killer, not an error. */
#define BACKING_LARGE ((size_t)64 << 20)

rsmi_lock_t rsmi_memory_lock = RSMI_LOCK_INIT;

static rsmi_backing_t *backing_all RSMI_GUARDED_BY(rsmi_memory_lock);

size_t rsmi_backing_size(const rsmi_backing_t *backing)
{
    return backing->pages.size;
}

int rsmi_backing_fd(const rsmi_backing_t *backing)
{
    return rsmi_mem_pages_fd(&backing->pages);
}

size_t rsmi_backing_offset(const rsmi_backing_t *backing)
{
    return (size_t)backing->pages.base;
}

bool rsmi_backing_is_pooled(const rsmi_backing_t *backing)
{
    return rsmi_mem_pages_are_pooled(&backing->pages);
}

bool rsmi_backing_is_common(const rsmi_backing_t *backing)
{
    return backing->references > 1;
}

/* --- pages ---------------------------------------------------------------- */

/* Where UCX may use shared memory, exports count as such, too. */
static bool backing_is_posix(void)
{
    rsmi_fabric_info_t info;

    rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
    return info.is_present;
}

/* The answer to a lack of memory that the user can do something about. */
static int backing_no_room(size_t size)
{
    size_t room = backing_is_posix() ? rsmi_mem_shm_room() : SIZE_MAX;

    if (room < size) {
        rsmi_help(RSMI_HELP_SHM_FULL, size, room);
    }
    return RSMERR_INSUFFICIENT_MEM;
}

/* What is known not to fit is not begun: a full /dev/shm is noticed page by
 * page, and to take more memory than there is wakes the kernel's out-of-memory
 * killer, not an error. */
static int backing_make_pages(size_t size, bool is_alone,
                              rsmi_mem_pages_t *pages_p)
{
    bool is_posix = backing_is_posix();
    int rc;

    if (size > BACKING_LARGE) {
        if (size > rsmi_mem_available()) {
            return RSMERR_INSUFFICIENT_MEM;
        }
        if (is_posix && (size > rsmi_mem_shm_room())) {
            return backing_no_room(size);
        }
    }
    rc = rsmi_mem_pages_create(size, is_posix, is_alone, pages_p);
    if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        rsmi_help(RSMI_HELP_NO_DESCRIPTORS, rsmi_limit_descriptors());
    }
    return (rc == RSMERR_INSUFFICIENT_MEM) ? backing_no_room(size) : rc;
}

static int backing_take_pages(const rsmi_mem_pages_t *pages, char *addr)
{
    int rc = rsmi_mem_pages_take(pages, addr);

    return (rc == RSMERR_INSUFFICIENT_MEM) ? backing_no_room(pages->size) : rc;
}

/* --- life ----------------------------------------------------------------- */

/* With a row reserved in the table. */
static int backing_new(size_t size, rsmi_backing_t **backing_p)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing;
    int rc;

    rc = rsmi_backing_reserve_row();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    backing = calloc(1, sizeof(*backing));
    if (backing == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = backing_make_pages(size, false, &backing->pages);
    if (rc != RSM_SUCCESS) {
        free(backing);
        return rc;
    }
    *backing_p = backing;
    return RSM_SUCCESS;
}

/* What is exported is a memory handle of UCX: it gets to know the range once,
 * here, and not at the time of a transfer. */
static int backing_register(char *addr, size_t size, rsmi_fabric_mem_t **mem_p)
{
    return rsmi_fabric_register(backing_is_posix() ? RSMI_FABRIC_SHM
                                                   : RSMI_FABRIC_SELF,
                                addr, size, mem_p);
}

/* The pages lie at @p addr. On failure they go back to where they came from. */
static int backing_enter(rsmi_backing_t *backing, char *addr)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    int rc;

    rc = backing_register(addr, backing->pages.size, &backing->mem);
    if (rc != RSM_SUCCESS) {
        (void)rsmi_mem_pages_recall(&backing->pages, addr, false);
        return rc;
    }
    backing->addr = addr;
    rsmi_backing_list(backing);
    DL_APPEND(backing_all, backing);
    return RSM_SUCCESS;
}

int rsmi_backing_create(char *addr, size_t size, rsmi_backing_t **backing_p)
{
    rsmi_backing_t *backing;
    int rc;

    rc = backing_new(size, &backing);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = backing_take_pages(&backing->pages, addr);
    if (rc == RSM_SUCCESS) {
        rc = backing_enter(backing, addr);
    }
    if (rc != RSM_SUCCESS) {
        rsmi_mem_pages_destroy(&backing->pages, false);
        free(backing);
        return rc;
    }
    *backing_p = backing;
    return RSM_SUCCESS;
}

int rsmi_backing_create_kept(size_t size, rsmi_backing_t **backing_p)
{
    rsmi_backing_t *backing;
    char *addr;
    int rc;

    rc = backing_new(size, &backing);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_mem_pages_reserve(&backing->pages);
    if (rc == RSMERR_INSUFFICIENT_MEM) {
        (void)backing_no_room(size);
    }
    addr = (rc == RSM_SUCCESS) ? rsmi_mem_reserve(size) : NULL;
    if (addr == NULL) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto err_pages;
    }
    rc = rsmi_mem_pages_place(&backing->pages, addr);
    if (rc == RSM_SUCCESS) {
        rc = backing_enter(backing, addr);
    }
    if (rc != RSM_SUCCESS) {
        goto err_unmap;
    }
    backing->is_kept = true;
    *backing_p = backing;
    return RSM_SUCCESS;

err_unmap:
    rsmi_mem_unmap(addr, size);
err_pages:
    rsmi_mem_pages_destroy(&backing->pages, false);
    free(backing);
    return rc;
}

void rsmi_backing_discard(rsmi_backing_t *backing)
{
    rsmi_backing_unlist(backing);
    DL_DELETE(backing_all, backing);
    rsmi_fabric_release(backing->mem);
    rsmi_mem_pages_destroy(&backing->pages, backing->is_held);
    free(backing);
}

/* Pages that cannot become private again for want of memory stay what they
 * are, shared with nobody: the application keeps its contents. */
void rsmi_backing_destroy(rsmi_backing_t *backing)
{
    bool is_private;

    is_private = rsmi_mem_pages_recall(&backing->pages, backing->addr, false);
    if (!is_private) {
        rsmi_warn("core", "no memory to make %zu exported bytes private again",
                  backing->pages.size);
        backing->is_held = true; /* by the application itself */
    }
    rsmi_backing_discard(backing);
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

void rsmi_backing_set_renewing(rsmi_backing_t *backing, bool is_renewing)
{
    backing->is_renewing = is_renewing;
}

bool rsmi_backing_is_renewing(const rsmi_pieces_t *pieces)
{
    size_t idx;

    for (idx = 0; idx < pieces->count; ++idx) {
        if ((pieces->pieces[idx].backing != NULL) &&
            pieces->pieces[idx].backing->is_renewing) {
            return true;
        }
    }
    return false;
}

void rsmi_backing_hold(const rsmi_pieces_t *pieces)
{
    size_t idx;

    for (idx = 0; idx < pieces->count; ++idx) {
        if (pieces->pieces[idx].backing != NULL) {
            pieces->pieces[idx].backing->is_held = true;
        }
    }
}

/* --- moving and renewing -------------------------------------------------- */

typedef struct {
    rsmi_backing_t *mover;
    rsmi_backing_t *spare; /* memory of the library's that no segment uses */
    const char *addr;
} move_t;

/* Whether all of the new range is private, or shows this very backing, or is
 * the whole of a spare one. */
static int move_area(const rsmi_mem_area_t *area, rsmi_backing_t *here,
                     void *arg)
{
    move_t *move = arg;

    if ((area->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
        return RSMERR_PERM_DENIED;
    }
    if (!area->is_shared || (here == move->mover)) {
        return RSM_SUCCESS;
    }
    if ((here == NULL) || !here->is_kept || (here->references > 0) ||
        (here->addr != move->addr) ||
        (here->pages.size != move->mover->pages.size)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    move->spare = here;
    return RSM_SUCCESS;
}

/* The pages go back to where they were. If even that fails, the application
 * keeps its memory, and the segment has pages that nobody else sees. */
static void backing_return(rsmi_backing_t *backing, char *old)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    if (rsmi_mem_pages_take(&backing->pages, old) != RSM_SUCCESS) {
        rsmi_error("core", "no resources to undo a failed rebind of %zu bytes",
                   backing->pages.size);
        rsmi_backing_unlist(backing);
    }
}

/* From its present range to one that has been looked at. */
static int backing_carry(rsmi_backing_t *backing, char *addr)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    char *old = backing->addr;
    int rc;

    if (!rsmi_mem_pages_recall(&backing->pages, old, false)) {
        backing_return(backing, old);
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_mem_pages_take(&backing->pages, addr);
    if (rc != RSM_SUCCESS) {
        backing_return(backing, old);
    }
    return rc;
}

int rsmi_backing_move(rsmi_backing_t *backing, void *addr)
{
    move_t move = {.mover = backing, .addr = addr};
    rsmi_fabric_mem_t *mem;
    int rc;

    /* It may have lost its row to memory that was put in its place. */
    rc = rsmi_backing_reserve_row();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_backing_survey(addr, backing->pages.size, move_area, &move);
    if (rc == RSM_SUCCESS) {
        rc = backing_register(addr, backing->pages.size, &mem);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = backing_carry(backing, addr);
    if (rc != RSM_SUCCESS) {
        rsmi_fabric_release(mem);
        return rc;
    }
    rsmi_fabric_release(backing->mem);
    backing->mem = mem;
    rsmi_backing_unlist(backing);
    rsmi_backing_forget(addr, backing->pages.size);
    if (move.spare != NULL) {
        rsmi_backing_discard(move.spare);
    }
    backing->is_kept = move.spare != NULL;
    backing->addr = addr;
    rsmi_backing_list(backing);
    return RSM_SUCCESS;
}

int rsmi_backing_renew(rsmi_backing_t *backing, bool is_alone)
{
    rsmi_mem_pages_t pages;
    int rc;

    rc = backing_make_pages(backing->pages.size, is_alone, &pages);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_mem_pages_copy(&pages, &backing->pages);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_mem_pages_exchange(&backing->pages, &pages, backing->addr);
        if (rc != RSM_SUCCESS) {
            (void)rsmi_mem_pages_exchange(&pages, &backing->pages,
                                          backing->addr);
        }
    }
    if (rc != RSM_SUCCESS) {
        rsmi_mem_pages_destroy(&pages, false);
        return rc;
    }
    rsmi_mem_pages_destroy(&backing->pages, backing->is_held);
    backing->pages = pages;
    backing->is_held = false;
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
    rsmi_backing_forget_all();
}
