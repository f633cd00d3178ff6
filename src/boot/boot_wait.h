/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/boot: waiting for a condition until a monotonic instant. */
#ifndef RSMI_BOOT_WAIT_H
#define RSMI_BOOT_WAIT_H

#include "util/clock.h"
#include "util/lock.h"

static inline void rsmi_boot_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

/* False when @p until has come. */
static inline bool rsmi_boot_cond_wait(pthread_cond_t *cond, rsmi_lock_t *lock,
                                       rsmi_time_t until) RSMI_REQUIRES(lock)
{
    const struct timespec when = {.tv_sec = until / 1000000000,
                                  .tv_nsec = until % 1000000000};

    return pthread_cond_timedwait(cond, &lock->mutex, &when) == 0;
}

#endif
