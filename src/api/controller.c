/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/controller.h"
#include "core/limits.h"
#include "core/runtime.h"
#include "rsmapi.h"

RSMI_EXPORT int rsm_get_controller(char *name,
                                   rsmapi_controller_handle_t *controller)
{
    const rsmi_controller_t *found;
    int rc;

    if (controller == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    rc = rsmi_runtime_start();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    found = rsmi_controller_find(name);
    if (found == NULL) {
        return RSMERR_CTLR_NOT_PRESENT;
    }
    return rsmi_controller_open(found, controller);
}

RSMI_EXPORT int rsm_get_controller_attr(rsmapi_controller_handle_t chdl,
                                        rsmapi_controller_attr_t *attr)
{
    const rsmi_controller_t *controller = rsmi_controller_of(chdl);

    if (controller == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    if (attr == NULL) {
        return RSMERR_BAD_ADDR;
    }
    rsmi_limits_get(controller, attr);
    return RSM_SUCCESS;
}

RSMI_EXPORT int rsm_release_controller(rsmapi_controller_handle_t controller)
{
    return rsmi_controller_close(controller);
}
