/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may import what: the access list, then one digit of the permission.
 * Ranks of a job started by root take on other identities; started by anybody
 * else, these tests are skipped. */
#define _GNU_SOURCE
#include "multi.h"

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID_OWNER 1101
#define UID_OTHER 1102
#define GID_OWNER 1201
#define GID_OTHER 1202

/* The library has to be running before: launchers refuse a process that is
 * not who they started. */
static void become(uid_t uid, gid_t gid, gid_t supplementary)
{
    multi_controller();
    cr_assert_eq(setgroups(1, &supplementary), 0);
    cr_assert_eq(setegid(gid), 0);
    cr_assert_eq(seteuid(uid), 0);
}

/* Back to root, so that the rest of the test run is not hampered. */
static void become_root(void)
{
    cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(setegid(0), 0);
}

static void need_root(void)
{
    if (geteuid() != 0)
        multi_skip("only root can take on other identities");
}

static int try_connect(rsm_memseg_id_t id, rsm_permission_t perm)
{
    rsm_memseg_import_handle_t import = NULL;
    int rc = rsm_memseg_import_connect(multi_controller(), multi_node(0), id,
                                       perm, &import);

    if (rc == RSM_SUCCESS)
        MULTI_OK(rsm_memseg_import_disconnect(import));
    return rc;
}

/* What the importer asked for is what it can do, no more. */
static void check_use(rsm_memseg_id_t id, rsm_permission_t perm)
{
    uint64_t word = 0;
    multi_import_t import;

    multi_connect(&import, 0, id, perm);
    MULTI_CODE(rsm_memseg_import_get64(import.handle, 0, &word, 1),
               perm & RSM_PERM_READ ? RSM_SUCCESS : RSMERR_PERM_DENIED);
    word = 0;
    MULTI_CODE(rsm_memseg_import_put64(import.handle, 8 * multi.rank, &word, 1),
               perm & RSM_PERM_WRITE ? RSM_SUCCESS : RSMERR_PERM_DENIED);
    multi_disconnect(&import);
}

static const rsm_permission_t wishes[] = {RSM_PERM_READ, RSM_PERM_WRITE,
                                          RSM_PERM_RDWR};

static const rsm_permission_t modes[] = {0000, 0600, 0060, 0006, 0400, 0040,
                                         0004, 0200, 0020, 0002, 0666, 0624,
                                         0066, 0606, 0660, 0444, 0222, 0642};

enum { MODES = sizeof(modes) / sizeof(modes[0]) };

/* @p shift leads to the digit that judges this rank. */
static void check_modes(unsigned shift)
{
    size_t i;
    size_t j;

    for (i = 0; i < MODES; i++) {
        for (j = 0; j < 3; j++) {
            rsm_memseg_id_t id = MULTI_ID((rsm_memseg_id_t)i);
            rsm_permission_t granted = (modes[i] >> shift & 7) << 6;
            bool is_allowed = (granted & wishes[j]) == wishes[j];
            int rc = try_connect(id, wishes[j]);

            cr_assert_eq(rc, is_allowed ? RSM_SUCCESS : RSMERR_PERM_DENIED,
                         "mode %04o, asked for %04o: %s", modes[i], wishes[j],
                         rsmx_error_name(rc));
            if (is_allowed)
                check_use(id, wishes[j]);
        }
        MULTI_OK(try_connect(MULTI_ID((rsm_memseg_id_t)i), RSM_PERM_NONE));
    }
}

/* Each mode in a segment of its own, listed for every node. */
static void publish_modes(multi_segment_t *segments)
{
    rsmapi_access_entry_t list[MULTI_RANKS_MAX];
    uint32_t rank;
    size_t i;

    for (i = 0; i < MODES; i++) {
        for (rank = 0; rank < multi.size; rank++)
            list[rank] = (rsmapi_access_entry_t){multi_node(rank), modes[i]};
        multi_create(&segments[i], MULTI_PAGE, 0);
        segments[i].id = MULTI_ID((rsm_memseg_id_t)i);
        MULTI_OK(rsm_memseg_export_publish(segments[i].handle, &segments[i].id,
                                           list, multi.size));
    }
}

/* One importer of each class meets every mode with every wish. */
MULTI_TEST(access, one_digit_judges_the_importer, 6)
{
    multi_segment_t segments[MODES];
    size_t i;

    need_root();
    if (multi.rank == 0) {
        become(UID_OWNER, GID_OWNER, GID_OWNER);
        publish_modes(segments);
    }
    multi_sync();
    switch (multi.rank) {
    case 1: /* owner, whatever its group */
        become(UID_OWNER, GID_OTHER, GID_OTHER);
        check_modes(6);
        break;
    case 2: /* owner and group: the owner's digit alone counts */
        become(UID_OWNER, GID_OWNER, GID_OWNER);
        check_modes(6);
        break;
    case 3: /* group */
        become(UID_OTHER, GID_OWNER, GID_OTHER);
        check_modes(3);
        break;
    case 4: /* group by a supplementary group */
        become(UID_OTHER, GID_OTHER, GID_OWNER);
        check_modes(3);
        break;
    case 5: /* other */
        become(UID_OTHER, GID_OTHER, GID_OTHER);
        check_modes(0);
        break;
    default:
        break;
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < MODES; i++)
            multi_withdraw(&segments[i]);
    }
    become_root();
}

MULTI_TEST(access, root_passes_the_digit_test_only, 2)
{
    rsmapi_access_entry_t closed[2] = {{multi_node(0), 0}, {multi_node(1), 0}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    need_root();
    if (multi.rank == 0) {
        become(UID_OWNER, GID_OWNER, GID_OWNER);
        multi_create(&segment, MULTI_PAGE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, closed, 2));
    }
    multi_sync();
    if (multi.rank == 1)
        check_use(id, RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_republish(segment.handle, closed, 1));
    multi_sync();
    if (multi.rank == 1)
        MULTI_CODE(try_connect(id, RSM_PERM_RDWR),
                   RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    become_root();
}

/* An empty list means every node, with what the umask left at create. */
static void check_umask(mode_t mask, int reading, int writing)
{
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    need_root();
    if (multi.rank == 0) {
        become(UID_OWNER, GID_OWNER, GID_OWNER);
        umask(mask);
        multi_create(&segment, MULTI_PAGE, 0);
        umask(mask == 0 ? 0777 : 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1) {
        become(UID_OTHER, GID_OTHER, GID_OTHER);
        MULTI_CODE(try_connect(id, RSM_PERM_READ), reading);
        MULTI_CODE(try_connect(id, RSM_PERM_WRITE), writing);
        MULTI_CODE(try_connect(id, RSM_PERM_RDWR), writing);
    }
    if (multi.rank == 2) {
        become(UID_OWNER, GID_OTHER, GID_OTHER);
        MULTI_OK(try_connect(id, RSM_PERM_RDWR));
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    become_root();
}

MULTI_TEST(access, umask_077_leaves_the_owner, 3)
{
    check_umask(077, RSMERR_PERM_DENIED, RSMERR_PERM_DENIED);
}

MULTI_TEST(access, umask_022_leaves_reading, 3)
{
    check_umask(022, RSM_SUCCESS, RSMERR_PERM_DENIED);
}

MULTI_TEST(access, umask_000_leaves_everything, 3)
{
    check_umask(0, RSM_SUCCESS, RSM_SUCCESS);
}

MULTI_TEST(access, umask_0777_leaves_nothing, 2)
{
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    need_root();
    become(UID_OWNER, GID_OWNER, GID_OWNER);
    if (multi.rank == 0) {
        umask(0777);
        multi_create(&segment, MULTI_PAGE, 0);
        umask(0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1)
        MULTI_CODE(try_connect(id, RSM_PERM_READ), RSMERR_PERM_DENIED);
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    become_root();
}

/* Identity counts at create for the owner, at connect for the importer. */
MULTI_TEST(access, identity_is_that_of_the_moment, 2)
{
    rsmapi_access_entry_t list[2] = {{multi_node(0), 0600},
                                     {multi_node(1), 0600}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    need_root();
    if (multi.rank == 0) {
        become(UID_OWNER, GID_OWNER, GID_OWNER);
        multi_create(&segment, MULTI_PAGE, 0);
        become_root();
        become(UID_OTHER, GID_OTHER, GID_OTHER);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, list, 2));
    }
    multi_sync();
    if (multi.rank == 1) {
        become(UID_OWNER, GID_OTHER, GID_OTHER);
        MULTI_OK(try_connect(id, RSM_PERM_RDWR));
        become_root();
        become(UID_OTHER, GID_OTHER, GID_OTHER);
        MULTI_CODE(try_connect(id, RSM_PERM_RDWR), RSMERR_PERM_DENIED);
        become_root();
        become(UID_OWNER, GID_OTHER, GID_OTHER);
        check_use(id, RSM_PERM_RDWR);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    become_root();
}

MULTI_TEST(access, list_names_the_nodes, 3)
{
    rsmapi_access_entry_t list[1] = {{multi_node(1), 0666}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, list, 1));
        MULTI_CODE(try_connect(id, RSM_PERM_READ),
                   RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    }
    multi_sync();
    if (multi.rank == 1)
        check_use(id, RSM_PERM_RDWR);
    if (multi.rank == 2)
        MULTI_CODE(try_connect(id, RSM_PERM_READ),
                   RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(access, first_entry_of_a_node_decides, 2)
{
    rsmapi_access_entry_t list[3] = {
        {multi_node(0), 0666}, {multi_node(1), 0400}, {multi_node(1), 0666}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    if (geteuid() == 0)
        become(UID_OWNER, GID_OWNER, GID_OWNER);
    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, list, 3));
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(try_connect(id, RSM_PERM_READ));
        MULTI_CODE(try_connect(id, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
        MULTI_CODE(try_connect(id, RSM_PERM_RDWR), RSMERR_PERM_DENIED);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    if (getuid() == 0)
        become_root();
}

/* illumos kept this form of list for itself; here it is an ordinary one. */
MULTI_TEST(access, own_node_with_nothing_hides_nothing, 2)
{
    rsmapi_access_entry_t list[2] = {{multi_node(0), 0}, {multi_node(1), 0666}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, list, 2));
    }
    multi_sync();
    if (multi.rank == 1)
        check_use(id, RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
