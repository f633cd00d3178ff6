/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenSHMEM: memory from its symmetric heap. Start it with oshrun -n 2. */
#include <shmem.h>
#include <stdlib.h>
#include <unistd.h>

#include "common_peer.h"
#include "common_run.h"

#define SLEEPING_US 200

static int other;
static unsigned char *heap; /* the same place at both sides */
static uint64_t met;        /* meetings of those who sleep */
static uint64_t posts, waits;

/* The older names of the words' type: Open MPI 4.1 has no others for it. */
#define WORD(offset) ((unsigned long *)(void *)(heap + (offset)))

static inline void sh_put(cmp_t *cmp, size_t offset, size_t size)
{
    shmem_putmem(heap + offset, cmp->local + offset, size, other);
}

/* Complete when it returns. */
static inline void sh_get(cmp_t *cmp, size_t offset, size_t size)
{
    shmem_getmem(cmp->local + offset, heap + offset, size, other);
}

static inline void sh_quiet(cmp_t *cmp)
{
    (void)cmp;
    shmem_quiet();
}

static inline uint64_t sh_fetch_add(cmp_t *cmp, size_t offset, uint64_t value)
{
    (void)cmp;
    return shmem_ulong_atomic_fetch_add(WORD(offset), value, other);
}

static inline uint64_t sh_compare_swap(cmp_t *cmp, size_t offset,
                                       uint64_t expected, uint64_t desired)
{
    (void)cmp;
    return shmem_ulong_atomic_compare_swap(WORD(offset), expected, desired,
                                           other);
}

static const cmp_way_t way_quiet = {.name = "quiet",
                                    .end = sh_quiet,
                                    .put = sh_put,
                                    .get = sh_get,
                                    .fetch_add = sh_fetch_add,
                                    .compare_swap = sh_compare_swap};

/* ---- signals: a counter in the other side's heap, waited for ---- */

#define POST_WORD 128
#define MEET_WORD 192

static void sh_post(cmp_t *cmp)
{
    (void)cmp;
    shmem_ulong_p(WORD(POST_WORD), ++posts, other);
    shmem_quiet();
}

static void sh_wait(cmp_t *cmp)
{
    (void)cmp;
    shmem_ulong_wait_until(WORD(POST_WORD), SHMEM_CMP_GE, ++waits);
}

static void sh_meet(cmp_t *cmp)
{
    if (!cmp->is_asleep) {
        shmem_barrier_all();
        return;
    }
    shmem_ulong_p(WORD(MEET_WORD), ++met, other);
    shmem_quiet();
    while (!shmem_ulong_test(WORD(MEET_WORD), SHMEM_CMP_GE, met)) {
        usleep(SLEEPING_US);
    }
}

/* ---- threads: a context each ---- */

typedef struct {
    shmem_ctx_t context;
    unsigned char *local;
} lane_t;

static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    static lane_t lanes[CMP_LANES_MAX];

    if (shmem_ctx_create(SHMEM_CTX_SERIALIZED, &lanes[idx].context) != 0) {
        cmp_fail(cmp, "no context for a thread");
    }
    lanes[idx].local = cmp->local;
    return &lanes[idx];
}

static void lane_close(void *arg)
{
    lane_t *lane = arg;

    shmem_ctx_destroy(lane->context);
}

static void lane_put(void *arg, size_t offset)
{
    lane_t *lane = arg;

    shmem_ctx_putmem(lane->context, heap + offset, lane->local + offset,
                     sizeof(uint64_t), other);
}

static void lane_end(void *arg)
{
    lane_t *lane = arg;

    shmem_ctx_quiet(lane->context);
}

static const cmp_peer_t peer_alone = {
    .name = "shmem", .meet = sh_meet, .post = sh_post, .wait = sh_wait};
static const cmp_peer_t peer_threaded = {.name = "shmem",
                                         .meet = sh_meet,
                                         .lane_open = lane_open,
                                         .lane_close = lane_close,
                                         .lane_put = lane_put,
                                         .lane_end = lane_end};

/* Threads cost everybody who asks for them: -t rate has runs of its own. */
int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_shmem"};
    bool is_threaded;
    int given;

    cmp_parse(&cmp, argc, argv);
    cmp_pin(&cmp, bench_launched_rank());
    is_threaded = (cmp.options.tests != NULL) && cmp_wants(&cmp, "rate");
    shmem_init_thread(is_threaded ? SHMEM_THREAD_MULTIPLE : SHMEM_THREAD_SINGLE,
                      &given);
    cmp.rank = (unsigned int)shmem_my_pe();
    if (shmem_n_pes() != 2) {
        cmp_fail(&cmp, "start it with oshrun -n 2");
    }
    if (is_threaded && (given < SHMEM_THREAD_MULTIPLE)) {
        cmp_fail(&cmp, "this OpenSHMEM has no threads");
    }
    cmp.peer = is_threaded ? &peer_threaded : &peer_alone;
    other = 1 - (int)cmp.rank;
    heap = shmem_malloc(CMP_MEMORY);
    if (heap == NULL) {
        cmp_fail(&cmp, "the symmetric heap is too small: set "
                       "SHMEM_SYMMETRIC_SIZE=256M");
    }
    memset(heap, 0, CMP_MEMORY);
    cmp.shown = heap;
    cmp.local = cmp_memory(CMP_MEMORY);
    shmem_barrier_all();

    if (!is_threaded) {
        cmp_run_way(&cmp, &way_quiet);
    }
    cmp_run_peer(&cmp, NULL);

    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    shmem_barrier_all();
    shmem_free(heap);
    shmem_finalize();
    return EXIT_SUCCESS;
}
