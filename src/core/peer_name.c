/* SPDX-License-Identifier: BSD-3-Clause */
/* A process may change its user and its groups. What other processes know of it
 * was said by the kernel when a socket was connected, so that after a change
 * there have to be new ones. */
#include "core/peer.h"

#include "rsmapi.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_GROUPS_USUAL 64

static void name_add_groups(rsmi_peer_name_t *name, const gid_t *groups,
                            int count)
{
    int idx;

    for (idx = 0; idx < count; ++idx) {
        name->groups = (name->groups ^ groups[idx]) * 0x100000001b3u + 1;
    }
    name->group_count = (uint32_t)count;
}

static int name_add_many_groups(rsmi_peer_name_t *name)
{
    int count = getgroups(0, NULL);
    gid_t *groups = calloc((size_t)count + 1, sizeof(*groups));

    if (groups == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    name_add_groups(name, groups, getgroups(count, groups));
    free(groups);
    return RSM_SUCCESS;
}

int rsmi_peer_name(uint32_t rank, rsmi_peer_name_t *name_p)
{
    gid_t groups[NAME_GROUPS_USUAL];
    int count;

    memset(name_p, 0, sizeof(*name_p));
    name_p->rank = rank;
    name_p->uid = geteuid();
    name_p->gid = getegid();
    count = getgroups(NAME_GROUPS_USUAL, groups);
    if (count < 0) {
        return name_add_many_groups(name_p);
    }
    name_add_groups(name_p, groups, count);
    return RSM_SUCCESS;
}
