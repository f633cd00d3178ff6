/* SPDX-License-Identifier: BSD-3-Clause */
/* librsm and bare UCX in turn, on shared memory: each has a segment of its own
 * in the same two processes. The target is passive, as bare UCX on posix does
 * not need it. */
#ifndef CMP_COMMON_BESIDE_UCX_H
#define CMP_COMMON_BESIDE_UCX_H

#include "common_beside.h"
#include "common_ucx.h"

/* librsm's ways of completion, and connecting. */
typedef struct {
    cmp_timer_t implicit;
    cmp_timer_t explicit;
    cmp_timer_t vector;
    cmp_timer_t connect;
} cmp_rsm_timers_t;

/* Is UCX what moves librsm's data (@p is_through_ucx), everything is compared;
 * else bandwidth and connecting are. */
void cmp_run_beside_ucx(cmp_t *cmp, const cmp_rsm_timers_t *timers,
                        bool is_through_ucx, cmp_ucx_exchange_t exchange);

#endif
