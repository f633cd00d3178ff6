/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI's one-sided operations, on windows of each kind and with each kind of
 * synchronization. Start it with mpirun -n 2; --mca osc and --mca pml choose
 * Open MPI's component. Any MPI-3 will do. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common_peer.h"
#include "common_run.h"

#define SPINS       64  /* looks at the flag between two of MPI's progress */
#define SLEEPING_US 200 /* between two looks of a process that must sleep */

static MPI_Win win;
static MPI_Aint base; /* of the other side's window: 0 unless it is dynamic */
static MPI_Group other_group;
static int other;

/* ---- operations ---- */

static void mpi_put(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Put(cmp->local + offset, (int)size, MPI_BYTE, other,
            base + (MPI_Aint)offset, (int)size, MPI_BYTE, win);
}

static void mpi_get(cmp_t *cmp, size_t offset, size_t size)
{
    MPI_Get(cmp->local + offset, (int)size, MPI_BYTE, other,
            base + (MPI_Aint)offset, (int)size, MPI_BYTE, win);
}

static uint64_t mpi_fetch_add(cmp_t *cmp, size_t offset, uint64_t value)
{
    uint64_t old = 0;

    (void)cmp;
    MPI_Fetch_and_op(&value, &old, MPI_UINT64_T, other, base + (MPI_Aint)offset,
                     MPI_SUM, win);
    MPI_Win_flush(other, win);
    return old;
}

static uint64_t mpi_compare_swap(cmp_t *cmp, size_t offset, uint64_t expected,
                                 uint64_t desired)
{
    uint64_t old = 0;

    (void)cmp;
    MPI_Compare_and_swap(&desired, &expected, &old, MPI_UINT64_T, other,
                         base + (MPI_Aint)offset, win);
    MPI_Win_flush(other, win);
    return old;
}

/* ---- synchronization ---- */

static void flush_open(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_lock_all(MPI_MODE_NOCHECK, win);
}

static void flush_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_unlock_all(win);
}

static void flush_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_flush(other, win);
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
    MPI_Win_lock(MPI_LOCK_SHARED, other, 0, win);
}

static void lock_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_unlock(other, win);
}

static void fence(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_fence(0, win);
}

static void fence_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_fence(MPI_MODE_NOSUCCEED, win);
}

static void pscw_begin(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_start(other_group, 0, win);
}

static void pscw_end(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_complete(win);
}

static void pscw_attend(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_post(other_group, 0, win);
    MPI_Win_wait(win);
}

static const cmp_way_t ways[] = {
    {.name = "flush",
     .open = flush_open,
     .close = flush_close,
     .end = flush_end,
     .put = mpi_put,
     .get = mpi_get,
     .fetch_add = mpi_fetch_add,
     .compare_swap = mpi_compare_swap,
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

/* ---- windows ---- */

typedef struct {
    const char *name;
    int (*open)(cmp_t *cmp);
    void (*close)(cmp_t *cmp);
} kind_t;

static int allocate_open(cmp_t *cmp)
{
    int rc = MPI_Win_allocate(CMP_MEMORY, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                              &cmp->shown, &win);

    if (rc == MPI_SUCCESS) {
        memset(cmp->shown, 0, CMP_MEMORY);
    }
    return rc;
}

static int create_open(cmp_t *cmp)
{
    cmp->shown = cmp_memory(CMP_MEMORY);
    return MPI_Win_create(cmp->shown, CMP_MEMORY, 1, MPI_INFO_NULL,
                          MPI_COMM_WORLD, &win);
}

static int dynamic_open(cmp_t *cmp)
{
    MPI_Aint own;
    int rc;

    cmp->shown = cmp_memory(CMP_MEMORY);
    rc = MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    if (rc != MPI_SUCCESS) {
        return rc;
    }
    MPI_Win_attach(win, cmp->shown, CMP_MEMORY);
    MPI_Get_address(cmp->shown, &own);
    MPI_Sendrecv(&own, 1, MPI_AINT, other, 0, &base, 1, MPI_AINT, other, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return MPI_SUCCESS;
}

static void allocate_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_free(&win);
}

static void create_close(cmp_t *cmp)
{
    MPI_Win_free(&win);
    free(cmp->shown);
}

static void dynamic_close(cmp_t *cmp)
{
    MPI_Win_detach(win, cmp->shown);
    create_close(cmp);
    base = 0;
}

static const kind_t kinds[] = {{"allocate", allocate_open, allocate_close},
                               {"create", create_open, create_close},
                               {"dynamic", dynamic_open, dynamic_close}};

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
    MPI_Send(NULL, 0, MPI_BYTE, other, 0, MPI_COMM_WORLD);
}

static void mpi_wait(cmp_t *cmp)
{
    (void)cmp;
    MPI_Recv(NULL, 0, MPI_BYTE, other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
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

static void run_kind(cmp_t *cmp, const kind_t *kind, bool is_threaded)
{
    size_t i;
    int rc;

    cmp->kind = kind->name;
    /* Not every component has every kind. */
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = kind->open(cmp);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    if (rc != MPI_SUCCESS) {
        if (cmp->rank == 0) {
            cmp_print_absent(cmp, kind->name);
        }
        return;
    }
    for (i = 0; !is_threaded && (i < sizeof(ways) / sizeof(ways[0])); ++i) {
        cmp_run_way(cmp, &ways[i]);
    }
    if (is_threaded) {
        flush_open(cmp);
        cmp_run_peer(cmp, &ways[0]);
        flush_close(cmp);
    }
    kind->close(cmp);
}

/* Threads cost everybody who asks for them: -t rate has runs of its own. */
int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_mpi"};
    bool is_threaded;
    MPI_Group world;
    int given, rank, size;
    size_t i;

    cmp_parse(&cmp, argc, argv);
    cmp_pin(&cmp, cmp_launched_rank());
    is_threaded = (cmp.options.tests != NULL) && cmp_wants(&cmp, "rate");
    MPI_Init_thread(&argc, &argv,
                    is_threaded ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
                    &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size != 2) {
        cmp_fail(&cmp, "start it with mpirun -n 2");
    }
    if (is_threaded && (given < MPI_THREAD_MULTIPLE)) {
        cmp_fail(&cmp, "this MPI has no threads");
    }
    cmp.peer = is_threaded ? &peer_threaded : &peer_alone;
    cmp.rank = (unsigned int)rank;
    other = 1 - rank;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_incl(world, 1, &other, &other_group);
    cmp.local = cmp_memory(CMP_MEMORY);

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (cmp_wants_kind(&cmp, kinds[i].name)) {
            run_kind(&cmp, &kinds[i], is_threaded);
        }
    }
    if (!is_threaded) {
        cmp.kind = NULL;
        cmp.shown = cmp.local; /* signals need no window */
        cmp_run_peer(&cmp, NULL);
    }

    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    free(cmp.local);
    MPI_Group_free(&other_group);
    MPI_Group_free(&world);
    MPI_Finalize();
    return EXIT_SUCCESS;
}
