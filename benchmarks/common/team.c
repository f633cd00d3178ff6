/* SPDX-License-Identifier: BSD-3-Clause */
#include "team.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rsmx.h>

#include "bench.h"

void bench_must(int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        bench_die("%s: %s (%s)", call, rsmx_strerror(rc), rsmx_error_name(rc));
    }
}

void *bench_pages(const bench_t *bench, size_t size)
{
    void *memory;

    if (posix_memalign(&memory, bench->page, size) != 0) {
        bench_die("there is no memory for %zu bytes", size);
    }
    memset(memory, 0, size);
    return memory;
}

/* ---- who is there ---- */

static int compare_nodes(const void *left, const void *right)
{
    rsm_node_id_t a = *(const rsm_node_id_t *)left;
    rsm_node_id_t b = *(const rsm_node_id_t *)right;

    return (a > b) - (a < b);
}

static void check_count(bench_t *bench)
{
    const char *name = bench->program->name;
    uint32_t count;

    bench_must(rsmx_get_node_count(&count), "rsmx_get_node_count");
    bench->count = count;
    if ((bench->program->takes & BENCH_TAKES_PAIRS) == 0) {
        bench->options.pairs = 1;
        if (count != 2) {
            bench_refuse("this benchmark needs exactly 2 processes, not %u: "
                         "mpirun -n 2 %s",
                         count, name);
        }
        return;
    }
    if ((count < 2) || (count % 2 != 0)) {
        bench_refuse("this benchmark needs pairs of processes, not %u: "
                     "mpirun -n 4 %s",
                     count, name);
    }
    if (bench->options.pairs == 0) {
        bench->options.pairs = count / 2;
    } else if (bench->options.pairs != count / 2) {
        bench_refuse("-p %lu needs exactly %lu processes, not %u: "
                     "mpirun -n %lu %s",
                     bench->options.pairs, 2 * bench->options.pairs, count,
                     2 * bench->options.pairs, name);
    }
}

/* The controller that the topology names first, and the nodes it leads to. */
static void open_controller(bench_t *bench)
{
    rsmapi_controller_attr_t attributes;
    rsm_connections_t *link;
    rsm_topology_t *topology;
    rsm_node_id_t self;
    size_t i;

    bench_must(rsm_get_interconnect_topology(&topology),
               "rsm_get_interconnect_topology");
    link = (topology->topology_hdr.local_cntlr_count > 0)
               ? topology->connections[0]
               : NULL;
    if ((link == NULL) ||
        ((size_t)link->hdr.remote_cntlr_count + 1 < bench->count)) {
        bench_refuse("no controller leads to all other processes");
    }
    bench_must(rsm_get_controller(link->hdr.cntlr_name, &bench->controller),
               "rsm_get_controller");

    self = topology->topology_hdr.local_nodeid;
    bench->nodes = calloc(bench->count, sizeof(*bench->nodes));
    if (bench->nodes == NULL) {
        bench_die("there is no memory for %zu processes", bench->count);
    }
    for (i = 0; i + 1 < bench->count; ++i) {
        bench->nodes[i] = link->remote_cntlr[i].remote_nodeid;
    }
    bench->nodes[i] = self;
    qsort(bench->nodes, bench->count, sizeof(*bench->nodes), compare_nodes);
    while (bench->nodes[bench->self] != self) {
        ++bench->self;
    }
    rsm_free_interconnect_topology(topology);

    bench->partner = (bench->self + bench->count / 2) % bench->count;
    bench_must(rsm_get_controller_attr(bench->controller, &attributes),
               "rsm_get_controller_attr");
    bench->page = attributes.attr_page_size;
}

/* What one thread needs of the data area. */
static size_t area_for_one(const bench_t *bench)
{
    switch (bench->actions->room) {
    case BENCH_ROOM_WORD:
        return 1;
    case BENCH_ROOM_ONE:
        return bench->options.max_size;
    default:
        /* Messages of a window that follow each other do not lie on each
         * other. */
        return (bench->options.max_size > 0) ? 2 * bench->options.max_size : 1;
    }
}

/* Who receives has no threads but the one that waits, and on some ways to the
 * data is as busy. */
static size_t busy_threads(const bench_t *bench)
{
    return (bench->self < bench->options.pairs) ? bench->options.threads : 1;
}

static void export_area(bench_t *bench)
{
    rsm_memseg_id_t id = BENCH_SEGMENT_ID;
    rsmapi_access_entry_t *access =
        calloc(bench->count, sizeof(rsmapi_access_entry_t));
    size_t i;

    bench->area = bench->options.threads *
                  bench_round_up(area_for_one(bench), bench->page);
    bench->head = bench_round_up(sizeof(bench_board_t) +
                                     bench->count * sizeof(struct bench_answer),
                                 bench->page);
    bench->exported = bench_pages(bench, bench->head + bench->area);
    bench->board = (bench_board_t *)bench->exported;
    bench->local = bench_pages(bench, bench->area);
    bench_host_self(&bench->board->host, busy_threads(bench));

    if (access == NULL) {
        bench_die("there is no memory for an access list");
    }
    for (i = 0; i < bench->count; ++i) {
        access[i] = (rsmapi_access_entry_t){bench->nodes[i], BENCH_SAME_USER};
    }
    bench_must(rsm_memseg_export_create(bench->controller, &bench->segment,
                                        bench->exported,
                                        bench->head + bench->area, 0),
               "rsm_memseg_export_create");
    bench_must(rsm_memseg_export_publish(bench->segment, &id, access,
                                         (uint_t)bench->count),
               "rsm_memseg_export_publish");
    free(access);
}

/* ---- boards ---- */

static void open_board(bench_t *bench, size_t other)
{
    bench_way_to_t *way = &bench->boards[other];

    way->import = bench_connect(bench, other);
    bench_must(rsm_memseg_import_init_barrier(way->import, RSM_BARRIER_SEGMENT,
                                              &way->barrier),
               "rsm_memseg_import_init_barrier");
}

static void close_board(bench_way_to_t *way)
{
    if (way->import != NULL) {
        bench_must(rsm_memseg_import_destroy_barrier(&way->barrier),
                   "rsm_memseg_import_destroy_barrier");
        bench_must(rsm_memseg_import_disconnect(way->import),
                   "rsm_memseg_import_disconnect");
    }
}

/* Wait until there are as many connections to our segment, or at least so
 * many. */
static void await_importers(bench_t *bench, uint32_t wanted, bool is_exact)
{
    const struct timespec pause = {0, 1000 * 1000};
    int64_t deadline = bench_now_ns() + (int64_t)BENCH_START_MS * 1000000;
    uint32_t importers;

    for (;;) {
        bench_must(rsmx_export_get_importer_count(bench->segment, &importers),
                   "rsmx_export_get_importer_count");
        if ((importers == wanted) || (!is_exact && (importers > wanted))) {
            return;
        }
        if (bench_now_ns() > deadline) {
            bench_die("some process does not answer");
        }
        nanosleep(&pause, NULL);
    }
}

/* The others come first, so that process 0 knows that all have published and
 * its first connection takes just what it takes. */
static void open_boards(bench_t *bench)
{
    int64_t begin;
    size_t i;

    bench->boards = calloc(bench->count, sizeof(*bench->boards));
    if (bench->boards == NULL) {
        bench_die("there is no memory for %zu connections", bench->count);
    }
    if (bench->self != 0) {
        open_board(bench, 0);
        return;
    }
    await_importers(bench, (uint32_t)bench->count - 1, false);
    for (i = 1; i < bench->count; ++i) {
        begin = bench_now_ns();
        open_board(bench, i);
        if (i == 1) {
            bench->first_connect_us = (double)(bench_now_ns() - begin) / 1e3;
        }
    }
}

void bench_look_for(bench_t *bench, size_t other)
{
    uint64_t word;

    bench_must(
        rsm_memseg_import_get64(bench->boards[other].import, 0, &word, 1),
        "another process does not live any more");
}

/* ---- start and end ---- */

void bench_span_join(bench_span_t *all, bench_span_t more, bool is_one_clock)
{
    if (is_one_clock) {
        all->begin = (more.begin < all->begin) ? more.begin : all->begin;
        all->end = (more.end > all->end) ? more.end : all->end;
    } else if (more.end - more.begin > all->end - all->begin) {
        *all = more;
    }
}

/* Where everybody is, read from the boards; process 0 tells the others what
 * follows from it. */
static void learn_hosts(bench_t *bench, bench_host_t *hosts)
{
    size_t i;

    hosts[0] = bench->board->host;
    for (i = 1; i < bench->count; ++i) {
        bench_must(rsm_memseg_import_get(bench->boards[i].import,
                                         offsetof(bench_board_t, host),
                                         &hosts[i], sizeof(*hosts)),
                   "rsm_memseg_import_get");
    }
}

/* All find out whether mappings are needed and cannot be had, and end together,
 * so that nobody complains of the others' end. */
static void check_mappings(bench_t *bench)
{
    int64_t deadline = bench_now_ns() + (int64_t)1000 * 1000000;
    uint32_t importers = 1;
    bool is_fine;

    if (!bench->actions->needs_mappings && !bench_wants_map(bench)) {
        return;
    }
    is_fine = bench_can_map(bench);
    bench_meet(bench);
    if (is_fine) {
        return;
    }
    if (bench->self == 0) {
        bench_say("memory of other processes cannot be mapped here; %s",
                  bench->actions->needs_mappings
                      ? "RSM_DIRECT and UCX_TLS decide that"
                      : "use another way than -w map");
        while ((importers > 0) && (bench_now_ns() < deadline)) {
            bench_must(
                rsmx_export_get_importer_count(bench->segment, &importers),
                "rsmx_export_get_importer_count");
            sched_yield();
        }
    }
    exit(EXIT_FAILURE);
}

void bench_team_open(bench_t *bench)
{
    check_count(bench);
    open_controller(bench);
    export_area(bench);
    open_boards(bench);
    check_mappings(bench);
    bench_link_open(bench, &bench->link, 0);
    if (bench->self == 0) {
        /* What is measured may be over before the others have connected. */
        await_importers(bench, (uint32_t)bench->count, true);
    }
}

size_t bench_team_notes(bench_t *bench, bench_note_t *notes)
{
    bench_host_t *hosts = calloc(bench->count, sizeof(*hosts));
    size_t used = 0;
    size_t i;

    if (hosts == NULL) {
        bench_die("there is no memory for %zu hosts", bench->count);
    }
    learn_hosts(bench, hosts);
    bench->is_one_host = bench_host_is_one(hosts, bench->count);
    bench->is_crowded = bench_host_is_crowded(hosts, bench->count);
    for (i = 1; i < bench->count; ++i) {
        (void)bench_ask(bench, i, BENCH_ASK_YIELD, 0, bench->is_crowded, 0);
    }

    bench_link_note(bench, &notes[used++]);
    if (bench->program->takes & BENCH_TAKES_PAIRS) {
        bench_note_t *note = &notes[used++];

        *note = (bench_note_t){.title = "Senders", .key = "senders"};
        snprintf(note->text, sizeof(note->text),
                 "%lu process%s, %lu thread%s each, window %lu",
                 bench->options.pairs, (bench->options.pairs > 1) ? "es" : "",
                 bench->options.threads,
                 (bench->options.threads > 1) ? "s" : "",
                 bench->options.window);
    }
    used += bench_host_notes(hosts, bench->count, notes + used);
    free(hosts);
    return used;
}

void bench_team_close(bench_t *bench)
{
    size_t i;

    for (i = 1; (i < bench->count) && (bench->self == 0); ++i) {
        bench_ask_begin(bench, i, BENCH_ASK_END, 0, 0, 0);
    }
    bench_link_close(&bench->link);
    for (i = 0; i < bench->count; ++i) {
        close_board(&bench->boards[i]);
    }
    await_importers(bench, 0, true);
    bench_must(rsm_memseg_export_destroy(bench->segment),
               "rsm_memseg_export_destroy");
    bench_must(rsm_release_controller(bench->controller),
               "rsm_release_controller");
    free(bench->boards);
    free(bench->nodes);
    free(bench->exported);
    free(bench->local);
}
