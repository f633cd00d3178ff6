/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks of librsm share. A program describes itself in a
 * bench_program_t, measures in functions of its own, and has its loops before
 * the reader's eyes; bench_main() does the rest: options, start of all
 * processes, head, rows, end.
 *
 * The processes of the job form pairs: number I and number I + half of them.
 * Each exports a segment and is connected to its partner's. Process 0 leads:
 * it asks the others to do things (ask.h), measures, and prints. Who is not
 * asked sleeps, so that what is measured is one-sided. */
#ifndef BENCH_H
#define BENCH_H

#include "ask.h"
#include "link.h"
#include "options.h"
#include "output.h"
#include "pattern.h"
#include "team.h"
#include "timer.h"
#include "wait.h"

/* How much room the data area has. */
typedef enum {
    BENCH_ROOM_TWO, /* two of the largest messages, for each thread */
    BENCH_ROOM_ONE, /* one */
    BENCH_ROOM_WORD /* a page, whatever the sizes are */
} bench_room_t;

typedef struct bench_actions {
    /* Process 0: either one operation after the other, or all together, a row
     * for each. */
    void (*measure)(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row);
    void (*measure_all)(bench_t *bench, size_t size, bench_row_t *rows);
    /* The others, on BENCH_ASK_RUN with @p what. Returns the answer. NULL:
     * never asked. */
    uint64_t (*join)(bench_t *bench, size_t size, uint64_t what);
    /* Process 0, for -c: whether this operation moves bytes rightly. */
    bool (*check)(bench_t *bench, size_t operation, size_t size);
    bench_room_t room;
    bool needs_mappings;
} bench_actions_t;

int bench_main(const bench_program_t *program, const bench_actions_t *actions,
               int argc, char **argv);

/* The two kinds of check: bytes arrived at the target, or came from it. */
bool bench_check_put(bench_t *bench, size_t operation, size_t size);
bool bench_check_get(bench_t *bench, size_t operation, size_t size);

#endif
