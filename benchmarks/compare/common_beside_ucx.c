/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_beside_ucx.h"

#include "common_beside_connect.h"

#define CONNECT_NS 50000000 /* in which both sides make progress */
#define LARGE      4096     /* bytes from which bandwidth is that of copies */

static int64_t time_flushed(cmp_t *cmp, cmp_test_t test, size_t size,
                            unsigned long steps)
{
    return cmp_time(cmp, &cmp_ucx_flushed, test, size, steps);
}

static int64_t time_asked(cmp_t *cmp, cmp_test_t test, size_t size,
                          unsigned long steps)
{
    return cmp_time(cmp, &cmp_ucx_asked, test, size, steps);
}

/* UCX may have to tell the other side of a new endpoint, which then has to
 * listen. */
static void settle(void)
{
    int64_t start = bench_now_ns();
    ucs_status_ptr_t request =
        ucp_ep_flush_nbx(cmp_ucx.link.ep, &cmp_ucx_plain);

    while (bench_now_ns() - start < CONNECT_NS) {
        ucp_worker_progress(cmp_ucx.link.worker);
    }
    cmp_ucx_finish(&cmp_ucx.link, request, "ucp_ep_flush_nbx");
}

static void check(cmp_t *cmp)
{
    unsigned char *shown = cmp->shown;

    cmp->shown = cmp_ucx.shown;
    cmp_check(cmp, &cmp_ucx_flushed);
    cmp_check(cmp, &cmp_ucx_asked);
    cmp->shown = shown;
}

/* One piece at a time. */
static void run_single(cmp_t *cmp, const cmp_rsm_timers_t *timers, size_t size)
{
    const cmp_runner_t runners[] = {{"beside", timers->implicit},
                                    {"ucx flush", time_flushed},
                                    {"ucx asked", time_asked}};

    cmp_run_turns(cmp, CMP_PUT, "put", size, runners, 3);
    cmp_run_turns(cmp, CMP_GET, "get", size, runners, 3);
}

static void run_windows(cmp_t *cmp, const cmp_rsm_timers_t *timers, size_t size)
{
    const cmp_runner_t runners[] = {{"beside explicit", timers->explicit},
                                    {"beside vector", timers->vector},
                                    {"beside", timers->implicit},
                                    {"ucx flush", time_flushed},
                                    {"ucx asked", time_asked}};

    cmp_run_turns(cmp, CMP_PUT_BW, "put_bw", size, runners, 5);
    cmp_run_turns(cmp, CMP_GET_BW, "get_bw", size, runners, 5);
}

static void run_copies(cmp_t *cmp, const cmp_rsm_timers_t *timers, size_t size)
{
    const cmp_runner_t runners[] = {{"beside explicit", timers->explicit},
                                    {"ucx flush", time_flushed},
                                    {"ucx asked", time_asked}};

    cmp_run_turns(cmp, CMP_PUT_BW, "put_bw", size, runners, 3);
    cmp_run_turns(cmp, CMP_GET_BW, "get_bw", size, runners, 3);
}

static void run_atomics(cmp_t *cmp, const cmp_rsm_timers_t *timers)
{
    const cmp_runner_t runners[] = {{"beside", timers->implicit},
                                    {"ucx flush", time_flushed},
                                    {"ucx asked", time_asked}};

    cmp_run_turns(cmp, CMP_FETCH_ADD, "fetch_add", 8, runners, 3);
    cmp_run_turns(cmp, CMP_COMPARE_SWAP, "compare_swap", 8, runners, 3);
}

void cmp_run_beside_ucx(cmp_t *cmp, const cmp_rsm_timers_t *timers,
                        bool is_through_ucx, cmp_ucx_exchange_t exchange)
{
    unsigned int i;

    if (!cmp_wants_way(cmp, "beside")) {
        return;
    }
    cmp_ucx_open(cmp, "posix,self", UCP_FEATURE_RMA | UCP_FEATURE_AMO64,
                 exchange);
    cmp_ucx_show(cmp, true, exchange);
    settle();
    check(cmp);
    for (i = 0; i < cmp->options.size_count; ++i) {
        size_t size = cmp->options.sizes[i];

        if (is_through_ucx) {
            run_single(cmp, timers, size);
            run_windows(cmp, timers, size);
        } else if (size >= LARGE) {
            run_copies(cmp, timers, size);
        }
    }
    if (is_through_ucx) {
        run_atomics(cmp, timers);
    } else {
        cmp_run_beside_connect(cmp, timers->connect, exchange);
    }
    cmp_ucx_hide(cmp, true);
    cmp_ucx_close();
}
