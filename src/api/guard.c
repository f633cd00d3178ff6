/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/guard.h"

bool rsmi_get_either(void *memseg, rsmi_either_t *either_p)
{
    rsmi_import_t *import = rsmi_handle_get(memseg, RSMI_KIND_IMPORT);
    rsmi_export_t *segment;

    if (import != NULL) {
        either_p->object = &import->object;
        either_p->event = &import->event;
        return true;
    }
    segment = rsmi_handle_get(memseg, RSMI_KIND_EXPORT);
    if (segment != NULL) {
        either_p->object = &segment->object;
        either_p->event = &segment->event;
        return true;
    }
    return false;
}

int rsmi_export_refusal(rsm_memseg_export_handle_t handle)
{
    if ((handle != NULL) && rsmi_runtime_is_forked()) {
        return RSMERR_NOT_CREATOR;
    }
    return RSMERR_BAD_SEG_HNDL;
}
