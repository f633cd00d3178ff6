/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_rsm.h"

#include <stdio.h>
#include <stdlib.h>

#include <rsmx.h>

#define START_NS 30000000000ll

_Noreturn void cmp_complain(int rc, const char *call)
{
    fprintf(stderr, "%s: %s (%s)\n", call, rsmx_strerror(rc),
            rsmx_error_name(rc));
    exit(EXIT_FAILURE);
}

void cmp_job_open(cmp_job_t *job)
{
    rsm_topology_t *topology;
    rsm_node_id_t self;
    int i;

    cmp_must(rsmx_get_node_id(&self), "rsmx_get_node_id");
    cmp_must(rsmx_get_node_count(&job->ranks), "rsmx_get_node_count");
    cmp_must(rsm_get_interconnect_topology(&topology),
             "rsm_get_interconnect_topology");
    if (topology->topology_hdr.local_cntlr_count == 0) {
        fprintf(stderr, "this node has no controller\n");
        exit(EXIT_FAILURE);
    }
    cmp_must(rsm_get_controller(topology->connections[0]->hdr.cntlr_name,
                                &job->controller),
             "rsm_get_controller");
    job->first = self;
    for (i = 0; i < topology->connections[0]->hdr.remote_cntlr_count; ++i) {
        rsm_node_id_t node =
            topology->connections[0]->remote_cntlr[i].remote_nodeid;

        job->first = (node < job->first) ? node : job->first;
    }
    rsm_free_interconnect_topology(topology);
    job->rank = self - job->first;
}

rsm_memseg_import_handle_t cmp_connect(const cmp_job_t *job, uint32_t rank,
                                       rsm_memseg_id_t id)
{
    int64_t deadline = bench_now_ns() + START_NS;
    rsm_memseg_import_handle_t handle;
    int rc;

    do {
        rc = rsm_memseg_import_connect(job->controller, job->first + rank, id,
                                       RSM_PERM_RDWR, &handle);
        if (rc != RSMERR_SEG_NOT_PUBLISHED) {
            break;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    } while (bench_now_ns() < deadline);
    cmp_must(rc, "rsm_memseg_import_connect");
    return handle;
}
