/* SPDX-License-Identifier: BSD-3-Clause */
/* What a benchmark says about itself. Options, help text, table and JSON are
 * made from it. Nothing in here knows the library that is measured. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* What a row shows. */
typedef enum {
    BENCH_UNIT_US,  /* microseconds */
    BENCH_UNIT_MBS, /* 10^6 bytes a second */
    BENCH_UNIT_RATE /* the same, and messages a second */
} bench_unit_t;

/* Options that not every program has. */
enum {
    BENCH_TAKES_SIZE = 0x01,   /* -m */
    BENCH_TAKES_WINDOW = 0x02, /* -W */
    BENCH_TAKES_CHECK = 0x04,  /* -c -u */
    BENCH_TAKES_PIECES = 0x08, /* -g */
    BENCH_TAKES_PAIRS = 0x10,  /* -p -t */
    BENCH_TAKES_PAGES = 0x20   /* -m in whole pages */
};

/* An option with a few words to choose from. Without names there is no such
 * option. */
typedef struct {
    const char *title;        /* of its line above the table */
    const char *key;          /* of its member in JSON */
    const char *const *names; /* the first is the default; NULL behind them */
} bench_choice_t;

typedef struct {
    unsigned long timed;
    unsigned long warmup;
} bench_rounds_t;

typedef struct {
    const char *name;    /* "rsm_put_latency" */
    const char *title;   /* "RSM Put Latency" */
    const char *summary; /* one sentence for the help text */
    bench_unit_t unit;
    unsigned int takes;            /* BENCH_TAKES_* */
    bench_choice_t access;         /* -w */
    bench_choice_t sync;           /* -s */
    const char *const *operations; /* -o: rows for each; NULL: just one kind */
    size_t min_size;               /* with BENCH_TAKES_SIZE */
    size_t max_size;
    bench_rounds_t small; /* up to BENCH_LARGE bytes */
    bench_rounds_t large;
} bench_program_t;

#define BENCH_LARGE 8192 /* sizes above it get fewer iterations */

/* The defaults of OSU. */
#define BENCH_LATENCY_ROUNDS                  \
    .small = {.timed = 10000, .warmup = 100}, \
    .large = {.timed = 1000, .warmup = 10}
#define BENCH_BANDWIDTH_ROUNDS \
    .small = {.timed = 100, .warmup = 10}, .large = {.timed = 20, .warmup = 2}
/* Whatever the size. */
#define BENCH_ROUNDS(count, before)                  \
    .small = {.timed = (count), .warmup = (before)}, \
    .large = {.timed = (count), .warmup = (before)}

/* How many names a list has; which of them a word is, -1 for none. */
size_t bench_name_count(const char *const *names);
int bench_name_find(const char *const *names, const char *word);

#endif
