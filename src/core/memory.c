/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/memory.h"

#include "core/backing_table.h"
#include "rsmapi.h"
#include "util/hash.h"

#include <stdint.h>
#include <stdlib.h>

/* A range of addresses. What lies there may have changed since: a rebind takes
 * pages away from it or brings others. */
typedef struct {
    void *addr;
    size_t size;
    UT_hash_handle hh;
} memory_t;

static memory_t *memory_all RSMI_GUARDED_BY(rsmi_memory_lock);

static int memory_alloc(memory_t *memory, size_t size)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing;
    int rc;

    rc = rsmi_backing_create_kept(size, &backing);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    memory->addr = backing->addr;
    memory->size = size;
    HASH_ADD_PTR(memory_all, addr, memory);
    if (memory->hh.tbl == NULL) {
        rsmi_mem_unmap(backing->addr, size);
        rsmi_backing_discard(backing);
        return RSMERR_INSUFFICIENT_MEM;
    }
    return RSM_SUCCESS;
}

int rsmi_memory_alloc(size_t size, void **addr_p)
{
    size_t whole = rsmi_mem_round_up(size);
    memory_t *memory;
    int rc;

    if (whole < size) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    memory = calloc(1, sizeof(*memory));
    if (memory == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rsmi_lock(&rsmi_memory_lock);
    rc = memory_alloc(memory, whole);
    rsmi_unlock(&rsmi_memory_lock);
    if (rc != RSM_SUCCESS) {
        free(memory);
        return rc;
    }
    *addr_p = memory->addr;
    return RSM_SUCCESS;
}

/* The first backing behind @p from that lies within the memory. */
static rsmi_backing_t *memory_backing(const memory_t *memory, const char *from)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    const char *end = (const char *)memory->addr + memory->size;
    rsmi_backing_t *backing = rsmi_backing_behind(from);

    return ((backing != NULL) && (backing->addr < end)) ? backing : NULL;
}

static bool memory_is_in_use(const memory_t *memory)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    const rsmi_backing_t *backing = memory_backing(memory, memory->addr);

    while (backing != NULL) {
        if (backing->references > 0) {
            return true;
        }
        backing = memory_backing(memory, backing->addr + backing->pages.size);
    }
    return false;
}

int rsmi_memory_free(void *addr)
{
    rsmi_backing_t *backing;
    memory_t *memory;
    int rc = RSM_SUCCESS;

    rsmi_lock(&rsmi_memory_lock);
    HASH_FIND_PTR(memory_all, &addr, memory);
    if (memory == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else if (memory_is_in_use(memory)) {
        rc = RSMERR_SEG_IN_USE;
    } else {
        HASH_DEL(memory_all, memory);
        rsmi_mem_unmap(memory->addr, memory->size);
        while ((backing = memory_backing(memory, memory->addr)) != NULL) {
            rsmi_backing_discard(backing);
        }
        free(memory);
    }
    rsmi_unlock(&rsmi_memory_lock);
    return rc;
}
