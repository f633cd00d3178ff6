/* SPDX-License-Identifier: BSD-3-Clause */
/* The way through UCX to an exporter. */
#include "core/peer.h"

#include "rsmapi.h"
#include "util/config.h"

#include <string.h>

typedef struct {
    rsmi_peer_t *peer;
    rsmi_fabric_kind_t kind;
    rsmi_time_t deadline;
} way_errand_t;

/* Carries our card to the exporter. */
static int way_tell(const rsmi_fabric_card_t *card, void *arg)
{
    const way_errand_t *errand = arg;
    rsmi_wire_card_t piece = {.number = card->number,
                              .token = card->token,
                              .kind = errand->kind,
                              .size = (uint32_t)card->size};
    size_t at, len;
    int rc = RSM_SUCCESS;

    rsmi_frame_init(&piece.header, RSMI_WIRE_CARD, sizeof(piece), 0);
    for (at = 0; (at < card->size) && (rc == RSM_SUCCESS);
         at += sizeof(piece.bytes)) {
        len = card->size - at;
        len = (len < sizeof(piece.bytes)) ? len : sizeof(piece.bytes);
        piece.offset = (uint32_t)at;
        memcpy(piece.bytes, (const char *)card->address + at, len);
        rc = rsmi_peer_tell(errand->peer, &piece.header, errand->deadline);
    }
    return rc;
}

static int way_make(rsmi_peer_t *peer, rsmi_fabric_kind_t kind,
                    const rsmi_peer_blob_t *address)
    RSMI_REQUIRES(peer->way_lock)
{
    way_errand_t errand = {peer, kind,
                           rsmi_deadline_in_ms(rsmi_config.timeout)};
    rsmi_fabric_wait_t wait = {.deadline = errand.deadline};
    int rc;

    rc = rsmi_fabric_connect(kind, address->bytes, address->size,
                             &peer->ways[kind]);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_fabric_wire(peer->ways[kind], way_tell, &errand, &wait);
    if (rc == RSM_SUCCESS) {
        return rc;
    }
    rsmi_fabric_disconnect(peer->ways[kind]);
    peer->ways[kind] = NULL;
    return (rc == RSMERR_BARRIER_FAILURE) ? RSMERR_REMOTE_NODE_UNREACHABLE : rc;
}

/* A broken way is replaced. Imports that came by it keep it alive through their
 * keys, which is why the key is opened under the same lock. */
int rsmi_peer_way(rsmi_peer_t *peer, rsmi_fabric_kind_t kind,
                  const rsmi_peer_blob_t *address, const rsmi_peer_blob_t *key,
                  rsmi_fabric_peer_t **way_p, rsmi_fabric_key_t **key_p)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&peer->way_lock);
    if ((peer->ways[kind] != NULL) &&
        !rsmi_fabric_is_usable(peer->ways[kind])) {
        rsmi_fabric_disconnect(peer->ways[kind]);
        peer->ways[kind] = NULL;
    }
    if (peer->ways[kind] == NULL) {
        rc = way_make(peer, kind, address);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_key_open(peer->ways[kind], key->bytes, key->size,
                                  key_p);
        *way_p = peer->ways[kind];
    }
    rsmi_unlock(&peer->way_lock);
    return rc;
}
