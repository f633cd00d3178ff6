/* SPDX-License-Identifier: BSD-3-Clause */
/* What grows with a job: processes that wait for each other, windows, and
 * regions attached to one window. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common_run.h"
#include "compare_mpi.h"

/* ---- more processes than cores ---- */

#define CROWD_STEPS_MIN 5
#define CROWD_STEPS_MAX 10000
#define CROWD_BATCH     5 /* times as long as others: switches are slow */

static void put_word(cmp_t *cmp)
{
    MPI_Put(cmp->local + CMP_DATA, 8, MPI_BYTE, mpi.other, mpi.base + CMP_DATA,
            8, MPI_BYTE, mpi.win);
}

static void crowd_fence(cmp_t *cmp)
{
    put_word(cmp);
    MPI_Win_fence(0, mpi.win);
}

/* A ring: everybody is origin of one epoch and target of another. */
static void crowd_pscw(cmp_t *cmp)
{
    MPI_Win_post(mpi.reached_by_group, 0, mpi.win);
    MPI_Win_start(mpi.other_group, 0, mpi.win);
    put_word(cmp);
    MPI_Win_complete(mpi.win);
    MPI_Win_wait(mpi.win);
}

static int64_t crowd_batch(cmp_t *cmp, void (*step)(cmp_t *cmp), long steps)
{
    int64_t start = bench_now_ns();
    long i;

    for (i = 0; i < steps; ++i) {
        step(cmp);
    }
    return bench_now_ns() - start;
}

static void measure_crowd(cmp_t *cmp, const char *way, void (*step)(cmp_t *cmp))
{
    cmp_row_t row = {
        .way = way, .what = "crowd", .unit = "us", .size = (size_t)mpi.ranks};
    double values[CMP_BATCHES_MAX];
    double wanted = (double)cmp->options.batch_ns * CROWD_BATCH;
    long steps = CROWD_STEPS_MIN;
    unsigned int i;

    steps =
        (long)(wanted * (double)steps / (double)crowd_batch(cmp, step, steps));
    steps = (steps < CROWD_STEPS_MIN)   ? CROWD_STEPS_MIN
            : (steps > CROWD_STEPS_MAX) ? CROWD_STEPS_MAX
                                        : steps;
    MPI_Bcast(&steps, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    for (i = 0; i < cmp->options.batches; ++i) {
        values[i] = (double)crowd_batch(cmp, step, steps) / 1e3 / (double)steps;
    }
    if (cmp->rank == 0) {
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
}

void mpi_run_crowd(cmp_t *cmp)
{
    MPI_Win_fence(0, mpi.win);
    measure_crowd(cmp, "fence", crowd_fence);
    MPI_Win_fence(MPI_MODE_NOSUCCEED, mpi.win);
    measure_crowd(cmp, "pscw", crowd_pscw);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* ---- many windows, many regions ---- */

/* Puts go to so many of them, evenly spread: it is the look-up that is to be
 * measured, not how much the processor's caches hold. */
#define SPREAD 10

#define PAGE 4096

static const size_t levels[] = {10, 1000, 10000};
#define LEVELS      (sizeof(levels) / sizeof(levels[0]))
#define LEVEL_MAX   10000
#define WINDOWS_MAX 1000

static MPI_Win windows[WINDOWS_MAX];
static size_t many_count;
static size_t many_at;

static size_t many_next(void)
{
    size_t stride = many_count / SPREAD;

    many_at += stride;
    if (many_at >= many_count) {
        many_at = stride - 1;
    }
    return many_at;
}

static void window_put(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Win win = windows[many_next()];

    MPI_Put(cmp->local + offset, (int)size, MPI_BYTE, mpi.other, 0, (int)size,
            MPI_BYTE, win);
    MPI_Win_flush(mpi.other, win);
}

/* Every second page is a region. */
static void region_put(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Aint at = mpi.base + (MPI_Aint)(2 * PAGE * many_next());

    MPI_Put(cmp->local + offset, (int)size, MPI_BYTE, mpi.other, at, (int)size,
            MPI_BYTE, mpi.win);
    MPI_Win_flush(mpi.other, mpi.win);
}

static const cmp_way_t way_windows = {.name = "windows", .put = window_put};
static const cmp_way_t way_regions = {.name = "regions", .put = region_put};

/* The size of a row says how many there are. */
static void step_many(cmp_t *cmp, const cmp_way_t *way, size_t size)
{
    (void)size;
    way->put(cmp, CMP_DATA, sizeof(uint64_t));
}

static void print_one(cmp_t *cmp, const cmp_way_t *way, const char *what,
                      double us)
{
    cmp_row_t row = {
        .way = way->name, .what = what, .unit = "us", .size = many_count};

    if (cmp->rank == 0) {
        cmp_print(cmp, &row, &us, 1);
    }
}

/* What one more of them cost, the first put to one, and the later ones. */
static void report(cmp_t *cmp, const cmp_way_t *way, double open_us)
{
    cmp_row_t row = {.what = "many_put", .unit = "us", .size = many_count};
    int64_t start = bench_now_ns();
    int i;

    print_one(cmp, way, "many_open", open_us);
    many_at = many_count - 1;
    for (i = 0; (cmp->rank == 0) && (i < SPREAD); ++i) {
        step_many(cmp, way, 0);
    }
    print_one(cmp, way, "many_first",
              (double)(bench_now_ns() - start) / 1e3 / SPREAD);
    cmp_measure(cmp, way, step_many, row, 0);
}

static bool all_have(bool is_there)
{
    int mine = is_there;
    int all;

    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return all != 0;
}

static void absent(cmp_t *cmp, const char *what)
{
    char text[64];

    if (cmp->rank == 0) {
        snprintf(text, sizeof(text), "%zu %s", many_count, what);
        cmp_print_absent(cmp, text);
    }
}

static bool one_window(const mpi_kind_t *kind, MPI_Win *win,
                       unsigned char *page)
{
    void *memory;
    int rc;

    rc = (kind->name[0] == 'a') ? MPI_Win_allocate(PAGE, 1, MPI_INFO_NULL,
                                                   MPI_COMM_WORLD, &memory, win)
                                : MPI_Win_create(page, PAGE, 1, MPI_INFO_NULL,
                                                 MPI_COMM_WORLD, win);
    if (rc == MPI_SUCCESS) {
        MPI_Win_lock_all(MPI_MODE_NOCHECK, *win);
    }
    return rc == MPI_SUCCESS;
}

static void run_windows(cmp_t *cmp, const mpi_kind_t *kind)
{
    unsigned char *pages = cmp_memory((size_t)WINDOWS_MAX * PAGE);
    bool is_there = true;
    size_t count = 0;
    size_t i;

    for (i = 0; (i < LEVELS) && (levels[i] <= WINDOWS_MAX) && is_there; ++i) {
        int64_t start = bench_now_ns();
        size_t before = count;

        while ((count < levels[i]) && is_there) {
            is_there = all_have(
                one_window(kind, &windows[count], pages + count * PAGE));
            count += is_there;
        }
        many_count = levels[i];
        if (is_there) {
            report(cmp, &way_windows,
                   (double)(bench_now_ns() - start) / 1e3 /
                       (double)(count - before));
        } else {
            absent(cmp, "windows");
        }
    }
    while (count > 0) {
        --count;
        MPI_Win_unlock_all(windows[count]);
        MPI_Win_free(&windows[count]);
    }
    free(pages);
}

static void run_regions(cmp_t *cmp)
{
    const size_t bytes = 2ul * PAGE * LEVEL_MAX;
    unsigned char *pages = cmp_memory(bytes);
    bool is_there = true;
    size_t count = 0;
    MPI_Aint own;
    size_t i, j;

    many_count = levels[0];
    if (MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &mpi.win) !=
        MPI_SUCCESS) {
        free(pages);
        absent(cmp, "regions");
        return;
    }
    MPI_Win_set_errhandler(mpi.win, MPI_ERRORS_RETURN);
    MPI_Get_address(pages, &own);
    MPI_Sendrecv(&own, 1, MPI_AINT, mpi.reached_by, 0, &mpi.base, 1, MPI_AINT,
                 mpi.other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, mpi.win);
    for (i = 0; (i < LEVELS) && is_there; ++i) {
        int64_t start = bench_now_ns();
        size_t before = count;

        for (; (count < levels[i]) && is_there; count += is_there) {
            is_there = MPI_Win_attach(mpi.win, pages + 2 * PAGE * count,
                                      PAGE) == MPI_SUCCESS;
        }
        many_count = levels[i];
        start = bench_now_ns() - start;
        is_there = all_have(is_there);
        if (is_there) {
            report(cmp, &way_regions,
                   (double)start / 1e3 / (double)(count - before));
        } else {
            absent(cmp, "regions");
        }
    }
    MPI_Win_unlock_all(mpi.win);
    MPI_Barrier(MPI_COMM_WORLD);
    for (j = 0; j < count; ++j) {
        MPI_Win_detach(mpi.win, pages + 2 * PAGE * j);
    }
    MPI_Win_free(&mpi.win);
    mpi.base = 0;
    free(pages);
}

void mpi_run_many(cmp_t *cmp, const mpi_kind_t *kind)
{
    cmp->kind = kind->name;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (kind->name[0] == 'd') {
        run_regions(cmp);
    } else {
        run_windows(cmp, kind);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
}
