/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of shared pages, and which pages of them are taken. */
#include "mem/mem.h"

#include "rsmapi.h"
#include "util/compiler.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

#define FILE_FOLDER "/dev/shm"

/* A pool is a file of so many pages for runs of at most FILE_RUN_MAX. */
#define FILE_PAGES   256
#define FILE_RUN_MAX 16
#define FILE_WORDS   (FILE_PAGES / 64)

/* Pools that are looked at before a new one is made: those that have room for
 * something, but not for this, should not be searched for ever. */
#define FILE_TRIES 4

struct rsmi_mem_file {
    int fd;
    dev_t dev;
    ino_t ino;
    bool is_pool;
    bool is_posix;
    uint32_t used;              /* pages taken, of a pool */
    uint32_t live;              /* of these, not just avoided */
    uint64_t taken[FILE_WORDS]; /* one bit each */
    rsmi_mem_file_t *prev, *next;
};

/* Those with room. */
static rsmi_mem_file_t *file_pools;

static int file_errno_to_rc(int error)
{
    return ((error == EMFILE) || (error == ENFILE))
               ? RSMERR_INSUFFICIENT_RESOURCES
               : RSMERR_INSUFFICIENT_MEM;
}

size_t rsmi_mem_shm_room(void)
{
    struct statvfs stat;

    /* A tmpfs without limit says zero blocks in all. */
    if ((statvfs(FILE_FOLDER, &stat) != 0) || (stat.f_blocks == 0)) {
        return SIZE_MAX;
    }
    return (size_t)stat.f_bavail * stat.f_frsize;
}

/* --- files ------------------------------------------------------------------ */

/* Nothing of it is ever seen in the folder, so nothing can be left there. */
static int file_open(bool is_posix)
{
    int fd = -1;

    if (is_posix) {
        fd = rsmi_fd_raise(open(FILE_FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC,
                                S_IRUSR | S_IWUSR));
        if ((fd >= 0) || (errno == EMFILE) || (errno == ENFILE) ||
            (errno == ENOSPC)) {
            return fd;
        }
    }
    return rsmi_fd_raise(memfd_create("rsm", MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

/* The mode keeps other users from opening the file with more rights than the
 * descriptor they were given, whatever the process's mask is. */
static int file_create(size_t size, bool is_posix, rsmi_mem_file_t **file_p)
{
    rsmi_mem_file_t *file;
    struct stat status;
    int rc;

    file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    file->fd = file_open(is_posix);
    if (file->fd < 0) {
        rc = file_errno_to_rc(errno);
        rsmi_debug("mem", "a file for %zu bytes: %s", size, strerror(errno));
        goto err_free;
    }
    if ((fchmod(file->fd, S_IRUSR | S_IWUSR) != 0) ||
        (ftruncate(file->fd, (off_t)size) != 0) ||
        (fstat(file->fd, &status) != 0)) {
        rc = file_errno_to_rc(errno);
        goto err_close;
    }
    (void)fcntl(file->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    file->dev = status.st_dev;
    file->ino = status.st_ino;
    file->is_posix = is_posix;
    *file_p = file;
    return RSM_SUCCESS;

err_close:
    (void)close(file->fd);
err_free:
    free(file);
    return rc;
}

static void file_destroy(rsmi_mem_file_t *file)
{
    (void)close(file->fd);
    free(file);
}

/* --- pools ------------------------------------------------------------------ */

static bool pool_is_taken(const rsmi_mem_file_t *file, uint32_t page)
{
    return (file->taken[page / 64] >> (page % 64) & 1) != 0;
}

static void pool_mark(rsmi_mem_file_t *file, uint32_t first, uint32_t count,
                      bool is_taken)
{
    uint32_t page;

    for (page = first; page < first + count; ++page) {
        if (is_taken) {
            file->taken[page / 64] |= (uint64_t)1 << (page % 64);
        } else {
            file->taken[page / 64] &= ~((uint64_t)1 << (page % 64));
        }
    }
}

/* The first run of free pages, or FILE_PAGES. */
static uint32_t pool_find(const rsmi_mem_file_t *file, uint32_t count)
{
    uint32_t page, run = 0;

    for (page = 0; page < FILE_PAGES; ++page) {
        if ((page % 64 == 0) && (file->taken[page / 64] == UINT64_MAX)) {
            run = 0;
            page += 63;
            continue;
        }
        run = pool_is_taken(file, page) ? 0 : run + 1;
        if (run == count) {
            return page + 1 - count;
        }
    }
    return FILE_PAGES;
}

static bool pool_take(rsmi_mem_file_t *file, size_t size,
                      rsmi_mem_pages_t *pages_p)
{
    uint32_t count = (uint32_t)(size / rsmi_mem_page_size());
    uint32_t first = pool_find(file, count);

    if (first == FILE_PAGES) {
        return false;
    }
    pool_mark(file, first, count, true);
    file->used += count;
    file->live += count;
    if (file->used == FILE_PAGES) {
        DL_DELETE(file_pools, file);
    }
    pages_p->file = file;
    pages_p->base = (off_t)(first * rsmi_mem_page_size());
    pages_p->size = size;
    return true;
}

static int pool_create(size_t size, bool is_posix, rsmi_mem_pages_t *pages_p)
{
    rsmi_mem_file_t *file;
    unsigned tries = 0;
    int rc;

    DL_FOREACH(file_pools, file)
    {
        if ((file->is_posix == is_posix) && pool_take(file, size, pages_p)) {
            return RSM_SUCCESS;
        }
        if (++tries == FILE_TRIES) {
            break;
        }
    }
    rc = file_create(FILE_PAGES * rsmi_mem_page_size(), is_posix, &file);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    file->is_pool = true;
    DL_PREPEND(file_pools, file);
    (void)pool_take(file, size, pages_p);
    return RSM_SUCCESS;
}

/* Pages that somebody may still store to are not used again. When no others
 * are left the file is given up; it lasts as long as those who hold it. */
static void pool_give(rsmi_mem_pages_t *pages, bool are_held)
{
    rsmi_mem_file_t *file = pages->file;
    uint32_t count = (uint32_t)(pages->size / rsmi_mem_page_size());
    bool was_full = file->used == FILE_PAGES;

    (void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    pages->base, (off_t)pages->size);
    if (!are_held) {
        pool_mark(file, (uint32_t)((size_t)pages->base / rsmi_mem_page_size()),
                  count, false);
        file->used -= count;
    }
    file->live -= count;
    if (file->live == 0) {
        if (!was_full) {
            DL_DELETE(file_pools, file);
        }
        file_destroy(file);
    } else if (was_full && !are_held) {
        DL_PREPEND(file_pools, file);
    }
}

/* --- pages ------------------------------------------------------------------ */

int rsmi_mem_pages_create(size_t size, bool is_posix, bool is_alone,
                          rsmi_mem_pages_t *pages_p)
{
    if (!is_alone && (size <= FILE_RUN_MAX * rsmi_mem_page_size())) {
        return pool_create(size, is_posix, pages_p);
    }
    pages_p->base = 0;
    pages_p->size = size;
    return file_create(size, is_posix, &pages_p->file);
}

void rsmi_mem_pages_destroy(rsmi_mem_pages_t *pages, bool are_held)
{
    if (pages->file->is_pool) {
        pool_give(pages, are_held);
    } else {
        file_destroy(pages->file);
    }
    pages->file = NULL;
}

int rsmi_mem_pages_fd(const rsmi_mem_pages_t *pages)
{
    return pages->file->fd;
}

bool rsmi_mem_pages_are_pooled(const rsmi_mem_pages_t *pages)
{
    return pages->file->is_pool;
}

bool rsmi_mem_pages_lie_at(const rsmi_mem_pages_t *pages,
                           const rsmi_mem_area_t *area, const char *range)
{
    return area->is_shared && (area->dev == pages->file->dev) &&
           (area->ino == pages->file->ino) &&
           (area->offset == pages->base + (off_t)(area->start - range));
}

/* A handler of the application would end it half way. */
int rsmi_mem_pages_reserve(const rsmi_mem_pages_t *pages)
{
    sigset_t old;
    int error;

    rsmi_signals_block(&old);
    error = posix_fallocate(pages->file->fd, pages->base, (off_t)pages->size);
    rsmi_signals_restore(&old);
    if (error != 0) {
        rsmi_debug("mem", "reserving %zu bytes: %s", pages->size,
                   strerror(error));
        return file_errno_to_rc(error);
    }
    return RSM_SUCCESS;
}

/* The kernel copies: a page that is written as a whole need not be cleared
 * first, none has to be mapped for it, and what cannot be read (a mapping past
 * the end of its file) or had is an error and no signal. */
int rsmi_mem_pages_write(const rsmi_mem_pages_t *pages, size_t offset,
                         const char *from, size_t size)
{
    ssize_t put;

    while (size > 0) {
        put = syscall(SYS_pwrite64, pages->file->fd, from, size,
                      pages->base + (off_t)offset);
        if ((put < 0) && (errno == EINTR)) {
            continue;
        }
        if (put <= 0) {
            return (put == 0) ? EFAULT : errno;
        }
        from += put;
        offset += (size_t)put;
        size -= (size_t)put;
    }
    return 0;
}

int rsmi_mem_pages_copy(const rsmi_mem_pages_t *pages,
                        const rsmi_mem_pages_t *from)
{
    void *view;
    int error;

    view = mmap(NULL, from->size, PROT_READ, MAP_SHARED, from->file->fd,
                from->base);
    if (view == MAP_FAILED) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    error = rsmi_mem_pages_write(pages, 0, view, from->size);
    (void)munmap(view, from->size);
    return (error == 0) ? RSM_SUCCESS : RSMERR_INSUFFICIENT_MEM;
}
