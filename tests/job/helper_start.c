/* SPDX-License-Identifier: BSD-3-Clause */
/* A job that starts, does a little of everything and ends.
 *
 *     rsm_job_start ring        all ranks, each writes to the next one
 *     rsm_job_start silent      the last rank never calls the library
 *     rsm_job_start hold        as ring, then wait to be killed
 *     rsm_job_start nothing     one call only: start and end of the library
 *     rsm_job_start mute        without standard streams, to which it prints
 */
#include "node.h"

#include <unistd.h>

/* A node that has not started the library has published nothing, and saying
 * so must not take long: programs poll for it. */
static void run_silent(void)
{
    rsm_memseg_import_handle_t handle;
    int64_t start;

    if (node.rank + 1 == node.count) {
        return;
    }
    start = node_clock_ms();
    NODE_CODE(rsm_memseg_import_connect(node.controller,
                                        node.first + node.count - 1,
                                        NODE_SEGMENT, RSM_PERM_READ, &handle),
              RSMERR_SEG_NOT_PUBLISHED);
    NODE_CHECK(node_clock_ms() - start < 300);
    node_ring(node.count - 1);
}

/* Segments on both sides and connections between them when the end comes. */
static void run_hold(void)
{
    node_export_t segment;
    node_import_t import;

    node_export(&segment, NODE_SEGMENT + 1, 16 * NODE_PAGE);
    node_connect(&import, (node.rank + 1) % node.count, NODE_SEGMENT + 1);
    node_put64(&import, 0, 1);
    NODE_WAIT(segment.words[0] == 1);
    node_say("ready, pid%u %d", node.rank, (int)getpid());
    for (;;) {
        pause();
    }
}

/* What is printed to streams that had been closed goes nowhere, and least of
 * all into memory that is exported. */
static void run_mute(void)
{
    node_export_t segment;
    size_t at;
    int fd;

    node_export(&segment, NODE_SEGMENT + 1, 16 * NODE_PAGE);
    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        (void)!write(fd, "printed by mistake", 18);
    }
    for (at = 0; at < 16 * NODE_PAGE / sizeof(*segment.words); ++at) {
        NODE_CHECK(segment.words[at] == 0);
    }
}

int main(int argc, char **argv)
{
    const char *mode = (argc > 1) ? argv[1] : "ring";
    const char *rank = getenv("PMIX_RANK");
    const char *ranks = getenv("OMPI_COMM_WORLD_SIZE");

    if ((strcmp(mode, "silent") == 0) && (rank != NULL) && (ranks != NULL) &&
        (atoi(rank) + 1 == atoi(ranks))) {
        /* Alive for as long as the others look at this rank. */
        node_pause(1000);
        node_say("silent");
        return EXIT_SUCCESS;
    }

    if (strcmp(mode, "mute") == 0) {
        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        (void)close(STDERR_FILENO);
    }
    node_open();
    if (strcmp(mode, "mute") == 0) {
        run_mute();
        node_ring(node.count);
    } else if (strcmp(mode, "ring") == 0) {
        node_ring(node.count);
    } else if (strcmp(mode, "silent") == 0) {
        run_silent();
    } else if (strcmp(mode, "hold") == 0) {
        run_hold();
    }
    node_close();
    node_say("node %u of %u ok", node.self, node.count);
    return EXIT_SUCCESS;
}
