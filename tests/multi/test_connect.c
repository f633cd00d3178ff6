/* SPDX-License-Identifier: BSD-3-Clause */
/* Connecting and disconnecting. */
#include "multi.h"

#include <string.h>

static int try_connect(rsm_node_id_t node, rsm_memseg_id_t id,
                       rsm_permission_t perm)
{
    rsm_memseg_import_handle_t import = NULL;
    int rc =
        rsm_memseg_import_connect(multi_controller(), node, id, perm, &import);

    if (rc == RSM_SUCCESS)
        MULTI_OK(rsm_memseg_import_disconnect(import));
    else
        cr_assert_null(import);
    return rc;
}

MULTI_TEST_ONCE(connect, argument_errors_come_in_order, 1)
{
    const rsm_permission_t bad[] = {01,   04,   0100,  0444,      0666,
                                    0700, 0601, 01000, 0xffffffff};
    rsm_memseg_import_handle_t import = NULL;
    rsm_node_id_t nowhere = multi_self() + 1000;
    size_t i;

    MULTI_CODE(rsm_memseg_import_connect(NULL, nowhere, 0, 0777, NULL),
               RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(
        rsm_memseg_import_connect(multi_controller(), nowhere, 0, 0777, NULL),
        RSMERR_BAD_SEG_HNDL);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        MULTI_CODE(rsm_memseg_import_connect(multi_controller(), nowhere, 0,
                                             bad[i], &import),
                   RSMERR_PERM_DENIED);
    MULTI_CODE(rsm_memseg_import_disconnect(NULL), RSMERR_BAD_SEG_HNDL);
}

MULTI_TEST(connect, node_outside_the_job_is_unreachable, 2)
{
    MULTI_CODE(try_connect(multi_node(2), MULTI_ID(0), RSM_PERM_READ),
               RSMERR_REMOTE_NODE_UNREACHABLE);
    MULTI_CODE(try_connect(64, MULTI_ID(0), RSM_PERM_READ),
               RSMERR_REMOTE_NODE_UNREACHABLE);
    MULTI_CODE(try_connect(0xffffffff, MULTI_ID(0), RSM_PERM_READ),
               RSMERR_REMOTE_NODE_UNREACHABLE);
}

MULTI_TEST(connect, unpublished_segment_is_told, 2)
{
    multi_segment_t segment;

    multi_create(&segment, MULTI_PAGE, 0);
    multi_sync();
    MULTI_CODE(
        try_connect(multi_node(1 - multi.rank), MULTI_ID(0), RSM_PERM_READ),
        RSMERR_SEG_NOT_PUBLISHED);
    MULTI_CODE(try_connect(multi_node(1 - multi.rank), 0, RSM_PERM_READ),
               RSMERR_SEG_NOT_PUBLISHED);
    MULTI_CODE(try_connect(multi_self(), MULTI_ID(0), RSM_PERM_READ),
               RSMERR_SEG_NOT_PUBLISHED);
    multi_sync();
    multi_withdraw(&segment);
}

/* Programs poll for a partner that has not come so far: no long waits. */
MULTI_TEST(connect, node_that_has_not_begun_is_told_soon, 2)
{
    int64_t start;
    int i;

    if (multi.rank == 0) {
        multi_controller();
        start = multi_clock_ms();
        for (i = 0; i < 5; i++)
            MULTI_CODE(try_connect(multi_node(1), MULTI_ID(0), RSM_PERM_READ),
                       RSMERR_SEG_NOT_PUBLISHED);
        cr_assert_lt(multi_clock_ms() - start, 2500, "five tries too slow");
    }
    multi_sync();
    /* mpirun wants all of its processes to begin once one of them has. */
    multi_controller();
}

MULTI_TEST(connect, polling_finds_the_segment, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 1)
        MULTI_CODE(try_connect(multi_node(0), MULTI_ID(0), RSM_PERM_RDWR),
                   RSMERR_SEG_NOT_PUBLISHED);
    multi_sync();
    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    if (multi.rank == 1) {
        multi_put64(&import, 0, 1);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory), 1);
        multi_withdraw(&segment);
    }
}

MULTI_TEST(connect, tells_size_and_permission, 2)
{
    const rsm_permission_t perms[] = {0, RSM_PERM_READ, RSM_PERM_WRITE,
                                      RSM_PERM_RDWR};
    rsm_memseg_import_handle_t import;
    rsm_permission_t perm;
    multi_segment_t segment;
    size_t size;
    size_t i;

    if (multi.rank == 0)
        multi_publish(&segment, 5 * MULTI_PAGE, MULTI_ID(0));
    else {
        for (i = 0; i < 4; i++) {
            import = multi_connect_bare(0, MULTI_ID(0), perms[i]);
            MULTI_OK(rsmx_import_get_size(import, &size));
            cr_assert_eq(size, 5 * MULTI_PAGE);
            MULTI_OK(rsmx_import_get_permission(import, &perm));
            cr_assert_eq(perm, perms[i]);
            MULTI_OK(rsm_memseg_import_disconnect(import));
        }
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* Asking for nothing gives a handle that can signal. */
MULTI_TEST(connect, without_permission_only_signals, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    uint64_t word = 0;

    if (multi.rank == 0) {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
        MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_NONE);
        MULTI_CODE(rsm_memseg_import_get64(import.handle, 0, &word, 1),
                   RSMERR_PERM_DENIED);
        MULTI_CODE(rsm_memseg_import_put64(import.handle, 0, &word, 1),
                   RSMERR_PERM_DENIED);
        MULTI_CODE(rsmx_import_fetch_add64(import.handle, 0, 1, NULL),
                   RSMERR_PERM_DENIED);
        MULTI_OK(rsm_intr_signal_post(import.handle, 0));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(connect, many_handles_are_independent, 2)
{
    enum { COUNT = 300 };
    static multi_import_t imports[COUNT];
    multi_segment_t segment;
    rsm_barrier_mode_t mode;
    uint32_t importers;
    uint64_t i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        for (i = 0; i < COUNT; i++)
            multi_connect(&imports[i], 0, MULTI_ID(0), RSM_PERM_RDWR);
        for (i = 0; i < COUNT; i += 2)
            multi_disconnect(&imports[i]);
        MULTI_OK(rsm_memseg_import_set_mode(imports[1].handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_get_mode(imports[3].handle, &mode));
        cr_assert_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
        for (i = 3; i < COUNT; i += 2)
            multi_put64(&imports[i], (off_t)i * 8, i);
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 3; i < COUNT; i += 2)
            cr_assert_eq(multi_load64(segment.memory + i * 8), i);
        MULTI_WAIT(rsmx_export_get_importer_count(segment.handle, &importers) ==
                       RSM_SUCCESS &&
                   importers == COUNT / 2);
    }
    multi_sync();
    if (multi.rank == 1) {
        for (i = 1; i < COUNT; i += 2)
            multi_disconnect(&imports[i]);
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_WAIT(rsmx_export_get_importer_count(segment.handle, &importers) ==
                       RSM_SUCCESS &&
                   importers == 0);
        multi_withdraw(&segment);
    }
}

MULTI_TEST(connect, every_node_reaches_every_other, 4)
{
    multi_segment_t segment;
    multi_import_t imports[4];
    uint32_t rank;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    for (rank = 0; rank < 4; rank++) {
        multi_connect(&imports[rank], rank, MULTI_ID(0), RSM_PERM_RDWR);
        multi_put64(&imports[rank], (off_t)multi.rank * 8,
                    100 * rank + multi.rank + 1);
    }
    multi_sync();
    for (rank = 0; rank < 4; rank++) {
        cr_assert_eq(multi_load64(segment.memory + rank * 8),
                     100 * multi.rank + rank + 1);
        multi_disconnect(&imports[rank]);
    }
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(connect, own_segment_can_be_imported, 1)
{
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, 0);
    multi_connect(&import, 0, segment.id, RSM_PERM_RDWR);
    multi_put64(&import, 16, 99);
    cr_assert_eq(multi_load64(segment.memory + 16), 99);
    segment.memory[16] = 98;
    cr_assert_eq(multi_get64(&import, 16), 98);
    MULTI_OK(rsm_intr_signal_post(import.handle, 0));
    MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    multi_disconnect(&import);
    multi_withdraw(&segment);
}

MULTI_TEST(connect, loopback_serves_the_own_node_only, 2)
{
    static char name[] = "loopback";
    rsmapi_controller_handle_t loopback = NULL;
    rsm_memseg_export_handle_t segment = NULL;
    rsm_memseg_import_handle_t import = NULL;
    rsm_memseg_id_t id = MULTI_ID(0);
    unsigned char *memory = multi_pages(MULTI_PAGE);
    rsmapi_barrier_t barrier;
    uint64_t word = 31;
    int rc;

    MULTI_OK(rsm_get_controller(name, &loopback));
    MULTI_OK(
        rsm_memseg_export_create(loopback, &segment, memory, MULTI_PAGE, 0));
    MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    multi_sync();
    MULTI_CODE(rsm_memseg_import_connect(loopback, multi_node(1 - multi.rank),
                                         id, RSM_PERM_RDWR, &import),
               RSMERR_CTLR_NOT_PRESENT);
    rc = rsm_memseg_import_connect(multi_controller(),
                                   multi_node(1 - multi.rank), id,
                                   RSM_PERM_RDWR, &import);
    cr_assert(rc == RSMERR_SEG_NOT_PUBLISHED ||
                  rc == RSMERR_SEG_NOT_PUBLISHED_TO_NODE,
              "a loopback segment was reached from another node: %s",
              rsmx_error_name(rc));

    MULTI_OK(rsm_memseg_import_connect(loopback, multi_self(), id,
                                       RSM_PERM_RDWR, &import));
    MULTI_CODE(rsm_memseg_import_put64(import, 8, &word, 1),
               RSMERR_BARRIER_UNINITIALIZED);
    MULTI_OK(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_NODE, &barrier));
    MULTI_OK(rsm_memseg_import_put64(import, 8, &word, 1));
    cr_assert_eq(multi_load64(memory + 8), 31);
    MULTI_OK(rsm_intr_signal_post(import, 0));
    MULTI_OK(rsm_intr_signal_wait(segment, MULTI_PATIENCE));
    MULTI_OK(rsm_memseg_import_destroy_barrier(&barrier));
    MULTI_OK(rsm_memseg_import_disconnect(import));
    multi_sync();
    MULTI_OK(rsm_memseg_export_destroy(segment));
    MULTI_OK(rsm_release_controller(loopback));
    multi_free_pages(memory, MULTI_PAGE);
}

MULTI_TEST(connect, disconnected_handle_is_dead, 2)
{
    rsm_memseg_import_handle_t import;
    multi_segment_t segment;
    uint64_t word = 0;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        import = multi_connect_bare(0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_disconnect(import));
        MULTI_CODE(rsm_memseg_import_disconnect(import), RSMERR_BAD_SEG_HNDL);
        MULTI_CODE(rsm_memseg_import_put64(import, 0, &word, 1),
                   RSMERR_BAD_SEG_HNDL);
        MULTI_CODE(rsm_intr_signal_post(import, 0), RSMERR_BAD_SEG_HNDL);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(connect, ten_thousand_times_works, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    int64_t end = multi_clock_ms() + 2000;
    uint64_t i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        for (i = 0; i < 10000 && multi_clock_ms() < end; i++) {
            multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
            multi_put64(&import, 0, i);
            multi_disconnect(&import);
        }
        cr_assert_geq(i, 100, "fewer than 50 connections a second");
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
