/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

/* Whether something was started on @p peer that UCX has to vouch for. The
 * calling thread's own operations are counted for sure, which is what its
 * barrier is about, so the lock is not needed. */
static bool flush_is_due(const rsmi_fabric_peer_t *peer)
{
    uint64_t started =
        atomic_load_explicit(&peer->started, memory_order_relaxed);

    return atomic_load_explicit(&peer->flushed, memory_order_relaxed) < started;
}

void rsmi_fabric_flush_note(rsmi_fabric_peer_t *peer, uint64_t started)
{
    if (peer->flushed < started) {
        atomic_store_explicit(&peer->flushed, started, memory_order_relaxed);
    }
}

uint64_t rsmi_fabric_vouched(const rsmi_fabric_peer_t *peer, uint64_t before)
{
    uint64_t started =
        atomic_load_explicit(&peer->started, memory_order_relaxed);

    return (before < started) ? before : started;
}

static int flush_by_ucx(rsmi_fabric_peer_t *peer,
                        const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = peer->domain;
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;
    uint64_t started;
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, peer, wait);
    if (rc != RSM_SUCCESS) {
        goto out;
    }

    op = rsmi_fabric_op_get(domain, peer, NULL);
    if (op == NULL) {
        rc = RSMERR_INSUFFICIENT_RESOURCES;
        goto out;
    }

    started = peer->started;
    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(op, ucp_ep_flush_nbx(peer->ep, &param));
    rc = rsmi_fabric_op_finish(domain, op, wait);
    if (rc != RSM_SUCCESS) {
        goto out;
    }

    peer->is_wired = true;

    /* An operation that nobody waited for may have failed meanwhile. */
    if (rsmi_fabric_peer_is_broken(peer)) {
        rc = RSMERR_CONN_ABORTED;
    } else {
        rsmi_fabric_flush_note(peer, started);
    }

out:
    rsmi_fabric_unlock(domain);
    return rc;
}

/* What shared memory needs: copies by the processor are in order once its
 * store buffer is empty. */
static int flush_by_fence(const rsmi_fabric_peer_t *peer)
{
    atomic_thread_fence(memory_order_seq_cst);
    return rsmi_fabric_peer_is_broken(peer) ? RSMERR_CONN_ABORTED : RSM_SUCCESS;
}

/* Whether operations on @p peer are carried out in the order of their start.
 * What UCX emulates travels on one lane and is carried out in its order. That
 * says nothing about copies by the processor, which overtake it, nor about
 * hardware, where a peer may be reached by several lanes. */
static bool flush_is_in_order(const rsmi_fabric_peer_t *peer)
{
    return !peer->domain->info.pins_memory &&
           !(atomic_load_explicit(&peer->has_direct, memory_order_relaxed) &&
             atomic_load_explicit(&peer->has_emulated, memory_order_relaxed));
}

/* A letter's request is done when it was sent; what has arrived is asked. */
int rsmi_fabric_flush(rsmi_fabric_peer_t *peer, const rsmi_fabric_wait_t *wait)
{
    const rsmi_fabric_letter_t letter = {.look_at = 0};
    uint64_t word;

    if (!flush_is_due(peer)) {
        return flush_by_fence(peer);
    }
    return rsmi_fabric_has_mail(peer)
               ? rsmi_fabric_mail_ask(peer, &letter, NULL, 0, &word, wait)
               : flush_by_ucx(peer, wait);
}

int rsmi_fabric_flush_and_get(rsmi_fabric_key_t *key, uint64_t remote,
                              uint64_t *word_p, const rsmi_fabric_wait_t *wait)
{
    const rsmi_fabric_letter_t letter = {.look_at = remote};
    rsmi_fabric_peer_t *peer = key->peer;
    bool is_in_order = flush_is_in_order(peer);
    uint64_t started;
    int rc = RSM_SUCCESS;

    if (rsmi_fabric_has_mail(peer)) {
        return rsmi_fabric_mail_ask(peer, &letter, NULL, 0, word_p, wait);
    }
    if (!is_in_order) {
        rc = rsmi_fabric_flush(peer, wait);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    started = atomic_load_explicit(&peer->started, memory_order_relaxed);
    rc = rsmi_fabric_get(key, remote, word_p, sizeof(*word_p), wait);
    if ((rc == RSM_SUCCESS) && is_in_order) {
        rsmi_fabric_lock(peer->domain);
        rsmi_fabric_flush_note(peer, started);
        rsmi_fabric_unlock(peer->domain);
    }
    return rc;
}
