/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers to memory of this process, RSMI_FABRIC_SELF: what its files share
 * beyond fabric_internal.h. */
#ifndef RSMI_UCX_SELF_H
#define RSMI_UCX_SELF_H

#include "fabric/fabric_internal.h"

/* --- ucx_home.c ---------------------------------------------------------- */

/* All memory of this process: no page of an application is at address zero,
 * which UCX refuses, nor in the upper half, which belongs to the kernel. */
void rsmi_fabric_home_range(void **start_p, size_t *size_p);

/* A new peer, which is this process: make the key to all memory of it. */
void rsmi_fabric_home_open(rsmi_fabric_domain_t *domain,
                           rsmi_fabric_peer_t *peer)
    RSMI_REQUIRES(domain->lock);

/* The worker is there, and nothing on its way. Any peer. */
void rsmi_fabric_home_close(rsmi_fabric_peer_t *peer);

/* --- ucx_self.c ---------------------------------------------------------- */

/* Bytes that UCX has for a request of ours; of 1.13 it takes 272. */
#define FABRIC_SELF_REQUEST 512

/* The end of an operation to oneself, the lock not held; @p is_ours: the request
 * is not UCX's. Never inline: what it needs of registers and stack would be
 * saved by each operation. */
RSMI_COLD int rsmi_fabric_self_settle(rsmi_fabric_peer_t *peer,
                                      ucs_status_ptr_t request, bool is_ours);

RSMI_INLINE int rsmi_fabric_self_end(rsmi_fabric_peer_t *peer,
                                     ucs_status_ptr_t request)
{
    return rsmi_likely(request == NULL)
               ? RSM_SUCCESS
               : rsmi_fabric_self_settle(peer, request, false);
}

/* The lock, taken because there is no bias yet. */
void rsmi_fabric_self_lock(rsmi_fabric_domain_t *domain)
    RSMI_ACQUIRE(domain->lock);

#endif
