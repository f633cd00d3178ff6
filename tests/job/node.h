/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs share that the job tests start. They are ordinary
 * programs on the public headers: a failed check prints one line and ends the
 * process with status 1, and an alarm ends a process that hangs. */
#ifndef RSM_TESTS_NODE_H
#define RSM_TESTS_NODE_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rsmapi.h>
#include <rsmx.h>

#define NODE_PAGE        4096u
#define NODE_PATIENCE_MS 10000
#define NODE_SEGMENT     0x400100 /* first identifier for the tests */
#define NODE_MEETING     0x4001ff /* see node_meet() */

typedef struct {
    rsm_node_id_t self;
    rsm_node_id_t first; /* number of rank 0 */
    uint32_t rank;
    uint32_t count;
    rsmapi_controller_handle_t controller;
} node_t;

typedef struct {
    rsm_memseg_export_handle_t handle;
    volatile uint64_t *words; /* the exported memory */
    size_t size;
} node_export_t;

/* Holds a barrier: do not copy. */
typedef struct {
    rsm_memseg_import_handle_t handle;
    rsmapi_barrier_t barrier;
} node_import_t;

static node_t node;

#define NODE_CHECK(condition)                                      \
    do {                                                           \
        if (!(condition)) {                                        \
            node_fail(__FILE__, __LINE__, #condition, "is false"); \
        }                                                          \
    } while (0)

#define NODE_CODE(call, expected)                                            \
    do {                                                                     \
        int node_rc_ = (call);                                               \
        if (node_rc_ != (expected)) {                                        \
            node_fail(__FILE__, __LINE__, #call, rsmx_error_name(node_rc_)); \
        }                                                                    \
    } while (0)

#define NODE_OK(call) NODE_CODE(call, RSM_SUCCESS)

/* Poll until the condition holds. */
#define NODE_WAIT(condition)                                                  \
    do {                                                                      \
        int64_t node_end_ = node_clock_ms() + NODE_PATIENCE_MS;               \
        while (!(condition)) {                                                \
            if (node_clock_ms() > node_end_) {                                \
                node_fail(__FILE__, __LINE__, #condition, "never came true"); \
            }                                                                 \
            node_pause(1);                                                    \
        }                                                                     \
    } while (0)

_Noreturn static inline void node_fail(const char *file, int line,
                                       const char *what, const char *how)
{
    fprintf(stderr, "node %u: %s:%d: %s: %s\n", node.self, file, line, what,
            how);
    fflush(NULL);
    _exit(EXIT_FAILURE);
}

static inline int64_t node_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void node_pause(long ms)
{
    struct timespec rest = {ms / 1000, (ms % 1000) * 1000000};

    while (nanosleep(&rest, &rest) != 0) {
        continue;
    }
}

/* A line that the test looks for, written at once. */
__attribute__((format(printf, 1, 2))) static inline void node_say(
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

static inline void node_open(void)
{
    const char *rank = getenv("PMIX_RANK");

    alarm(25);
    NODE_OK(rsmx_get_node_id(&node.self));
    NODE_OK(rsmx_get_node_count(&node.count));
    node.rank = (rank != NULL) ? (uint32_t)atoi(rank) : 0;
    node.first = node.self - node.rank;
    NODE_OK(rsm_get_controller("ucx0", &node.controller));
}

static inline void node_close(void)
{
    NODE_OK(rsm_release_controller(node.controller));
}

static inline void *node_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    NODE_CHECK(memory != MAP_FAILED);
    return memory;
}

/* Everybody of the same user may connect. */
static inline void node_export(node_export_t *segment, rsm_memseg_id_t id,
                               size_t size)
{
    segment->words = node_pages(size);
    segment->size = size;
    NODE_OK(rsm_memseg_export_create(node.controller, &segment->handle,
                                     (void *)segment->words, size,
                                     RSM_ALLOW_REBIND));
    NODE_OK(rsm_memseg_export_publish(segment->handle, &id, NULL, 0));
}

static inline void node_unexport(node_export_t *segment)
{
    NODE_OK(rsm_memseg_export_destroy(segment->handle));
    NODE_CHECK(munmap((void *)segment->words, segment->size) == 0);
}

/* Ask until the segment is published. */
static inline void node_connect(node_import_t *import, uint32_t rank,
                                rsm_memseg_id_t id)
{
    int rc;

    NODE_WAIT((rc = rsm_memseg_import_connect(
                   node.controller, node.first + rank, id, RSM_PERM_RDWR,
                   &import->handle)) != RSMERR_SEG_NOT_PUBLISHED);
    NODE_OK(rc);
    NODE_OK(rsm_memseg_import_init_barrier(import->handle, RSM_BARRIER_SEGMENT,
                                           &import->barrier));
}

/* Works on a connection that was lost, too. */
static inline void node_disconnect(node_import_t *import)
{
    NODE_OK(rsm_memseg_import_destroy_barrier(&import->barrier));
    NODE_OK(rsm_memseg_import_disconnect(import->handle));
}

static inline void node_put64(const node_import_t *import, size_t word,
                              uint64_t value)
{
    NODE_OK(rsm_memseg_import_put64(import->handle,
                                    (off_t)(word * sizeof(value)), &value, 1));
}

static inline uint64_t node_get64(const node_import_t *import, size_t word)
{
    uint64_t value;

    NODE_OK(rsm_memseg_import_get64(import->handle,
                                    (off_t)(word * sizeof(value)), &value, 1));
    return value;
}

static inline uint32_t node_importers(const node_export_t *segment)
{
    uint32_t count;

    NODE_OK(rsmx_export_get_importer_count(segment->handle, &count));
    return count;
}

/* Ranks 0 .. @p count - 1 meet: nobody returns before all have called. Rank 0
 * counts in its memory; it may be called once, because rank 0 leaves when the
 * others have gone. */
static inline void node_meet(uint32_t count)
{
    node_export_t meeting;
    node_import_t import;

    if (node.rank == 0) {
        node_export(&meeting, NODE_MEETING, NODE_PAGE);
        NODE_WAIT(meeting.words[0] == count - 1);
        meeting.words[1] = 1;
        NODE_WAIT(meeting.words[2] == count - 1);
        NODE_WAIT(node_importers(&meeting) == 0);
        node_unexport(&meeting);
        return;
    }

    node_connect(&import, 0, NODE_MEETING);
    NODE_OK(rsmx_import_fetch_add64(import.handle, 0, 1, NULL));
    NODE_WAIT(node_get64(&import, 1) == 1);
    NODE_OK(rsmx_import_fetch_add64(import.handle, 16, 1, NULL));
    node_disconnect(&import);
}

/* A pipe with a name, in which one rank waits for a word of another one without
 * any call of the library. */
static inline int node_fifo(const char *path)
{
    int fd;

    NODE_CHECK(mkfifo(path, 0600) == 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    NODE_CHECK(fd >= 0);
    return fd;
}

static inline void node_fifo_wait(int fd)
{
    char byte;

    NODE_CHECK(read(fd, &byte, 1) == 1);
}

static inline void node_fifo_tell(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    NODE_CHECK(fd >= 0);
    NODE_CHECK(write(fd, "!", 1) == 1);
    (void)close(fd);
}

/* Ranks 0 .. @p count - 1 each write into the memory of the next one and find
 * what the one before has written. */
static inline void node_ring(uint32_t count)
{
    uint32_t next = (node.rank + 1) % count;
    uint32_t before = (node.rank + count - 1) % count;
    node_export_t segment;
    node_import_t import;

    node_export(&segment, NODE_SEGMENT, NODE_PAGE);
    node_connect(&import, next, NODE_SEGMENT);
    node_put64(&import, 5, 1000 + node.rank);
    NODE_CHECK(node_get64(&import, 5) == 1000 + node.rank);
    NODE_OK(rsm_intr_signal_post(import.handle, 0));

    NODE_WAIT(segment.words[5] == 1000 + before);
    NODE_OK(rsm_intr_signal_wait(segment.handle, NODE_PATIENCE_MS));
    if (count > 1) {
        node_meet(count);
    }
    node_disconnect(&import);
    node_unexport(&segment);
}

#endif
