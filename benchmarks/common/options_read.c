/* SPDX-License-Identifier: BSD-3-Clause */
#include "options_read.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "util/nearest.h"

/* ---- lists of names ---- */

size_t bench_name_count(const char *const *names)
{
    size_t count = 0;

    while ((names != NULL) && (names[count] != NULL)) {
        ++count;
    }
    return count;
}

int bench_name_find(const char *const *names, const char *word)
{
    size_t i;

    for (i = 0; i < bench_name_count(names); ++i) {
        if (strcmp(names[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *bench_name_choices(const char *const *names, const char *word)
{
    static char text[512];
    size_t count = bench_name_count(names);
    const char *nearest = NULL;
    size_t used = 0;
    size_t i;

    for (i = 0; i < count; ++i) {
        const char *between = (i == 0) ? "" : (i + 1 < count) ? ", " : " or ";
        int more = snprintf(text + used, sizeof(text) - used, "%s%s", between,
                            names[i]);

        used += ((size_t)more < sizeof(text) - used) ? (size_t)more : 0;
    }
    if (word != NULL) {
        nearest = rsmi_nearest(word, names, count);
    }
    if (nearest != NULL) {
        snprintf(text + used, sizeof(text) - used, " (did you mean %s?)",
                 nearest);
    }
    return text;
}

/* ---- numbers ---- */

static bool count_read(const char *text, unsigned long min, unsigned long max,
                       unsigned long *count_p)
{
    size_t number;

    if (!bench_number_read(&text, &number) || (*text != '\0') ||
        (number < min) || (number > max)) {
        return false;
    }
    *count_p = number;
    return true;
}

BENCH_READER(sizes)
{
    static const char expected[] = "[MIN:]MAX, such as 8:64k";
    size_t min = program->min_size;
    size_t max;

    if (!bench_number_read(&text, &max)) {
        return expected;
    }
    if (*text == ':') {
        ++text;
        min = max;
        if (!bench_number_read(&text, &max)) {
            return expected;
        }
    } else if (min > max) {
        min = max;
    }
    if ((*text != '\0') || (min > max) || (max > (SIZE_MAX >> 16))) {
        return expected;
    }
    options->min_size = min;
    options->max_size = max;
    options->has_sizes = true;
    return NULL;
}

BENCH_READER(iterations)
{
    (void)program;
    if (!count_read(text, 1, INT_MAX, &options->small.timed)) {
        return "a number from 1 on";
    }
    options->large.timed = options->small.timed;
    return NULL;
}

BENCH_READER(warmup)
{
    (void)program;
    if (!count_read(text, 0, INT_MAX, &options->small.warmup)) {
        return "a number from 0 on";
    }
    options->large.warmup = options->small.warmup;
    return NULL;
}

/* Options whose argument is just a number. */
#define NUMBER_READER(name, field, min, max, expected)                        \
    BENCH_READER(name)                                                        \
    {                                                                         \
        (void)program;                                                        \
        return count_read(text, min, max, &options->field) ? NULL : expected; \
    }

NUMBER_READER(window, window, 1, INT_MAX, "a number from 1 on")
NUMBER_READER(check_warmup, validated_warmup, 0, INT_MAX, "a number from 0 on")
NUMBER_READER(pieces, pieces, 1, BENCH_PIECES_MAX, "a number from 1 to 16")
NUMBER_READER(pairs, pairs, 1, BENCH_PAIRS_MAX, "a number from 1 to 512")
NUMBER_READER(threads, threads, 1, BENCH_THREADS_MAX, "a number from 1 to 64")

/* ---- names ---- */

static const char *choice_read(const char *const *names, const char *text,
                               size_t *choice_p)
{
    int choice = bench_name_find(names, text);

    if (choice < 0) {
        return bench_name_choices(names, text);
    }
    *choice_p = (size_t)choice;
    return NULL;
}

BENCH_READER(access)
{
    return choice_read(program->access.names, text, &options->access);
}

BENCH_READER(sync)
{
    options->has_sync = true;
    return choice_read(program->sync.names, text, &options->sync);
}

BENCH_READER(operations)
{
    char words[512];
    char *save = NULL;
    char *word;

    if ((size_t)snprintf(words, sizeof(words), "%s", text) >= sizeof(words)) {
        return "a list of operations";
    }
    options->operations = 0;
    for (word = strtok_r(words, ",", &save); word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        int operation = bench_name_find(program->operations, word);

        if (operation < 0) {
            return bench_name_choices(program->operations, word);
        }
        options->operations |= (uint64_t)1 << operation;
    }
    return (options->operations != 0)
               ? NULL
               : bench_name_choices(program->operations, NULL);
}

/* ---- what is printed ---- */

#define FLAG_READER(name, field) \
    BENCH_READER(name)           \
    {                            \
        (void)program;           \
        (void)text;              \
        options->field = true;   \
        return NULL;             \
    }

FLAG_READER(check, is_validated)
FLAG_READER(full, is_full)
FLAG_READER(json, is_json)

BENCH_READER(tail)
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
