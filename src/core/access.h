/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may import a segment: the list of nodes, and file-mode digits for owner,
 * group and others. The exporter decides, from what the kernel says about the
 * importer's process. */
#ifndef RSMI_ACCESS_H
#define RSMI_ACCESS_H

#include "ctrl/socket.h"
#include "rsmapi.h"

#include <stdbool.h>

typedef struct {
    rsmapi_access_entry_t *entries; /* owned; node numbers as in the API */
    uint32_t count;                 /* 0: every node, with default_digits */
    rsm_permission_t default_digits;
    uid_t uid; /* the exporter's, when it created the segment */
    gid_t gid;
} rsmi_access_t;

/* Take the exporter's identity and file-creation mask as they are now. */
void rsmi_access_init(rsmi_access_t *access);
void rsmi_access_clear(rsmi_access_t *access);

/* Replace the list by a checked copy. @p own_only: nobody but @p own_node may
 * be listed, once (the loopback controller). RSMERR_BAD_ADDR, the list cannot be
 * read; RSMERR_BAD_ACL; RSMERR_INSUFFICIENT_MEM; the old list stays on failure. */
int rsmi_access_set(rsmi_access_t *access, const rsmapi_access_entry_t *entries,
                    uint32_t count, bool own_only);

/* RSM_SUCCESS, RSMERR_SEG_NOT_PUBLISHED_TO_NODE or RSMERR_PERM_DENIED. */
int rsmi_access_check(const rsmi_access_t *access, rsm_node_id_t node,
                      const rsmi_identity_t *identity, rsm_permission_t perm);

#endif
