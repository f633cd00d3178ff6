/* SPDX-License-Identifier: BSD-3-Clause */
/* Heat spreading over a square plate, computed by any number of nodes.
 *
 *     mpirun -n 4 heat2d -n 512 -i 2000 -o heat.png
 *
 * Each node owns a block of rows and exports it with one more row above and
 * below, the halo. After each step a node writes its outermost rows into the
 * halos of its neighbours and then a flag: the number of the step they belong
 * to. An order barrier between the two makes sure that whoever sees the flag
 * sees the row. The neighbour polls the flag in its own memory, so that no
 * message is ever received by anybody. Two copies of the plate take turns: a
 * node can be one step ahead of its neighbour without disturbing it.
 *
 * At the end the first node reads all blocks through the same segments and
 * paints the picture.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rsmapi.h>
#include <rsmx.h>

#include "picture.h"
#include "plate.h"

#define SEGMENT_ID  0x400002
#define DEADLINE_S  60.0
#define SPIN_ROUNDS 2000

/* The first page of every node's segment. Each flag has a cache line of its
 * own, because different processes write them. */
typedef struct {
    _Alignas(64) _Atomic uint64_t from_above; /* steps whose row has arrived */
    _Alignas(64) _Atomic uint64_t from_below;
    _Alignas(64) _Atomic uint64_t finished; /* set by the owner at the end */
    _Alignas(64) _Atomic uint64_t released; /* set by the first node */
} control_t;

/* A node this one writes to or reads from. */
typedef struct {
    rsm_memseg_import_handle_t segment;
    rsmapi_barrier_t barrier;
    size_t first; /* first row of its block in the plate */
    size_t rows;
} peer_t;

typedef struct {
    size_t size; /* rows and columns of the plate */
    uint64_t steps;
    const char *picture;
    bool is_checked; /* compare with a serial run */
} options_t;

typedef struct {
    options_t opt;
    rsmapi_controller_handle_t controller;
    uint32_t rank, ranks;
    rsm_node_id_t first_node;
    size_t page; /* alignment of exported memory */
    size_t first, rows;
    control_t *control; /* the exported memory begins here */
    double *plate[2];   /* rows + 2 rows each, in the same memory */
    size_t segment_size;
    rsm_memseg_export_handle_t segment;
    peer_t above, below;
} heat_t;

static void must(int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        fprintf(stderr, "heat2d: %s: %s (%s)\n", call, rsmx_strerror(rc),
                rsmx_error_name(rc));
        exit(EXIT_FAILURE);
    }
}

static void quit(const char *sentence)
{
    fprintf(stderr, "heat2d: %s\n", sentence);
    exit(EXIT_FAILURE);
}

static void *need(void *memory)
{
    if (memory == NULL) {
        quit("no memory");
    }
    return memory;
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- who owns what ---- */

static void share_of(const heat_t *heat, uint32_t rank, size_t *first,
                     size_t *rows)
{
    size_t each = heat->opt.size / heat->ranks;
    size_t rest = heat->opt.size % heat->ranks;

    *first = rank * each + ((rank < rest) ? rank : rest);
    *rows = each + ((rank < rest) ? 1 : 0);
}

/* Where row `row` of copy `copy` lies in the segment of a node that owns
 * `rows` rows. Row 0 is the halo above, row `rows` + 1 the one below. */
static off_t row_offset(const heat_t *heat, size_t rows, size_t copy,
                        size_t row)
{
    size_t plate = (rows + 2) * heat->opt.size;
    size_t cells = copy * plate + row * heat->opt.size;

    return (off_t)(heat->page + cells * sizeof(double));
}

/* ---- segments ---- */

static void open_controller(heat_t *heat)
{
    rsmapi_controller_attr_t attributes;
    rsm_topology_t *topology;
    rsm_node_id_t self;

    must(rsm_get_interconnect_topology(&topology),
         "rsm_get_interconnect_topology");
    if (topology->topology_hdr.local_cntlr_count == 0) {
        quit("this node has no controller");
    }
    must(rsm_get_controller(topology->connections[0]->hdr.cntlr_name,
                            &heat->controller),
         "rsm_get_controller");

    /* Nodes are numbered one after the other. The number of the first is the
     * smallest that the topology shows. */
    self = topology->topology_hdr.local_nodeid;
    heat->first_node = self;
    for (int i = 0; i < topology->connections[0]->hdr.remote_cntlr_count; ++i) {
        rsm_node_id_t other =
            topology->connections[0]->remote_cntlr[i].remote_nodeid;

        if (other < heat->first_node) {
            heat->first_node = other;
        }
    }
    rsm_free_interconnect_topology(topology);

    must(rsmx_get_node_count(&heat->ranks), "rsmx_get_node_count");
    heat->rank = self - heat->first_node;
    must(rsm_get_controller_attr(heat->controller, &attributes),
         "rsm_get_controller_attr");
    heat->page = attributes.attr_page_size;
}

static void export_block(heat_t *heat)
{
    rsm_memseg_id_t id = SEGMENT_ID;
    size_t cells, size;
    void *memory;

    share_of(heat, heat->rank, &heat->first, &heat->rows);
    cells = 2 * (heat->rows + 2) * heat->opt.size;
    size = heat->page + cells * sizeof(double);
    size = (size + heat->page - 1) / heat->page * heat->page;
    if (posix_memalign(&memory, heat->page, size) != 0) {
        quit("no memory");
    }
    memset(memory, 0, size);

    heat->control = memory;
    heat->segment_size = size;
    heat->plate[0] = (double *)((char *)memory + heat->page);
    heat->plate[1] = heat->plate[0] + cells / 2;

    /* The halos can be filled without asking the neighbours at first. */
    if (heat->first == 0) {
        fill_rows(heat->plate[0] + heat->opt.size, heat->opt.size, 0,
                  heat->rows + 1);
    } else {
        fill_rows(heat->plate[0], heat->opt.size, heat->first - 1,
                  heat->rows + 2);
    }

    must(rsm_memseg_export_create(heat->controller, &heat->segment, memory,
                                  size, 0),
         "rsm_memseg_export_create");
    /* No list: every node may connect, as the umask allows. */
    must(rsm_memseg_export_publish(heat->segment, &id, NULL, 0),
         "rsm_memseg_export_publish");
}

/* Connect to a node that may not have published its block yet. */
static void connect_peer(heat_t *heat, uint32_t rank, peer_t *peer)
{
    double deadline = now_s() + DEADLINE_S;
    int rc;

    share_of(heat, rank, &peer->first, &peer->rows);
    while ((rc = rsm_memseg_import_connect(
                heat->controller, heat->first_node + rank, SEGMENT_ID,
                RSM_PERM_RDWR, &peer->segment)) == RSMERR_SEG_NOT_PUBLISHED) {
        if (now_s() > deadline) {
            break;
        }
        nanosleep(&(struct timespec){0, 2 * 1000 * 1000}, NULL);
    }
    must(rc, "rsm_memseg_import_connect");
    must(rsm_memseg_import_init_barrier(peer->segment, RSM_BARRIER_SEGMENT,
                                        &peer->barrier),
         "rsm_memseg_import_init_barrier");
}

static void disconnect_peer(peer_t *peer)
{
    must(rsm_memseg_import_destroy_barrier(&peer->barrier),
         "rsm_memseg_import_destroy_barrier");
    must(rsm_memseg_import_disconnect(peer->segment),
         "rsm_memseg_import_disconnect");
}

/* ---- halos ---- */

/* Write one row and then the flag that announces it. The order barrier is
 * what makes "then" true; the close barrier reports what went wrong. */
static void send_row(peer_t *peer, off_t row, double *cells, size_t size,
                     off_t flag, uint64_t step)
{
    must(rsm_memseg_import_open_barrier(&peer->barrier),
         "rsm_memseg_import_open_barrier");
    must(
        rsm_memseg_import_put(peer->segment, row, cells, size * sizeof(*cells)),
        "rsm_memseg_import_put");
    must(rsm_memseg_import_order_barrier(&peer->barrier),
         "rsm_memseg_import_order_barrier");
    must(rsm_memseg_import_put64(peer->segment, flag, &step, 1),
         "rsm_memseg_import_put64");
    must(rsm_memseg_import_close_barrier(&peer->barrier),
         "rsm_memseg_import_close_barrier");
}

/* Wait until a neighbour has written at least `step` into our own memory. The
 * wait spins for a moment, then lets others have the processor. */
static void await_flag(_Atomic uint64_t *flag, uint64_t step)
{
    double deadline = 0.0;
    unsigned long round;

    for (round = 0; atomic_load_explicit(flag, memory_order_acquire) < step;
         ++round) {
        if (round < SPIN_ROUNDS) {
            continue;
        }
        if (round == SPIN_ROUNDS) {
            deadline = now_s() + DEADLINE_S;
        } else if ((round % SPIN_ROUNDS == 0) && (now_s() > deadline)) {
            quit("a neighbour does not answer");
        }
        sched_yield();
    }
}

static void exchange_halos(heat_t *heat, uint64_t step)
{
    size_t size = heat->opt.size;
    size_t copy = step % 2;
    double *plate = heat->plate[copy];

    if (heat->rank > 0) {
        send_row(&heat->above,
                 row_offset(heat, heat->above.rows, copy, heat->above.rows + 1),
                 plate + size, size, offsetof(control_t, from_below), step);
    }
    if (heat->rank + 1 < heat->ranks) {
        send_row(&heat->below, row_offset(heat, heat->below.rows, copy, 0),
                 plate + heat->rows * size, size,
                 offsetof(control_t, from_above), step);
    }
    if (heat->rank > 0) {
        await_flag(&heat->control->from_above, step);
    }
    if (heat->rank + 1 < heat->ranks) {
        await_flag(&heat->control->from_below, step);
    }
}

static void run_steps(heat_t *heat)
{
    uint64_t tenth = (heat->opt.steps + 9) / 10;
    double start = now_s();
    uint64_t step;

    for (step = 1; step <= heat->opt.steps; ++step) {
        step_rows(heat->plate[step % 2] + heat->opt.size,
                  heat->plate[(step - 1) % 2] + heat->opt.size, heat->opt.size,
                  heat->first, heat->rows);
        exchange_halos(heat, step);

        if ((heat->rank == 0) &&
            ((step % tenth == 0) || (step == heat->opt.steps))) {
            printf("step %llu of %llu, %.2f s\n", (unsigned long long)step,
                   (unsigned long long)heat->opt.steps, now_s() - start);
            fflush(stdout);
        }
    }
}

/* ---- the end: gather, check, paint ---- */

/* Wait until another node has finished its last step, reading the flag in
 * its memory. */
static void await_finish(peer_t *peer, uint64_t value)
{
    double deadline = now_s() + DEADLINE_S;
    uint64_t finished = 0;

    for (;;) {
        must(rsm_memseg_import_get64(
                 peer->segment, offsetof(control_t, finished), &finished, 1),
             "rsm_memseg_import_get64");
        if (finished == value) {
            return;
        }
        if (now_s() > deadline) {
            quit("a node does not finish");
        }
        sched_yield();
    }
}

/* The first node: read every block, then let its owner go. Nobody may go
 * before all have finished, or a neighbour would write to a segment that is
 * no longer there. */
static double *gather_plate(heat_t *heat, uint64_t finished)
{
    size_t size = heat->opt.size;
    size_t copy = heat->opt.steps % 2;
    double *plate = need(malloc(size * size * sizeof(*plate)));
    peer_t *others = need(calloc(heat->ranks, sizeof(*others)));
    uint64_t released = 1;
    uint32_t rank;

    memcpy(plate, heat->plate[copy] + size, heat->rows * size * sizeof(*plate));
    for (rank = 1; rank < heat->ranks; ++rank) {
        peer_t *peer = &others[rank];

        connect_peer(heat, rank, peer);
        await_finish(peer, finished);
        must(rsm_memseg_import_get(peer->segment,
                                   row_offset(heat, peer->rows, copy, 1),
                                   plate + peer->first * size,
                                   peer->rows * size * sizeof(*plate)),
             "rsm_memseg_import_get");
    }
    for (rank = 1; rank < heat->ranks; ++rank) {
        must(rsm_memseg_import_put64(others[rank].segment,
                                     offsetof(control_t, released), &released,
                                     1),
             "rsm_memseg_import_put64");
        disconnect_peer(&others[rank]);
    }

    free(others);
    return plate;
}

static void check_plate(const heat_t *heat, const double *plate)
{
    size_t size = heat->opt.size;
    size_t bytes = size * size * sizeof(double);
    double *serial[2] = {need(malloc(bytes)), need(malloc(bytes))};
    uint64_t step;

    fill_rows(serial[0], size, 0, size);
    for (step = 1; step <= heat->opt.steps; ++step) {
        step_rows(serial[step % 2], serial[(step - 1) % 2], size, 0, size);
    }
    if (memcmp(serial[heat->opt.steps % 2], plate, bytes) != 0) {
        quit("the result differs from the serial run");
    }
    printf("identical to the serial run\n");
    free(serial[0]);
    free(serial[1]);
}

static void finish(heat_t *heat)
{
    uint64_t finished = heat->opt.steps + 1;
    double *plate;

    if (heat->rank > 0) {
        atomic_store_explicit(&heat->control->finished, finished,
                              memory_order_release);
        await_flag(&heat->control->released, 1);
        return;
    }

    plate = gather_plate(heat, finished);
    if (heat->opt.is_checked) {
        check_plate(heat, plate);
    }
    if (heat->opt.picture != NULL) {
        if (picture_write(heat->opt.picture, plate, heat->opt.size) != 0) {
            fprintf(stderr, "heat2d: %s: %s\n", heat->opt.picture,
                    strerror(errno));
            exit(EXIT_FAILURE);
        }
        printf("picture in %s\n", heat->opt.picture);
    }
    free(plate);
}

/* Nobody takes away what somebody else still holds: all disconnect first. */
static void close_block(heat_t *heat)
{
    double deadline = now_s() + DEADLINE_S;
    uint32_t importers;

    if (heat->rank > 0) {
        disconnect_peer(&heat->above);
    }
    if (heat->rank + 1 < heat->ranks) {
        disconnect_peer(&heat->below);
    }

    do {
        must(rsmx_export_get_importer_count(heat->segment, &importers),
             "rsmx_export_get_importer_count");
        sched_yield();
    } while ((importers > 0) && (now_s() < deadline));
    must(rsm_memseg_export_destroy(heat->segment), "rsm_memseg_export_destroy");
    free(heat->control);
}

/* ---- options and main ---- */

static const char usage[] =
    "usage: mpirun -n NODES heat2d [options]\n"
    "  -n, --size N          rows and columns of the plate (default 256)\n"
    "  -i, --iterations N    steps to compute (default 500)\n"
    "  -o, --output FILE     paint the result as a PNG picture\n"
    "  -c, --check           compare with a serial run, bit by bit\n"
    "  -h, --help            show this text\n";

static unsigned long parse_number(const char *text, unsigned long min,
                                  unsigned long max)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if ((errno != 0) || (end == text) || (*end != '\0') || (*text == '-') ||
        (number < min) || (number > max)) {
        fprintf(stderr, "heat2d: \"%s\" is not a number from %lu to %lu\n",
                text, min, max);
        exit(EXIT_FAILURE);
    }
    return number;
}

static options_t parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"size", required_argument, NULL, 'n'},
        {"iterations", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'},
        {"check", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    options_t opt = {.size = 256, .steps = 500};
    int option;

    while ((option = getopt_long(argc, argv, "n:i:o:ch", names, NULL)) != -1) {
        switch (option) {
        case 'n':
            opt.size = parse_number(optarg, 3, 16384);
            break;
        case 'i':
            opt.steps = parse_number(optarg, 0, 1000000000);
            break;
        case 'o':
            opt.picture = optarg;
            break;
        case 'c':
            opt.is_checked = true;
            break;
        default:
            fputs(usage, (option == 'h') ? stdout : stderr);
            exit((option == 'h') ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        exit(EXIT_FAILURE);
    }
    return opt;
}

int main(int argc, char **argv)
{
    heat_t heat = {.opt = parse_options(argc, argv)};

    open_controller(&heat);
    if (heat.ranks > heat.opt.size) {
        quit("there are more nodes than rows");
    }
    export_block(&heat);
    if (heat.rank > 0) {
        connect_peer(&heat, heat.rank - 1, &heat.above);
    }
    if (heat.rank + 1 < heat.ranks) {
        connect_peer(&heat, heat.rank + 1, &heat.below);
    }

    run_steps(&heat);
    finish(&heat);

    close_block(&heat);
    must(rsm_release_controller(heat.controller), "rsm_release_controller");
    return EXIT_SUCCESS;
}
