/* SPDX-License-Identifier: BSD-3-Clause */
/* The same memory in several segments, and exports that are refused. */
#define _GNU_SOURCE
#include "multi.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES(n) ((size_t)(n)*MULTI_PAGE)

static rsm_memseg_export_handle_t publish_range(void *memory, size_t size,
                                                rsm_memseg_id_t id)
{
    rsm_memseg_export_handle_t segment = NULL;

    MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                      size, 0));
    MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    return segment;
}

MULTI_TEST(export, same_memory_twice_is_one_memory, 2)
{
    rsm_memseg_export_handle_t segments[2] = {NULL};
    unsigned char *memory = multi_pages(PAGES(1));
    multi_import_t imports[2];

    if (multi.rank == 0) {
        segments[0] = publish_range(memory, PAGES(1), MULTI_ID(0));
        segments[1] = publish_range(memory, PAGES(1), MULTI_ID(1));
    } else {
        multi_connect(&imports[0], 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_connect(&imports[1], 0, MULTI_ID(1), RSM_PERM_RDWR);
        multi_put64(&imports[0], 8, 1111);
        cr_assert_eq(multi_get64(&imports[1], 8), 1111);
        multi_put64(&imports[1], 16, 2222);
        cr_assert_eq(multi_get64(&imports[0], 16), 2222);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(memory + 8), 1111);
        cr_assert_eq(multi_load64(memory + 16), 2222);
        MULTI_OK(rsm_memseg_export_destroy(segments[0]));
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_put64(&imports[1], 24, 3333);
        multi_disconnect(&imports[0]);
        multi_disconnect(&imports[1]);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(memory + 24), 3333,
                     "the other segment died too");
        MULTI_OK(rsm_memseg_export_destroy(segments[1]));
        cr_assert_eq(multi_load64(memory + 8), 1111);
    }
    multi_free_pages(memory, PAGES(1));
}

/* Segment n covers pages n and n+1, in the order of @p order. */
static void export_staircase(unsigned char *memory, const int order[3],
                             rsm_memseg_export_handle_t segments[3])
{
    int i;

    for (i = 0; i < 3; i++)
        segments[order[i]] = publish_range(memory + PAGES(order[i]), PAGES(2),
                                           MULTI_ID((rsm_memseg_id_t)order[i]));
}

static void check_staircase(const int order[3])
{
    rsm_memseg_export_handle_t segments[3] = {NULL};
    unsigned char *memory = multi_pages(PAGES(4));
    multi_import_t imports[3];
    int i;

    if (multi.rank == 0) {
        multi_fill(memory, PAGES(4), 9);
        export_staircase(memory, order, segments);
        cr_assert(multi_is_filled(memory, PAGES(4), 9));
    }
    multi_sync();
    if (multi.rank == 1) {
        for (i = 0; i < 3; i++)
            multi_connect(&imports[i], 0, MULTI_ID((rsm_memseg_id_t)i),
                          RSM_PERM_RDWR);
        /* The second page of each is the first page of the next. */
        multi_put64(&imports[0], MULTI_PAGE + 8, 100);
        multi_put64(&imports[1], MULTI_PAGE + 8, 101);
        multi_put64(&imports[2], MULTI_PAGE + 8, 102);
        cr_assert_eq(multi_get64(&imports[1], 8), 100);
        cr_assert_eq(multi_get64(&imports[2], 8), 101);
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < 3; i++)
            cr_assert_eq(multi_load64(memory + PAGES(i + 1) + 8),
                         (uint64_t)(100 + i));
        MULTI_OK(rsm_memseg_export_destroy(segments[1]));
        cr_assert_eq(multi_load64(memory + PAGES(1) + 8), 100);
        cr_assert_eq(multi_load64(memory + PAGES(2) + 8), 101);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_put64(&imports[0], MULTI_PAGE + 16, 200);
        multi_put64(&imports[2], 16, 201);
        for (i = 0; i < 3; i++)
            multi_disconnect(&imports[i]);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(memory + PAGES(1) + 16), 200);
        cr_assert_eq(multi_load64(memory + PAGES(2) + 16), 201);
        MULTI_OK(rsm_memseg_export_destroy(segments[0]));
        MULTI_OK(rsm_memseg_export_destroy(segments[2]));
        cr_assert_eq(multi_load64(memory + PAGES(1) + 16), 200);
        cr_assert_eq(multi_load64(memory + PAGES(2) + 16), 201);
        memset(memory, 0, PAGES(4));
    }
    multi_free_pages(memory, PAGES(4));
}

MULTI_TEST(export, overlapping_segments_share_pages, 2)
{
    const int order[3] = {0, 1, 2};

    check_staircase(order);
}

MULTI_TEST(export, overlap_in_the_middle_shares_pages, 2)
{
    const int order[3] = {1, 0, 2};

    check_staircase(order);
}

/* The last segment bridges what the first two left between them. */
MULTI_TEST(export, segment_over_two_others_shares_pages, 2)
{
    const int order[3] = {0, 2, 1};

    check_staircase(order);
}

MULTI_TEST_ONCE(export, argument_errors_come_in_order, 1)
{
    rsmapi_controller_handle_t controller = multi_controller();
    rsm_memseg_export_handle_t segment = NULL;
    unsigned char *memory = multi_pages(PAGES(2));
    rsmapi_controller_attr_t attr;

    MULTI_CODE(rsm_memseg_export_create(NULL, NULL, NULL, 0, 0),
               RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_memseg_export_create(controller, NULL, NULL, 0, 0),
               RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_export_create(controller, &segment, NULL, 0, 0),
               RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_memseg_export_create(controller, &segment, memory + 1, 0, 0),
               RSMERR_BAD_LENGTH);
    MULTI_CODE(
        rsm_memseg_export_create(controller, &segment, memory + 8, PAGES(1), 0),
        RSMERR_BAD_MEM_ALIGNMENT);
    MULTI_CODE(
        rsm_memseg_export_create(controller, &segment, memory, PAGES(1) + 8, 0),
        RSMERR_BAD_MEM_ALIGNMENT);
    MULTI_CODE(rsm_memseg_export_create(controller, &segment, memory, 100, 0),
               RSMERR_BAD_MEM_ALIGNMENT);
    MULTI_OK(rsm_get_controller_attr(controller, &attr));
    if (attr.attr_max_export_segment_size < SIZE_MAX - PAGES(2))
        MULTI_CODE(rsm_memseg_export_create(
                       controller, &segment, memory,
                       (attr.attr_max_export_segment_size | (PAGES(1) - 1)) + 1,
                       0),
                   RSMERR_BAD_LENGTH);
    cr_assert_null(segment, "a failed create gave a handle");
    multi_free_pages(memory, PAGES(2));
}

static void expect_refused(void *memory, size_t size, int code)
{
    rsm_memseg_export_handle_t segment = NULL;

    MULTI_CODE(
        rsm_memseg_export_create(multi_controller(), &segment, memory, size, 0),
        code);
    cr_assert_null(segment);
}

MULTI_TEST(export, refuses_memory_that_is_not_there, 1)
{
    unsigned char *memory = multi_pages(PAGES(4));

    /* What starting the library maps must not fill the hole. */
    multi_controller();
    multi_fill(memory, PAGES(4), 1);
    multi_free_pages(memory + PAGES(2), PAGES(1));
    expect_refused(memory + PAGES(2), PAGES(1), RSMERR_BAD_ADDR);
    expect_refused(memory, PAGES(4), RSMERR_BAD_ADDR);
    expect_refused(memory + PAGES(1), PAGES(2), RSMERR_BAD_ADDR);
    cr_assert(multi_is_filled(memory, PAGES(2), 1), "refusal harmed contents");
    multi_free_pages(memory, PAGES(2));
    multi_free_pages(memory + PAGES(3), PAGES(1));
    expect_refused((void *)(UINTPTR_MAX - PAGES(1) + 1), PAGES(1),
                   RSMERR_BAD_ADDR);
    expect_refused((void *)(UINTPTR_MAX - PAGES(1) + 1), PAGES(2),
                   RSMERR_BAD_ADDR);
}

MULTI_TEST(export, refuses_memory_without_full_access, 1)
{
    unsigned char *memory = multi_pages(PAGES(3));

    multi_fill(memory, PAGES(3), 1);
    cr_assert_eq(mprotect(memory + PAGES(1), PAGES(1), PROT_READ), 0);
    expect_refused(memory + PAGES(1), PAGES(1), RSMERR_PERM_DENIED);
    expect_refused(memory, PAGES(3), RSMERR_PERM_DENIED);
    cr_assert_eq(mprotect(memory + PAGES(1), PAGES(1), PROT_NONE), 0);
    expect_refused(memory, PAGES(3), RSMERR_PERM_DENIED);
    cr_assert_eq(mprotect(memory + PAGES(1), PAGES(1), PROT_READ), 0);
    cr_assert(multi_is_filled(memory, PAGES(3), 1), "refusal harmed contents");
    multi_free_pages(memory, PAGES(3));
}

MULTI_TEST_ONCE(export, ignores_unknown_flags, 1)
{
    rsm_memseg_export_handle_t segment = NULL;
    unsigned char *memory = multi_pages(PAGES(1));

    MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                      PAGES(1),
                                      RSM_CREATE_SEG_DONTWAIT | 0xfff0));
    MULTI_CODE(rsm_memseg_export_rebind(segment, memory, 0, PAGES(1)),
               RSMERR_REBIND_NOT_ALLOWED);
    MULTI_OK(rsm_memseg_export_destroy(segment));
    multi_free_pages(memory, PAGES(1));
}

MULTI_TEST_ONCE(export, destroyed_handle_is_dead, 1)
{
    multi_segment_t segment;
    rsm_memseg_id_t id = MULTI_ID(0);

    multi_create(&segment, PAGES(1), 0);
    MULTI_OK(rsm_memseg_export_destroy(segment.handle));
    MULTI_CODE(rsm_memseg_export_destroy(segment.handle), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsm_memseg_export_publish(segment.handle, &id, NULL, 0),
               RSMERR_BAD_SEG_HNDL);
    multi_free_pages(segment.memory, segment.size);
}

/* Descriptors and mappings go away with the segments. */
MULTI_TEST(export, thousand_segments_at_once_work, 2)
{
    enum { COUNT = 1000 };
    static rsm_memseg_export_handle_t segments[COUNT];
    unsigned char *memory = multi_pages(PAGES(COUNT));
    multi_import_t import;
    size_t i;

    if (multi.rank == 0) {
        for (i = 0; i < COUNT; i++)
            segments[i] = publish_range(memory + PAGES(i), PAGES(1),
                                        MULTI_ID((rsm_memseg_id_t)i));
    }
    multi_sync();
    if (multi.rank == 1) {
        for (i = 0; i < COUNT; i += 37) {
            multi_connect(&import, 0, MULTI_ID((rsm_memseg_id_t)i),
                          RSM_PERM_RDWR);
            multi_put64(&import, 0, i);
            multi_disconnect(&import);
        }
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < COUNT; i++) {
            uint64_t expected = i % 37 == 0 ? i : 0;

            cr_assert_eq(multi_load64(memory + PAGES(i)), expected);
            MULTI_OK(rsm_memseg_export_destroy(segments[i]));
        }
    }
    multi_free_pages(memory, PAGES(COUNT));
}

static atomic_bool is_over;

/* Reads without pause; tells whether it always saw the same. */
static void *read_all_the_time(void *arg)
{
    const unsigned char *memory = arg;
    size_t mistakes = 0;

    while (!atomic_load(&is_over))
        mistakes += multi_is_all(memory, PAGES(4), 'r') ? 0 : 1;
    return (void *)(uintptr_t)mistakes;
}

/* There is no moment without pages, nor one with other contents. */
MULTI_TEST(export, readers_in_other_threads_never_notice, 1)
{
    unsigned char *memory = multi_pages(PAGES(4));
    rsm_memseg_export_handle_t segment = NULL;
    pthread_t reader;
    void *mistakes = NULL;
    int i;

    memset(memory, 'r', PAGES(4));
    multi_controller();
    cr_assert_eq(pthread_create(&reader, NULL, read_all_the_time, memory), 0);
    for (i = 0; i < 300; i++) {
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                          PAGES(4), 0));
        MULTI_OK(rsm_memseg_export_destroy(segment));
    }
    atomic_store(&is_over, true);
    pthread_join(reader, &mistakes);
    cr_assert_null(mistakes, "contents were not always there");
    multi_free_pages(memory, PAGES(4));
}

/* A mistake of the application: the memory goes before the segment. Nothing
 * is promised but that nobody crashes and new memory there is left alone. */
MULTI_TEST(export, survives_memory_unmapped_too_early, 2)
{
    unsigned char *again;
    uint64_t word = 1;
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, PAGES(2), MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        multi_free_pages(segment.memory, PAGES(2));
        again = mmap(segment.memory, PAGES(2), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        cr_assert_eq(again, segment.memory);
        memset(again, 'a', PAGES(2));
    }
    multi_sync();
    if (multi.rank == 1) {
        rsm_memseg_import_put64(import.handle, 0, &word, 1);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        cr_assert(multi_is_all(segment.memory, PAGES(2), 'a'),
                  "new memory was overwritten");
        multi_free_pages(segment.memory, PAGES(2));
    }
}
