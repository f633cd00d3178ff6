/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include <string.h>

/* Puts of a stream after which what has come is taken in. UCX 1.13 aborts a
 * process in which an answer waits for room in the socket of a peer that dies,
 * so answers must not pile up at the target. */
#define RMA_PROGRESS_EVERY 8

/* Whether one that is no letter works on memory of its own. Not where there is
 * mail: it is longer than a message, because the user chose short ones. */
static bool rma_is_copied(const rsmi_fabric_peer_t *peer, size_t len)
{
    return (len <= FABRIC_BOUNCE_SIZE) && !rsmi_fabric_has_mail(peer);
}

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
    int rc;

    if (rsmi_likely(key->peer->is_wired)) {
        return RSM_SUCCESS;
    }

    rc = rsmi_fabric_is_letter(key->peer, 1)
             ? rsmi_fabric_fetch(domain, key, &get, 1, wait, &done)
             : rma_get_copied(domain, key, remote, &byte, 1, wait);
    /* Others may have begun meanwhile, who asked for the same. */
    return (rc == RSM_SUCCESS) ? rsmi_fabric_peer_enter(domain, key->peer, wait)
                               : rc;
}

/* What UCX would emulate is a letter here too: it ends a target that has several
 * puts to acknowledge to a process that has just died. */
static ucs_status_ptr_t rma_put_start(rsmi_fabric_key_t *key,
                                      rsmi_fabric_op_t *op, uint64_t remote,
                                      const void *src, size_t len)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucp_request_param_t param;

    rsmi_fabric_op_param(op, &param);
    if (!rsmi_fabric_has_mail(peer)) {
        return ucp_put_nbx(peer->ep, src, len, remote, key->rkey, &param);
    }
    op->letter = (rsmi_fabric_letter_t){.remote = remote};
    param.op_attr_mask |= UCP_OP_ATTR_FIELD_FLAGS;
    param.flags = UCP_AM_SEND_FLAG_EAGER;
    return ucp_am_send_nbx(peer->ep, FABRIC_LETTER_ID, &op->letter,
                           sizeof(op->letter), src, len, &param);
}

/* From the caller's memory, until UCX needs it no more. */
static int rma_put_in_place(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_key_t *key, uint64_t remote,
                            const void *src, size_t len,
                            const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer = key->peer;
    rsmi_fabric_op_t *op;
    int rc;

    op = rsmi_fabric_op_get(domain, peer, key);
    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rsmi_fabric_op_started(op, rma_put_start(key, op, remote, src, len));
    (void)rsmi_fabric_worker_progress(domain);
    rc = rsmi_fabric_op_finish_in_place(domain, op, wait);
    /* Not before: the question of another thread may overtake what waits for
     * room in the socket, and its answer vouches for all that is noted. */
    rsmi_fabric_peer_note(peer);
    return rc;
}

/* Letters are not sent in parts: rsmi_fabric_is_letter() tells why. */
static int rma_put_large(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                         uint64_t remote, const void *src, size_t len,
                         const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    size_t most =
        rsmi_fabric_has_mail(key->peer) ? domain->get_piece : SIZE_MAX;
    size_t at = 0;
    size_t piece;
    int rc;

    rc = rma_wire(domain, key, remote, wait);
    while ((at < len) && (rc == RSM_SUCCESS)) {
        piece = (len - at < most) ? len - at : most;
        rc = rma_put_in_place(domain, key, remote + at,
                              (const unsigned char *)src + at, piece, wait);
        at += piece;
    }
    return rc;
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
    } else if (rsmi_fabric_is_letter(key->peer, len)) {
        rc = rsmi_fabric_mail_put(domain, key, remote, src, len, wait);
    } else if (rma_is_copied(key->peer, len)) {
        rc = rma_put_copied(domain, key, remote, src, len, wait);
    } else {
        rc = rma_put_large(domain, key, remote, src, len, wait);
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

/* An answer that comes before may fill the socket, or be the one that finds the
 * importer dead. The endpoint may be gone when it has been waited for. */
static int rma_wait_answered(rsmi_fabric_domain_t *domain,
                             rsmi_fabric_peer_t *peer,
                             const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while ((peer->awaited != 0) && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
    }
    return rsmi_fabric_peer_is_broken(peer) ? RSMERR_CONN_ABORTED : rc;
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
    rc = rma_wait_answered(domain, peer, wait);
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
    } else if (rma_is_copied(key->peer, len)) {
        rc = rma_get_copied(domain, key, remote, dst, len, wait);
    } else {
        rc = rma_get_in_pieces(domain, key, remote, dst, len, wait);
    }

out:
    rsmi_fabric_unlock(domain);
    return rc;
}
