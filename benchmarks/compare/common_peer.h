/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CMP_COMMON_PEER_H
#define CMP_COMMON_PEER_H

#include "common.h"

/* Signals, threads and specials of a peer; @p way is any of its ways, or
 * NULL: its waits do not sleep. Both processes call it. */
void cmp_run_peer(cmp_t *cmp, const cmp_way_t *way);

#endif
