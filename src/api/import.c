/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/guard.h"
#include "core/controller.h"
#include "core/node.h"

/* Checked before anything is sent: what needs no answer from elsewhere. */
static int import_check(const rsmi_controller_t *controller,
                        rsm_node_id_t node_id, rsm_permission_t perm,
                        uint32_t *rank_p)
{
    if ((perm & ~(rsm_permission_t)RSM_PERM_RDWR) != 0) {
        return RSMERR_PERM_DENIED;
    }
    if (!rsmi_node_to_rank(node_id, rank_p)) {
        return controller->is_loopback ? RSMERR_CTLR_NOT_PRESENT
                                       : RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    if (controller->is_loopback && (*rank_p != rsmi_runtime_rank())) {
        return RSMERR_CTLR_NOT_PRESENT;
    }
    return RSM_SUCCESS;
}

RSMI_EXPORT int rsm_memseg_import_connect(rsmapi_controller_handle_t controller,
                                          rsm_node_id_t node_id,
                                          rsm_memseg_id_t segment_id,
                                          rsm_permission_t perm,
                                          rsm_memseg_import_handle_t *im_memseg)
{
    const rsmi_controller_t *where = rsmi_controller_of(controller);
    rsmi_import_t *import;
    uint32_t rank;
    int rc;

    if (where == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    if (im_memseg == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    *im_memseg = NULL;
    rc = import_check(where, node_id, perm, &rank);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_import_connect(where->paths, rank, segment_id, perm, &import);
    if (rc == RSM_SUCCESS) {
        *im_memseg =
            (rsm_memseg_import_handle_t)(uintptr_t)import->object.handle;
    }
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_disconnect(
    rsm_memseg_import_handle_t im_memseg)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rc = rsmi_import_disconnect(import);
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_set_mode(rsm_memseg_import_handle_t im_memseg,
                                           rsm_barrier_mode_t mode)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc = RSMERR_BAD_MODE;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if ((mode == RSM_BARRIER_MODE_EXPLICIT) ||
        (mode == RSM_BARRIER_MODE_IMPLICIT)) {
        rsmi_import_set_mode(import, mode);
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_get_mode(rsm_memseg_import_handle_t im_memseg,
                                           rsm_barrier_mode_t *mode)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc = RSMERR_BAD_ADDR;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (mode != NULL) {
        *mode = (rsm_barrier_mode_t)atomic_load(&import->door.mode);
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&import->object);
    return rc;
}
