/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers: states, modes, and what a successful one means. */
#include "multi.h"

#include <string.h>

typedef int (*barrier_function_t)(rsmapi_barrier_t *);

static const barrier_function_t functions[] = {
    rsm_memseg_import_open_barrier,
    rsm_memseg_import_order_barrier,
    rsm_memseg_import_close_barrier,
    rsm_memseg_import_destroy_barrier,
};

static void expect_all(rsmapi_barrier_t *barrier, int code)
{
    size_t i;

    for (i = 0; i < 4; i++)
        MULTI_CODE(functions[i](barrier), code);
}

MULTI_TEST(barrier, uninitialised_one_is_recognised, 1)
{
    rsmapi_barrier_t barrier;
    multi_segment_t segment;
    multi_import_t import;

    expect_all(NULL, RSMERR_BAD_BARRIER_PTR);
    memset(&barrier, 0, sizeof(barrier));
    expect_all(&barrier, RSMERR_BARRIER_UNINITIALIZED);
    memset(&barrier, 0xa5, sizeof(barrier));
    expect_all(&barrier, RSMERR_BARRIER_UNINITIALIZED);
    memset(&barrier, 0xff, sizeof(barrier));
    expect_all(&barrier, RSMERR_BARRIER_UNINITIALIZED);

    multi_publish(&segment, MULTI_PAGE, 0);
    multi_connect(&import, 0, segment.id, RSM_PERM_RDWR);
    memset(&barrier, 0, sizeof(barrier));
    barrier.seg = import.handle;
    expect_all(&barrier, RSMERR_BARRIER_UNINITIALIZED);
    multi_disconnect(&import);
    multi_withdraw(&segment);
}

MULTI_TEST(barrier, states_follow_the_documents, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MULTI_CODE(rsm_memseg_import_close_barrier(&import.barrier),
               RSMERR_BARRIER_NOT_OPENED);
    MULTI_CODE(rsm_memseg_import_order_barrier(&import.barrier),
               RSMERR_BARRIER_NOT_OPENED);
    MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_order_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_order_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
    MULTI_CODE(rsm_memseg_import_close_barrier(&import.barrier),
               RSMERR_BARRIER_NOT_OPENED);
    MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_destroy_barrier(&import.barrier));
    expect_all(&import.barrier, RSMERR_BARRIER_UNINITIALIZED);
    MULTI_OK(rsm_memseg_import_disconnect(import.handle));
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(barrier, argument_errors_come_in_order, 1)
{
    rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, 0);
    multi_connect(&import, 0, segment.id, RSM_PERM_RDWR);
    MULTI_CODE(rsm_memseg_import_init_barrier(NULL, RSM_BARRIER_SEGMENT, NULL),
               RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_import_init_barrier(import.handle,
                                              RSM_BARRIER_SEGMENT, NULL),
               RSMERR_BAD_BARRIER_PTR);
    MULTI_CODE(rsm_memseg_import_set_mode(NULL, (rsm_barrier_mode_t)7),
               RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_import_set_mode(import.handle, (rsm_barrier_mode_t)2),
               RSMERR_BAD_MODE);
    MULTI_CODE(
        rsm_memseg_import_set_mode(import.handle, (rsm_barrier_mode_t)-1),
        RSMERR_BAD_MODE);
    MULTI_CODE(rsm_memseg_import_get_mode(NULL, NULL), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_import_get_mode(import.handle, NULL),
               RSMERR_BAD_ADDR);
    MULTI_OK(rsm_memseg_import_get_mode(import.handle, &mode));
    cr_assert_eq(mode, RSM_BARRIER_MODE_IMPLICIT, "a refused set_mode worked");
    multi_disconnect(&import);
    multi_withdraw(&segment);
}

MULTI_TEST(barrier, every_type_is_accepted, 1)
{
    const int types[] = {RSM_BARRIER_SEGMENT,
                         RSM_BARRIER_NODE,
                         RSM_BARRIER_SEGMENT_THREAD,
                         RSM_BARRIER_NODE_THREAD,
                         RSM_BAR_DEFAULT,
                         0,
                         99};
    multi_segment_t segment;
    size_t i;

    multi_publish(&segment, MULTI_PAGE, 0);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        rsm_memseg_import_handle_t import =
            multi_connect_bare(0, segment.id, RSM_PERM_RDWR);
        rsmapi_barrier_t barrier;
        uint64_t word = i + 1;

        MULTI_OK(rsm_memseg_import_init_barrier(
            import, (rsm_barrier_type_t)types[i], &barrier));
        MULTI_OK(rsm_memseg_import_open_barrier(&barrier));
        MULTI_OK(rsm_memseg_import_put64(import, 0, &word, 1));
        MULTI_OK(rsm_memseg_import_close_barrier(&barrier));
        cr_assert_eq(multi_load64(segment.memory), word);
        MULTI_OK(rsm_memseg_import_destroy_barrier(&barrier));
        MULTI_OK(rsm_memseg_import_disconnect(import));
    }
    multi_withdraw(&segment);
}

/* Only the end of the last barrier ends implicit mode. */
MULTI_TEST(barrier, several_serve_one_segment, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    rsmapi_barrier_t second;
    uint64_t word = 1;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MULTI_OK(rsm_memseg_import_init_barrier(import.handle, RSM_BARRIER_SEGMENT,
                                            &second));
    MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    MULTI_CODE(rsm_memseg_import_close_barrier(&second),
               RSMERR_BARRIER_NOT_OPENED);
    MULTI_OK(rsm_memseg_import_open_barrier(&second));
    multi_put64(&import, 0, 7);
    MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_close_barrier(&second));

    MULTI_OK(rsm_memseg_import_destroy_barrier(&import.barrier));
    multi_put64(&import, 0, 8);
    MULTI_OK(rsm_memseg_import_destroy_barrier(&second));
    MULTI_CODE(rsm_memseg_import_put64(import.handle, 0, &word, 1),
               RSMERR_BARRIER_UNINITIALIZED);
    MULTI_OK(rsm_memseg_import_init_barrier(import.handle, RSM_BARRIER_SEGMENT,
                                            &import.barrier));
    multi_put64(&import, 0, 9);
    multi_disconnect(&import);
    multi_sync();
    cr_assert_eq(multi_load64(segment.memory), 9);
    multi_withdraw(&segment);
}

MULTI_TEST(barrier, outlives_its_connection_harmlessly, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    MULTI_OK(rsm_memseg_import_disconnect(import.handle));
    expect_all(&import.barrier, RSMERR_BAD_SEG_HNDL);
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(barrier, mode_takes_effect_at_once, 2)
{
    rsm_memseg_import_handle_t import;
    rsm_barrier_mode_t mode;
    multi_segment_t segment;
    uint64_t word = 3;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    import = multi_connect_bare(1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MULTI_CODE(rsm_memseg_import_put64(import, 0, &word, 1),
               RSMERR_BARRIER_UNINITIALIZED);
    MULTI_OK(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    MULTI_OK(rsm_memseg_import_get_mode(import, &mode));
    cr_assert_eq(mode, RSM_BARRIER_MODE_EXPLICIT);
    MULTI_OK(rsm_memseg_import_put64(import, 0, &word, 1));
    MULTI_OK(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_IMPLICIT));
    MULTI_CODE(rsm_memseg_import_put64(import, 0, &word, 1),
               RSMERR_BARRIER_UNINITIALIZED);
    MULTI_OK(rsm_memseg_import_disconnect(import));
    multi_sync();
    multi_withdraw(&segment);
}

/* Data before a closed barrier are there when a later word is. The flag
 * travels through another segment, so that one connection has to wait for
 * the completion of the other. */
MULTI_TEST(barrier, close_means_arrived, 2)
{
    enum { ROUNDS = 300, BLOCK = 16 * MULTI_PAGE };
    unsigned char *data = multi_pages(BLOCK);
    multi_segment_t segment;
    multi_segment_t flag;
    multi_import_t import;
    multi_import_t flag_import;
    uint64_t round;

    multi_publish(&segment, BLOCK, MULTI_ID(0));
    multi_publish(&flag, MULTI_PAGE, MULTI_ID(1));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    multi_connect(&flag_import, 1 - multi.rank, MULTI_ID(1), RSM_PERM_RDWR);
    MULTI_OK(
        rsm_memseg_import_set_mode(import.handle, RSM_BARRIER_MODE_EXPLICIT));
    for (round = 1; round <= ROUNDS; round++) {
        if (round % 2 == multi.rank) {
            memset(data, (int)round, BLOCK);
            MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
            MULTI_OK(rsm_memseg_import_put(import.handle, 0, data, BLOCK));
            MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
            multi_put64(&flag_import, 0, round);
        } else {
            MULTI_WAIT(multi_load64(flag.memory) == round);
            cr_assert(multi_is_all(segment.memory, BLOCK, (unsigned char)round),
                      "round %lu", round);
        }
    }
    multi_disconnect(&import);
    multi_disconnect(&flag_import);
    multi_sync();
    multi_withdraw(&segment);
    multi_withdraw(&flag);
    multi_free_pages(data, BLOCK);
}

/* Every later barrier of an aborted connection says so. */
MULTI_TEST(barrier, aborted_connection_is_told_for_ever, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    uint64_t word = 4;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        MULTI_OK(rsm_memseg_import_put64(import.handle, 0, &word, 1));
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_OK(
            rsm_memseg_export_publish(segment.handle, &segment.id, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_CODE(rsm_memseg_import_order_barrier(&import.barrier),
                   RSMERR_CONN_ABORTED);
        MULTI_CODE(rsm_memseg_import_close_barrier(&import.barrier),
                   RSMERR_CONN_ABORTED);
        MULTI_CODE(rsm_memseg_import_close_barrier(&import.barrier),
                   RSMERR_BARRIER_NOT_OPENED);
        for (i = 0; i < 3; i++) {
            MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
            MULTI_CODE(rsm_memseg_import_close_barrier(&import.barrier),
                       RSMERR_CONN_ABORTED);
        }
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_IMPLICIT));
        MULTI_CODE(rsm_memseg_import_put64(import.handle, 0, &word, 1),
                   RSMERR_CONN_ABORTED);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
