/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line of a benchmark says. One table holds every option;
 * parser and help text are made from it. Letters and defaults are those of the
 * OSU micro-benchmarks where the meaning is. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdint.h>

#include "program.h"

#define BENCH_PERCENTILES_MAX 8
#define BENCH_PIECES_MAX      16
#define BENCH_PAIRS_MAX       512
#define BENCH_THREADS_MAX     64

typedef struct {
    size_t min_size;
    size_t max_size;
    bool has_sizes; /* the user named them */
    bench_rounds_t small;
    bench_rounds_t large;
    unsigned long window;
    size_t access; /* which of the program's names */
    size_t sync;
    bool has_sync;
    uint64_t operations; /* a bit for each that is wanted */
    unsigned long pieces;
    unsigned long pairs;
    unsigned long threads;
    bool is_validated;
    unsigned long validated_warmup; /* replaces the warm-up then */
    bool is_full;
    bool is_json;
    size_t percentile_count;
    double percentiles[BENCH_PERCENTILES_MAX];
} bench_options_t;

/* Fills @p options. Ends the process after -h and -v, and with one sentence
 * and EXIT_FAILURE when something is wrong. */
void bench_parse(const bench_program_t *program, int argc, char **argv,
                 bench_options_t *options);

/* Rounds for messages of @p size bytes. */
bench_rounds_t bench_rounds(const bench_options_t *options, size_t size);

static inline bool bench_wants(const bench_options_t *options, size_t operation)
{
    return ((options->operations >> operation) & 1) != 0;
}

/* Single times are wanted, not only their mean. */
static inline bool bench_wants_samples(const bench_options_t *options)
{
    return options->is_full || (options->percentile_count > 0);
}

/* Whether this process speaks for the job. Asks the launcher's environment,
 * because options are read before any library is started. */
bool bench_is_speaker(void);

/* One sentence; the same from the process that speaks, or from this one
 * whatever it is, and EXIT_FAILURE. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void bench_refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
_Noreturn void bench_die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
