/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops under the clock. They are inline and take the transfer as a
 * constant, so that the compiler puts it into the loop: on shared memory a
 * call through a pointer would be a good part of what is measured. So is a
 * look at the clock, which is why single times are taken only with -f and -z:
 * the averages of such a run are longer by some ten nanoseconds. */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "bench.h"

typedef int (*bench_move_t)(bench_pair_t *pair, size_t offset, size_t size);

/* One transfer made complete at the other side: microseconds each. */
static inline void bench_loop_latency(bench_pair_t *pair, size_t size,
                                      bench_move_t move, bench_row_t *row)
{
    bench_rounds_t rounds = bench_rounds(&pair->options, size);
    unsigned long total = rounds.warmup + rounds.timed;
    int64_t start = bench_now_ns();
    int64_t last = start;
    unsigned long i;

    for (i = 0; i < total; ++i) {
        int rc;

        if (i == rounds.warmup) {
            start = bench_now_ns();
            last = start;
        }

        rc = bench_begin(pair);
        if (rc == RSM_SUCCESS) {
            rc = move(pair, 0, size);
        }
        if (rc == RSM_SUCCESS) {
            rc = bench_end(pair);
        }
        if (rc != RSM_SUCCESS) {
            bench_must(pair, rc, "transfer");
        }

        if ((pair->samples != NULL) && (i >= rounds.warmup)) {
            int64_t now = bench_now_ns();

            pair->samples[i - rounds.warmup] = (double)(now - last) / 1e3;
            last = now;
        }
    }
    row->value = (double)(bench_now_ns() - start) / 1e3 / (double)rounds.timed;
}

/* Windows of transfers, each window made complete at its end: 10^6 bytes a
 * second. */
static inline void bench_loop_bandwidth(bench_pair_t *pair, size_t size,
                                        bench_move_t move, bench_row_t *row)
{
    bench_rounds_t rounds = bench_rounds(&pair->options, size);
    unsigned long total = rounds.warmup + rounds.timed;
    size_t slots = bench_slots(pair, size);
    double bytes = (double)size * (double)pair->options.window;
    int64_t start = bench_now_ns();
    int64_t last = start;
    unsigned long i, j;

    for (i = 0; i < total; ++i) {
        size_t slot = 0;
        int rc;

        if (i == rounds.warmup) {
            start = bench_now_ns();
            last = start;
        }

        rc = bench_begin(pair);
        for (j = 0; (j < pair->options.window) && (rc == RSM_SUCCESS); ++j) {
            rc = move(pair, slot * size, size);
            slot = (slot + 1 == slots) ? 0 : slot + 1;
        }
        if (rc == RSM_SUCCESS) {
            rc = bench_end(pair);
        }
        if (rc != RSM_SUCCESS) {
            bench_must(pair, rc, "transfer");
        }

        if ((pair->samples != NULL) && (i >= rounds.warmup)) {
            int64_t now = bench_now_ns();

            pair->samples[i - rounds.warmup] =
                bytes * 1e3 / (double)(now - last);
            last = now;
        }
    }
    row->value =
        bytes * (double)rounds.timed * 1e3 / (double)(bench_now_ns() - start);
}

#endif
