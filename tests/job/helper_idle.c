/* SPDX-License-Identifier: BSD-3-Clause */
/* Two nodes with connections and nothing to say: their service threads do not
 * wake once.
 *
 *     mpirun -n 2 rsm_job_idle
 */
#include "node.h"
#include "service.h"

#define SECONDS 3

int main(void)
{
    node_export_t segment;
    node_import_t import;
    uint64_t one = 1;
    long before, after;

    node_open();
    node_export(&segment, NODE_SEGMENT, NODE_PAGE);
    node_connect(&import, 1 - node.rank, NODE_SEGMENT);
    NODE_OK(rsm_memseg_import_put(import.handle, 0, &one, sizeof(one)));
    NODE_OK(rsm_intr_signal_post(import.handle, 0));
    NODE_OK(rsm_intr_signal_wait(segment.handle, 20000));

    (void)sleep(1); /* what is under way arrives */
    before = service_switches();
    NODE_CHECK(before > 0);
    (void)sleep(SECONDS);
    after = service_switches();
    if (after != before) {
        node_say("%ld switches in %d seconds", after - before, SECONDS);
    }

    /* Nobody speaks while the other counts. */
    (void)sleep(1);
    NODE_OK(rsm_intr_signal_post(import.handle, 0));
    NODE_OK(rsm_intr_signal_wait(segment.handle, 20000));
    node_disconnect(&import);
    if (after == before) {
        node_say("idle ok");
    }
    return (after == before) ? EXIT_SUCCESS : EXIT_FAILURE;
}
