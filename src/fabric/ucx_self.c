/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers to memory of this process, the short way: nothing of ours is
 * allocated, noted or timed, for UCX has copied when its call returns. That it
 * has not is thought of all the same. */
#include "fabric/fabric_internal.h"

#include "util/config.h"

static const ucp_request_param_t self_no_param;

RSMI_COLD int rsmi_fabric_self_settle(rsmi_fabric_peer_t *peer,
                                      ucs_status_ptr_t request)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(rsmi_config.timeout)};
    int rc;

    rsmi_fabric_lock(peer->domain);
    rc = rsmi_fabric_op_settle(peer->domain, peer, request, &wait);
    rsmi_fabric_unlock(peer->domain);
    return rc;
}

int rsmi_fabric_self_put(rsmi_fabric_key_t *key, uint64_t remote,
                         const void *src, size_t len)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucs_status_ptr_t request = FABRIC_SELF_CLOSED;
    bool is_biased;

    is_biased = rsmi_fabric_self_enter(peer->domain);
    if (rsmi_likely(peer->ep != NULL)) {
        request =
            ucp_put_nbx(peer->ep, src, len, remote, key->rkey, &self_no_param);
    }
    rsmi_fabric_self_leave(peer->domain, is_biased);
    return rsmi_fabric_self_end(peer, request);
}

int rsmi_fabric_self_get(rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                         size_t len)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucs_status_ptr_t request = FABRIC_SELF_CLOSED;
    bool is_biased;

    is_biased = rsmi_fabric_self_enter(peer->domain);
    if (rsmi_likely(peer->ep != NULL)) {
        request =
            ucp_get_nbx(peer->ep, dst, len, remote, key->rkey, &self_no_param);
    }
    rsmi_fabric_self_leave(peer->domain, is_biased);
    return rsmi_fabric_self_end(peer, request);
}
