/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

#include "options.h"

typedef struct {
    double min;
    double max;
    double percentiles[BENCH_PERCENTILES_MAX];
} bench_stats_t;

/* Sorts @p samples. A percentile P is the least sample that P of a hundred do
 * not exceed. */
void bench_stats(double *samples, size_t count, const double *percentiles,
                 size_t percentile_count, bench_stats_t *stats);

#endif
