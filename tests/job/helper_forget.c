/* SPDX-License-Identifier: BSD-3-Clause */
/* An importer is killed: the exporter forgets it soon, and nobody else
 * notices.
 *
 *     mpirun --enable-recovery -n 3 rsm_job_forget
 *
 * Rank 0 exports. Rank 1 writes without end and is killed. Rank 2 writes as
 * well and checks all it does; its connection must not suffer.
 */
#include <signal.h>

#include "node.h"

#define BOUND_MS 1000

/* Words of the exporter's memory. */
enum { VICTIM_PID, VICTIM_COUNT, OTHER_COUNT, ORDER_TO_END };

static void run_exporter(void)
{
    node_export_t segment;
    uint64_t before;
    int64_t killed;

    node_export(&segment, NODE_SEGMENT, NODE_PAGE);
    NODE_WAIT(node_importers(&segment) == 2);
    NODE_WAIT((segment.words[VICTIM_PID] != 0) &&
              (segment.words[VICTIM_COUNT] > 100));

    NODE_CHECK(kill((pid_t)segment.words[VICTIM_PID], SIGKILL) == 0);
    killed = node_clock_ms();
    NODE_WAIT(node_importers(&segment) == 1);
    NODE_CHECK(node_clock_ms() - killed < BOUND_MS);

    before = segment.words[OTHER_COUNT];
    NODE_WAIT(segment.words[OTHER_COUNT] > before + 100);
    segment.words[ORDER_TO_END] = 1;
    NODE_WAIT(node_importers(&segment) == 0);
    node_unexport(&segment);
    node_say("exporter ok");
}

static void run_victim(void)
{
    node_import_t import;
    uint64_t count;

    node_connect(&import, 0, NODE_SEGMENT);
    node_put64(&import, VICTIM_PID, (uint64_t)getpid());
    for (count = 1;; ++count) {
        rsm_memseg_import_handle_t another;

        /* Transfers and control messages: it may be killed in any of them. */
        node_put64(&import, VICTIM_COUNT, count);
        NODE_OK(rsm_intr_signal_post(import.handle, RSM_SIGPOST_NO_ACCUMULATE));
        if (count % 16 == 0) {
            NODE_CODE(rsm_memseg_import_connect(node.controller, node.first,
                                                NODE_SEGMENT + 1, RSM_PERM_READ,
                                                &another),
                      RSMERR_SEG_NOT_PUBLISHED);
        }
    }
}

static void run_other(void)
{
    node_import_t import;
    uint64_t count = 0;

    node_connect(&import, 0, NODE_SEGMENT);
    while (node_get64(&import, ORDER_TO_END) == 0) {
        ++count;
        node_put64(&import, OTHER_COUNT, count);
        NODE_CHECK(node_get64(&import, OTHER_COUNT) == count);
    }
    node_disconnect(&import);
    node_say("other ok");
}

int main(void)
{
    node_open();
    if (node.rank == 0) {
        run_exporter();
    } else if (node.rank == 1) {
        run_victim();
    } else {
        run_other();
    }
    node_close();
    return EXIT_SUCCESS;
}
