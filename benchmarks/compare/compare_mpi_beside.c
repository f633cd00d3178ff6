/* SPDX-License-Identifier: BSD-3-Clause */
/* librsm_mpi in turn with the MPI library that it is preloaded to, in one job:
 * a window of each kind, and an allocated one that is left to the library. */
#include <stdio.h>

#include "common_beside.h"
#include "compare_mpi.h"

/* Smaller ones are made of calls, larger ones of memory's own speed, and both
 * differ by more than the machine does from job to job. */
#define LEAST 4096
#define MOST  (1ul << 20)

typedef struct {
    MPI_Win win;
    MPI_Aint base;
    unsigned char *shown;
} side_t;

enum { LIBRSM, LIBRARY, SIDES };

static const cmp_way_t *way;
static side_t sides[SIDES];

static void choose(cmp_t *cmp, const side_t *side)
{
    mpi.win = side->win;
    mpi.base = side->base;
    cmp->shown = side->shown;
}

static int64_t time_librsm(cmp_t *cmp, cmp_test_t test, size_t size,
                           unsigned long steps)
{
    choose(cmp, &sides[LIBRSM]);
    return cmp_time(cmp, way, test, size, steps);
}

static int64_t time_library(cmp_t *cmp, cmp_test_t test, size_t size,
                            unsigned long steps)
{
    choose(cmp, &sides[LIBRARY]);
    return cmp_time(cmp, way, test, size, steps);
}

static bool open_side(cmp_t *cmp, const mpi_kind_t *kind, side_t *side)
{
    mpi.base = 0;
    if (!mpi_kind_open(cmp, kind)) {
        return false;
    }
    *side = (side_t){mpi.win, mpi.base, cmp->shown};
    way->open(cmp);
    cmp_check(cmp, way);
    if (cmp->rank == 0) {
        cmp_check_accumulate(cmp, way);
    }
    cmp->peer->meet(cmp);
    return true;
}

static void close_side(cmp_t *cmp, const mpi_kind_t *kind, const side_t *side)
{
    choose(cmp, side);
    way->close(cmp);
    kind->close(cmp);
}

static void run_kind(cmp_t *cmp, const mpi_kind_t *kind)
{
    char names[SIDES][32];
    const cmp_runner_t runners[SIDES] = {{names[LIBRSM], time_librsm},
                                         {names[LIBRARY], time_library}};
    unsigned int i;

    (void)snprintf(names[LIBRSM], sizeof(names[LIBRSM]), "beside %s",
                   kind->name);
    (void)snprintf(names[LIBRARY], sizeof(names[LIBRARY]), "left %s",
                   kind->name);
    if (!open_side(cmp, kind, &sides[LIBRSM])) {
        return;
    }
    for (i = 0; i < cmp->options.size_count; ++i) {
        size_t size = cmp->options.sizes[i];

        if ((size >= LEAST) && (size <= MOST)) {
            cmp_run_turns(cmp, CMP_PUT_BW, "put_bw", size, runners, SIDES);
            cmp_run_turns(cmp, CMP_GET_BW, "get_bw", size, runners, SIDES);
        }
    }
    cmp_run_turns(cmp, CMP_ACCUMULATE, "accumulate", CMP_SUM, runners, SIDES);
    close_side(cmp, kind, &sides[LIBRSM]);
}

void mpi_run_beside(cmp_t *cmp, const cmp_way_t *flush)
{
    unsigned int i;

    way = flush;
    if (!open_side(cmp, &mpi_left, &sides[LIBRARY])) {
        return;
    }
    for (i = 0; i < mpi_kind_count; ++i) {
        run_kind(cmp, &mpi_kinds[i]);
    }
    close_side(cmp, &mpi_left, &sides[LIBRARY]);
}
