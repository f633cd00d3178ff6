/* SPDX-License-Identifier: BSD-3-Clause */
/* How workers are made, and how threads wait for the data worker. */
#include "fabric/fabric_internal.h"

#include "util/log.h"
#include "util/signals.h"

#include <poll.h>
#include <sched.h>
#include <string.h>

/* Shared memory that a new worker takes for its queue and first buffers. UCX
 * complains on standard error when it is not there, so we look first. */
#define WORKER_ROOM ((size_t)1 << 20)

/* Without an event for so long a waiting thread yields, then sleeps. The first
 * span covers an answer over shared memory, the second one over loopback; two
 * processes may share a core, so it does not pay to spin any longer. */
#define WORKER_SPIN_NS  20000
#define WORKER_YIELD_NS 100000

/* Longest sleep; is_lost is asked in between. */
#define WORKER_SLEEP_MS 1

/* Even a worker that is busy looks at clock and peer now and then. */
#define WORKER_CHECK_ROUNDS 64

/* Nap when UCX wants to be progressed rather than to wake us. */
#define WORKER_NAP_AFTER_NS 1000000
#define WORKER_NAP_NS       50000

ucs_status_t rsmi_fabric_worker_handle(ucp_worker_h worker, unsigned number,
                                       ucp_am_recv_callback_t callback,
                                       void *arg)
{
    const ucp_am_handler_param_t param = {
        .field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID |
                      UCP_AM_HANDLER_PARAM_FIELD_CB |
                      UCP_AM_HANDLER_PARAM_FIELD_ARG,
        .id = number,
        .cb = callback,
        .arg = arg,
    };

    return ucp_worker_set_am_recv_handler(worker, &param);
}

static ucs_status_t worker_drop(void *arg, const void *header,
                                size_t header_len, void *data, size_t length,
                                const ucp_am_recv_param_t *param)
{
    (void)arg;
    (void)header;
    (void)header_len;
    (void)data;
    (void)length;
    (void)param;
    return UCS_OK;
}

/* UCX 1.13 does not initialise the rows of its table that come before the first
 * one set, and those that it has room for behind, and would call what stands
 * there when a message of that number came. From the highest number down, it has
 * room for just these, and all of them are set. */
static ucs_status_t worker_drop_all(ucp_worker_h worker)
{
    ucs_status_t status = UCS_OK;
    unsigned number;

    for (number = FABRIC_IDS; (number > 0) && (status == UCS_OK); --number) {
        status =
            rsmi_fabric_worker_handle(worker, number - 1, worker_drop, NULL);
    }
    return status;
}

int rsmi_fabric_worker_create(rsmi_fabric_domain_t *domain,
                              ucs_thread_mode_t mode, ucp_worker_h *worker_p,
                              int *fd_p)
{
    ucp_worker_params_t params = {
        .field_mask =
            UCP_WORKER_PARAM_FIELD_THREAD_MODE | UCP_WORKER_PARAM_FIELD_FLAGS,
        .thread_mode = mode,
        /* Operations abandoned with a lost peer are no news to the user. */
        .flags = UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK,
    };
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_THREAD_MODE};
    ucs_status_t status;
    ucp_worker_h worker;
    sigset_t signals;
    int fd;

    if ((domain->kind == RSMI_FABRIC_SHM) &&
        !rsmi_fabric_memory_has_room(WORKER_ROOM)) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (!rsmi_fabric_has_descriptors()) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rsmi_signals_block(&signals); /* UCX may start threads */
    status = ucp_worker_create(domain->context, &params, &worker);
    rsmi_signals_restore(&signals);
    if (status != UCS_OK) {
        goto err;
    }

    status = ucp_worker_query(worker, &attr);
    if ((status == UCS_OK) && (attr.thread_mode < mode)) {
        status = UCS_ERR_UNSUPPORTED;
    }
    if (status != UCS_OK) {
        goto err_destroy;
    }

    if (rsmi_fabric_must_wire(domain)) {
        status = worker_drop_all(worker);
    }
    if (status == UCS_OK) {
        status = ucp_worker_get_efd(worker, &fd);
    }
    if (status != UCS_OK) {
        goto err_destroy;
    }

    *worker_p = worker;
    *fd_p = fd;
    return RSM_SUCCESS;

err_destroy:
    ucp_worker_destroy(worker);
err:
    rsmi_error("fabric", "cannot make a UCX worker for transports %s: %s",
               domain->tls, ucs_status_string(status));
    return rsmi_fabric_setup_error(status);
}

/* --- data worker --------------------------------------------------------- */

int rsmi_fabric_worker_open(rsmi_fabric_domain_t *domain)
{
    ucs_status_t status = UCS_OK;
    int rc;

    if (domain->data != NULL) {
        return RSM_SUCCESS;
    }

    rc = rsmi_fabric_worker_create(domain, UCS_THREAD_MODE_SERIALIZED,
                                   &domain->data, &domain->data_fd);
    if ((rc == RSM_SUCCESS) && rsmi_fabric_must_wire(domain)) {
        status = rsmi_fabric_wire_listen(domain);
    }
    if (status != UCS_OK) {
        ucp_worker_destroy(domain->data);
        domain->data = NULL;
        rc = rsmi_fabric_setup_error(status);
    }
    return rc;
}

unsigned rsmi_fabric_worker_progress(rsmi_fabric_domain_t *domain)
{
    unsigned count = ucp_worker_progress(domain->data);

    if (rsmi_unlikely(domain->dead_keys != 0)) {
        rsmi_fabric_key_reap(domain);
    }

    return count;
}

/* Sleep until the worker has something, the lock released. */
static void worker_sleep(rsmi_fabric_domain_t *domain, rsmi_time_t idle,
                         const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    struct pollfd pollfd = {.fd = domain->data_fd, .events = POLLIN};
    struct timespec nap = {.tv_nsec = WORKER_NAP_NS};
    ucs_status_t status = ucp_worker_arm(domain->data);

    rsmi_fabric_unlock(domain);
    if (status == UCS_OK) {
        (void)poll(&pollfd, 1,
                   rsmi_deadline_left_ms(wait->deadline, WORKER_SLEEP_MS));
    } else if (idle < WORKER_NAP_AFTER_NS) {
        (void)sched_yield();
    } else {
        /* Something came meanwhile, or a send waits for room in a queue of
         * the peer's, of which there is no event. */
        (void)nanosleep(&nap, NULL);
    }
    rsmi_fabric_lock(domain);
}

int rsmi_fabric_worker_wait(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_pause_t *pause,
                            const rsmi_fabric_wait_t *wait)
{
    rsmi_time_t now;

    if (rsmi_fabric_worker_progress(domain) != 0) {
        pause->idle_since = 0;
        if ((++pause->rounds % WORKER_CHECK_ROUNDS) != 0) {
            return RSM_SUCCESS;
        }
    }

    if ((wait->is_lost != NULL) && wait->is_lost(wait->arg)) {
        return RSMERR_CONN_ABORTED;
    }

    now = rsmi_clock_now();
    if ((wait->deadline != RSMI_NEVER) && (now >= wait->deadline)) {
        return RSMERR_BARRIER_FAILURE;
    }

    if (pause->idle_since == 0) {
        pause->idle_since = now;
    } else if (now - pause->idle_since > WORKER_YIELD_NS) {
        worker_sleep(domain, now - pause->idle_since, wait);
    } else if (now - pause->idle_since > WORKER_SPIN_NS) {
        rsmi_fabric_unlock(domain);
        (void)sched_yield();
        rsmi_fabric_lock(domain);
    }

    return RSM_SUCCESS;
}

/* Peers are closed by force, for a worker that is flushed or waits for a dead
 * peer's answer may wait for ever; ucp_worker_destroy() waits for nobody. */
static void worker_close_peers(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(FABRIC_CLOSE_MS);
    rsmi_fabric_peer_t *peer;
    bool is_pending = true;

    for (peer = domain->peers; peer != NULL; peer = peer->next) {
        rsmi_fabric_peer_abort(domain, peer);
    }

    while (is_pending && !rsmi_deadline_passed(deadline)) {
        rsmi_fabric_op_t *op;

        (void)rsmi_fabric_worker_progress(domain);
        is_pending = false;
        for (op = domain->all_ops; op != NULL; op = op->all) {
            is_pending |= (op->peer != NULL);
        }
    }
}

void rsmi_fabric_worker_close(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_lock(domain);
    if (domain->data != NULL) {
        worker_close_peers(domain);
        rsmi_fabric_key_free_all(domain);
        if (domain->address != NULL) {
            ucp_worker_release_address(domain->data, domain->address);
            domain->address = NULL;
        }
        ucp_worker_destroy(domain->data);
        domain->data = NULL;
    }
    rsmi_fabric_known_free_all(&domain->hosts);
    rsmi_fabric_peer_free_all(domain);
    rsmi_fabric_op_free_all(domain);
    rsmi_fabric_unlock(domain);
}
