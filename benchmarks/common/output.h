/* SPDX-License-Identifier: BSD-3-Clause */
/* The table on standard output: lines that begin with "# ", then the rows,
 * first column left-justified, figures right-justified in 20, as in the OSU
 * micro-benchmarks; or the same as one JSON object.
 *
 * OSU prints two decimals of a microsecond. Here they would say 0.01 for
 * everything that is a few stores, so there are four: a tenth of a nanosecond,
 * which is what the mean of ten thousand iterations is good for. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "timer.h"

/* A line above the table, and a member of the JSON object. */
typedef struct {
    const char *title;
    const char *key;
    char text[512];
} bench_note_t;

void bench_print_head(const bench_program_t *program,
                      const bench_options_t *options, const bench_note_t *notes,
                      size_t note_count);

/* @p operation: which of the program's, when it has some. */
void bench_print_row(const bench_program_t *program,
                     const bench_options_t *options, size_t operation,
                     size_t size, const bench_row_t *row);
void bench_print_end(const bench_options_t *options);

#endif
