/* SPDX-License-Identifier: BSD-3-Clause */
/* The network between two hosts goes silent: no packet, no word.
 *
 *     mpirun -n 2 rsm_job_silence busy|idle
 *
 * Rank 0 says "pull the cable" and goes on writing, or waits without writing;
 * the test pulls it out. Both sides have to notice by themselves.
 */
#include "node.h"

#define BOUND_MS 6000 /* with RSM_PEER_TIMEOUT=2s */

static void run_importer(const char *way)
{
    static uint64_t block[1024];
    node_import_t import;
    int64_t start;
    int rc;

    node_connect(&import, 1, NODE_SEGMENT);
    node_put64(&import, 0, 1);
    node_say("pull the cable");

    start = node_clock_ms();
    if (strcmp(way, "idle") == 0) {
        NODE_CODE(rsm_intr_signal_wait(import.handle, BOUND_MS),
                  RSMERR_TIMEOUT);
        /* It is known by now: no need to wait for an answer that is late. */
        start = node_clock_ms() - BOUND_MS + 500;
    }
    do {
        NODE_CHECK(node_clock_ms() < start + BOUND_MS);
        rc = rsm_memseg_import_put(import.handle, 0, block, sizeof(block));
    } while (rc == RSM_SUCCESS);
    NODE_CHECK(node_clock_ms() < start + BOUND_MS);
    NODE_CODE(rc, RSMERR_CONN_ABORTED);

    node_disconnect(&import);
    node_say("importer ok");
}

static void run_exporter(void)
{
    node_export_t segment;

    node_export(&segment, NODE_SEGMENT, 2 * NODE_PAGE);
    NODE_WAIT(node_importers(&segment) == 1);
    NODE_WAIT(node_importers(&segment) == 0);
    node_unexport(&segment);
    node_say("exporter ok");
}

int main(int argc, char **argv)
{
    NODE_CHECK(argc == 2);
    node_open();
    if (node.rank == 0) {
        run_importer(argv[1]);
    } else {
        run_exporter();
    }
    node_close();
    return EXIT_SUCCESS;
}
