/* SPDX-License-Identifier: BSD-3-Clause */
/* Mapping a segment: what one may not do, and what is left of it after a
 * forced disconnect. */
#include "view.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static sigjmp_buf fault_exit;

static void on_fault(int number)
{
    siglongjmp(fault_exit, number);
}

/* Whether a store to the address faults. */
static bool store_faults(volatile unsigned char *address)
{
    struct sigaction action = {.sa_handler = on_fault};
    struct sigaction segv;
    struct sigaction bus;
    bool faulted = true;

    sigaction(SIGSEGV, &action, &segv);
    sigaction(SIGBUS, &action, &bus);
    if (sigsetjmp(fault_exit, 1) == 0) {
        *address = 'w';
        faulted = false;
    }
    sigaction(SIGSEGV, &segv, NULL);
    sigaction(SIGBUS, &bus, NULL);
    return faulted;
}

static void check_read_only(multi_import_t *import)
{
    unsigned char *view;
    void *address = NULL;

    MULTI_CODE(rsm_memseg_import_map(import->handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_RDWR, 0, SIZE),
               RSMERR_BAD_PERMS);
    MULTI_CODE(rsm_memseg_import_map(import->handle, &address, RSM_MAP_NONE,
                                     RSM_PERM_WRITE, 0, SIZE),
               RSMERR_BAD_PERMS);
    view = view_map(import, RSM_PERM_READ, 0, SIZE);
    if (view == NULL)
        return;
    cr_assert(multi_is_filled(view, SIZE, 1));
    cr_assert(store_faults(view + 5), "stored through a read-only mapping");
    cr_assert_neq(mprotect(view, SIZE, PROT_READ | PROT_WRITE), 0,
                  "the kernel lets a reader make itself a writer");
    MULTI_OK(rsm_memseg_import_unmap(import->handle));
}

static void judge_first_filling(const unsigned char *memory)
{
    cr_assert(multi_is_filled(memory, SIZE, 1));
}

MULTI_TEST(map, reading_connection_cannot_store, 2)
{
    view_with_segment(RSM_PERM_READ, check_read_only, judge_first_filling);
}

static void check_read_view(multi_import_t *import)
{
    unsigned char *view = view_map(import, RSM_PERM_READ, 0, SIZE);

    if (view == NULL)
        return;
    cr_assert(store_faults(view + 5), "stored through a read-only mapping");
    MULTI_OK(rsm_memseg_import_unmap(import->handle));
}

MULTI_TEST(map, reading_view_of_a_writer_cannot_store, 2)
{
    view_with_segment(RSM_PERM_RDWR, check_read_view, judge_first_filling);
}

/* A withdrawn mapping stays an address, but leads nowhere. */
MULTI_TEST(map, forced_disconnect_leaves_a_dummy, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    unsigned char *view = NULL;
    void *address = NULL;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        view = view_map(&import, RSM_PERM_RDWR, 0, SIZE);
        if (view != NULL)
            memset(view, 'a', SIZE);
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        memset(segment.memory, 'b', SIZE);
    }
    multi_sync();
    if (multi.rank == 1) {
        if (view != NULL) {
            cr_assert_not(store_faults(view + SIZE - 1));
            memset(view, 'c', SIZE);
        }
        MULTI_CODE(rsm_memseg_import_map(import.handle, &address, RSM_MAP_NONE,
                                         RSM_PERM_READ, 0, SIZE),
                   view != NULL ? RSMERR_SEG_ALREADY_MAPPED
                                : RSMERR_CONN_ABORTED);
        if (view != NULL) {
            MULTI_CODE(rsm_memseg_import_disconnect(import.handle),
                       RSMERR_SEG_STILL_MAPPED);
            MULTI_OK(rsm_memseg_import_unmap(import.handle));
        }
        MULTI_CODE(rsm_memseg_import_map(import.handle, &address, RSM_MAP_NONE,
                                         RSM_PERM_READ, 0, SIZE),
                   RSMERR_CONN_ABORTED);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert(multi_is_all(segment.memory, SIZE, 'b'),
                  "a store landed after unpublish");
        multi_withdraw(&segment);
    }
}

/* Memory that several segments make up looks like one range. */
MULTI_TEST(map, shows_pages_of_overlapping_exports, 2)
{
    unsigned char *memory = multi_pages(SIZE);
    rsm_memseg_export_handle_t segments[3] = {NULL};
    rsm_memseg_id_t id;
    multi_import_t import;
    unsigned char *view;
    size_t i;

    if (multi.rank == 0) {
        const size_t first[3] = {2, 0, 0};
        const size_t count[3] = {2, 1, 4};

        multi_fill(memory, SIZE, 1);
        for (i = 0; i < 3; i++) {
            id = MULTI_ID((rsm_memseg_id_t)i);
            MULTI_OK(rsm_memseg_export_create(multi_controller(), &segments[i],
                                              memory + first[i] * MULTI_PAGE,
                                              count[i] * MULTI_PAGE, 0));
            MULTI_OK(rsm_memseg_export_publish(segments[i], &id, NULL, 0));
        }
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, MULTI_ID(2), RSM_PERM_RDWR);
        view = view_map(&import, RSM_PERM_RDWR, 0, SIZE);
        if (view != NULL) {
            cr_assert(multi_is_filled(view, SIZE, 1));
            multi_fill(view, SIZE, 2);
            MULTI_OK(rsm_memseg_import_unmap(import.handle));
        } else {
            multi_fill(memory, SIZE, 2);
            MULTI_OK(rsm_memseg_import_put(import.handle, 0, memory, SIZE));
        }
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert(multi_is_filled(memory, SIZE, 2));
        for (i = 0; i < 3; i++)
            MULTI_OK(rsm_memseg_export_destroy(segments[i]));
    }
    multi_free_pages(memory, SIZE);
}
