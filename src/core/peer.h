/* SPDX-License-Identifier: BSD-3-Clause */
/* Exporters as the importer sees them: one *peer* for each process we import
 * from (and for each identity of ours: after a change of uid or groups new
 * sockets are made, because the kernel vouches for the identity at the time
 * of connecting). A peer stays until its process is gone. */
#ifndef RSMI_PEER_H
#define RSMI_PEER_H

#include "core/path.h"
#include "core/service.h"
#include "ctrl/bell.h"
#include "ctrl/frame.h"
#include "ctrl/life.h"
#include "fabric/fabric.h"
#include "util/hash.h"
#include "util/lock.h"

#include <sys/types.h>

struct rsmi_import;

/* Who talks to whom: a rank, and what the kernel would vouch for now of this
 * process. A key; no padding. */
typedef struct {
    uint32_t rank;
    uid_t uid;
    gid_t gid;
    uint32_t group_count;
    uint64_t groups; /* hash of the supplementary ones */
} rsmi_peer_name_t;

_Static_assert(sizeof(rsmi_peer_name_t) == 24, "a key without padding");

typedef struct rsmi_peer {
    rsmi_source_t source; /* event socket; first member; service thread */
    rsmi_frame_reader_t reader;
    rsmi_frame_rest_t rest;

    rsmi_peer_name_t name;
    bool is_local;
    rsmi_life_view_t life;
    rsmi_bell_view_t bells;

    rsmi_lock_t request_lock;
    pthread_cond_t request_free;
    bool is_asking
        RSMI_GUARDED_FIELD(request_lock); /* somebody has the socket */
    int request_fd RSMI_GUARDED_FIELD(request_lock); /* -1: broken */
    uint32_t last_tag RSMI_GUARDED_FIELD(request_lock);
    unsigned answers_due; /* whoever has the socket */

    rsmi_lock_t way_lock;
    rsmi_fabric_peer_t *ways[RSMI_FABRIC_KINDS] RSMI_GUARDED_FIELD(way_lock);
    _Atomic uint64_t failures; /* transfers that UCX reported as failed */

    /* Peers lock. */
    uint32_t references;
    bool is_lost;
    bool has_lost_release;
    struct rsmi_import *imports; /* by cookie */
    UT_hash_handle hh;           /* by name */
} rsmi_peer_t;

extern rsmi_lock_t rsmi_peers_lock;

/* RSM_SUCCESS or RSMERR_INSUFFICIENT_MEM. */
int rsmi_peer_name(uint32_t rank, rsmi_peer_name_t *name_p);

/* Find or make the way to a process. RSMERR_SEG_NOT_PUBLISHED, it has not
 * started the library; RSMERR_REMOTE_NODE_UNREACHABLE; RSMERR_INTERRUPTED;
 * RSMERR_INSUFFICIENT_MEM, RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_peer_get(uint32_t rank, rsmi_time_t deadline, rsmi_peer_t **peer_p);
void rsmi_peer_put(rsmi_peer_t *peer);

/* Ask and await the answer with the same tag. On any failure but
 * RSMERR_CONN_ABORTED the exporter may or may not have heard the question. */
int rsmi_peer_ask(rsmi_peer_t *peer, rsmi_wire_header_t *question,
                  rsmi_time_t deadline, rsmi_frame_t *answer_p);

/* Say something that is not answered. RSMERR_CONN_ABORTED,
 * RSMERR_REMOTE_NODE_UNREACHABLE when the peer does not listen. */
int rsmi_peer_tell(rsmi_peer_t *peer, const rsmi_wire_header_t *message,
                   rsmi_time_t deadline);

/* The import takes part in events from now on, or no more. */
int rsmi_peer_add(rsmi_peer_t *peer, struct rsmi_import *import);
void rsmi_peer_remove(rsmi_peer_t *peer, struct rsmi_import *import);

/* A release could not be sent: the exporter has to be told when it asks. */
void rsmi_peer_lost_release(rsmi_peer_t *peer);

typedef struct {
    const void *bytes;
    size_t size;
} rsmi_peer_blob_t;

/* A key, by the way through UCX, which is made when first needed. */
int rsmi_peer_way(rsmi_peer_t *peer, rsmi_fabric_kind_t kind,
                  const rsmi_peer_blob_t *address, const rsmi_peer_blob_t *key,
                  rsmi_fabric_peer_t **way_p, rsmi_fabric_key_t **key_p);

/* At the end of the process: see what is under way to its end, for a short time
 * at most. */
void rsmi_peer_settle_all(void);

/* Whether a process of that rank was seen to end. */
bool rsmi_peer_was_lost(uint32_t rank);

/* In the child of a fork: close the parent's sockets. */
void rsmi_peer_forked(void) RSMI_NO_ANALYSIS;

#endif
