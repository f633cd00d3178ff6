/* SPDX-License-Identifier: BSD-3-Clause */
/* What is measured once for a peer, whatever its ways: its own signals,
 * threads, and what it does as a whole. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common_peer.h"
#include "common_run.h"

#define LANE_STRIDE  4096 /* the lanes do not write the same page */
#define LANE_SLOTS   64
#define LANE_STEPS   16 /* between two looks at the clock */
#define RATE_BATCHES 10 /* a rate is measured longer than a batch */

/* ---- signals ---- */

/* Posts and waits by turns: one way, in microseconds. */
static void measure_wait(cmp_t *cmp, bool is_one_core)
{
    cmp_row_t row = {.what = is_one_core ? "wait_one_core" : "wait",
                     .unit = "us"};
    unsigned int steps = is_one_core ? CMP_ONE_CORE_STEPS : CMP_JOINT_STEPS;
    double values[CMP_BATCHES_MAX];
    unsigned int i, j;

    for (i = 0; i < cmp->options.batches; ++i) {
        int64_t start = bench_now_ns();

        for (j = 0; j < steps; ++j) {
            if (cmp->rank == 0) {
                cmp->peer->post(cmp);
                cmp->peer->wait(cmp);
            } else {
                cmp->peer->wait(cmp);
                cmp->peer->post(cmp);
            }
        }
        values[i] = (double)(bench_now_ns() - start) / 2e3 / (double)steps;
    }
    if (cmp->rank == 0) {
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
    cmp->peer->meet(cmp);
}

/* The waiting side has been asleep for some time when the signal is posted.
 * Both sides read the same clock; the second one computes and reports. */
static void measure_wake(cmp_t *cmp, const cmp_way_t *way)
{
    cmp_row_t row = {.what = "wake", .unit = "us"};
    int64_t *sent = (int64_t *)(cmp->local + CMP_STAMPS);
    const int64_t *stamps = (const int64_t *)(cmp->shown + CMP_STAMPS);
    double values[CMP_BATCHES_MAX];
    int64_t woken[CMP_WAKES];
    unsigned int i, j;

    for (i = 0; i < cmp->options.batches; ++i) {
        for (j = 0; j < CMP_WAKES; ++j) {
            int64_t start = bench_now_ns();

            if (cmp->rank != 0) {
                cmp->peer->wait(cmp);
                woken[j] = bench_now_ns();
                continue;
            }
            while (bench_now_ns() - start < CMP_PAUSE_NS) {
            }
            sent[j] = bench_now_ns();
            cmp->peer->post(cmp);
        }
        if (cmp->rank == 0) {
            cmp_begin(cmp, way);
            way->put(cmp, CMP_STAMPS, sizeof(woken));
            cmp_end(cmp, way);
        }
        cmp->peer->meet(cmp);
        values[i] = 0.0;
        for (j = 0; (cmp->rank != 0) && (j < CMP_WAKES); ++j) {
            values[i] += (double)(woken[j] - stamps[j]) / 1e3 / CMP_WAKES;
        }
        cmp->peer->meet(cmp);
    }
    if (cmp->rank != 0) {
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
    cmp->peer->meet(cmp);
}

/* ---- threads ---- */

typedef struct {
    cmp_t *cmp;
    pthread_t thread;
    pthread_barrier_t *start;
    void *lane;
    unsigned int idx;
    double rate; /* puts in a microsecond */
} runner_t;

static void *run_lane(void *arg)
{
    runner_t *runner = arg;
    const cmp_peer_t *peer = runner->cmp->peer;
    size_t base = CMP_DATA + (size_t)runner->idx * LANE_STRIDE;
    int64_t duration = runner->cmp->options.batch_ns * RATE_BATCHES;
    unsigned long count = 0;
    int64_t start, took;
    unsigned int i, j;

    bench_pin(runner->cmp->options.cores[runner->idx]);
    (void)pthread_barrier_wait(runner->start);
    start = bench_now_ns();
    do {
        for (i = 0; i < LANE_STEPS; ++i) {
            for (j = 0; j < LANE_SLOTS; ++j) {
                peer->lane_put(runner->lane, base + j * sizeof(uint64_t));
            }
            peer->lane_end(runner->lane);
        }
        count += LANE_STEPS * LANE_SLOTS;
        took = bench_now_ns() - start;
    } while (took < duration);
    runner->rate = (double)count * 1e3 / (double)took;
    return NULL;
}

static double rate_of(cmp_t *cmp, runner_t *runners, unsigned int threads)
{
    pthread_barrier_t start;
    double sum = 0.0;
    unsigned int i;

    if (pthread_barrier_init(&start, NULL, threads) != 0) {
        cmp_fail(cmp, "no barrier for threads");
    }
    for (i = 0; i < threads; ++i) {
        runners[i].start = &start;
        if (pthread_create(&runners[i].thread, NULL, run_lane, &runners[i]) !=
            0) {
            cmp_fail(cmp, "no thread");
        }
    }
    for (i = 0; i < threads; ++i) {
        (void)pthread_join(runners[i].thread, NULL);
        sum += runners[i].rate;
    }
    (void)pthread_barrier_destroy(&start);
    return sum;
}

static void measure_rate(cmp_t *cmp)
{
    static const char *const names[] = {"rate1", "rate2"};
    runner_t runners[CMP_LANES_MAX];
    double values[CMP_BATCHES_MAX];
    unsigned int i, threads;

    cmp->is_asleep = true;
    for (i = 0; (cmp->rank == 0) && (i < CMP_LANES_MAX); ++i) {
        runners[i] = (runner_t){
            .cmp = cmp, .lane = cmp->peer->lane_open(cmp, i), .idx = i};
    }
    for (threads = 1; (cmp->rank == 0) && (threads <= CMP_LANES_MAX);
         ++threads) {
        cmp_row_t row = {
            .what = names[threads - 1], .unit = "million/s", .size = 8};

        (void)rate_of(cmp, runners, threads);
        for (i = 0; i < cmp->options.batches; ++i) {
            values[i] = rate_of(cmp, runners, threads);
        }
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
    for (i = 0; (cmp->rank == 0) && (i < CMP_LANES_MAX); ++i) {
        cmp->peer->lane_close(runners[i].lane);
    }
    cmp->peer->meet(cmp);
    cmp->is_asleep = false;
}

/* ---- things done as a whole ---- */

static void measure_special(cmp_t *cmp, const cmp_special_t *special)
{
    cmp_row_t row = {.what = special->what, .unit = "us"};
    double values[CMP_BATCHES_MAX];
    unsigned int i, j;

    for (i = 0; i < cmp->options.batches; ++i) {
        values[i] = 0.0;
        for (j = 0; j < special->times; ++j) {
            if (cmp->rank == 0) {
                values[i] += (double)special->once(cmp) / 1e3 / special->times;
            } else if (special->attend != NULL) {
                special->attend(cmp);
            }
        }
    }
    if (cmp->rank == 0) {
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
    cmp->peer->meet(cmp);
}

void cmp_run_peer(cmp_t *cmp, const cmp_way_t *way)
{
    const cmp_peer_t *peer = cmp->peer;
    const cmp_special_t *special;

    if ((peer->post != NULL) && cmp_wants(cmp, "wait")) {
        measure_wait(cmp, false);
    }
    if ((peer->post != NULL) && (way != NULL) && cmp_wants(cmp, "wake")) {
        measure_wake(cmp, way);
    }
    if ((peer->post != NULL) && (cmp->options.tests != NULL) &&
        cmp_wants(cmp, "wait_one_core")) {
        measure_wait(cmp, true);
    }
    if ((peer->lane_open != NULL) && cmp_wants(cmp, "rate")) {
        measure_rate(cmp);
    }
    for (special = peer->specials; (special != NULL) && (special->what != NULL);
         ++special) {
        if (cmp_wants(cmp, special->what)) {
            measure_special(cmp, special);
        }
    }
}
