/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations where UCX would emulate them: an *order* to the target's
 * service thread, which carries it out by an instruction of its processor, so
 * that it is atomic with what processes of that host do; its answer brings the
 * old value. UCX's emulation ends a target that cannot answer, has the bitwise
 * ones by compare and swap only, and believes every address. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <string.h>

/* --- target: service thread ------------------------------------------------ */

#define DEFINE_ORDER(bits)                                             \
    static uint64_t order_do##bits(const rsmi_fabric_order_t *order)   \
    {                                                                  \
        _Atomic uint##bits##_t *word =                                 \
            (_Atomic uint##bits##_t *)(uintptr_t)order->remote;        \
        uint##bits##_t operand = (uint##bits##_t)order->operand;       \
        uint##bits##_t old = (uint##bits##_t)order->compare;           \
                                                                       \
        switch ((rsmi_atomic_op_t)order->what) {                       \
        case RSMI_ATOMIC_ADD:                                          \
            return atomic_fetch_add(word, operand);                    \
        case RSMI_ATOMIC_SWAP:                                         \
            return atomic_exchange(word, operand);                     \
        case RSMI_ATOMIC_AND:                                          \
            return atomic_fetch_and(word, operand);                    \
        case RSMI_ATOMIC_OR:                                           \
            return atomic_fetch_or(word, operand);                     \
        case RSMI_ATOMIC_XOR:                                          \
            return atomic_fetch_xor(word, operand);                    \
        case RSMI_ATOMIC_CSWAP:                                        \
            (void)atomic_compare_exchange_strong(word, &old, operand); \
            break;                                                     \
        }                                                              \
        return old;                                                    \
    }

DEFINE_ORDER(32)
DEFINE_ORDER(64)

static bool order_is_good(const rsmi_fabric_order_t *order)
{
    return (order->ticket != 0) && (order->what <= RSMI_ATOMIC_XOR) &&
           ((order->width == sizeof(uint32_t)) ||
            (order->width == sizeof(uint64_t))) &&
           (order->remote % order->width == 0);
}

/* False: it names memory that is not, or no more, anybody's to reach. */
static bool order_carry_out(rsmi_fabric_ranges_t *ranges,
                            const rsmi_fabric_order_t *order, uint64_t *old_p)
{
    bool is_good;

    rsmi_lock(&ranges->lock);
    is_good = rsmi_fabric_range_has(ranges, order->remote, order->width);
    if (is_good) {
        *old_p = (order->width == sizeof(uint32_t)) ? order_do32(order)
                                                    : order_do64(order);
    }
    rsmi_unlock(&ranges->lock);
    return is_good;
}

static ucs_status_t order_came(void *arg, const void *header, size_t header_len,
                               void *data, size_t length,
                               const ucp_am_recv_param_t *param)
{
    rsmi_fabric_domain_t *domain = arg;
    rsmi_fabric_reply_t *reply;
    rsmi_fabric_order_t order;

    (void)data;
    if ((header_len != sizeof(order)) || (length != 0) ||
        ((param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0) ||
        ((param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP) == 0)) {
        return UCS_OK;
    }
    memcpy(&order, header, sizeof(order));
    if (!order_is_good(&order)) {
        return UCS_OK;
    }
    /* One that cannot be answered is not carried out. */
    reply = rsmi_fabric_reply_get(&domain->service, param->reply_ep);
    if (reply == NULL) {
        rsmi_debug("fabric", "an order stays without an answer");
        return UCS_OK;
    }
    if (order_carry_out(&domain->ranges, &order, &reply->answer.word)) {
        reply->answer.ticket = order.ticket;
        rsmi_fabric_reply_send(reply, 0);
    } else {
        rsmi_debug("fabric",
                   "an order for memory that is not there is dropped");
        rsmi_fabric_reply_put(reply);
    }
    return UCS_OK;
}

ucs_status_t rsmi_fabric_order_serve(rsmi_fabric_domain_t *domain)
{
    return rsmi_fabric_worker_handle(domain->service.worker, FABRIC_ORDER_ID,
                                     order_came, domain);
}

/* --- importer -------------------------------------------------------------- */

static int order_send(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                      const rsmi_fabric_order_t *order)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_op_t *op = rsmi_fabric_op_get(domain, key->peer, key);
    ucp_request_param_t param;

    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    op->order = *order;
    rsmi_fabric_op_param(op, &param);
    param.op_attr_mask |= UCP_OP_ATTR_FIELD_FLAGS;
    param.flags = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY;
    rsmi_fabric_op_started(op, ucp_am_send_nbx(key->peer->ep, FABRIC_ORDER_ID,
                                               &op->order, sizeof(op->order),
                                               NULL, 0, &param));
    rsmi_fabric_peer_note(key->peer);
    return rsmi_fabric_op_leave_put(domain, op);
}

int rsmi_fabric_order(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                      const rsmi_fabric_order_t *order, uint64_t *old_p,
                      const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_question_t question = {.letter.ticket = ++domain->last_ticket};
    rsmi_fabric_order_t ticketed = *order;
    rsmi_fabric_peer_t *peer = key->peer;
    uint64_t vouched;
    int rc;

    ticketed.ticket = question.letter.ticket;
    rc = rsmi_fabric_mail_wait_turn(domain, peer, wait, &vouched);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rsmi_fabric_question_add(peer, &question);
    rc = order_send(domain, key, &ticketed);
    vouched = rsmi_fabric_vouched(peer, vouched);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_mail_wait_answer(domain, peer, &question, wait);
    }
    rsmi_fabric_question_remove(peer, &question);
    if (rc == RSM_SUCCESS) {
        peer->is_wired = true;
        rsmi_fabric_flush_note(peer, vouched);
        *old_p = question.word;
    }
    return rc;
}
