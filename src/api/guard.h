/* SPDX-License-Identifier: BSD-3-Clause */
/* Entering the library: from what the caller holds to the object meant. */
#ifndef RSMI_API_GUARD_H
#define RSMI_API_GUARD_H

#include "core/handle.h"
#include "core/import.h"
#include "core/runtime.h"
#include "core/segment.h"
#include "rsmapi.h"
#include "util/compiler.h"

#include <stddef.h>

/* A segment of either kind behind the void pointer of the event calls. */
typedef struct {
    rsmi_object_t *object;
    rsmi_event_t *event;
} rsmi_either_t;

/* With a reference; NULL: not such a handle. */
static inline rsmi_import_t *rsmi_get_import(rsm_memseg_import_handle_t handle)
{
    return rsmi_handle_get(handle, RSMI_KIND_IMPORT);
}

static inline rsmi_export_t *rsmi_get_export(rsm_memseg_export_handle_t handle)
{
    return rsmi_handle_get(handle, RSMI_KIND_EXPORT);
}

bool rsmi_get_either(void *memseg, rsmi_either_t *either_p);

/* Calls on exports that only their creator may make: what to answer for a
 * handle that does not work. */
int rsmi_export_refusal(rsm_memseg_export_handle_t handle);

#endif
