/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rsmx.h>

#include "bench.h"

#define SEGMENT_ID     0x400010
#define SAME_USER      0600
#define START_MS       20000 /* how long the other process may take to start */
#define LOOK_AROUND_MS 1000  /* how often a waiting side looks for the other */
#define ALONE_MAX      3     /* looks in vain until the other counts as gone */

/* The first page of a segment. */
typedef struct {
    uint64_t what; /* bench_ask_t, written by the peer */
    uint64_t size;
    uint64_t seed;
    uint64_t answer; /* written by the owner */
} board_t;

void bench_must(const bench_pair_t *pair, int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        fprintf(stderr, "%s: %s: %s (%s)\n", pair->program->name, call,
                rsmx_strerror(rc), rsmx_error_name(rc));
        exit(EXIT_FAILURE);
    }
}

/* ---- start and end ---- */

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static void *pages(const bench_pair_t *pair, size_t size)
{
    void *memory;

    if (posix_memalign(&memory, pair->page, size) != 0) {
        bench_refuse(pair->program, "there is no memory for %zu bytes", size);
    }
    memset(memory, 0, size);
    return memory;
}

/* The controller that the topology names first, and the only other node. */
static void open_controller(bench_pair_t *pair)
{
    rsmapi_controller_attr_t attributes;
    rsm_connections_t *link;
    rsm_topology_t *topology;

    bench_must(pair, rsm_get_interconnect_topology(&topology),
               "rsm_get_interconnect_topology");
    link = (topology->topology_hdr.local_cntlr_count > 0)
               ? topology->connections[0]
               : NULL;
    if ((link == NULL) || (link->hdr.remote_cntlr_count == 0)) {
        bench_refuse(pair->program, "no controller leads to the other process");
    }
    bench_must(pair,
               rsm_get_controller(link->hdr.cntlr_name, &pair->controller),
               "rsm_get_controller");
    pair->self = topology->topology_hdr.local_nodeid;
    pair->peer = link->remote_cntlr[0].remote_nodeid;
    pair->is_first = (pair->self < pair->peer);
    rsm_free_interconnect_topology(topology);

    bench_must(pair, rsm_get_controller_attr(pair->controller, &attributes),
               "rsm_get_controller_attr");
    pair->page = attributes.attr_page_size;
}

static void export_area(bench_pair_t *pair)
{
    rsmapi_access_entry_t access = {pair->peer, SAME_USER};
    rsm_memseg_id_t id = SEGMENT_ID;
    size_t size;

    /* Twice the largest message, so that messages of one window that follow
     * each other do not lie on each other. */
    pair->area = round_up(2 * pair->options.max_size, pair->page);
    size = pair->page + pair->area;
    pair->exported = pages(pair, size);
    pair->local = pages(pair, pair->area);

    bench_must(pair,
               rsm_memseg_export_create(pair->controller, &pair->segment,
                                        pair->exported, size, 0),
               "rsm_memseg_export_create");
    bench_must(pair, rsm_memseg_export_publish(pair->segment, &id, &access, 1),
               "rsm_memseg_export_publish");
}

/* Ask until the other process has published. */
static void connect_to_peer(bench_pair_t *pair,
                            rsm_memseg_import_handle_t *import,
                            rsmapi_barrier_t *barrier)
{
    const struct timespec pause = {0, 2 * 1000 * 1000};
    int64_t deadline = bench_now_ns() + (int64_t)START_MS * 1000000;
    int rc;

    for (;;) {
        rc = rsm_memseg_import_connect(pair->controller, pair->peer, SEGMENT_ID,
                                       RSM_PERM_RDWR, import);
        if ((rc != RSMERR_SEG_NOT_PUBLISHED) || (bench_now_ns() > deadline)) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    bench_must(pair, rc, "rsm_memseg_import_connect");
    bench_must(
        pair,
        rsm_memseg_import_init_barrier(*import,
                                       (pair->options.sync == BENCH_SYNC_NODE)
                                           ? RSM_BARRIER_NODE
                                           : RSM_BARRIER_SEGMENT,
                                       barrier),
        "rsm_memseg_import_init_barrier");
}

/* Wait until the other process has as many connections to us. The first one
 * does before it measures, which may be over sooner than the second one has
 * connected; both do at the end, so that nobody loses what is still in use. */
static void await_importers(bench_pair_t *pair, uint32_t wanted)
{
    const struct timespec pause = {0, 1000 * 1000};
    int64_t deadline = bench_now_ns() + (int64_t)START_MS * 1000000;
    uint32_t importers;

    for (;;) {
        bench_must(pair,
                   rsmx_export_get_importer_count(pair->segment, &importers),
                   "rsmx_export_get_importer_count");
        if (importers == wanted) {
            return;
        }
        if (bench_now_ns() > deadline) {
            bench_refuse(pair->program, "the other process does not answer");
        }
        nanosleep(&pause, NULL);
    }
}

static void map_peer(bench_pair_t *pair)
{
    void *address = NULL;
    int rc;

    rc = rsm_memseg_import_map(pair->data, &address, RSM_MAP_NONE,
                               RSM_PERM_RDWR, (off_t)pair->page, pair->area);
    if (rc == RSMERR_MAP_FAILED) {
        bench_refuse(pair->program,
                     "the other process's memory cannot be "
                     "mapped here; use -w %s",
                     pair->program->call);
    }
    bench_must(pair, rc, "rsm_memseg_import_map");
    pair->mapped = address;
}

void bench_pair_open(bench_pair_t *pair)
{
    uint32_t nodes;

    bench_must(pair, rsmx_get_node_count(&nodes), "rsmx_get_node_count");
    if (nodes != 2) {
        bench_refuse(pair->program,
                     "this benchmark needs exactly 2 processes, not %u: "
                     "mpirun -n 2 %s",
                     nodes, pair->program->name);
    }

    open_controller(pair);
    export_area(pair);
    connect_to_peer(pair, &pair->asking, &pair->asking_barrier);
    connect_to_peer(pair, &pair->data, &pair->barrier);
    if (pair->is_first) {
        await_importers(pair, 2);
    }

    pair->is_explicit = (pair->options.sync != BENCH_SYNC_IMPLICIT);
    if (pair->is_explicit) {
        bench_must(
            pair,
            rsm_memseg_import_set_mode(pair->data, RSM_BARRIER_MODE_EXPLICIT),
            "rsm_memseg_import_set_mode");
    }
    if (pair->options.access == BENCH_ACCESS_MAP) {
        map_peer(pair);
    }
}

static void disconnect(bench_pair_t *pair, rsm_memseg_import_handle_t import,
                       rsmapi_barrier_t *barrier)
{
    bench_must(pair, rsm_memseg_import_destroy_barrier(barrier),
               "rsm_memseg_import_destroy_barrier");
    bench_must(pair, rsm_memseg_import_disconnect(import),
               "rsm_memseg_import_disconnect");
}

void bench_pair_close(bench_pair_t *pair)
{
    if (pair->is_first) {
        (void)bench_ask(pair, BENCH_ASK_END, 0, 0);
    }
    if (pair->mapped != NULL) {
        bench_must(pair, rsm_memseg_import_unmap(pair->data),
                   "rsm_memseg_import_unmap");
    }
    disconnect(pair, pair->data, &pair->barrier);
    disconnect(pair, pair->asking, &pair->asking_barrier);
    await_importers(pair, 0);
    bench_must(pair, rsm_memseg_export_destroy(pair->segment),
               "rsm_memseg_export_destroy");
    bench_must(pair, rsm_release_controller(pair->controller),
               "rsm_release_controller");
    free(pair->exported);
    free(pair->local);
    free(pair->samples);
}

/* ---- questions and answers ---- */

uint64_t bench_ask(bench_pair_t *pair, bench_ask_t what, size_t size,
                   uint64_t seed)
{
    uint64_t question[3] = {what, size, seed};
    uint64_t answer;
    int rc;

    /* In implicit mode: it is there before the signal is. */
    bench_must(pair, rsm_memseg_import_put64(pair->asking, 0, question, 3),
               "rsm_memseg_import_put64");
    bench_must(pair, rsm_intr_signal_post(pair->asking, 0),
               "rsm_intr_signal_post");
    if (what == BENCH_ASK_END) {
        return 0; /* who is gone cannot answer */
    }

    /* A signal that does not come is no error; reading the answer's place
     * tells whether there is still somebody to answer. */
    do {
        rc = rsm_intr_signal_wait(pair->asking, LOOK_AROUND_MS);
        if ((rc != RSM_SUCCESS) && (rc != RSMERR_TIMEOUT)) {
            bench_must(pair, rc, "rsm_intr_signal_wait");
        }
        bench_must(pair,
                   rsm_memseg_import_get64(
                       pair->asking, offsetof(board_t, answer), &answer, 1),
                   "rsm_memseg_import_get64");
    } while (rc != RSM_SUCCESS);

    return answer;
}

void bench_serve(bench_pair_t *pair)
{
    board_t *board = (board_t *)pair->exported;
    unsigned char *area = pair->exported + pair->page;
    unsigned int times_alone = 0;
    uint64_t what = 0;

    while (what != BENCH_ASK_END) {
        uint32_t importers;
        int rc = rsm_intr_signal_wait(pair->segment, LOOK_AROUND_MS);

        if (rc == RSMERR_TIMEOUT) {
            bench_must(
                pair, rsmx_export_get_importer_count(pair->segment, &importers),
                "rsmx_export_get_importer_count");
            times_alone = (importers == 0) ? times_alone + 1 : 0;
            if (times_alone == ALONE_MAX) {
                bench_refuse(pair->program, "the other process is gone");
            }
            continue;
        }
        bench_must(pair, rc, "rsm_intr_signal_wait");

        what = board->what;
        board->answer = 0;
        if (what == BENCH_ASK_FILL) {
            bench_fill(area, board->size, board->seed);
        } else if (what == BENCH_ASK_CLEAR) {
            memset(area, 0, board->size);
        } else if (what == BENCH_ASK_CHECK) {
            board->answer = bench_differing(area, board->size, board->seed);
        }
        atomic_thread_fence(memory_order_seq_cst);
        bench_must(pair, rsm_intr_signal_post(pair->segment, 0),
                   "rsm_intr_signal_post");
    }
}

/* ---- contents ---- */

static unsigned char pattern_byte(size_t idx, uint64_t seed)
{
    uint64_t mixed =
        (idx + 1) * 0x9e3779b97f4a7c15u + seed * 0xff51afd7ed558ccdu;

    return (unsigned char)(mixed >> 48);
}

void bench_fill(unsigned char *memory, size_t size, uint64_t seed)
{
    size_t i;

    for (i = 0; i < size; ++i) {
        memory[i] = pattern_byte(i, seed);
    }
}

size_t bench_differing(const unsigned char *memory, size_t size, uint64_t seed)
{
    size_t differing = 0;
    size_t i;

    for (i = 0; i < size; ++i) {
        differing += (memory[i] != pattern_byte(i, seed));
    }
    return differing;
}

size_t bench_slots(const bench_pair_t *pair, size_t size)
{
    size_t slots = (size > 0) ? pair->area / size : 1;

    return (slots < pair->options.window) ? slots : pair->options.window;
}
