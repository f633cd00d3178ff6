/* SPDX-License-Identifier: BSD-3-Clause */
/* The first connection between two processes, later ones, and their ends. The
 * other process sleeps; its service thread answers. */
#include "common/bench.h"

enum { FIRST, CONNECT, DISCONNECT, ROWS };
#define STEPS (ROWS - CONNECT) /* of those that can be repeated */

static void measure(bench_t *bench, size_t size, bench_row_t *rows)
{
    bench_timer_t timers[STEPS];
    int64_t times[STEPS + 1];

    bench_row_single(&bench->options, &rows[FIRST], bench->first_connect_us);
    bench_steps_open(timers, STEPS, &bench->options, size);
    while (bench_steps_next(timers)) {
        rsm_memseg_import_handle_t import;

        times[0] = bench_now_ns();
        import = bench_connect(bench, bench->partner);
        times[1] = bench_now_ns();
        bench_must(rsm_memseg_import_disconnect(import),
                   "rsm_memseg_import_disconnect");
        times[2] = bench_now_ns();
        bench_steps_lap(timers, STEPS, times);
    }
    bench_steps_close(timers, STEPS, &bench->options, &rows[CONNECT]);
}

int main(int argc, char **argv)
{
    static const char *const names[ROWS + 1] = {"first_connect", "connect",
                                                "disconnect", NULL};
    static const bench_program_t program = {
        .name = "rsm_connect_latency",
        .title = "RSM Connect Latency",
        .summary = "Time to connect to a segment of the other process, and to "
                   "disconnect.",
        .unit = BENCH_UNIT_US,
        .operations = names,
        BENCH_ROUNDS(1000, 10),
    };
    static const bench_actions_t actions = {.measure_all = measure,
                                            .room = BENCH_ROOM_WORD};

    return bench_main(&program, &actions, argc, argv);
}
