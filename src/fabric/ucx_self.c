/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers to memory of this process, the short way: nothing of ours is
 * allocated, noted or timed, for UCX has copied when its call returns. That it
 * has not is thought of all the same.
 *
 * Each function comes twice: with the bias of the lock, calling nothing but
 * UCX, and with the lock. */
#include "fabric/ucx_self.h"

#include "util/config.h"

/* Bytes of a vector after which others may have the worker: some 10 us. */
#define SELF_TURN ((size_t)64 << 10)

rsmi_bias_t rsmi_fabric_self_bias;

static const ucp_request_param_t self_no_param;

/* What lies at an address that is called remote. */
static inline const void *self_at(uint64_t remote)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the key is to this process */
    return (const void *)(uintptr_t)remote;
}

int rsmi_fabric_self_settle(rsmi_fabric_peer_t *peer, ucs_status_ptr_t request,
                            bool is_ours)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(rsmi_config.timeout)};
    int rc;

    rsmi_fabric_lock(peer->domain);
    rc = is_ours ? rsmi_fabric_op_await(peer->domain, peer, request, &wait)
                 : rsmi_fabric_op_settle(peer->domain, peer, request, &wait);
    rsmi_fabric_unlock(peer->domain);
    return rc;
}

/* By UCP. Closed is an endpoint that was given up, which takes a failure of
 * UCX. */
static __attribute__((noinline)) ucs_status_ptr_t self_put_plainly(
    const rsmi_fabric_key_t *key, const void *src, size_t len, uint64_t remote)
{
    ucp_ep_h ep = key->peer->ep;

    return (ep != NULL)
               ? ucp_put_nbx(ep, src, len, remote, key->rkey, &self_no_param)
               : UCS_STATUS_PTR(UCS_ERR_CANCELED);
}

/* The same by a put from there (ucx_home.c tells why), if there is the key. */
static __attribute__((noinline)) ucs_status_ptr_t self_get_plainly(
    const rsmi_fabric_key_t *key, void *dst, size_t len, uint64_t remote)
{
    ucp_rkey_h home = key->peer->home;
    ucp_ep_h ep = key->peer->ep;

    if (home != NULL) {
        return ucp_put_nbx(ep, self_at(remote), len, (uintptr_t)dst, home,
                           &self_no_param);
    }
    return (ep != NULL)
               ? ucp_get_nbx(ep, dst, len, remote, key->rkey, &self_no_param)
               : UCS_STATUS_PTR(UCS_ERR_CANCELED);
}

/* Whether UCT takes so many bytes, and not none. */
RSMI_INLINE bool self_is_inner(const rsmi_fabric_inner_t *inner, size_t len)
{
    return rsmi_likely(len - 1 < inner->most);
}

RSMI_INLINE ucs_status_ptr_t self_put(const rsmi_fabric_key_t *key,
                                      const void *src, size_t len,
                                      uint64_t remote)
{
    const rsmi_fabric_inner_t *inner = &key->peer->inner;

    return self_is_inner(inner, len)
               ? rsmi_fabric_inner_result(uct_ep_put_short(
                     inner->ep, src, (unsigned)len, remote, inner->key))
               : self_put_plainly(key, src, len, remote);
}

RSMI_INLINE ucs_status_ptr_t self_get(const rsmi_fabric_key_t *key, void *dst,
                                      size_t len, uint64_t remote)
{
    const rsmi_fabric_inner_t *inner = &key->peer->inner;

    return self_is_inner(inner, len)
               ? rsmi_fabric_inner_result(
                     uct_ep_put_short(inner->ep, self_at(remote), (unsigned)len,
                                      (uintptr_t)dst, inner->key))
               : self_get_plainly(key, dst, len, remote);
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
    request = self_put(key, src, len, remote);
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
    request = self_put(key, src, len, remote);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_fabric_self_end(key->peer, request);
}

static __attribute__((noinline)) int self_get_locked(rsmi_fabric_key_t *key,
                                                     uint64_t remote, void *dst,
                                                     size_t len)
{
    ucs_status_ptr_t request;

    rsmi_fabric_self_lock(key->peer->domain);
    request = self_get(key, dst, len, remote);
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
    request = self_get(key, dst, len, remote);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_fabric_self_end(key->peer, request);
}

/* As many pieces as one turn has. An operation that UCX has not carried out, or
 * refused, is the last one, and not counted. */
RSMI_INLINE ucs_status_ptr_t self_turn(const rsmi_fabric_key_t *key,
                                       rsmi_fabric_vector_t *vector,
                                       bool is_put)
{
    const rsm_iovec_t *piece = vector->next;
    ucs_status_ptr_t request = NULL;
    size_t left = SELF_TURN;
    size_t start, len;
    char *local;

    while (piece != vector->end) {
        start = piece->remote_offset;
        len = piece->transfer_length;
        local = piece->local.vaddr;
        if (rsmi_unlikely((start >= vector->size) || (local == NULL) ||
                          (len > vector->size - start))) {
            break;
        }
        local += piece->local_offset;
        if (rsmi_likely(len != 0)) {
            request = is_put
                          ? self_put(key, local, len, vector->remote + start)
                          : self_get(key, local, len, vector->remote + start);
        }
        if (rsmi_unlikely(request != NULL)) {
            break;
        }
        /* On x86 this is said to the compiler only. */
        atomic_thread_fence(memory_order_acq_rel);
        ++piece;
        if (rsmi_unlikely(len >= left)) {
            break;
        }
        left -= len;
    }
    vector->next = piece;
    return request;
}

static __attribute__((noinline)) ucs_status_ptr_t self_turn_locked(
    const rsmi_fabric_key_t *key, rsmi_fabric_vector_t *vector, bool is_put)
{
    ucs_status_ptr_t request;

    rsmi_fabric_self_lock(key->peer->domain);
    request = self_turn(key, vector, is_put);
    rsmi_fabric_unlock(key->peer->domain);
    return request;
}

RSMI_INLINE int self_vector(rsmi_fabric_key_t *key,
                            rsmi_fabric_vector_t *vector, bool is_put)
{
    const rsm_iovec_t *before;
    ucs_status_ptr_t request;
    int rc = RSM_SUCCESS;

    do {
        before = vector->next;
        if (rsmi_likely(rsmi_bias_enter(&rsmi_fabric_self_bias))) {
            request = self_turn(key, vector, is_put);
            rsmi_bias_leave(&rsmi_fabric_self_bias);
        } else {
            request = self_turn_locked(key, vector, is_put);
        }
        if (rsmi_unlikely(request != NULL)) {
            rc = rsmi_fabric_self_settle(key->peer, request, false);
            vector->next += (rc == RSM_SUCCESS);
        }
    } while (rsmi_unlikely(vector->next != vector->end) &&
             (vector->next != before) && (rc == RSM_SUCCESS));
    return rc;
}

int rsmi_fabric_self_putv(rsmi_fabric_key_t *key, rsmi_fabric_vector_t *vector)
{
    return self_vector(key, vector, true);
}

int rsmi_fabric_self_getv(rsmi_fabric_key_t *key, rsmi_fabric_vector_t *vector)
{
    return self_vector(key, vector, false);
}
