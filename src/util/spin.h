/* SPDX-License-Identifier: BSD-3-Clause */
/* What a wait does before it sleeps. Going to sleep and being woken cost some
 * microseconds, so it looks again for about as long; where there is but one
 * core it lets others run instead, who may be those it waits for. */
#ifndef RSMI_SPIN_H
#define RSMI_SPIN_H

#include "util/clock.h"

#include <sched.h>
#include <stdbool.h>

#define RSMI_SPIN_NS     4000
#define RSMI_SPIN_YIELDS 4

/* How long an answer about cores is believed. */
#define RSMI_SPIN_MEMORY_NS 100000000

typedef struct {
    rsmi_time_t until; /* 0: not begun */
    unsigned yields;
} rsmi_spin_t;

static inline void rsmi_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Whether anybody can run while this thread does. */
static inline bool rsmi_spin_has_cores(rsmi_time_t now)
{
    static _Thread_local rsmi_time_t asked;
    static _Thread_local bool has_cores;
    cpu_set_t cores;

    if ((asked == 0) || (now - asked > RSMI_SPIN_MEMORY_NS)) {
        asked = now;
        has_cores = (sched_getaffinity(0, sizeof(cores), &cores) != 0) ||
                    (CPU_COUNT(&cores) > 1);
    }
    return has_cores;
}

/* Passes a moment. False: enough of that, sleep. */
static inline bool rsmi_spin(rsmi_spin_t *spin)
{
    rsmi_time_t now = rsmi_clock_now();

    if (spin->until == 0) {
        spin->until = rsmi_spin_has_cores(now) ? now + RSMI_SPIN_NS : now;
    }
    if (now < spin->until) {
        rsmi_spin_pause();
        return true;
    }
    if (spin->yields < RSMI_SPIN_YIELDS) {
        ++spin->yields;
        (void)sched_yield();
        return true;
    }
    return false;
}

#endif
