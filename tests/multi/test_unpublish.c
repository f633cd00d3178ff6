/* SPDX-License-Identifier: BSD-3-Clause */
/* Withdrawing a segment while others use it. When unpublish or destroy has
 * returned, nothing of theirs reaches the memory any more. */
#include "multi.h"

#include <string.h>

#define SIZE ((size_t)16 * MULTI_PAGE)

/* Importers put as fast as they can until they are cut off. */
static void hammer(multi_import_t *import, unsigned char *data)
{
    int64_t deadline = multi_clock_ms() + MULTI_PATIENCE;
    int rc;

    do {
        rc = rsm_memseg_import_put(import->handle, 0, data, SIZE);
        if (rc == RSM_SUCCESS)
            rc = rsm_memseg_import_put64(import->handle, SIZE - 8,
                                         (uint64_t *)(void *)data, 1);
        cr_assert_lt(multi_clock_ms(), deadline, "never cut off");
    } while (rc == RSM_SUCCESS);
    cr_assert_eq(rc, RSMERR_CONN_ABORTED, "%s", rsmx_error_name(rc));
}

static void check_under_fire(bool is_destroyed)
{
    enum { ROUNDS = 40 };
    unsigned char *data = multi_pages(SIZE);
    multi_segment_t segment;
    multi_import_t import;
    int round;

    memset(data, 0xff, SIZE);
    if (multi.rank == 0 && !is_destroyed)
        multi_create(&segment, SIZE, 0);
    for (round = 0; round < ROUNDS; round++) {
        rsm_memseg_id_t id = MULTI_ID((rsm_memseg_id_t)round);

        if (multi.rank > 0) {
            multi_connect(&import, 0, id, RSM_PERM_RDWR);
            multi_sync();
            hammer(&import, data);
            MULTI_CODE(rsm_memseg_import_put(import.handle, 0, data, SIZE),
                       RSMERR_CONN_ABORTED);
            multi_sync();
            multi_disconnect(&import);
            continue;
        }
        if (is_destroyed)
            multi_create(&segment, SIZE, 0);
        MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
        multi_sync();
        MULTI_WAIT(multi_load64(segment.memory + SIZE - 8) != 0);
        if (is_destroyed)
            MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        else
            MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        memset(segment.memory, 0, SIZE);
        multi_sync();
        cr_assert(multi_is_all(segment.memory, SIZE, 0),
                  "a put landed after the withdrawal, round %d", round);
        if (is_destroyed)
            multi_free_pages(segment.memory, SIZE);
    }
    multi_sync();
    if (multi.rank == 0 && !is_destroyed)
        multi_withdraw(&segment);
    multi_free_pages(data, SIZE);
}

MULTI_TEST(unpublish, nothing_lands_afterwards, 2)
{
    check_under_fire(false);
}

MULTI_TEST(unpublish, nothing_lands_from_several, 4)
{
    check_under_fire(false);
}

MULTI_TEST(unpublish, nothing_lands_after_destroy, 2)
{
    check_under_fire(true);
}

/* Mapped importers store without asking; they do not fault, nor land. */
MULTI_TEST(unpublish, stores_of_mappings_do_not_land, 2)
{
    enum { ROUNDS = 30 };
    multi_segment_t segment;
    multi_import_t import;
    uint64_t *view = NULL;
    void *address = NULL;
    int round;
    int rc;
    size_t i;

    if (multi.rank == 0)
        multi_create(&segment, SIZE, 0);
    for (round = 0; round < ROUNDS; round++) {
        rsm_memseg_id_t id = MULTI_ID((rsm_memseg_id_t)round);

        if (multi.rank == 0)
            MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
        multi_sync();
        if (multi.rank == 1) {
            multi_connect(&import, 0, id, RSM_PERM_RDWR);
            address = NULL;
            rc = rsm_memseg_import_map(import.handle, &address, RSM_MAP_NONE,
                                       RSM_PERM_RDWR, 0, SIZE);
            cr_assert(rc == RSM_SUCCESS || (rc == RSMERR_MAP_FAILED &&
                                            multi_path() != MULTI_PATH_DIRECT),
                      "%s", rsmx_error_name(rc));
            view = rc == RSM_SUCCESS ? address : NULL;
        }
        if (!multi_share(1, view != NULL)) {
            if (multi.rank == 1)
                multi_disconnect(&import);
            break;
        }
        if (multi.rank == 1) {
            int64_t deadline = multi_clock_ms() + MULTI_PATIENCE;

            do {
                MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
                for (i = 0; i < SIZE / 8; i++)
                    __atomic_store_n(&view[i], ~(uint64_t)0, __ATOMIC_RELAXED);
                rc = rsm_memseg_import_close_barrier(&import.barrier);
                cr_assert_lt(multi_clock_ms(), deadline, "never cut off");
            } while (rc == RSM_SUCCESS);
            cr_assert_eq(rc, RSMERR_CONN_ABORTED, "%s", rsmx_error_name(rc));
            MULTI_OK(rsm_memseg_import_unmap(import.handle));
            multi_disconnect(&import);
        } else {
            MULTI_WAIT(multi_load64(segment.memory + SIZE - 8) != 0);
            MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
            memset(segment.memory, 0, SIZE);
        }
        multi_sync();
        if (multi.rank == 0)
            cr_assert(multi_is_all(segment.memory, SIZE, 0),
                      "a store landed after unpublish, round %d", round);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* What the importer was told is there is there: a put that succeeded before
 * unpublish is in the memory afterwards. */
MULTI_TEST(unpublish, successful_puts_are_kept, 2)
{
    enum { ROUNDS = 100 };
    multi_segment_t segment;
    multi_import_t import;
    uint64_t last = 0;
    uint64_t next;
    int round;
    int rc;

    if (multi.rank == 0)
        multi_create(&segment, MULTI_PAGE, 0);
    for (round = 0; round < ROUNDS; round++) {
        rsm_memseg_id_t id = MULTI_ID((rsm_memseg_id_t)round);

        if (multi.rank == 0) {
            memset(segment.memory, 0, MULTI_PAGE);
            MULTI_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
            MULTI_WAIT(multi_load64(segment.memory) > 3);
            MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        } else {
            multi_connect(&import, 0, id, RSM_PERM_RDWR);
            for (next = 1;; next++) {
                rc = rsm_memseg_import_put64(import.handle, 0, &next, 1);
                if (rc != RSM_SUCCESS)
                    break;
                last = next;
            }
            cr_assert_eq(rc, RSMERR_CONN_ABORTED, "%s", rsmx_error_name(rc));
            multi_disconnect(&import);
        }
        last = multi_share(1, last);
        if (multi.rank == 0)
            cr_assert_geq(multi_load64(segment.memory), last,
                          "a put that succeeded was lost");
    }
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* The handle stays dead though the identifier lives again. */
MULTI_TEST(unpublish, old_connection_never_revives, 2)
{
    multi_segment_t segment;
    multi_import_t old;
    multi_import_t fresh;
    uint64_t word = 666;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&old, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_OK(
            rsm_memseg_export_publish(segment.handle, &segment.id, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&fresh, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_put64(&fresh, 0, 5);
        MULTI_CODE(rsm_memseg_import_put64(old.handle, 0, &word, 1),
                   RSMERR_CONN_ABORTED);
        MULTI_CODE(rsm_memseg_import_get64(old.handle, 0, &word, 1),
                   RSMERR_CONN_ABORTED);
        MULTI_CODE(rsmx_import_fetch_add64(old.handle, 0, 1, NULL),
                   RSMERR_CONN_ABORTED);
        MULTI_CODE(rsm_intr_signal_post(old.handle, 0), RSMERR_CONN_ABORTED);
        cr_assert_eq(multi_get64(&fresh, 0), 5);
        multi_disconnect(&old);
        multi_put64(&fresh, 0, 6);
        multi_disconnect(&fresh);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory), 6);
        MULTI_CODE(rsm_intr_signal_wait(segment.handle, 20), RSMERR_TIMEOUT);
        multi_withdraw(&segment);
    }
}

/* An importer that keeps silent (stopped in a computation) delays nobody for
 * long, and its late put does no harm. */
MULTI_TEST(unpublish, does_not_wait_for_applications, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    uint64_t word = 5;
    int64_t start;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        start = multi_clock_ms();
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        cr_assert_lt(multi_clock_ms() - start, 900,
                     "the importer's own threads were waited for");
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_CODE(rsm_memseg_import_put64(import.handle, 0, &word, 1),
                   RSMERR_CONN_ABORTED);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory), 0);
        multi_withdraw(&segment);
    }
}

/* Two segments over the same pages: withdrawing one must not cut the other,
 * and what goes through the other still lands. */
MULTI_TEST(unpublish, spares_other_segments_of_the_pages, 2)
{
    rsm_memseg_export_handle_t twin = NULL;
    rsm_memseg_id_t twin_id = MULTI_ID(1);
    multi_segment_t segment;
    multi_import_t import;
    multi_import_t other;
    uint64_t word = 5;

    if (multi.rank == 0) {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &twin,
                                          segment.memory, MULTI_PAGE, 0));
        MULTI_OK(rsm_memseg_export_publish(twin, &twin_id, NULL, 0));
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_connect(&other, 0, twin_id, RSM_PERM_RDWR);
    }
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    multi_sync();
    if (multi.rank == 1) {
        MULTI_CODE(rsm_memseg_import_put64(import.handle, 0, &word, 1),
                   RSMERR_CONN_ABORTED);
        multi_put64(&other, 8, 77);
        multi_disconnect(&import);
        multi_disconnect(&other);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory), 0);
        cr_assert_eq(multi_load64(segment.memory + 8), 77);
        MULTI_OK(rsm_memseg_export_destroy(twin));
        multi_withdraw(&segment);
    }
}
