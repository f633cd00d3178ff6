/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <stdio.h>
#include <unistd.h>

#include <rsmx.h>

#define SIZE_COLUMN       10
#define FIGURE_COLUMN     20
#define ITERATIONS_COLUMN 12

/* Rows of the JSON object so far: JSON wants commas between, not after. */
static size_t json_rows;

static const char *access_text(const bench_program_t *program,
                               const bench_options_t *options)
{
    return (options->access == BENCH_ACCESS_MAP) ? "map" : program->call;
}

static const char *sync_text(const bench_options_t *options)
{
    switch (options->sync) {
    case BENCH_SYNC_SEGMENT:
        return "segment";
    case BENCH_SYNC_NODE:
        return "node";
    default:
        return "implicit";
    }
}

/* Words of a latency table and of a bandwidth table. */
static const char *unit_column(const bench_program_t *program)
{
    return (program->unit == BENCH_UNIT_US) ? "Latency (us)"
                                            : "Bandwidth (MB/s)";
}

static void print_text_head(const bench_program_t *program,
                            const bench_options_t *options)
{
    bool is_us = (program->unit == BENCH_UNIT_US);
    size_t i;

    printf("# RSM %s Test v%s\n", program->title, rsmx_version());
    if (program->takes & BENCH_TAKES_ACCESS) {
        printf("# Access: %s\n", access_text(program, options));
    }
    if (program->takes & BENCH_TAKES_SYNC) {
        printf("# Synchronization: %s\n", sync_text(options));
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        printf("# Oversubscribed: 2 processes share 1 processor\n");
    }

    printf("%-*s%*s", SIZE_COLUMN, "# Size", FIGURE_COLUMN,
           unit_column(program));
    if (options->is_full) {
        printf("%*s%*s%*s", FIGURE_COLUMN,
               is_us ? "Min Latency(us)" : "Min BW(MB/s)", FIGURE_COLUMN,
               is_us ? "Max Latency(us)" : "Max BW(MB/s)", ITERATIONS_COLUMN,
               "Iterations");
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

static void print_text_row(const bench_options_t *options, size_t size,
                           const bench_row_t *row)
{
    size_t i;

    printf("%-*zu%*.2f", SIZE_COLUMN, size, FIGURE_COLUMN, row->value);
    if (options->is_full) {
        printf("%*.2f%*.2f%*lu", FIGURE_COLUMN, row->stats.min, FIGURE_COLUMN,
               row->stats.max, ITERATIONS_COLUMN, row->iterations);
    }
    for (i = 0; i < options->percentile_count; ++i) {
        printf("%*.2f", FIGURE_COLUMN, row->stats.percentiles[i]);
    }
    if (options->is_validated) {
        printf("%*s", FIGURE_COLUMN, row->is_correct ? "Pass" : "Fail");
    }
    printf("\n");
}

static void print_json_row(const bench_options_t *options, size_t size,
                           const bench_row_t *row)
{
    size_t i;

    printf("%s\n    {\"size\": %zu, \"value\": %.4f, \"iterations\": %lu",
           (json_rows++ > 0) ? "," : "", size, row->value, row->iterations);
    if (options->is_full) {
        printf(", \"min\": %.4f, \"max\": %.4f", row->stats.min,
               row->stats.max);
    }
    if (options->percentile_count > 0) {
        printf(", \"percentiles\": {");
        for (i = 0; i < options->percentile_count; ++i) {
            printf("%s\"%g\": %.4f", (i > 0) ? ", " : "",
                   options->percentiles[i], row->stats.percentiles[i]);
        }
        printf("}");
    }
    if (options->is_validated) {
        printf(", \"valid\": %s", row->is_correct ? "true" : "false");
    }
    printf("}");
}

void bench_print_head(const bench_program_t *program,
                      const bench_options_t *options)
{
    if (!options->is_json) {
        print_text_head(program, options);
    } else {
        printf("{\n  \"benchmark\": \"%s\",\n  \"version\": \"%s\",\n"
               "  \"access\": \"%s\",\n  \"sync\": \"%s\",\n"
               "  \"unit\": \"%s\",\n  \"rows\": [",
               program->name, rsmx_version(), access_text(program, options),
               sync_text(options),
               (program->unit == BENCH_UNIT_US) ? "us" : "MB/s");
    }
    fflush(stdout);
}

void bench_print_row(const bench_program_t *program,
                     const bench_options_t *options, size_t size,
                     const bench_row_t *row)
{
    (void)program;
    if (options->is_json) {
        print_json_row(options, size, row);
    } else {
        print_text_row(options, size, row);
    }
    fflush(stdout);
}

void bench_print_end(const bench_program_t *program,
                     const bench_options_t *options)
{
    (void)program;
    if (options->is_json) {
        printf("\n  ]\n}\n");
        fflush(stdout);
    }
}
