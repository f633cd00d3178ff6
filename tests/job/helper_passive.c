/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter publishes and then sits in read(), making no call; importers
 * must not need its help.
 *
 *     mpirun -n 2 rsm_job_passive FIFO
 */
#include "node.h"

#define SIZE  (1024 * 1024u)
#define WORDS (SIZE / sizeof(uint64_t))

#define PATIENCE_MS 10000 /* a post of another host is on its way yet */

static void run_exporter(const char *path)
{
    node_export_t segment;
    size_t i;
    int fd = node_fifo(path);

    node_export(&segment, NODE_SEGMENT, SIZE);

    node_fifo_wait(fd);

    for (i = 0; i < WORDS; ++i) {
        NODE_CHECK(segment.words[i] == 7 * i);
    }
    for (i = 0; i < 3; ++i) {
        NODE_OK(rsm_intr_signal_wait(segment.handle, PATIENCE_MS));
    }
    NODE_CODE(rsm_intr_signal_wait(segment.handle, 0), RSMERR_TIMEOUT);
    NODE_WAIT(node_importers(&segment) == 0); /* told after disconnect */
    node_unexport(&segment);
    NODE_CHECK(unlink(path) == 0);
    node_say("exporter ok");
}

static void run_importer(const char *path)
{
    static uint64_t out[WORDS], in[WORDS];
    int64_t start = node_clock_ms();
    node_import_t import;
    size_t i;

    for (i = 0; i < WORDS; ++i) {
        out[i] = 7 * i;
    }
    for (i = 0; i < 3; ++i) {
        node_connect(&import, 1, NODE_SEGMENT);
        NODE_OK(rsm_memseg_import_put(import.handle, 0, out, SIZE));
        NODE_OK(rsm_memseg_import_get(import.handle, 0, in, SIZE));
        NODE_CHECK(memcmp(out, in, SIZE) == 0);
        NODE_OK(rsm_intr_signal_post(import.handle, 0));
        node_disconnect(&import);
    }
    NODE_CHECK(node_clock_ms() - start < 5000);

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
