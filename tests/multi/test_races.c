/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that end what others are using: documented codes, no crash. */
#include "crew.h"

/* The handle in use, exchanged by the main thread again and again. */
static _Atomic(rsm_memseg_import_handle_t) current;

static void *use_current(void *arg)
{
    worker_t *worker = arg;
    uint64_t word = worker->index;
    uint64_t out;
    int rc;

    while (!atomic_load(&is_over)) {
        rc = rsm_memseg_import_put64(atomic_load(&current), 0, &word, 1);
        if (rc == RSM_SUCCESS || rc == RSMERR_BAD_SEG_HNDL)
            rc = rsm_memseg_import_get64(atomic_load(&current), 8, &out, 1);
        if (rc == RSM_SUCCESS || rc == RSMERR_BAD_SEG_HNDL)
            rc = rsmx_import_fetch_add64(atomic_load(&current), 16, 1, NULL);
        if (rc != RSM_SUCCESS && rc != RSMERR_BAD_SEG_HNDL &&
            rc != RSMERR_BARRIER_UNINITIALIZED) {
            worker->code = rc;
            break;
        }
        worker->done += rc == RSM_SUCCESS;
    }
    return NULL;
}

/* Explicit mode, because the barrier would go before the handle. */
static rsm_memseg_import_handle_t connect_explicit(void)
{
    rsm_memseg_import_handle_t import =
        multi_connect_bare(1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);

    MULTI_OK(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    return import;
}

static void exchange_current(void)
{
    int64_t end = multi_clock_ms() + 1000;
    rsm_memseg_import_handle_t old;

    while (multi_clock_ms() < end) {
        old = atomic_exchange(&current, connect_explicit());
        MULTI_OK(rsm_memseg_import_disconnect(old));
        MULTI_CODE(rsm_memseg_import_disconnect(old), RSMERR_BAD_SEG_HNDL);
    }
}

MULTI_TEST(threads, disconnect_under_the_others, 2)
{
    worker_t workers[THREADS];
    multi_segment_t segment;
    unsigned i;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    atomic_store(&current, connect_explicit());
    crew_run(use_current, workers, exchange_current);
    for (i = 0; i < THREADS; i++)
        cr_assert_gt(workers[i].done, 0, "thread %u never succeeded", i);
    MULTI_OK(rsm_memseg_import_disconnect(atomic_load(&current)));
    multi_sync();
    multi_withdraw(&segment);
}

/* Connections come and go while the exporter publishes and unpublishes. */
static void *connect_at_random(void *arg)
{
    worker_t *worker = arg;
    rsm_memseg_import_handle_t import;
    uint64_t word = 1;
    int rc;

    while (!atomic_load(&is_over) && worker->code == RSM_SUCCESS) {
        import = NULL;
        rc = rsm_memseg_import_connect(multi_controller(), multi_node(0),
                                       MULTI_ID(0), RSM_PERM_RDWR, &import);
        if (rc == RSMERR_SEG_NOT_PUBLISHED || rc == RSMERR_CONN_ABORTED ||
            rc == RSMERR_INTERRUPTED)
            continue;
        if (rc != RSM_SUCCESS) {
            worker->code = rc;
            break;
        }
        rc = rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT);
        if (rc == RSM_SUCCESS)
            rc = rsm_memseg_import_put64(import, worker->index * 8, &word, 1);
        if (rc != RSM_SUCCESS && rc != RSMERR_CONN_ABORTED)
            worker->code = rc;
        rc = rsm_memseg_import_disconnect(import);
        if (rc != RSM_SUCCESS)
            worker->code = rc;
        worker->done++;
    }
    return NULL;
}

static void wait_a_second(void)
{
    int64_t end = multi_clock_ms() + 1000;

    while (multi_clock_ms() < end)
        multi_pause();
}

MULTI_TEST(threads, connect_while_the_segment_flickers, 2)
{
    worker_t workers[THREADS];
    multi_segment_t segment;
    int64_t end = multi_clock_ms() + 1100;
    uint64_t done = 0;
    unsigned i;

    multi_controller();
    if (multi.rank == 0) {
        multi_create(&segment, MULTI_PAGE, 0);
        segment.id = MULTI_ID(0);
        while (multi_clock_ms() < end) {
            MULTI_OK(rsm_memseg_export_publish(segment.handle, &segment.id,
                                               NULL, 0));
            for (i = 0; i < 20; i++)
                multi_pause();
            MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        }
        multi_withdraw(&segment);
    } else {
        crew_run(connect_at_random, workers, wait_a_second);
        for (i = 0; i < THREADS; i++)
            done += workers[i].done;
        cr_assert_gt(done, 0, "no connection ever came about");
    }
    multi_sync();
}

/* Of several threads that end a handle just one succeeds. */
static void *contested;

static void *disconnect_contested(void *arg)
{
    worker_t *worker = arg;
    int rc = rsm_memseg_import_disconnect(contested);

    if (rc != RSM_SUCCESS && rc != RSMERR_BAD_SEG_HNDL)
        worker->code = rc;
    worker->done = rc == RSM_SUCCESS;
    return NULL;
}

static void *destroy_contested(void *arg)
{
    worker_t *worker = arg;
    int rc = rsm_memseg_export_destroy(contested);

    if (rc != RSM_SUCCESS && rc != RSMERR_BAD_SEG_HNDL)
        worker->code = rc;
    worker->done = rc == RSM_SUCCESS;
    return NULL;
}

static void expect_one_winner(void *(*function)(void *))
{
    worker_t workers[THREADS];
    uint64_t winners = 0;
    unsigned i;

    crew_run(function, workers, NULL);
    for (i = 0; i < THREADS; i++)
        winners += workers[i].done;
    cr_assert_eq(winners, 1, "%lu threads succeeded", winners);
}

MULTI_TEST(threads, only_one_ends_a_handle, 2)
{
    multi_segment_t segment;
    int round;

    for (round = 0; round < 50; round++) {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
        contested =
            multi_connect_bare(1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
        expect_one_winner(disconnect_contested);
        multi_sync();
        contested = segment.handle;
        expect_one_winner(destroy_contested);
        multi_free_pages(segment.memory, segment.size);
        multi_sync();
    }
}

/* A waiter that loses its handle comes back with a documented code. */
static void *wait_on_contested(void *arg)
{
    worker_t *worker = arg;
    int rc = rsm_intr_signal_wait(contested, 300);

    if (rc != RSMERR_TIMEOUT && rc != RSMERR_BAD_SEG_HNDL)
        worker->code = rc;
    return NULL;
}

static void end_contested(void)
{
    multi_pause();
    MULTI_OK(rsm_memseg_import_disconnect(contested));
}

MULTI_TEST(threads, waiter_survives_disconnect, 2)
{
    worker_t workers[THREADS];
    multi_segment_t segment;
    int round;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    for (round = 0; round < 4; round++) {
        contested =
            multi_connect_bare(1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
        crew_run(wait_on_contested, workers, end_contested);
    }
    multi_sync();
    multi_withdraw(&segment);
}
