/* SPDX-License-Identifier: BSD-3-Clause */
/* How an importer comes to have lanes both ways before its first transfer.
 *
 * Left to itself, UCX asks for the way back with the first transfer, and the
 * target queues its reply until the importer has taken up that way. If the
 * importer dies before, UCX 1.13 ends the target by an assertion: replies must
 * not be found in the queue of a connection that failed. So the order is ours:
 *
 *   importer                              target
 *     makes its endpoint, flushes it: ----> has accepted the connection
 *     sends its card (core, by socket) ---> makes its own endpoint on the same
 *                                           connection, flushes it: the
 *                                           importer has taken it up
 *     takes the target's hello <----------- says hello over it
 *     transfers                             replies at once: nothing is queued
 *
 * UCX pairs the nth endpoint of one worker to another with the nth of that one,
 * hence the number on the card. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>

bool rsmi_fabric_must_wire(const rsmi_fabric_domain_t *domain)
{
    return (domain->kind != RSMI_FABRIC_SHM) &&
           (domain->kind != RSMI_FABRIC_SELF) && !domain->info.pins_memory &&
           (strstr(domain->tls, "tcp") != NULL);
}

rsmi_fabric_known_t *rsmi_fabric_known_get(rsmi_fabric_known_t **all,
                                           const void *address, size_t size)
{
    rsmi_fabric_known_t *known;

    HASH_FIND(hh, *all, address, size, known);
    if (known != NULL) {
        return known;
    }
    known = calloc(1, sizeof(*known) + size + FABRIC_ADDRESS_MARGIN);
    if (known == NULL) {
        return NULL;
    }
    known->size = size;
    memcpy(known->address, address, size);
    HASH_ADD_KEYPTR(hh, *all, known->address, size, known);
    if (known->hh.tbl == NULL) {
        free(known);
        return NULL;
    }
    return known;
}

void rsmi_fabric_known_free_all(rsmi_fabric_known_t **all)
{
    rsmi_fabric_known_t *known = *all, *next;

    HASH_CLEAR(hh, *all); /* the table; its elements still form a list */
    while (known != NULL) {
        next = known->hh.next;
        free(known);
        known = next;
    }
}

/* Called by UCX inside progress, so the domain's lock is held. */
static ucs_status_t wire_hello(
    void *arg, const void *header, size_t header_len, void *data, size_t length,
    const ucp_am_recv_param_t *param) RSMI_NO_ANALYSIS
{
    rsmi_fabric_domain_t *domain = arg;
    rsmi_fabric_peer_t *peer;
    uint64_t token;

    (void)data;
    (void)length;
    (void)param;
    if (header_len != sizeof(token)) {
        return UCS_OK;
    }
    memcpy(&token, header, sizeof(token));
    for (peer = domain->peers; peer != NULL; peer = peer->next) {
        if (peer->token == token) {
            peer->is_greeted = true;
        }
    }
    return UCS_OK;
}

ucs_status_t rsmi_fabric_wire_listen(rsmi_fabric_domain_t *domain)
{
    ucs_status_t status = rsmi_fabric_worker_handle(
        domain->data, FABRIC_HELLO_ID, wire_hello, domain);

    return (status == UCS_OK) ? rsmi_fabric_mail_listen(domain) : status;
}

/* Until the target has accepted the connection. */
static int wire_reach(rsmi_fabric_domain_t *domain, rsmi_fabric_peer_t *peer,
                      const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    ucp_request_param_t param;
    rsmi_fabric_op_t *op;

    if (rsmi_fabric_peer_is_broken(peer)) {
        return RSMERR_CONN_ABORTED;
    }
    op = rsmi_fabric_op_get(domain, peer, NULL);
    if (op == NULL) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(op, ucp_ep_flush_nbx(peer->ep, &param));
    return rsmi_fabric_op_finish(domain, op, wait);
}

static int wire_await_hello(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_peer_t *peer,
                            const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while (!peer->is_greeted && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
        if (rsmi_fabric_peer_is_broken(peer)) {
            rc = RSMERR_CONN_ABORTED;
        }
    }
    return rc;
}

static int wire_make_card(rsmi_fabric_domain_t *domain,
                          const rsmi_fabric_peer_t *peer,
                          rsmi_fabric_card_t *card_p)
    RSMI_REQUIRES(domain->lock)
{
    ucs_status_t status = UCS_OK;

    if (domain->address == NULL) {
        status = ucp_worker_get_address(domain->data, &domain->address,
                                        &domain->address_size);
    }
    if (status != UCS_OK) {
        domain->address = NULL;
        return rsmi_fabric_setup_error(status);
    }
    card_p->number = peer->number;
    card_p->token = peer->token;
    card_p->address = domain->address;
    card_p->size = domain->address_size;
    return RSM_SUCCESS;
}

int rsmi_fabric_wire(rsmi_fabric_peer_t *peer, rsmi_fabric_tell_func_t tell,
                     void *arg, const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = peer->domain;
    rsmi_fabric_card_t card;
    int rc;

    rsmi_lock(&domain->lock);
    if (peer->is_greeted) {
        rc = rsmi_fabric_peer_is_broken(peer) ? RSMERR_CONN_ABORTED
                                              : RSM_SUCCESS;
        goto out;
    }
    rc = wire_reach(domain, peer, wait);
    if (rc == RSM_SUCCESS) {
        rc = wire_make_card(domain, peer, &card);
    }
    if (rc != RSM_SUCCESS) {
        goto out;
    }
    /* The address stays where it is as long as the worker does. */
    rsmi_unlock(&domain->lock);
    rc = tell(&card, arg);
    rsmi_lock(&domain->lock);
    if (rc == RSM_SUCCESS) {
        rc = wire_await_hello(domain, peer, wait);
    }

out:
    rsmi_unlock(&domain->lock);
    return rc;
}
