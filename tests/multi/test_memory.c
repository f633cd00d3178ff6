/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that the library allocated. */
#include "multi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define SIZE (64 * PAGE)

static unsigned char *allocate(size_t size)
{
    void *memory = NULL;

    MULTI_OK(rsmx_memory_alloc(size, &memory));
    cr_assert_eq((uintptr_t)memory % PAGE, 0);
    cr_assert(multi_is_all(memory, size, 0), "not zero");
    return memory;
}

static void export_some(multi_segment_t *segment, unsigned char *memory,
                        size_t size, rsm_memseg_id_t id, uint_t flags)
{
    segment->memory = memory;
    segment->size = size;
    segment->id = id;
    MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment->handle,
                                      memory, size, flags));
    MULTI_OK(rsm_memseg_export_publish(segment->handle, &segment->id, NULL, 0));
}

MULTI_TEST_ONCE(memory, arguments_are_checked, 1)
{
    unsigned char *memory;
    void *same = &same, *before = same;

    MULTI_CODE(rsmx_memory_alloc(PAGE, NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_memory_alloc(0, NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_memory_alloc(0, &same), RSMERR_BAD_LENGTH);
    MULTI_CODE(rsmx_memory_alloc(SIZE_MAX, &same), RSMERR_INSUFFICIENT_MEM);
    MULTI_CODE(rsmx_memory_alloc(SIZE_MAX / 2, &same), RSMERR_INSUFFICIENT_MEM);
    cr_assert_eq(same, before, "an output of a failed call");
    MULTI_CODE(rsmx_memory_free(NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_memory_free(&same), RSMERR_BAD_ADDR);
    memory = allocate(5);
    memory[PAGE - 1] = 1; /* whole pages */
    MULTI_CODE(rsmx_memory_free(memory + 1), RSMERR_BAD_ADDR);
    MULTI_OK(rsmx_memory_free(memory));
    MULTI_CODE(rsmx_memory_free(memory), RSMERR_BAD_ADDR);
}

/* Unlike memory of the program's own, it is not worth copying: what a store
 * finds there before and after is the very same page. */
MULTI_TEST(memory, is_seen_by_others_as_it_is, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    unsigned char *memory;

    if (multi.rank == 0) {
        memory = allocate(SIZE);
        multi_fill(memory, SIZE, 1);
        export_some(&segment, memory, SIZE, MULTI_ID(0), 0);
        multi_sync();
        multi_sync();
        cr_assert_eq(multi_load64(memory + PAGE), 77);
        MULTI_CODE(rsmx_memory_free(memory), RSMERR_SEG_IN_USE);
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_CODE(rsmx_memory_free(memory), RSMERR_SEG_IN_USE);
        MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        cr_assert_eq(multi_load64(memory + PAGE), 77, "lost by destroy");
        /* Again, and its pages are still there. */
        export_some(&segment, memory, SIZE, MULTI_ID(0), 0);
        cr_assert_eq(multi_load64(memory + PAGE), 77);
        multi_sync();
        multi_sync();
        MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        MULTI_OK(rsmx_memory_free(memory));
    } else {
        memory = malloc(SIZE);
        multi_sync();
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_get(import.handle, 0, memory, SIZE));
        cr_assert(multi_is_filled(memory, SIZE, 1));
        multi_put64(&import, PAGE, 77);
        multi_disconnect(&import);
        multi_sync();
        multi_sync();
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        cr_assert_eq(multi_get64(&import, PAGE), 77);
        multi_disconnect(&import);
        multi_sync();
        free(memory);
    }
}

MULTI_TEST(memory, parts_and_overlapping_parts_are_exported, 2)
{
    multi_segment_t first, second;
    multi_import_t imports[2];
    unsigned char *memory;

    if (multi.rank == 0) {
        memory = allocate(SIZE);
        export_some(&first, memory + PAGE, 8 * PAGE, MULTI_ID(1), 0);
        export_some(&second, memory + 4 * PAGE, 8 * PAGE, MULTI_ID(2), 0);
        multi_sync();
        multi_sync();
        cr_assert_eq(multi_load64(memory + 4 * PAGE), 5);
        MULTI_OK(rsm_memseg_export_destroy(first.handle));
        MULTI_CODE(rsmx_memory_free(memory), RSMERR_SEG_IN_USE);
        cr_assert_eq(multi_load64(memory + 4 * PAGE), 5);
        multi_sync();
        multi_sync();
        MULTI_OK(rsm_memseg_export_destroy(second.handle));
        cr_assert_eq(multi_load64(memory + 4 * PAGE), 6);
        MULTI_OK(rsmx_memory_free(memory));
    } else {
        multi_sync();
        multi_connect(&imports[0], 0, MULTI_ID(1), RSM_PERM_RDWR);
        multi_connect(&imports[1], 0, MULTI_ID(2), RSM_PERM_RDWR);
        multi_put64(&imports[0], 3 * PAGE, 5);
        cr_assert_eq(multi_get64(&imports[1], 0), 5);
        multi_sync();
        multi_sync();
        multi_put64(&imports[1], 0, 6);
        multi_disconnect(&imports[0]);
        multi_disconnect(&imports[1]);
        multi_sync();
    }
}

/* To it and away from it, while somebody is connected. */
MULTI_TEST(memory, segments_are_rebound, 2)
{
    unsigned char *memory, *spare, *own, *half;
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        memory = allocate(SIZE);
        spare = allocate(SIZE);
        half = allocate(2 * SIZE);
        own = multi_pages(SIZE);
        memory[0] = 1;
        own[0] = 2;
        spare[0] = 3;
        export_some(&segment, memory, SIZE, MULTI_ID(3), RSM_ALLOW_REBIND);
        multi_sync();
        multi_sync();
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, own, 0, SIZE));
        cr_assert_eq(memory[0], 1, "the old range lost its contents");
        multi_sync();
        multi_sync();
        MULTI_OK(rsm_memseg_export_rebind(segment.handle, spare, 0, SIZE));
        cr_assert_eq(own[0], 2);
        multi_sync();
        multi_sync();
        if (multi_path() != MULTI_PATH_NET) {
            /* A part of other memory, whose pages cannot be exchanged. */
            MULTI_CODE(rsm_memseg_export_rebind(segment.handle, half, 0, SIZE),
                       RSMERR_INSUFFICIENT_RESOURCES);
        }
        MULTI_OK(rsmx_memory_free(memory));
        MULTI_CODE(rsmx_memory_free(spare), RSMERR_SEG_IN_USE);
        multi_sync();
        MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        cr_assert_eq(spare[0], 3);
        MULTI_OK(rsmx_memory_free(spare));
        MULTI_OK(rsmx_memory_free(half));
        multi_free_pages(own, SIZE);
    } else {
        multi_sync();
        multi_connect(&import, 0, MULTI_ID(3), RSM_PERM_RDWR);
        cr_assert_eq(multi_get64(&import, 0), 1);
        multi_sync();
        multi_sync();
        cr_assert_eq(multi_get64(&import, 0), 2);
        multi_sync();
        multi_sync();
        cr_assert_eq(multi_get64(&import, 0), 3);
        multi_sync();
        multi_sync();
        multi_disconnect(&import);
    }
}

/* As all exported memory: the child has a copy, and no library. */
MULTI_TEST_ONCE(memory, a_child_has_a_copy, 1)
{
    unsigned char *memory = allocate(SIZE);
    void *more = NULL;
    int status;
    pid_t child;

    memory[0] = 1;
    child = fork();
    if (child == 0) {
        if ((memory[0] != 1) ||
            (rsmx_memory_free(memory) != RSMERR_INTERNAL_ERROR) ||
            (rsmx_memory_alloc(PAGE, &more) != RSMERR_INTERNAL_ERROR)) {
            _exit(1);
        }
        memory[0] = 2;
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(memory[0], 1, "the child has written into the parent");
    MULTI_OK(rsmx_memory_free(memory));
}

MULTI_TEST_ONCE(memory, comes_and_goes_thousands_of_times, 1)
{
    multi_segment_t segment;
    unsigned char *memory;
    int round;

    for (round = 0; round < 3000; ++round) {
        memory = allocate((size_t)(1 + round % 40) * PAGE);
        memory[0] = 9;
        export_some(&segment, memory, PAGE, MULTI_ID(4), 0);
        MULTI_OK(rsm_memseg_export_destroy(segment.handle));
        cr_assert_eq(memory[0], 9);
        MULTI_OK(rsmx_memory_free(memory));
    }
}
