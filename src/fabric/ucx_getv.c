/* SPDX-License-Identifier: BSD-3-Clause */
/* Several gets at once. Where another process answers, small ones are asked for
 * as far as their answers have room on their way (FABRIC_ASKED_MOST), and
 * awaited in their order: a round trip for all in place of one for each. Large
 * ones have the target to themselves, as each alone would. */
#include "fabric/fabric_internal.h"

#include <string.h>

/* Gets of one caller on their way. */
#define GETV_MOST 32

typedef struct {
    rsmi_fabric_domain_t *domain;
    rsmi_fabric_key_t *key;
    const rsmi_fabric_get_t *gets;
    size_t count;
    size_t asked; /* of them */
    size_t done;
    rsmi_fabric_op_t *ops[GETV_MOST]; /* by turns; NULL: of no bytes */
    rsmi_fabric_wait_t wait;
    rsmi_time_t patience;
} getv_t;

/* Whether the next one need not wait for those before. */
static bool getv_may_ask(const getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    const rsmi_fabric_peer_t *peer = getv->key->peer;
    size_t len;

    if ((getv->asked == getv->count) ||
        (getv->asked - getv->done == GETV_MOST)) {
        return false;
    }
    len = getv->gets[getv->asked].len;
    return (len <= FABRIC_BOUNCE_SIZE) && !peer->is_talking &&
           !rsmi_fabric_peer_is_broken(peer) &&
           rsmi_fabric_op_may_ask(getv->domain, peer, len);
}

static int getv_ask(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    const rsmi_fabric_get_t *get = &getv->gets[getv->asked];
    rsmi_fabric_key_t *key = getv->key;
    rsmi_fabric_op_t *op = NULL;
    ucp_request_param_t param;

    if (get->len != 0) {
        op = rsmi_fabric_op_get(getv->domain, key->peer, key);
        if (op == NULL) {
            return RSMERR_INSUFFICIENT_RESOURCES;
        }
        rsmi_fabric_op_ask(op, get->len);
        rsmi_fabric_op_param(op, &param);
        rsmi_fabric_op_started(op,
                               ucp_get_nbx(key->peer->ep, op->bounce, get->len,
                                           get->remote, key->rkey, &param));
    }
    getv->ops[getv->asked % GETV_MOST] = op;
    ++getv->asked;
    return RSM_SUCCESS;
}

/* The first that is not done; the caller's memory is written to here only. */
static int getv_await(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    const rsmi_fabric_get_t *get = &getv->gets[getv->done];
    rsmi_fabric_op_t *op = getv->ops[getv->done % GETV_MOST];
    int rc = RSM_SUCCESS;

    getv->ops[getv->done % GETV_MOST] = NULL;
    if (op != NULL) {
        rc = rsmi_fabric_op_finish(getv->domain, op, &getv->wait);
        if (rc == RSM_SUCCESS) {
            /* Given back, but nobody can have taken it since. */
            memcpy(get->dst, op->bounce, get->len);
            getv->key->peer->is_wired = true;
        }
    }
    return rc;
}

/* It cannot be asked for beside others, of our own or of other threads. */
static int getv_alone(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    const rsmi_fabric_get_t *get = &getv->gets[getv->done];
    rsmi_fabric_key_t *key = getv->key;
    int rc = rsmi_fabric_peer_enter(getv->domain, key->peer, &getv->wait);

    if ((rc == RSM_SUCCESS) && (get->len != 0)) {
        rc = rsmi_fabric_get_entered(getv->domain, key, get->remote, get->dst,
                                     get->len, &getv->wait);
    }
    getv->asked += (rc == RSM_SUCCESS);
    return rc;
}

/* One that is done counts while the segment stands. */
static int getv_count(getv_t *getv)
{
    const rsmi_fabric_wait_t *wait = &getv->wait;

    if ((wait->is_lost != NULL) && wait->is_lost(wait->arg)) {
        return RSMERR_CONN_ABORTED;
    }
    ++getv->done;
    if (wait->deadline != RSMI_NEVER) {
        getv->wait.deadline = rsmi_clock_now() + getv->patience;
    }
    return RSM_SUCCESS;
}

/* Those behind one that failed: what they bring goes to nobody. */
static void getv_abandon(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    rsmi_fabric_op_t *op;

    for (; getv->done < getv->asked; ++getv->done) {
        op = getv->ops[getv->done % GETV_MOST];
        if (op == NULL) {
            continue;
        }
        if (op->is_done) {
            rsmi_fabric_op_put(getv->domain, op);
        } else {
            rsmi_fabric_peer_note(op->peer);
            rsmi_fabric_op_park(op);
        }
    }
}

static int getv_run(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    int rc = RSM_SUCCESS, asked_rc = RSM_SUCCESS;

    while ((getv->done < getv->count) && (rc == RSM_SUCCESS)) {
        while ((asked_rc == RSM_SUCCESS) && getv_may_ask(getv)) {
            asked_rc = getv_ask(getv);
        }
        if (getv->done < getv->asked) {
            rc = getv_await(getv);
        } else {
            rc = (asked_rc == RSM_SUCCESS) ? getv_alone(getv) : asked_rc;
        }
        if (rc == RSM_SUCCESS) {
            rc = getv_count(getv);
        }
    }
    return rc;
}

/* Nobody answers: UCX copies, in this process. */
static int getv_direct(getv_t *getv) RSMI_REQUIRES(getv->domain->lock)
{
    static const ucp_request_param_t no_param;
    const rsmi_fabric_get_t *get;
    int rc = RSM_SUCCESS;

    while ((getv->done < getv->count) && (rc == RSM_SUCCESS)) {
        get = &getv->gets[getv->done];
        if (get->len != 0) {
            rc = rsmi_fabric_op_settle(
                getv->domain, getv->key->peer,
                ucp_get_nbx(getv->key->peer->ep, get->dst, get->len,
                            get->remote, getv->key->rkey, &no_param),
                &getv->wait);
        }
        if (rc == RSM_SUCCESS) {
            rc = getv_count(getv);
        }
    }
    return rc;
}

int rsmi_fabric_getv(rsmi_fabric_key_t *key, const rsmi_fabric_get_t *gets,
                     size_t count, const rsmi_fabric_wait_t *wait,
                     size_t *done_p)
{
    getv_t getv = {
        .domain = key->peer->domain,
        .key = key,
        .gets = gets,
        .count = count,
        .wait = *wait,
        .patience = wait->deadline - rsmi_clock_now(),
    };
    int rc;

    rsmi_fabric_lock(getv.domain);
    rc = rsmi_fabric_peer_enter(getv.domain, key->peer, &getv.wait);
    if (rc == RSM_SUCCESS) {
        rc = key->is_direct ? getv_direct(&getv) : getv_run(&getv);
    }
    *done_p = getv.done;
    getv_abandon(&getv);
    rsmi_fabric_unlock(getv.domain);
    return rc;
}
