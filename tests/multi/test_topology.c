/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot of who can reach whom. */
#include "multi.h"

#include <string.h>

static rsm_topology_t *take_snapshot(void)
{
    rsm_topology_t *topology = NULL;

    MULTI_OK(rsm_get_interconnect_topology(&topology));
    cr_assert_not_null(topology);
    return topology;
}

MULTI_TEST_ONCE(topology, null_pointers_are_handled, 1)
{
    MULTI_CODE(rsm_get_interconnect_topology(NULL), RSMERR_BAD_TOPOLOGY_PTR);
    rsm_free_interconnect_topology(NULL);
}

MULTI_TEST(topology, first_controller_is_ucx0, 1)
{
    rsm_topology_t *topology = take_snapshot();
    uint_t i;

    cr_assert_eq(topology->topology_hdr.local_nodeid, multi_self());
    cr_assert_geq(topology->topology_hdr.local_cntlr_count, 1);
    cr_assert_str_eq(topology->connections[0]->hdr.cntlr_name, "ucx0");
    for (i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        const rsm_connections_t *local = topology->connections[i];

        cr_assert_str_neq(local->hdr.cntlr_name, "loopback");
        cr_assert_eq(local->hdr.remote_cntlr_count, 0,
                     "a job of one has no remote nodes");
        cr_assert_eq((uintptr_t)local % 8, 0, "aligned");
    }
    rsm_free_interconnect_topology(topology);
}

MULTI_TEST(topology, shared_memory_is_listed_if_allowed, 1)
{
    rsm_topology_t *topology = take_snapshot();
    bool is_listed = false;
    uint_t i;

    for (i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        if (strcmp(topology->connections[i]->hdr.cntlr_name, "shm0") == 0)
            is_listed = true;
    }
    cr_assert_eq(is_listed, multi_path() != MULTI_PATH_NET);
    rsm_free_interconnect_topology(topology);
}

/* Each other node exactly once, reachable, under the name it uses itself. */
static void check_links(const rsm_topology_t *topology)
{
    const rsm_connections_t *ucx = topology->connections[0];
    bool seen[MULTI_RANKS_MAX] = {false};
    int i;

    cr_assert_eq(ucx->hdr.remote_cntlr_count, (int)multi.size - 1);
    for (i = 0; i < ucx->hdr.remote_cntlr_count; i++) {
        const rsm_remote_cntlr_t *link = &ucx->remote_cntlr[i];
        uint32_t rank = link->remote_nodeid - multi_node(0);

        cr_assert_lt(rank, multi.size);
        cr_assert_neq(rank, multi.rank, "the own node is not remote");
        cr_assert_not(seen[rank], "node listed twice");
        seen[rank] = true;
        cr_assert_eq(link->connection_state, RSM_CONNECTION_ACTIVE);
        cr_assert_str_eq(link->remote_cntlrname, "ucx0");
    }
}

MULTI_TEST(topology, lists_every_other_node_once, 3)
{
    rsm_topology_t *topology;

    multi_controller();
    multi_sync();
    topology = take_snapshot();
    cr_assert_eq(topology->topology_hdr.local_nodeid, multi_self());
    check_links(topology);
    rsm_free_interconnect_topology(topology);
}

/* What I see of you is what you see of yourself. */
MULTI_TEST(topology, hardware_addresses_agree, 2)
{
    rsm_topology_t *topology;
    uint64_t theirs[2];

    multi_controller();
    multi_sync();
    topology = take_snapshot();
    theirs[0] = multi_share(0, topology->connections[0]->hdr.local_hwaddr);
    theirs[1] = multi_share(1, topology->connections[0]->hdr.local_hwaddr);
    cr_assert_neq(theirs[0], theirs[1], "two processes, two addresses");
    cr_assert_eq(topology->connections[0]->remote_cntlr[0].remote_hwaddr,
                 theirs[1 - multi.rank]);
    rsm_free_interconnect_topology(topology);
}

MULTI_TEST_ONCE(topology, snapshots_are_independent, 2)
{
    rsm_topology_t *first;
    rsm_topology_t *second;

    multi_controller();
    multi_sync();
    first = take_snapshot();
    second = take_snapshot();
    cr_assert_neq(first, second);
    cr_assert_neq(first->connections[0], second->connections[0]);
    memset(first->connections[0]->hdr.cntlr_name, 'x', 4);
    cr_assert_str_eq(second->connections[0]->hdr.cntlr_name, "ucx0");
    rsm_free_interconnect_topology(first);
    check_links(second);
    rsm_free_interconnect_topology(second);
}

/* The way of the programming guide: find the controller that leads to the
 * destination, open it by the name found, connect. */
MULTI_TEST(topology, leads_to_a_connection, 2)
{
    rsm_node_id_t destination = multi_node(1 - multi.rank);
    rsmapi_controller_handle_t controller = NULL;
    rsm_memseg_import_handle_t import = NULL;
    rsm_topology_t *topology;
    multi_segment_t segment;
    uint_t i;
    int j;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_sync();
    topology = take_snapshot();
    for (i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        rsm_connections_t *local = topology->connections[i];

        for (j = 0; j < local->hdr.remote_cntlr_count; j++) {
            if (controller == NULL &&
                local->remote_cntlr[j].remote_nodeid == destination &&
                local->remote_cntlr[j].connection_state ==
                    RSM_CONNECTION_ACTIVE)
                MULTI_OK(
                    rsm_get_controller(local->hdr.cntlr_name, &controller));
        }
    }
    cr_assert_not_null(controller, "no link leads there");
    MULTI_OK(rsm_memseg_import_connect(controller, destination, MULTI_ID(0),
                                       RSM_PERM_RDWR, &import));
    MULTI_OK(rsm_memseg_import_disconnect(import));
    MULTI_OK(rsm_release_controller(controller));
    rsm_free_interconnect_topology(topology);
    multi_sync();
    multi_withdraw(&segment);
}
