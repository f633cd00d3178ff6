/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "options_read.h"
#include "util/nearest.h"

#define JSON_LETTER 0x100 /* long form only */

/* Options that are there when the program has names for them. */
enum { TAKES_ACCESS = 0x1000, TAKES_SYNC = 0x2000, TAKES_OPERATIONS = 0x4000 };

/* One option. Without @p read it is -h or -v. */
typedef struct {
    int letter;
    const char *name;
    int has_arg;
    const char *arg;
    unsigned int takes; /* programs that have it; 0: all */
    bench_read_t read;
    const char *help;
} option_row_t;

static const option_row_t option_rows[] = {
    {'m', "message-size", required_argument, "[MIN:]MAX", BENCH_TAKES_SIZE,
     bench_read_sizes, "bytes, doubled from MIN to MAX"},
    {'i', "iterations", required_argument, "N", 0, bench_read_iterations,
     "timed iterations for each row"},
    {'x', "warmup", required_argument, "N", 0, bench_read_warmup,
     "iterations before the clock starts"},
    {'W', "window-size", required_argument, "N", BENCH_TAKES_WINDOW,
     bench_read_window, "messages between two barriers (64)"},
    {'w', "access", required_argument, "WAY", TAKES_ACCESS, bench_read_access,
     NULL},
    {'s', "sync-option", required_argument, "SYNC", TAKES_SYNC, bench_read_sync,
     NULL},
    {'o', "operations", required_argument, "LIST", TAKES_OPERATIONS,
     bench_read_operations, NULL},
    {'g', "pieces", required_argument, "N", BENCH_TAKES_PIECES,
     bench_read_pieces, "pieces of a scatter-gather request (4)"},
    {'p', "pairs", required_argument, "N", BENCH_TAKES_PAIRS, bench_read_pairs,
     "pairs of processes (half of those started)"},
    {'t', "threads", required_argument, "N", BENCH_TAKES_PAIRS,
     bench_read_threads, "threads of each process that sends (1)"},
    {'c', "validation", no_argument, NULL, BENCH_TAKES_CHECK, bench_read_check,
     "compare all bytes where they belong after each row"},
    {'u', "validation-warmup", required_argument, "N", BENCH_TAKES_CHECK,
     bench_read_check_warmup, "warm-up with -c (10)"},
    {'f', "full", no_argument, NULL, 0, bench_read_full,
     "show minimum, maximum and iterations too"},
    {'z', "tail-lat", optional_argument, "LIST", 0, bench_read_tail,
     "show percentiles (50,90,99)"},
    {JSON_LETTER, "json", no_argument, NULL, 0, bench_read_json,
     "print one JSON object instead of a table"},
    {'h', "help", no_argument, NULL, 0, NULL, "show this text"},
    {'v', "version", no_argument, NULL, 0, NULL, "show the version"},
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

/* Whose options were read; for the sentences that begin with its name. */
static const bench_program_t *option_program;

/* ---- sentences ---- */

/* Launchers end a job with the first process that fails, and that has to be the
 * one that speaks. So the others wait to be ended, but not for ever. */
#define REFUSAL_S 5

bool bench_is_speaker(void)
{
    return bench_launched_rank() == 0;
}

static void complain(const char *format, va_list args)
{
    fprintf(stderr, "%s: ", option_program->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
}

void bench_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
}

void bench_refuse(const char *format, ...)
{
    va_list args;

    if (bench_is_speaker()) {
        va_start(args, format);
        complain(format, args);
        va_end(args);
    } else {
        (void)sleep(REFUSAL_S);
    }
    exit(EXIT_FAILURE);
}

void bench_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    exit(EXIT_FAILURE);
}

/* ---- the table ---- */

static bool option_is_for(const option_row_t *row,
                          const bench_program_t *program)
{
    switch (row->takes) {
    case 0:
        return true;
    case TAKES_ACCESS:
        return program->access.names != NULL;
    case TAKES_SYNC:
        return program->sync.names != NULL;
    case TAKES_OPERATIONS:
        return program->operations != NULL;
    default:
        return (row->takes & program->takes) != 0;
    }
}

static const char *option_help(const option_row_t *row,
                               const bench_program_t *program)
{
    switch (row->takes) {
    case TAKES_ACCESS:
        return bench_name_choices(program->access.names, NULL);
    case TAKES_SYNC:
        return bench_name_choices(program->sync.names, NULL);
    case TAKES_OPERATIONS:
        return bench_name_choices(program->operations, NULL);
    default:
        return row->help;
    }
}

static void print_help(const bench_program_t *program)
{
    size_t i;

    printf("Usage: mpirun -n %s %s [options]\n\n%s\n\nOptions:\n",
           (program->takes & BENCH_TAKES_PAIRS) ? "N" : "2", program->name,
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
        printf("  %-30s%s\n", left, option_help(row, program));
    }
    if (program->takes & BENCH_TAKES_SIZE) {
        printf("\nDefault: %zu to %zu bytes; %lu iterations after %lu to warm "
               "up for up to %d bytes,\n%lu after %lu for more.\n",
               program->min_size, program->max_size, program->small.timed,
               program->small.warmup, BENCH_LARGE, program->large.timed,
               program->large.warmup);
    } else {
        printf("\nDefault: %lu iterations after %lu to warm up.\n",
               program->small.timed, program->small.warmup);
    }
}

/* ---- parsing ---- */

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

/* @p word is no option of this program, or got a value it does not take. */
static _Noreturn void refuse_unknown(const struct option *known,
                                     const char *word)
{
    const char *names[OPTION_COUNT];
    const char *nearest = NULL;
    char typed[64];
    size_t count = 0;

    if (strncmp(word, "--", 2) == 0) {
        snprintf(typed, sizeof(typed), "%.*s", (int)strcspn(word + 2, "="),
                 word + 2);
        for (; known->name != NULL; ++known) {
            if (strcmp(known->name, typed) == 0) {
                bench_refuse("the option --%s takes no value", typed);
            }
            names[count++] = known->name;
        }
        nearest = rsmi_nearest(typed, names, count);
    }
    if (nearest != NULL) {
        bench_refuse("there is no option %s; did you mean --%s?", word,
                     nearest);
    }
    bench_refuse("there is no option %s; see %s -h", word,
                 option_program->name);
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
            printf("%s %s\n", program->name, BENCH_VERSION);
        }
        exit(EXIT_SUCCESS);
    }

    expected = row->read(program, optarg, options);
    if (expected != NULL) {
        bench_refuse("--%s takes %s, not \"%s\"", row->name, expected, optarg);
    }
}

void bench_parse(const bench_program_t *program, int argc, char **argv,
                 bench_options_t *options)
{
    char letters[3 * OPTION_COUNT + 2];
    struct option names[OPTION_COUNT + 1];
    int letter;

    option_program = program;
    *options = (bench_options_t){.min_size = program->min_size,
                                 .max_size = program->max_size,
                                 .small = program->small,
                                 .large = program->large,
                                 .window = 64,
                                 .operations = UINT64_MAX,
                                 .pieces = 4,
                                 .threads = 1,
                                 .validated_warmup = 10};
    make_getopt(program, letters, names);

    opterr = 0;
    while ((letter = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        const char *word = argv[optind - 1];
        char single[] = {'-', (char)optopt, '\0'};

        if (letter == ':') {
            bench_refuse("the option %s needs a value", word);
        }
        if (letter == '?') {
            /* A letter that we have means a long form with a value. */
            bool is_single = (optopt != 0) && (optopt < JSON_LETTER) &&
                             (strchr(letters, optopt) == NULL);

            refuse_unknown(names, is_single ? single : word);
        }
        option_apply(program, letter, options);
    }
    if (optind < argc) {
        bench_refuse("\"%s\" is no option; see %s -h", argv[optind],
                     program->name);
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
