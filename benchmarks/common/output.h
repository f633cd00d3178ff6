/* SPDX-License-Identifier: BSD-3-Clause */
/* The table on standard output: lines that begin with "# ", then one row for
 * each size, size left-justified in 10 columns and figures right-justified in
 * 20, as in the OSU micro-benchmarks; or the same as one JSON object. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "bench.h"

void bench_print_head(const bench_program_t *program,
                      const bench_options_t *options);
void bench_print_row(const bench_program_t *program,
                     const bench_options_t *options, size_t size,
                     const bench_row_t *row);
void bench_print_end(const bench_program_t *program,
                     const bench_options_t *options);

#endif
