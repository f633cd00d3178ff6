/* SPDX-License-Identifier: BSD-3-Clause */
/* Bare UCX, on memory that it has allocated and on memory of the program.
 * Starts its second process itself; UCX_TLS chooses the transport. The process
 * that is reached polls, or with COMPARE_UCX_SLEEPS sleeps until it is. */
#include <unistd.h>

#include "common_peer.h"
#include "common_run.h"
#include "common_two.h"
#include "common_ucx.h"

#define EXPORT_BYTES (64ul << 20)

#define PROGRESS_ROUNDS 100 /* between two looks at the socket */
#define SLEEPING_US     200

static bool is_sleeping; /* who is reached does not poll */

/* As a process that has other things to do: woken by each message. */
static void progress_or_sleep(cmp_t *cmp)
{
    int fd;

    while (ucp_worker_progress(cmp_ucx.link.worker) != 0) {
        continue;
    }
    cmp_ucx_must(ucp_worker_get_efd(cmp_ucx.link.worker, &fd),
                 "ucp_worker_get_efd");
    if (ucp_worker_arm(cmp_ucx.link.worker) == UCS_OK) {
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
            ucp_worker_progress(cmp_ucx.link.worker);
        }
        if (cmp->is_asleep) {
            usleep(SLEEPING_US);
        }
    }
    cmp_receive(cmp, &byte, 1);
}

/* ---- start ---- */

static void exchange(cmp_t *cmp, const void *own, size_t size, void *theirs)
{
    uint64_t their_size;

    if (size > CMP_UCX_ADDRESS_MAX) {
        cmp_fail(cmp, "an address is too long");
    }
    cmp_send(cmp, &(uint64_t){size}, sizeof(uint64_t));
    cmp_send(cmp, own, size);
    cmp_receive(cmp, &their_size, sizeof(their_size));
    cmp_receive(cmp, theirs, their_size);
}

/* ---- threads: a worker each ---- */

typedef struct {
    cmp_ucx_link_t link;
    unsigned char *local;
} lane_t;

static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    static lane_t lanes[CMP_LANES_MAX];

    lanes[idx].local = cmp->local;
    cmp_ucx_worker_open(&lanes[idx].link);
    cmp_ucx_link_open(&lanes[idx].link);
    cmp_ucx_link_flush(&lanes[idx].link);
    return &lanes[idx];
}

static void lane_close(void *arg)
{
    lane_t *lane = arg;

    cmp_ucx_link_close(&lane->link);
    ucp_worker_destroy(lane->link.worker);
}

static void lane_put(void *arg, size_t offset)
{
    lane_t *lane = arg;

    cmp_ucx_link_put(&lane->link, lane->local + offset, offset,
                     sizeof(uint64_t));
}

static void lane_end(void *arg)
{
    lane_t *lane = arg;

    cmp_ucx_link_flush(&lane->link);
}

/* ---- as a whole ---- */

static int64_t unpack_once(cmp_t *cmp)
{
    int64_t start = bench_now_ns();

    (void)cmp;
    cmp_ucx_unpack();
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
    cmp_ucx_must(ucp_mem_map(cmp_ucx.context, &params, &fresh), "ucp_mem_map");
    cmp_ucx_must(ucp_mem_query(fresh, &attr), "ucp_mem_query");
    memcpy(attr.address, source, EXPORT_BYTES);
    start = bench_now_ns() - start;
    cmp_ucx_must(ucp_mem_unmap(cmp_ucx.context, fresh), "ucp_mem_unmap");
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

static void run_kind(cmp_t *cmp, const char *kind, bool is_allocated)
{
    cmp->kind = kind;
    if (cmp_wants_kind(cmp, kind)) {
        cmp_ucx_show(cmp, is_allocated, exchange);
        cmp->shown = cmp_ucx.shown;
        cmp_run_way(cmp, &cmp_ucx_flushed);
        if (is_allocated && !is_sleeping) {
            cmp_run_way(cmp, &cmp_ucx_asked);
        }
        cmp_run_peer(cmp, NULL);
        cmp_ucx_hide(cmp, is_allocated);
    }
}

int main(int argc, char **argv)
{
    uint64_t features = UCP_FEATURE_RMA | UCP_FEATURE_AMO64;
    cmp_t cmp = {.program = "compare_ucx", .peer = &peer};

    cmp_parse(&cmp, argc, argv);
    is_sleeping = getenv("COMPARE_UCX_SLEEPS") != NULL;
    features |= is_sleeping ? UCP_FEATURE_WAKEUP : 0;
    cmp_fork(&cmp);
    cmp_ucx_open(&cmp, NULL, features, exchange);
    cmp.local = cmp_memory(CMP_MEMORY);
    run_kind(&cmp, "allocate", true);
    run_kind(&cmp, "create", false);
    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    cmp_ucx_close();
    cmp_join(&cmp);
}
