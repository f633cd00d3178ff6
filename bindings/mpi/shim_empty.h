/* SPDX-License-Identifier: BSD-3-Clause */
/* Regions of no size that a rank attached to a dynamic window: addresses that
 * can be detached again, and nothing else. Several may be equal. */
#ifndef RSMI_SHIM_EMPTY_H
#define RSMI_SHIM_EMPTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *list; /* sorted; all zero is an empty one */
    size_t count;
    size_t room;
} rsmi_empty_t;

/* False: no memory. */
bool rsmi_empty_add(rsmi_empty_t *empty, uint64_t addr);

/* False: none is there. */
bool rsmi_empty_remove(rsmi_empty_t *empty, uint64_t addr);

#endif
