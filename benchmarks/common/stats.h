/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "options.h"

typedef struct {
    double min;
    double max;
    double percentiles[BENCH_PERCENTILES_MAX];
} bench_stats_t;

/* Sorts @p samples. A percentile P is what P of a hundred samples do not
 * miss: they are at most that long, or at least that fast. */
void bench_stats(double *samples, size_t count, bool is_more_better,
                 const double *percentiles, size_t percentile_count,
                 bench_stats_t *stats);

static inline int64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
