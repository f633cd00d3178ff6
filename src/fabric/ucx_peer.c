/* SPDX-License-Identifier: BSD-3-Clause */
/* Endpoints, all of them in UCX's error mode PEER: in it operations always
 * complete, if need be by the forced close that only this mode allows. */
#include "fabric/ucx_self.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Sizes that no worker's address has are refused. */
#define PEER_ADDRESS_LEAST 10
#define PEER_ADDRESS_MOST  ((size_t)64 << 10)

/* Rounds of progress that a disconnect gives the forced close. */
#define PEER_CLOSE_ROUNDS 16

/* Called by UCX inside progress when the endpoint is dead. Not called any more
 * once we have closed it. */
static void peer_failed(void *arg, ucp_ep_h ep, ucs_status_t status)
{
    rsmi_fabric_peer_t *peer = arg;

    (void)ep;
    rsmi_debug("fabric", "endpoint lost: %s", ucs_status_string(status));
    atomic_store_explicit(&peer->is_broken, true, memory_order_relaxed);
}

/* No endpoint to oneself has UCX's error mode PEER, nor needs it. */
static bool peer_is_self(const rsmi_fabric_peer_t *peer)
{
    return peer->domain->kind == RSMI_FABRIC_SELF;
}

bool rsmi_fabric_address_is_sound(size_t size)
{
    return (size >= PEER_ADDRESS_LEAST) && (size <= PEER_ADDRESS_MOST);
}

/* Its number and what names it in the target's hello. */
static int peer_note_endpoint(rsmi_fabric_domain_t *domain,
                              rsmi_fabric_peer_t *peer)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_known_t *host;

    peer->is_greeted = !rsmi_fabric_must_wire(domain);
    if (peer->is_greeted) {
        return RSM_SUCCESS;
    }
    host = rsmi_fabric_known_get(&domain->hosts, peer->address,
                                 peer->address_size);
    if (host == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    peer->number = host->count++;
    peer->token = ++domain->last_token;
    return RSM_SUCCESS;
}

static int peer_create_endpoint(rsmi_fabric_domain_t *domain,
                                rsmi_fabric_peer_t *peer)
    RSMI_REQUIRES(domain->lock)
{
    ucp_ep_params_t params = {
        .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS |
                      UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                      UCP_EP_PARAM_FIELD_ERR_HANDLER,
        .address = peer->address,
        .err_mode = UCP_ERR_HANDLING_MODE_PEER,
        .err_handler = {.cb = peer_failed, .arg = peer},
    };
    ucs_status_t status;
    int rc;

    rc = rsmi_fabric_worker_open(domain);
    if (rc == RSM_SUCCESS) {
        rc = peer_note_endpoint(domain, peer);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    if (peer_is_self(peer)) {
        params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
    }
    status = ucp_ep_create(domain->data, &params, &peer->ep);
    if (status != UCS_OK) {
        rsmi_info("fabric", "no way to a peer by transports %s: %s",
                  domain->tls, ucs_status_string(status));
        return rsmi_fabric_setup_error(status);
    }
    if (peer_is_self(peer)) {
        rsmi_fabric_home_open(domain, peer);
    }

    return RSM_SUCCESS;
}

/* UCX leaves a socket behind in both processes for each endpoint that was
 * connected and closed, so an endpoint is kept as long as it is sound, even
 * without users. */
static rsmi_fabric_peer_t *peer_find(rsmi_fabric_domain_t *domain,
                                     const void *address, size_t size)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer;

    DL_FOREACH(domain->peers, peer)
    {
        if ((peer->ep != NULL) && !rsmi_fabric_peer_is_broken(peer) &&
            (peer->address_size == size) &&
            (memcmp(peer->address, address, size) == 0)) {
            return peer;
        }
    }

    return NULL;
}

static void peer_free(rsmi_fabric_peer_t *peer)
{
    free(peer->address);
    free(peer);
}

static int peer_create(rsmi_fabric_domain_t *domain, const void *address,
                       size_t size, rsmi_fabric_peer_t **peer_p)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_peer_t *peer;
    int rc;

    peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    peer->domain = domain;
    peer->references = 1;
    peer->address_size = size;
    peer->address = calloc(1, size + FABRIC_ADDRESS_MARGIN);
    if (peer->address == NULL) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto err;
    }

    memcpy(peer->address, address, size);
    rc = peer_create_endpoint(domain, peer);
    if (rc != RSM_SUCCESS) {
        goto err;
    }

    DL_APPEND(domain->peers, peer);
    *peer_p = peer;
    return RSM_SUCCESS;

err:
    peer_free(peer);
    return rc;
}

int rsmi_fabric_connect(rsmi_fabric_kind_t kind, const void *address,
                        size_t size, rsmi_fabric_peer_t **peer_p)
{
    rsmi_fabric_domain_t *domain;
    rsmi_fabric_peer_t *peer;
    int rc;

    if (!rsmi_fabric_address_is_sound(size)) {
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }

    rc = rsmi_fabric_domain_get(kind, &domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    rsmi_fabric_lock(domain);
    peer = peer_find(domain, address, size);
    if (peer == NULL) {
        rc = peer_create(domain, address, size, &peer);
    }
    if (rc == RSM_SUCCESS) {
        ++peer->users;
        *peer_p = peer;
    }
    rsmi_fabric_unlock(domain);

    return rc;
}

int rsmi_fabric_connect_self(rsmi_fabric_peer_t **peer_p)
{
    rsmi_fabric_domain_t *domain;
    ucp_address_t *address;
    ucs_status_t status;
    size_t size;
    int rc;

    rc = rsmi_fabric_domain_get(RSMI_FABRIC_SELF, &domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_worker_open(domain);
    if (rc == RSM_SUCCESS) {
        status = ucp_worker_get_address(domain->data, &address, &size);
        rc = (status == UCS_OK) ? RSM_SUCCESS : rsmi_fabric_setup_error(status);
    }
    rsmi_fabric_unlock(domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_fabric_connect(RSMI_FABRIC_SELF, address, size, peer_p);
    ucp_worker_release_address(domain->data, address);
    return rc;
}

bool rsmi_fabric_is_usable(const rsmi_fabric_peer_t *peer)
{
    return !rsmi_fabric_peer_is_broken(peer);
}

void rsmi_fabric_peer_note(rsmi_fabric_peer_t *peer)
{
    uint64_t started =
        atomic_load_explicit(&peer->started, memory_order_relaxed);

    atomic_store_explicit(&peer->started, started + 1, memory_order_relaxed);
}

static RSMI_COLD int peer_wait_for_silence(rsmi_fabric_domain_t *domain,
                                           rsmi_fabric_peer_t *peer,
                                           const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while (peer->is_talking && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
    }

    return rc;
}

int rsmi_fabric_peer_enter(rsmi_fabric_domain_t *domain,
                           rsmi_fabric_peer_t *peer,
                           const rsmi_fabric_wait_t *wait)
{
    int rc = RSM_SUCCESS;

    if (rsmi_unlikely(peer->is_talking)) {
        rc = peer_wait_for_silence(domain, peer, wait);
    }

    if (rsmi_fabric_peer_is_broken(peer) || rsmi_unlikely(!peer->is_greeted)) {
        rc = RSMERR_CONN_ABORTED;
    }

    return rc;
}

void rsmi_fabric_peer_abort(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_peer_t *peer)
{
    ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = UCP_EP_CLOSE_FLAG_FORCE,
    };
    ucs_status_ptr_t request;

    (void)domain;
    if (peer_is_self(peer)) {
        param.flags = 0;
    }
    atomic_store_explicit(&peer->is_broken, true, memory_order_relaxed);
    if (peer->ep == NULL) {
        return;
    }

    request = ucp_ep_close_nbx(peer->ep, &param);
    peer->ep = NULL;
    peer->home = NULL;
    peer->inner.most = 0;
    if (UCS_PTR_IS_PTR(request)) {
        /* Freed now or as soon as the close is through. */
        ucp_request_free(request);
    } else if (UCS_PTR_IS_ERR(request)) {
        rsmi_debug("fabric", "forced close of an endpoint: %s",
                   ucs_status_string(UCS_PTR_STATUS(request)));
    }
}

void rsmi_fabric_peer_unref(rsmi_fabric_peer_t *peer) RSMI_NO_ANALYSIS
{
    if (--peer->references == 0) {
        DL_DELETE(peer->domain->peers, peer);
        rsmi_fabric_home_close(peer);
        peer_free(peer);
    }
}

void rsmi_fabric_disconnect(rsmi_fabric_peer_t *peer)
{
    rsmi_fabric_domain_t *domain;
    int i;

    if (peer == NULL) {
        return;
    }

    domain = peer->domain;
    rsmi_fabric_lock(domain);
    --peer->users;

    /* Sound and with nothing on its way: keep it for the next one. */
    if ((peer->users == 0) &&
        (rsmi_fabric_peer_is_broken(peer) || (peer->references > 1))) {
        rsmi_fabric_peer_abort(domain, peer);
        rsmi_fabric_peer_unref(peer);
        for (i = 0; i < PEER_CLOSE_ROUNDS; ++i) {
            (void)rsmi_fabric_worker_progress(domain);
        }
    }
    rsmi_fabric_unlock(domain);
}

void rsmi_fabric_peer_free_all(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_peer_t *peer;

    while (domain->peers != NULL) {
        peer = domain->peers;
        DL_DELETE(domain->peers, peer);
        peer_free(peer);
    }
}
