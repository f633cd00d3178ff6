/* SPDX-License-Identifier: BSD-3-Clause */
/* Two processes and many segments between them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common_run.h"
#include "compare_scale.h"
#include "service.h"

#define PROBES 100 /* more than a level has, timed and given back */
#define IDLE_S 10

static rsm_memseg_export_handle_t *exports;
static rsm_memseg_import_handle_t *imports;
static unsigned char *pages;

static void export_one(scale_t *scale, size_t idx)
{
    rsm_memseg_id_t id = SCALE_ID + (rsm_memseg_id_t)idx;

    cmp_must(rsm_memseg_export_create(scale->job.controller, &exports[idx],
                                      pages + idx * SCALE_PAGE, SCALE_PAGE, 0),
             "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(exports[idx], &id, NULL, 0),
             "rsm_memseg_export_publish");
}

static void destroy_one(scale_t *scale, size_t idx)
{
    (void)scale;
    cmp_must(rsm_memseg_export_destroy(exports[idx]),
             "rsm_memseg_export_destroy");
}

static void connect_one(scale_t *scale, size_t idx)
{
    imports[idx] = cmp_connect(&scale->job, 1 - scale->job.rank,
                               SCALE_ID + (rsm_memseg_id_t)idx);
}

static void disconnect_one(scale_t *scale, size_t idx)
{
    (void)scale;
    cmp_must(rsm_memseg_import_disconnect(imports[idx]),
             "rsm_memseg_import_disconnect");
}

/* Something of which there can be many. */
typedef struct {
    const char *test;
    const char *add_what;
    const char *take_what;
    void (*add)(scale_t *scale, size_t idx);
    void (*take)(scale_t *scale, size_t idx);
    size_t moved; /* bytes of our own memory that become shared ones */
} kind_t;

static const kind_t kind_segment = {.test = "segment",
                                    .add_what = "publish",
                                    .take_what = "destroy",
                                    .add = export_one,
                                    .take = destroy_one,
                                    .moved = SCALE_PAGE};
static const kind_t kind_import = {.test = "import",
                                   .add_what = "import",
                                   .take_what = "release",
                                   .add = connect_one,
                                   .take = disconnect_one};

static double time_each(scale_t *scale, void (*what)(scale_t *, size_t),
                        size_t first)
{
    int64_t start = bench_now_ns();
    size_t i;

    for (i = 0; i < PROBES; ++i) {
        what(scale, first + i);
    }
    return (double)(bench_now_ns() - start) / 1e3 / PROBES;
}

/* What one more costs where there are @p count. */
static void probe(scale_t *scale, const kind_t *kind, size_t count)
{
    const cmp_options_t *options = &scale->cmp.options;
    cmp_row_t add = {.what = kind->add_what, .unit = "us", .size = count};
    cmp_row_t take = {.what = kind->take_what, .unit = "us", .size = count};
    double added[CMP_BATCHES_MAX], taken[CMP_BATCHES_MAX];
    unsigned int i;

    (void)time_each(scale, kind->add, count);
    (void)time_each(scale, kind->take, count);
    for (i = 0; i < options->batches; ++i) {
        added[i] = time_each(scale, kind->add, count);
        taken[i] = time_each(scale, kind->take, count);
    }
    if (scale->cmp.rank == 0) {
        cmp_print(&scale->cmp, &add, added, options->batches);
        cmp_print(&scale->cmp, &take, taken, options->batches);
    }
}

/* Up through the levels; how many there are in the end. */
static size_t climb(scale_t *scale, const kind_t *kind)
{
    const cmp_options_t *options = &scale->cmp.options;
    scale_use_t before, then;
    size_t count = 0;
    unsigned int i;

    probe(scale, kind, 0);
    before = scale_use();
    for (i = 0; i < options->size_count; ++i) {
        for (; count < options->sizes[i]; ++count) {
            kind->add(scale, count);
        }
        then = before;
        then.memory -= (double)(kind->moved * count);
        scale_print_use(scale, kind->test, count, &then, (double)count);
        probe(scale, kind, count);
    }
    return count;
}

static void run_many(scale_t *scale)
{
    const cmp_options_t *options = &scale->cmp.options;
    size_t most = options->sizes[options->size_count - 1] + PROBES;
    size_t exported, imported, i;

    exports = malloc(most * sizeof(rsm_memseg_export_handle_t));
    imports = malloc(most * sizeof(rsm_memseg_import_handle_t));
    pages = scale_pages(most * SCALE_PAGE);
    if ((exports == NULL) || (imports == NULL)) {
        cmp_fail(&scale->cmp, "no memory for handles");
    }
    /* Our own memory is there before that of the library is counted. */
    memset(exports, 0xff, most * sizeof(rsm_memseg_export_handle_t));
    memset(imports, 0xff, most * sizeof(rsm_memseg_import_handle_t));
    exported = climb(scale, &kind_segment);
    for (; exported < most; ++exported) {
        export_one(scale, exported);
    }
    scale_meet(scale);

    /* Process 0 imports; the other one only answers. */
    imported = (scale->job.rank == 0) ? climb(scale, &kind_import) : 0;
    scale_meet(scale);
    for (i = 0; i < imported; ++i) {
        disconnect_one(scale, i);
    }
    scale_meet(scale);
    for (i = 0; i < exported; ++i) {
        destroy_one(scale, i);
    }
    free(exports);
    free(imports);
}

/* ---- long segments ---- */

static void run_length(scale_t *scale, size_t size)
{
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsm_memseg_id_t id = SCALE_ID;
    unsigned char *memory = scale_pages(size);
    scale_use_t before = scale_use();
    int64_t start;
    double took;

    start = bench_now_ns();
    cmp_must(rsm_memseg_export_create(scale->job.controller, &segment, memory,
                                      size, 0),
             "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(segment, &id, NULL, 0),
             "rsm_memseg_export_publish");
    took = (double)(bench_now_ns() - start) / 1e3;
    scale_print(scale, "length_export", "us", size, took);
    scale_meet(scale);

    start = bench_now_ns();
    import = cmp_connect(&scale->job, 1 - scale->job.rank, id);
    took = (double)(bench_now_ns() - start) / 1e3;
    scale_print(scale, "length_connect", "us", size, took);
    scale_print_use(scale, "length", size, &before, 1.0);
    scale_meet(scale);
    cmp_must(rsm_memseg_import_disconnect(import),
             "rsm_memseg_import_disconnect");
    scale_meet(scale);
    cmp_must(rsm_memseg_export_destroy(segment), "rsm_memseg_export_destroy");
    (void)munmap(memory, size);
}

/* ---- silence ---- */

/* Both have connections and nothing to say. */
static void run_idle(scale_t *scale)
{
    long before, after;

    (void)sleep(1); /* what is under way arrives */
    before = service_switches();
    if (before < 0) {
        cmp_fail(&scale->cmp, "there is no service thread");
    }
    (void)sleep(IDLE_S);
    after = service_switches();
    (void)sleep(1); /* nobody speaks while the other counts */
    scale_print(scale, "idle", "switches", 0, (double)(after - before));
}

void scale_run_pair(scale_t *scale)
{
    const cmp_options_t *options = &scale->cmp.options;
    unsigned int i;

    if (cmp_wants(&scale->cmp, "many")) {
        run_many(scale);
    }
    for (i = 0; cmp_wants(&scale->cmp, "length") && (i < options->size_count);
         ++i) {
        run_length(scale, options->sizes[i]);
    }
    if (cmp_wants(&scale->cmp, "idle")) {
        run_idle(scale);
    }
}
