/* SPDX-License-Identifier: BSD-3-Clause */
/* Bare UCX: a worker, an endpoint and a key for the other side's memory, and the
 * operations of one who uses nothing else. Of one link, the main one, there are
 * ways to be measured. */
#ifndef CMP_COMMON_UCX_H
#define CMP_COMMON_UCX_H

#include <stdio.h>
#include <stdlib.h>

#include <ucp/api/ucp.h>

#include "common.h"

typedef struct {
    ucp_worker_h worker;
    ucp_ep_h ep;
    ucp_rkey_h rkey;
} cmp_ucx_link_t;

typedef struct {
    ucp_context_h context;
    cmp_ucx_link_t link;
    ucp_mem_h memory;
    void *shown;    /* where that is */
    uint64_t base;  /* of the other side's */
    bool is_asking; /* after puts */
} cmp_ucx_t;

extern cmp_ucx_t cmp_ucx;

/* Sends @p own to the other side and stores what it sent in @p theirs, which has
 * room for CMP_UCX_ADDRESS_MAX. */
#define CMP_UCX_ADDRESS_MAX 4096
typedef void (*cmp_ucx_exchange_t)(cmp_t *cmp, const void *own, size_t size,
                                   void *theirs);

/* @p tls: names of transports; NULL: what UCX_TLS says. */
void cmp_ucx_open(cmp_t *cmp, const char *tls, uint64_t features,
                  cmp_ucx_exchange_t exchange);
void cmp_ucx_close(void);

/* Memory that UCX has allocated, or of the program, shown to the other side, and
 * the main link to the other side's. */
void cmp_ucx_show(cmp_t *cmp, bool is_allocated, cmp_ucx_exchange_t exchange);
void cmp_ucx_hide(cmp_t *cmp, bool is_allocated);

/* More links to the same. */
void cmp_ucx_worker_open(cmp_ucx_link_t *link);
void cmp_ucx_link_open(cmp_ucx_link_t *link);
void cmp_ucx_link_close(cmp_ucx_link_t *link);

/* What a connection costs in UCX, without asking anybody for the key. */
void cmp_ucx_unpack(void);

static inline void cmp_ucx_must(ucs_status_t status, const char *call)
{
    if (status != UCS_OK) {
        fprintf(stderr, "compare: %s: %s\n", call, ucs_status_string(status));
        exit(EXIT_FAILURE);
    }
}

/* Most requests are complete at once; others need progress. */
static inline void cmp_ucx_finish(cmp_ucx_link_t *link,
                                  ucs_status_ptr_t request, const char *call)
{
    ucs_status_t status;

    if (request == NULL) {
        return;
    }
    if (UCS_PTR_IS_ERR(request)) {
        cmp_ucx_must(UCS_PTR_STATUS(request), call);
        return;
    }
    while ((status = ucp_request_check_status(request)) == UCS_INPROGRESS) {
        ucp_worker_progress(link->worker);
    }
    ucp_request_free(request);
    cmp_ucx_must(status, call);
}

/* Nobody waits for this one: the flush does. */
static inline void cmp_ucx_let_go(ucs_status_ptr_t request, const char *call)
{
    if (request == NULL) {
        return;
    }
    if (UCS_PTR_IS_ERR(request)) {
        cmp_ucx_must(UCS_PTR_STATUS(request), call);
    } else {
        ucp_request_free(request);
    }
}

static const ucp_request_param_t cmp_ucx_plain = {.op_attr_mask = 0};

static inline void cmp_ucx_link_put(cmp_ucx_link_t *link, void *local,
                                    size_t offset, size_t size)
{
    cmp_ucx_let_go(ucp_put_nbx(link->ep, local, size, cmp_ucx.base + offset,
                               link->rkey, &cmp_ucx_plain),
                   "ucp_put_nbx");
}

static inline void cmp_ucx_link_flush(cmp_ucx_link_t *link)
{
    cmp_ucx_finish(link, ucp_ep_flush_nbx(link->ep, &cmp_ucx_plain),
                   "ucp_ep_flush_nbx");
}

static inline void cmp_ucx_put(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_ucx_link_put(&cmp_ucx.link, cmp->local + offset, offset, size);
}

static inline void cmp_ucx_get(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_ucx_let_go(ucp_get_nbx(cmp_ucx.link.ep, cmp->local + offset, size,
                               cmp_ucx.base + offset, cmp_ucx.link.rkey,
                               &cmp_ucx_plain),
                   "ucp_get_nbx");
}

static inline void cmp_ucx_flush(cmp_t *cmp)
{
    (void)cmp;
    cmp_ucx_link_flush(&cmp_ucx.link);
}

static inline void cmp_ucx_asked_put(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_ucx_put(cmp, offset, size);
    cmp_ucx.is_asking = true;
}

/* There when the call returns. */
static inline void cmp_ucx_asked_get(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_ucx_finish(&cmp_ucx.link,
                   ucp_get_nbx(cmp_ucx.link.ep, cmp->local + offset, size,
                               cmp_ucx.base + offset, cmp_ucx.link.rkey,
                               &cmp_ucx_plain),
                   "ucp_get_nbx");
}

/* A word that is read behind puts says that they have landed, and would say
 * where. */
static inline void cmp_ucx_asked_end(cmp_t *cmp)
{
    if (cmp_ucx.is_asking) {
        cmp_ucx_asked_get(cmp, CMP_WORD, sizeof(uint64_t));
        cmp_ucx.is_asking = false;
    }
}

static inline uint64_t cmp_ucx_atomic(ucp_atomic_op_t op, size_t offset,
                                      uint64_t value, uint64_t reply)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE |
                                                 UCP_OP_ATTR_FIELD_REPLY_BUFFER,
                                 .datatype = ucp_dt_make_contig(8),
                                 .reply_buffer = &reply};

    cmp_ucx_finish(&cmp_ucx.link,
                   ucp_atomic_op_nbx(cmp_ucx.link.ep, op, &value, 1,
                                     cmp_ucx.base + offset, cmp_ucx.link.rkey,
                                     &param),
                   "ucp_atomic_op_nbx");
    return reply;
}

static inline uint64_t cmp_ucx_fetch_add(cmp_t *cmp, size_t offset,
                                         uint64_t value)
{
    (void)cmp;
    return cmp_ucx_atomic(UCP_ATOMIC_OP_ADD, offset, value, 0);
}

/* The reply's place brings the new value. */
static inline uint64_t cmp_ucx_compare_swap(cmp_t *cmp, size_t offset,
                                            uint64_t expected, uint64_t desired)
{
    (void)cmp;
    return cmp_ucx_atomic(UCP_ATOMIC_OP_CSWAP, offset, expected, desired);
}

static inline void cmp_ucx_progress(cmp_t *cmp)
{
    (void)cmp;
    ucp_worker_progress(cmp_ucx.link.worker);
}

static const cmp_way_t cmp_ucx_flushed = {.name = "flush",
                                          .end = cmp_ucx_flush,
                                          .put = cmp_ucx_put,
                                          .get = cmp_ucx_get,
                                          .fetch_add = cmp_ucx_fetch_add,
                                          .compare_swap = cmp_ucx_compare_swap,
                                          .progress = cmp_ucx_progress};

/* What librsm promises needs these operations. The old value of an atomic one is
 * awaited either way. */
static const cmp_way_t cmp_ucx_asked = {.name = "asked",
                                        .end = cmp_ucx_asked_end,
                                        .put = cmp_ucx_asked_put,
                                        .get = cmp_ucx_asked_get,
                                        .fetch_add = cmp_ucx_fetch_add,
                                        .compare_swap = cmp_ucx_compare_swap,
                                        .progress = cmp_ucx_progress};

#endif
