/* SPDX-License-Identifier: BSD-3-Clause */
/* Message rate of several pairs of processes and several threads in each that
 * sends. Every thread has a connection of its own and its own places. Single
 * times are those of the windows of process 0's threads. */
#include "common/bench.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the senders are asked to do. */
enum { MEASURE, FILL };

typedef struct {
    bench_t *bench;
    bench_link_t link;
    size_t part;
    size_t size;
    uint64_t what;
    _Atomic bool *may_start;
    pthread_t thread;
    bench_timer_t timer;
    bench_span_t span;
} sender_t;

BENCH_LOOP stream(sender_t *sender, bench_timer_t *timer, size_t slots,
                  bench_move_t put)
{
    size_t window = sender->bench->options.window;

    while (bench_next(timer)) {
        bench_window(&sender->link, window, slots, sender->size, put);
    }
}

/* Contents that differ from thread to thread. */
static uint64_t seed_of(const bench_t *bench, size_t process, size_t part)
{
    return process * bench->options.threads + part + 1;
}

static void fill(sender_t *sender, size_t slots)
{
    bench_t *bench = sender->bench;

    bench_fill(sender->link.local, slots * sender->size,
               seed_of(bench, bench->self, sender->part));
    BENCH_BY_WAY(bench->options.access, put, bench_window, &sender->link, slots,
                 slots, sender->size);
}

static void *run_sender(void *arg)
{
    sender_t *sender = arg;
    bench_t *bench = sender->bench;
    size_t slots = bench_slots(bench, sender->size);
    bench_wait_t wait = bench_wait_begin(bench->is_crowded);

    if (sender->what == FILL) {
        fill(sender, slots);
        return NULL;
    }

    bench_timer_open(&sender->timer, &bench->options, sender->size);
    while (!atomic_load_explicit(sender->may_start, memory_order_acquire)) {
        (void)bench_wait(&wait); /* for our own main thread */
    }
    BENCH_BY_WAY(bench->options.access, put, stream, sender, &sender->timer,
                 slots);
    sender->span = (bench_span_t){sender->timer.began, sender->timer.last};
    return NULL;
}

/* One process's threads, from their start to their end. With MEASURE @p row
 * gets the single times. */
static void send_all(bench_t *bench, size_t size, uint64_t what,
                     bench_row_t *row)
{
    sender_t senders[BENCH_THREADS_MAX];
    _Atomic bool may_start = false;
    size_t count = bench->options.threads;
    size_t i;

    for (i = 0; i < count; ++i) {
        senders[i] = (sender_t){.bench = bench,
                                .part = i,
                                .size = size,
                                .what = what,
                                .may_start = &may_start};
        bench_link_open(bench, &senders[i].link, i);
        if (pthread_create(&senders[i].thread, NULL, run_sender, &senders[i]) !=
            0) {
            bench_die("thread %zu cannot be started", i);
        }
    }
    bench_meet(bench);
    atomic_store_explicit(&may_start, true, memory_order_release);

    for (i = 0; i < count; ++i) {
        (void)pthread_join(senders[i].thread, NULL);
        bench_link_close(&senders[i].link);
        if (i == 0) {
            bench->span = senders[0].span;
            continue;
        }
        bench_span_join(&bench->span, senders[i].span, true);
        bench_timer_join(&senders[0].timer, &senders[i].timer);
    }
    if (what == MEASURE) {
        bench_timer_close(&senders[0].timer, &bench->options, row);
    }
}

static uint64_t join(bench_t *bench, size_t size, uint64_t what)
{
    bench_row_t row;

    if (bench->self < bench->options.pairs) {
        send_all(bench, size, what, &row);
    } else {
        bench_meet(bench); /* and receive without doing anything */
    }
    return 0;
}

/* All processes do it; the span is that of all senders. */
static void run_all(bench_t *bench, size_t size, uint64_t what,
                    bench_row_t *row)
{
    size_t i;

    for (i = 1; i < bench->count; ++i) {
        bench_ask_begin(bench, i, BENCH_ASK_RUN, 0, size, what);
    }
    send_all(bench, size, what, row);
    for (i = 1; i < bench->count; ++i) {
        const struct bench_answer *answer = bench_ask_end(bench, i);

        if (i < bench->options.pairs) {
            bench_span_join(&bench->span, answer->span, bench->is_one_host);
        }
    }
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    const bench_options_t *options = &bench->options;
    double messages =
        (double)(options->pairs * options->threads) * (double)options->window;

    (void)operation;
    run_all(bench, size, MEASURE, row);
    row->us = bench_span_us(&bench->span) / (double)row->iterations;
    row->messages = messages;
    row->bytes = messages * (double)size;
}

static bool check(bench_t *bench, size_t operation, size_t size)
{
    size_t bytes = bench_slots(bench, size) * size;
    uint64_t differing = 0;
    size_t i, j;

    (void)operation;
    for (i = 0; i < bench->options.pairs; ++i) {
        (void)bench_ask(bench, i + bench->options.pairs, BENCH_ASK_CLEAR, 0,
                        bench->area, 0);
    }
    run_all(bench, size, FILL, NULL);
    for (i = 0; i < bench->options.pairs; ++i) {
        for (j = 0; j < bench->options.threads; ++j) {
            differing +=
                bench_ask(bench, i + bench->options.pairs, BENCH_ASK_CHECK, j,
                          bytes, seed_of(bench, i, j));
        }
    }
    return differing == 0;
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_put_mr",
        .title = "RSM Put Message Rate",
        .summary = "Puts that all threads of all pairs of processes make in a "
                   "second.",
        .unit = BENCH_UNIT_RATE,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_WINDOW | BENCH_TAKES_PIECES |
                 BENCH_TAKES_PAIRS | BENCH_TAKES_CHECK,
        .access = BENCH_ACCESS(bench_put_ways),
        .sync = BENCH_SYNC,
        .min_size = 1,
        .max_size = 4 << 20,
        .small = {.timed = 5000, .warmup = 10},
        .large = {.timed = 20, .warmup = 2},
    };
    static const bench_actions_t actions = {
        .measure = measure, .join = join, .check = check};

    return bench_main(&program, &actions, argc, argv);
}
