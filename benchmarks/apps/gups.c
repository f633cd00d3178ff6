/* SPDX-License-Identifier: BSD-3-Clause */
/* Random updates of a table that is spread over all ranks, in the manner of
 * HPCC's RandomAccess: a word is picked by the low bits of a random number
 * and changed by exclusive or with it. The updates are atomic, so none may be
 * lost: each rank computes what its part has to be, and every wrong word is
 * an error.
 *
 *     mpirun -n 4 gups_rsm -n 65536 -i 4
 *
 * -n: words of the table for each rank, a power of two; -i: updates for each
 * word. */
#include <stdio.h>
#include <stdlib.h>

#include "app.h"

/* Numbers that differ from rank to rank and are the same in each run. */
static uint64_t stream_start(uint32_t rank)
{
    return 0x9e3779b97f4a7c15u * (rank + 1);
}

static uint64_t stream_next(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* The rank and the word that a number means. */
static uint32_t home_of(const app_t *app, uint64_t number, size_t *word_p)
{
    *word_p = (size_t)number & (app->extent - 1);
    return (uint32_t)((number >> 40) % app->ranks);
}

static void update_all(app_t *app, uint64_t updates)
{
    uint64_t state = stream_start(app->cmp.rank);
    uint64_t i;

    for (i = 0; i < updates; ++i) {
        uint64_t number = stream_next(&state);
        size_t word;
        uint32_t rank = home_of(app, number, &word);

        app_xor(app, rank, word * sizeof(uint64_t), number);
    }
}

/* Replays what all ranks have done to our part. */
static uint64_t errors_of(const app_t *app, uint64_t updates)
{
    const uint64_t *table = (const uint64_t *)(const void *)app->memory;
    uint64_t *wanted = calloc(app->extent, sizeof(*wanted));
    uint64_t errors = 0;
    uint32_t rank;
    uint64_t i;

    if (wanted == NULL) {
        cmp_fail(&app->cmp, "no memory");
    }
    for (rank = 0; rank < app->ranks; ++rank) {
        uint64_t state = stream_start(rank);

        for (i = 0; i < updates; ++i) {
            uint64_t number = stream_next(&state);
            size_t word;

            if (home_of(app, number, &word) == app->cmp.rank) {
                wanted[word] ^= number;
            }
        }
    }
    for (i = 0; i < app->extent; ++i) {
        errors += (table[i] != wanted[i]);
    }
    free(wanted);
    return errors;
}

int main(int argc, char **argv)
{
    app_t app = {.cmp = {.program = "gups"}, .extent = 1ul << 16, .rounds = 4};
    uint64_t updates, errors;
    int64_t start;
    double took;

    app_start(&app, argc, argv);
    if ((app.extent & (app.extent - 1)) != 0) {
        cmp_fail(&app.cmp, "the table's size has to be a power of two");
    }
    updates = app.rounds * app.extent;
    app_open(&app, (app.extent + 1) * sizeof(uint64_t));

    start = bench_now_ns();
    update_all(&app, updates);
    app_barrier(&app);
    took = (double)(bench_now_ns() - start);

    errors =
        app_sum(&app, app.extent * sizeof(uint64_t), errors_of(&app, updates));
    app_print(&app, "gups", "million/s",
              (double)updates * app.ranks * 1e3 / took, errors == 0);
    if (app.cmp.rank == 0) {
        printf("total errors %llu\n", (unsigned long long)errors);
    }
    app_close(&app);
    return (errors == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
