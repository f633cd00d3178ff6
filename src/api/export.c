/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/guard.h"
#include "core/limits.h"

static bool export_is_aligned(const void *addr, size_t size)
{
    return (((uintptr_t)addr | size) & (rsmi_limits_page_size() - 1)) == 0;
}

RSMI_EXPORT int rsm_memseg_export_create(rsmapi_controller_handle_t controller,
                                         rsm_memseg_export_handle_t *memseg,
                                         void *vaddr, size_t size, uint_t flags)
{
    const rsmi_controller_t *where = rsmi_controller_of(controller);
    rsmi_export_t *segment;
    int rc;

    if (where == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    if (memseg == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    *memseg = NULL;
    if (vaddr == NULL) {
        return RSMERR_BAD_ADDR;
    }
    if (size == 0) {
        return RSMERR_BAD_LENGTH;
    }
    if (!export_is_aligned(vaddr, size)) {
        return RSMERR_BAD_MEM_ALIGNMENT;
    }
    if (!where->is_loopback && (size > rsmi_limits_segment_size(where))) {
        return RSMERR_BAD_LENGTH;
    }

    rc = rsmi_export_create(where, vaddr, size, (flags & RSM_ALLOW_REBIND) != 0,
                            &segment);
    if (rc == RSM_SUCCESS) {
        *memseg = (rsm_memseg_export_handle_t)(uintptr_t)segment->object.handle;
    }
    return rc;
}

RSMI_EXPORT int rsm_memseg_export_destroy(rsm_memseg_export_handle_t memseg)
{
    rsmi_export_t *segment = rsmi_get_export(memseg);
    int rc;

    if (segment == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rc = rsmi_export_destroy(segment);
    rsmi_handle_put(&segment->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_export_publish(rsm_memseg_export_handle_t memseg,
                                          rsm_memseg_id_t *segment_id,
                                          rsmapi_access_entry_t access_list[],
                                          uint_t access_list_length)
{
    rsmi_export_t *segment;
    int rc;

    if (segment_id == NULL) {
        return RSMERR_BAD_SEGID;
    }
    segment = rsmi_get_export(memseg);
    if (segment == NULL) {
        return rsmi_export_refusal(memseg);
    }
    if ((access_list == NULL) && (access_list_length > 0)) {
        rc = RSMERR_BAD_ACL;
    } else {
        rc = rsmi_export_publish(segment, segment_id, access_list,
                                 access_list_length);
    }
    rsmi_handle_put(&segment->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_export_republish(rsm_memseg_export_handle_t memseg,
                                            rsmapi_access_entry_t access_list[],
                                            uint_t access_list_length)
{
    rsmi_export_t *segment = rsmi_get_export(memseg);
    int rc;

    if (segment == NULL) {
        return rsmi_export_refusal(memseg);
    }
    rc = rsmi_export_republish(segment, access_list, access_list_length);
    rsmi_handle_put(&segment->object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_export_unpublish(rsm_memseg_export_handle_t memseg)
{
    rsmi_export_t *segment = rsmi_get_export(memseg);
    int rc;

    if (segment == NULL) {
        return rsmi_export_refusal(memseg);
    }
    rc = rsmi_export_unpublish(segment);
    rsmi_handle_put(&segment->object);
    return rc;
}

static int export_rebind(rsmi_export_t *segment, void *vaddr, size_t size)
{
    if (vaddr == NULL) {
        return RSMERR_BAD_ADDR;
    }
    if (!segment->can_rebind) {
        return RSMERR_REBIND_NOT_ALLOWED;
    }
    if (size != segment->size) {
        return RSMERR_BAD_LENGTH;
    }
    if (!export_is_aligned(vaddr, 0)) {
        return RSMERR_BAD_ADDR;
    }
    return rsmi_export_rebind(segment, vaddr);
}

RSMI_EXPORT int rsm_memseg_export_rebind(rsm_memseg_export_handle_t memseg,
                                         void *vaddr, offset_t off, size_t size)
{
    rsmi_export_t *segment = rsmi_get_export(memseg);
    int rc;

    (void)off;
    if (segment == NULL) {
        return rsmi_export_refusal(memseg);
    }
    rc = export_rebind(segment, vaddr, size);
    rsmi_handle_put(&segment->object);
    return rc;
}
