/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations on memory of this process, the short way; see ucx_self.c.
 * UCT does them, or else UCP, on a request of ours, which lies on the stack: it
 * is done with it when its call returns, and getting one of its own takes
 * longer. */
#include "fabric/ucx_self.h"

#include "util/config.h"

typedef uint32_t __attribute__((may_alias)) self_word32_t;
typedef uint64_t __attribute__((may_alias)) self_word64_t;

/* UCX wants the end of what it may use. */
typedef struct {
    _Alignas(16) unsigned char bytes[FABRIC_SELF_REQUEST];
} self_room_t;

RSMI_INLINE ucs_status_ptr_t self_start(const rsmi_fabric_key_t *key,
                                        ucp_atomic_op_t op, unsigned width,
                                        uint64_t remote, const void *operand,
                                        void *reply, self_room_t *room)
{
    const rsmi_fabric_peer_t *peer = key->peer;
    ucp_ep_h ep = peer->ep;
    ucp_request_param_t param;

    /* Closed is an endpoint that was given up, which takes a failure of UCX. */
    if (rsmi_unlikely(ep == NULL)) {
        return UCS_STATUS_PTR(UCS_ERR_CANCELED);
    }
    param.op_attr_mask = peer->atomic_mask;
    param.datatype = ucp_dt_make_contig(width);
    param.reply_buffer = reply;
    param.request = room + 1;
    return ucp_atomic_op_nbx(ep, op, operand, 1, remote, key->rkey, &param);
}

static RSMI_COLD int self_failed(rsmi_fabric_peer_t *peer,
                                 ucs_status_ptr_t request,
                                 const self_room_t *room)
{
    return rsmi_fabric_self_settle(peer, request, request == room + 1);
}

static __attribute__((noinline)) int self_locked(
    rsmi_fabric_key_t *key, ucp_atomic_op_t op, unsigned width, uint64_t remote,
    const void *operand, void *reply)
{
    ucs_status_ptr_t request;
    self_room_t room;

    rsmi_fabric_self_lock(key->peer->domain);
    request = self_start(key, op, width, remote, operand, reply, &room);
    rsmi_fabric_unlock(key->peer->domain);
    return (request == NULL) ? RSM_SUCCESS
                             : self_failed(key->peer, request, &room);
}

static __attribute__((noinline)) int self_by_ucp(
    rsmi_fabric_key_t *key, ucp_atomic_op_t op, unsigned width, uint64_t remote,
    const void *operand, void *reply)
{
    ucs_status_ptr_t request;
    self_room_t room;

    if (rsmi_unlikely(!rsmi_bias_enter(&rsmi_fabric_self_bias))) {
        return self_locked(key, op, width, remote, operand, reply);
    }
    request = self_start(key, op, width, remote, operand, reply, &room);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_likely(request == NULL)
               ? RSM_SUCCESS
               : self_failed(key->peer, request, &room);
}

RSMI_INLINE ucs_status_t self_inner64(const rsmi_fabric_inner_t *inner,
                                      ucp_atomic_op_t op, uint64_t remote,
                                      const self_word64_t *operand,
                                      self_word64_t *reply)
{
    if (op == UCP_ATOMIC_OP_CSWAP) {
        return uct_ep_atomic_cswap64(inner->ep, *operand, *reply, remote,
                                     inner->key, reply, NULL);
    }
    return uct_ep_atomic64_fetch(inner->ep,
                                 (op == UCP_ATOMIC_OP_ADD) ? UCT_ATOMIC_OP_ADD
                                                           : UCT_ATOMIC_OP_SWAP,
                                 *operand, reply, remote, inner->key, NULL);
}

RSMI_INLINE ucs_status_t self_inner32(const rsmi_fabric_inner_t *inner,
                                      ucp_atomic_op_t op, uint64_t remote,
                                      const self_word32_t *operand,
                                      self_word32_t *reply)
{
    if (op == UCP_ATOMIC_OP_CSWAP) {
        return uct_ep_atomic_cswap32(inner->ep, *operand, *reply, remote,
                                     inner->key, reply, NULL);
    }
    return uct_ep_atomic32_fetch(inner->ep,
                                 (op == UCP_ATOMIC_OP_ADD) ? UCT_ATOMIC_OP_ADD
                                                           : UCT_ATOMIC_OP_SWAP,
                                 *operand, reply, remote, inner->key, NULL);
}

RSMI_INLINE ucs_status_t self_inner(const rsmi_fabric_inner_t *inner,
                                    ucp_atomic_op_t op, unsigned width,
                                    uint64_t remote, const void *operand,
                                    void *reply)
{
    return (width == sizeof(uint64_t))
               ? self_inner64(inner, op, remote, operand, reply)
               : self_inner32(inner, op, remote, operand, reply);
}

static RSMI_COLD int self_inner_failed(rsmi_fabric_peer_t *peer,
                                       ucs_status_t status)
{
    return rsmi_fabric_self_settle(peer, rsmi_fabric_inner_result(status),
                                   false);
}

/* The bias is not this thread's, yet. */
static __attribute__((noinline)) int self_by_lock(
    rsmi_fabric_key_t *key, ucp_atomic_op_t op, unsigned width, uint64_t remote,
    const void *operand, void *reply)
{
    rsmi_fabric_peer_t *peer = key->peer;
    ucs_status_t status = UCS_ERR_CANCELED;
    bool is_inner;

    rsmi_fabric_self_lock(peer->domain);
    is_inner = peer->inner.most != 0;
    if (is_inner) {
        status = self_inner(&peer->inner, op, width, remote, operand, reply);
    }
    rsmi_fabric_unlock(peer->domain);
    if (!is_inner) {
        return self_by_ucp(key, op, width, remote, operand, reply);
    }
    return (status == UCS_OK) ? RSM_SUCCESS : self_inner_failed(peer, status);
}

RSMI_INLINE int self_atomic(rsmi_fabric_key_t *key, ucp_atomic_op_t op,
                            unsigned width, uint64_t remote,
                            const void *operand, void *reply)
{
    const rsmi_fabric_inner_t *inner = &key->peer->inner;
    ucs_status_t status;

    if (rsmi_unlikely(!rsmi_bias_enter(&rsmi_fabric_self_bias))) {
        return self_by_lock(key, op, width, remote, operand, reply);
    }
    if (rsmi_unlikely(inner->most == 0)) {
        rsmi_bias_leave(&rsmi_fabric_self_bias);
        return self_by_ucp(key, op, width, remote, operand, reply);
    }
    status = self_inner(inner, op, width, remote, operand, reply);
    rsmi_bias_leave(&rsmi_fabric_self_bias);
    return rsmi_likely(status == UCS_OK) ? RSM_SUCCESS
                                         : self_inner_failed(key->peer, status);
}

#define SELF_DEFINE(name, op, width)                                        \
    int rsmi_fabric_self_##name(rsmi_fabric_key_t *key, uint64_t remote,    \
                                const void *operand, void *reply)           \
    {                                                                       \
        return self_atomic(key, UCP_ATOMIC_OP_##op, width, remote, operand, \
                           reply);                                          \
    }

SELF_DEFINE(add32, ADD, 4)
SELF_DEFINE(add64, ADD, 8)
SELF_DEFINE(swap32, SWAP, 4)
SELF_DEFINE(swap64, SWAP, 8)
SELF_DEFINE(cswap32, CSWAP, 4)
SELF_DEFINE(cswap64, CSWAP, 8)

/* And, or and exclusive or, which UCX has not, or not rightly. */
static int self_bitwise(rsmi_fabric_key_t *key, rsmi_atomic_op_t op,
                        unsigned width, uint64_t remote, uint64_t operand,
                        uint64_t *old_p)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(rsmi_config.timeout)};

    return rsmi_fabric_atomic(key, op, width, remote, operand, 0, old_p, &wait);
}

int rsmi_fabric_self_atomic(rsmi_fabric_key_t *key, rsmi_atomic_op_t op,
                            unsigned width, uint64_t remote, uint64_t operand,
                            uint64_t compare, uint64_t *old_p)
{
    static rsmi_fabric_self_word_t *const words[][2] = {
        [RSMI_ATOMIC_ADD] = {rsmi_fabric_self_add32, rsmi_fabric_self_add64},
        [RSMI_ATOMIC_SWAP] = {rsmi_fabric_self_swap32, rsmi_fabric_self_swap64},
        [RSMI_ATOMIC_CSWAP] = {rsmi_fabric_self_cswap32,
                               rsmi_fabric_self_cswap64},
    };
    bool is_wide = width == sizeof(uint64_t);
    bool is_cswap = op == RSMI_ATOMIC_CSWAP;
    uint64_t first = is_cswap ? compare : operand, reply = operand;
    uint32_t narrow_first = (uint32_t)first, narrow_reply = (uint32_t)reply;
    int rc;

    if ((size_t)op >= sizeof(words) / sizeof(words[0])) {
        return self_bitwise(key, op, width, remote, operand, old_p);
    }
    rc = is_wide ? words[op][1](key, remote, &first, &reply)
                 : words[op][0](key, remote, &narrow_first, &narrow_reply);
    if (rc == RSM_SUCCESS) {
        *old_p = is_wide ? reply : narrow_reply;
    }
    return rc;
}
