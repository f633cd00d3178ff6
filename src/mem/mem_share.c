/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "rsmapi.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* UCX replaces mremap() by a function that drops the fifth argument, so the
 * system call is issued directly. */
static void *share_mremap(void *from, size_t old_size, size_t new_size,
                          int flags, void *to)
{
    return (void *)syscall(SYS_mremap, from, old_size, new_size, flags, to);
}

/* Without the hooks: memory that nobody has seen yet. */
static void *share_mmap_private(size_t size)
{
    return (void *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

typedef struct {
    const rsmi_mem_pages_t *pages;
    char *range;
    const rsmi_mem_pages_t *fresh;
    bool is_forked;
} share_walk_t;

/* Plain mmap(): UCX's memory hooks watch it and drop what they have cached
 * about the range. */
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
    return (errno == EINVAL) ? RSMERR_BAD_MEM_ALIGNMENT
                             : RSMERR_INSUFFICIENT_MEM;
}

static bool share_read(const rsmi_mem_pages_t *pages, char *to, off_t offset,
                       size_t size)
{
    ssize_t got;

    while (size > 0) {
        got = pread(rsmi_mem_pages_fd(pages), to, size, offset);
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
static int share_recall_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    const rsmi_mem_pages_t *pages = walk->pages;
    char *copy;

    if (!rsmi_mem_pages_lie_at(pages, area, walk->range)) {
        return RSM_SUCCESS;
    }

    copy = share_mmap_private(area->size);
    if (copy == MAP_FAILED) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (!share_read(pages, copy, area->offset, area->size)) {
        (void)munmap(copy, area->size);
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (area->prot != (PROT_READ | PROT_WRITE)) {
        (void)mprotect(copy, area->size, area->prot);
    }

    /* The same pages once more, for UCX's memory hooks to see a change. Not in
     * the child of a fork, where a lock of theirs may be held for ever. */
    if (!walk->is_forked) {
        (void)mmap(area->start, area->size, area->prot, MAP_SHARED | MAP_FIXED,
                   rsmi_mem_pages_fd(pages), area->offset);
    }
    if (share_mremap(copy, area->size, area->size,
                     MREMAP_MAYMOVE | MREMAP_FIXED,
                     area->start) != area->start) {
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

static int share_exchange_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    off_t offset = area->offset - walk->pages->base + walk->fresh->base;

    if (!rsmi_mem_pages_lie_at(walk->pages, area, walk->range)) {
        return RSM_SUCCESS;
    }
    return (mmap(area->start, area->size, area->prot, MAP_SHARED | MAP_FIXED,
                 rsmi_mem_pages_fd(walk->fresh), offset) == area->start)
               ? RSM_SUCCESS
               : RSMERR_INSUFFICIENT_MEM;
}

int rsmi_mem_pages_exchange(const rsmi_mem_pages_t *pages,
                            const rsmi_mem_pages_t *fresh, void *range)
{
    share_walk_t walk = {.pages = pages, .range = range, .fresh = fresh};

    return share_walk_parts(&walk, share_exchange_area);
}
