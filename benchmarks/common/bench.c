/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rsmx.h>

#include "output.h"

/* ---- checks of the bytes that were moved ---- */

/* Moves as many messages as one window of the measurement has places for. */
static void move_slots(bench_pair_t *pair, size_t size, size_t slots,
                       int (*move)(bench_pair_t *, size_t, size_t))
{
    size_t i;

    bench_must(pair, bench_begin(pair), "rsm_memseg_import_open_barrier");
    for (i = 0; i < slots; ++i) {
        bench_must(pair, move(pair, i * size, size), "transfer");
    }
    bench_must(pair, bench_end(pair), "rsm_memseg_import_close_barrier");
}

bool bench_check_put(bench_pair_t *pair, size_t size)
{
    size_t slots = bench_slots(pair, size);

    (void)bench_ask(pair, BENCH_ASK_CLEAR, slots * size, 0);
    bench_fill(pair->local, slots * size, size);
    move_slots(pair, size, slots, bench_put);
    return bench_ask(pair, BENCH_ASK_CHECK, slots * size, size) == 0;
}

bool bench_check_get(bench_pair_t *pair, size_t size)
{
    size_t slots = bench_slots(pair, size);

    (void)bench_ask(pair, BENCH_ASK_FILL, slots * size, size);
    memset(pair->local, 0, slots * size);
    move_slots(pair, size, slots, bench_get);
    return bench_differing(pair->local, slots * size, size) == 0;
}

/* ---- one run ---- */

static bool wants_samples(const bench_options_t *options)
{
    return options->is_full || (options->percentile_count > 0);
}

static void make_samples(bench_pair_t *pair)
{
    unsigned long small = pair->options.small.timed;
    unsigned long large = pair->options.large.timed;

    if (!wants_samples(&pair->options)) {
        return;
    }
    pair->samples =
        calloc((small > large) ? small : large, sizeof(*pair->samples));
    if (pair->samples == NULL) {
        bench_refuse(pair->program, "there is no memory for the samples");
    }
}

/* Whether every size that was checked was correct. */
static bool measure_sizes(bench_pair_t *pair)
{
    const bench_program_t *program = pair->program;
    const bench_options_t *options = &pair->options;
    bool is_correct = true;
    bool is_one = (program->takes & BENCH_TAKES_SIZE) == 0;
    size_t size = options->min_size;

    for (;;) {
        bench_row_t row = {.iterations = bench_rounds(options, size).timed};

        program->measure(pair, size, &row);
        if (pair->samples != NULL) {
            bench_stats(pair->samples, row.iterations,
                        program->unit == BENCH_UNIT_MBS, options->percentiles,
                        options->percentile_count, &row.stats);
        }
        if (options->is_validated) {
            row.is_correct = program->check(pair, size);
            is_correct = is_correct && row.is_correct;
        }
        bench_print_row(program, options, size, &row);

        size = (size == 0) ? 1 : 2 * size;
        if (is_one || (size > options->max_size)) {
            return is_correct;
        }
    }
}

int bench_main(const bench_program_t *program, int argc, char **argv)
{
    bench_pair_t pair = {.program = program};
    bool is_correct = true;

    bench_parse(program, argc, argv, &pair.options);
    bench_pair_open(&pair);
    if (pair.is_first) {
        make_samples(&pair);
        bench_print_head(program, &pair.options);
        is_correct = measure_sizes(&pair);
        bench_print_end(program, &pair.options);
    } else {
        bench_serve(&pair);
    }
    bench_pair_close(&pair);
    return is_correct ? EXIT_SUCCESS : EXIT_FAILURE;
}
