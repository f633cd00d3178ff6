/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock and what is made of it.
 *
 * A put on shared memory takes less than a look at the clock, so the clock is
 * not looked at in each iteration: the mean comes from one reading before the
 * timed iterations and one behind them. Single times (-f, -z) are those of
 * batches, as many iterations as it takes for the reading to be less than two
 * per cent of the batch; where one iteration takes that long, of single ones.
 *
 *     bench_timer_open(&timer, &options, size);
 *     while (bench_next(&timer)) {
 *         what is measured
 *     }
 *     bench_timer_close(&timer, &options, &row);
 *
 * Where the measured thing has steps, or needs preparations that are not to be
 * measured, each step has a timer that is told one duration after the other. */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H

#include <stdint.h>

#include "clock.h"
#include "options.h"
#include "stats.h"

/* One row of the output. */
typedef struct {
    double us;       /* of an iteration, the mean */
    double bytes;    /* moved by an iteration, for rates */
    double messages; /* sent by an iteration, for rates */
    unsigned long iterations;
    unsigned long batch; /* iterations of one sample */
    bench_stats_t stats; /* with -f or -z, of microseconds */
    bool is_correct;     /* with -c */
} bench_row_t;

typedef struct {
    unsigned long left; /* iterations until the clock is read */
    unsigned long warmup;
    unsigned long timed;
    unsigned long done; /* timed iterations so far */
    unsigned long batch;
    unsigned long running; /* iterations of the batch under way */
    enum { BENCH_TIMER_NEW, BENCH_TIMER_WARM, BENCH_TIMER_ON } state;
    int64_t began;
    int64_t last;
    int64_t total; /* ns of all timed iterations */
    double *samples;
    size_t sample_count;
} bench_timer_t;

/* What one reading of the clock takes, in nanoseconds. */
double bench_clock_cost_ns(void);

void bench_timer_open(bench_timer_t *timer, const bench_options_t *options,
                      size_t size);

/* Reads the clock where that is due; false when all is done. */
bool bench_timer_turn(bench_timer_t *timer);

static inline bool bench_next(bench_timer_t *timer)
{
    if (__builtin_expect(timer->left != 0, 1)) {
        --timer->left;
        return true;
    }
    return bench_timer_turn(timer);
}

/* A row of a thing that happens once. */
void bench_row_single(const bench_options_t *options, bench_row_t *row,
                      double us);

/* What was measured was so many times what the row is about. */
void bench_row_divide(const bench_options_t *options, bench_row_t *row,
                      double times);

void bench_timer_close(bench_timer_t *timer, const bench_options_t *options,
                       bench_row_t *row);

/* Several threads, one row: the samples of @p part, which is closed by that,
 * become samples of @p all. */
void bench_timer_join(bench_timer_t *all, bench_timer_t *part);

/* Several steps that follow each other, again and again: one row for each.
 *
 *     bench_steps_open(timers, STEPS, &options, size);
 *     while (bench_steps_next(timers)) {
 *         fill times[] with the clock before each step and after the last
 *         bench_steps_lap(timers, STEPS, times);
 *     }
 *     bench_steps_close(timers, STEPS, &options, rows);
 */
void bench_steps_open(bench_timer_t *timers, size_t count,
                      const bench_options_t *options, size_t size);
bool bench_steps_next(const bench_timer_t *timers);
void bench_steps_lap(bench_timer_t *timers, size_t count, const int64_t *times);
void bench_steps_close(bench_timer_t *timers, size_t count,
                       const bench_options_t *options, bench_row_t *rows);

#endif
