/* SPDX-License-Identifier: BSD-3-Clause */
/* Heat in a plate, as tests/examples/heat2d.c computes it, on one-sided
 * memory of any kind: the picture is the same to the last bit.
 *
 *     mpirun -n 4 stencil_mpi -n 256 -i 500 -o heat.png
 *
 * -n: rows and columns; -i: steps. The result is compared with a serial
 * run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "picture.h"
#include "plate.h"

/* Words that the neighbours write: the step whose row has arrived. */
#define FROM_ABOVE 0
#define FROM_BELOW 64
#define PLATES     4096

typedef struct {
    app_t app;
    size_t first, rows; /* our block of the plate */
    double *plate[2];
} stencil_t;

static void share_of(const stencil_t *stencil, uint32_t rank, size_t *first_p,
                     size_t *rows_p)
{
    size_t each = stencil->app.extent / stencil->app.ranks;
    size_t rest = stencil->app.extent % stencil->app.ranks;

    *first_p = rank * each + ((rank < rest) ? rank : rest);
    *rows_p = each + ((rank < rest) ? 1 : 0);
}

/* Bytes of one copy of a block, halos included: room for the largest. */
static size_t plate_size(const stencil_t *stencil)
{
    size_t rows = stencil->app.extent / stencil->app.ranks + 1;

    return (rows + 2) * stencil->app.extent * sizeof(double);
}

static size_t row_offset(const stencil_t *stencil, size_t copy, size_t row)
{
    return PLATES + copy * plate_size(stencil) +
           row * stencil->app.extent * sizeof(double);
}

/* Our row becomes a halo of the neighbour, and then the word tells. */
static void send_row(stencil_t *stencil, uint32_t rank, size_t halo,
                     const double *row, size_t word, uint64_t step)
{
    app_t *app = &stencil->app;

    app_put(app, rank, row_offset(stencil, step % 2, halo), row,
            app->extent * sizeof(*row));
    app_order(app, rank);
    app_put(app, rank, word, &step, sizeof(step));
    app_flush(app, rank);
}

static void exchange(stencil_t *stencil, uint64_t step)
{
    app_t *app = &stencil->app;
    double *plate = stencil->plate[step % 2];
    uint32_t rank = app->cmp.rank;
    bool has_above = rank > 0;
    bool has_below = rank + 1 < app->ranks;
    size_t first, rows;

    if (has_above) {
        share_of(stencil, rank - 1, &first, &rows);
        send_row(stencil, rank - 1, rows + 1, plate + app->extent, FROM_BELOW,
                 step);
    }
    if (has_below) {
        send_row(stencil, rank + 1, 0, plate + stencil->rows * app->extent,
                 FROM_ABOVE, step);
    }
    if (has_above) {
        app_await(app, FROM_ABOVE, step);
    }
    if (has_below) {
        app_await(app, FROM_BELOW, step);
    }
}

static void run_steps(stencil_t *stencil)
{
    size_t size = stencil->app.extent;
    uint64_t step;

    for (step = 1; step <= stencil->app.rounds; ++step) {
        step_rows(stencil->plate[step % 2] + size,
                  stencil->plate[(step - 1) % 2] + size, size, stencil->first,
                  stencil->rows);
        exchange(stencil, step);
    }
}

static void *need(const app_t *app, size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL) {
        cmp_fail(&app->cmp, "no memory");
    }
    return memory;
}

/* The first rank: the whole plate, from everybody's memory. */
static double *gather(stencil_t *stencil)
{
    app_t *app = &stencil->app;
    double *plate = need(app, app->extent * app->extent * sizeof(*plate));
    uint32_t rank;

    for (rank = 0; rank < app->ranks; ++rank) {
        size_t first, rows;

        share_of(stencil, rank, &first, &rows);
        app_get(app, rank, row_offset(stencil, app->rounds % 2, 1),
                plate + first * app->extent,
                rows * app->extent * sizeof(*plate));
    }
    return plate;
}

static bool is_like_serial(const app_t *app, const double *plate)
{
    size_t bytes = app->extent * app->extent * sizeof(*plate);
    double *serial[2] = {need(app, bytes), need(app, bytes)};
    uint64_t step;
    bool is_like;

    fill_rows(serial[0], app->extent, 0, app->extent);
    for (step = 1; step <= app->rounds; ++step) {
        step_rows(serial[step % 2], serial[(step - 1) % 2], app->extent, 0,
                  app->extent);
    }
    is_like = memcmp(serial[app->rounds % 2], plate, bytes) == 0;
    free(serial[0]);
    free(serial[1]);
    return is_like;
}

static bool finish(stencil_t *stencil)
{
    app_t *app = &stencil->app;
    double *plate = gather(stencil);
    bool is_like = is_like_serial(app, plate);

    printf(is_like ? "identical to the serial run\n"
                   : "the result differs from the serial run\n");
    if ((app->picture != NULL) &&
        (picture_write(app->picture, plate, app->extent) != 0)) {
        cmp_fail(&app->cmp, strerror(errno));
    }
    free(plate);
    return is_like;
}

static void open_block(stencil_t *stencil)
{
    app_t *app = &stencil->app;
    size_t copy;

    share_of(stencil, app->cmp.rank, &stencil->first, &stencil->rows);
    app_open(app, PLATES + 2 * plate_size(stencil));
    for (copy = 0; copy < 2; ++copy) {
        stencil->plate[copy] =
            (double *)(void *)(app->memory + row_offset(stencil, copy, 0));
    }
    /* The halos can be filled without asking the neighbours at first. */
    if (stencil->first == 0) {
        fill_rows(stencil->plate[0] + app->extent, app->extent, 0,
                  stencil->rows + 1);
    } else {
        fill_rows(stencil->plate[0], app->extent, stencil->first - 1,
                  stencil->rows + 2);
    }
    app_barrier(app);
}

int main(int argc, char **argv)
{
    stencil_t stencil = {
        .app = {.cmp = {.program = "stencil"}, .extent = 256, .rounds = 500}};
    app_t *app = &stencil.app;
    bool is_right = true;
    int64_t start;
    double took;

    app_start(app, argc, argv);
    if ((app->extent < 3) || (app->ranks > app->extent)) {
        cmp_fail(&app->cmp, "the plate is too small");
    }
    open_block(&stencil);

    start = bench_now_ns();
    run_steps(&stencil);
    app_barrier(app);
    took = (double)(bench_now_ns() - start);

    if (app->cmp.rank == 0) {
        is_right = finish(&stencil);
    }
    app_print(app, "stencil", "steps/s", (double)app->rounds * 1e9 / took,
              is_right);
    app_close(app);
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
