/* SPDX-License-Identifier: BSD-3-Clause */
/* One get at a time, each complete in this process's memory. */
#include "common/bench.h"

BENCH_LOOP latency(bench_link_t *link, bench_timer_t *timer, size_t size,
                   bench_move_t get)
{
    while (bench_next(timer)) {
        bench_begin(link);
        get(link, 0, size);
        bench_end(link);
    }
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    (void)operation;
    bench_timer_open(&timer, &bench->options, size);
    BENCH_BY_WAY(bench->options.access, get, latency, &bench->link, &timer,
                 size);
    bench_timer_close(&timer, &bench->options, row);
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_get_latency",
        .title = "RSM Get Latency",
        .summary = "Time of one get until the other process's bytes are here.",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_PIECES | BENCH_TAKES_CHECK,
        .access = BENCH_ACCESS(bench_get_ways),
        .sync = BENCH_SYNC,
        .min_size = 1,
        .max_size = 4 << 20,
        BENCH_LATENCY_ROUNDS,
    };
    static const bench_actions_t actions = {.measure = measure,
                                            .check = bench_check_get};

    return bench_main(&program, &actions, argc, argv);
}
