/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include <string.h>

static const ucp_atomic_op_t atomic_ops[] = {
    [RSMI_ATOMIC_ADD] = UCP_ATOMIC_OP_ADD,
    [RSMI_ATOMIC_SWAP] = UCP_ATOMIC_OP_SWAP,
    [RSMI_ATOMIC_CSWAP] = UCP_ATOMIC_OP_CSWAP,
    [RSMI_ATOMIC_AND] = UCP_ATOMIC_OP_AND,
    [RSMI_ATOMIC_OR] = UCP_ATOMIC_OP_OR,
    [RSMI_ATOMIC_XOR] = UCP_ATOMIC_OP_XOR,
};

/* Operands lie in memory in their own width, whatever the byte order. */
static uint64_t atomic_to_memory(unsigned width, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;
    uint64_t image = value;

    if (width == sizeof(narrow)) {
        image = 0;
        memcpy(&image, &narrow, sizeof(narrow));
    }

    return image;
}

static uint64_t atomic_from_memory(unsigned width, uint64_t image)
{
    uint32_t narrow;

    if (width == sizeof(narrow)) {
        memcpy(&narrow, &image, sizeof(narrow));
        return narrow;
    }

    return image;
}

/* The UCX call itself. @p operand_p and @p reply_p hold values as they lie in
 * memory; UCX takes the value to compare with from the operand and the value
 * to store from the reply buffer. */
static ucs_status_ptr_t atomic_start(rsmi_fabric_key_t *key,
                                     rsmi_atomic_op_t what, unsigned width,
                                     uint64_t remote, const uint64_t *operand_p,
                                     uint64_t *reply_p,
                                     ucp_request_param_t *param)
{
    param->op_attr_mask |=
        UCP_OP_ATTR_FIELD_DATATYPE | UCP_OP_ATTR_FIELD_REPLY_BUFFER;
    param->datatype = ucp_dt_make_contig(width);
    param->reply_buffer = reply_p;
    return ucp_atomic_op_nbx(key->peer->ep, atomic_ops[what], operand_p, 1,
                             remote, key->rkey, param);
}

/* One operation that UCX has. */
static int atomic_once(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                       rsmi_atomic_op_t what, unsigned width, uint64_t remote,
                       uint64_t operand, uint64_t compare, uint64_t *old_p,
                       const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    bool is_cswap = what == RSMI_ATOMIC_CSWAP;
    uint64_t first = atomic_to_memory(width, is_cswap ? compare : operand);
    uint64_t reply = atomic_to_memory(width, is_cswap ? operand : 0);
    ucp_request_param_t param = {.op_attr_mask = 0};
    rsmi_fabric_op_t *op;
    int rc;

    if (key->is_direct) {
        rc = rsmi_fabric_op_settle(
            domain, key->peer,
            atomic_start(key, what, width, remote, &first, &reply, &param),
            wait);
        goto out;
    }

    op = rsmi_fabric_op_get(domain, key->peer, key);
    if (op == NULL) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    op->operand = first;
    op->reply = reply;
    rsmi_fabric_op_param(op, &param);
    rsmi_fabric_op_started(op, atomic_start(key, what, width, remote,
                                            &op->operand, &op->reply, &param));
    rc = rsmi_fabric_op_finish(domain, op, wait);
    reply = op->reply;

out:
    if (rsmi_likely(rc == RSM_SUCCESS)) {
        *old_p = atomic_from_memory(width, reply);
    }
    return rc;
}

static uint64_t atomic_combine(rsmi_atomic_op_t what, uint64_t value,
                               uint64_t operand)
{
    switch (what) {
    case RSMI_ATOMIC_AND:
        return value & operand;
    case RSMI_ATOMIC_OR:
        return value | operand;
    default:
        return value ^ operand;
    }
}

/* And, or and exclusive or by compare and swap. */
static int atomic_by_cswap(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                           rsmi_atomic_op_t what, unsigned width,
                           uint64_t remote, uint64_t operand, uint64_t *old_p,
                           const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    uint64_t seen;
    uint64_t old;
    int rc;

    rc = atomic_once(domain, key, RSMI_ATOMIC_ADD, width, remote, 0, 0, &seen,
                     wait);
    while (rc == RSM_SUCCESS) {
        rc = atomic_once(domain, key, RSMI_ATOMIC_CSWAP, width, remote,
                         atomic_combine(what, seen, operand), seen, &old, wait);
        if ((rc != RSM_SUCCESS) || (old == seen)) {
            break;
        }

        seen = old;
        if (rsmi_deadline_passed(wait->deadline)) {
            rc = RSMERR_BARRIER_FAILURE;
        }
    }

    if (rc == RSM_SUCCESS) {
        *old_p = seen;
    }
    return rc;
}

static bool atomic_is_bitwise(rsmi_atomic_op_t op)
{
    return (op == RSMI_ATOMIC_AND) || (op == RSMI_ATOMIC_OR) ||
           (op == RSMI_ATOMIC_XOR);
}

int rsmi_fabric_atomic(rsmi_fabric_key_t *key, rsmi_atomic_op_t op,
                       unsigned width, uint64_t remote, uint64_t operand,
                       uint64_t compare, uint64_t *old_p,
                       const rsmi_fabric_wait_t *wait)
{
    const rsmi_fabric_order_t order = {.remote = remote,
                                       .operand = operand,
                                       .compare = compare,
                                       .what = op,
                                       .width = width};
    rsmi_fabric_peer_t *peer = key->peer;
    rsmi_fabric_domain_t *domain = peer->domain;
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, peer, wait);
    if (rc != RSM_SUCCESS) {
        goto out;
    }

    if (!key->is_direct && rsmi_fabric_has_mail(peer)) {
        rc = rsmi_fabric_order(domain, key, &order, old_p, wait);
    } else if (key->is_direct && atomic_is_bitwise(op)) {
        /* UCX 1.13 carries these out on shared memory with the old value in
         * place of the operand: and and or change nothing, xor gives zero. */
        rc = atomic_by_cswap(domain, key, op, width, remote, operand, old_p,
                             wait);
    } else {
        rc = atomic_once(domain, key, op, width, remote, operand, compare,
                         old_p, wait);
    }

out:
    rsmi_fabric_unlock(domain);

    return rc;
}
