/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that the library allocates for the application. Its pages are shared
 * pages from the start, so that exporting it copies and remaps nothing. */
#ifndef RSMI_MEMORY_H
#define RSMI_MEMORY_H

#include <stddef.h>

/* Zero bytes, whole pages. RSMERR_INSUFFICIENT_MEM,
 * RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_memory_alloc(size_t size, void **addr_p);

/* RSMERR_BAD_ADDR, no such memory; RSMERR_SEG_IN_USE, a segment consists of
 * some of it. */
int rsmi_memory_free(void *addr);

#endif
