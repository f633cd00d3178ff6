/* SPDX-License-Identifier: BSD-3-Clause */
#include "rsmx.h"

#include "api/guard.h"
#include "core/node.h"

RSMI_EXPORT const char *rsmx_version(void)
{
    return RSMX_VERSION_STRING;
}

RSMI_EXPORT int rsmx_get_node_id(rsm_node_id_t *node)
{
    int rc;

    if (node == NULL) {
        return RSMERR_BAD_ADDR;
    }
    rc = rsmi_runtime_start();
    if (rc == RSM_SUCCESS) {
        *node = rsmi_node_of_rank(rsmi_runtime_rank());
    }
    return rc;
}

RSMI_EXPORT int rsmx_get_node_count(uint32_t *count)
{
    int rc;

    if (count == NULL) {
        return RSMERR_BAD_ADDR;
    }
    rc = rsmi_runtime_start();
    if (rc == RSM_SUCCESS) {
        *count = rsmi_runtime_size();
    }
    return rc;
}

RSMI_EXPORT int rsmx_import_get_size(rsm_memseg_import_handle_t im_memseg,
                                     size_t *size)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc = RSMERR_BAD_ADDR;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (size != NULL) {
        *size = import->size;
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_EXPORT int rsmx_import_get_permission(rsm_memseg_import_handle_t im_memseg,
                                           rsm_permission_t *perm)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc = RSMERR_BAD_ADDR;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (perm != NULL) {
        *perm = import->perm;
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_EXPORT int rsmx_export_get_importer_count(
    rsm_memseg_export_handle_t memseg, uint32_t *count)
{
    rsmi_export_t *segment = rsmi_get_export(memseg);
    int rc = RSMERR_BAD_ADDR;

    if (segment == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (count != NULL) {
        *count = rsmi_export_importers(segment);
        rc = RSM_SUCCESS;
    }
    rsmi_handle_put(&segment->object);
    return rc;
}
