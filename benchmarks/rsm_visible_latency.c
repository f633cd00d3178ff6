/* SPDX-License-Identifier: BSD-3-Clause */
/* From a put until the other process has seen it, by looking at its own memory:
 * a message, a flag behind it, and the same back; half of the round trip. Of
 * size 0 the message is the flag alone. */
#include "common/bench.h"

#include <stdatomic.h>

#define ROUNDS 20 /* of a check */

/* What process 0 asks for. */
enum { MEASURE, COMPARE };

/* The flag lies at the end of the data area, behind all messages; its value is
 * how often it was raised. */
static size_t flag_offset(const bench_t *bench)
{
    return bench->area - 64;
}

static void raise_flag(bench_t *bench, uint64_t number)
{
    bench_link_t *link = &bench->link;
    size_t at = flag_offset(bench);

    if (link->mapped != NULL) {
        atomic_store_explicit((_Atomic uint64_t *)(void *)(link->mapped + at),
                              number, memory_order_release);
    } else {
        memcpy(link->local + at, &number, sizeof(number));
        bench_put64(link, at, sizeof(number));
    }
}

static void await_flag(bench_t *bench, uint64_t number)
{
    _Atomic uint64_t *flag =
        (_Atomic uint64_t *)(void *)(bench->exported + bench->head +
                                     flag_offset(bench));
    bench_wait_t wait = bench_wait_begin(bench->is_crowded);

    while (atomic_load_explicit(flag, memory_order_acquire) != number) {
        if (bench_wait(&wait)) {
            bench_look_for(bench, bench->partner);
        }
    }
}

BENCH_LOOP send_one(bench_t *bench, size_t size, uint64_t number,
                    bench_move_t put)
{
    bench_begin(&bench->link);
    if (size > 0) {
        put(&bench->link, 0, size);
        bench_order(&bench->link);
    }
    raise_flag(bench, number);
    bench_end(&bench->link);
}

BENCH_LOOP ping(bench_t *bench, bench_timer_t *timer, size_t size,
                bench_move_t put)
{
    uint64_t number = 0;

    while (bench_next(timer)) {
        ++number;
        send_one(bench, size, number, put);
        await_flag(bench, number);
    }
}

BENCH_LOOP pong(bench_t *bench, unsigned long rounds, size_t size,
                bench_move_t put)
{
    uint64_t number;

    for (number = 1; number <= rounds; ++number) {
        await_flag(bench, number);
        send_one(bench, size, number, put);
    }
}

/* Both begin with their own flag down, before either sends. */
static void begin(bench_t *bench)
{
    memset(bench->exported + bench->head + flag_offset(bench), 0,
           sizeof(uint64_t));
    bench_meet(bench);
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    (void)operation;
    bench_ask_begin(bench, bench->partner, BENCH_ASK_RUN, 0, size, MEASURE);
    begin(bench);
    bench_timer_open(&timer, &bench->options, size);
    BENCH_BY_WAY(bench->options.access, put, ping, bench, &timer, size);
    bench_timer_close(&timer, &bench->options, row);
    (void)bench_ask_end(bench, bench->partner);
    bench_row_divide(&bench->options, row, 2.0);
}

/* ---- what is there when the flag is ---- */

static bool check(bench_t *bench, size_t operation, size_t size)
{
    uint64_t number;

    (void)operation;
    bench_ask_begin(bench, bench->partner, BENCH_ASK_RUN, 0, size, COMPARE);
    begin(bench);
    for (number = 1; number <= ROUNDS; ++number) {
        bench_fill(bench->local, size, number);
        BENCH_BY_WAY(bench->options.access, put, send_one, bench, size, number);
        await_flag(bench, number);
    }
    return bench_ask_end(bench, bench->partner)->value == 0;
}

static uint64_t compare(bench_t *bench, size_t size)
{
    uint64_t differing = 0;
    uint64_t number;

    for (number = 1; number <= ROUNDS; ++number) {
        await_flag(bench, number);
        differing +=
            bench_differing(bench->exported + bench->head, size, number);
        BENCH_BY_WAY(bench->options.access, put, send_one, bench, 0, number);
    }
    return differing;
}

static uint64_t join(bench_t *bench, size_t size, uint64_t what)
{
    bench_rounds_t rounds = bench_rounds(&bench->options, size);

    begin(bench);
    if (what == COMPARE) {
        return compare(bench, size);
    }
    BENCH_BY_WAY(bench->options.access, put, pong, bench,
                 rounds.warmup + rounds.timed, size);
    return 0;
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_visible_latency",
        .title = "RSM Visible Latency",
        .summary = "Time from a put until the other process sees it in its own "
                   "memory, one way.",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_PIECES | BENCH_TAKES_CHECK,
        .access = BENCH_ACCESS(bench_put_ways),
        .sync = BENCH_SYNC,
        .min_size = 0,
        .max_size = 64 << 10,
        BENCH_LATENCY_ROUNDS,
    };
    static const bench_actions_t actions = {
        .measure = measure, .join = join, .check = check};

    return bench_main(&program, &actions, argc, argv);
}
