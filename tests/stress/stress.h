/* SPDX-License-Identifier: BSD-3-Clause */
/* What the plain programs share. They need neither a test framework nor a
 * launcher: alone, a process imports from itself; under mpirun, two by two,
 * they import from each other. Argument: seconds to run. Exit status 0 or 1. */
#ifndef RSM_TESTS_STRESS_H
#define RSM_TESTS_STRESS_H

#include <rsmapi.h>
#include <rsmx.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define STRESS_PAGE     4096
#define STRESS_PATIENCE 30000 /* ms */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define STRESS_SANITIZED 1
#endif
#endif
#ifndef STRESS_SANITIZED
#define STRESS_SANITIZED 0
#endif

/* Any thread: tell what was wrong and end the process. */
#define STRESS_CHECK(condition, ...)                                        \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                   \
            fputc('\n', stderr);                                            \
            _Exit(1);                                                       \
        }                                                                   \
    } while (0)

#define STRESS_OK(call)                                          \
    do {                                                         \
        int stress_rc_ = (call);                                 \
        STRESS_CHECK(stress_rc_ == RSM_SUCCESS, "%s: %s", #call, \
                     rsmx_error_name(stress_rc_));               \
    } while (0)

static inline int64_t stress_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void stress_pause(void)
{
    const struct timespec moment = {.tv_sec = 0, .tv_nsec = 50000};

    nanosleep(&moment, NULL);
}

/* When the run is over, by the clock of stress_clock_ms(). */
static inline int64_t stress_deadline(int argc, char **argv)
{
    long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 3;

    STRESS_CHECK(seconds > 0, "usage: %s [SECONDS]", argv[0]);
    return stress_clock_ms() + seconds * 1000;
}

static inline rsmapi_controller_handle_t stress_controller(void)
{
    static char name[] = "ucx0";
    rsmapi_controller_handle_t controller = NULL;

    STRESS_OK(rsm_get_controller(name, &controller));
    return controller;
}

/* The node to import from: the other one of a pair, or this one alone. */
static inline rsm_node_id_t stress_partner(void)
{
    rsm_node_id_t self = 0;
    uint32_t count = 0;

    STRESS_OK(rsmx_get_node_id(&self));
    STRESS_OK(rsmx_get_node_count(&count));
    return count > 1 ? self ^ 1 : self;
}

static inline void *stress_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    STRESS_CHECK(memory != MAP_FAILED, "no memory");
    return memory;
}

/* Connect as soon as the segment is there. */
static inline rsm_memseg_import_handle_t stress_connect(
    rsmapi_controller_handle_t controller, rsm_node_id_t node,
    rsm_memseg_id_t id)
{
    int64_t deadline = stress_clock_ms() + STRESS_PATIENCE;
    rsm_memseg_import_handle_t import = NULL;
    int rc;

    for (;;) {
        rc = rsm_memseg_import_connect(controller, node, id, RSM_PERM_RDWR,
                                       &import);
        if (rc != RSMERR_SEG_NOT_PUBLISHED || stress_clock_ms() > deadline)
            break;
        stress_pause();
    }
    STRESS_CHECK(rc == RSM_SUCCESS, "connect: %s", rsmx_error_name(rc));
    return import;
}

/* Tell the partner that we are through with its segment. It may withdraw the
 * segment before we get to know that the word has arrived. */
static inline void stress_say_goodbye(rsm_memseg_import_handle_t import,
                                      off_t offset)
{
    int rc = rsmx_import_swap64(import, offset, 1, NULL);

    STRESS_CHECK(rc == RSM_SUCCESS || rc == RSMERR_CONN_ABORTED, "%s",
                 rsmx_error_name(rc));
}

/* Wait until another process, or an import of our own, has set the word. */
static inline void stress_await(const void *word, uint64_t value)
{
    int64_t deadline = stress_clock_ms() + STRESS_PATIENCE;

    while (__atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE) != value) {
        STRESS_CHECK(stress_clock_ms() < deadline, "the partner never came");
        stress_pause();
    }
}

#endif
