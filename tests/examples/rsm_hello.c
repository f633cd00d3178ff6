/* SPDX-License-Identifier: BSD-3-Clause */
/* The first program with remote shared memory: one node exports a piece of
 * its memory, another one imports it, writes lines into it, and rings a bell.
 *
 *     mpirun -n 2 rsm_hello                  lines from the keyboard
 *     echo hello | mpirun -n 2 rsm_hello     or from a pipe
 *
 * Without options the first node imports, because mpirun gives the keyboard
 * to rank 0 alone. With options the parts and the other node are named, as in
 * Sun's guide:
 *
 *     mpirun -n 1 rsm_hello -i -n 1 : -n 1 rsm_hello -e -n 0
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rsmapi.h>
#include <rsmx.h>

#define SEGMENT_ID   0x400000 /* both sides know it; ids are per node */
#define SEGMENT_SIZE 8192     /* a multiple of the page size */
#define EVERYBODY    0666     /* read and write, whoever runs the peer */
#define PATIENCE_MS  1000     /* how often a waiting side looks for the other */
#define START_MS     10000    /* how long the exporter may take to appear */

/* What lies at the start of the exported memory. */
typedef struct {
    uint32_t length; /* bytes of text; 0 means that no more will come */
    char text[SEGMENT_SIZE - sizeof(uint32_t)];
} message_t;

static const struct timespec a_moment = {0, 10 * 1000 * 1000};

/* Every function of the API returns its error; there is no errno. */
static void must(int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        fprintf(stderr, "rsm_hello: %s: %s (%s)\n", call, rsmx_strerror(rc),
                rsmx_error_name(rc));
        exit(EXIT_FAILURE);
    }
}

static void quit(const char *sentence)
{
    fprintf(stderr, "rsm_hello: %s\n", sentence);
    exit(EXIT_FAILURE);
}

/* Look in the topology for the controller whose link leads to `peer`. */
static rsmapi_controller_handle_t controller_to(rsm_node_id_t peer)
{
    rsmapi_controller_handle_t controller = NULL;
    rsm_topology_t *topology;
    uint_t i;
    int j;

    must(rsm_get_interconnect_topology(&topology),
         "rsm_get_interconnect_topology");

    for (i = 0; i < topology->topology_hdr.local_cntlr_count; ++i) {
        rsm_connections_t *link = topology->connections[i];

        for (j = 0; j < link->hdr.remote_cntlr_count; ++j) {
            if ((controller == NULL) &&
                (link->remote_cntlr[j].remote_nodeid == peer) &&
                (link->remote_cntlr[j].connection_state ==
                 RSM_CONNECTION_ACTIVE)) {
                must(rsm_get_controller(link->hdr.cntlr_name, &controller),
                     "rsm_get_controller");
            }
        }
    }

    rsm_free_interconnect_topology(topology);
    if (controller == NULL) {
        quit("no controller leads to the other node");
    }
    return controller;
}

/* The exporter owns the memory. It never asks the library whether something
 * has been written: the bytes are simply there, and the signal says when. */
static void run_exporter(rsmapi_controller_handle_t controller,
                         rsm_node_id_t self, rsm_node_id_t peer)
{
    rsmapi_access_entry_t access[2] = {{self, EVERYBODY}, {peer, EVERYBODY}};
    rsm_memseg_id_t id = SEGMENT_ID;
    rsm_memseg_export_handle_t segment;
    bool was_connected = false;
    uint32_t importers;
    message_t *message;

    message = valloc(SEGMENT_SIZE);
    if (message == NULL) {
        quit("no memory");
    }
    memset(message, 0, SEGMENT_SIZE);

    must(rsm_memseg_export_create(controller, &segment, message, SEGMENT_SIZE,
                                  0),
         "rsm_memseg_export_create");
    must(rsm_memseg_export_publish(segment, &id, access, 2),
         "rsm_memseg_export_publish");

    for (;;) {
        uint32_t length;
        int rc = rsm_intr_signal_wait(segment, PATIENCE_MS);

        if (rc == RSMERR_TIMEOUT) {
            /* Nothing new. Is there still somebody who could write? */
            must(rsmx_export_get_importer_count(segment, &importers),
                 "rsmx_export_get_importer_count");
            if (was_connected && (importers == 0)) {
                quit("the importer is gone");
            }
            was_connected = (importers != 0);
            continue;
        }
        must(rc, "rsm_intr_signal_wait");
        was_connected = true;

        /* Others write here: look once, and believe nothing. */
        length = message->length;
        if (length == 0) {
            break;
        }
        if (length > sizeof(message->text)) {
            quit("the importer has written nonsense");
        }
        printf("node %u got: %.*s\n", self, (int)length, message->text);
        fflush(stdout);

        /* The buffer may be used again. */
        must(rsm_intr_signal_post(segment, 0), "rsm_intr_signal_post");
    }

    /* Let the importer go first: unpublish would cut it off in its last call. */
    do {
        must(rsmx_export_get_importer_count(segment, &importers),
             "rsmx_export_get_importer_count");
        nanosleep(&a_moment, NULL);
    } while (importers > 0);

    must(rsm_memseg_export_unpublish(segment), "rsm_memseg_export_unpublish");
    must(rsm_memseg_export_destroy(segment), "rsm_memseg_export_destroy");
    free(message);
}

/* The exporter may be slower to start than we are, so ask until it has
 * published the segment. */
static rsm_memseg_import_handle_t connect_to(
    rsmapi_controller_handle_t controller, rsm_node_id_t peer)
{
    rsm_memseg_import_handle_t segment;
    int waited_ms = 0;
    int rc;

    for (;;) {
        rc = rsm_memseg_import_connect(controller, peer, SEGMENT_ID,
                                       RSM_PERM_RDWR, &segment);
        if ((rc != RSMERR_SEG_NOT_PUBLISHED) || (waited_ms >= START_MS)) {
            break;
        }
        nanosleep(&a_moment, NULL);
        waited_ms += 10;
    }
    must(rc, "rsm_memseg_import_connect");
    return segment;
}

/* Write one message into the exporter's memory and ring the bell. */
static void send_message(rsm_memseg_import_handle_t segment, message_t *message)
{
    /* In implicit barrier mode, the default, the bytes are in the exporter's
     * memory when put returns; so the signal cannot overtake them. */
    must(rsm_memseg_import_put(segment, 0, message,
                               offsetof(message_t, text) + message->length),
         "rsm_memseg_import_put");
    must(rsm_intr_signal_post(segment, 0), "rsm_intr_signal_post");
}

/* Wait until the exporter has printed the message. A signal that never comes
 * is no error by itself; a get that fails tells that the exporter is gone. */
static void await_answer(rsm_memseg_import_handle_t segment)
{
    uint32_t length;
    int rc;

    while ((rc = rsm_intr_signal_wait(segment, PATIENCE_MS)) ==
           RSMERR_TIMEOUT) {
        must(rsm_memseg_import_get32(segment, 0, &length, 1),
             "rsm_memseg_import_get32");
    }
    must(rc, "rsm_intr_signal_wait");
}

static void run_importer(rsmapi_controller_handle_t controller,
                         rsm_node_id_t peer)
{
    static message_t message;
    rsm_memseg_import_handle_t segment = connect_to(controller, peer);
    rsmapi_barrier_t barrier;

    /* Needed in implicit mode too: it is what put uses behind the scenes. */
    must(rsm_memseg_import_init_barrier(segment, RSM_BARRIER_SEGMENT, &barrier),
         "rsm_memseg_import_init_barrier");

    if (isatty(STDIN_FILENO)) {
        printf("Type lines for node %u, Ctrl-D to end.\n", peer);
    }
    while (fgets(message.text, sizeof(message.text), stdin) != NULL) {
        message.length = (uint32_t)strcspn(message.text, "\n");
        if (message.length == 0) {
            continue;
        }
        send_message(segment, &message);
        await_answer(segment);
    }

    message.length = 0;
    send_message(segment, &message);

    must(rsm_memseg_import_destroy_barrier(&barrier),
         "rsm_memseg_import_destroy_barrier");
    must(rsm_memseg_import_disconnect(segment), "rsm_memseg_import_disconnect");
}

/* In a job of two nodes the topology shows one other node. */
static rsm_node_id_t only_peer(void)
{
    rsm_node_id_t peer;
    rsm_topology_t *topology;
    uint32_t nodes;

    must(rsmx_get_node_count(&nodes), "rsmx_get_node_count");
    if (nodes != 2) {
        quit("without -n this program needs two nodes: "
             "mpirun -n 2 rsm_hello");
    }

    must(rsm_get_interconnect_topology(&topology),
         "rsm_get_interconnect_topology");
    if ((topology->topology_hdr.local_cntlr_count == 0) ||
        (topology->connections[0]->hdr.remote_cntlr_count == 0)) {
        quit("the topology shows no other node");
    }
    peer = topology->connections[0]->remote_cntlr[0].remote_nodeid;
    rsm_free_interconnect_topology(topology);
    return peer;
}

static rsm_node_id_t parse_node(const char *text)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if ((errno != 0) || (end == text) || (*end != '\0') || (*text == '-') ||
        (number > UINT32_MAX)) {
        quit("-n takes the number of a node");
    }
    return (rsm_node_id_t)number;
}

int main(int argc, char **argv)
{
    enum { BY_NUMBER, EXPORTER, IMPORTER } part = BY_NUMBER;
    rsmapi_controller_handle_t controller;
    bool has_peer = false;
    rsm_node_id_t self;
    rsm_node_id_t peer = 0;
    int option;

    while ((option = getopt(argc, argv, "ein:h")) != -1) {
        switch (option) {
        case 'e':
            part = EXPORTER;
            break;
        case 'i':
            part = IMPORTER;
            break;
        case 'n':
            peer = parse_node(optarg);
            has_peer = true;
            break;
        default:
            fprintf((option == 'h') ? stdout : stderr,
                    "usage: rsm_hello [-e | -i] [-n NODE]\n"
                    "  -e       export memory and print what arrives in it\n"
                    "  -i       import it and write lines from standard "
                    "input\n"
                    "  -n NODE  number of the other node\n");
            return (option == 'h') ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }

    /* No call starts the library; the first one does. */
    must(rsmx_get_node_id(&self), "rsmx_get_node_id");
    if (!has_peer) {
        peer = only_peer();
    }
    if (part == BY_NUMBER) {
        part = (self < peer) ? IMPORTER : EXPORTER;
    }

    controller = controller_to(peer);
    if (part == EXPORTER) {
        run_exporter(controller, self, peer);
    } else {
        run_importer(controller, peer);
    }
    must(rsm_release_controller(controller), "rsm_release_controller");
    return EXIT_SUCCESS;
}
