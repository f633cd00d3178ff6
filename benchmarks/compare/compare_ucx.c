/* SPDX-License-Identifier: BSD-3-Clause */
/* Bare UCX, on memory that it has allocated and on memory of the program.
 * Starts its second process itself; UCX_TLS chooses the transport. The process
 * that is reached polls, or with COMPARE_UCX_SLEEPS sleeps until it is. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ucp/api/ucp.h>

#include "common_peer.h"
#include "common_run.h"
#include "common_two.h"

#define EXPORT_BYTES (64ul << 20)
#define ADDRESS_MAX  4096

#define PROGRESS_ROUNDS 100 /* between two looks at the socket */
#define SLEEPING_US     200

typedef struct {
    ucp_worker_h worker;
    ucp_ep_h ep;
    ucp_rkey_h rkey;
} link_t;

static ucp_context_h context;
static bool is_sleeping; /* who is reached does not poll */
static bool is_asking;   /* after puts */
static link_t main_link;
static ucp_mem_h memory;
static uint64_t base; /* of the other side's memory */
static unsigned char packed_rkey[ADDRESS_MAX];
static unsigned char peer_address[ADDRESS_MAX];

static void must(ucs_status_t status, const char *call)
{
    if (status != UCS_OK) {
        fprintf(stderr, "compare_ucx: %s: %s\n", call,
                ucs_status_string(status));
        exit(EXIT_FAILURE);
    }
}

/* Most requests are complete at once; others need progress. */
static inline void finish(link_t *link, ucs_status_ptr_t request,
                          const char *call)
{
    ucs_status_t status;

    if (request == NULL) {
        return;
    }
    if (UCS_PTR_IS_ERR(request)) {
        must(UCS_PTR_STATUS(request), call);
        return;
    }
    while ((status = ucp_request_check_status(request)) == UCS_INPROGRESS) {
        ucp_worker_progress(link->worker);
    }
    ucp_request_free(request);
    must(status, call);
}

/* Nobody waits for this one: the flush does. */
static inline void let_go(ucs_status_ptr_t request, const char *call)
{
    if (request == NULL) {
        return;
    }
    if (UCS_PTR_IS_ERR(request)) {
        must(UCS_PTR_STATUS(request), call);
    } else {
        ucp_request_free(request);
    }
}

static const ucp_request_param_t plain = {.op_attr_mask = 0};

static inline void link_put(link_t *link, void *local, size_t offset,
                            size_t size)
{
    let_go(
        ucp_put_nbx(link->ep, local, size, base + offset, link->rkey, &plain),
        "ucp_put_nbx");
}

static inline void link_flush(link_t *link)
{
    finish(link, ucp_ep_flush_nbx(link->ep, &plain), "ucp_ep_flush_nbx");
}

static inline void ucx_put(cmp_t *cmp, size_t offset, size_t size)
{
    link_put(&main_link, cmp->local + offset, offset, size);
}

static inline void ucx_get(cmp_t *cmp, size_t offset, size_t size)
{
    let_go(ucp_get_nbx(main_link.ep, cmp->local + offset, size, base + offset,
                       main_link.rkey, &plain),
           "ucp_get_nbx");
}

static inline void ucx_flush(cmp_t *cmp)
{
    (void)cmp;
    link_flush(&main_link);
}

static inline void asked_put(cmp_t *cmp, size_t offset, size_t size)
{
    ucx_put(cmp, offset, size);
    is_asking = true;
}

/* There when the call returns. */
static inline void asked_get(cmp_t *cmp, size_t offset, size_t size)
{
    finish(&main_link,
           ucp_get_nbx(main_link.ep, cmp->local + offset, size, base + offset,
                       main_link.rkey, &plain),
           "ucp_get_nbx");
}

/* A word that is read behind puts says that they have landed, and would say
 * where. */
static inline void asked_end(cmp_t *cmp)
{
    if (is_asking) {
        asked_get(cmp, CMP_WORD, sizeof(uint64_t));
        is_asking = false;
    }
}

static inline uint64_t ucx_atomic(ucp_atomic_op_t op, size_t offset,
                                  uint64_t value, uint64_t reply)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_DATATYPE |
                                                 UCP_OP_ATTR_FIELD_REPLY_BUFFER,
                                 .datatype = ucp_dt_make_contig(8),
                                 .reply_buffer = &reply};

    finish(&main_link,
           ucp_atomic_op_nbx(main_link.ep, op, &value, 1, base + offset,
                             main_link.rkey, &param),
           "ucp_atomic_op_nbx");
    return reply;
}

static inline uint64_t ucx_fetch_add(cmp_t *cmp, size_t offset, uint64_t value)
{
    (void)cmp;
    return ucx_atomic(UCP_ATOMIC_OP_ADD, offset, value, 0);
}

/* The reply's place brings the new value. */
static inline uint64_t ucx_compare_swap(cmp_t *cmp, size_t offset,
                                        uint64_t expected, uint64_t desired)
{
    (void)cmp;
    return ucx_atomic(UCP_ATOMIC_OP_CSWAP, offset, expected, desired);
}

static inline void ucx_progress(cmp_t *cmp)
{
    (void)cmp;
    ucp_worker_progress(main_link.worker);
}

static const cmp_way_t way_flush = {.name = "flush",
                                    .end = ucx_flush,
                                    .put = ucx_put,
                                    .get = ucx_get,
                                    .fetch_add = ucx_fetch_add,
                                    .compare_swap = ucx_compare_swap,
                                    .progress = ucx_progress};

/* What librsm promises needs these operations. */
static const cmp_way_t way_asked = {.name = "asked",
                                    .end = asked_end,
                                    .put = asked_put,
                                    .get = asked_get,
                                    .progress = ucx_progress};

/* As a process that has other things to do: woken by each message. */
static void progress_or_sleep(cmp_t *cmp)
{
    int fd;

    while (ucp_worker_progress(main_link.worker) != 0) {
        continue;
    }
    must(ucp_worker_get_efd(main_link.worker, &fd), "ucp_worker_get_efd");
    if (ucp_worker_arm(main_link.worker) == UCS_OK) {
        cmp_doze(cmp, fd);
    }
}

/* The target of emulated operations has to make progress. */
static void ucx_meet(cmp_t *cmp)
{
    char byte = 0;
    unsigned int i;

    cmp_send(cmp, &byte, 1);
    while (!cmp_has_received(cmp)) {
        if (is_sleeping) {
            progress_or_sleep(cmp);
            continue;
        }
        for (i = 0; i < PROGRESS_ROUNDS; ++i) {
            ucp_worker_progress(main_link.worker);
        }
        if (cmp->is_asleep) {
            usleep(SLEEPING_US);
        }
    }
    cmp_receive(cmp, &byte, 1);
}

/* ---- links ---- */

static void worker_open(link_t *link)
{
    ucp_worker_params_t params = {.field_mask =
                                      UCP_WORKER_PARAM_FIELD_THREAD_MODE,
                                  .thread_mode = UCS_THREAD_MODE_SERIALIZED};

    must(ucp_worker_create(context, &params, &link->worker),
         "ucp_worker_create");
}

static void link_open(link_t *link)
{
    ucp_ep_params_t params = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS,
                              .address = (const ucp_address_t *)peer_address};

    must(ucp_ep_create(link->worker, &params, &link->ep), "ucp_ep_create");
    must(ucp_ep_rkey_unpack(link->ep, packed_rkey, &link->rkey),
         "ucp_ep_rkey_unpack");
}

static void link_close(link_t *link)
{
    ucp_rkey_destroy(link->rkey);
    finish(link, ucp_ep_close_nbx(link->ep, &plain), "ucp_ep_close_nbx");
}

static void exchange(cmp_t *cmp, const void *own, size_t size, void *theirs)
{
    uint64_t their_size;

    if (size > ADDRESS_MAX) {
        cmp_fail(cmp, "an address is too long");
    }
    cmp_send(cmp, &(uint64_t){size}, sizeof(uint64_t));
    cmp_send(cmp, own, size);
    cmp_receive(cmp, &their_size, sizeof(their_size));
    cmp_receive(cmp, theirs, their_size);
}

static void context_open(cmp_t *cmp)
{
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES |
                                         UCP_PARAM_FIELD_MT_WORKERS_SHARED,
                           .features = UCP_FEATURE_RMA | UCP_FEATURE_AMO64,
                           .mt_workers_shared = 1};
    ucp_address_t *address;
    size_t len;

    if (is_sleeping) {
        params.features |= UCP_FEATURE_WAKEUP;
    }
    must(ucp_init(&params, NULL, &context), "ucp_init");
    worker_open(&main_link);
    must(ucp_worker_get_address(main_link.worker, &address, &len),
         "ucp_worker_get_address");
    exchange(cmp, address, len, peer_address);
    ucp_worker_release_address(main_link.worker, address);
}

/* ---- threads: a worker each ---- */

typedef struct {
    link_t link;
    unsigned char *local;
} lane_t;

static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    static lane_t lanes[CMP_LANES_MAX];

    lanes[idx].local = cmp->local;
    worker_open(&lanes[idx].link);
    link_open(&lanes[idx].link);
    link_flush(&lanes[idx].link);
    return &lanes[idx];
}

static void lane_close(void *arg)
{
    lane_t *lane = arg;

    link_close(&lane->link);
    ucp_worker_destroy(lane->link.worker);
}

static void lane_put(void *arg, size_t offset)
{
    lane_t *lane = arg;

    link_put(&lane->link, lane->local + offset, offset, sizeof(uint64_t));
}

static void lane_end(void *arg)
{
    lane_t *lane = arg;

    link_flush(&lane->link);
}

/* ---- as a whole ---- */

/* What a connection costs in UCX, without asking anybody for the key. */
static int64_t unpack_once(cmp_t *cmp)
{
    ucp_rkey_h rkey;
    void *address;
    int64_t start = bench_now_ns();

    (void)cmp;
    must(ucp_ep_rkey_unpack(main_link.ep, packed_rkey, &rkey),
         "ucp_ep_rkey_unpack");
    (void)ucp_rkey_ptr(rkey, base, &address);
    ucp_rkey_destroy(rkey);
    return bench_now_ns() - start;
}

static int64_t export_once(cmp_t *cmp)
{
    ucp_mem_map_params_t params = {.field_mask =
                                       UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                                       UCP_MEM_MAP_PARAM_FIELD_FLAGS,
                                   .length = EXPORT_BYTES,
                                   .flags = UCP_MEM_MAP_ALLOCATE};
    ucp_mem_attr_t attr = {.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS};
    unsigned char *source = cmp_memory(EXPORT_BYTES);
    int64_t start = bench_now_ns();
    ucp_mem_h fresh;

    (void)cmp;
    must(ucp_mem_map(context, &params, &fresh), "ucp_mem_map");
    must(ucp_mem_query(fresh, &attr), "ucp_mem_query");
    memcpy(attr.address, source, EXPORT_BYTES);
    start = bench_now_ns() - start;
    must(ucp_mem_unmap(context, fresh), "ucp_mem_unmap");
    free(source);
    return start;
}

static const cmp_special_t specials[] = {
    {.what = "connect", .times = 100, .once = unpack_once},
    {.what = "export", .times = 1, .once = export_once},
    {.what = NULL}};

static const cmp_peer_t peer = {.name = "ucx",
                                .meet = ucx_meet,
                                .lane_open = lane_open,
                                .lane_close = lane_close,
                                .lane_put = lane_put,
                                .lane_end = lane_end,
                                .specials = specials};

/* ---- kinds of memory ---- */

static void memory_open(cmp_t *cmp, bool is_allocated)
{
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      (is_allocated ? UCP_MEM_MAP_PARAM_FIELD_FLAGS
                                    : UCP_MEM_MAP_PARAM_FIELD_ADDRESS),
        .length = CMP_MEMORY,
        .flags = UCP_MEM_MAP_ALLOCATE,
        .address = is_allocated ? NULL : cmp_memory(CMP_MEMORY)};
    ucp_mem_attr_t attr = {.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS};
    uint64_t address;
    void *packed;
    size_t len;

    must(ucp_mem_map(context, &params, &memory), "ucp_mem_map");
    must(ucp_mem_query(memory, &attr), "ucp_mem_query");
    cmp->shown = attr.address;
    memset(cmp->shown, 0, CMP_MEMORY);
    must(ucp_rkey_pack(context, memory, &packed, &len), "ucp_rkey_pack");
    exchange(cmp, packed, len, packed_rkey);
    ucp_rkey_buffer_release(packed);
    address = (uint64_t)cmp->shown;
    exchange(cmp, &address, sizeof(address), &base);
    link_open(&main_link);
}

static void memory_close(cmp_t *cmp, bool is_allocated)
{
    ucx_meet(cmp);
    link_close(&main_link);
    ucx_meet(cmp);
    must(ucp_mem_unmap(context, memory), "ucp_mem_unmap");
    if (!is_allocated) {
        free(cmp->shown);
    }
}

static void run_kind(cmp_t *cmp, const char *kind, bool is_allocated)
{
    cmp->kind = kind;
    if (cmp_wants_kind(cmp, kind)) {
        memory_open(cmp, is_allocated);
        cmp_run_way(cmp, &way_flush);
        if (is_allocated && !is_sleeping) {
            cmp_run_way(cmp, &way_asked);
        }
        cmp_run_peer(cmp, NULL);
        memory_close(cmp, is_allocated);
    }
}

int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_ucx", .peer = &peer};

    cmp_parse(&cmp, argc, argv);
    is_sleeping = getenv("COMPARE_UCX_SLEEPS") != NULL;
    cmp_fork(&cmp);
    context_open(&cmp);
    cmp.local = cmp_memory(CMP_MEMORY);
    run_kind(&cmp, "allocate", true);
    run_kind(&cmp, "create", false);
    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    ucp_worker_destroy(main_link.worker);
    ucp_cleanup(context);
    cmp_join(&cmp);
}
