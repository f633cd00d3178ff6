/* SPDX-License-Identifier: BSD-3-Clause */
/* What hwloc knows about this host and about where this process may run. */
#ifndef RSMI_TOPO_H
#define RSMI_TOPO_H

#include <stddef.h>

typedef struct {
    unsigned cores;      /* of the host */
    unsigned processors; /* hardware threads of the host */
    unsigned allowed;    /* hardware threads this process may run on */
    unsigned numa_nodes;
    size_t memory;          /* bytes of the host */
    size_t shared_cache;    /* bytes of our last-level cache; 0 unknown */
    size_t core_cache;      /* bytes of our second-level cache; 0 unknown */
    size_t huge_page;       /* bytes; 0 when the host has none */
    char allowed_list[256]; /* "0-3,8", cut short with "..." */
} rsmi_topo_t;

/* Read once; later calls return the same snapshot. RSMERR_INSUFFICIENT_MEM
 * leaves a snapshot made of what the kernel's own tables say. */
int rsmi_topo_get(rsmi_topo_t *topo_p);

/* Bytes of the last cache of the processor we are on; 0 unknown. A look at the
 * kernel's tables alone. */
size_t rsmi_topo_last_cache(void);

/* Confine the calling thread to @p list ("0-3,8"), of which those processors
 * count that the process's control group has, whatever the launcher bound the
 * process to. RSMERR_BAD_CONF when the list is malformed or nothing is left
 * of it; RSMERR_INSUFFICIENT_MEM when hwloc does not work. */
int rsmi_topo_bind_thread(const char *list);

void rsmi_topo_close(void);

#endif
