/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ranks that export to each other; both fork. In the child every call
 * fails and the memory is a copy; the parent does not notice.
 *
 *     mpirun -n 2 rsm_job_fork exit|_exit
 */
#include <sys/wait.h>

#include "node.h"

/* Words of the exported memory. */
enum { WORD_BEFORE, WORD_CHILD, WORD_FORKED, WORD_AFTER, WORD_LATER };

static void check_child_calls(node_export_t *segment, node_import_t *import)
{
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t exported;
    rsm_memseg_import_handle_t imported;
    rsm_memseg_id_t id = NODE_SEGMENT + 1;
    rsm_topology_t *topology;
    uint64_t value = 1;

    /* What belongs to the creator says so. */
    NODE_CODE(rsm_memseg_export_unpublish(segment->handle), RSMERR_NOT_CREATOR);
    NODE_CODE(rsm_memseg_export_republish(segment->handle, NULL, 0),
              RSMERR_NOT_CREATOR);
    NODE_CODE(rsm_memseg_export_publish(segment->handle, &id, NULL, 0),
              RSMERR_NOT_CREATOR);
    NODE_CODE(rsm_memseg_export_rebind(segment->handle, (void *)segment->words,
                                       0, segment->size),
              RSMERR_NOT_CREATOR);

    /* All other calls fail too, each in a way that it knows. */
    NODE_CODE(rsm_memseg_import_put64(import->handle, 8, &value, 1),
              RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_memseg_import_get64(import->handle, 8, &value, 1),
              RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_intr_signal_post(import->handle, 0), RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_intr_signal_wait(segment->handle, 0), RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_memseg_import_disconnect(import->handle),
              RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_memseg_export_destroy(segment->handle), RSMERR_BAD_SEG_HNDL);
    NODE_CODE(rsm_memseg_import_connect(node.controller, node.self,
                                        NODE_SEGMENT, RSM_PERM_READ, &imported),
              RSMERR_BAD_CTLR_HNDL);
    NODE_CODE(rsm_memseg_export_create(node.controller, &exported,
                                       (void *)segment->words, NODE_PAGE, 0),
              RSMERR_BAD_CTLR_HNDL);
    NODE_CODE(rsm_release_controller(node.controller), RSMERR_BAD_CTLR_HNDL);
    NODE_CHECK(rsm_get_controller("ucx0", &controller) != RSM_SUCCESS);
    NODE_CHECK(rsm_get_interconnect_topology(&topology) != RSM_SUCCESS);
}

/* Writes in the child stay there, and later ones of others do not arrive. */
static void run_child(node_export_t *segment, node_import_t *import,
                      int ready_fd, const char *end)
{
    uint32_t peers_word = 0;

    NODE_CHECK(segment->words[WORD_BEFORE] == 11);
    segment->words[WORD_CHILD] = 666;
    check_child_calls(segment, import);
    NODE_CHECK(read(ready_fd, &peers_word, 1) == 1);
    NODE_CHECK(segment->words[WORD_AFTER] == 0);
    NODE_CHECK(segment->words[WORD_CHILD] == 666);
    if (strcmp(end, "exit") == 0) {
        exit(EXIT_SUCCESS); /* exit handlers of the library run here */
    }
    _exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
    node_export_t segment;
    node_import_t import;
    int ready[2];
    int status;
    pid_t child;

    NODE_CHECK(argc == 2);
    node_open();
    node_export(&segment, NODE_SEGMENT, 4 * NODE_PAGE);
    node_connect(&import, 1 - node.rank, NODE_SEGMENT);
    node_put64(&import, WORD_BEFORE, 11);
    NODE_WAIT(segment.words[WORD_BEFORE] == 11);

    NODE_CHECK(pipe(ready) == 0);
    child = fork();
    NODE_CHECK(child >= 0);
    if (child == 0) {
        run_child(&segment, &import, ready[0], argv[1]);
    }

    /* The other one writes while our child lives, and after it has ended. */
    node_put64(&import, WORD_FORKED, 1);
    NODE_WAIT(segment.words[WORD_FORKED] == 1);
    node_put64(&import, WORD_AFTER, 22);
    NODE_WAIT(segment.words[WORD_AFTER] == 22);
    NODE_CHECK(write(ready[1], "!", 1) == 1);
    NODE_CHECK(waitpid(child, &status, 0) == child);
    NODE_CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0));
    NODE_CHECK(segment.words[WORD_CHILD] == 0);

    node_put64(&import, WORD_LATER, 33);
    NODE_WAIT(segment.words[WORD_LATER] == 33);
    NODE_OK(rsm_intr_signal_post(import.handle, 0));
    NODE_OK(rsm_intr_signal_wait(segment.handle, NODE_PATIENCE_MS));

    node_meet(2);
    node_disconnect(&import);
    node_unexport(&segment);
    node_close();
    node_say("node %u ok", node.self);
    return EXIT_SUCCESS;
}
