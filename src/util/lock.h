/* SPDX-License-Identifier: BSD-3-Clause */
/* Mutexes with clang's thread-safety annotations. Lock order is written down
 * once, at the top of core/runtime.h. */
#ifndef RSMI_LOCK_H
#define RSMI_LOCK_H

#include "util/clock.h"

#include <pthread.h>
#include <stdbool.h>

#if defined(__clang__)
#define RSMI_TSA(x) __attribute__((x))
#else
#define RSMI_TSA(x)
#endif

#define RSMI_CAPABILITY(name) RSMI_TSA(capability(name))
#define RSMI_GUARDED_BY(lock) RSMI_TSA(guarded_by(lock))
/* For members of structures: in C the analysis does not know them, so this is
 * for the reader. */
#define RSMI_GUARDED_FIELD(lock)
#define RSMI_REQUIRES(lock) RSMI_TSA(requires_capability(lock))
#define RSMI_ACQUIRE(lock)  RSMI_TSA(acquire_capability(lock))
#define RSMI_RELEASE(lock)  RSMI_TSA(release_capability(lock))
#define RSMI_NO_ANALYSIS    RSMI_TSA(no_thread_safety_analysis)

typedef struct RSMI_CAPABILITY("mutex") {
    pthread_mutex_t mutex;
} rsmi_lock_t;

#define RSMI_LOCK_INIT            \
    {                             \
        PTHREAD_MUTEX_INITIALIZER \
    }

static inline void rsmi_lock_init(rsmi_lock_t *lock)
{
    (void)pthread_mutex_init(&lock->mutex, NULL);
}

/* Timed waits on it go by the monotonic clock. */
static inline void rsmi_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

/* False when the instant has come first. Wakes without cause are possible. */
static inline bool rsmi_cond_wait_until(pthread_cond_t *cond, rsmi_lock_t *lock,
                                        rsmi_time_t until) RSMI_REQUIRES(lock)
{
    const struct timespec when = {.tv_sec = until / 1000000000,
                                  .tv_nsec = until % 1000000000};

    return pthread_cond_timedwait(cond, &lock->mutex, &when) == 0;
}

static inline void rsmi_lock_destroy(rsmi_lock_t *lock)
{
    (void)pthread_mutex_destroy(&lock->mutex);
}

static inline void rsmi_lock(rsmi_lock_t *lock)
    RSMI_ACQUIRE(lock) RSMI_NO_ANALYSIS
{
    (void)pthread_mutex_lock(&lock->mutex);
}

/* Analysis does not follow a lock that may not have been taken. */
static inline bool rsmi_trylock(rsmi_lock_t *lock) RSMI_NO_ANALYSIS
{
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

static inline void rsmi_unlock(rsmi_lock_t *lock)
    RSMI_RELEASE(lock) RSMI_NO_ANALYSIS
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

#endif
