/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "mem/mem_freeze.h"
#include "rsmapi.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Between freezing and thawing only system calls by syscall(2) are allowed. */

typedef struct {
    const rsmi_mem_pages_t *pages;
    char *range;
    const rsmi_mem_pages_t *fresh;
    bool is_forked;
} share_walk_t;

/* UCX and Open MPI replace mremap() by functions that drop what they have
 * cached about the range, before the system call; it changes nothing. (They
 * drop the fifth argument, too, so that where a mapping moves it is issued
 * directly.) Whoever looks at the range again before the pages are others has
 * to be told of that by the program, which must not transfer there now. */
static void share_announce(const rsmi_mem_area_t *area)
{
    (void)mremap(area->start, area->size, area->size, 0);
}

static int share_errno_to_rc(int error)
{
    switch (error) {
    case 0:
        return RSM_SUCCESS;
    case EFAULT:
        return RSMERR_BAD_ADDR;
    case EINVAL:
        return RSMERR_BAD_MEM_ALIGNMENT;
    default:
        return RSMERR_INSUFFICIENT_MEM;
    }
}

/* Map bytes of pages over the area. An errno or 0. */
static int share_map(const rsmi_mem_area_t *area, int prot,
                     const rsmi_mem_pages_t *pages, size_t offset)
{
    void *addr;

    addr = (void *)syscall(SYS_mmap, area->start, area->size, prot,
                           MAP_SHARED | MAP_FIXED, rsmi_mem_pages_fd(pages),
                           pages->base + (off_t)offset);
    return (addr == area->start) ? 0 : errno;
}

/* Plain mmap(), for the hooks. */
int rsmi_mem_pages_place(const rsmi_mem_pages_t *pages, void *range)
{
    void *addr;

    addr = mmap(range, pages->size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_FIXED, rsmi_mem_pages_fd(pages), pages->base);
    if (addr == range) {
        return RSM_SUCCESS;
    }
    rsmi_debug("mem", "mmap of %zu bytes at %p: %s", pages->size, range,
               strerror(errno));
    return share_errno_to_rc(errno);
}

/* --- private pages become shared ones -------------------------------------- */

/* An errno or 0. */
static int share_take(const rsmi_mem_area_t *area,
                      const rsmi_mem_pages_t *pages, size_t offset)
{
    int error;

    error = rsmi_mem_pages_write(pages, offset, area->start, area->size);
    return (error == 0) ? share_map(area, PROT_READ | PROT_WRITE, pages, offset)
                        : error;
}

static int share_take_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    rsmi_mem_frozen_t frozen;
    int error;

    if (rsmi_mem_pages_lie_at(walk->pages, area, walk->range)) {
        return RSM_SUCCESS;
    }
    rsmi_mem_freeze(&frozen, area->start, area->size);
    error = share_take(area, walk->pages, (size_t)(area->start - walk->range));
    rsmi_mem_thaw(&frozen);
    return share_errno_to_rc(error);
}

/* As a rule the kernel freezes all of it at once. Otherwise its mappings are
 * looked at one by one, and those that can be frozen are. */
int rsmi_mem_pages_take(const rsmi_mem_pages_t *pages, void *range)
{
    rsmi_mem_area_t whole = {.start = range, .size = pages->size};
    share_walk_t walk = {.pages = pages, .range = range};
    rsmi_mem_frozen_t frozen;
    int error = 0;
    bool is_held;
    int rc;

    share_announce(&whole);
    rsmi_mem_freeze(&frozen, range, pages->size);
    is_held = frozen.is_held;
    if (is_held) {
        error = share_take(&whole, pages, 0);
    }
    rsmi_mem_thaw(&frozen);

    rc = is_held ? share_errno_to_rc(error)
                 : rsmi_mem_survey(range, pages->size, share_take_area, &walk);
    if (rc != RSM_SUCCESS) {
        rsmi_debug("mem", "sharing %zu bytes at %p: error %d", pages->size,
                   range, rc);
        (void)rsmi_mem_pages_recall(pages, range, false);
    }
    return rc;
}

/* --- and back --------------------------------------------------------------- */

/* Without the hooks: memory that nobody has seen yet. */
static void *share_mmap_private(size_t size)
{
    return (void *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool share_read(const rsmi_mem_pages_t *pages, char *to, off_t offset,
                       size_t size)
{
    ssize_t got;

    while (size > 0) {
        got = syscall(SYS_pread64, rsmi_mem_pages_fd(pages), to, size, offset);
        if ((got < 0) && (errno == EINTR)) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        offset += got;
        size -= (size_t)got;
    }
    return true;
}

/* The private copy is made elsewhere and moved over the range in one step, so
 * that other threads never meet a hole or old contents. */
static bool share_recall_to(const rsmi_mem_area_t *area,
                            const rsmi_mem_pages_t *pages, char *copy)
{
    if (!share_read(pages, copy, area->offset, area->size)) {
        return false;
    }
    if (area->prot != (PROT_READ | PROT_WRITE)) {
        (void)syscall(SYS_mprotect, copy, area->size, area->prot);
    }
    return (char *)syscall(SYS_mremap, copy, area->size, area->size,
                           MREMAP_MAYMOVE | MREMAP_FIXED,
                           area->start) == area->start;
}

static int share_recall_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    rsmi_mem_frozen_t frozen;
    bool is_private;
    char *copy;

    if (!rsmi_mem_pages_lie_at(walk->pages, area, walk->range)) {
        return RSM_SUCCESS;
    }
    copy = share_mmap_private(area->size);
    if (copy == MAP_FAILED) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    /* In the child of a fork a lock of the hooks may be held for ever. */
    if (!walk->is_forked) {
        share_announce(area);
    }
    rsmi_mem_freeze(&frozen, area->start, area->size);
    is_private = share_recall_to(area, walk->pages, copy);
    rsmi_mem_thaw(&frozen);
    if (!is_private) {
        (void)munmap(copy, area->size);
        return RSMERR_INSUFFICIENT_MEM;
    }
    return RSM_SUCCESS;
}

/* A survey ends at the first hole; the application may have made some. Then
 * each page is looked at by itself. */
static int share_walk_parts(share_walk_t *walk, rsmi_mem_area_func_t func)
{
    size_t page = rsmi_mem_page_size();
    size_t done;
    int rc;

    rc = rsmi_mem_survey(walk->range, walk->pages->size, func, walk);
    if (rc != RSMERR_BAD_ADDR) {
        return rc;
    }
    for (done = 0; done < walk->pages->size; done += page) {
        rc = rsmi_mem_survey(walk->range + done, page, func, walk);
        if ((rc != RSM_SUCCESS) && (rc != RSMERR_BAD_ADDR)) {
            return rc;
        }
    }
    return RSM_SUCCESS;
}

bool rsmi_mem_pages_recall(const rsmi_mem_pages_t *pages, void *range,
                           bool is_forked)
{
    share_walk_t walk = {
        .pages = pages, .range = range, .is_forked = is_forked};

    return share_walk_parts(&walk, share_recall_area) == RSM_SUCCESS;
}

/* --- shared pages become other shared pages --------------------------------- */

static int share_exchange_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    size_t offset = (size_t)(area->offset - walk->pages->base);
    rsmi_mem_frozen_t frozen;
    int error = 0;

    if (!rsmi_mem_pages_lie_at(walk->pages, area, walk->range)) {
        return RSM_SUCCESS;
    }
    share_announce(area);
    rsmi_mem_freeze(&frozen, area->start, area->size);
    if ((area->prot & (PROT_READ | PROT_WRITE)) == (PROT_READ | PROT_WRITE)) {
        error =
            rsmi_mem_pages_write(walk->fresh, offset, area->start, area->size);
    }
    if (error == 0) {
        error = share_map(area, area->prot, walk->fresh, offset);
    }
    rsmi_mem_thaw(&frozen);
    return (error == 0) ? RSM_SUCCESS : RSMERR_INSUFFICIENT_MEM;
}

int rsmi_mem_pages_exchange(const rsmi_mem_pages_t *pages,
                            const rsmi_mem_pages_t *fresh, void *range)
{
    share_walk_t walk = {.pages = pages, .range = range, .fresh = fresh};

    return share_walk_parts(&walk, share_exchange_area);
}
