/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a segment, step by step, against its size. Nobody imports it:
 * what it costs to take a segment from importers is not in here. */
#include "common/bench.h"

#include <stdlib.h>

enum { CREATE, PUBLISH, UNPUBLISH, DESTROY, STEPS };

/* One life; times[] gets the clock before each step and after the last. */
static void live(bench_t *bench, void *memory, size_t size, int64_t *times)
{
    rsmapi_access_entry_t access = {bench->nodes[bench->partner],
                                    BENCH_SAME_USER};
    rsm_memseg_id_t id = BENCH_SEGMENT_ID + 1;
    rsm_memseg_export_handle_t segment;

    times[CREATE] = bench_now_ns();
    bench_must(
        rsm_memseg_export_create(bench->controller, &segment, memory, size, 0),
        "rsm_memseg_export_create");
    times[PUBLISH] = bench_now_ns();
    bench_must(rsm_memseg_export_publish(segment, &id, &access, 1),
               "rsm_memseg_export_publish");
    times[UNPUBLISH] = bench_now_ns();
    bench_must(rsm_memseg_export_unpublish(segment),
               "rsm_memseg_export_unpublish");
    times[DESTROY] = bench_now_ns();
    bench_must(rsm_memseg_export_destroy(segment), "rsm_memseg_export_destroy");
    times[STEPS] = bench_now_ns();
}

static void measure(bench_t *bench, size_t size, bench_row_t *rows)
{
    unsigned char *memory = bench_pages(bench, size);
    bench_timer_t timers[STEPS];
    int64_t times[STEPS + 1];

    bench_steps_open(timers, STEPS, &bench->options, size);
    while (bench_steps_next(timers)) {
        live(bench, memory, size, times);
        bench_steps_lap(timers, STEPS, times);
    }
    bench_steps_close(timers, STEPS, &bench->options, rows);
    free(memory);
}

/* Neither becoming shared memory nor ceasing to be it changes a byte. */
static bool check(bench_t *bench, size_t operation, size_t size)
{
    unsigned char *memory = bench_pages(bench, size);
    int64_t times[STEPS + 1];
    bool is_correct;

    bench_fill(memory, size, operation);
    live(bench, memory, size, times);
    is_correct = (bench_differing(memory, size, operation) == 0);
    free(memory);
    return is_correct;
}

int main(int argc, char **argv)
{
    static const char *const names[STEPS + 1] = {"create", "publish",
                                                 "unpublish", "destroy", NULL};
    static const bench_program_t program = {
        .name = "rsm_export_latency",
        .title = "RSM Export Latency",
        .summary = "Time to make memory a segment, to publish it, and to take "
                   "both back.",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_PAGES | BENCH_TAKES_CHECK,
        .operations = names,
        .min_size = 4096,
        .max_size = 64 << 20,
        .small = {.timed = 200, .warmup = 10},
        .large = {.timed = 20, .warmup = 2},
    };
    static const bench_actions_t actions = {
        .measure_all = measure, .check = check, .room = BENCH_ROOM_WORD};

    return bench_main(&program, &actions, argc, argv);
}
