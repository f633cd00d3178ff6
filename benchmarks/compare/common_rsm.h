/* SPDX-License-Identifier: BSD-3-Clause */
/* What every program on librsm begins with. */
#ifndef CMP_COMMON_RSM_H
#define CMP_COMMON_RSM_H

#include <rsmapi.h>

#include "common.h"

typedef struct {
    rsmapi_controller_handle_t controller;
    rsm_node_id_t first; /* nodes are numbered one after the other */
    uint32_t rank;
    uint32_t ranks;
} cmp_job_t;

void cmp_job_open(cmp_job_t *job);

/* Connects to a segment of @p rank, which may not be there yet. */
rsm_memseg_import_handle_t cmp_connect(const cmp_job_t *job, uint32_t rank,
                                       rsm_memseg_id_t id);

/* Ends the process with the name of the call when @p rc is an error. */
_Noreturn void cmp_complain(int rc, const char *call);

static inline void cmp_must(int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        cmp_complain(rc, call);
    }
}

#endif
