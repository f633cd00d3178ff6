/* SPDX-License-Identifier: BSD-3-Clause */
/* What memory can be exported, and what becomes of it. */
#define _GNU_SOURCE
#include "multi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES(n) ((size_t)(n)*MULTI_PAGE)

/* Rank 0 exports @p memory, rank 1 reads what was in it and writes something
 * else; the exporter sees that in its memory, during and after the export. */
static void expect_exportable(unsigned char *memory, size_t size)
{
    rsm_memseg_export_handle_t segment = NULL;
    rsm_memseg_id_t id = MULTI_ID(0);
    unsigned char *copy = malloc(size);
    multi_import_t import;

    cr_assert_not_null(copy);
    if (multi.rank == 0) {
        multi_fill(memory, size, 1);
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                          size, 0));
        cr_assert(multi_is_filled(memory, size, 1), "create changed contents");
        MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, id, RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_get(import.handle, 0, copy, size));
        cr_assert(multi_is_filled(copy, size, 1), "importer reads wrong data");
        multi_fill(copy, size, 2);
        MULTI_OK(rsm_memseg_import_put(import.handle, 0, copy, size));
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert(multi_is_filled(memory, size, 2), "put did not arrive");
        multi_fill(memory, size, 3);
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(rsm_memseg_import_get(import.handle, 0, copy, size));
        cr_assert(multi_is_filled(copy, size, 3), "owner's store not seen");
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsm_memseg_export_destroy(segment));
        cr_assert(multi_is_filled(memory, size, 3), "destroy lost contents");
        multi_fill(memory, size, 4);
        cr_assert(multi_is_filled(memory, size, 4), "memory no longer usable");
    }
    free(copy);
    multi_sync();
}

MULTI_TEST(export, takes_anonymous_memory, 2)
{
    void *memory = multi_pages(PAGES(3));

    expect_exportable(memory, PAGES(3));
    multi_free_pages(memory, PAGES(3));
}

MULTI_TEST(export, takes_heap_memory, 2)
{
    void *memory = NULL;

    cr_assert_eq(posix_memalign(&memory, MULTI_PAGE, PAGES(2)), 0);
    expect_exportable(memory, PAGES(2));
    free(memory);
}

MULTI_TEST(export, takes_valloc_memory, 2)
{
    void *memory = valloc(PAGES(2));

    cr_assert_not_null(memory);
    expect_exportable(memory, PAGES(2));
    free(memory);
}

static unsigned char static_memory[2 * MULTI_PAGE]
    __attribute__((aligned(MULTI_PAGE)));

MULTI_TEST(export, takes_static_memory, 2)
{
    expect_exportable(static_memory, sizeof(static_memory));
}

MULTI_TEST(export, takes_shared_anonymous_memory, 2)
{
    void *memory = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    expect_exportable(memory, PAGES(2));
    multi_free_pages(memory, PAGES(2));
}

MULTI_TEST(export, takes_system_v_memory, 2)
{
    int id = shmget(IPC_PRIVATE, PAGES(2), IPC_CREAT | 0600);
    void *memory = shmat(id, NULL, 0);

    shmctl(id, IPC_RMID, NULL);
    cr_assert_neq(memory, (void *)-1);
    expect_exportable(memory, PAGES(2));
    cr_assert_eq(shmdt(memory), 0);
}

/* The file keeps its contents: the mapping is private. */
MULTI_TEST(export, takes_private_file_mapping, 2)
{
    unsigned char *memory;
    unsigned char byte = 0;
    int fd = memfd_create("export", MFD_CLOEXEC);

    cr_assert_eq(ftruncate(fd, (off_t)PAGES(2)), 0);
    cr_assert_eq(pwrite(fd, "f", 1, 0), 1);
    memory = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    cr_assert_neq(memory, MAP_FAILED);
    expect_exportable(memory, PAGES(2));
    cr_assert_eq(pread(fd, &byte, 1, 0), 1);
    cr_assert_eq(byte, 'f', "the file was written");
    multi_free_pages(memory, PAGES(2));
    close(fd);
}

MULTI_TEST(export, takes_shared_file_mapping, 2)
{
    unsigned char *memory;
    int fd = memfd_create("export", MFD_CLOEXEC);

    cr_assert_eq(ftruncate(fd, (off_t)PAGES(2)), 0);
    memory = mmap(NULL, PAGES(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(memory, MAP_FAILED);
    expect_exportable(memory, PAGES(2));
    multi_free_pages(memory, PAGES(2));
    close(fd);
}

MULTI_TEST(export, takes_huge_page_memory, 2)
{
    const size_t size = (size_t)4 << 20;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(memory, MAP_FAILED);
    madvise(memory, size, MADV_HUGEPAGE);
    expect_exportable(memory, size);
    multi_free_pages(memory, size);
}

/* Two mappings of different kind in a row are one range to the caller. */
MULTI_TEST(export, takes_a_range_of_two_mappings, 2)
{
    unsigned char *memory = multi_pages(PAGES(4));
    void *second = mmap(memory + PAGES(2), PAGES(2), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    cr_assert_neq(second, MAP_FAILED);
    expect_exportable(memory, PAGES(4));
    multi_free_pages(memory, PAGES(4));
}

MULTI_TEST(export, leaves_neighbouring_pages_alone, 2)
{
    unsigned char *memory = multi_pages(PAGES(5));

    memset(memory, 'n', PAGES(5));
    expect_exportable(memory + PAGES(2), PAGES(1));
    cr_assert(multi_is_all(memory, PAGES(2), 'n'));
    cr_assert(multi_is_all(memory + PAGES(3), PAGES(2), 'n'));
    multi_free_pages(memory, PAGES(5));
}

MULTI_TEST(export, survives_a_thousand_rounds_on_the_heap, 1)
{
    int i;

    for (i = 0; i < 1000; i++) {
        rsm_memseg_export_handle_t segment = NULL;
        unsigned char *memory = NULL;

        cr_assert_eq(posix_memalign((void **)&memory, MULTI_PAGE, PAGES(1)), 0);
        memset(memory, i, PAGES(1));
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                          PAGES(1), 0));
        MULTI_OK(rsm_memseg_export_destroy(segment));
        cr_assert(multi_is_all(memory, PAGES(1), (unsigned char)i));
        free(memory);
    }
}

/* After fork the child has a copy, as it would without the library. */
MULTI_TEST(export, memory_is_copied_by_fork, 1)
{
    multi_segment_t segment;
    int status = -1;
    pid_t child;

    multi_publish(&segment, PAGES(1), 0);
    memset(segment.memory, 'p', PAGES(1));
    child = fork();
    if (child == 0) {
        if (segment.memory[0] != 'p')
            _exit(1);
        segment.memory[0] = 'c';
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "the child does not see the contents");
    cr_assert_eq(segment.memory[0], 'p', "the child wrote the parent's page");
    multi_withdraw(&segment);
}

/* Memory of frames further up, too: it may share pages with frames in use. */
static void *export_stack(void *arg)
{
    unsigned char array[16 * MULTI_PAGE];
    uintptr_t at = (uintptr_t)array + 8 * MULTI_PAGE;
    rsm_memseg_export_handle_t segment;

    array[0] = 0;
    *(int *)arg = rsm_memseg_export_create(
        multi_controller(), &segment,
        (void *)(at & ~(uintptr_t)(MULTI_PAGE - 1)), MULTI_PAGE, 0);
    return array[0] == 0 ? arg : NULL;
}

MULTI_TEST(export, refuses_all_of_the_callers_stack, 1)
{
    int rc = RSM_SUCCESS;
    pthread_t thread;

    cr_assert_not_null(export_stack(&rc));
    cr_assert_eq(rc, RSMERR_BAD_ADDR);
    rc = RSM_SUCCESS;
    cr_assert_eq(pthread_create(&thread, NULL, export_stack, &rc), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(rc, RSMERR_BAD_ADDR);
}
