/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "rsmapi.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel's list is read line by line through a buffer on the stack: the
 * survey is used after fork, where allocating is not allowed. */
typedef struct {
    int fd;
    size_t have;
    size_t used;
    char text[4096];
} survey_reader_t;

typedef struct {
    uintptr_t start;
    uintptr_t end;
    rsmi_mem_area_t area;
} survey_line_t;

size_t rsmi_mem_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t rsmi_mem_round_up(size_t size)
{
    size_t page = rsmi_mem_page_size();

    return (size + page - 1) & ~(page - 1);
}

size_t rsmi_mem_available(void)
{
    unsigned long long kib = 0;
    char line[128];
    FILE *file;

    file = fopen("/proc/meminfo", "re");
    if (file == NULL) {
        return SIZE_MAX;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) {
            break;
        }
    }
    (void)fclose(file);
    return (kib > 0) ? (size_t)kib << 10 : SIZE_MAX;
}

/* The kernel copies, so that a bad address is an answer and no signal; where a
 * sandbox forbids the call, the address has to be taken on trust. */
bool rsmi_mem_read(void *to, const void *from, size_t size)
{
    struct iovec local = {to, size};
    struct iovec remote = {(void *)from, size};
    ssize_t got;

    got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if ((got < 0) && (errno != EFAULT)) {
        memcpy(to, from, size);
        return true;
    }
    return got == (ssize_t)size;
}

static bool survey_refill(survey_reader_t *reader)
{
    ssize_t got;

    do {
        got = read(reader->fd, reader->text, sizeof(reader->text));
    } while ((got < 0) && (errno == EINTR));

    reader->used = 0;
    reader->have = (got > 0) ? (size_t)got : 0;
    return got > 0;
}

/* One line without its end, cut short when it is longer than @p size (only a
 * path can be that long, and paths are not looked at). */
static bool survey_next_line(survey_reader_t *reader, char *line, size_t size)
{
    size_t len = 0;
    char c;

    for (;;) {
        if ((reader->used == reader->have) && !survey_refill(reader)) {
            return false;
        }
        c = reader->text[reader->used++];
        if (c == '\n') {
            line[len] = '\0';
            return true;
        }
        if (len + 1 < size) {
            line[len++] = c;
        }
    }
}

static const char *survey_number(const char *text, int base, uint64_t *value_p)
{
    uint64_t value = 0;
    int digit;

    for (;; ++text) {
        if ((*text >= '0') && (*text <= '9')) {
            digit = *text - '0';
        } else if ((base == 16) && (*text >= 'a') && (*text <= 'f')) {
            digit = *text - 'a' + 10;
        } else {
            break;
        }
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    *value_p = value;
    return text;
}

/* "start-end rwxp offset major:minor inode path" */
static void survey_parse(const char *text, survey_line_t *line_p)
{
    uint64_t start, end, offset, major_no, minor_no, ino;
    const char *flags;

    text = survey_number(text, 16, &start);
    text = survey_number(text + 1, 16, &end);
    flags = text + 1;
    text = survey_number(flags + 5, 16, &offset);
    text = survey_number(text + 1, 16, &major_no);
    text = survey_number(text + 1, 16, &minor_no);
    (void)survey_number(text + 1, 10, &ino);

    line_p->start = start;
    line_p->end = end;
    line_p->area.prot = ((flags[0] == 'r') ? PROT_READ : 0) |
                        ((flags[1] == 'w') ? PROT_WRITE : 0) |
                        ((flags[2] == 'x') ? PROT_EXEC : 0);
    line_p->area.is_shared = (flags[3] == 's');
    line_p->area.is_file = (ino != 0);
    line_p->area.dev = makedev((unsigned)major_no, (unsigned)minor_no);
    line_p->area.ino = (ino_t)ino;
    line_p->area.offset = (off_t)offset;
}

static void survey_cut(survey_line_t *line, uintptr_t from, uintptr_t to)
{
    uintptr_t start = (line->start > from) ? line->start : from;
    uintptr_t end = (line->end < to) ? line->end : to;

    line->area.start = (char *)start;
    line->area.size = end - start;
    line->area.offset += (off_t)(start - line->start);
}

/* Since Linux 6.11 the kernel answers about one address; reading the list takes
 * a hundred times as long. The headers that we are built with may be older. */
typedef struct {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start;
    uint64_t vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t vma_name_size;
    uint32_t build_id_size;
    uint64_t vma_name_addr;
    uint64_t build_id_addr;
} survey_query_t;

#define SURVEY_QUERY      _IOWR('f', 17, survey_query_t)
#define SURVEY_READABLE   0x01
#define SURVEY_WRITABLE   0x02
#define SURVEY_EXECUTABLE 0x04
#define SURVEY_SHARED     0x08

/* RSM_SUCCESS, RSMERR_BAD_ADDR for a hole, or
 * RSMERR_INSUFFICIENT_RESOURCES when the kernel does not know the question. */
static int survey_ask(int fd, uintptr_t addr, survey_line_t *line_p)
{
    survey_query_t query = {.size = sizeof(query), .query_addr = addr};

    if (ioctl(fd, SURVEY_QUERY, &query) != 0) {
        return (errno == ENOENT) ? RSMERR_BAD_ADDR
                                 : RSMERR_INSUFFICIENT_RESOURCES;
    }
    line_p->start = query.vma_start;
    line_p->end = query.vma_end;
    line_p->area.prot =
        (((query.vma_flags & SURVEY_READABLE) != 0) ? PROT_READ : 0) |
        (((query.vma_flags & SURVEY_WRITABLE) != 0) ? PROT_WRITE : 0) |
        (((query.vma_flags & SURVEY_EXECUTABLE) != 0) ? PROT_EXEC : 0);
    line_p->area.is_shared = (query.vma_flags & SURVEY_SHARED) != 0;
    line_p->area.is_file = query.inode != 0;
    line_p->area.dev = makedev(query.dev_major, query.dev_minor);
    line_p->area.ino = query.inode;
    line_p->area.offset = (off_t)query.vma_offset;
    return RSM_SUCCESS;
}

/* The next mapping that ends behind @p from, in the kernel's list. */
static int survey_search(survey_reader_t *reader, uintptr_t from,
                         survey_line_t *line_p)
{
    char text[128];

    do {
        if (!survey_next_line(reader, text, sizeof(text))) {
            return RSMERR_BAD_ADDR;
        }
        survey_parse(text, line_p);
    } while (line_p->end <= from);
    return (line_p->start <= from) ? RSM_SUCCESS : RSMERR_BAD_ADDR;
}

/* Maps change while they are read, and the callback may change them itself;
 * what counts is that [from, to) has been covered without a hole. */
static int survey_walk(survey_reader_t *reader, uintptr_t from, uintptr_t to,
                       rsmi_mem_area_func_t func, void *arg)
{
    bool can_ask = true;
    survey_line_t line;
    int rc;

    while (from < to) {
        rc = RSMERR_INSUFFICIENT_RESOURCES;
        if (can_ask) {
            rc = survey_ask(reader->fd, from, &line);
            can_ask = rc != RSMERR_INSUFFICIENT_RESOURCES;
        }
        if (!can_ask) {
            rc = survey_search(reader, from, &line);
        }
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        survey_cut(&line, from, to);
        rc = func(&line.area, arg);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        from += line.area.size;
    }
    return RSM_SUCCESS;
}

int rsmi_mem_survey(const void *addr, size_t size, rsmi_mem_area_func_t func,
                    void *arg)
{
    uintptr_t from = (uintptr_t)addr;
    survey_reader_t reader;
    int rc;

    if (from + size < from) {
        return RSMERR_BAD_ADDR;
    }

    reader.have = 0;
    reader.used = 0;
    reader.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (reader.fd < 0) {
        rsmi_warn("mem", "open /proc/self/maps: %s", strerror(errno));
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    rc = survey_walk(&reader, from, from + size, func, arg);
    (void)close(reader.fd);
    return rc;
}
