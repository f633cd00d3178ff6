/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/guard.h"
#include "core/limits.h"

static bool map_is_aligned(uintptr_t value)
{
    return (value & (rsmi_limits_page_size() - 1)) == 0;
}

/* State first: mapped already, or over. The rest of the checks needs neither
 * lock nor exporter; rsmi_import_map() looks at the state once more. */
static int map_check_state(rsmi_import_t *import)
{
    bool is_mapped;

    rsmi_lock(&import->lock);
    is_mapped = import->mapping != NULL;
    rsmi_unlock(&import->lock);
    if (is_mapped) {
        return RSMERR_SEG_ALREADY_MAPPED;
    }
    return rsmi_import_stands(import) ? RSM_SUCCESS : RSMERR_CONN_ABORTED;
}

static int map_check(rsmi_import_t *import, void **address,
                     rsm_attribute_t attr, rsm_permission_t perm, off_t offset,
                     size_t length)
{
    int rc = map_check_state(import);

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if ((perm == 0) || ((perm & ~import->perm) != 0)) {
        return RSMERR_BAD_PERMS;
    }
    if (length == 0) {
        return RSMERR_BAD_LENGTH;
    }
    if (offset < 0) {
        return RSMERR_BAD_OFFSET;
    }
    if (((size_t)offset > import->size) ||
        (length > import->size - (size_t)offset)) {
        return RSMERR_BAD_LENGTH;
    }
    if (!map_is_aligned((uintptr_t)offset)) {
        return RSMERR_BAD_MEM_ALIGNMENT;
    }
    if (((attr & RSM_MAP_FIXED) != 0) &&
        (!map_is_aligned((uintptr_t)*address) || (*address == NULL))) {
        return RSMERR_BAD_MEM_ALIGNMENT;
    }
    return RSM_SUCCESS;
}

RSMI_EXPORT int rsm_memseg_import_map(rsm_memseg_import_handle_t im_memseg,
                                      void **address, rsm_attribute_t attr,
                                      rsm_permission_t perm, off_t offset,
                                      size_t length)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (address == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else {
        rc = map_check(import, address, attr, perm, offset, length);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_import_map(import, address, (attr & RSM_MAP_FIXED) != 0, perm,
                             (size_t)offset, length);
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_unmap(rsm_memseg_import_handle_t im_memseg)
{
    rsmi_import_t *import = rsmi_get_import(im_memseg);
    int rc;

    if (import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rc = rsmi_import_unmap(import);
    rsmi_handle_put(&import->object);
    return rc;
}
