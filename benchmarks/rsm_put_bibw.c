/* SPDX-License-Identifier: BSD-3-Clause */
/* Both processes put windows into each other's memory at the same time. Single
 * times are those of process 0's windows. */
#include "common/bench.h"

BENCH_LOOP stream(bench_t *bench, bench_timer_t *timer, size_t size,
                  bench_move_t put)
{
    size_t slots = bench_slots(bench, size);

    while (bench_next(timer)) {
        bench_window(&bench->link, bench->options.window, slots, size, put);
    }
}

/* What each of the two does. */
static void stream_both(bench_t *bench, size_t size, bench_row_t *row)
{
    bench_timer_t timer;

    bench_timer_open(&timer, &bench->options, size);
    bench_meet(bench);
    BENCH_BY_WAY(bench->options.access, put, stream, bench, &timer, size);
    bench->span = (bench_span_t){timer.began, timer.last};
    bench_timer_close(&timer, &bench->options, row);
}

/* What process 0 asks for. */
enum { MEASURE, FILL };

static uint64_t join(bench_t *bench, size_t size, uint64_t what)
{
    size_t slots = bench_slots(bench, size);
    bench_row_t row;

    if (what == MEASURE) {
        stream_both(bench, size, &row);
    } else {
        bench_fill(bench->local, slots * size, size + 1);
        BENCH_BY_WAY(bench->options.access, put, bench_window, &bench->link,
                     slots, slots, size);
    }
    return 0;
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    const struct bench_answer *answer;

    (void)operation;
    bench_ask_begin(bench, bench->partner, BENCH_ASK_RUN, 0, size, MEASURE);
    stream_both(bench, size, row);
    answer = bench_ask_end(bench, bench->partner);
    bench_span_join(&bench->span, answer->span, bench->is_one_host);

    row->us = bench_span_us(&bench->span) / (double)row->iterations;
    row->bytes = 2.0 * (double)size * (double)bench->options.window;
}

/* There, and back. */
static bool check(bench_t *bench, size_t operation, size_t size)
{
    size_t bytes = bench_slots(bench, size) * size;
    unsigned char *area = bench->exported + bench->head;
    bool is_correct = bench_check_put(bench, operation, size);

    memset(area, 0, bytes);
    (void)bench_ask(bench, bench->partner, BENCH_ASK_RUN, 0, size, FILL);
    return is_correct && (bench_differing(area, bytes, size + 1) == 0);
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_put_bibw",
        .title = "RSM Put Bi-Directional Bandwidth",
        .summary = "Bytes that windows of puts move in both directions "
                   "together in a second.",
        .unit = BENCH_UNIT_MBS,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_WINDOW | BENCH_TAKES_PIECES |
                 BENCH_TAKES_CHECK,
        .access = BENCH_ACCESS(bench_put_ways),
        .sync = BENCH_SYNC,
        .min_size = 1,
        .max_size = 4 << 20,
        .small = {.timed = 1000, .warmup = 10},
        .large = {.timed = 20, .warmup = 2},
    };
    static const bench_actions_t actions = {
        .measure = measure, .join = join, .check = check};

    return bench_main(&program, &actions, argc, argv);
}
