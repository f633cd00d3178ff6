/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/localmem.h"

#include "mem/mem.h"
#include "rsmapi.h"

#include <stdlib.h>

static void localmem_free(rsmi_object_t *object)
{
    free(object);
}

static int localmem_area(const rsmi_mem_area_t *area, void *arg)
{
    (void)area;
    (void)arg;
    return RSM_SUCCESS;
}

int rsmi_localmem_create(void *addr, size_t size, rsmi_localmem_t **localmem_p)
{
    rsmi_localmem_t *localmem;
    int rc;

    rc = rsmi_mem_survey(addr, size, localmem_area, NULL);
    if (rc != RSM_SUCCESS) {
        return (rc == RSMERR_BAD_ADDR) ? rc : RSMERR_INSUFFICIENT_MEM;
    }
    localmem = calloc(1, sizeof(*localmem));
    if (localmem == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    localmem->addr = addr;
    localmem->size = size;
    rc = rsmi_handle_create(&localmem->object, RSMI_KIND_LOCALMEM,
                            localmem_free);
    if (rc != RSM_SUCCESS) {
        free(localmem);
        return RSMERR_INSUFFICIENT_MEM;
    }
    *localmem_p = localmem;
    return RSM_SUCCESS;
}
