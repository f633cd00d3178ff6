/* SPDX-License-Identifier: BSD-3-Clause */
/* From the post of a signal until the waiting process has returned from its
 * wait: half of a round trip between two processes that sleep in between. */
#include "common/bench.h"

static void post(bench_t *bench)
{
    bench_must(rsm_intr_signal_post(bench->link.import, 0),
               "rsm_intr_signal_post");
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    (void)operation;
    bench_ask_begin(bench, bench->partner, BENCH_ASK_RUN, 0, size, 0);
    bench_timer_open(&timer, &bench->options, size);
    bench_meet(bench);
    while (bench_next(&timer)) {
        post(bench);
        bench_await_signal(bench, bench->partner);
    }
    bench_timer_close(&timer, &bench->options, row);
    (void)bench_ask_end(bench, bench->partner);
    bench_row_divide(&bench->options, row, 2.0);
}

static uint64_t join(bench_t *bench, size_t size, uint64_t what)
{
    bench_rounds_t rounds = bench_rounds(&bench->options, size);
    unsigned long i;

    (void)what;
    bench_meet(bench);
    for (i = 0; i < rounds.warmup + rounds.timed; ++i) {
        bench_await_signal(bench, bench->partner);
        post(bench);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"post_to_return", NULL};
    static const bench_program_t program = {
        .name = "rsm_signal_latency",
        .title = "RSM Signal Latency",
        .summary = "Time from a post until the other process's wait returns, "
                   "one way.",
        .unit = BENCH_UNIT_US,
        .operations = names,
        BENCH_ROUNDS(5000, 100),
    };
    static const bench_actions_t actions = {
        .measure = measure, .join = join, .room = BENCH_ROOM_WORD};

    return bench_main(&program, &actions, argc, argv);
}
