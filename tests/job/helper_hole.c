/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter can be asked, but data sent to it vanish on their way: connect
 * has to say so in time.
 *
 *     mpirun -n 2 -x RSM_TIMEOUT=2s rsm_job_hole FIFO
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "node.h"

#define TIMEOUT_MS 2000
#define SLACK_MS   1500

static void run_exporter(const char *path)
{
    node_export_t segment;
    char byte;
    int fd;

    NODE_CHECK(mkfifo(path, 0600) == 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    NODE_CHECK(fd >= 0);
    node_export(&segment, NODE_SEGMENT, NODE_PAGE);
    NODE_CHECK(read(fd, &byte, 1) == 1);
    node_unexport(&segment);
    node_say("exporter ok");
}

static void run_importer(const char *path)
{
    int64_t deadline = node_clock_ms() + NODE_PATIENCE_MS;
    rsm_memseg_import_handle_t handle;
    int64_t start;
    int fd, rc;

    do {
        node_pause(1);
        start = node_clock_ms();
        NODE_CHECK(start < deadline);
        rc = rsm_memseg_import_connect(node.controller, node.first + 1,
                                       NODE_SEGMENT, RSM_PERM_RDWR, &handle);
    } while (rc == RSMERR_SEG_NOT_PUBLISHED);
    NODE_CODE(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    NODE_CHECK(node_clock_ms() - start < TIMEOUT_MS + SLACK_MS);

    fd = open(path, O_WRONLY | O_CLOEXEC);
    NODE_CHECK(fd >= 0);
    NODE_CHECK(write(fd, "!", 1) == 1);
    (void)close(fd);
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
