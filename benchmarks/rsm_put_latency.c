/* SPDX-License-Identifier: BSD-3-Clause */
/* One put at a time, each complete in the other process's memory. */
#include "common/bench.h"
#include "common/loops.h"

static void measure(bench_pair_t *pair, size_t size, bench_row_t *row)
{
    bench_loop_latency(pair, size, bench_put, row);
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_put_latency",
        .title = "Put Latency",
        .summary = "Time of one put until its bytes are in the other process's "
                   "memory.",
        .call = "put",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_ACCESS | BENCH_TAKES_SYNC |
                 BENCH_TAKES_CHECK | BENCH_TAKES_TAIL,
        .small = {.timed = 10000, .warmup = 100},
        .large = {.timed = 1000, .warmup = 10},
        .measure = measure,
        .check = bench_check_put,
    };

    return bench_main(&program, argc, argv);
}
