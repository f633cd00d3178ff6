/* SPDX-License-Identifier: BSD-3-Clause */
/* The only place that maps memory. Three jobs: find out what lies at an
 * address (survey), make the application's pages shared pages and private
 * ones again (share), and show an importer the pages of another process
 * (view). Everything works on whole pages. */
#ifndef RSMI_MEM_H
#define RSMI_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

size_t rsmi_mem_page_size(void);
size_t rsmi_mem_round_up(size_t size);

/* --- survey -------------------------------------------------------------- */

/* One mapping, cut to the range that was asked for. */
typedef struct {
    char *start;
    size_t size;
    int prot;       /* PROT_* bits */
    bool is_shared; /* MAP_SHARED */
    bool is_file;   /* pages come from a file (shared memory included) */
    dev_t dev;
    ino_t ino;
    off_t offset; /* of start in the file */
} rsmi_mem_area_t;

/* Called for each mapping in ascending order; anything but RSM_SUCCESS ends
 * the survey with that result. */
typedef int (*rsmi_mem_area_func_t)(const rsmi_mem_area_t *area, void *arg);

/* RSMERR_BAD_ADDR when a part of the range is not mapped (areas before the
 * hole have been shown by then); RSMERR_INSUFFICIENT_RESOURCES when the
 * kernel's list cannot be read. */
int rsmi_mem_survey(const void *addr, size_t size, rsmi_mem_area_func_t func,
                    void *arg);

/* Copy what the caller says lies at @p from; false when it does not. */
bool rsmi_mem_read(void *to, const void *from, size_t size);

/* Bytes of memory that can still be had; SIZE_MAX when unknown. */
size_t rsmi_mem_available(void);

/* --- files of shared pages ------------------------------------------------ */

typedef struct rsmi_mem_file rsmi_mem_file_t;

/* Pages in a file that has no name. Small runs of pages share a file, or each
 * of many small segments would take a descriptor. */
typedef struct {
    rsmi_mem_file_t *file;
    off_t base; /* where they begin in the file */
    size_t size;
} rsmi_mem_pages_t;

/* Room for pages, without any so far: fill or reserve them before anybody looks
 * at them. @p is_posix: in /dev/shm, where the host counts shared memory;
 * otherwise, and where that cannot be, in a file of the kernel's own. The
 * caller's lock guards files. RSMERR_INSUFFICIENT_MEM,
 * RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_mem_pages_create(size_t size, bool is_posix, bool is_alone,
                          rsmi_mem_pages_t *pages_p);

/* @p are_held: somebody else may still store to them, so what comes next must
 * lie elsewhere. */
void rsmi_mem_pages_destroy(rsmi_mem_pages_t *pages, bool are_held);

int rsmi_mem_pages_fd(const rsmi_mem_pages_t *pages);

/* Others lie in the same file. */
bool rsmi_mem_pages_are_pooled(const rsmi_mem_pages_t *pages);

/* Zero pages that are certain to be there: a store to a page that cannot be had
 * later would be a SIGBUS. RSMERR_INSUFFICIENT_MEM. */
int rsmi_mem_pages_reserve(const rsmi_mem_pages_t *pages);

/* Copy @p size bytes to @p offset of the pages, which reserves them, too. An
 * errno or 0: EFAULT, they cannot be read (a file mapping past its end). Fit
 * for frozen memory. */
int rsmi_mem_pages_write(const rsmi_mem_pages_t *pages, size_t offset,
                         const char *from, size_t size);

/* The same from other pages of the same size, all of them.
 * RSMERR_INSUFFICIENT_MEM. */
int rsmi_mem_pages_copy(const rsmi_mem_pages_t *pages,
                        const rsmi_mem_pages_t *from);

/* Whether the area shows these pages; @p range is where they begin. */
bool rsmi_mem_pages_lie_at(const rsmi_mem_pages_t *pages,
                           const rsmi_mem_area_t *area, const char *range);

/* Bytes that shared memory has room for; SIZE_MAX when unknown. */
size_t rsmi_mem_shm_room(void);

/* UCX gives its shared memory a name for an instant; a process killed in that
 * instant leaves the file behind. Remove those of our user that no process has
 * open or mapped. */
void rsmi_mem_sweep(void);

/* --- shared pages in place of private ones, and back --------------------- */

/* What another thread stores to the range meanwhile is kept where the kernel can
 * hold it up: see mem_freeze.h. */

/* Copy what lies at @p range into the pages and map them in its place. On
 * failure the range has its contents, as private pages. RSMERR_BAD_ADDR when it
 * cannot be read, RSMERR_BAD_MEM_ALIGNMENT when the kernel cannot split what is
 * there (huge pages), RSMERR_INSUFFICIENT_MEM, RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_mem_pages_take(const rsmi_mem_pages_t *pages, void *range);

/* Map the pages over @p range, whatever was there. The same errors. */
int rsmi_mem_pages_place(const rsmi_mem_pages_t *pages, void *range);

/* Show @p fresh, which has been given a copy of @p pages, wherever @p range
 * still shows these. What the application may have stored since is copied once
 * more. */
int rsmi_mem_pages_exchange(const rsmi_mem_pages_t *pages,
                            const rsmi_mem_pages_t *fresh, void *range);

/* Give each part of @p range that still shows these pages private pages with
 * the same contents; parts that the application has replaced meanwhile are left
 * alone. @p is_forked: in the child of a fork, where nothing may be allocated.
 * False when memory ran out: those parts stay shared. */
bool rsmi_mem_pages_recall(const rsmi_mem_pages_t *pages, void *range,
                           bool is_forked);

/* --- views --------------------------------------------------------------- */

/* Address space, nothing accessible so far. NULL: none left. */
void *rsmi_mem_reserve(size_t size);

/* Make zeroed memory of reserved addresses. False: there is none. */
bool rsmi_mem_commit(void *addr, size_t size);

/* Show @p size bytes of a file at @p addr, which is ours already. Neither this
 * nor showing again is inherited by the child of a fork: it could not be told
 * of a withdrawal. */
int rsmi_mem_show(void *addr, size_t size, int fd, off_t offset, int prot);

/* The same at addresses that the kernel chooses. */
int rsmi_mem_show_anywhere(size_t size, int fd, off_t offset, int prot,
                           void **addr_p);

/* Show once more at @p addr the shared pages that lie at @p source. */
int rsmi_mem_show_again(void *addr, const void *source, size_t size, int prot);

/* Replace the range by private zero pages, in one step: when this returns no
 * thread of the process can reach what was there. */
void rsmi_mem_blank(void *addr, size_t size, int prot);

void rsmi_mem_unmap(void *addr, size_t size);

#endif
