/* SPDX-License-Identifier: BSD-3-Clause */
/* Local memory handles: errors here; their use is in test_iov.c. */
#include "multi.h"

#include <stdlib.h>
#include <string.h>

MULTI_TEST_ONCE(localmem, create_errors_come_in_order, 1)
{
    rsmapi_controller_handle_t controller = multi_controller();
    rsm_localmemory_handle_t handle = NULL;
    caddr_t memory = multi_pages(MULTI_PAGE);

    MULTI_CODE(rsm_create_localmemory_handle(NULL, NULL, memory + 8, 0),
               RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_create_localmemory_handle(NULL, NULL, NULL, 0),
               RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_create_localmemory_handle(NULL, NULL, memory, 0),
               RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_create_localmemory_handle(controller, NULL, memory, 0),
               RSMERR_BAD_LOCALMEM_HNDL);
    MULTI_CODE(rsm_create_localmemory_handle(controller, &handle, memory, 0),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_create_localmemory_handle(controller, &handle, NULL, 8),
               RSMERR_BAD_ADDR);
    cr_assert_null(handle);
    multi_free_pages(memory, MULTI_PAGE);
}

MULTI_TEST_ONCE(localmem, any_positive_length_is_fine, 1)
{
    const size_t lengths[] = {1, 100, 4095, 4096, 4097, 8192};
    rsmapi_controller_handle_t controller = multi_controller();
    caddr_t memory = multi_pages(2 * MULTI_PAGE);
    rsm_localmemory_handle_t handles[6] = {NULL};
    size_t i;

    for (i = 0; i < 6; i++) {
        MULTI_OK(rsm_create_localmemory_handle(controller, &handles[i], memory,
                                               lengths[i]));
        cr_assert_not_null(handles[i]);
    }
    for (i = 0; i < 6; i++)
        MULTI_OK(rsm_free_localmemory_handle(controller, handles[i]));
    for (i = 0; i < 6; i++)
        MULTI_CODE(rsm_free_localmemory_handle(controller, handles[i]),
                   RSMERR_BAD_LOCALMEM_HNDL);
    multi_free_pages(memory, 2 * MULTI_PAGE);
}

MULTI_TEST_ONCE(localmem, free_errors_come_in_order, 1)
{
    rsm_localmemory_handle_t garbage = (rsm_localmemory_handle_t)(void *)0x1230;

    MULTI_CODE(rsm_free_localmemory_handle(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_free_localmemory_handle(multi_controller(), NULL),
               RSMERR_BAD_LOCALMEM_HNDL);
    MULTI_CODE(rsm_free_localmemory_handle(multi_controller(), garbage),
               RSMERR_BAD_LOCALMEM_HNDL);
}

/* Memory stays the application's: contents, and free() afterwards. */
MULTI_TEST(localmem, memory_stays_with_the_application, 1)
{
    rsmapi_controller_handle_t controller = multi_controller();
    rsm_localmemory_handle_t handle = NULL;
    void *memory = NULL;
    int i;

    for (i = 0; i < 200; i++) {
        cr_assert_eq(posix_memalign(&memory, MULTI_PAGE, 3 * MULTI_PAGE), 0);
        multi_fill(memory, 3 * MULTI_PAGE, (uint32_t)i);
        MULTI_OK(rsm_create_localmemory_handle(controller, &handle, memory,
                                               3 * MULTI_PAGE));
        cr_assert(multi_is_filled(memory, 3 * MULTI_PAGE, (uint32_t)i));
        MULTI_OK(rsm_free_localmemory_handle(controller, handle));
        cr_assert(multi_is_filled(memory, 3 * MULTI_PAGE, (uint32_t)i));
        free(memory);
    }
}

/* Exported memory and a local memory handle may be the same pages. */
MULTI_TEST(localmem, exported_memory_can_be_local, 2)
{
    rsm_localmemory_handle_t handle = NULL;
    rsm_scat_gath_t vector = {.io_request_count = 1};
    rsm_iovec_t piece = {.io_type = RSM_HANDLE_TYPE,
                         .local_offset = 8,
                         .remote_offset = 16,
                         .transfer_length = 4000};
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    MULTI_OK(rsm_create_localmemory_handle(
        multi_controller(), &handle, (caddr_t)segment.memory, MULTI_PAGE));
    if (multi.rank == 1)
        multi_fill(segment.memory, MULTI_PAGE, 3);
    multi_sync();
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    if (multi.rank == 1) {
        piece.local.handle = handle;
        vector.remote_handle = import.handle;
        vector.iovec = &piece;
        MULTI_OK(rsm_memseg_import_putv(&vector));
    }
    multi_sync();
    if (multi.rank == 0) {
        unsigned char model[MULTI_PAGE];

        multi_fill(model, MULTI_PAGE, 3);
        cr_assert_eq(memcmp(segment.memory + 16, model + 8, 4000), 0);
    }
    MULTI_OK(rsm_free_localmemory_handle(multi_controller(), handle));
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}
