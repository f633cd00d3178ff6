/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/number.h"

#define SPINS   2000 /* before the processor is given to somebody else */
#define LIMIT_S 120

static void read_number(const app_t *app, const char *text, uint64_t *number_p)
{
    size_t number;

    if (!bench_number_read(&text, &number) || (*text != '\0') ||
        (number == 0)) {
        cmp_fail(&app->cmp, "an option needs a number from 1 on");
    }
    *number_p = number;
}

void app_read_options(app_t *app, int argc, char **argv)
{
    uint64_t extent = app->extent;
    int letter;

    while ((letter = getopt(argc, argv, "n:i:o:k:p")) != -1) {
        switch (letter) {
        case 'n':
            read_number(app, optarg, &extent);
            break;
        case 'i':
            read_number(app, optarg, &app->rounds);
            break;
        case 'o':
            app->picture = optarg;
            break;
        case 'k':
            app->cmp.kind = optarg;
            break;
        case 'p':
            app->cmp.options.cores[1] = 1;
            cmp_pin(&app->cmp, bench_launched_rank());
            break;
        default:
            cmp_fail(&app->cmp,
                     "usage: [-n EXTENT] [-i ROUNDS] [-o PICTURE] [-k KIND] "
                     "[-p]");
        }
    }
    app->extent = (size_t)extent;
    (void)alarm(LIMIT_S); /* whatever is waited for in vain ends here */
}

void app_await(app_t *app, size_t offset, uint64_t value)
{
    _Atomic uint64_t *word = (_Atomic uint64_t *)(void *)(app->memory + offset);
    unsigned long round;

    for (round = 1; atomic_load_explicit(word, memory_order_acquire) < value;
         ++round) {
        app_progress(app);
        if (round > SPINS) {
            sched_yield();
        }
    }
}

uint64_t app_sum(app_t *app, size_t offset, uint64_t value)
{
    uint64_t *mine = (uint64_t *)(void *)(app->memory + offset);
    uint64_t sum = 0;
    uint32_t rank;

    *mine = value;
    app_barrier(app);
    for (rank = 0; rank < app->ranks; ++rank) {
        uint64_t part;

        app_get(app, rank, offset, &part, sizeof(part));
        sum += part;
    }
    app_barrier(app);
    return sum;
}

void app_print(const app_t *app, const char *what, const char *unit,
               double value, bool is_right)
{
    cmp_row_t row = {.what = what, .unit = unit, .size = app->extent};

    if (app->cmp.rank == 0) {
        cmp_print(&app->cmp, &row, &value, 1);
        if (is_right) {
            cmp_print_done(&app->cmp);
        }
    }
}
