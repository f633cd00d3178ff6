/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers, in spans without a transfer and behind a put of one word. */
#include "common/bench.h"

BENCH_LOOP open_close(bench_link_t *link, bench_timer_t *timer)
{
    while (bench_next(timer)) {
        bench_begin(link);
        bench_end(link);
    }
}

BENCH_LOOP order(bench_link_t *link, bench_timer_t *timer)
{
    bench_begin(link);
    while (bench_next(timer)) {
        bench_order(link);
    }
    bench_end(link);
}

BENCH_LOOP open_put_close(bench_link_t *link, bench_timer_t *timer)
{
    while (bench_next(timer)) {
        bench_begin(link);
        bench_put64(link, 0, sizeof(uint64_t));
        bench_end(link);
    }
}

BENCH_LOOP put_order(bench_link_t *link, bench_timer_t *timer)
{
    bench_begin(link);
    while (bench_next(timer)) {
        bench_put64(link, 0, sizeof(uint64_t));
        bench_order(link);
    }
    bench_end(link);
}

enum { OPEN_CLOSE, ORDER, OPEN_PUT_CLOSE, PUT_ORDER, ROWS };

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    bench_timer_open(&timer, &bench->options, size);
    switch (operation) {
    case OPEN_CLOSE:
        open_close(&bench->link, &timer);
        break;
    case ORDER:
        order(&bench->link, &timer);
        break;
    case OPEN_PUT_CLOSE:
        open_put_close(&bench->link, &timer);
        break;
    default:
        put_order(&bench->link, &timer);
    }
    bench_timer_close(&timer, &bench->options, row);
}

int main(int argc, char **argv)
{
    static const char *const names[ROWS + 1] = {
        "open_close", "order", "open_put_close", "put_order", NULL};
    static const char *const scopes[] = {"segment", "node", NULL};
    static const bench_program_t program = {
        .name = "rsm_barrier_latency",
        .title = "RSM Barrier Latency",
        .summary = "Time of barriers: opened and closed, ordering, and both "
                   "with a put of eight bytes.",
        .unit = BENCH_UNIT_US,
        .sync = {"Synchronization", "sync", scopes},
        .operations = names,
        BENCH_ROUNDS(10000, 100),
    };
    static const bench_actions_t actions = {.measure = measure,
                                            .room = BENCH_ROOM_WORD};

    return bench_main(&program, &actions, argc, argv);
}
