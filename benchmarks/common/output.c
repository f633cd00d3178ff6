/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <stdio.h>

#define OPERATION_COLUMN 20
#define SIZE_COLUMN      10
#define FIGURE_COLUMN    20
#define COUNT_COLUMN     12

/* Rows of the JSON object so far: JSON wants commas between, not after. */
static size_t json_rows;

/* ---- figures ---- */

/* The figure of a row whose iterations take @p us: a time or a rate. */
static double figure(const bench_program_t *program, const bench_row_t *row,
                     double us)
{
    return (program->unit == BENCH_UNIT_US) ? us : row->bytes / us;
}

static int decimals(const bench_program_t *program)
{
    return (program->unit == BENCH_UNIT_US) ? 4 : 2;
}

/* The longest time is the smallest rate. */
static double least(const bench_program_t *program, const bench_row_t *row)
{
    return figure(program, row,
                  (program->unit == BENCH_UNIT_US) ? row->stats.min
                                                   : row->stats.max);
}

static double most(const bench_program_t *program, const bench_row_t *row)
{
    return figure(program, row,
                  (program->unit == BENCH_UNIT_US) ? row->stats.max
                                                   : row->stats.min);
}

static double messages_per_second(const bench_row_t *row)
{
    return row->messages / row->us * 1e6;
}

static bool has_sizes(const bench_program_t *program)
{
    return (program->takes & BENCH_TAKES_SIZE) != 0;
}

/* ---- the table ---- */

static void print_columns(const bench_program_t *program,
                          const bench_options_t *options)
{
    bool is_us = (program->unit == BENCH_UNIT_US);
    size_t i;

    if (program->operations != NULL) {
        printf("%-*s", OPERATION_COLUMN, "# Operation");
    }
    if (has_sizes(program)) {
        printf("%-*s", SIZE_COLUMN,
               (program->operations != NULL) ? "Size" : "# Size");
    }
    printf("%*s", FIGURE_COLUMN, is_us ? "Latency (us)" : "Bandwidth (MB/s)");
    if (program->unit == BENCH_UNIT_RATE) {
        printf("%*s", FIGURE_COLUMN, "Messages/s");
    }
    if (options->is_full) {
        printf("%*s%*s%*s%*s", FIGURE_COLUMN,
               is_us ? "Min Latency(us)" : "Min BW(MB/s)", FIGURE_COLUMN,
               is_us ? "Max Latency(us)" : "Max BW(MB/s)", COUNT_COLUMN,
               "Iterations", COUNT_COLUMN, "Batch");
    }
    for (i = 0; i < options->percentile_count; ++i) {
        char column[64];

        snprintf(column, sizeof(column), "P%g Tail %s", options->percentiles[i],
                 is_us ? "Lat(us)" : "BW(MB/s)");
        printf("%*s", FIGURE_COLUMN, column);
    }
    if (options->is_validated) {
        printf("%*s", FIGURE_COLUMN, "Validation");
    }
    printf("\n");
}

static void print_text_head(const bench_program_t *program,
                            const bench_options_t *options,
                            const bench_note_t *notes, size_t note_count)
{
    size_t i;

    printf("# %s Test v%s\n", program->title, BENCH_VERSION);
    if (program->access.names != NULL) {
        printf("# %s: %s\n", program->access.title,
               program->access.names[options->access]);
    }
    if (program->sync.names != NULL) {
        printf("# %s: %s\n", program->sync.title,
               program->sync.names[options->sync]);
    }
    for (i = 0; i < note_count; ++i) {
        printf("# %s: %s\n", notes[i].title, notes[i].text);
    }
    if (bench_wants_samples(options)) {
        printf("# Clock: a reading takes %.4f us; there is one for each "
               "batch\n",
               bench_clock_cost_ns() / 1e3);
    }
    print_columns(program, options);
}

static void print_text_row(const bench_program_t *program,
                           const bench_options_t *options, size_t operation,
                           size_t size, const bench_row_t *row)
{
    int digits = decimals(program);
    size_t i;

    if (program->operations != NULL) {
        printf("%-*s", OPERATION_COLUMN, program->operations[operation]);
    }
    if (has_sizes(program)) {
        printf("%-*zu", SIZE_COLUMN, size);
    }
    printf("%*.*f", FIGURE_COLUMN, digits, figure(program, row, row->us));
    if (program->unit == BENCH_UNIT_RATE) {
        printf("%*.*f", FIGURE_COLUMN, digits, messages_per_second(row));
    }
    if (options->is_full) {
        printf("%*.*f%*.*f%*lu%*lu", FIGURE_COLUMN, digits, least(program, row),
               FIGURE_COLUMN, digits, most(program, row), COUNT_COLUMN,
               row->iterations, COUNT_COLUMN, row->batch);
    }
    for (i = 0; i < options->percentile_count; ++i) {
        printf("%*.*f", FIGURE_COLUMN, digits,
               figure(program, row, row->stats.percentiles[i]));
    }
    if (options->is_validated) {
        printf("%*s", FIGURE_COLUMN, row->is_correct ? "Pass" : "Fail");
    }
    printf("\n");
}

/* ---- JSON ---- */

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; ++text) {
        if ((*text == '"') || (*text == '\\')) {
            putchar('\\');
        }
        putchar(((unsigned char)*text < ' ') ? ' ' : *text);
    }
    putchar('"');
}

static void print_json_member(const char *key, const char *text)
{
    printf("  \"%s\": ", key);
    print_json_text(text);
    printf(",\n");
}

static void print_json_head(const bench_program_t *program,
                            const bench_options_t *options,
                            const bench_note_t *notes, size_t note_count)
{
    size_t i;

    printf("{\n");
    print_json_member("benchmark", program->name);
    print_json_member("version", BENCH_VERSION);
    if (program->access.names != NULL) {
        print_json_member(program->access.key,
                          program->access.names[options->access]);
    }
    if (program->sync.names != NULL) {
        print_json_member(program->sync.key,
                          program->sync.names[options->sync]);
    }
    for (i = 0; i < note_count; ++i) {
        print_json_member(notes[i].key, notes[i].text);
    }
    printf("  \"clock_us\": %.4f,\n", bench_clock_cost_ns() / 1e3);
    print_json_member("unit", (program->unit == BENCH_UNIT_US) ? "us" : "MB/s");
    printf("  \"rows\": [");
}

static void print_json_row(const bench_program_t *program,
                           const bench_options_t *options, size_t operation,
                           size_t size, const bench_row_t *row)
{
    size_t i;

    printf("%s\n    {", (json_rows++ > 0) ? "," : "");
    if (program->operations != NULL) {
        printf("\"operation\": \"%s\", ", program->operations[operation]);
    }
    if (has_sizes(program)) {
        printf("\"size\": %zu, ", size);
    }
    printf("\"value\": %.4f, \"iterations\": %lu",
           figure(program, row, row->us), row->iterations);
    if (program->unit == BENCH_UNIT_RATE) {
        printf(", \"messages_per_second\": %.2f", messages_per_second(row));
    }
    if (options->is_full) {
        printf(", \"min\": %.4f, \"max\": %.4f, \"batch\": %lu",
               least(program, row), most(program, row), row->batch);
    }
    if (options->percentile_count > 0) {
        printf(", \"percentiles\": {");
        for (i = 0; i < options->percentile_count; ++i) {
            printf("%s\"%g\": %.4f", (i > 0) ? ", " : "",
                   options->percentiles[i],
                   figure(program, row, row->stats.percentiles[i]));
        }
        printf("}");
    }
    if (options->is_validated) {
        printf(", \"valid\": %s", row->is_correct ? "true" : "false");
    }
    printf("}");
}

/* ---- either ---- */

void bench_print_head(const bench_program_t *program,
                      const bench_options_t *options, const bench_note_t *notes,
                      size_t note_count)
{
    if (options->is_json) {
        print_json_head(program, options, notes, note_count);
    } else {
        print_text_head(program, options, notes, note_count);
    }
    fflush(stdout);
}

void bench_print_row(const bench_program_t *program,
                     const bench_options_t *options, size_t operation,
                     size_t size, const bench_row_t *row)
{
    if (options->is_json) {
        print_json_row(program, options, operation, size, row);
    } else {
        print_text_row(program, options, operation, size, row);
    }
    fflush(stdout);
}

void bench_print_end(const bench_options_t *options)
{
    if (options->is_json) {
        printf("\n  ]\n}\n");
        fflush(stdout);
    }
}
