/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/topo: the kernel's own tables, and lists of processors. */
#ifndef RSMI_TOPO_KERNEL_H
#define RSMI_TOPO_KERNEL_H

#include "topo/topo.h"

#include <stdbool.h>

/* One more than the greatest processor number; kernels are built for 8192
 * processors at most. */
#define RSMI_TOPO_PROCESSORS_MAX 8192

/* Fill everything in from /sys, /proc and sysconf(3). */
void rsmi_topo_read_kernel(rsmi_topo_t *topo_p);

/* Size of the huge pages that the kernel hands out when not told which. */
size_t rsmi_topo_huge_page(void);

typedef void (*rsmi_topo_range_func_t)(unsigned first, unsigned last,
                                       void *arg);

/* Call @p func for each range of a list such as "0-3,8"; false when the list
 * is malformed, whatever has been called before. */
bool rsmi_topo_parse_list(const char *list, rsmi_topo_range_func_t func,
                          void *arg);

/* Add a range to @p list, which is cut short with "..." when it is full. */
void rsmi_topo_append_range(char *list, size_t size, unsigned first,
                            unsigned last);

#endif
