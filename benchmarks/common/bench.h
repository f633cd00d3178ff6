/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks share. A program describes itself in a bench_program_t
 * and measures one message size in a function; bench_main() does the rest:
 * options, start of both processes, header, rows, end.
 *
 * Two processes take part. Each exports a segment and imports the other's.
 * The first one measures; the second one only answers questions (see pair.h)
 * and is otherwise asleep, so that what is measured is one-sided. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "pair.h"
#include "stats.h"

typedef enum { BENCH_UNIT_US, BENCH_UNIT_MBS } bench_unit_t;

/* One row of the output. */
typedef struct {
    double value; /* in the unit of the program */
    unsigned long iterations;
    bench_stats_t stats; /* with -f or -z */
    bool is_correct;     /* with -c */
} bench_row_t;

typedef struct bench_program {
    const char *name;    /* "rsm_put_latency" */
    const char *title;   /* "Put Latency" */
    const char *summary; /* one sentence for the help text */
    const char *call;    /* what -w calls the way without a mapping */
    bench_unit_t unit;
    unsigned int takes; /* BENCH_TAKES_* */
    bench_rounds_t small;
    bench_rounds_t large;
    void (*measure)(bench_pair_t *pair, size_t size, bench_row_t *row);
    bool (*check)(bench_pair_t *pair, size_t size); /* for -c */
} bench_program_t;

int bench_main(const bench_program_t *program, int argc, char **argv);

/* The two kinds of check: bytes arrived at the target, or came from it. */
bool bench_check_put(bench_pair_t *pair, size_t size);
bool bench_check_get(bench_pair_t *pair, size_t size);

#endif
