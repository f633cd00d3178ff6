/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats.h"

#include <stdlib.h>

static int compare_samples(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* The nearest rank, so that every figure is one that was measured. */
static size_t nearest_rank(double percentile, size_t count)
{
    double exact = percentile / 100.0 * (double)count;
    size_t rank = (size_t)exact;

    if ((double)rank < exact) {
        ++rank;
    }
    return (rank == 0) ? 0 : rank - 1;
}

void bench_stats(double *samples, size_t count, const double *percentiles,
                 size_t percentile_count, bench_stats_t *stats)
{
    size_t i;

    qsort(samples, count, sizeof(*samples), compare_samples);
    stats->min = samples[0];
    stats->max = samples[count - 1];
    for (i = 0; i < percentile_count; ++i) {
        stats->percentiles[i] = samples[nearest_rank(percentiles[i], count)];
    }
}
