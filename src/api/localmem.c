/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/localmem.h"

#include "core/controller.h"
#include "core/limits.h"
#include "rsmapi.h"

RSMI_EXPORT int rsm_create_localmemory_handle(
    rsmapi_controller_handle_t handle, rsm_localmemory_handle_t *l_handle,
    caddr_t local_vaddr, size_t length)
{
    const rsmi_controller_t *controller = rsmi_controller_of(handle);
    rsmi_localmem_t *localmem;
    int rc;

    if (((uintptr_t)local_vaddr & (rsmi_limits_page_size() - 1)) != 0) {
        return RSMERR_BAD_ADDR;
    }
    if (controller == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    if (l_handle == NULL) {
        return RSMERR_BAD_LOCALMEM_HNDL;
    }
    if (length == 0) {
        return RSMERR_BAD_LENGTH;
    }
    if (local_vaddr == NULL) {
        return RSMERR_BAD_ADDR;
    }
    if (!controller->is_loopback &&
        (length > rsmi_limits_segment_size(controller))) {
        return RSMERR_BAD_LENGTH;
    }
    rc = rsmi_localmem_create(local_vaddr, length, &localmem);
    if (rc == RSM_SUCCESS) {
        *l_handle =
            (rsm_localmemory_handle_t)(uintptr_t)localmem->object.handle;
    }
    return rc;
}

RSMI_EXPORT int rsm_free_localmemory_handle(rsmapi_controller_handle_t handle,
                                            rsm_localmemory_handle_t l_handle)
{
    rsmi_localmem_t *localmem;
    int rc = RSMERR_BAD_LOCALMEM_HNDL;

    if (rsmi_controller_of(handle) == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    localmem = rsmi_handle_get(l_handle, RSMI_KIND_LOCALMEM);
    if (localmem == NULL) {
        return RSMERR_BAD_LOCALMEM_HNDL;
    }
    if (rsmi_handle_retire(&localmem->object)) {
        rsmi_handle_put(&localmem->object);
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&localmem->object);
    return rc;
}
