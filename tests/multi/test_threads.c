/* SPDX-License-Identifier: BSD-3-Clause */
/* Several threads use the library at once, each its own things. */
#include "crew.h"
#include "writers.h"

#include <string.h>

#define SIZE ((size_t)8 * MULTI_PAGE)

/* Fill the own part of the segment, read it back, compare. */
static void *put_and_get(void *arg)
{
    worker_t *worker = arg;
    rsm_memseg_import_handle_t import = worker->import->handle;
    size_t part = SIZE / THREADS;
    off_t offset = (off_t)(worker->index * part);
    unsigned char data[SIZE / THREADS];
    uint32_t round;

    for (round = 0; round < 300 && worker->code == RSM_SUCCESS; round++) {
        multi_fill(data, part, round * THREADS + worker->index);
        worker->code = rsm_memseg_import_put(import, offset, data, part);
        if (worker->code != RSM_SUCCESS)
            break;
        memset(data, 0, part);
        worker->code = rsm_memseg_import_get(import, offset, data, part);
        if (worker->code == RSM_SUCCESS &&
            !multi_is_filled(data, part, round * THREADS + worker->index))
            worker->code = RSMERR_INTERNAL_ERROR;
    }
    return NULL;
}

static void check_parts(const multi_segment_t *segment)
{
    size_t part = SIZE / THREADS;
    uint32_t i;

    for (i = 0; i < THREADS; i++)
        cr_assert(multi_is_filled(segment->memory + i * part, part,
                                  299 * THREADS + i));
}

MULTI_TEST(threads, share_a_handle, 2)
{
    worker_t workers[THREADS];
    multi_segment_t segment;
    multi_import_t import;
    unsigned i;

    multi_publish(&segment, SIZE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    for (i = 0; i < THREADS; i++)
        workers[i].import = &import;
    crew_run(put_and_get, workers, NULL);
    multi_sync();
    check_parts(&segment);
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(threads, have_handles_of_their_own, 2)
{
    multi_import_t imports[THREADS];
    worker_t workers[THREADS];
    multi_segment_t segment;
    unsigned i;

    multi_publish(&segment, SIZE, MULTI_ID(0));
    for (i = 0; i < THREADS; i++) {
        multi_connect(&imports[i], 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
        workers[i].import = &imports[i];
    }
    crew_run(put_and_get, workers, NULL);
    multi_sync();
    check_parts(&segment);
    for (i = 0; i < THREADS; i++)
        multi_disconnect(&imports[i]);
    multi_sync();
    multi_withdraw(&segment);
}

/* A barrier for each thread on one handle. */
static void *use_own_barrier(void *arg)
{
    worker_t *worker = arg;
    rsm_memseg_import_handle_t import = worker->import->handle;
    rsmapi_barrier_t barrier;
    uint64_t round;
    int rc;

    worker->code =
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier);
    for (round = 1; round <= 500 && worker->code == RSM_SUCCESS; round++) {
        rc = rsm_memseg_import_open_barrier(&barrier);
        if (rc == RSM_SUCCESS)
            rc = rsm_memseg_import_put64(import, worker->index * MULTI_PAGE,
                                         &round, 1);
        if (rc == RSM_SUCCESS)
            rc = rsm_memseg_import_order_barrier(&barrier);
        if (rc == RSM_SUCCESS)
            rc = rsm_memseg_import_close_barrier(&barrier);
        worker->code = rc;
    }
    if (worker->code == RSM_SUCCESS)
        worker->code = rsm_memseg_import_destroy_barrier(&barrier);
    return NULL;
}

MULTI_TEST(threads, have_barriers_of_their_own, 2)
{
    worker_t workers[THREADS];
    multi_segment_t segment;
    multi_import_t import;
    unsigned i;

    multi_publish(&segment, SIZE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MULTI_OK(
        rsm_memseg_import_set_mode(import.handle, RSM_BARRIER_MODE_EXPLICIT));
    for (i = 0; i < THREADS; i++)
        workers[i].import = &import;
    crew_run(use_own_barrier, workers, NULL);
    multi_sync();
    for (i = 0; i < THREADS; i++)
        cr_assert_eq(multi_load64(segment.memory + i * MULTI_PAGE), 500);
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}

/* The very first calls of a process come from several threads at once. */
static void *start_library(void *arg)
{
    static char name[] = "ucx0";
    worker_t *worker = arg;
    rsmapi_controller_handle_t controller = NULL;

    worker->code = rsm_get_controller(name, &controller);
    worker->done = (uint64_t)(uintptr_t)controller;
    return NULL;
}

MULTI_TEST(threads, start_the_library_together, 2)
{
    worker_t workers[THREADS];
    unsigned i;

    crew_run(start_library, workers, NULL);
    for (i = 0; i < THREADS; i++) {
        cr_assert_eq(workers[i].done, workers[0].done);
        MULTI_OK(rsm_release_controller(
            (rsmapi_controller_handle_t)(uintptr_t)workers[i].done));
    }
}

static multi_segment_t shared;

/* Exports of one range by several threads, each with its own segment. */
static void *export_same_memory(void *arg)
{
    worker_t *worker = arg;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id;
    int round;

    for (round = 0; round < 50 && worker->code == RSM_SUCCESS; round++) {
        id = 0;
        worker->code =
            rsm_memseg_export_create(multi_controller(), &segment,
                                     shared.memory, (size_t)shared.size, 0);
        if (worker->code != RSM_SUCCESS)
            break;
        worker->code = rsm_memseg_export_publish(segment, &id, NULL, 0);
        if (worker->code == RSM_SUCCESS)
            worker->code = rsm_memseg_export_destroy(segment);
    }
    return NULL;
}

MULTI_TEST(threads, export_the_same_memory, 1)
{
    worker_t workers[THREADS];

    multi_publish(&shared, SIZE, 0);
    multi_fill(shared.memory, SIZE, 1);
    crew_run(export_same_memory, workers, NULL);
    cr_assert(multi_is_filled(shared.memory, SIZE, 1));
    multi_withdraw(&shared);
}

/* Stores of other threads while segments come, move and go. */
MULTI_TEST(threads, store_while_pages_are_exchanged, 1)
{
    rsm_memseg_export_handle_t segment;
    char *memory = multi_pages(2 * SIZE);
    rsm_memseg_id_t id;
    int round;

    if (!writers_are_held_up()) {
        cr_skip("skipped: userfaultfd is not to be had here");
    }
    cr_assert(writers_start(3, memory + 8, SIZE - MULTI_PAGE));
    for (round = 0; round < 300; round++) {
        id = 0;
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment, memory,
                                          SIZE, RSM_ALLOW_REBIND));
        MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
        MULTI_OK(rsm_memseg_export_rebind(segment, memory + SIZE, 0, SIZE));
        MULTI_OK(rsm_memseg_export_unpublish(segment));
        MULTI_OK(rsm_memseg_export_destroy(segment));
    }
    cr_assert_eq(writers_stop(), 0);
}
