/* SPDX-License-Identifier: BSD-3-Clause */
/* Monotonic time in nanoseconds, and deadlines made of it. */
#ifndef RSMI_CLOCK_H
#define RSMI_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* An instant on the monotonic clock, nanoseconds. */
typedef int64_t rsmi_time_t;

/* The deadline of a wait that its caller documents as endless. */
#define RSMI_NEVER INT64_MAX

static inline rsmi_time_t rsmi_clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline rsmi_time_t rsmi_deadline_in_ms(int64_t ms)
{
    return rsmi_clock_now() + ms * 1000000;
}

static inline bool rsmi_deadline_passed(rsmi_time_t deadline)
{
    return (deadline != RSMI_NEVER) && (rsmi_clock_now() >= deadline);
}

/* Time left, rounded up to whole milliseconds, at most @p most_ms. */
static inline int rsmi_deadline_left_ms(rsmi_time_t deadline, int most_ms)
{
    int64_t left;

    if (deadline == RSMI_NEVER) {
        return most_ms;
    }

    left = deadline - rsmi_clock_now();
    if (left <= 0) {
        return 0;
    }

    left = (left + 999999) / 1000000;
    return (left < most_ms) ? (int)left : most_ms;
}

#endif
