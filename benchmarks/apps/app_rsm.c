/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs' memory made of librsm. Each rank exports a page for barriers
 * and then its memory, and imports from every rank, itself included. Puts
 * are made inside a barrier that is opened by the first and closed by the
 * flush. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rsmx.h>

#include "app.h"
#include "common_rsm.h"

#define SEGMENT_ID 0x400200
#define PAGE       4096
#define LEAVE_NS   30000000000ll

typedef struct {
    rsm_memseg_import_handle_t handle;
    rsmapi_barrier_t barrier;
    bool is_open;
} link_t;

static cmp_job_t job;
static rsm_memseg_export_handle_t segment;
static unsigned char *exported;
static link_t *links;
static uint64_t epoch; /* of barriers */

static const cmp_peer_t peer = {.name = "rsm"};

void app_start(app_t *app, int argc, char **argv)
{
    app->cmp.peer = &peer;
    app_read_options(app, argc, argv);
    cmp_job_open(&job);
    app->cmp.rank = job.rank;
    app->ranks = job.ranks;
}

void app_open(app_t *app, size_t size)
{
    rsm_memseg_id_t id = SEGMENT_ID;
    size_t whole = (PAGE + size + PAGE - 1) / PAGE * PAGE;
    uint32_t rank;

    exported = cmp_memory(whole);
    app->memory = exported + PAGE;
    app->size = size;
    cmp_must(
        rsm_memseg_export_create(job.controller, &segment, exported, whole, 0),
        "rsm_memseg_export_create");
    cmp_must(rsm_memseg_export_publish(segment, &id, NULL, 0),
             "rsm_memseg_export_publish");

    links = calloc(job.ranks, sizeof(*links));
    if (links == NULL) {
        cmp_fail(&app->cmp, "no memory");
    }
    for (rank = 0; rank < job.ranks; ++rank) {
        link_t *link = &links[rank];

        link->handle = cmp_connect(&job, rank, SEGMENT_ID);
        cmp_must(rsm_memseg_import_init_barrier(
                     link->handle, RSM_BARRIER_SEGMENT, &link->barrier),
                 "rsm_memseg_import_init_barrier");
        cmp_must(
            rsm_memseg_import_set_mode(link->handle, RSM_BARRIER_MODE_EXPLICIT),
            "rsm_memseg_import_set_mode");
    }
    app_barrier(app);
}

/* Nobody takes away what somebody else still holds. */
void app_close(app_t *app)
{
    int64_t deadline = bench_now_ns() + LEAVE_NS;
    uint32_t importers;
    uint32_t rank;

    app_barrier(app);
    for (rank = 0; rank < job.ranks; ++rank) {
        cmp_must(rsm_memseg_import_destroy_barrier(&links[rank].barrier),
                 "rsm_memseg_import_destroy_barrier");
        cmp_must(rsm_memseg_import_disconnect(links[rank].handle),
                 "rsm_memseg_import_disconnect");
    }
    do {
        cmp_must(rsmx_export_get_importer_count(segment, &importers),
                 "rsmx_export_get_importer_count");
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    } while ((importers > 0) && (bench_now_ns() < deadline));
    cmp_must(rsm_memseg_export_destroy(segment), "rsm_memseg_export_destroy");
    cmp_must(rsm_release_controller(job.controller), "rsm_release_controller");
    free(links);
    free(exported);
}

/* ---- transfers ---- */

static void link_put(link_t *link, size_t offset, const void *from, size_t size)
{
    if (!link->is_open) {
        cmp_must(rsm_memseg_import_open_barrier(&link->barrier),
                 "rsm_memseg_import_open_barrier");
        link->is_open = true;
    }
    cmp_must(
        rsm_memseg_import_put(link->handle, (off_t)offset, (void *)from, size),
        "rsm_memseg_import_put");
}

static void link_flush(link_t *link)
{
    if (link->is_open) {
        link->is_open = false;
        cmp_must(rsm_memseg_import_close_barrier(&link->barrier),
                 "rsm_memseg_import_close_barrier");
    }
}

void app_put(app_t *app, uint32_t rank, size_t offset, const void *from,
             size_t size)
{
    (void)app;
    link_put(&links[rank], PAGE + offset, from, size);
}

void app_order(app_t *app, uint32_t rank)
{
    (void)app;
    if (links[rank].is_open) {
        cmp_must(rsm_memseg_import_order_barrier(&links[rank].barrier),
                 "rsm_memseg_import_order_barrier");
    }
}

void app_flush(app_t *app, uint32_t rank)
{
    (void)app;
    link_flush(&links[rank]);
}

void app_get(app_t *app, uint32_t rank, size_t offset, void *to, size_t size)
{
    link_t *link = &links[rank];

    (void)app;
    link_flush(link);
    cmp_must(rsm_memseg_import_open_barrier(&link->barrier),
             "rsm_memseg_import_open_barrier");
    cmp_must(
        rsm_memseg_import_get(link->handle, (off_t)(PAGE + offset), to, size),
        "rsm_memseg_import_get");
    cmp_must(rsm_memseg_import_close_barrier(&link->barrier),
             "rsm_memseg_import_close_barrier");
}

void app_xor(app_t *app, uint32_t rank, size_t offset, uint64_t value)
{
    (void)app;
    cmp_must(rsmx_import_fetch_xor64(links[rank].handle, (off_t)(PAGE + offset),
                                     value, NULL),
             "rsmx_import_fetch_xor64");
}

/* ---- barriers ---- */

/* In round k everybody tells the one 2^k further on; nobody is asked. */
void app_barrier(app_t *app)
{
    app_t page = *app; /* the same, but with the barriers' words in view */
    uint32_t distance, round;

    page.memory = exported;
    ++epoch;
    for (distance = 1, round = 0; distance < job.ranks;
         distance *= 2, ++round) {
        link_t *link = &links[(job.rank + distance) % job.ranks];

        link_put(link, round * sizeof(uint64_t), &epoch, sizeof(epoch));
        link_flush(link);
        app_await(&page, round * sizeof(uint64_t), epoch);
    }
}

void app_progress(app_t *app)
{
    (void)app;
}
