/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rsmx.h>

#include "bench.h"

#define JSON_LETTER 0x100 /* long form only */

/* Reads one argument. Says what it had expected, or NULL when content. */
typedef const char *(*option_read_t)(const bench_program_t *program,
                                     const char *text,
                                     bench_options_t *options);

/* One option. Without @p read it is -h or -v. */
typedef struct {
    int letter;
    const char *name;
    int has_arg;
    const char *arg;
    unsigned int takes; /* programs that have it; 0: all */
    option_read_t read;
    const char *help;
} option_row_t;

bool bench_is_speaker(void)
{
    const char *rank = getenv("PMIX_RANK");

    return (rank == NULL) || (strcmp(rank, "0") == 0);
}

void bench_refuse(const bench_program_t *program, const char *format, ...)
{
    va_list args;

    if (bench_is_speaker()) {
        fprintf(stderr, "%s: ", program->name);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\n");
    }
    exit(EXIT_FAILURE);
}

/* A number with k, m or g behind it. */
static bool number_read(const char **text, size_t *number_p)
{
    static const char units[] = "kmg";
    unsigned long long number;
    const char *unit;
    char *end;
    unsigned int shift = 0;

    if ((**text < '0') || (**text > '9')) {
        return false;
    }
    errno = 0;
    number = strtoull(*text, &end, 10);
    unit = (*end == '\0') ? NULL : strchr(units, *end | 0x20);
    if (unit != NULL) {
        shift = 10 * (unsigned int)(unit - units + 1);
        ++end;
    }
    if ((errno != 0) || (number > (SIZE_MAX >> shift))) {
        return false;
    }
    *text = end;
    *number_p = (size_t)number << shift;
    return true;
}

static bool count_read(const char *text, unsigned long min,
                       unsigned long *count_p)
{
    size_t number;

    if (!number_read(&text, &number) || (*text != '\0') || (number < min) ||
        (number > INT_MAX)) {
        return false;
    }
    *count_p = number;
    return true;
}

static const char *read_sizes(const bench_program_t *program, const char *text,
                              bench_options_t *options)
{
    static const char expected[] = "[MIN:]MAX, such as 8:64k";
    size_t min = 1;
    size_t max;

    (void)program;
    if (!number_read(&text, &max)) {
        return expected;
    }
    if (*text == ':') {
        ++text;
        min = max;
        if (!number_read(&text, &max)) {
            return expected;
        }
    }
    if ((*text != '\0') || (max < 1) || (min > max) ||
        (max > (SIZE_MAX >> 8))) {
        return expected;
    }
    options->min_size = min;
    options->max_size = max;
    return NULL;
}

static const char *read_iterations(const bench_program_t *program,
                                   const char *text, bench_options_t *options)
{
    (void)program;
    if (!count_read(text, 1, &options->small.timed)) {
        return "a number from 1 on";
    }
    options->large.timed = options->small.timed;
    return NULL;
}

static const char *read_warmup(const bench_program_t *program, const char *text,
                               bench_options_t *options)
{
    (void)program;
    if (!count_read(text, 0, &options->small.warmup)) {
        return "a number from 0 on";
    }
    options->large.warmup = options->small.warmup;
    return NULL;
}

static const char *read_window(const bench_program_t *program, const char *text,
                               bench_options_t *options)
{
    (void)program;
    return count_read(text, 1, &options->window) ? NULL : "a number from 1 on";
}

static const char *read_access(const bench_program_t *program, const char *text,
                               bench_options_t *options)
{
    if (strcmp(text, "map") == 0) {
        options->access = BENCH_ACCESS_MAP;
    } else if (strcmp(text, program->call) == 0) {
        options->access = BENCH_ACCESS_CALL;
    } else {
        return (strcmp(program->call, "get") == 0) ? "get or map"
                                                   : "put or map";
    }
    return NULL;
}

static const char *read_sync(const bench_program_t *program, const char *text,
                             bench_options_t *options)
{
    (void)program;
    if (strcmp(text, "implicit") == 0) {
        options->sync = BENCH_SYNC_IMPLICIT;
    } else if (strcmp(text, "segment") == 0) {
        options->sync = BENCH_SYNC_SEGMENT;
    } else if (strcmp(text, "node") == 0) {
        options->sync = BENCH_SYNC_NODE;
    } else {
        return "implicit, segment or node";
    }
    return NULL;
}

static const char *read_check(const bench_program_t *program, const char *text,
                              bench_options_t *options)
{
    (void)program;
    (void)text;
    options->is_validated = true;
    return NULL;
}

static const char *read_check_warmup(const bench_program_t *program,
                                     const char *text, bench_options_t *options)
{
    (void)program;
    return count_read(text, 0, &options->validated_warmup)
               ? NULL
               : "a number from 0 on";
}

static const char *read_full(const bench_program_t *program, const char *text,
                             bench_options_t *options)
{
    (void)program;
    (void)text;
    options->is_full = true;
    return NULL;
}

static const char *read_tail(const bench_program_t *program, const char *text,
                             bench_options_t *options)
{
    static const char expected[] = "up to 8 percentages, such as 50,90,99.9";
    const char *at = (text != NULL) ? text : "50,90,99";
    size_t count = 0;

    (void)program;
    for (;;) {
        char *end;
        double value;

        if ((*at < '0') || (*at > '9') || (count == BENCH_PERCENTILES_MAX)) {
            return expected;
        }
        value = strtod(at, &end);
        if ((value > 100.0) || ((*end != ',') && (*end != '\0'))) {
            return expected;
        }
        options->percentiles[count++] = value;
        if (*end == '\0') {
            break;
        }
        at = end + 1;
    }
    options->percentile_count = count;
    return NULL;
}

static const char *read_json(const bench_program_t *program, const char *text,
                             bench_options_t *options)
{
    (void)program;
    (void)text;
    options->is_json = true;
    return NULL;
}

static const option_row_t option_rows[] = {
    {'m', "message-size", required_argument, "[MIN:]MAX", BENCH_TAKES_SIZE,
     read_sizes, "bytes, doubled from MIN to MAX (1:4m)"},
    {'i', "iterations", required_argument, "N", 0, read_iterations,
     "timed iterations for each size"},
    {'x', "warmup", required_argument, "N", 0, read_warmup,
     "iterations before the clock starts"},
    {'W', "window-size", required_argument, "N", BENCH_TAKES_WINDOW,
     read_window, "messages between two barriers (64)"},
    {'w', "access", required_argument, "WAY", BENCH_TAKES_ACCESS, read_access,
     "the call, or map: loads and stores"},
    {'s', "sync-option", required_argument, "SYNC", BENCH_TAKES_SYNC, read_sync,
     "barriers: implicit, segment or node"},
    {'c', "validation", no_argument, NULL, BENCH_TAKES_CHECK, read_check,
     "compare all bytes at the target after each size"},
    {'u', "validation-warmup", required_argument, "N", BENCH_TAKES_CHECK,
     read_check_warmup, "warm-up with -c (10)"},
    {'f', "full", no_argument, NULL, BENCH_TAKES_TAIL, read_full,
     "show minimum, maximum and iterations too"},
    {'z', "tail-lat", optional_argument, "LIST", BENCH_TAKES_TAIL, read_tail,
     "show percentiles (50,90,99)"},
    {JSON_LETTER, "json", no_argument, NULL, 0, read_json,
     "print one JSON object instead of a table"},
    {'h', "help", no_argument, NULL, 0, NULL, "show this text"},
    {'v', "version", no_argument, NULL, 0, NULL, "show the version"},
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

static bool option_is_for(const option_row_t *row,
                          const bench_program_t *program)
{
    return (row->takes == 0) || ((row->takes & program->takes) != 0);
}

static void print_help(const bench_program_t *program)
{
    size_t i;

    printf("Usage: mpirun -n 2 %s [options]\n\n%s\n\nOptions:\n", program->name,
           program->summary);
    for (i = 0; i < OPTION_COUNT; ++i) {
        const option_row_t *row = &option_rows[i];
        char left[64];
        char letter[8] = "";

        if (!option_is_for(row, program)) {
            continue;
        }
        if (row->letter < JSON_LETTER) {
            snprintf(letter, sizeof(letter), "-%c,", row->letter);
        }
        snprintf(left, sizeof(left),
                 (row->has_arg == optional_argument) ? "%3s --%s[=%s]"
                                                     : "%3s --%s %s",
                 letter, row->name, (row->arg != NULL) ? row->arg : "");
        printf("  %-30s%s\n", left, row->help);
    }
    printf("\nDefault: %lu iterations after %lu to warm up for up to %d bytes,"
           "\n%lu after %lu for more.\n",
           program->small.timed, program->small.warmup, BENCH_LARGE,
           program->large.timed, program->large.warmup);
}

/* What getopt_long() wants, made from the table. */
static void make_getopt(const bench_program_t *program, char *letters,
                        struct option *names)
{
    size_t i;

    *letters++ = ':'; /* we write the sentences */
    for (i = 0; i < OPTION_COUNT; ++i) {
        const option_row_t *row = &option_rows[i];
        int colons = row->has_arg;

        if (!option_is_for(row, program)) {
            continue;
        }
        *names++ = (struct option){row->name, row->has_arg, NULL, row->letter};
        if (row->letter < JSON_LETTER) {
            *letters++ = (char)row->letter;
            while (colons-- > 0) {
                *letters++ = ':';
            }
        }
    }
    *letters = '\0';
    *names = (struct option){NULL, 0, NULL, 0};
}

static void option_apply(const bench_program_t *program, int letter,
                         bench_options_t *options)
{
    const option_row_t *row = option_rows;
    const char *expected;

    while (row->letter != letter) {
        ++row;
    }
    if (row->read == NULL) {
        if (bench_is_speaker() && (letter == 'h')) {
            print_help(program);
        } else if (bench_is_speaker()) {
            printf("%s %s\n", program->name, rsmx_version());
        }
        exit(EXIT_SUCCESS);
    }

    expected = row->read(program, optarg, options);
    if (expected != NULL) {
        bench_refuse(program, "--%s takes %s, not \"%s\"", row->name, expected,
                     optarg);
    }
}

void bench_parse(const bench_program_t *program, int argc, char **argv,
                 bench_options_t *options)
{
    char letters[3 * OPTION_COUNT + 2];
    struct option names[OPTION_COUNT + 1];
    int letter;

    *options = (bench_options_t){.min_size = 1,
                                 .max_size = 4 * 1024 * 1024,
                                 .small = program->small,
                                 .large = program->large,
                                 .window = 64,
                                 .validated_warmup = 10};
    make_getopt(program, letters, names);

    opterr = 0;
    while ((letter = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        const char *word = argv[optind - 1];

        if (letter == ':') {
            bench_refuse(program, "the option %s needs a value", word);
        }
        if ((letter == '?') && (optopt != 0) && (optopt < JSON_LETTER)) {
            bench_refuse(program, "there is no option -%c; see %s -h", optopt,
                         program->name);
        }
        if (letter == '?') {
            bench_refuse(program, "there is no option %s; see %s -h", word,
                         program->name);
        }
        option_apply(program, letter, options);
    }
    if (optind < argc) {
        bench_refuse(program, "\"%s\" is no option; see %s -h", argv[optind],
                     program->name);
    }

    if (options->sync == BENCH_SYNC_DEFAULT) {
        options->sync = (options->access == BENCH_ACCESS_MAP)
                            ? BENCH_SYNC_SEGMENT
                            : BENCH_SYNC_IMPLICIT;
    }
    if ((options->access == BENCH_ACCESS_MAP) &&
        (options->sync == BENCH_SYNC_IMPLICIT)) {
        bench_refuse(program, "a mapping has no implicit barriers; use "
                              "-s segment or -s node with -w map");
    }
}

bench_rounds_t bench_rounds(const bench_options_t *options, size_t size)
{
    bench_rounds_t rounds =
        (size > BENCH_LARGE) ? options->large : options->small;

    if (options->is_validated) {
        rounds.warmup = options->validated_warmup;
    }
    return rounds;
}
