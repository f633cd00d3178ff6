/* SPDX-License-Identifier: BSD-3-Clause */
/* UCX requests on their way. The rule that this file keeps: when a call of
 * this folder has returned, UCX neither reads nor writes the caller's memory
 * any more. Small operations work on memory of the operation itself, which
 * stays with it when nobody waits any longer ("parked"). Large ones work on
 * the caller's memory; to abandon one its endpoint is closed by force, and
 * UCX then completes every operation of the endpoint. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <stdlib.h>

rsmi_fabric_op_t *rsmi_fabric_op_get(rsmi_fabric_domain_t *domain,
                                     rsmi_fabric_peer_t *peer,
                                     rsmi_fabric_key_t *key)
{
    rsmi_fabric_op_t *op = domain->free_ops;

    if (rsmi_likely(op != NULL)) {
        domain->free_ops = op->next;
    } else {
        if (domain->op_count >= FABRIC_OPS_MOST) {
            return NULL;
        }

        op = malloc(sizeof(*op));
        if (op == NULL) {
            return NULL;
        }

        op->all = domain->all_ops;
        domain->all_ops = op;
        ++domain->op_count;
    }

    ++peer->references;
    if (key != NULL) {
        ++key->references;
    }

    op->peer = peer;
    op->key = key;
    op->is_done = false;
    op->is_parked = false;
    op->is_put = false;
    return op;
}

void rsmi_fabric_op_put(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
{
    if (op->is_put) {
        --op->peer->puts_in_flight;
        ++op->peer->puts_ended;
    }

    if (op->key != NULL) {
        rsmi_fabric_key_unref(op->key);
    }

    rsmi_fabric_peer_unref(op->peer);
    op->peer = NULL;
    op->next = domain->free_ops;
    domain->free_ops = op;
}

/* Nobody waits for @p op. Were it a put, its caller has been told success, and
 * which thread's barrier would have to hear of the failure is not known: so
 * all of them hear of it, from now on. */
static void op_retire(rsmi_fabric_op_t *op) RSMI_NO_ANALYSIS
{
    rsmi_fabric_peer_t *peer = op->peer;

    if ((op->status != UCS_OK) && !rsmi_fabric_peer_is_broken(peer)) {
        rsmi_debug("fabric", "abandoned operation failed: %s",
                   ucs_status_string(op->status));
        atomic_store_explicit(&peer->is_broken, true, memory_order_relaxed);
    }

    rsmi_fabric_op_put(peer->domain, op);
}

/* Called by UCX inside progress, so the domain's lock is held. */
static void op_completed(void *request, ucs_status_t status, void *arg)
{
    rsmi_fabric_op_t *op = arg;

    ucp_request_free(request);
    op->status = status;
    op->is_done = true;
    if (op->is_parked) {
        op_retire(op);
    }
}

void rsmi_fabric_op_param(rsmi_fabric_op_t *op, ucp_request_param_t *param_p)
{
    param_p->op_attr_mask =
        UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
    param_p->cb.send = op_completed;
    param_p->user_data = op;
}

void rsmi_fabric_op_started(rsmi_fabric_op_t *op, ucs_status_ptr_t request)
{
    if (rsmi_likely(!UCS_PTR_IS_PTR(request))) {
        /* UCX calls back only for what did not end at once. */
        op->status = UCS_PTR_STATUS(request);
        op->is_done = true;
    }
}

/* Wait for the end. RSM_SUCCESS: op is done and its status says how; else
 * waiting was given up and op is still on its way. */
static int op_wait(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op,
                   const rsmi_fabric_wait_t *wait) RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while (!op->is_done && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
        if (rsmi_fabric_peer_is_broken(op->peer)) {
            rc = RSMERR_CONN_ABORTED;
        }
    }

    return op->is_done ? RSM_SUCCESS : rc;
}

void rsmi_fabric_op_park(rsmi_fabric_op_t *op)
{
    op->is_parked = true;
}

/* The result of an operation that ended with @p status. What ended well on an
 * endpoint that broke meanwhile has nothing to go on with. */
static int op_result(rsmi_fabric_peer_t *peer, ucs_status_t status)
{
    int rc = rsmi_fabric_transfer_error(status);

    if (rsmi_unlikely(rc == RSMERR_CONN_ABORTED)) {
        atomic_store_explicit(&peer->is_broken, true, memory_order_relaxed);
    } else if (rsmi_unlikely(rsmi_fabric_peer_is_broken(peer))) {
        rc = RSMERR_CONN_ABORTED;
    }

    return rc;
}

/* The result of @p op, which is done, and give it back. */
static int op_end(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
    RSMI_REQUIRES(domain->lock)
{
    int rc = op_result(op->peer, op->status);

    rsmi_fabric_op_put(domain, op);
    return rc;
}

int rsmi_fabric_op_leave_put(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
{
    if (rsmi_likely(op->is_done)) {
        return op_end(domain, op);
    }
    op->is_put = true;
    ++op->peer->puts_in_flight;
    rsmi_fabric_op_park(op);
    return RSM_SUCCESS;
}

int rsmi_fabric_op_finish(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op,
                          const rsmi_fabric_wait_t *wait)
{
    int rc;

    rc = op_wait(domain, op, wait);
    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        rsmi_fabric_peer_note(op->peer);
        rsmi_fabric_op_park(op);
        return rc;
    }

    return op_end(domain, op);
}

/* An importer that was cut off from one segment has others by the same
 * endpoint. Its target lives and answers, even for memory that nobody reads any
 * more, so an operation that has become pointless is given time to end. */
static void op_linger(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(FABRIC_CLOSE_MS)};

    if (!rsmi_fabric_peer_is_broken(op->peer)) {
        (void)op_wait(domain, op, &wait);
    }
}

/* Give @p op up although it uses the caller's memory. */
static RSMI_COLD void op_cut_off(rsmi_fabric_domain_t *domain,
                                 rsmi_fabric_op_t *op)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_time_t deadline;

    op_linger(domain, op);
    if (!op->is_done) {
        rsmi_fabric_peer_abort(domain, op->peer);
    }
    deadline = rsmi_deadline_in_ms(FABRIC_CLOSE_MS);
    while (!op->is_done && !rsmi_deadline_passed(deadline)) {
        (void)rsmi_fabric_worker_progress(domain);
    }

    if (op->is_done) {
        rsmi_fabric_op_put(domain, op);
    } else {
        rsmi_error("fabric", "UCX did not complete an operation on a closed "
                             "endpoint; its memory may still be in use");
        rsmi_fabric_op_park(op);
    }
}

int rsmi_fabric_op_finish_in_place(rsmi_fabric_domain_t *domain,
                                   rsmi_fabric_op_t *op,
                                   const rsmi_fabric_wait_t *wait)
{
    int rc = RSM_SUCCESS;

    if (rsmi_unlikely(!op->is_done)) {
        rc = op_wait(domain, op, wait);
        if (rc != RSM_SUCCESS) {
            op_cut_off(domain, op);
            return rc;
        }
    }

    return op_end(domain, op);
}

int rsmi_fabric_op_await(rsmi_fabric_domain_t *domain, rsmi_fabric_peer_t *peer,
                         void *request, const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_pause_t pause = {0, 0};
    rsmi_fabric_wait_t linger = {0};
    rsmi_time_t deadline;
    ucs_status_t status;
    int rc = RSM_SUCCESS;

    rsmi_fabric_peer_note(peer);
    while ((ucp_request_check_status(request) == UCS_INPROGRESS) &&
           (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
    }

    /* As op_linger() does. */
    linger.deadline = rsmi_deadline_in_ms(FABRIC_CLOSE_MS);
    while ((rc != RSM_SUCCESS) && !rsmi_fabric_peer_is_broken(peer) &&
           (ucp_request_check_status(request) == UCS_INPROGRESS) &&
           (rsmi_fabric_worker_wait(domain, &pause, &linger) == RSM_SUCCESS)) {
    }
    if ((rc != RSM_SUCCESS) &&
        (ucp_request_check_status(request) == UCS_INPROGRESS)) {
        rsmi_fabric_peer_abort(domain, peer);
        deadline = rsmi_deadline_in_ms(FABRIC_CLOSE_MS);
        while ((ucp_request_check_status(request) == UCS_INPROGRESS) &&
               !rsmi_deadline_passed(deadline)) {
            (void)rsmi_fabric_worker_progress(domain);
        }
    }

    status = ucp_request_check_status(request);
    return (rc != RSM_SUCCESS) ? rc : op_result(peer, status);
}

static RSMI_COLD int op_settle_slowly(rsmi_fabric_domain_t *domain,
                                      rsmi_fabric_peer_t *peer, void *request,
                                      const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    int rc = rsmi_fabric_op_await(domain, peer, request, wait);

    ucp_request_free(request);
    return rc;
}

int rsmi_fabric_op_settle(rsmi_fabric_domain_t *domain,
                          rsmi_fabric_peer_t *peer, ucs_status_ptr_t request,
                          const rsmi_fabric_wait_t *wait)
{
    if (rsmi_likely(request == NULL)) {
        return RSM_SUCCESS;
    }

    return UCS_PTR_IS_ERR(request)
               ? op_result(peer, UCS_PTR_STATUS(request))
               : op_settle_slowly(domain, peer, request, wait);
}

void rsmi_fabric_op_free_all(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_op_t *op;

    while (domain->all_ops != NULL) {
        op = domain->all_ops;
        domain->all_ops = op->all;
        free(op);
    }

    domain->free_ops = NULL;
    domain->op_count = 0;
}
