/* SPDX-License-Identifier: BSD-3-Clause */
/* Short forms of scatter-gather structures. */
#ifndef RSM_TESTS_VECTOR_H
#define RSM_TESTS_VECTOR_H

#include "multi.h"

static inline rsm_scat_gath_t vector_of(rsm_memseg_import_handle_t import,
                                        rsm_iovec_t *pieces, ulong_t count)
{
    return (rsm_scat_gath_t){.local_nodeid = 12345, /* not looked at */
                             .io_request_count = count,
                             .io_residual_count = 777,
                             .remote_handle = import,
                             .iovec = pieces};
}

static inline rsm_iovec_t piece_of(void *base, size_t local, size_t remote,
                                   size_t length)
{
    return (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                         .local.vaddr = base,
                         .local_offset = local,
                         .remote_offset = remote,
                         .transfer_length = length};
}

#endif
