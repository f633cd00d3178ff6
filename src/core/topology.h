/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot that rsm_get_interconnect_topology() hands out. */
#ifndef RSMI_TOPOLOGY_H
#define RSMI_TOPOLOGY_H

#include "rsmapi.h"

/* One allocation, freed by free(). RSMERR_INSUFFICIENT_MEM. */
int rsmi_topology_build(rsm_topology_t **topology_p);

#endif
