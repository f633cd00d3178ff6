/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows of puts, each window complete in the other process's memory. */
#include "common/bench.h"
#include "common/loops.h"

static void measure(bench_pair_t *pair, size_t size, bench_row_t *row)
{
    bench_loop_bandwidth(pair, size, bench_put, row);
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_put_bw",
        .title = "Put Bandwidth",
        .summary =
            "Bytes that windows of puts move to the other process in a second.",
        .call = "put",
        .unit = BENCH_UNIT_MBS,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_WINDOW | BENCH_TAKES_ACCESS |
                 BENCH_TAKES_SYNC | BENCH_TAKES_CHECK | BENCH_TAKES_TAIL,
        .small = {.timed = 100, .warmup = 10},
        .large = {.timed = 20, .warmup = 2},
        .measure = measure,
        .check = bench_check_put,
    };

    return bench_main(&program, argc, argv);
}
