/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that store to memory all the time, for tests of what happens to their
 * stores when the pages under them are exchanged. */
#ifndef RSM_TESTS_WRITERS_H
#define RSM_TESTS_WRITERS_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRITERS_MAX 4

static struct {
    size_t number;
    pthread_t threads[WRITERS_MAX];
    volatile uint64_t *words[WRITERS_MAX];
    uint64_t counts[WRITERS_MAX]; /* what was stored */
    atomic_bool is_over;
} writers;

/* Whether the kernel can hold writers up, see the page on threads. */
static inline bool writers_are_held_up(void)
{
    struct uffdio_api api = {.api = UFFD_API,
                             .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
                                         UFFD_FEATURE_WP_HUGETLBFS_SHMEM};
    bool is_known;
    int fd;

    fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    is_known = (fd >= 0) && (ioctl(fd, UFFDIO_API, &api) == 0);
    (void)close(fd);
    return is_known;
}

static inline void *writers_count(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg;

    while (!atomic_load_explicit(&writers.is_over, memory_order_relaxed)) {
        ++*writers.words[me];
        ++writers.counts[me];
    }
    return NULL;
}

/* Each counts in a word of its own, @p apart bytes from the next. */
static inline bool writers_start(size_t number, char *memory, size_t apart)
{
    size_t idx;

    writers.number = number;
    atomic_store(&writers.is_over, false);
    for (idx = 0; idx < writers.number; ++idx) {
        writers.words[idx] = (uint64_t *)(memory + idx * apart);
        *writers.words[idx] = 0;
        writers.counts[idx] = 0;
        if (pthread_create(&writers.threads[idx], NULL, writers_count,
                           (void *)(uintptr_t)idx) != 0) {
            return false;
        }
    }
    return true;
}

/* Increments that are not in memory; all of them when there was none. */
static inline uint64_t writers_stop(void)
{
    uint64_t lost = 0;
    size_t idx;

    atomic_store(&writers.is_over, true);
    for (idx = 0; idx < writers.number; ++idx) {
        (void)pthread_join(writers.threads[idx], NULL);
        lost += (writers.counts[idx] == 0)
                    ? UINT64_MAX
                    : writers.counts[idx] - *writers.words[idx];
    }
    return lost;
}

#endif
