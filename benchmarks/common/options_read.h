/* SPDX-License-Identifier: BSD-3-Clause */
/* Readers of the arguments of options. Each says what it had expected, or
 * NULL when content. */
#ifndef BENCH_OPTIONS_READ_H
#define BENCH_OPTIONS_READ_H

#include "options.h"

typedef const char *(*bench_read_t)(const bench_program_t *program,
                                    const char *text, bench_options_t *options);

#define BENCH_READER(name)                                        \
    const char *bench_read_##name(const bench_program_t *program, \
                                  const char *text, bench_options_t *options)

BENCH_READER(sizes);
BENCH_READER(iterations);
BENCH_READER(warmup);
BENCH_READER(window);
BENCH_READER(access);
BENCH_READER(sync);
BENCH_READER(operations);
BENCH_READER(pieces);
BENCH_READER(pairs);
BENCH_READER(threads);
BENCH_READER(check);
BENCH_READER(check_warmup);
BENCH_READER(full);
BENCH_READER(tail);
BENCH_READER(json);

/* "put, put8 or map", of which @p word may be a misspelling. The text is
 * valid until the next call. */
const char *bench_name_choices(const char *const *names, const char *word);

#endif
