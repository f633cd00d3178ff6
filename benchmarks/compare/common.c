/* SPDX-License-Identifier: BSD-3-Clause */
#include "common.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/number.h"

#define ALIGNMENT (2ul << 20)

_Noreturn void cmp_fail(const cmp_t *cmp, const char *what)
{
    fprintf(stderr, "%s: process %u: %s\n", cmp->program, cmp->rank, what);
    exit(EXIT_FAILURE);
}

/* ---- options ---- */

static void usage(const cmp_t *cmp)
{
    fprintf(stderr,
            "usage: %s [-t TEST,..] [-k KIND,..] [-w WAY,..] [-m SIZE,..]\n"
            "    [-p CORE,CORE] [-b BATCHES] [-u MICROSECONDS of a batch]\n"
            "    [-l SECONDS at most]\n",
            cmp->program);
    exit(EXIT_FAILURE);
}

/* Up to CMP_SIZES_MAX numbers with commas between; how many. */
static unsigned int read_numbers(const cmp_t *cmp, const char *text, size_t max,
                                 size_t *numbers)
{
    unsigned int count = 0;

    for (;; ++text) {
        if ((count == CMP_SIZES_MAX) ||
            !bench_number_read(&text, &numbers[count]) ||
            (numbers[count++] > max)) {
            usage(cmp);
        }
        if (*text != ',') {
            break;
        }
    }
    if (*text != '\0') {
        usage(cmp);
    }
    return count;
}

static size_t read_number(const cmp_t *cmp, const char *text, size_t max)
{
    size_t numbers[CMP_SIZES_MAX];

    if ((read_numbers(cmp, text, max, numbers) != 1) || (numbers[0] == 0)) {
        usage(cmp);
    }
    return numbers[0];
}

static void read_sizes(cmp_t *cmp, const char *text)
{
    cmp_options_t *options = &cmp->options;
    unsigned int i;

    options->size_count = read_numbers(cmp, text, CMP_AREA, options->sizes);
    for (i = 0; i < options->size_count; ++i) {
        if (options->sizes[i] == 0) {
            usage(cmp);
        }
    }
}

static void read_cores(cmp_t *cmp, const char *text)
{
    size_t cores[CMP_SIZES_MAX];

    if (read_numbers(cmp, text, CPU_SETSIZE - 1, cores) != 2) {
        usage(cmp);
    }
    cmp->options.cores[0] = (int)cores[0];
    cmp->options.cores[1] = (int)cores[1];
}

/* Whatever a peer waits for and does not get ends here. */
static void too_long(int signum)
{
    static const char sentence[] = "the measurement took too long\n";

    (void)signum;
    if (write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0) {
        _exit(3);
    }
    _exit(2);
}

void cmp_parse(cmp_t *cmp, int argc, char **argv)
{
    cmp_options_t *options = &cmp->options;
    int letter;

    *options = (cmp_options_t){.sizes = {8, 4096},
                               .size_count = 2,
                               .cores = {0, 1},
                               .batches = 5,
                               .batch_ns = 1000000,
                               .limit_s = 120};
    while ((letter = getopt(argc, argv, "t:k:w:m:p:b:u:l:")) != -1) {
        switch (letter) {
        case 't':
            options->tests = optarg;
            break;
        case 'k':
            options->kinds = optarg;
            break;
        case 'w':
            options->ways = optarg;
            break;
        case 'm':
            read_sizes(cmp, optarg);
            break;
        case 'p':
            read_cores(cmp, optarg);
            break;
        case 'b':
            options->batches = (unsigned int)read_number(cmp, optarg, 1000);
            break;
        case 'u':
            options->batch_ns =
                1000 * (int64_t)read_number(cmp, optarg, 10000000);
            break;
        case 'l':
            options->limit_s = (unsigned int)read_number(cmp, optarg, 36000);
            break;
        default:
            usage(cmp);
        }
    }
    if (optind != argc) {
        usage(cmp);
    }
    signal(SIGALRM, too_long);
    alarm(options->limit_s);
}

/* Whether a comma list has the name; no list has all names. */
static bool list_has(const char *list, const char *name)
{
    size_t len = strlen(name);
    const char *at = list;

    if (list == NULL) {
        return true;
    }
    while (at != NULL) {
        if ((strncmp(at, name, len) == 0) &&
            ((at[len] == ',') || (at[len] == '\0'))) {
            return true;
        }
        at = strchr(at, ',');
        at = (at != NULL) ? at + 1 : NULL;
    }
    return false;
}

bool cmp_wants(const cmp_t *cmp, const char *test)
{
    return list_has(cmp->options.tests, test);
}

bool cmp_wants_kind(const cmp_t *cmp, const char *kind)
{
    return list_has(cmp->options.kinds, kind);
}

bool cmp_wants_way(const cmp_t *cmp, const char *way)
{
    return list_has(cmp->options.ways, way);
}

/* ---- places ---- */

void cmp_pin(const cmp_t *cmp, unsigned int rank)
{
    bench_pin(cmp->options.cores[rank % 2]);
}

unsigned char *cmp_memory(size_t size)
{
    void *memory;

    if (posix_memalign(&memory, ALIGNMENT, size) != 0) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        exit(EXIT_FAILURE);
    }
    memset(memory, 0, size);
    return memory;
}

/* ---- results ---- */

void cmp_print(const cmp_t *cmp, const cmp_row_t *row, const double *values,
               size_t count)
{
    const char *way = (row->way != NULL) ? row->way : "";
    bool has_both = (cmp->kind != NULL) && (*way != '\0');
    size_t i;

    printf("{\"peer\": \"%s\", \"way\": \"%s%s%s\", \"what\": \"%s\", "
           "\"size\": %zu, \"unit\": \"%s\", \"values\": [",
           cmp->peer->name, (cmp->kind != NULL) ? cmp->kind : "",
           has_both ? "/" : "", way, row->what, row->size, row->unit);
    for (i = 0; i < count; ++i) {
        printf("%s%.6g", (i > 0) ? ", " : "", values[i]);
    }
    printf("]}\n");
    fflush(stdout);
}

void cmp_print_done(const cmp_t *cmp)
{
    printf("{\"peer\": \"%s\", \"done\": true}\n", cmp->peer->name);
    fflush(stdout);
}

void cmp_print_absent(const cmp_t *cmp, const char *what)
{
    printf("{\"peer\": \"%s\", \"absent\": \"%s\"}\n", cmp->peer->name, what);
    fflush(stdout);
}
