/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and gets while the other process does something else: sleeps, computes,
 * or is blocked in read(). One-sided means that all are alike. */
#include "common/bench.h"

#include <sys/timerfd.h>
#include <unistd.h>

enum { SLEEPS, COMPUTES, READS, STATES };

#define BLOCKED_MS 10  /* of sleep, or without anything to read */
#define LOOK_MS    500 /* how often it sees whether process 0 lives */
#define SETTLE_MS  5   /* until it is in its state for sure */

BENCH_LOOP latency(bench_link_t *link, bench_timer_t *timer, size_t size,
                   bench_move_t move)
{
    while (bench_next(timer)) {
        bench_begin(link);
        move(link, 0, size);
        bench_end(link);
    }
}

/* ---- the other process ---- */

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void compute(void)
{
    volatile double root = 2.0;
    unsigned int i;

    for (i = 0; i < 10000; ++i) {
        root = (root + 2.0 / root) / 2.0;
    }
}

static void read_for_ms(int fd, long ms)
{
    struct itimerspec when = {.it_value = {0, ms * 1000000}};
    uint64_t expired;

    if ((timerfd_settime(fd, 0, &when, NULL) != 0) ||
        (read(fd, &expired, sizeof(expired)) < 0)) {
        sleep_ms(ms);
    }
}

/* Until process 0 says stop, the library is not called, except for a look at
 * process 0 now and then: nothing is to go on for ever. */
static uint64_t join(bench_t *bench, size_t size, uint64_t what)
{
    volatile uint64_t *stop = &bench->board->stop;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int64_t look_at = bench_now_ns();

    (void)size;
    bench_meet(bench);
    while (*stop == 0) {
        int64_t now = bench_now_ns();

        if (now > look_at) {
            look_at = now + (int64_t)LOOK_MS * 1000000;
            bench_look_for(bench, 0);
        }
        if (what == SLEEPS) {
            sleep_ms(BLOCKED_MS);
        } else if (what == COMPUTES) {
            compute();
        } else {
            read_for_ms(fd, BLOCKED_MS);
        }
    }
    *stop = 0;
    (void)close(fd);
    return 0;
}

/* ---- process 0 ---- */

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    uint64_t stop = 1;
    bench_timer_t timer;

    bench_ask_begin(bench, bench->partner, BENCH_ASK_RUN, 0, size,
                    operation % STATES);
    bench_meet(bench);
    sleep_ms(SETTLE_MS);
    bench_timer_open(&timer, &bench->options, size);
    if (operation < STATES) {
        latency(&bench->link, &timer, size, bench_put);
    } else {
        latency(&bench->link, &timer, size, bench_get);
    }
    bench_timer_close(&timer, &bench->options, row);
    bench_must(rsm_memseg_import_put64(bench->boards[bench->partner].import,
                                       offsetof(bench_board_t, stop), &stop, 1),
               "rsm_memseg_import_put64");
    (void)bench_ask_end(bench, bench->partner);
}

static bool check(bench_t *bench, size_t operation, size_t size)
{
    return (operation < STATES) ? bench_check_put(bench, operation, size)
                                : bench_check_get(bench, operation, size);
}

int main(int argc, char **argv)
{
    static const char *const names[2 * STATES + 1] = {
        "put_sleeping",  "put_computing", "put_reading", "get_sleeping",
        "get_computing", "get_reading",   NULL};
    static const bench_program_t program = {
        .name = "rsm_passive",
        .title = "RSM Passive Target Latency",
        .summary = "Time of puts and gets while the other process sleeps, "
                   "computes, or is blocked in read().",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_SIZE | BENCH_TAKES_CHECK,
        .sync = BENCH_SYNC,
        .operations = names,
        .min_size = 8,
        .max_size = 64 << 10,
        BENCH_LATENCY_ROUNDS,
    };
    static const bench_actions_t actions = {
        .measure = measure, .join = join, .check = check};

    return bench_main(&program, &actions, argc, argv);
}
