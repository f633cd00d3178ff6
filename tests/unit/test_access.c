/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/access.h"

#include "rsmx.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER 1000
#define GROUP 2000

static rsmi_access_t list;

/* Numbers of nodes are known once the library runs: here, node 0 alone. */
static void start(void)
{
    rsm_node_id_t node;

    cr_assert_eq(setenv("RSM_BOOT", "single", 1), 0);
    cr_assert_eq(rsmx_get_node_id(&node), RSM_SUCCESS);
    cr_assert_eq(node, 0);
    rsmi_access_init(&list);
    list.uid = OWNER;
    list.gid = GROUP;
}

static void stop(void)
{
    rsmi_access_clear(&list);
    cr_assert_null(list.entries);
}

TestSuite(access, .init = start, .fini = stop);

static int set_one(rsm_node_id_t node, rsm_permission_t digits)
{
    const rsmapi_access_entry_t entry = {node, digits};

    return rsmi_access_set(&list, &entry, 1, false);
}

static int check(uid_t uid, gid_t gid, rsm_permission_t perm)
{
    const rsmi_identity_t who = {.is_vouched = true, .uid = uid, .gid = gid};

    return rsmi_access_check(&list, 0, &who, perm);
}

Test(access, takes_identity_and_mask_of_the_process)
{
    rsmi_access_t fresh;
    mode_t old = umask(027);

    rsmi_access_init(&fresh);
    cr_assert_eq(fresh.default_digits, 0750);
    (void)umask(0);
    rsmi_access_init(&fresh);
    cr_assert_eq(fresh.default_digits, 0777);
    cr_assert_eq(umask(old), 0, "the mask was changed");
    cr_assert_eq(fresh.uid, geteuid());
    cr_assert_eq(fresh.gid, getegid());
    cr_assert_eq(fresh.count, 0);
}

/* Exactly one digit applies: no falling through to a more generous one. */
Test(access, one_digit_decides)
{
    cr_assert_eq(set_one(0, 0066), RSM_SUCCESS);
    cr_assert_eq(check(OWNER, GROUP, RSM_PERM_READ), RSMERR_PERM_DENIED);
    cr_assert_eq(check(5, GROUP, RSM_PERM_RDWR), RSM_SUCCESS);
    cr_assert_eq(check(5, 6, RSM_PERM_RDWR), RSM_SUCCESS);

    cr_assert_eq(set_one(0, 0604), RSM_SUCCESS);
    cr_assert_eq(check(OWNER, 6, RSM_PERM_RDWR), RSM_SUCCESS);
    cr_assert_eq(check(5, GROUP, RSM_PERM_READ), RSMERR_PERM_DENIED);
    cr_assert_eq(check(5, 6, RSM_PERM_READ), RSM_SUCCESS);
    cr_assert_eq(check(5, 6, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    cr_assert_eq(check(5, 6, RSM_PERM_RDWR), RSMERR_PERM_DENIED);
    cr_assert_eq(check(5, 6, RSM_PERM_NONE), RSM_SUCCESS);
}

Test(access, write_alone_can_be_granted)
{
    cr_assert_eq(set_one(0, 0020), RSM_SUCCESS);
    cr_assert_eq(check(5, GROUP, RSM_PERM_WRITE), RSM_SUCCESS);
    cr_assert_eq(check(5, GROUP, RSM_PERM_READ), RSMERR_PERM_DENIED);
}

Test(access, supplementary_groups_count)
{
    gid_t groups[] = {7, GROUP, 9};
    rsmi_identity_t who = {.uid = 5, .gid = 6, .groups = groups};

    cr_assert_eq(set_one(0, 0060), RSM_SUCCESS);
    cr_assert_eq(rsmi_access_check(&list, 0, &who, RSM_PERM_RDWR),
                 RSMERR_PERM_DENIED);
    who.group_count = 1;
    cr_assert_eq(rsmi_access_check(&list, 0, &who, RSM_PERM_RDWR),
                 RSMERR_PERM_DENIED);
    who.group_count = 3;
    cr_assert_eq(rsmi_access_check(&list, 0, &who, RSM_PERM_RDWR), RSM_SUCCESS);
}

/* Root passes the digits, not the list. */
Test(access, root_has_to_be_listed)
{
    const rsmi_identity_t root = {.uid = 0};

    cr_assert_eq(set_one(0, 0), RSM_SUCCESS);
    cr_assert_eq(check(0, 0, RSM_PERM_RDWR), RSM_SUCCESS);
    cr_assert_eq(rsmi_access_check(&list, 1, &root, RSM_PERM_READ),
                 RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
}

Test(access, the_first_entry_of_a_node_decides)
{
    const rsmapi_access_entry_t entries[] = {{0, 0004}, {0, 0666}};
    const rsmi_identity_t who = {.uid = 5, .gid = 6};

    cr_assert_eq(rsmi_access_set(&list, entries, 2, false), RSM_SUCCESS);
    cr_assert_eq(check(5, 6, RSM_PERM_READ), RSM_SUCCESS);
    cr_assert_eq(check(5, 6, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    cr_assert_eq(rsmi_access_check(&list, 3, &who, RSM_PERM_NONE),
                 RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
}

Test(access, without_a_list_the_mask_decides_for_every_node)
{
    const rsmi_identity_t other = {.uid = 5, .gid = 6};

    list.default_digits = 0744;
    cr_assert_eq(rsmi_access_set(&list, NULL, 0, false), RSM_SUCCESS);
    cr_assert_eq(rsmi_access_check(&list, 77, &other, RSM_PERM_READ),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_access_check(&list, 77, &other, RSM_PERM_WRITE),
                 RSMERR_PERM_DENIED);
}

Test(access, a_bad_list_leaves_the_old_one)
{
    const rsmapi_access_entry_t good_then_bad[] = {{0, 0666}, {0, 0667}};
    const rsmapi_access_entry_t no_such_node[] = {{1, 0666}};

    cr_assert_eq(set_one(0, 0004), RSM_SUCCESS);
    cr_assert_eq(rsmi_access_set(&list, good_then_bad, 2, false),
                 RSMERR_BAD_ACL);
    cr_assert_eq(rsmi_access_set(&list, no_such_node, 1, false),
                 RSMERR_BAD_ACL);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(check(5, 6, RSM_PERM_READ), RSM_SUCCESS);
    cr_assert_eq(check(5, 6, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
}

Test(access, the_loopback_list_has_the_own_node_at_most)
{
    const rsmapi_access_entry_t twice[] = {{0, 0600}, {0, 0600}};

    cr_assert_eq(rsmi_access_set(&list, twice, 2, true), RSMERR_BAD_ACL);
    cr_assert_eq(rsmi_access_set(&list, twice, 1, true), RSM_SUCCESS);
    cr_assert_eq(rsmi_access_set(&list, NULL, 0, true), RSM_SUCCESS);
    cr_assert_null(list.entries);
}
