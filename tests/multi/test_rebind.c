/* SPDX-License-Identifier: BSD-3-Clause */
/* New memory behind an old segment. */
#define _GNU_SOURCE
#include "multi.h"

#include <string.h>
#include <sys/mman.h>

#define SIZE ((size_t)4 * MULTI_PAGE)

MULTI_TEST(rebind, importers_reach_the_new_memory, 2)
{
    unsigned char *fresh = multi_pages(SIZE);
    unsigned char *old = NULL;
    multi_segment_t segment;
    multi_import_t import;
    unsigned char copy[SIZE];

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_fill(segment.memory, SIZE, 1);
    }
    multi_sync();
    if (multi.rank == 1)
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        multi_fill(fresh, SIZE, 2);
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, fresh, 0, SIZE));
        cr_assert(multi_is_filled(fresh, SIZE, 2), "contents of the new");
        cr_assert(multi_is_filled(segment.memory, SIZE, 1),
                  "contents of the old");
        old = segment.memory;
        segment.memory = fresh;
        memset(old, 'o', SIZE);
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(rsm_memseg_import_get(import.handle, 0, copy, SIZE));
        cr_assert(multi_is_filled(copy, SIZE, 2), "the old memory is read");
        multi_fill(copy, SIZE, 3);
        MULTI_OK(rsm_memseg_import_put(import.handle, 0, copy, SIZE));
        multi_disconnect(&import);
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_put64(&import, 0, 123);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(fresh), 123);
        multi_fill(copy, SIZE, 3);
        cr_assert_eq(memcmp(fresh + 8, copy + 8, SIZE - 8), 0);
        cr_assert(multi_is_all(old, SIZE, 'o'), "a put reached the old memory");
        multi_free_pages(old, SIZE);
        multi_withdraw(&segment);
    } else
        multi_free_pages(fresh, SIZE);
}

MULTI_TEST(rebind, mapping_shows_the_new_memory, 2)
{
    unsigned char *fresh = multi_pages(SIZE);
    unsigned char *old = NULL;
    multi_segment_t segment;
    multi_import_t import;
    void *view = NULL;
    int rc;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_fill(segment.memory, SIZE, 1);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        rc = rsm_memseg_import_map(import.handle, &view, RSM_MAP_NONE,
                                   RSM_PERM_RDWR, 0, SIZE);
        if (rc == RSMERR_MAP_FAILED && multi_path() != MULTI_PATH_DIRECT)
            view = NULL;
        else
            MULTI_OK(rc);
    }
    multi_sync();
    if (multi.rank == 0) {
        multi_fill(fresh, SIZE, 2);
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, fresh, 0, SIZE));
        old = segment.memory;
        segment.memory = fresh;
        memset(old, 'o', SIZE);
    }
    multi_sync();
    if (multi.rank == 1) {
        if (view != NULL) {
            cr_assert(multi_is_filled(view, SIZE, 2));
            multi_fill(view, SIZE, 3);
            MULTI_OK(rsm_memseg_import_unmap(import.handle));
        }
        multi_disconnect(&import);
    }
    if (multi_share(1, view != NULL) && multi.rank == 0)
        cr_assert(multi_is_filled(fresh, SIZE, 3));
    if (multi.rank == 0) {
        cr_assert(multi_is_all(old, SIZE, 'o'));
        multi_free_pages(old, SIZE);
        multi_withdraw(&segment);
    } else
        multi_free_pages(fresh, SIZE);
}

MULTI_TEST(rebind, works_before_publish, 2)
{
    unsigned char *fresh = multi_pages(SIZE);
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_create(&segment, SIZE, RSM_ALLOW_REBIND);
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, fresh, 0, SIZE));
        multi_free_pages(segment.memory, SIZE);
        segment.memory = fresh;
        segment.id = MULTI_ID(0);
        MULTI_OK(
            rsm_memseg_export_publish(segment.handle, &segment.id, NULL, 0));
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_put64(&import, 24, 24);
        multi_disconnect(&import);
        multi_free_pages(fresh, SIZE);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory + 24), 24);
        multi_withdraw(&segment);
    }
}

/* Back and forth between two buffers, the importer writing in between. */
MULTI_TEST(rebind, buffers_can_take_turns, 2)
{
    enum { ROUNDS = 100 };
    unsigned char *buffers[2] = {multi_pages(SIZE), multi_pages(SIZE)};
    rsm_memseg_export_handle_t segment = NULL;
    rsm_memseg_id_t id = MULTI_ID(0);
    multi_import_t import;
    uint64_t round;

    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment,
                                          buffers[0], SIZE, RSM_ALLOW_REBIND));
        MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    } else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    for (round = 1; round <= ROUNDS; round++) {
        multi_sync();
        if (multi.rank == 1)
            multi_put64(&import, MULTI_PAGE, round);
        multi_sync();
        if (multi.rank == 0) {
            cr_assert_eq(multi_load64(buffers[(round - 1) % 2] + MULTI_PAGE),
                         round);
            MULTI_OK(
                rsm_memseg_export_rebind(segment, buffers[round % 2], 0, SIZE));
            cr_assert_eq(multi_load64(buffers[(round - 1) % 2] + MULTI_PAGE),
                         round);
            cr_assert_eq(multi_load64(buffers[round % 2] + MULTI_PAGE),
                         round - 1);
        }
    }
    if (multi.rank == 1)
        multi_disconnect(&import);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_destroy(segment));
    multi_free_pages(buffers[0], SIZE);
    multi_free_pages(buffers[1], SIZE);
}

/* Events and the identity of the connection are not touched. */
MULTI_TEST(rebind, connection_and_events_go_on, 2)
{
    unsigned char *fresh = multi_pages(SIZE);
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_intr_signal_post(import.handle, 0));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, fresh, 0, SIZE));
        MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
        MULTI_OK(rsm_intr_signal_post(import.handle, 0));
        multi_disconnect(&import);
        multi_free_pages(fresh, SIZE);
    } else {
        MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
        multi_free_pages(segment.memory, SIZE);
        segment.memory = fresh;
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(rebind, errors_come_in_order, 1)
{
    unsigned char *other = multi_pages(2 * SIZE);
    multi_segment_t segment;
    multi_segment_t fixed;

    multi_create(&segment, SIZE, RSM_ALLOW_REBIND);
    multi_create(&fixed, SIZE, 0);
    MULTI_CODE(rsm_memseg_export_rebind(NULL, NULL, 0, 0), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_export_rebind(fixed.handle, NULL, 0, 0),
               RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_memseg_export_rebind(fixed.handle, other, 0, 1),
               RSMERR_REBIND_NOT_ALLOWED);
    MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other + 1, 0,
                                        SIZE - MULTI_PAGE),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(
        rsm_memseg_export_rebind(segment.handle, other, 0, SIZE + MULTI_PAGE),
        RSMERR_BAD_LENGTH);
    MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other, 0, 0),
               RSMERR_BAD_LENGTH);
    MULTI_OK(rsm_memseg_export_rebind(segment.handle, segment.memory, 0, SIZE));
    MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other + 1, 0, SIZE),
               RSMERR_BAD_ADDR);
    multi_free_pages(other + MULTI_PAGE, MULTI_PAGE);
    MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other, 0, SIZE),
               RSMERR_BAD_ADDR);
    cr_assert_eq(mprotect(other + SIZE, MULTI_PAGE, PROT_READ), 0);
    MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other + SIZE, 0, SIZE),
               RSMERR_PERM_DENIED);
    MULTI_OK(
        rsm_memseg_export_rebind(segment.handle, segment.memory, 99, SIZE));
    multi_withdraw(&segment);
    multi_withdraw(&fixed);
    multi_free_pages(other, 2 * SIZE);
}

/* A refused rebind leaves the old memory in place. */
MULTI_TEST(rebind, refusal_changes_nothing, 2)
{
    unsigned char *other = multi_pages(SIZE);
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        cr_assert_eq(mprotect(other, SIZE, PROT_READ), 0);
        MULTI_CODE(rsm_memseg_export_rebind(segment.handle, other, 0, SIZE),
                   RSMERR_PERM_DENIED);
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_put64(&import, 8, 8);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory + 8), 8);
        multi_withdraw(&segment);
    }
    multi_free_pages(other, SIZE);
}
