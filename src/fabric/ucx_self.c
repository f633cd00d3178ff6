/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers to memory of this process, the short way: nothing of ours is
 * allocated, noted or timed, for UCX has copied when its call returns. That it
 * has not is thought of all the same.
 *
 * Each function comes twice: with the bias of the lock, calling nothing but
 * UCX, and with the lock. */
#include "fabric/fabric_internal.h"

#include "util/config.h"

rsmi_bias_t rsmi_fabric_self_bias;

static const ucp_request_param_t self_no_param;

int rsmi_fabric_self_settle(rsmi_fabric_peer_t *peer, ucs_status_ptr_t request)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(rsmi_config.timeout)};
    int rc;

    rsmi_fabric_lock(peer->domain);
    rc = rsmi_fabric_op_settle(peer->domain, peer, request, &wait);
    rsmi_fabric_unlock(peer->domain);
    return rc;
}

/* Closed is an endpoint that was given up, which takes a failure of UCX. */
static inline ucs_status_ptr_t self_put(rsmi_fabric_key_t *key, uint64_t remote,
                                        const void *src, size_t len)
{
    ucp_ep_h ep = key->peer->ep;

    return rsmi_likely(ep != NULL)
               ? ucp_put_nbx(ep, src, len, remote, key->rkey, &self_no_param)
               : UCS_STATUS_PTR(UCS_ERR_CANCELED);
}

static inline ucs_status_ptr_t self_get(rsmi_fabric_key_t *key, uint64_t remote,
                                        void *dst, size_t len)
{
    ucp_ep_h ep = key->peer->ep;

    return rsmi_likely(ep != NULL)
               ? ucp_get_nbx(ep, dst, len, remote, key->rkey, &self_no_param)
               : UCS_STATUS_PTR(UCS_ERR_CANCELED);
}

void rsmi_fabric_self_lock(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_lock(domain);
    rsmi_bias_ask(&rsmi_fabric_self_bias);
}

static __attribute__((noinline)) int self_put_locked(rsmi_fabric_key_t *key,
                                                     uint64_t remote,
                                                     const void *src,
                                                     size_t len)
{
    ucs_status_ptr_t request;

    rsmi_fabric_self_lock(key->peer->domain);
    request = self_put(key, remote, src, len);
    rsmi_fabric_unlock(key->peer->domain);
    return rsmi_fabric_self_end(key->peer, request);
}

int rsmi_fabric_self_put(rsmi_fabric_key_t *key, uint64_t remote,
                         const void *src, size_t len)
{
    ucs_status_ptr_t request;

    if (rsmi_unlikely(!rsmi_bias_enter(&rsmi_fabric_self_bias))) {
        return self_put_locked(key, remote, src, len);
    }
    request = self_put(key, remote, src, len);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_fabric_self_end(key->peer, request);
}

static __attribute__((noinline)) int self_get_locked(rsmi_fabric_key_t *key,
                                                     uint64_t remote, void *dst,
                                                     size_t len)
{
    ucs_status_ptr_t request;

    rsmi_fabric_self_lock(key->peer->domain);
    request = self_get(key, remote, dst, len);
    rsmi_fabric_unlock(key->peer->domain);
    return rsmi_fabric_self_end(key->peer, request);
}

int rsmi_fabric_self_get(rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                         size_t len)
{
    ucs_status_ptr_t request;

    if (rsmi_unlikely(!rsmi_bias_enter(&rsmi_fabric_self_bias))) {
        return self_get_locked(key, remote, dst, len);
    }
    request = self_get(key, remote, dst, len);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_fabric_self_end(key->peer, request);
}
