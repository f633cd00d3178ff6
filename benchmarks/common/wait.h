/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for another process or thread with open eyes: a short while on the
 * processor, then letting others have it between looks. From time to time the
 * waiting side is told to see whether there is still somebody to wait for. */
#ifndef BENCH_WAIT_H
#define BENCH_WAIT_H

#include <sched.h>

#include "timer.h"

#define BENCH_WAIT_SPINS   4000 /* some microseconds */
#define BENCH_WAIT_LOOK_MS 200  /* between looks for the other side */

typedef struct {
    unsigned long round;
    int64_t look_at;
} bench_wait_t;

/* @p is_crowded: the other side may need this processor. */
static inline bench_wait_t bench_wait_begin(bool is_crowded)
{
    return (bench_wait_t){.round = is_crowded ? BENCH_WAIT_SPINS : 0};
}

/* Between two looks at what is waited for. True when it is time to look for
 * the other side as well. */
static inline bool bench_wait(bench_wait_t *wait)
{
    if (++wait->round < BENCH_WAIT_SPINS) {
        return false;
    }
    sched_yield();
    if (wait->round % 64 == 0) {
        int64_t now = bench_now_ns();
        bool is_due = (wait->look_at != 0) && (now > wait->look_at);

        if (is_due || (wait->look_at == 0)) {
            wait->look_at = now + (int64_t)BENCH_WAIT_LOOK_MS * 1000000;
        }
        return is_due;
    }
    return false;
}

#endif
