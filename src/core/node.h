/* SPDX-License-Identifier: BSD-3-Clause */
/* Nodes of the job: numbers, and the record by which each makes itself known
 * through the bootstrap. */
#ifndef RSMI_NODE_H
#define RSMI_NODE_H

#include "ctrl/socket.h"
#include "ctrl/wire.h"
#include "rsmapi.h"
#include "util/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* What a process publishes about itself; fixed layout. */
typedef struct {
    uint32_t magic;
    uint32_t version;
    uint64_t host;      /* processes with the same value reach each other's Unix
                      sockets */
    uint64_t pid_space; /* and each other's /proc, as UCX needs */
    uint32_t pid;
    uint32_t uid;
    uint32_t gid;
    uint16_t port; /* of the TCP listener, 0 without one */
    uint16_t pad;
    uint8_t secret[RSMI_SECRET_SIZE];
    char name[RSMI_SOCKET_NAME_MAX];
    rsmi_socket_address_t addresses[RSMI_SOCKET_ADDRESSES];
} rsmi_node_record_t;

bool rsmi_node_to_rank(rsm_node_id_t node, uint32_t *rank_p);
rsm_node_id_t rsmi_node_of_rank(uint32_t rank);

/* Our own record: made before the doors open, published when they are. */
int rsmi_node_describe(void);
const rsmi_node_record_t *rsmi_node_self(void);

/* @p port: where other hosts may knock, 0 when there are none. */
int rsmi_node_publish(uint16_t port);

/* The record of another process, awaited. RSMERR_SEG_NOT_PUBLISHED when it
 * has not started the library, RSMERR_REMOTE_NODE_UNREACHABLE. */
int rsmi_node_fetch(uint32_t rank, rsmi_time_t deadline,
                    rsmi_node_record_t *record_p);

/* A record as it came from elsewhere is one of ours. */
bool rsmi_node_record_is_good(const void *record, size_t size);

#endif
