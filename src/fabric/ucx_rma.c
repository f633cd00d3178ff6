/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include <string.h>

/* Puts of a stream after which their acknowledgements are taken in. UCX 1.13
 * aborts a process in which an answer waits for room in the socket of a peer
 * that dies, so answers must not pile up at the target. */
#define RMA_PROGRESS_EVERY 8

static int rma_get_copied(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                          uint64_t remote, void *dst, size_t len,
                          const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;
    int rc;

    op = rsmi_fabric_op_get(domain, key->peer, key);
    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(op, ucp_get_nbx(key->peer->ep, op->bounce, len,
                                           remote, key->rkey, &param));
    rc = rsmi_fabric_op_finish(domain, op, wait);
    if (rc == RSM_SUCCESS) {
        /* Given back, but nobody can have taken it since: we hold the lock. */
        memcpy(dst, op->bounce, len);
        key->peer->is_wired = true;
    }

    return rc;
}

/* The caller's memory may go into UCX's hands only when UCX will give it back:
 * what was started before the peer ever answered is kept by UCX 1.13 even when
 * the endpoint is closed by force. */
static int rma_wire(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                    uint64_t remote, const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    unsigned char byte;
    const rsmi_fabric_get_t get = {remote, &byte, 1};
    size_t done;

    if (rsmi_likely(key->peer->is_wired)) {
        return RSM_SUCCESS;
    }

    return rsmi_fabric_is_letter(key->peer, 1)
               ? rsmi_fabric_fetch(domain, key, &get, 1, wait, &done)
               : rma_get_copied(domain, key, remote, &byte, 1, wait);
}

/* From the caller's memory, until UCX needs it no more. */
static int rma_put_in_place(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_key_t *key, uint64_t remote,
                            const void *src, size_t len,
                            const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;
    int rc;

    rc = rma_wire(domain, key, remote, wait);
    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        return rc;
    }

    op = rsmi_fabric_op_get(domain, peer, key);
    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(
        op, ucp_put_nbx(peer->ep, src, len, remote, key->rkey, &param));

    rsmi_fabric_peer_note(peer);
    (void)rsmi_fabric_worker_progress(domain);
    return rsmi_fabric_op_finish_in_place(domain, op, wait);
}

int rsmi_fabric_put_wait_turn(rsmi_fabric_domain_t *domain,
                              rsmi_fabric_peer_t *peer,
                              const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    if ((peer->started % RMA_PROGRESS_EVERY) == 0) {
        (void)rsmi_fabric_worker_progress(domain);
    }

    while ((peer->puts_in_flight >= FABRIC_PUTS_IN_FLIGHT) &&
           (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
        if (rc == RSM_SUCCESS) {
            rc = rsmi_fabric_peer_enter(domain, peer, wait);
        }
    }

    return rc;
}

/* From a copy, which stays behind on its way. */
static int rma_put_copied(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                          uint64_t remote, const void *src, size_t len,
                          const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;
    int rc;

    rc = rsmi_fabric_put_wait_turn(domain, peer, wait);
    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        return rc;
    }

    op = rsmi_fabric_op_get(domain, peer, key);
    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    memcpy(op->bounce, src, len);
    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(
        op, ucp_put_nbx(peer->ep, op->bounce, len, remote, key->rkey, &param));
    rsmi_fabric_peer_note(peer);

    return rsmi_fabric_op_leave_put(domain, op);
}

static const ucp_request_param_t rma_no_param;

int rsmi_fabric_put(rsmi_fabric_key_t *key, uint64_t remote, const void *src,
                    size_t len, const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = key->peer->domain;
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, key->peer, wait);
    if (rsmi_unlikely((rc != RSM_SUCCESS) || (len == 0))) {
        goto out;
    }

    if (key->is_direct) {
        rc = rsmi_fabric_op_settle(domain, key->peer,
                                   ucp_put_nbx(key->peer->ep, src, len, remote,
                                               key->rkey, &rma_no_param),
                                   wait);
    } else if (len > FABRIC_BOUNCE_SIZE) {
        rc = rma_put_in_place(domain, key, remote, src, len, wait);
    } else if (rsmi_fabric_is_letter(key->peer, len)) {
        rc = rsmi_fabric_mail_put(domain, key, remote, src, len, wait);
    } else {
        rc = rma_put_copied(domain, key, remote, src, len, wait);
    }

out:
    rsmi_fabric_unlock(domain);

    return rc;
}

int rsmi_fabric_put_through(rsmi_fabric_key_t *key, uint64_t remote,
                            const void *src, size_t len,
                            rsmi_fabric_look_t *look,
                            const rsmi_fabric_wait_t *wait)
{
    const rsmi_fabric_letter_t letter = {.remote = remote,
                                         .look_at = look->remote};
    int rc;

    if (rsmi_fabric_is_letter(key->peer, len)) {
        return rsmi_fabric_mail_ask(key->peer, &letter, src, len, &look->word,
                                    wait);
    }

    rc = rsmi_fabric_put(key, remote, src, len, wait);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    return (look->remote != 0)
               ? rsmi_fabric_flush_and_get(key, look->remote, &look->word, wait)
               : rsmi_fabric_flush(key->peer, wait);
}

static int rma_get_in_place(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                            size_t len, const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;

    op = rsmi_fabric_op_get(domain, key->peer, key);
    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(
        op, ucp_get_nbx(key->peer->ep, dst, len, remote, key->rkey, &param));
    return rsmi_fabric_op_finish_in_place(domain, op, wait);
}

/* What was asked for before may fill the socket. */
static int rma_wait_fetched(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_peer_t *peer,
                            const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while ((peer->fetches != 0) && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
    }
    return rc;
}

/* In pieces that the target can answer with one send, nothing else being asked
 * of it meanwhile: see RMA_PROGRESS_EVERY for what would happen else. */
static int rma_get_in_pieces(rsmi_fabric_domain_t *domain,
                             rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                             size_t len, const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer = key->peer;
    size_t at = 0;
    size_t piece;
    int rc;

    rc = rma_wire(domain, key, remote, wait);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    peer->is_talking = true;
    rc = rma_wait_fetched(domain, peer, wait);
    while ((at < len) && (rc == RSM_SUCCESS)) {
        piece = len - at;
        piece = (piece < domain->get_piece) ? piece : domain->get_piece;
        rc = rma_get_in_place(domain, key, remote + at,
                              (unsigned char *)dst + at, piece, wait);
        at += piece;
    }
    peer->is_talking = false;

    return rc;
}

int rsmi_fabric_get(rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                    size_t len, const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = key->peer->domain;
    const rsmi_fabric_get_t get = {remote, dst, len};
    size_t done;
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, key->peer, wait);
    if (rsmi_unlikely((rc != RSM_SUCCESS) || (len == 0))) {
        goto out;
    }

    if (key->is_direct) {
        rc = rsmi_fabric_op_settle(domain, key->peer,
                                   ucp_get_nbx(key->peer->ep, dst, len, remote,
                                               key->rkey, &rma_no_param),
                                   wait);
    } else if (rsmi_fabric_is_letter(key->peer, len)) {
        rc = rsmi_fabric_fetch(domain, key, &get, 1, wait, &done);
    } else if (len <= FABRIC_BOUNCE_SIZE) {
        rc = rma_get_copied(domain, key, remote, dst, len, wait);
    } else {
        rc = rma_get_in_pieces(domain, key, remote, dst, len, wait);
    }

out:
    rsmi_fabric_unlock(domain);
    return rc;
}
