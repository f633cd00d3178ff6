/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI's one-sided operations, on windows of each kind and with each kind of
 * synchronization. Start it with mpirun -n 2; --mca osc and --mca pml choose
 * Open MPI's component. Any MPI-3 will do. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common_peer.h"
#include "common_run.h"
#include "compare_mpi.h"

#define SPINS       64  /* looks at the flag between two of MPI's progress */
#define SLEEPING_US 200 /* between two looks of a process that must sleep */

mpi_t mpi;

/* What a run is about. */
typedef enum {
    MODE_WAYS,
    MODE_BESIDE,
    MODE_THREADS,
    MODE_CROWD,
    MODE_MANY
} run_mode_t;

/* ---- operations ---- */

static void mpi_put(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Put(cmp->local + offset, (int)size, MPI_BYTE, mpi.other,
            mpi.base + (MPI_Aint)offset, (int)size, MPI_BYTE, mpi.win);
}

static void mpi_get(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Get(cmp->local + offset, (int)size, MPI_BYTE, mpi.other,
            mpi.base + (MPI_Aint)offset, (int)size, MPI_BYTE, mpi.win);
}

#define DEFINE_ATOMICS(bits)                                                   \
    static uint##bits##_t mpi_fetch_add##bits(cmp_t *cmp, size_t offset,       \
                                              uint##bits##_t value)            \
    {                                                                          \
        uint##bits##_t old = 0;                                                \
                                                                               \
        (void)cmp;                                                             \
        MPI_Fetch_and_op(&value, &old, MPI_INT##bits##_T, mpi.other,           \
                         mpi.base + (MPI_Aint)offset, MPI_SUM, mpi.win);       \
        MPI_Win_flush(mpi.other, mpi.win);                                     \
        return old;                                                            \
    }                                                                          \
                                                                               \
    static uint##bits##_t mpi_compare_swap##bits(cmp_t *cmp, size_t offset,    \
                                                 uint##bits##_t expected,      \
                                                 uint##bits##_t desired)       \
    {                                                                          \
        uint##bits##_t old = 0;                                                \
                                                                               \
        (void)cmp;                                                             \
        MPI_Compare_and_swap(&desired, &expected, &old, MPI_INT##bits##_T,     \
                             mpi.other, mpi.base + (MPI_Aint)offset, mpi.win); \
        MPI_Win_flush(mpi.other, mpi.win);                                     \
        return old;                                                            \
    }

DEFINE_ATOMICS(32)
DEFINE_ATOMICS(64)

static void mpi_accumulate(cmp_t *cmp, size_t offset, size_t size)
{
    int count = (int)(size / sizeof(double));

    MPI_Accumulate(cmp->local + offset, count, MPI_DOUBLE, mpi.other,
                   mpi.base + (MPI_Aint)offset, count, MPI_DOUBLE, MPI_SUM,
                   mpi.win);
}

/* ---- synchronization ---- */

static void flush_open(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_lock_all(MPI_MODE_NOCHECK, mpi.win);
}

static void flush_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_unlock_all(mpi.win);
}

static void flush_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_flush(mpi.other, mpi.win);
}

/* The memory is looked at many times for each call that lets MPI work. */
static void flush_progress(cmp_t *cmp)
{
    static unsigned int looks;
    int is_there;

    (void)cmp;
    if (++looks % SPINS == 0) {
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there,
                   MPI_STATUS_IGNORE);
    }
}

static void lock_begin(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_lock(MPI_LOCK_SHARED, mpi.other, 0, mpi.win);
}

static void lock_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_unlock(mpi.other, mpi.win);
}

static void fence(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_fence(0, mpi.win);
}

static void fence_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_fence(MPI_MODE_NOSUCCEED, mpi.win);
}

static void pscw_begin(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_start(mpi.other_group, 0, mpi.win);
}

static void pscw_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_complete(mpi.win);
}

static void pscw_attend(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_post(mpi.other_group, 0, mpi.win);
    MPI_Win_wait(mpi.win);
}

static const cmp_way_t ways[] = {
    {.name = "flush",
     .open = flush_open,
     .close = flush_close,
     .end = flush_end,
     .put = mpi_put,
     .get = mpi_get,
     .accumulate = mpi_accumulate,
     .fetch_add = mpi_fetch_add64,
     .compare_swap = mpi_compare_swap64,
     .fetch_add32 = mpi_fetch_add32,
     .compare_swap32 = mpi_compare_swap32,
     .progress = flush_progress},
    {.name = "lock",
     .is_brief = true,
     .begin = lock_begin,
     .end = lock_end,
     .put = mpi_put,
     .get = mpi_get},
    {.name = "fence",
     .is_brief = true,
     .open = fence,
     .close = fence_close,
     .end = fence,
     .attend = fence,
     .put = mpi_put,
     .get = mpi_get},
    {.name = "pscw",
     .is_brief = true,
     .begin = pscw_begin,
     .end = pscw_end,
     .attend = pscw_attend,
     .put = mpi_put,
     .get = mpi_get},
};

/* ---- the peer ---- */

static void mpi_meet(cmp_t *cmp)
{
    MPI_Request request;
    int is_done = 0;

    if (!cmp->is_asleep) {
        MPI_Barrier(MPI_COMM_WORLD);
        return;
    }
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    while (!is_done) {
        MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
        if (!is_done) {
            usleep(SLEEPING_US);
        }
    }
}

static void mpi_post(cmp_t *cmp)
{
    (void)cmp;
    MPI_Send(NULL, 0, MPI_BYTE, mpi.other, 0, MPI_COMM_WORLD);
}

static void mpi_wait(cmp_t *cmp)
{
    (void)cmp;
    MPI_Recv(NULL, 0, MPI_BYTE, mpi.other, 0, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
}

/* All threads share the window: MPI has no other way without one of its own
 * for each, made by all processes together. */
static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    (void)idx;
    return cmp;
}

static void lane_close(void *lane)
{
    (void)lane;
}

static void lane_put(void *lane, size_t offset)
{
    mpi_put(lane, offset, sizeof(uint64_t));
}

static void lane_end(void *lane)
{
    flush_end(lane);
}

static const cmp_peer_t peer_alone = {
    .name = "mpi", .meet = mpi_meet, .post = mpi_post, .wait = mpi_wait};
static const cmp_peer_t peer_threaded = {.name = "mpi",
                                         .meet = mpi_meet,
                                         .lane_open = lane_open,
                                         .lane_close = lane_close,
                                         .lane_put = lane_put,
                                         .lane_end = lane_end};

static void run_kind(cmp_t *cmp, const mpi_kind_t *kind, run_mode_t mode)
{
    size_t i;

    cmp->kind = kind->name;
    if (!mpi_kind_open(cmp, kind)) {
        return;
    }
    if (mode == MODE_CROWD) {
        mpi_run_crowd(cmp);
    } else if (mode == MODE_THREADS) {
        flush_open(cmp);
        cmp_run_peer(cmp, &ways[0]);
        flush_close(cmp);
    }
    for (i = 0; (mode == MODE_WAYS) && (i < sizeof(ways) / sizeof(ways[0]));
         ++i) {
        cmp_run_way(cmp, &ways[i]);
    }
    if (mode == MODE_WAYS) {
        mpi_run_flags(cmp);
    }
    kind->close(cmp);
}

static run_mode_t mode_of(const cmp_t *cmp)
{
    if ((cmp->options.ways != NULL) &&
        (strcmp(cmp->options.ways, "beside") == 0)) {
        return MODE_BESIDE;
    }
    if (cmp->options.tests == NULL) {
        return MODE_WAYS;
    }
    return cmp_wants(cmp, "rate")    ? MODE_THREADS
           : cmp_wants(cmp, "crowd") ? MODE_CROWD
           : cmp_wants(cmp, "many")  ? MODE_MANY
                                     : MODE_WAYS;
}

/* The processes are a ring, of two as a rule. */
static void start_up(cmp_t *cmp, run_mode_t mode, int *argc, char ***argv)
{
    bool is_threaded = (mode == MODE_THREADS);
    MPI_Group world;
    int given, rank;

    MPI_Init_thread(argc, argv,
                    is_threaded ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
                    &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &mpi.ranks);
    if ((mpi.ranks != 2) && ((mpi.ranks < 2) || (mode != MODE_CROWD))) {
        cmp_fail(cmp, "start it with mpirun -n 2");
    }
    if (is_threaded && (given < MPI_THREAD_MULTIPLE)) {
        cmp_fail(cmp, "this MPI has no threads");
    }
    cmp->peer = is_threaded ? &peer_threaded : &peer_alone;
    cmp->rank = (unsigned int)rank;
    mpi.size = (mode == MODE_CROWD) ? 2 * CMP_DATA : CMP_MEMORY;
    mpi.other = (rank + 1) % mpi.ranks;
    mpi.reached_by = (rank + mpi.ranks - 1) % mpi.ranks;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, 1, &mpi.other, &mpi.other_group);
    MPI_Group_incl(world, 1, &mpi.reached_by, &mpi.reached_by_group);
    MPI_Group_free(&world);
}

/* Threads cost everybody who asks for them: -t rate has runs of its own, and
 * so have -t crowd, -t many and -w beside. */
int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_mpi"};
    run_mode_t mode;
    size_t i;

    cmp_parse(&cmp, argc, argv);
    mode = mode_of(&cmp);
    cmp_pin(&cmp, bench_launched_rank());
    start_up(&cmp, mode, &argc, &argv);
    cmp.local = cmp_memory((size_t)mpi.size);

    if (mode == MODE_BESIDE) {
        mpi_run_beside(&cmp, &ways[0]);
    }
    for (i = 0; (mode != MODE_BESIDE) && (i < mpi_kind_count); ++i) {
        if (!cmp_wants_kind(&cmp, mpi_kinds[i].name)) {
            continue;
        }
        if (mode == MODE_MANY) {
            mpi_run_many(&cmp, &mpi_kinds[i]);
        } else {
            run_kind(&cmp, &mpi_kinds[i], mode);
        }
    }
    if (mode == MODE_WAYS) {
        cmp.kind = NULL;
        cmp.shown = cmp.local; /* signals need no window */
        cmp_run_peer(&cmp, NULL);
    }

    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    free(cmp.local);
    MPI_Group_free(&mpi.other_group);
    MPI_Group_free(&mpi.reached_by_group);
    MPI_Finalize();
    return EXIT_SUCCESS;
}
