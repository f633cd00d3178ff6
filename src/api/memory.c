/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/memory.h"

#include "api/guard.h"
#include "rsmx.h"

RSMI_EXPORT int rsmx_memory_alloc(size_t size, void **addr)
{
    int rc;

    if (addr == NULL) {
        return RSMERR_BAD_ADDR;
    }
    if (size == 0) {
        return RSMERR_BAD_LENGTH;
    }
    rc = rsmi_runtime_start();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    return rsmi_memory_alloc(size, addr);
}

RSMI_EXPORT int rsmx_memory_free(void *addr)
{
    if (rsmi_runtime_is_forked()) {
        return RSMERR_INTERNAL_ERROR; /* the memory is a copy of the parent's */
    }
    return rsmi_memory_free(addr);
}
