/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- checks of the bytes that were moved ---- */

bool bench_check_put(bench_t *bench, size_t operation, size_t size)
{
    size_t slots = bench_slots(bench, size);

    (void)operation;
    (void)bench_ask(bench, bench->partner, BENCH_ASK_CLEAR, 0, slots * size, 0);
    bench_fill(bench->local, slots * size, size);
    BENCH_BY_WAY(bench->options.access, put, bench_window, &bench->link, slots,
                 slots, size);
    return bench_ask(bench, bench->partner, BENCH_ASK_CHECK, 0, slots * size,
                     size) == 0;
}

bool bench_check_get(bench_t *bench, size_t operation, size_t size)
{
    size_t slots = bench_slots(bench, size);

    (void)operation;
    (void)bench_ask(bench, bench->partner, BENCH_ASK_FILL, 0, slots * size,
                    size);
    memset(bench->local, 0, slots * size);
    BENCH_BY_WAY(bench->options.access, get, bench_window, &bench->link, slots,
                 slots, size);
    return bench_differing(bench->local, slots * size, size) == 0;
}

/* ---- one run ---- */

/* What the options of a program of librsm mean together. */
static void finish_options(bench_t *bench)
{
    bench_options_t *options = &bench->options;
    bool is_map = bench_wants_map(bench);

    if (is_map && !options->has_sync && (bench->program->sync.names != NULL)) {
        options->sync = BENCH_SYNC_SEGMENT;
    }
    if (is_map && (bench_sync(bench) == BENCH_SYNC_IMPLICIT)) {
        bench_refuse("a mapping has no implicit barriers; use -s segment or "
                     "-s node with -w map");
    }
    bench_link_check_sizes(bench);
}

#define OPERATIONS_MAX 64

static void measure_row(bench_t *bench, size_t operation, size_t size,
                        bench_row_t *rows)
{
    if (bench->actions->measure != NULL) {
        bench->actions->measure(bench, operation, size, &rows[operation]);
    } else if (rows[operation].iterations == 0) {
        bench->actions->measure_all(bench, size, rows);
    }
}

/* Rows of one size. Whether all that were checked were correct. */
static bool measure_size(bench_t *bench, size_t size)
{
    const bench_program_t *program = bench->program;
    size_t count = bench_name_count(program->operations);
    bench_row_t rows[OPERATIONS_MAX] = {{.iterations = 0}};
    bool is_correct = true;
    size_t i;

    for (i = 0; i < ((count > 0) ? count : 1); ++i) {
        if (!bench_wants(&bench->options, i)) {
            continue;
        }
        measure_row(bench, i, size, rows);
        if (bench->options.is_validated) {
            rows[i].is_correct = bench->actions->check(bench, i, size);
            is_correct = is_correct && rows[i].is_correct;
        }
        bench_print_row(program, &bench->options, i, size, &rows[i]);
    }
    return is_correct;
}

static bool measure_sizes(bench_t *bench)
{
    bool has_sizes = (bench->program->takes & BENCH_TAKES_SIZE) != 0;
    size_t size = bench->options.min_size;
    bool is_correct = true;

    do {
        is_correct = measure_size(bench, size) && is_correct;
        size = (size == 0) ? bench_least_size(bench) : 2 * size;
    } while (has_sizes && (size <= bench->options.max_size));
    return is_correct;
}

int bench_main(const bench_program_t *program, const bench_actions_t *actions,
               int argc, char **argv)
{
    bench_t bench = {.program = program, .actions = actions};
    bench_note_t notes[BENCH_TEAM_NOTES];
    bool is_correct = true;

    bench_parse(program, argc, argv, &bench.options);
    finish_options(&bench);
    bench_team_open(&bench);
    if (bench.self == 0) {
        size_t note_count = bench_team_notes(&bench, notes);

        bench_print_head(program, &bench.options, notes, note_count);
        is_correct = measure_sizes(&bench);
        bench_print_end(&bench.options);
    } else {
        bench_serve(&bench);
    }
    bench_team_close(&bench);
    return is_correct ? EXIT_SUCCESS : EXIT_FAILURE;
}
