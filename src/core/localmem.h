/* SPDX-License-Identifier: BSD-3-Clause */
/* Local memory handles: ranges of the application's own memory, named once
 * and used by scatter-gather pieces. */
#ifndef RSMI_LOCALMEM_H
#define RSMI_LOCALMEM_H

#include "core/handle.h"

typedef struct {
    rsmi_object_t object;
    char *addr;
    size_t size;
} rsmi_localmem_t;

/* RSMERR_BAD_ADDR when the range is not mapped, RSMERR_INSUFFICIENT_MEM. */
int rsmi_localmem_create(void *addr, size_t size, rsmi_localmem_t **localmem_p);

#endif
