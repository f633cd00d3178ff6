/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_TRIALS 1001
#define CLOCK_SHARE  50 /* a batch takes so many readings of the clock */
#define SAMPLES_MIN  20 /* batches do not become so long that fewer are left */

double bench_clock_cost_ns(void)
{
    static double cost;
    double trials[CLOCK_TRIALS];
    bench_stats_t stats;
    int64_t last = bench_now_ns();
    double median = 50.0;
    size_t i;

    if (cost > 0.0) {
        return cost;
    }
    for (i = 0; i < CLOCK_TRIALS; ++i) {
        int64_t now = bench_now_ns();

        trials[i] = (double)(now - last);
        last = now;
    }
    bench_stats(trials, CLOCK_TRIALS, &median, 1, &stats);
    cost = (stats.percentiles[0] > 0.0) ? stats.percentiles[0] : 1.0;
    return cost;
}

void bench_timer_open(bench_timer_t *timer, const bench_options_t *options,
                      size_t size)
{
    bench_rounds_t rounds = bench_rounds(options, size);

    *timer = (bench_timer_t){
        .warmup = rounds.warmup, .timed = rounds.timed, .batch = rounds.timed};
    if (!bench_wants_samples(options)) {
        return;
    }
    timer->batch = 1;
    timer->samples = calloc(rounds.timed, sizeof(*timer->samples));
    if (timer->samples == NULL) {
        bench_die("there is no memory for %lu samples", rounds.timed);
    }
}

/* How many iterations make a sample, seen how long the warm-up took. */
static unsigned long choose_batch(const bench_timer_t *timer, int64_t warm_ns)
{
    double enough = CLOCK_SHARE * bench_clock_cost_ns();
    double one = (double)warm_ns / (double)timer->warmup;
    unsigned long most = timer->timed / SAMPLES_MIN;
    unsigned long batch = timer->timed;

    if (one * (double)timer->timed > enough) {
        batch = (unsigned long)(enough / one) + 1;
    }
    if (batch > most) {
        batch = most;
    }
    return (batch > 0) ? batch : 1;
}

static void start_batch(bench_timer_t *timer)
{
    unsigned long rest = timer->timed - timer->done;

    timer->running = (timer->batch < rest) ? timer->batch : rest;
    timer->left = timer->running - 1; /* one begins right now */
}

static void add_sample(bench_timer_t *timer, int64_t ns, unsigned long count)
{
    timer->done += count;
    timer->total += ns;
    if (timer->samples != NULL) {
        timer->samples[timer->sample_count++] =
            (double)ns / 1e3 / (double)count;
    }
}

bool bench_timer_turn(bench_timer_t *timer)
{
    int64_t now = bench_now_ns();

    if ((timer->state == BENCH_TIMER_NEW) && (timer->warmup > 0)) {
        timer->state = BENCH_TIMER_WARM;
        timer->left = timer->warmup - 1;
        timer->last = now;
        return true;
    }
    if (timer->state != BENCH_TIMER_ON) {
        if ((timer->samples != NULL) && (timer->warmup > 0)) {
            timer->batch = choose_batch(timer, now - timer->last);
        }
        timer->state = BENCH_TIMER_ON;
        start_batch(timer);
        timer->last = bench_now_ns();
        timer->began = timer->last;
        return true;
    }

    if (timer->done == timer->timed) {
        return false;
    }
    add_sample(timer, now - timer->last, timer->running);
    timer->last = now;
    if (timer->done == timer->timed) {
        return false;
    }
    start_batch(timer);
    return true;
}

void bench_timer_close(bench_timer_t *timer, const bench_options_t *options,
                       bench_row_t *row)
{
    /* The clock counts nanoseconds: what seems to take none takes less than
     * one. */
    double total = (timer->total > 0) ? (double)timer->total : 1.0;

    row->us = total / 1e3 / (double)timer->timed;
    row->iterations = timer->timed;
    row->batch = timer->batch;
    if (timer->samples != NULL) {
        bench_stats(timer->samples, timer->sample_count, options->percentiles,
                    options->percentile_count, &row->stats);
        free(timer->samples);
    }
}

void bench_timer_join(bench_timer_t *all, bench_timer_t *part)
{
    size_t count = all->sample_count + part->sample_count;
    double *samples = all->samples;

    if (samples == NULL) {
        return; /* nobody wants any */
    }
    samples = realloc(samples, count * sizeof(*samples));
    if (samples == NULL) {
        bench_die("there is no memory for %zu samples", count);
    }
    memcpy(samples + all->sample_count, part->samples,
           part->sample_count * sizeof(*samples));
    free(part->samples);
    all->samples = samples;
    all->sample_count = count;
    all->batch = (part->batch > all->batch) ? part->batch : all->batch;
}

/* ---- steps ---- */

void bench_steps_open(bench_timer_t *timers, size_t count,
                      const bench_options_t *options, size_t size)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        bench_timer_open(&timers[i], options, size);
        timers[i].left = timers[i].warmup;
        timers[i].batch = 1;
    }
}

bool bench_steps_next(const bench_timer_t *timers)
{
    return timers[0].done < timers[0].timed;
}

void bench_steps_lap(bench_timer_t *timers, size_t count, const int64_t *times)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        if (timers[i].left > 0) {
            --timers[i].left;
        } else {
            add_sample(&timers[i], times[i + 1] - times[i], 1);
        }
    }
}

void bench_steps_close(bench_timer_t *timers, size_t count,
                       const bench_options_t *options, bench_row_t *rows)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        bench_timer_close(&timers[i], options, &rows[i]);
    }
}

/* ---- rows ---- */

void bench_row_single(const bench_options_t *options, bench_row_t *row,
                      double us)
{
    *row = (bench_row_t){.us = us, .iterations = 1, .batch = 1};
    bench_stats(&us, 1, options->percentiles, options->percentile_count,
                &row->stats);
}

void bench_row_divide(const bench_options_t *options, bench_row_t *row,
                      double times)
{
    size_t i;

    row->us /= times;
    row->stats.min /= times;
    row->stats.max /= times;
    for (i = 0; i < options->percentile_count; ++i) {
        row->stats.percentiles[i] /= times;
    }
}
