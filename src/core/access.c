/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/access.h"

#include "core/node.h"
#include "core/runtime.h"
#include "mem/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCESS_MOST  0666 /* largest permission value of an entry */
#define ACCESS_BASIC 0777 /* what the file-creation mask is taken from */

/* Rows that are looked at, or as many as there are nodes: rows of a node behind
 * its first mean nothing, and nobody is to wait for gigabytes of them. */
#define ACCESS_ROWS 65536u

/* umask() can only be read by setting it, which another thread that creates a
 * file might notice; the kernel's status file has it as well. */
static mode_t access_read_umask(void)
{
    unsigned mask = 022;
    char line[128];
    FILE *file;

    file = fopen("/proc/self/status", "re");
    if (file != NULL) {
        while (fgets(line, sizeof(line), file) != NULL) {
            if (sscanf(line, "Umask: %o", &mask) == 1) {
                break;
            }
        }
        (void)fclose(file);
    }
    return (mode_t)mask;
}

void rsmi_access_init(rsmi_access_t *access)
{
    access->entries = NULL;
    access->count = 0;
    access->default_digits = ACCESS_BASIC & ~access_read_umask();
    access->uid = geteuid();
    access->gid = getegid();
}

void rsmi_access_clear(rsmi_access_t *access)
{
    free(access->entries);
    access->entries = NULL;
    access->count = 0;
}

static bool access_entry_is_good(const rsmapi_access_entry_t *entry,
                                 bool own_only)
{
    uint32_t rank;

    if (entry->ae_permission > ACCESS_MOST) {
        return false;
    }
    if (!rsmi_node_to_rank(entry->ae_node, &rank)) {
        return false;
    }
    return !own_only || (rank == rsmi_runtime_rank());
}

static bool access_list_is_good(const rsmapi_access_entry_t *entries,
                                uint32_t count, bool own_only)
{
    uint32_t idx;

    for (idx = 0; idx < count; ++idx) {
        if (!access_entry_is_good(&entries[idx], own_only)) {
            return false;
        }
    }
    return !own_only || (count <= 1);
}

int rsmi_access_set(rsmi_access_t *access, const rsmapi_access_entry_t *entries,
                    uint32_t count, bool own_only)
{
    rsmapi_access_entry_t *copy = NULL;
    int rc = RSM_SUCCESS;

    if ((count > ACCESS_ROWS) && (count > rsmi_runtime_size())) {
        return RSMERR_BAD_ACL;
    }
    if (count > 0) {
        copy = malloc(count * sizeof(*copy));
        if (copy == NULL) {
            return RSMERR_INSUFFICIENT_MEM;
        }
        if (!rsmi_mem_read(copy, entries, count * sizeof(*copy))) {
            rc = RSMERR_BAD_ADDR;
        }
    }
    if ((rc == RSM_SUCCESS) && !access_list_is_good(copy, count, own_only)) {
        rc = RSMERR_BAD_ACL;
    }
    if (rc != RSM_SUCCESS) {
        free(copy);
        return rc;
    }
    free(access->entries);
    access->entries = copy;
    access->count = count;
    return RSM_SUCCESS;
}

static bool access_is_member(const rsmi_identity_t *identity, gid_t gid)
{
    size_t idx;

    if (identity->gid == gid) {
        return true;
    }
    for (idx = 0; idx < identity->group_count; ++idx) {
        if (identity->groups[idx] == gid) {
            return true;
        }
    }
    return false;
}

/* Exactly one digit applies, moved to the owner's place. */
static rsm_permission_t access_digit(const rsmi_access_t *access,
                                     const rsmi_identity_t *identity,
                                     rsm_permission_t digits)
{
    if (identity->uid == access->uid) {
        return digits & 0600;
    }
    if (access_is_member(identity, access->gid)) {
        return (digits << 3) & 0600;
    }
    return (digits << 6) & 0600;
}

/* The first entry for the node decides. */
static bool access_find(const rsmi_access_t *access, rsm_node_id_t node,
                        rsm_permission_t *digits_p)
{
    uint32_t idx;

    if (access->count == 0) {
        *digits_p = access->default_digits;
        return true;
    }
    for (idx = 0; idx < access->count; ++idx) {
        if (access->entries[idx].ae_node == node) {
            *digits_p = access->entries[idx].ae_permission;
            return true;
        }
    }
    return false;
}

int rsmi_access_check(const rsmi_access_t *access, rsm_node_id_t node,
                      const rsmi_identity_t *identity, rsm_permission_t perm)
{
    rsm_permission_t digits;

    if (!access_find(access, node, &digits)) {
        return RSMERR_SEG_NOT_PUBLISHED_TO_NODE;
    }
    if (identity->uid == 0) {
        return RSM_SUCCESS; /* root passes the digits, not the list */
    }
    if ((perm & ~access_digit(access, identity, digits)) != 0) {
        return RSMERR_PERM_DENIED;
    }
    return RSM_SUCCESS;
}
