/* SPDX-License-Identifier: BSD-3-Clause */
/* What post, start, complete and wait cannot be faster than: two flags that
 * travel in turn, and a plain copy between them, in memory that both processes
 * see. In the same job, because the way from one core to the other is longer at
 * some times than at others. */
#include <string.h>

#include "common_run.h"
#include "compare_mpi.h"

enum { FLAGS_AT = CMP_DATA + 32768, FLAGS_SIZE = FLAGS_AT + 4096 };

typedef struct {
    _Alignas(64) _Atomic uint64_t posts;
    _Alignas(64) _Atomic uint64_t completes;
} flags_t;

static MPI_Win shared;
static unsigned char *theirs; /* memory of the other side */
static uint64_t turns;

static flags_t *flags_of(unsigned char *memory)
{
    return (flags_t *)(void *)(memory + FLAGS_AT);
}

static void flags_await(_Atomic uint64_t *flag)
{
    while (atomic_load_explicit(flag, memory_order_acquire) != turns) {
        continue;
    }
}

static void flags_begin(cmp_t *cmp)
{
    ++turns;
    flags_await(&flags_of(cmp->shown)->posts);
}

static void flags_end(cmp_t *cmp)
{
    (void)cmp;
    atomic_store_explicit(&flags_of(theirs)->completes, turns,
                          memory_order_release);
}

static void flags_attend(cmp_t *cmp)
{
    ++turns;
    atomic_store_explicit(&flags_of(theirs)->posts, turns,
                          memory_order_release);
    flags_await(&flags_of(cmp->shown)->completes);
}

static void flags_put(cmp_t *cmp, size_t offset, size_t size)
{
    memcpy(theirs + offset, cmp->local + offset, size);
}

static void flags_get(cmp_t *cmp, size_t offset, size_t size)
{
    memcpy(cmp->local + offset, theirs + offset, size);
}

static const cmp_way_t way_flags = {.name = "flags",
                                    .is_brief = true,
                                    .begin = flags_begin,
                                    .end = flags_end,
                                    .attend = flags_attend,
                                    .put = flags_put,
                                    .get = flags_get};

/* Not where the library serves no shared memory. */
static bool flags_open(cmp_t *cmp)
{
    MPI_Aint size;
    int unit, rc;

    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = MPI_Win_allocate_shared(FLAGS_SIZE, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                                 &cmp->shown, &shared);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    if (rc != MPI_SUCCESS) {
        return false;
    }
    MPI_Win_shared_query(shared, mpi.other, &size, &unit, &theirs);
    memset(cmp->shown, 0, FLAGS_SIZE);
    turns = 0;
    return true;
}

void mpi_run_flags(cmp_t *cmp)
{
    unsigned char *shown = cmp->shown;

    if (cmp_wants_way(cmp, way_flags.name) && flags_open(cmp)) {
        cmp_run_way(cmp, &way_flags);
        MPI_Win_free(&shared);
    }
    cmp->shown = shown;
}
