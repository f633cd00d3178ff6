/* SPDX-License-Identifier: BSD-3-Clause */
/* librsm, measured as its peers are. Start it with mpirun -n 2; RSM_DIRECT and
 * UCX_TLS choose how the data travels. */
#include <stdlib.h>
#include <string.h>

#include <rsmapi.h>
#include <rsmx.h>

#include "common_beside.h"
#include "common_beside_ucx.h"
#include "common_peer.h"
#include "common_rsm.h"
#include "common_run.h"
#include "compare_rsm_ways.h"

#define SEGMENT_ID   0x400100
#define EXPORT_ID    0x400101
#define PATIENCE_MS  60000
#define START_NS     30000000000ll
#define EXPORT_BYTES (64ul << 20)

static cmp_job_t job;
static rsm_memseg_export_handle_t segment;

/* ---- signals and threads ---- */

static void rsm_post(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_intr_signal_post(implicit.handle, 0), "rsm_intr_signal_post");
}

static void rsm_wait(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_intr_signal_wait(segment, PATIENCE_MS),
             "rsm_intr_signal_wait");
}

static void rsm_meet(cmp_t *cmp)
{
    rsm_post(cmp);
    rsm_wait(cmp);
}

/* Through the memory that each shows. */
static void rsm_exchange(cmp_t *cmp, const void *own, size_t size, void *theirs)
{
    const unsigned char *shown = cmp->shown + CMP_DATA;
    uint64_t length = size;

    cmp_must(rsm_memseg_import_put(implicit.handle, CMP_DATA, &length,
                                   sizeof(length)),
             "rsm_memseg_import_put");
    cmp_must(rsm_memseg_import_put(implicit.handle, CMP_DATA + sizeof(length),
                                   (void *)(uintptr_t)own, size),
             "rsm_memseg_import_put");
    rsm_meet(cmp);
    memcpy(&length, shown, sizeof(length));
    if (length > CMP_UCX_ADDRESS_MAX) {
        cmp_fail(cmp, "an address is too long");
    }
    memcpy(theirs, shown + sizeof(length), length);
    rsm_meet(cmp);
}

static void import_open(import_t *import)
{
    import->handle = cmp_connect(&job, 1 - job.rank, SEGMENT_ID);
    cmp_must(rsm_memseg_import_init_barrier(import->handle, RSM_BARRIER_SEGMENT,
                                            &import->barrier),
             "rsm_memseg_import_init_barrier");
}

static void import_close(import_t *import)
{
    cmp_must(rsm_memseg_import_destroy_barrier(&import->barrier),
             "rsm_memseg_import_destroy_barrier");
    cmp_must(rsm_memseg_import_disconnect(import->handle),
             "rsm_memseg_import_disconnect");
}

typedef struct {
    import_t import;
    unsigned char *local;
} lane_t;

static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    static lane_t lanes[CMP_LANES_MAX];

    import_open(&lanes[idx].import);
    lanes[idx].local = cmp->local;
    return &lanes[idx];
}

static void lane_close(void *arg)
{
    lane_t *lane = arg;

    import_close(&lane->import);
}

static void lane_put(void *arg, size_t offset)
{
    lane_t *lane = arg;
    uint64_t *word = (uint64_t *)(void *)(lane->local + offset);

    cmp_must(
        rsm_memseg_import_put64(lane->import.handle, (off_t)offset, word, 1),
        "rsm_memseg_import_put64");
}

/* In implicit mode each put is complete when it returns. */
static void lane_end(void *arg)
{
    (void)arg;
}

/* ---- as a whole ---- */

static int64_t connect_once(cmp_t *cmp)
{
    rsm_memseg_import_handle_t handle;
    int64_t start = bench_now_ns();

    (void)cmp;
    cmp_must(rsm_memseg_import_connect(job.controller, job.first + 1 - job.rank,
                                       SEGMENT_ID, RSM_PERM_RDWR, &handle),
             "rsm_memseg_import_connect");
    cmp_must(rsm_memseg_import_disconnect(handle),
             "rsm_memseg_import_disconnect");
    return bench_now_ns() - start;
}

static int64_t time_connect(cmp_t *cmp, cmp_test_t test, size_t size,
                            unsigned long steps)
{
    int64_t took = 0;

    (void)test;
    (void)size;
    for (; steps > 0; --steps) {
        took += connect_once(cmp);
    }
    return took;
}

static const cmp_rsm_timers_t timers = {time_implicit, time_explicit,
                                        time_vector, time_connect};

/* Fresh memory with contents becomes a segment that others may import. */
static int64_t export_once(cmp_t *cmp)
{
    rsm_memseg_id_t id = EXPORT_ID;
    rsm_memseg_export_handle_t fresh;
    unsigned char *memory = cmp_memory(EXPORT_BYTES);
    int64_t start = bench_now_ns();

    (void)cmp;
    cmp_must(rsm_memseg_export_create(job.controller, &fresh, memory,
                                      EXPORT_BYTES, 0),
             "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(fresh, &id, NULL, 0),
             "rsm_memseg_export_publish");
    start = bench_now_ns() - start;
    cmp_must(rsm_memseg_export_unpublish(fresh), "rsm_memseg_export_unpublish");
    cmp_must(rsm_memseg_export_destroy(fresh), "rsm_memseg_export_destroy");
    free(memory);
    return start;
}

static const cmp_special_t specials[] = {
    {.what = "connect", .times = 100, .once = connect_once},
    {.what = "export", .times = 1, .once = export_once},
    {.what = NULL}};

static const cmp_peer_t peer = {.name = "rsm",
                                .meet = rsm_meet,
                                .post = rsm_post,
                                .wait = rsm_wait,
                                .lane_open = lane_open,
                                .lane_close = lane_close,
                                .lane_put = lane_put,
                                .lane_end = lane_end,
                                .specials = specials};

/* ---- start and end ---- */

static void start_up(cmp_t *cmp)
{
    rsm_memseg_id_t id = SEGMENT_ID;

    cmp_pin(cmp, bench_launched_rank());
    cmp_job_open(&job);
    if (job.ranks != 2) {
        cmp_fail(cmp, "start it with mpirun -n 2");
    }
    cmp->rank = job.rank;

    cmp->local = cmp_memory(CMP_MEMORY);
    cmp->shown = cmp_memory(CMP_MEMORY);
    cmp_must(rsm_memseg_export_create(job.controller, &segment, cmp->shown,
                                      CMP_MEMORY, 0),
             "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(segment, &id, NULL, 0),
             "rsm_memseg_export_publish");
}

/* The first connection to a process is dearer than those after it. */
static void first_connect(cmp_t *cmp)
{
    cmp_row_t row = {.what = "first_connect", .unit = "us"};
    int64_t start = bench_now_ns();
    double value;
    int rc;

    /* Trials that found nobody there do not count. */
    do {
        if (bench_now_ns() - start > START_NS) {
            cmp_fail(cmp, "the other process has no segment");
        }
        nanosleep(&(struct timespec){0, 200000000}, NULL);
        value = (double)bench_now_ns();
        rc = rsm_memseg_import_connect(job.controller, job.first + 1 - job.rank,
                                       SEGMENT_ID, RSM_PERM_RDWR,
                                       &implicit.handle);
        value = ((double)bench_now_ns() - value) / 1e3;
    } while (rc == RSMERR_SEG_NOT_PUBLISHED);
    cmp_must(rc, "rsm_memseg_import_connect");
    cmp_must(rsm_memseg_import_disconnect(implicit.handle),
             "rsm_memseg_import_disconnect");
    if ((cmp->rank == 0) && cmp_wants(cmp, "connect")) {
        cmp_print(cmp, &row, &value, 1);
    }
}

static void run_mapped(cmp_t *cmp)
{
    int rc;

    import_open(&mapped);
    rc = rsm_memseg_import_map(mapped.handle, (void **)&window, 0,
                               RSM_PERM_RDWR, 0, CMP_MEMORY);
    if (rc == RSM_SUCCESS) {
        cmp_run_way(cmp, &way_mapped);
        if (getenv("RSM_DIRECT") == NULL) {
            cmp_run_beside(cmp, window, time_implicit);
        }
        cmp_must(rsm_memseg_import_unmap(mapped.handle),
                 "rsm_memseg_import_unmap");
    } else if (rc != RSMERR_MAP_FAILED) {
        cmp_must(rc, "rsm_memseg_import_map");
    }
    import_close(&mapped);
}

int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_rsm", .peer = &peer};

    cmp_parse(&cmp, argc, argv);
    start_up(&cmp);
    first_connect(&cmp);
    import_open(&implicit);
    import_open(&explicit);
    cmp_must(
        rsm_memseg_import_set_mode(explicit.handle, RSM_BARRIER_MODE_EXPLICIT),
        "rsm_memseg_import_set_mode");
    rsm_meet(&cmp);

    cmp_run_way(&cmp, &way_implicit);
    cmp_run_way(&cmp, &way_elements);
    cmp_run_way(&cmp, &way_explicit);
    cmp_run_way(&cmp, &way_vector);
    run_mapped(&cmp);
    if (strstr(getenv("UCX_TLS") ? getenv("UCX_TLS") : "", "tcp") == NULL) {
        cmp_run_beside_ucx(&cmp, &timers, getenv("RSM_DIRECT") != NULL,
                           rsm_exchange);
    }
    cmp_run_peer(&cmp, &way_implicit);

    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    rsm_meet(&cmp);
    import_close(&explicit);
    import_close(&implicit);
    return EXIT_SUCCESS;
}
