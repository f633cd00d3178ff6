/* SPDX-License-Identifier: BSD-3-Clause */
/* Mapping a segment of the other process, writing to each of its pages for the
 * first time, and taking the mapping away, against its size. */
#include "common/bench.h"

enum { MAP, TOUCH, UNMAP, STEPS };

static unsigned char *map(bench_t *bench, rsm_memseg_import_handle_t import,
                          size_t size)
{
    void *address = NULL;

    bench_must(rsm_memseg_import_map(import, &address, RSM_MAP_NONE,
                                     RSM_PERM_RDWR, (off_t)bench->head, size),
               "rsm_memseg_import_map");
    return address;
}

static void unmap(rsm_memseg_import_handle_t import)
{
    bench_must(rsm_memseg_import_unmap(import), "rsm_memseg_import_unmap");
}

static void touch(const bench_t *bench, volatile unsigned char *at, size_t size)
{
    size_t i;

    for (i = 0; i < size; i += bench->page) {
        at[i] = 1;
    }
}

static void measure(bench_t *bench, size_t size, bench_row_t *rows)
{
    rsm_memseg_import_handle_t import = bench->link.import;
    bench_timer_t timers[STEPS];
    int64_t times[STEPS + 1];

    bench_steps_open(timers, STEPS, &bench->options, size);
    while (bench_steps_next(timers)) {
        unsigned char *mapped;

        times[MAP] = bench_now_ns();
        mapped = map(bench, import, size);
        times[TOUCH] = bench_now_ns();
        touch(bench, mapped, size);
        times[UNMAP] = bench_now_ns();
        unmap(import);
        times[STEPS] = bench_now_ns();
        bench_steps_lap(timers, STEPS, times);
    }
    bench_steps_close(timers, STEPS, &bench->options, rows);
}

static bool check(bench_t *bench, size_t operation, size_t size)
{
    (void)bench_ask(bench, bench->partner, BENCH_ASK_CLEAR, 0, size, 0);
    bench_fill(map(bench, bench->link.import, size), size, operation);
    unmap(bench->link.import);
    return bench_ask(bench, bench->partner, BENCH_ASK_CHECK, 0, size,
                     operation) == 0;
}

int main(int argc, char **argv)
{
    static const char *const names[STEPS + 1] = {"map", "touch", "unmap", NULL};
    static const bench_program_t program = {
        .name = "rsm_map_latency",
        .title = "RSM Map Latency",
        .summary = "Time to map memory of the other process, to touch every "
                   "page, and to unmap it.",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_PAGES | BENCH_TAKES_CHECK,
        .operations = names,
        .min_size = 4096,
        .max_size = 64 << 20,
        .small = {.timed = 200, .warmup = 10},
        .large = {.timed = 20, .warmup = 2},
    };
    static const bench_actions_t actions = {.measure_all = measure,
                                            .check = check,
                                            .room = BENCH_ROOM_ONE,
                                            .needs_mappings = true};

    return bench_main(&program, &actions, argc, argv);
}
