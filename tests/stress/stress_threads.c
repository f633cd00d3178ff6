/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads put, get, add and use barriers on shared and own handles while
 * others connect, disconnect, publish and unpublish. Every word has one
 * writer or only atomic ones, so every result is known. */
#include "stress.h"

enum {
    ID = RSM_HPC_ID_BASE,
    SEGMENT_PAGES = 8,
    SLOT = 512, /* bytes of each data thread */
    ADDER_OFFSET = 4 * STRESS_PAGE,
    BARRIER_OFFSET = 5 * STRESS_PAGE,
    DONE_OFFSET = 6 * STRESS_PAGE
};

static struct {
    rsmapi_controller_handle_t controller;
    rsm_node_id_t self;
    rsm_node_id_t partner;
    rsm_memseg_import_handle_t shared;
    int64_t deadline;
    atomic_ullong added;
} run;

static bool is_time_over(void)
{
    return stress_clock_ms() >= run.deadline;
}

/* Put a slot, get it back: on the shared handle. */
static void *move_data(void *arg)
{
    size_t index = (size_t)(uintptr_t)arg;
    off_t offset = (off_t)(index * SLOT);
    unsigned char out[SLOT];
    unsigned char in[SLOT];
    unsigned round;

    for (round = 0; !is_time_over(); round++) {
        memset(out, (int)(round + index), SLOT);
        STRESS_OK(rsm_memseg_import_put(run.shared, offset, out, SLOT));
        STRESS_OK(rsm_memseg_import_get(run.shared, offset, in, SLOT));
        STRESS_CHECK(memcmp(out, in, SLOT) == 0, "slot %zu round %u", index,
                     round);
    }
    return NULL;
}

static void *add(void *arg)
{
    (void)arg;
    while (!is_time_over()) {
        STRESS_OK(rsmx_import_fetch_add64(run.shared, ADDER_OFFSET, 3, NULL));
        atomic_fetch_add(&run.added, 3);
    }
    return NULL;
}

/* An own handle in explicit mode, with an own barrier. */
static void *span(void *arg)
{
    off_t offset = BARRIER_OFFSET + 64 * (off_t)(uintptr_t)arg;
    rsm_memseg_import_handle_t import =
        stress_connect(run.controller, run.partner, ID);
    rsmapi_barrier_t barrier;
    uint64_t round;
    uint64_t seen;

    STRESS_OK(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier));
    STRESS_OK(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    for (round = 1; !is_time_over(); round++) {
        STRESS_OK(rsm_memseg_import_open_barrier(&barrier));
        STRESS_OK(rsm_memseg_import_put64(import, offset, &round, 1));
        STRESS_OK(rsm_memseg_import_order_barrier(&barrier));
        STRESS_OK(rsm_memseg_import_put64(import, offset + 8, &round, 1));
        STRESS_OK(rsm_memseg_import_close_barrier(&barrier));
        STRESS_OK(rsm_memseg_import_get64(import, offset, &seen, 1));
        STRESS_CHECK(seen == round, "%lu is not %lu", (unsigned long)seen,
                     (unsigned long)round);
    }
    STRESS_OK(rsm_memseg_import_destroy_barrier(&barrier));
    STRESS_OK(rsm_memseg_import_disconnect(import));
    return NULL;
}

static void *reconnect(void *arg)
{
    uint64_t word;

    (void)arg;
    while (!is_time_over()) {
        rsm_memseg_import_handle_t import =
            stress_connect(run.controller, run.partner, ID);

        STRESS_OK(
            rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
        STRESS_OK(rsm_memseg_import_get64(import, ADDER_OFFSET, &word, 1));
        STRESS_OK(rsm_memseg_import_disconnect(import));
    }
    return NULL;
}

/* Segments that come and go under an importer in the same thread. */
static void *republish(void *arg)
{
    unsigned char *memory = stress_pages(2 * STRESS_PAGE);
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    uint64_t word = 1;
    rsm_memseg_id_t id;
    int rc;

    (void)arg;
    while (!is_time_over()) {
        id = 0;
        STRESS_OK(rsm_memseg_export_create(run.controller, &segment, memory,
                                           2 * STRESS_PAGE, 0));
        STRESS_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
        import = stress_connect(run.controller, run.self, id);
        STRESS_OK(rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT,
                                                 &barrier));
        word++;
        STRESS_OK(rsm_memseg_import_put64(import, STRESS_PAGE, &word, 1));
        STRESS_OK(rsm_memseg_export_unpublish(segment));
        rc = rsm_memseg_import_put64(import, 0, &word, 1);
        STRESS_CHECK(rc == RSMERR_CONN_ABORTED, "%s", rsmx_error_name(rc));
        STRESS_OK(rsm_memseg_import_destroy_barrier(&barrier));
        STRESS_OK(rsm_memseg_import_disconnect(import));
        STRESS_OK(rsm_memseg_export_destroy(segment));
        stress_await(memory + STRESS_PAGE, word);
        STRESS_CHECK(memory[0] == 0, "a put landed after unpublish");
    }
    munmap(memory, 2 * STRESS_PAGE);
    return NULL;
}

static void *(*const functions[])(void *) = {move_data, move_data, move_data,
                                             add,       add,       span,
                                             span,      reconnect, republish};

enum { THREADS = sizeof(functions) / sizeof(functions[0]) };

static void run_threads(void)
{
    pthread_t threads[THREADS];
    size_t i;

    for (i = 0; i < THREADS; i++)
        STRESS_CHECK(pthread_create(&threads[i], NULL, functions[i],
                                    (void *)(uintptr_t)i) == 0,
                     "no thread");
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = ID;
    rsmapi_barrier_t barrier;
    unsigned char *memory = stress_pages(SEGMENT_PAGES * STRESS_PAGE);
    uint64_t sum = 0;

    run.deadline = stress_deadline(argc, argv);
    run.controller = stress_controller();
    run.partner = stress_partner();
    STRESS_OK(rsmx_get_node_id(&run.self));
    STRESS_OK(rsm_memseg_export_create(run.controller, &segment, memory,
                                       SEGMENT_PAGES * STRESS_PAGE, 0));
    STRESS_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    run.shared = stress_connect(run.controller, run.partner, ID);
    STRESS_OK(rsm_memseg_import_init_barrier(run.shared, RSM_BARRIER_SEGMENT,
                                             &barrier));
    run_threads();
    STRESS_OK(rsm_memseg_import_get64(run.shared, ADDER_OFFSET, &sum, 1));
    STRESS_CHECK(sum == atomic_load(&run.added), "%lu added, %lu there",
                 (unsigned long)run.added, (unsigned long)sum);
    stress_say_goodbye(run.shared, DONE_OFFSET);
    stress_await(memory + DONE_OFFSET, 1);
    STRESS_OK(rsm_memseg_import_destroy_barrier(&barrier));
    STRESS_OK(rsm_memseg_import_disconnect(run.shared));
    STRESS_OK(rsm_memseg_export_destroy(segment));
    STRESS_OK(rsm_release_controller(run.controller));
    return 0;
}
