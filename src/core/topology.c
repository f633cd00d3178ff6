/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/topology.h"

#include "core/controller.h"
#include "core/node.h"
#include "core/peer.h"
#include "core/runtime.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* State of a link whose other end is gone; illumos calls it "down". */
#define TOPOLOGY_CONNECTION_DOWN 1

static uint32_t topology_count(const rsmi_controller_t *controller)
{
    uint32_t rank, count = 0;

    for (rank = 0; rank < rsmi_runtime_size(); ++rank) {
        if ((rank != rsmi_runtime_rank()) &&
            rsmi_controller_reaches(controller, rank)) {
            ++count;
        }
    }
    return count;
}

static size_t topology_record_size(uint32_t remotes)
{
    size_t size = offsetof(rsm_connections_t, remote_cntlr) +
                  remotes * sizeof(rsm_remote_cntlr_t);

    if (size < sizeof(rsm_connections_t)) {
        size = sizeof(rsm_connections_t);
    }
    return (size + 7) & ~(size_t)7;
}

static void topology_fill(const rsmi_controller_t *controller,
                          rsm_connections_t *record)
{
    rsm_remote_cntlr_t *remote = record->remote_cntlr;
    uint32_t rank;

    (void)snprintf(record->hdr.cntlr_name, sizeof(record->hdr.cntlr_name), "%s",
                   controller->name);
    record->hdr.local_hwaddr =
        rsmi_controller_address(controller, rsmi_runtime_rank());
    for (rank = 0; rank < rsmi_runtime_size(); ++rank) {
        if ((rank == rsmi_runtime_rank()) ||
            !rsmi_controller_reaches(controller, rank)) {
            continue;
        }
        remote->remote_nodeid = rsmi_node_of_rank(rank);
        (void)snprintf(remote->remote_cntlrname,
                       sizeof(remote->remote_cntlrname), "%s",
                       controller->name);
        remote->remote_hwaddr = rsmi_controller_address(controller, rank);
        remote->connection_state = rsmi_peer_was_lost(rank)
                                       ? TOPOLOGY_CONNECTION_DOWN
                                       : RSM_CONNECTION_ACTIVE;
        ++remote;
    }
    record->hdr.remote_cntlr_count = (int)(remote - record->remote_cntlr);
}

/* Header, one pointer for each controller, then the records. */
static size_t topology_head_size(uint32_t controllers)
{
    size_t size = offsetof(rsm_topology_t, connections) +
                  controllers * sizeof(rsm_connections_t *);

    if (size < sizeof(rsm_topology_t)) {
        size = sizeof(rsm_topology_t);
    }
    return (size + 7) & ~(size_t)7;
}

int rsmi_topology_build(rsm_topology_t **topology_p)
{
    const rsmi_controller_t *controller;
    uint32_t controllers = 0, idx;
    rsm_topology_t *topology;
    size_t size = 0;
    char *place;

    /* The first one, loopback, is not part of the interconnect. */
    while ((controller = rsmi_controller_at(controllers + 1)) != NULL) {
        size += topology_record_size(topology_count(controller));
        ++controllers;
    }
    size += topology_head_size(controllers);
    topology = calloc(1, size);
    if (topology == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    topology->topology_hdr.local_nodeid =
        rsmi_node_of_rank(rsmi_runtime_rank());
    topology->topology_hdr.local_cntlr_count = controllers;
    place = (char *)topology + topology_head_size(controllers);
    for (idx = 0; idx < controllers; ++idx) {
        controller = rsmi_controller_at(idx + 1);
        topology->connections[idx] = (rsm_connections_t *)place;
        topology_fill(controller, topology->connections[idx]);
        place += topology_record_size(topology_count(controller));
    }
    *topology_p = topology;
    return RSM_SUCCESS;
}
