/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that may have few descriptors imports its own memory. Every call
 * works or says that resources are short, or, where the end that should have
 * answered had none left, that nobody does.
 *
 *     rsm_job_few */
#include "node.h"

static void check(int rc)
{
    if ((rc != RSM_SUCCESS) && (rc != RSMERR_INSUFFICIENT_RESOURCES) &&
        (rc != RSMERR_REMOTE_NODE_UNREACHABLE)) {
        node_fail(__FILE__, __LINE__, "a call", rsmx_error_name(rc));
    }
    if (rc != RSM_SUCCESS) {
        node_say("too few");
        exit(EXIT_SUCCESS);
    }
}

int main(void)
{
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    rsm_memseg_id_t id = 0;
    uint64_t value = 7;
    uint64_t *memory;

    alarm(25);
    check(rsmx_get_node_id(&node.self));
    check(rsm_get_controller("ucx0", &node.controller));
    memory = node_pages(NODE_PAGE);
    check(rsm_memseg_export_create(node.controller, &segment, memory, NODE_PAGE,
                                   0));
    check(rsm_memseg_export_publish(segment, &id, NULL, 0));
    check(rsm_memseg_import_connect(node.controller, node.self, id,
                                    RSM_PERM_RDWR, &import));
    NODE_OK(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier));
    check(rsm_memseg_import_put64(import, 0, &value, 1));
    NODE_CHECK(*(volatile uint64_t *)memory == value);
    NODE_OK(rsm_memseg_import_disconnect(import));
    NODE_OK(rsm_memseg_export_destroy(segment));
    node_say("enough");
    return EXIT_SUCCESS;
}
