/* SPDX-License-Identifier: BSD-3-Clause */
/* How cost grows with the number of processes, of segments and of imports, and
 * with the size of a segment.
 *
 *     mpirun --oversubscribe -n 64 compare_scale -t everyone
 *     mpirun -n 2 compare_scale -t many -m 10,100,1000,10000
 *     mpirun -n 2 compare_scale -t length -m 4096,1048576
 *     mpirun -n 2 compare_scale -t idle
 *
 * A row's size says how many processes or segments there are, or how long a
 * segment is. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rsmx.h>

#include "compare_scale.h"

/* ---- meetings ---- */

/* Memory of process 0 that all look at. */
static uint64_t *gate_memory;
static rsmapi_barrier_t gate_barrier;

static void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void gate_open(scale_t *scale)
{
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = SCALE_GATE;

    if (scale->cmp.rank == 0) {
        gate_memory = (uint64_t *)(void *)scale_pages(SCALE_PAGE);
        cmp_must(rsm_memseg_export_create(scale->job.controller, &segment,
                                          gate_memory, SCALE_PAGE, 0),
                 "rsm_memseg_export_create");
        cmp_must(rsm_memseg_export_publish(segment, &id, NULL, 0),
                 "rsm_memseg_export_publish");
    }
    scale->gate = cmp_connect(&scale->job, 0, SCALE_GATE);
    cmp_must(rsm_memseg_import_init_barrier(scale->gate, RSM_BARRIER_SEGMENT,
                                            &gate_barrier),
             "rsm_memseg_import_init_barrier");
}

void scale_meet(scale_t *scale)
{
    uint64_t wanted = ++scale->passed * scale->job.ranks;
    uint64_t arrived = 0;

    cmp_must(rsmx_import_fetch_add64(scale->gate, 0, 1, &arrived),
             "rsmx_import_fetch_add64");
    while (arrived < wanted) {
        nap();
        cmp_must(rsm_memseg_import_get64(scale->gate, 0, &arrived, 1),
                 "rsm_memseg_import_get64");
    }
}

/* The last meeting: who has said that it goes does not look again. Process 0
 * may withdraw its segment before the answer has come. */
static void leave(scale_t *scale)
{
    int rc;

    if (scale->cmp.rank == 0) {
        scale_meet(scale);
        return;
    }
    rc = rsmx_import_fetch_add64(scale->gate, 0, 1, NULL);
    if (rc != RSMERR_CONN_ABORTED) {
        cmp_must(rc, "rsmx_import_fetch_add64");
    }
}

/* ---- everyone from everyone ---- */

/* What each process leaves with each other one. */
typedef struct {
    uint64_t rank; /* from 1 on */
    uint64_t connect_ns;
    uint64_t cpu_ns;
    uint64_t end_ns;
} note_t;

static uint64_t cpu_ns(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}

/* Each begins with its neighbour, so that not all knock at one door. */
static rsm_memseg_import_handle_t *connect_all(scale_t *scale)
{
    rsm_memseg_import_handle_t *imports =
        calloc(scale->job.ranks, sizeof(rsm_memseg_import_handle_t));
    uint32_t i;

    if (imports == NULL) {
        cmp_fail(&scale->cmp, "no memory for handles");
    }
    for (i = 0; i < scale->job.ranks; ++i) {
        uint32_t rank = (scale->job.rank + i) % scale->job.ranks;

        imports[rank] = cmp_connect(&scale->job, rank, SCALE_ID);
    }
    return imports;
}

static void leave_note(const scale_t *scale, rsm_memseg_import_handle_t import,
                       note_t *note)
{
    off_t offset = (off_t)(scale->job.rank * sizeof(*note));
    rsmapi_barrier_t barrier;

    cmp_must(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier),
        "rsm_memseg_import_init_barrier");
    cmp_must(rsm_memseg_import_put(import, offset, note, sizeof(*note)),
             "rsm_memseg_import_put");
    cmp_must(rsm_memseg_import_destroy_barrier(&barrier),
             "rsm_memseg_import_destroy_barrier");
}

/* Process 0, with the notes of all. */
static void report_everyone(const scale_t *scale, const note_t *notes,
                            int64_t began)
{
    double ranks = scale->job.ranks;
    double pairs = ranks * ranks;
    double connect = 0.0;
    double cpu = 0.0;
    uint64_t end = 0;
    uint32_t i;

    for (i = 0; i < scale->job.ranks; ++i) {
        if (notes[i].rank != i + 1) {
            cmp_fail(&scale->cmp, "a note is not there");
        }
        connect += (double)notes[i].connect_ns / 1e3;
        cpu += (double)notes[i].cpu_ns / 1e3;
        end = (notes[i].end_ns > end) ? notes[i].end_ns : end;
    }
    scale_print(scale, "pair_time", "us", scale->job.ranks,
                (double)(end - (uint64_t)began) / 1e3 / pairs);
    scale_print(scale, "pair_cpu", "us", scale->job.ranks, cpu / pairs);
    scale_print(scale, "pair_wait", "us", scale->job.ranks, connect / pairs);
}

static void run_everyone(scale_t *scale)
{
    size_t size = (scale->job.ranks * sizeof(note_t) + SCALE_PAGE - 1) /
                  SCALE_PAGE * SCALE_PAGE;
    note_t *notes = (note_t *)(void *)scale_pages(size);
    note_t mine = {.rank = scale->job.rank + 1};
    rsm_memseg_import_handle_t *imports;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = SCALE_ID;
    scale_use_t before;
    uint32_t i;
    int64_t began;

    cmp_must(rsm_memseg_export_create(scale->job.controller, &segment, notes,
                                      size, 0),
             "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(segment, &id, NULL, 0),
             "rsm_memseg_export_publish");
    scale_meet(scale);

    before = scale_use();
    mine.cpu_ns = cpu_ns();
    began = bench_now_ns();
    imports = connect_all(scale);
    mine.end_ns = (uint64_t)bench_now_ns();
    mine.connect_ns = mine.end_ns - (uint64_t)began;
    mine.cpu_ns = cpu_ns() - mine.cpu_ns;
    for (i = 0; i < scale->job.ranks; ++i) {
        leave_note(scale, imports[i], &mine);
    }
    scale_meet(scale);

    scale_print_use(scale, "pair", scale->job.ranks, &before, scale->job.ranks);
    if (scale->cmp.rank == 0) {
        report_everyone(scale, notes, began);
    }
    scale_meet(scale);
    for (i = 0; i < scale->job.ranks; ++i) {
        cmp_must(rsm_memseg_import_disconnect(imports[i]),
                 "rsm_memseg_import_disconnect");
    }
    free(imports);
    scale_meet(scale);
    cmp_must(rsm_memseg_export_destroy(segment), "rsm_memseg_export_destroy");
}

int main(int argc, char **argv)
{
    static const cmp_peer_t peer = {.name = "scale"};
    scale_t scale = {.cmp = {.program = "compare_scale", .peer = &peer}};
    bool is_pair;

    cmp_parse(&scale.cmp, argc, argv);
    is_pair = !cmp_wants(&scale.cmp, "everyone");
    if (is_pair) {
        cmp_pin(&scale.cmp, bench_launched_rank());
    }
    cmp_job_open(&scale.job);
    scale.cmp.rank = scale.job.rank;
    gate_open(&scale);
    if (!is_pair) {
        run_everyone(&scale);
    } else if (scale.job.ranks == 2) {
        scale_run_pair(&scale);
    } else {
        cmp_fail(&scale.cmp, "start it with mpirun -n 2");
    }

    if (scale.cmp.rank == 0) {
        cmp_print_done(&scale.cmp);
    }
    leave(&scale);
    return EXIT_SUCCESS;
}
