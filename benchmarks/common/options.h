/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line of a benchmark says. One table in options.c holds
 * every option; the parser and the help text are made from it. Letters and
 * defaults are those of the OSU micro-benchmarks where the meaning is. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_PERCENTILES_MAX 8
#define BENCH_LARGE           8192 /* sizes above it get fewer iterations */

typedef enum { BENCH_ACCESS_CALL, BENCH_ACCESS_MAP } bench_access_t;

typedef enum {
    BENCH_SYNC_DEFAULT, /* implicit for calls, segment for mappings */
    BENCH_SYNC_IMPLICIT,
    BENCH_SYNC_SEGMENT,
    BENCH_SYNC_NODE
} bench_sync_t;

typedef struct {
    unsigned long timed;
    unsigned long warmup;
} bench_rounds_t;

typedef struct {
    size_t min_size;
    size_t max_size;
    bench_rounds_t small; /* up to BENCH_LARGE bytes */
    bench_rounds_t large;
    unsigned long window;
    bench_access_t access;
    bench_sync_t sync;
    bool is_validated;
    unsigned long validated_warmup; /* replaces the warm-up then */
    bool is_full;
    bool is_json;
    size_t percentile_count;
    double percentiles[BENCH_PERCENTILES_MAX];
} bench_options_t;

/* What a program takes beyond the options that all have. */
enum {
    BENCH_TAKES_SIZE = 0x01,   /* -m */
    BENCH_TAKES_WINDOW = 0x02, /* -W */
    BENCH_TAKES_ACCESS = 0x04, /* -w */
    BENCH_TAKES_SYNC = 0x08,   /* -s */
    BENCH_TAKES_CHECK = 0x10,  /* -c -u */
    BENCH_TAKES_TAIL = 0x20    /* -f -z */
};

struct bench_program;

/* Fills @p options. Ends the process after -h and -v, and with one sentence
 * and EXIT_FAILURE when something is wrong. */
void bench_parse(const struct bench_program *program, int argc, char **argv,
                 bench_options_t *options);

/* Rounds for messages of @p size bytes. */
bench_rounds_t bench_rounds(const bench_options_t *options, size_t size);

/* Whether this process speaks for the job. Asks the launcher's environment,
 * because options are read before the library is started. */
bool bench_is_speaker(void);

/* One sentence from the process that speaks, and EXIT_FAILURE. */
_Noreturn void bench_refuse(const struct bench_program *program,
                            const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
