/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include "util/help.h"
#include "util/limit.h"
#include "util/log.h"
#include "util/signals.h"

#include <ucs/sys/string.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Segment of a TCP transfer. UCX's own 8 KiB cost more than half of the
 * bandwidth that this size reaches. */
#define CONTEXT_TCP_SEGMENT      "256K"
#define CONTEXT_TCP_SEGMENT_SIZE ((size_t)256 << 10)

/* More than all headers in a segment. */
#define CONTEXT_TCP_HEADERS 1024

/* Half of the queue of a worker, whose 64 elements carry 8 KiB each. */
#define CONTEXT_SHM_PIECE ((size_t)256 << 10)

/* Receive buffers that a worker takes from shared memory at a time. UCX's own
 * 512 take 4.3 MB and 2 ms for each worker of each process on a host, and are
 * meant for messages; here they only carry emulated transfers. */
#define CONTEXT_SHM_BUFFERS "64"

/* Descriptors that a new context or worker may want at most. */
#define CONTEXT_DESCRIPTORS 16

static rsmi_lock_t context_setup = RSMI_LOCK_INIT;
static rsmi_fabric_domain_t context_domains[RSMI_FABRIC_KINDS];

void rsmi_fabric_setup_lock(void) RSMI_NO_ANALYSIS
{
    rsmi_lock(&context_setup);
}

void rsmi_fabric_setup_unlock(void) RSMI_NO_ANALYSIS
{
    rsmi_unlock(&context_setup);
}

/* Whether the user has set one of @p variables. */
static bool context_is_chosen(const char *const *variables)
{
    for (; *variables != NULL; ++variables) {
        if (getenv(*variables) != NULL) {
            return true;
        }
    }

    return false;
}

static ucs_status_t context_configure_shm(ucp_config_t *config,
                                          const rsmi_fabric_domain_t *domain)
{
    static const char *const buffer_variables[] = {"UCX_POSIX_RX_BUFS_GROW",
                                                   "UCX_SYSV_RX_BUFS_GROW",
                                                   "UCX_MM_RX_BUFS_GROW", NULL};
    bool is_posix = strcmp(domain->tls, "posix") == 0;
    ucs_status_t status;

    /* Without it UCX does not let shared memory and error handling of
     * endpoints meet. */
    status = ucp_config_modify(config, "MM_ERROR_HANDLING", "y");
    if (status != UCS_OK) {
        return status;
    }

    /* One allocator only, so that its failure is one. */
    status = ucp_config_modify(config, "ALLOC_PRIO",
                               is_posix ? "md:posix" : "md:sysv");
    if (status != UCS_OK) {
        return status;
    }

    return context_is_chosen(buffer_variables)
               ? UCS_OK
               : ucp_config_modify(config, "MM_RX_BUFS_GROW",
                                   CONTEXT_SHM_BUFFERS);
}

/* The size of the messages that are sent: as the user wants, but no larger than
 * ours. */
static size_t context_tcp_segment(void)
{
    const char *text = getenv("UCX_TCP_TX_SEG_SIZE");
    size_t size = 0;

    text = (text != NULL) ? text : getenv("UCX_TX_SEG_SIZE");
    if ((text == NULL) || (ucs_str_to_memunits(text, &size) != UCS_OK) ||
        (size > CONTEXT_TCP_SEGMENT_SIZE)) {
        return CONTEXT_TCP_SEGMENT_SIZE;
    }
    return size;
}

/* UCX ends a process that is sent a longer message than it receives, and the
 * sender may have been given other settings: so all of ours receive what any of
 * ours can send. */
static ucs_status_t context_configure_segments(ucp_config_t *config,
                                               rsmi_fabric_domain_t *domain)
{
    size_t size = context_tcp_segment();
    ucs_status_t status;

    domain->get_piece = (size >= 2 * CONTEXT_TCP_HEADERS)
                            ? size - CONTEXT_TCP_HEADERS
                            : size / 2 + 1;
    status = ucp_config_modify(config, "RX_SEG_SIZE", CONTEXT_TCP_SEGMENT);
    if ((status != UCS_OK) || (size != CONTEXT_TCP_SEGMENT_SIZE)) {
        return status;
    }
    return ucp_config_modify(config, "TX_SEG_SIZE", CONTEXT_TCP_SEGMENT);
}

static ucs_status_t context_configure_tcp(ucp_config_t *config,
                                          rsmi_fabric_domain_t *domain)
{
    static const char *const connect_variables[] = {"UCX_TCP_CONN_NB", NULL};
    ucs_status_t status = UCS_OK;

    /* Else a connection to a host that swallows it holds up the calling thread
     * for as long as the kernel tries, two minutes, and not for RSM_TIMEOUT. */
    if (!context_is_chosen(connect_variables)) {
        status = ucp_config_modify(config, "CONN_NB", "y");
    }
    if (status != UCS_OK) {
        return status;
    }

    return context_configure_segments(config, domain);
}

/* UCX's newer protocols carry out large puts on other lanes than letters, whose
 * order a flush relies on. 1.13 also writes past an array of its own when it
 * sends a question by them, and crashes in forced closes. So it does not matter
 * that UCX_PROTO_ENABLE was set for others; a UCX that has only these does not
 * know the setting. */
static ucs_status_t context_refuse_protocols(ucp_config_t *config)
{
    ucs_status_t status = ucp_config_modify(config, "PROTO_ENABLE", "n");

    return (status == UCS_ERR_NO_ELEM) ? UCS_OK : status;
}

static ucs_status_t context_configure(ucp_config_t *config,
                                      rsmi_fabric_domain_t *domain)
{
    ucs_status_t status;

    status = ucp_config_modify(config, "TLS", domain->tls);
    if (status == UCS_OK) {
        status = context_refuse_protocols(config);
    }
    if (status != UCS_OK) {
        return status;
    }

    domain->get_piece = SIZE_MAX;
    if (domain->kind == RSMI_FABRIC_SHM) {
        domain->get_piece = CONTEXT_SHM_PIECE;
        return context_configure_shm(config, domain);
    }

    /* Together with hardware TCP comes last, and pieces cost more there. */
    if (rsmi_fabric_must_wire(domain)) {
        return context_configure_tcp(config, domain);
    }

    return UCS_OK;
}

/* UCX 1.13.1 ends the process by an assertion of its own (ucs/async/thread.c)
 * when it cannot start its thread for want of descriptors, so we look first. */
bool rsmi_fabric_has_descriptors(void)
{
    int fds[CONTEXT_DESCRIPTORS], count = 0, idx;

    while (count < CONTEXT_DESCRIPTORS) {
        fds[count] = eventfd(0, EFD_CLOEXEC);
        if (fds[count] < 0) {
            rsmi_help(RSMI_HELP_NO_DESCRIPTORS, rsmi_limit_descriptors());
            break;
        }
        ++count;
    }
    for (idx = 0; idx < count; ++idx) {
        (void)close(fds[idx]);
    }
    return count == CONTEXT_DESCRIPTORS;
}

static int context_create(rsmi_fabric_domain_t *domain)
{
    ucp_params_t params = {
        .field_mask =
            UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_MT_WORKERS_SHARED,
        .features = UCP_FEATURE_RMA | UCP_FEATURE_AMO32 | UCP_FEATURE_AMO64 |
                    UCP_FEATURE_WAKEUP,
        /* Service thread and application threads use one context. */
        .mt_workers_shared = 1,
    };
    ucp_context_h context;
    ucp_config_t *config;
    ucs_status_t status;
    sigset_t signals;

    if (!rsmi_fabric_has_descriptors()) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    if (rsmi_fabric_must_wire(domain)) {
        params.features |= UCP_FEATURE_AM;
    }
    status = ucp_config_read(NULL, NULL, &config);
    if (status != UCS_OK) {
        goto err;
    }

    status = context_configure(config, domain);
    if (status != UCS_OK) {
        goto err_release;
    }

    rsmi_signals_block(&signals); /* UCX may start threads */
    status = ucp_init(&params, config, &context);
    rsmi_signals_restore(&signals);
    if (status != UCS_OK) {
        goto err_release;
    }

    ucp_config_release(config);
    if (domain->kind == RSMI_FABRIC_SHM) {
        domain->key_size = rsmi_fabric_memory_key_size(context);
    }
    atomic_store_explicit(&domain->context, context, memory_order_release);
    return RSM_SUCCESS;

err_release:
    ucp_config_release(config);
err:
    rsmi_error("fabric", "cannot make a UCX context of transports %s: %s",
               domain->tls, ucs_status_string(status));
    return rsmi_fabric_setup_error(status);
}

int rsmi_fabric_domain_get(rsmi_fabric_kind_t kind,
                           rsmi_fabric_domain_t **domain_p)
{
    rsmi_fabric_domain_t *domain = &context_domains[kind];
    int rc = RSM_SUCCESS;

    /* Pairs with the release in context_create. */
    if (rsmi_unlikely(atomic_load_explicit(&domain->context,
                                           memory_order_acquire) == NULL)) {
        if (!domain->info.is_present) {
            return RSMERR_INSUFFICIENT_RESOURCES;
        }

        rsmi_fabric_setup_lock();
        if (domain->context == NULL) {
            rc = context_create(domain);
        }
        rsmi_fabric_setup_unlock();
    }

    if (rc == RSM_SUCCESS) {
        *domain_p = domain;
    }
    return rc;
}

rsmi_fabric_domain_t *rsmi_fabric_domain_peek(rsmi_fabric_kind_t kind)
{
    return &context_domains[kind];
}

/* What close leaves standing is of no use to the child of a fork. */
static pid_t context_owner;

int rsmi_fabric_open(void)
{
    int kind;

    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        if ((context_domains[kind].context == NULL) ||
            (context_owner != getpid())) {
            memset(&context_domains[kind], 0, sizeof(context_domains[kind]));
            context_domains[kind].kind = (rsmi_fabric_kind_t)kind;
            rsmi_lock_init(&context_domains[kind].lock);
            rsmi_lock_init(&context_domains[kind].ranges.lock);
        }
    }

    context_owner = getpid();
    return rsmi_fabric_discover(context_domains);
}

static void context_destroy(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_service_close(domain);
    rsmi_fabric_worker_close(domain);

    rsmi_fabric_setup_lock();
    rsmi_fabric_memory_free_all(domain);
    if (domain->context != NULL) {
        ucp_cleanup(domain->context);
        domain->context = NULL;
    }
    rsmi_fabric_setup_unlock();

    rsmi_lock_destroy(&domain->lock);
    rsmi_lock_destroy(&domain->ranges.lock);
    domain->info.is_present = false;
}

/* Whether UCX can be trusted to take the domain apart. Where it emulates
 * transfers, ucp_worker_destroy() meets an assertion of its own, and ends the
 * process by SIGABRT, when an answer to a peer that is gone or a first message
 * to one is still queued (1.13.1, tcp). */
static bool context_can_be_destroyed(const rsmi_fabric_domain_t *domain)
{
    return (domain->kind == RSMI_FABRIC_SHM) ||
           ((domain->data == NULL) && (domain->service.worker == NULL));
}

/* What is left standing is found again by a later open; at the end of the
 * process the kernel takes it. */
void rsmi_fabric_close(void)
{
    int kind;

    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        if (context_can_be_destroyed(&context_domains[kind])) {
            context_destroy(&context_domains[kind]);
        }
    }
}

void rsmi_fabric_query(rsmi_fabric_kind_t kind, rsmi_fabric_info_t *info_p)
{
    *info_p = context_domains[kind].info;
}
