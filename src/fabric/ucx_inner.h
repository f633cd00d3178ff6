/* SPDX-License-Identifier: BSD-3-Clause */
/* A way to the memory of this process itself, below UCP. Each peer has one, which
 * leads somewhere only where the peer is this process. */
#ifndef RSMI_UCX_INNER_H
#define RSMI_UCX_INNER_H

#include "util/compiler.h"

#include <uct/api/uct.h>

#include <stddef.h>

typedef struct {
    size_t most; /* bytes of a put by it; 0: there is none */
    uct_ep_h ep;
    uct_rkey_t key; /* to all memory of this process */
    uct_md_h md;
    uct_mem_h mem;
    ucs_async_context_t *async;
    uct_worker_h worker;
    uct_iface_h iface;
} rsmi_fabric_inner_t;

/* Without success @p inner leads nowhere, which is told to who asks for
 * information. Nothing may be on its way when it is closed. */
void rsmi_fabric_inner_open(rsmi_fabric_inner_t *inner);
void rsmi_fabric_inner_close(rsmi_fabric_inner_t *inner);

/* What became of an operation by it. There are none that end later. */
static inline ucs_status_ptr_t rsmi_fabric_inner_result(ucs_status_t status)
{
    return rsmi_likely(status == UCS_OK)
               ? NULL
               : UCS_STATUS_PTR((status < 0) ? status : UCS_ERR_IO_ERROR);
}

#endif
