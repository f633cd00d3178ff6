/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter can be asked, but data sent to it vanish on their way: connect
 * has to say so in time.
 *
 *     mpirun -n 2 -x RSM_TIMEOUT=2s rsm_job_hole FIFO
 */
#include "node.h"

#define TIMEOUT_MS 2000
#define SLACK_MS   1500

static void run_exporter(const char *path)
{
    node_export_t segment;
    int fd = node_fifo(path);

    node_export(&segment, NODE_SEGMENT, NODE_PAGE);
    node_fifo_wait(fd);
    node_unexport(&segment);
    node_say("exporter ok");
}

static void run_importer(const char *path)
{
    int64_t deadline = node_clock_ms() + NODE_PATIENCE_MS;
    rsm_memseg_import_handle_t handle;
    int64_t start;
    int rc;

    do {
        node_pause(1);
        start = node_clock_ms();
        NODE_CHECK(start < deadline);
        rc = rsm_memseg_import_connect(node.controller, node.first + 1,
                                       NODE_SEGMENT, RSM_PERM_RDWR, &handle);
    } while (rc == RSMERR_SEG_NOT_PUBLISHED);
    NODE_CODE(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    NODE_CHECK(node_clock_ms() - start < TIMEOUT_MS + SLACK_MS);

    node_fifo_tell(path);
    node_say("importer ok");
}

int main(int argc, char **argv)
{
    NODE_CHECK(argc == 2);
    node_open();
    if (node.rank == 0) {
        run_importer(argv[1]);
    } else {
        run_exporter(argv[1]);
    }
    node_close();
    return EXIT_SUCCESS;
}
