/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/import.h"

#include "mem/mem.h"

#include <sys/mman.h>

static size_t mapping_piece_size(const rsmi_import_t *import, size_t idx)
{
    return (import->pieces == NULL) ? import->size : import->pieces[idx].size;
}

/* The view may consist of several files; each is shown again by itself. */
static int mapping_show(const rsmi_import_t *import, char *to, size_t offset,
                        size_t length, int prot)
{
    size_t start = 0, end, from, until, idx;
    int rc;

    for (idx = 0; idx < import->piece_count; ++idx) {
        end = start + mapping_piece_size(import, idx);
        from = (offset > start) ? offset : start;
        until = (offset + length < end) ? offset + length : end;
        if (from < until) {
            rc = rsmi_mem_show_again(to + (from - offset),
                                     import->door.view + from, until - from,
                                     prot);
            if (rc != RSM_SUCCESS) {
                return rc;
            }
        }
        start = end;
    }
    return RSM_SUCCESS;
}

/* With a fixed address the application gives the range away, as it does with
 * MAP_FIXED; without one it only hints, and the kernel chooses. */
static int mapping_place(rsmi_import_t *import, void **address, bool is_fixed,
                         size_t offset, size_t size, int prot)
    RSMI_REQUIRES(import->lock)
{
    char *to = is_fixed ? *address : rsmi_mem_reserve(size);
    int rc;

    if (to == NULL) {
        return RSMERR_MAP_FAILED;
    }
    rc = mapping_show(import, to, offset, size, prot);
    if (rc != RSM_SUCCESS) {
        /* The application gave a fixed range away: nothing of the exporter may
         * stay there. */
        if (is_fixed) {
            rsmi_mem_blank(to, size, PROT_NONE);
        } else {
            rsmi_mem_unmap(to, size);
        }
        return RSMERR_MAP_FAILED;
    }
    *address = to;
    return RSM_SUCCESS;
}

int rsmi_import_map(rsmi_import_t *import, void **address, bool is_fixed,
                    rsm_permission_t perm, size_t offset, size_t length)
{
    size_t size = rsmi_mem_round_up(length);
    int prot = rsmi_import_prot(perm);
    int rc = RSM_SUCCESS;

    rsmi_lock(&import->lock);
    if (import->is_leaving) {
        rc = RSMERR_BAD_SEG_HNDL;
    } else if (import->mapping != NULL) {
        rc = RSMERR_SEG_ALREADY_MAPPED;
    } else if (import->is_over || !rsmi_import_stands(import)) {
        rc = RSMERR_CONN_ABORTED;
    } else if (import->door.view == NULL) {
        rc = RSMERR_MAP_FAILED;
    } else {
        rc = mapping_place(import, address, is_fixed, offset, size, prot);
    }
    if (rc == RSM_SUCCESS) {
        import->mapping = *address;
        import->mapping_size = size;
        import->mapping_prot = prot;
        atomic_store(&import->low, offset);
        atomic_store(&import->high, offset + length);
        rsmi_import_refresh(import);
    }
    rsmi_unlock(&import->lock);
    return rc;
}

int rsmi_import_unmap(rsmi_import_t *import)
{
    int rc = RSMERR_SEG_NOT_MAPPED;

    rsmi_lock(&import->lock);
    if (import->mapping != NULL) {
        rsmi_mem_unmap(import->mapping, import->mapping_size);
        import->mapping = NULL;
        atomic_store(&import->low, 0);
        atomic_store(&import->high, import->size);
        rsmi_import_refresh(import);
        rc = RSM_SUCCESS;
    }
    rsmi_unlock(&import->lock);
    return rc;
}
