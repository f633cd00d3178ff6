/* SPDX-License-Identifier: BSD-3-Clause */
/* Mapping a segment: what one sees, and the states. */
#include "view.h"

#include <string.h>

static void check_whole(multi_import_t *import)
{
    unsigned char *view = view_map(import, RSM_PERM_RDWR, 0, SIZE);
    uint64_t ones = ~(uint64_t)0;

    if (view == NULL) {
        MULTI_CODE(rsm_memseg_import_unmap(import->handle),
                   RSMERR_SEG_NOT_MAPPED);
        view = multi_pages(SIZE);
        MULTI_OK(rsm_memseg_import_get(import->handle, 0, view, SIZE));
        cr_assert(multi_is_filled(view, SIZE, 1));
        multi_fill(view, SIZE, 2);
        MULTI_OK(rsm_memseg_import_put(import->handle, 0, view, SIZE));
        multi_free_pages(view, SIZE);
        return;
    }
    cr_assert_eq((uintptr_t)view % MULTI_PAGE, 0);
    cr_assert(multi_is_filled(view, SIZE, 1), "mapping shows other data");
    MULTI_OK(rsm_memseg_import_put64(import->handle, 8, &ones, 1));
    cr_assert_eq(multi_load64(view + 8), ones);
    multi_fill(view, SIZE, 2);
    cr_assert_eq(multi_get64(import, 8), multi_load64(view + 8));
    MULTI_OK(rsm_memseg_import_unmap(import->handle));
}

static void judge_second_filling(const unsigned char *memory)
{
    cr_assert(multi_is_filled(memory, SIZE, 2));
}

MULTI_TEST(map, whole_segment_reads_and_writes, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_whole, judge_second_filling);
}

/* Stores through the mapping and loads of the owner, without any call. */
MULTI_TEST(map, words_travel_without_calls, 2)
{
    enum { ROUNDS = 2000 };
    multi_segment_t segment;
    multi_import_t import;
    unsigned char *view = NULL;
    uint64_t i;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        view = view_map(&import, RSM_PERM_RDWR, 0, MULTI_PAGE);
    }
    if (multi_share(1, view != NULL)) {
        uint64_t *words = multi.rank == 0 ? (uint64_t *)(void *)segment.memory
                                          : (uint64_t *)(void *)view;

        for (i = 1; i <= ROUNDS; i++) {
            if (multi.rank == 1)
                __atomic_store_n(&words[0], i, __ATOMIC_RELEASE);
            MULTI_WAIT(multi_load64(&words[multi.rank == 0 ? 0 : 8]) == i);
            if (multi.rank == 0)
                __atomic_store_n(&words[8], i, __ATOMIC_RELEASE);
        }
    }
    if (multi.rank == 1) {
        if (view != NULL)
            MULTI_OK(rsm_memseg_import_unmap(import.handle));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

static void check_window(multi_import_t *import)
{
    unsigned char *view =
        view_map(import, RSM_PERM_RDWR, MULTI_PAGE, MULTI_PAGE + 100);
    unsigned char model[SIZE];
    unsigned char byte = 0;
    rsm_memseg_import_handle_t handle = import->handle;

    if (view == NULL)
        return;
    multi_fill(model, SIZE, 1);
    cr_assert_eq(memcmp(view, model + MULTI_PAGE, MULTI_PAGE + 100), 0);
    MULTI_CODE(rsm_memseg_import_get(handle, 0, &byte, 1), RSMERR_BAD_OFFSET);
    MULTI_CODE(rsm_memseg_import_put(handle, 0, &byte, 1), RSMERR_BAD_OFFSET);
    MULTI_CODE(rsm_memseg_import_get(handle, MULTI_PAGE - 1, &byte, 1),
               RSMERR_BAD_OFFSET);
    MULTI_CODE(rsm_memseg_import_get(handle, 2 * MULTI_PAGE + 100, &byte, 1),
               RSMERR_BAD_OFFSET);
    MULTI_CODE(
        rsm_memseg_import_get(handle, MULTI_PAGE, model, MULTI_PAGE + 101),
        RSMERR_BAD_OFFSET);
    MULTI_OK(
        rsm_memseg_import_get(handle, MULTI_PAGE, model, MULTI_PAGE + 100));
    MULTI_OK(rsm_memseg_import_get(handle, 2 * MULTI_PAGE + 99, &byte, 1));
    MULTI_OK(rsm_memseg_import_unmap(handle));
    MULTI_OK(rsm_memseg_import_get(handle, 0, &byte, 1));
}

MULTI_TEST(map, window_limits_put_and_get, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_window, NULL);
}

static void check_fixed(multi_import_t *import)
{
    unsigned char *place = multi_pages(SIZE);
    unsigned char model[SIZE];
    void *address = place + MULTI_PAGE;
    int rc;

    memset(place, 'p', SIZE);
    rc = rsm_memseg_import_map(import->handle, &address, RSM_MAP_FIXED,
                               RSM_PERM_READ, 0, MULTI_PAGE);
    if (rc == RSMERR_MAP_FAILED && multi_path() != MULTI_PATH_DIRECT) {
        multi_free_pages(place, SIZE);
        return;
    }
    MULTI_OK(rc);
    multi_fill(model, SIZE, 1);
    cr_assert_eq(address, place + MULTI_PAGE);
    cr_assert(multi_is_all(place, MULTI_PAGE, 'p'));
    cr_assert_eq(memcmp(address, model, MULTI_PAGE), 0);
    cr_assert(multi_is_all(place + 2 * MULTI_PAGE, 2 * MULTI_PAGE, 'p'));
    MULTI_OK(rsm_memseg_import_unmap(import->handle));
}

MULTI_TEST(map, fixed_address_is_taken, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_fixed, NULL);
}

static void check_states(multi_import_t *import)
{
    rsm_memseg_import_handle_t handle = import->handle;
    void *address = NULL;
    unsigned char byte = 0;

    MULTI_CODE(rsm_memseg_import_unmap(handle), RSMERR_SEG_NOT_MAPPED);
    MULTI_OK(rsm_memseg_import_get(handle, 0, &byte, 1));
    if (view_map(import, RSM_PERM_READ, 0, SIZE) == NULL)
        return;
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, 0, SIZE),
               RSMERR_SEG_ALREADY_MAPPED);
    MULTI_CODE(rsm_memseg_import_disconnect(handle), RSMERR_SEG_STILL_MAPPED);
    MULTI_OK(rsm_memseg_import_get(handle, 0, &byte, 1));
    MULTI_OK(rsm_memseg_import_unmap(handle));
    MULTI_CODE(rsm_memseg_import_unmap(handle), RSMERR_SEG_NOT_MAPPED);
    cr_assert_not_null(view_map(import, RSM_PERM_RDWR, 0, 1), "mapped again");
    MULTI_OK(rsm_memseg_import_unmap(handle));
}

MULTI_TEST(map, states_follow_the_state_table, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_states, NULL);
}

static void check_errors(multi_import_t *import)
{
    rsm_memseg_import_handle_t handle = import->handle;
    unsigned char *place = multi_pages(MULTI_PAGE);
    void *address = NULL;
    int rc;

    MULTI_CODE(rsm_memseg_import_map(NULL, NULL, RSM_MAP_NONE, 0777, -1, 0),
               RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_import_map(handle, NULL, RSM_MAP_NONE, 0777, -1, 0),
               RSMERR_BAD_ADDR);
    MULTI_CODE(
        rsm_memseg_import_map(handle, &address, RSM_MAP_NONE, 0777, 1, 0),
        RSMERR_BAD_PERMS);
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, 1, 0),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, 0, SIZE + 1),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, MULTI_PAGE, SIZE),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, MULTI_PAGE, SIZE_MAX),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_READ, 8, MULTI_PAGE),
               RSMERR_BAD_MEM_ALIGNMENT);
    address = place + 8;
    MULTI_CODE(rsm_memseg_import_map(handle, &address, RSM_MAP_FIXED,
                                     RSM_PERM_READ, 0, MULTI_PAGE),
               RSMERR_BAD_MEM_ALIGNMENT);
    address = NULL;
    rc = rsm_memseg_import_map(handle, &address, RSM_MAP_NONE, RSM_PERM_READ,
                               -MULTI_PAGE, MULTI_PAGE);
    cr_assert(rc == RSMERR_BAD_OFFSET || rc == RSMERR_BAD_LENGTH, "%s",
              rsmx_error_name(rc));
    MULTI_CODE(rsm_memseg_import_unmap(NULL), RSMERR_BAD_SEG_HNDL);
    cr_assert_null(address);
    multi_free_pages(place, MULTI_PAGE);
}

MULTI_TEST(map, argument_errors_come_in_order, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_errors, NULL);
}
