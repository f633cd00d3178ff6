/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows of puts, each window complete in the other process's memory. */
#include "common/bench.h"

BENCH_LOOP stream(bench_t *bench, bench_timer_t *timer, size_t size,
                  bench_move_t put)
{
    size_t slots = bench_slots(bench, size);

    while (bench_next(timer)) {
        bench_window(&bench->link, bench->options.window, slots, size, put);
    }
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    (void)operation;
    bench_timer_open(&timer, &bench->options, size);
    BENCH_BY_WAY(bench->options.access, put, stream, bench, &timer, size);
    bench_timer_close(&timer, &bench->options, row);
    row->bytes = (double)size * (double)bench->options.window;
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_put_bw",
        .title = "RSM Put Bandwidth",
        .summary =
            "Bytes that windows of puts move to the other process in a second.",
        .unit = BENCH_UNIT_MBS,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_WINDOW | BENCH_TAKES_PIECES |
                 BENCH_TAKES_CHECK,
        .access = BENCH_ACCESS(bench_put_ways),
        .sync = BENCH_SYNC,
        .min_size = 1,
        .max_size = 4 << 20,
        BENCH_BANDWIDTH_ROUNDS,
    };
    static const bench_actions_t actions = {.measure = measure,
                                            .check = bench_check_put};

    return bench_main(&program, &actions, argc, argv);
}
