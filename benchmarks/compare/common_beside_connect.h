/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection to a process that is known already, in turn with what it cannot
 * do without: a question to a thread that sleeps, and UCX's unpacking of the
 * key that comes back. */
#ifndef CMP_COMMON_BESIDE_CONNECT_H
#define CMP_COMMON_BESIDE_CONNECT_H

#include "common_beside.h"
#include "common_ucx.h"

/* UCX shows memory at both sides. Both processes call it. */
void cmp_run_beside_connect(cmp_t *cmp, cmp_timer_t connect_and_disconnect,
                            cmp_ucx_exchange_t exchange);

#endif
