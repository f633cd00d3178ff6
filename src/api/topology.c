/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/topology.h"

#include "core/runtime.h"
#include "core/segmentid.h"
#include "util/config.h"

#include <stdlib.h>

RSMI_EXPORT int rsm_get_interconnect_topology(rsm_topology_t **topology_data)
{
    int rc;

    if (topology_data == NULL) {
        return RSMERR_BAD_TOPOLOGY_PTR;
    }
    *topology_data = NULL;
    rc = rsmi_runtime_start();
    if (rc == RSM_SUCCESS) {
        rc = rsmi_topology_build(topology_data);
    }
    return rc;
}

RSMI_EXPORT void rsm_free_interconnect_topology(rsm_topology_t *topology_data)
{
    free(topology_data);
}

RSMI_EXPORT int rsm_get_segmentid_range(const char *appid,
                                        rsm_memseg_id_t *baseid,
                                        uint32_t *length)
{
    int rc;

    if ((appid == NULL) || (baseid == NULL) || (length == NULL)) {
        return RSMERR_BAD_ADDR;
    }
    /* Needs the variables, not the interconnect. */
    rc = rsmi_runtime_configure();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    return rsmi_segmentid_find(rsmi_config.segmentid_file, appid, baseid,
                               length);
}
