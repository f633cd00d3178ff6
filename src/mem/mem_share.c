/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "rsmapi.h"
#include "util/log.h"
#include "util/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static int share_errno_to_rc(int error)
{
    return ((error == EMFILE) || (error == ENFILE))
               ? RSMERR_INSUFFICIENT_RESOURCES
               : RSMERR_INSUFFICIENT_MEM;
}

int rsmi_mem_pages_adopt(int fd, void *view, size_t size,
                         rsmi_mem_pages_t *pages_p)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    pages_p->fd = fd;
    pages_p->view = view;
    pages_p->size = size;
    pages_p->dev = status.st_dev;
    pages_p->ino = status.st_ino;
    return RSM_SUCCESS;
}

/* A handler of the application would end it half way. */
static int share_reserve(int fd, size_t size)
{
    sigset_t old;
    int error;

    rsmi_signals_block(&old);
    error = posix_fallocate(fd, 0, (off_t)size);
    rsmi_signals_restore(&old);
    return error;
}

int rsmi_mem_pages_create(size_t size, rsmi_mem_pages_t *pages_p)
{
    void *view;
    int fd, rc;

    fd = memfd_create("rsm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        rc = share_errno_to_rc(errno);
        goto err;
    }

    /* Reserve every page now: a store to a page that cannot be had later
     * would be a SIGBUS. The mode keeps other users from opening the file
     * with more rights than the descriptor they were given. */
    rc = share_reserve(fd, size);
    if (rc == 0) {
        rc = (fchmod(fd, S_IRUSR | S_IWUSR) == 0) ? 0 : errno;
    }
    if (rc != 0) {
        rsmi_debug("mem", "reserving %zu bytes: %s", size, strerror(rc));
        rc = share_errno_to_rc(rc);
        goto err_close;
    }
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);

    view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (view == MAP_FAILED) {
        rc = share_errno_to_rc(errno);
        goto err_close;
    }

    rc = rsmi_mem_pages_adopt(fd, view, size, pages_p);
    if (rc != RSM_SUCCESS) {
        goto err_unmap;
    }
    return RSM_SUCCESS;

err_unmap:
    (void)munmap(view, size);
err_close:
    (void)close(fd);
err:
    return rc;
}

void rsmi_mem_pages_destroy(rsmi_mem_pages_t *pages)
{
    (void)munmap(pages->view, pages->size);
    (void)close(pages->fd);
}

typedef struct {
    const rsmi_mem_pages_t *pages;
    char *range;
    const rsmi_mem_pages_t *fresh;
    bool is_forked;
} share_walk_t;

/* Anonymous memory cannot fault. A file mapping can (past the end of the
 * file): there the kernel copies, which turns the fault into an error. */
static int share_fill_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    size_t done = (size_t)(area->start - walk->range);
    size_t end = done + area->size;
    ssize_t put;

    if (!area->is_file) {
        memcpy(walk->pages->view + done, area->start, area->size);
        return RSM_SUCCESS;
    }

    while (done < end) {
        put = pwrite(walk->pages->fd, walk->range + done, end - done,
                     (off_t)done);
        if ((put < 0) && (errno == EINTR)) {
            continue;
        }
        if (put <= 0) {
            return RSMERR_BAD_ADDR;
        }
        done += (size_t)put;
    }
    return RSM_SUCCESS;
}

int rsmi_mem_pages_fill(const rsmi_mem_pages_t *pages, const void *range)
{
    share_walk_t walk = {.pages = pages, .range = (char *)range};

    return rsmi_mem_survey(range, pages->size, share_fill_area, &walk);
}

/* Plain mmap(): UCX's memory hooks watch it and drop what they have cached
 * about the range. */
int rsmi_mem_pages_place(const rsmi_mem_pages_t *pages, void *range)
{
    void *addr;

    addr = mmap(range, pages->size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_FIXED, pages->fd, 0);
    if (addr == range) {
        return RSM_SUCCESS;
    }
    rsmi_debug("mem", "mmap of %zu bytes at %p: %s", pages->size, range,
               strerror(errno));
    return (errno == EINVAL) ? RSMERR_BAD_MEM_ALIGNMENT
                             : RSMERR_INSUFFICIENT_MEM;
}

/* The application may have put something else there meanwhile. */
static bool share_is_ours(const rsmi_mem_area_t *area, const share_walk_t *walk)
{
    return area->is_shared && (area->dev == walk->pages->dev) &&
           (area->ino == walk->pages->ino) &&
           (area->offset == (off_t)(area->start - walk->range));
}

/* The private copy is made elsewhere and moved over the range in one step, so
 * that other threads never meet a hole or old contents. */
static int share_recall_area(const rsmi_mem_area_t *area, void *arg)
{
    share_walk_t *walk = arg;
    const rsmi_mem_pages_t *pages = walk->pages;
    char *copy;

    if (!share_is_ours(area, walk)) {
        return RSM_SUCCESS;
    }

    copy = share_mmap_private(area->size);
    if (copy == MAP_FAILED) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    memcpy(copy, pages->view + area->offset, area->size);
    if (area->prot != (PROT_READ | PROT_WRITE)) {
        (void)mprotect(copy, area->size, area->prot);
    }

    /* The same pages once more, for UCX's memory hooks to see a change. Not in
     * the child of a fork, where a lock of theirs may be held for ever. */
    if (!walk->is_forked) {
        (void)mmap(area->start, area->size, area->prot, MAP_SHARED | MAP_FIXED,
                   pages->fd, area->offset);
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

    if (!share_is_ours(area, walk)) {
        return RSM_SUCCESS;
    }
    return (mmap(area->start, area->size, area->prot, MAP_SHARED | MAP_FIXED,
                 walk->fresh->fd, area->offset) == area->start)
               ? RSM_SUCCESS
               : RSMERR_INSUFFICIENT_MEM;
}

int rsmi_mem_pages_exchange(const rsmi_mem_pages_t *pages,
                            const rsmi_mem_pages_t *fresh, void *range)
{
    share_walk_t walk = {.pages = pages, .range = range, .fresh = fresh};

    return share_walk_parts(&walk, share_exchange_area);
}
