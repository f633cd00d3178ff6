/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rsmx.h>

#include "bench.h"

const char *const bench_put_ways[] = {"put",   "put8", "put16", "put32",
                                      "put64", "putv", "map",   NULL};
const char *const bench_get_ways[] = {"get",   "get8", "get16", "get32",
                                      "get64", "getv", "map",   NULL};
const char *const bench_sync_names[] = {"implicit", "segment", "node", NULL};

void bench_link_failed(int rc)
{
    bench_must(rc, "transfer");
    abort(); /* rc is an error */
}

rsm_memseg_import_handle_t bench_connect(const bench_t *bench, size_t other)
{
    const struct timespec pause = {0, 2 * 1000 * 1000};
    int64_t deadline = bench_now_ns() + (int64_t)BENCH_START_MS * 1000000;
    rsm_memseg_import_handle_t import;
    int rc;

    for (;;) {
        rc =
            rsm_memseg_import_connect(bench->controller, bench->nodes[other],
                                      BENCH_SEGMENT_ID, RSM_PERM_RDWR, &import);
        if ((rc != RSMERR_SEG_NOT_PUBLISHED) || (bench_now_ns() > deadline)) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    bench_must(rc, "rsm_memseg_import_connect");
    return import;
}

/* ---- ways and sizes ---- */

bench_sync_t bench_sync(const bench_t *bench)
{
    const char *const *names = bench->program->sync.names;

    if (names == NULL) {
        return BENCH_SYNC_IMPLICIT;
    }
    return (bench_sync_t)bench_name_find(bench_sync_names,
                                         names[bench->options.sync]);
}

bool bench_wants_map(const bench_t *bench)
{
    return (bench->program->access.names != NULL) &&
           (bench->options.access == BENCH_WAY_MAP);
}

/* Bytes of which a message is a multiple. */
static size_t size_unit(const bench_t *bench)
{
    if ((bench->program->takes & BENCH_TAKES_PAGES) != 0) {
        return (size_t)sysconf(_SC_PAGESIZE);
    }
    if (bench->program->access.names == NULL) {
        return 1;
    }
    switch (bench->options.access) {
    case BENCH_WAY_16:
        return 2;
    case BENCH_WAY_32:
        return 4;
    case BENCH_WAY_64:
        return 8;
    default:
        return 1;
    }
}

size_t bench_least_size(const bench_t *bench)
{
    bool is_vector = (bench->program->access.names != NULL) &&
                     (bench->options.access == BENCH_WAY_VECTOR);

    return is_vector ? bench->options.pieces : size_unit(bench);
}

void bench_link_check_sizes(bench_t *bench)
{
    bench_options_t *options = &bench->options;
    size_t unit = size_unit(bench);
    size_t least = bench_least_size(bench);

    if ((bench->program->takes & BENCH_TAKES_SIZE) == 0) {
        return;
    }
    if (!options->has_sizes && (options->min_size < least) && (least > 1)) {
        options->min_size = least;
    }
    if (options->min_size % unit != 0) {
        bench_refuse("sizes are multiples of %zu bytes here, not %zu", unit,
                     options->min_size);
    }
    if ((options->min_size != 0) && (options->min_size < least)) {
        bench_refuse("%zu pieces are %zu bytes or more, not %zu", least, least,
                     options->min_size);
    }
    if ((options->min_size == 0) && (bench->program->min_size != 0)) {
        bench_refuse("sizes begin with %zu here, not with 0", least);
    }
}

size_t bench_slots(const bench_t *bench, size_t size)
{
    size_t part = bench->area / bench->options.threads;
    size_t slots = (size > 0) ? part / size : 1;

    return (slots < bench->options.window) ? slots : bench->options.window;
}

/* ---- opening and closing ---- */

static void map_part(bench_link_t *link, size_t length)
{
    void *address = NULL;

    bench_must(rsm_memseg_import_map(link->import, &address, RSM_MAP_NONE,
                                     RSM_PERM_RDWR, link->base, length),
               "rsm_memseg_import_map");
    link->mapped = address;
}

static void make_request(bench_t *bench, bench_link_t *link)
{
    size_t i;

    for (i = 0; i < bench->options.pieces; ++i) {
        link->pieces[i] = (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                                        .local.vaddr = (caddr_t)link->local};
    }
    link->request = (rsm_scat_gath_t){
        .io_request_count = bench->options.pieces,
        .remote_handle = link->import,
        .iovec = link->pieces,
    };
}

void bench_link_open(bench_t *bench, bench_link_t *link, size_t part)
{
    size_t length = bench->area / bench->options.threads;
    bench_sync_t sync = bench_sync(bench);

    *link = (bench_link_t){.import = bench_connect(bench, bench->partner),
                           .base = (off_t)(bench->head + part * length),
                           .local = bench->local + part * length};
    bench_must(rsm_memseg_import_init_barrier(link->import,
                                              (sync == BENCH_SYNC_NODE)
                                                  ? RSM_BARRIER_NODE
                                                  : RSM_BARRIER_SEGMENT,
                                              &link->barrier),
               "rsm_memseg_import_init_barrier");
    link->is_explicit = (sync != BENCH_SYNC_IMPLICIT);
    if (link->is_explicit) {
        bench_must(
            rsm_memseg_import_set_mode(link->import, RSM_BARRIER_MODE_EXPLICIT),
            "rsm_memseg_import_set_mode");
    }
    make_request(bench, link);
    if (bench_wants_map(bench)) {
        map_part(link, length);
    }
}

void bench_link_close(bench_link_t *link)
{
    if (link->mapped != NULL) {
        bench_must(rsm_memseg_import_unmap(link->import),
                   "rsm_memseg_import_unmap");
    }
    bench_must(rsm_memseg_import_destroy_barrier(&link->barrier),
               "rsm_memseg_import_destroy_barrier");
    bench_must(rsm_memseg_import_disconnect(link->import),
               "rsm_memseg_import_disconnect");
}

/* ---- the way of the data ---- */

bool bench_can_map(const bench_t *bench)
{
    rsm_memseg_import_handle_t import = bench_connect(bench, bench->partner);
    void *address = NULL;
    int rc;

    rc = rsm_memseg_import_map(import, &address, RSM_MAP_NONE, RSM_PERM_READ, 0,
                               bench->page);
    if (rc == RSM_SUCCESS) {
        bench_must(rsm_memseg_import_unmap(import), "rsm_memseg_import_unmap");
    } else if (rc != RSMERR_MAP_FAILED) {
        bench_must(rc, "rsm_memseg_import_map");
    }
    bench_must(rsm_memseg_import_disconnect(import),
               "rsm_memseg_import_disconnect");
    return rc == RSM_SUCCESS;
}

/* What the library reaches by loads and stores it lets programs map, and
 * nothing else. */
void bench_link_note(const bench_t *bench, bench_note_t *note)
{
    const char *direct = getenv("RSM_DIRECT");
    const char *transports = getenv("UCX_TLS");

    *note = (bench_note_t){.title = "Path", .key = "path"};
    if (bench_can_map(bench)) {
        snprintf(note->text, sizeof(note->text), "direct, loads and stores");
    } else {
        snprintf(note->text, sizeof(note->text),
                 "ucx, RSM_DIRECT=%s, UCX_TLS=%s",
                 (direct != NULL) ? direct : "y",
                 (transports != NULL) ? transports : "all");
    }
}
