/* SPDX-License-Identifier: BSD-3-Clause */
/* Identifiers, access list arguments, publish and republish states. */
#include "multi.h"

#include <limits.h>
#include <string.h>

/* Code of connecting, the connection being given back at once. */
static int try_connect(uint32_t rank, rsm_memseg_id_t id, rsm_permission_t perm)
{
    rsm_memseg_import_handle_t import = NULL;
    int rc = rsm_memseg_import_connect(multi_controller(), multi_node(rank), id,
                                       perm, &import);

    if (rc == RSM_SUCCESS)
        MULTI_OK(rsm_memseg_import_disconnect(import));
    return rc;
}

MULTI_TEST_ONCE(publish, takes_identifiers_for_applications, 1)
{
    const rsm_memseg_id_t ids[] = {0x400000, 0x4fffff,   0x500000, 0x5fffff,
                                   0x600000, 0x7fffffff, 0x654321};
    multi_segment_t segment;
    size_t i;

    multi_create(&segment, MULTI_PAGE, 0);
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        rsm_memseg_id_t id = ids[i];

        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
        cr_assert_eq(id, ids[i]);
        MULTI_OK(try_connect(0, id, RSM_PERM_RDWR));
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_CODE(try_connect(0, id, RSM_PERM_RDWR), RSMERR_SEG_NOT_PUBLISHED);
    }
    multi_withdraw(&segment);
}

MULTI_TEST_ONCE(publish, refuses_reserved_identifiers, 1)
{
    const rsm_memseg_id_t ids[] = {
        1,        0x0fffff, 0x100000,   0x1fffff,   0x200000,   0x2fffff,
        0x300000, 0x3fffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
    multi_segment_t segment;
    size_t i;

    multi_create(&segment, MULTI_PAGE, 0);
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        rsm_memseg_id_t id = ids[i];

        MULTI_CODE(rsm_memseg_export_publish(segment.handle, &id, NULL, 0),
                   RSMERR_RESERVED_SEGID);
        cr_assert_eq(id, ids[i], "identifier was changed");
        MULTI_CODE(rsm_memseg_export_unpublish(segment.handle),
                   RSMERR_SEG_NOT_PUBLISHED);
    }
    multi_withdraw(&segment);
}

MULTI_TEST_ONCE(publish, chooses_identifiers_when_asked, 1)
{
    enum { COUNT = 20 };
    rsm_memseg_id_t seen[COUNT];
    multi_segment_t segment;
    int i;
    int j;

    multi_create(&segment, MULTI_PAGE, 0);
    for (i = 0; i < COUNT; i++) {
        seen[i] = 0;
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &seen[i], NULL, 0));
        cr_assert_geq(seen[i], RSM_USER_APP_ID_BASE);
        for (j = 0; j < i; j++)
            cr_assert_neq(seen[i], seen[j], "identifier given out again");
        MULTI_OK(try_connect(0, seen[i], RSM_PERM_READ));
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    }
    multi_withdraw(&segment);
}

MULTI_TEST_ONCE(publish, identifier_is_unique_on_its_node, 1)
{
    static char name[] = "loopback";
    rsmapi_controller_handle_t loopback = NULL;
    rsm_memseg_export_handle_t other = NULL;
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t first;
    multi_segment_t second;

    multi_publish(&first, MULTI_PAGE, MULTI_ID(0));
    multi_create(&second, MULTI_PAGE, 0);
    MULTI_CODE(rsm_memseg_export_publish(second.handle, &id, NULL, 0),
               RSMERR_SEGID_IN_USE);

    MULTI_OK(rsm_get_controller(name, &loopback));
    MULTI_OK(rsm_memseg_export_create(loopback, &other, second.memory,
                                      MULTI_PAGE, 0));
    MULTI_CODE(rsm_memseg_export_publish(other, &id, NULL, 0),
               RSMERR_SEGID_IN_USE);

    MULTI_OK(rsm_memseg_export_unpublish(first.handle));
    MULTI_OK(rsm_memseg_export_publish(second.handle, &id, NULL, 0));
    MULTI_CODE(rsm_memseg_export_publish(first.handle, &id, NULL, 0),
               RSMERR_SEGID_IN_USE);
    MULTI_OK(rsm_memseg_export_destroy(other));
    MULTI_OK(rsm_release_controller(loopback));
    multi_withdraw(&second);
    multi_withdraw(&first);
}

MULTI_TEST(publish, nodes_use_the_same_identifier, 3)
{
    multi_segment_t segment;
    multi_import_t import;
    uint32_t rank;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    memset(segment.memory, (int)multi.rank + 1, MULTI_PAGE);
    multi_sync();
    for (rank = 0; rank < multi.size; rank++) {
        multi_connect(&import, rank, MULTI_ID(0), RSM_PERM_READ);
        cr_assert_eq(multi_get64(&import, 8), 0x0101010101010101u * (rank + 1));
        multi_disconnect(&import);
    }
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST_ONCE(publish, argument_errors_come_in_order, 2)
{
    rsmapi_access_entry_t bad[1] = {{.ae_permission = 0667}};
    rsm_memseg_id_t reserved = 5;
    rsm_memseg_id_t taken = MULTI_ID(1);
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t holder;
    multi_segment_t segment;

    bad[0].ae_node = multi_self();
    multi_publish(&holder, MULTI_PAGE, taken);
    multi_create(&segment, MULTI_PAGE, 0);
    MULTI_CODE(rsm_memseg_export_publish(NULL, NULL, NULL, 1),
               RSMERR_BAD_SEGID);
    MULTI_CODE(rsm_memseg_export_publish(NULL, &id, NULL, 1),
               RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_export_publish(holder.handle, &id, NULL, 1),
               RSMERR_BAD_ACL);
    MULTI_CODE(rsm_memseg_export_publish(holder.handle, &reserved, NULL, 0),
               RSMERR_SEG_ALREADY_PUBLISHED);
    MULTI_CODE(rsm_memseg_export_publish(segment.handle, &reserved, bad, 1),
               RSMERR_RESERVED_SEGID);
    MULTI_CODE(rsm_memseg_export_publish(segment.handle, &taken, bad, 1),
               RSMERR_BAD_ACL);
    MULTI_CODE(rsm_memseg_export_publish(segment.handle, &taken, NULL, 0),
               RSMERR_SEGID_IN_USE);
    MULTI_CODE(rsm_memseg_export_republish(NULL, NULL, 1), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_export_republish(segment.handle, NULL, 1),
               RSMERR_SEG_NOT_PUBLISHED);
    MULTI_CODE(rsm_memseg_export_republish(holder.handle, NULL, 1),
               RSMERR_BAD_ACL);
    MULTI_CODE(rsm_memseg_export_republish(holder.handle, bad, 1),
               RSMERR_BAD_ACL);
    MULTI_CODE(rsm_memseg_export_unpublish(NULL), RSMERR_BAD_SEG_HNDL);
    multi_withdraw(&segment);
    multi_withdraw(&holder);
}

/* Which lists are lists: each is tried by publish and by republish. */
static void expect_list(rsmapi_access_entry_t *list, uint_t length, int code)
{
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    multi_create(&segment, MULTI_PAGE, 0);
    MULTI_CODE(rsm_memseg_export_publish(segment.handle, &id, list, length),
               code);
    if (code != RSM_SUCCESS)
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
    MULTI_CODE(rsm_memseg_export_republish(segment.handle, list, length), code);
    multi_withdraw(&segment);
}

MULTI_TEST_ONCE(publish, checks_every_entry_of_the_list, 2)
{
    rsmapi_access_entry_t list[100];
    uint_t i;

    for (i = 0; i < 100; i++)
        list[i] = (rsmapi_access_entry_t){multi_node(i % 2), 0666};
    expect_list(list, 0, RSM_SUCCESS);
    expect_list(list, 2, RSM_SUCCESS);
    expect_list(list, 100, RSM_SUCCESS);
    /* No job has so many nodes; nobody allocates room for such a list. */
    expect_list(list, 1u << 20, RSMERR_BAD_ACL);
    expect_list(list, UINT_MAX, RSMERR_BAD_ACL);
    expect_list(NULL, 0, RSM_SUCCESS);
    expect_list(NULL, 2, RSMERR_BAD_ACL);

    list[1].ae_permission = 0667;
    expect_list(list, 1, RSM_SUCCESS);
    expect_list(list, 2, RSMERR_BAD_ACL);
    list[1].ae_permission = 0777;
    expect_list(list, 2, RSMERR_BAD_ACL);
    list[1].ae_permission = 0xffffffff;
    expect_list(list, 2, RSMERR_BAD_ACL);
    list[1].ae_permission = 0111;
    expect_list(list, 2, RSM_SUCCESS);
    list[1].ae_permission = 0;
    expect_list(list, 2, RSM_SUCCESS);

    list[1].ae_node = multi_node(2);
    expect_list(list, 2, RSMERR_BAD_ACL);
    list[1].ae_node = 0xffff;
    expect_list(list, 2, RSMERR_BAD_ACL);
    list[1].ae_node = 0xffffffff;
    expect_list(list, 2, RSMERR_BAD_ACL);
}

MULTI_TEST_ONCE(publish, loopback_lists_the_own_node_only, 2)
{
    static char name[] = "loopback";
    rsmapi_access_entry_t own = {multi_self(), 0666};
    rsmapi_access_entry_t foreign = {multi_node(1 - multi.rank), 0666};
    rsmapi_access_entry_t twice[2] = {own, own};
    rsmapi_controller_handle_t loopback = NULL;
    rsm_memseg_export_handle_t segment = NULL;
    void *memory = multi_pages(MULTI_PAGE);
    rsm_memseg_id_t id = MULTI_ID(0);

    MULTI_OK(rsm_get_controller(name, &loopback));
    MULTI_OK(
        rsm_memseg_export_create(loopback, &segment, memory, MULTI_PAGE, 0));
    MULTI_CODE(rsm_memseg_export_publish(segment, &id, &foreign, 1),
               RSMERR_BAD_ACL);
    MULTI_CODE(rsm_memseg_export_publish(segment, &id, twice, 2),
               RSMERR_BAD_ACL);
    MULTI_OK(rsm_memseg_export_publish(segment, &id, &own, 1));
    MULTI_CODE(rsm_memseg_export_republish(segment, &foreign, 1),
               RSMERR_BAD_ACL);
    MULTI_OK(rsm_memseg_export_destroy(segment));
    MULTI_OK(rsm_release_controller(loopback));
    multi_free_pages(memory, MULTI_PAGE);
}

MULTI_TEST(publish, copies_the_access_list, 2)
{
    rsmapi_access_entry_t list[2] = {{multi_node(0), 0666},
                                     {multi_node(1), 0666}};
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_segment_t segment;

    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, list, 2));
        memset(list, 0, sizeof(list));
    }
    multi_sync();
    if (multi.rank == 1)
        MULTI_OK(try_connect(0, id, RSM_PERM_RDWR));
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(publish, states_follow_the_state_table, 2)
{
    rsm_memseg_id_t other = MULTI_ID(1);
    multi_segment_t segment;

    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        segment.id = MULTI_ID(0);
        MULTI_CODE(rsm_memseg_export_unpublish(segment.handle),
                   RSMERR_SEG_NOT_PUBLISHED);
        MULTI_OK(
            rsm_memseg_export_publish(segment.handle, &segment.id, NULL, 0));
        MULTI_CODE(rsm_memseg_export_publish(segment.handle, &other, NULL, 0),
                   RSMERR_SEG_ALREADY_PUBLISHED);
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_CODE(rsm_memseg_export_unpublish(segment.handle),
                   RSMERR_SEG_NOT_PUBLISHED);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &other, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_CODE(try_connect(0, MULTI_ID(0), RSM_PERM_RDWR),
                   RSMERR_SEG_NOT_PUBLISHED);
        MULTI_OK(try_connect(0, MULTI_ID(1), RSM_PERM_RDWR));
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* A new list binds those who come later, not those who are there. */
MULTI_TEST(publish, republish_spares_connections, 2)
{
    rsmapi_access_entry_t only_owner = {multi_node(0), 0666};
    multi_segment_t segment;
    multi_import_t import;
    int rc;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_republish(segment.handle, &only_owner, 1));
    multi_sync();
    if (multi.rank == 1) {
        multi_put64(&import, 8, 4711);
        cr_assert_eq(multi_get64(&import, 8), 4711);
        rc = try_connect(0, MULTI_ID(0), RSM_PERM_RDWR);
        cr_assert(rc == RSMERR_SEG_NOT_PUBLISHED_TO_NODE ||
                      rc == RSMERR_PERM_DENIED,
                  "%s", rsmx_error_name(rc));
        multi_disconnect(&import);
        MULTI_CODE(try_connect(0, MULTI_ID(0), RSM_PERM_RDWR),
                   RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory + 8), 4711);
        MULTI_OK(rsm_memseg_export_republish(segment.handle, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1)
        MULTI_OK(try_connect(0, MULTI_ID(0), RSM_PERM_RDWR));
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
