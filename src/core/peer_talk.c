/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to an exporter, on the request socket. */
#include "core/peer.h"

#include "rsmapi.h"

#include <unistd.h>

/* Longest answer: an offer with all its pieces, key and address. */
#define PEER_ANSWER_MAX                                 \
    (sizeof(rsmi_wire_offer_t) +                        \
     RSMI_WIRE_PIECES_MAX * sizeof(rsmi_wire_piece_t) + \
     2 * (size_t)RSMI_WIRE_BLOB_MAX)

/* One thread at a time has the request socket. A stopped process must not keep
 * those who wait behind it longer than their own deadline. */
static int peer_take_requests(rsmi_peer_t *peer, rsmi_time_t deadline)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&peer->request_lock);
    while (peer->is_asking && (rc == RSM_SUCCESS)) {
        if (!rsmi_cond_wait_until(&peer->request_free, &peer->request_lock,
                                  deadline)) {
            rc = RSMERR_TIMEOUT;
        }
    }
    if (!peer->is_asking) {
        rc = (peer->request_fd < 0) ? RSMERR_CONN_ABORTED : RSM_SUCCESS;
        peer->is_asking = rc == RSM_SUCCESS;
    }
    rsmi_unlock(&peer->request_lock);
    return rc;
}

static void peer_give_requests(rsmi_peer_t *peer, int rc)
{
    rsmi_lock(&peer->request_lock);
    if (rc == RSMERR_CONN_ABORTED) {
        (void)close(peer->request_fd);
        peer->request_fd = -1;
    }
    peer->is_asking = false;
    (void)pthread_cond_signal(&peer->request_free);
    rsmi_unlock(&peer->request_lock);
}

static int peer_receive(rsmi_peer_t *peer, rsmi_time_t deadline,
                        rsmi_frame_t *answer_p)
{
    int rc = (peer->answers_due == 1)
                 ? rsmi_frame_receive_last(peer->request_fd, PEER_ANSWER_MAX,
                                           deadline, answer_p)
                 : rsmi_frame_receive(peer->request_fd, PEER_ANSWER_MAX,
                                      deadline, answer_p);

    if ((rc != RSMERR_TIMEOUT) && (rc != RSMERR_INTERRUPTED)) {
        --peer->answers_due; /* also where its descriptors were lost */
    }
    return rc;
}

/* Answers to questions that were given up may come first. */
static int peer_await_answer(rsmi_peer_t *peer, uint32_t tag,
                             rsmi_time_t deadline, rsmi_frame_t *answer_p)
{
    const rsmi_wire_header_t *header;
    int rc;

    for (;;) {
        rc = peer_receive(peer, deadline, answer_p);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        header = answer_p->message;
        if (header->tag == tag) {
            return RSM_SUCCESS;
        }
        rsmi_frame_clear(answer_p);
    }
}

int rsmi_peer_ask(rsmi_peer_t *peer, rsmi_wire_header_t *question,
                  rsmi_time_t deadline, rsmi_frame_t *answer_p)
{
    int rc;

    rc = peer_take_requests(peer, deadline);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    question->tag = ++peer->last_tag;
    rc = rsmi_frame_send(peer->request_fd, question, question->size, deadline);
    if (rc == RSM_SUCCESS) {
        ++peer->answers_due;
        rc = peer_await_answer(peer, question->tag, deadline, answer_p);
    }
    peer_give_requests(peer, rc);
    return rc;
}

int rsmi_peer_tell(rsmi_peer_t *peer, const rsmi_wire_header_t *message,
                   rsmi_time_t deadline)
{
    int rc;

    rc = peer_take_requests(peer, deadline);
    if (rc != RSM_SUCCESS) {
        return (rc == RSMERR_TIMEOUT) ? RSMERR_REMOTE_NODE_UNREACHABLE : rc;
    }
    do {
        rc =
            rsmi_frame_send(peer->request_fd, message, message->size, deadline);
    } while (rc == RSMERR_INTERRUPTED);
    peer_give_requests(peer, rc);
    return (rc == RSMERR_TIMEOUT) ? RSMERR_REMOTE_NODE_UNREACHABLE : rc;
}
