/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads post events, others wait for them in all the ways there are: as
 * many are served as were posted. */
#include "stress.h"

enum { ID = RSM_HPC_ID_BASE, POSTERS = 3, WAITERS = 3 };

static struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsm_node_id_t partner;
    int64_t deadline;
    atomic_ullong posted; /* by this process, to its partner */
    atomic_ullong served; /* by this process, from its partner */
    atomic_bool is_over;
} run;

/* By the shared handle, by one of its own, and behind a vector. */
static void *post(void *arg)
{
    size_t index = (size_t)(uintptr_t)arg;
    rsm_memseg_import_handle_t own =
        stress_connect(run.controller, run.partner, ID);
    uint64_t word = index;
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE,
                         .local.vaddr = (caddr_t)&word,
                         .remote_offset = 64 * (index + 1),
                         .transfer_length = sizeof(word)};
    rsm_scat_gath_t vector = {.io_request_count = 1,
                              .flags = RSM_IMPLICIT_SIGPOST,
                              .remote_handle = own,
                              .iovec = &piece};
    uint64_t round;

    for (round = 0; stress_clock_ms() < run.deadline; round++) {
        if (round % 3 == 0)
            STRESS_OK(rsm_intr_signal_post(run.import, 0));
        else if (round % 3 == 1)
            STRESS_OK(rsm_intr_signal_post(own, 0));
        else
            STRESS_OK(rsm_memseg_import_putv(&vector));
        atomic_fetch_add(&run.posted, 1);
        if (round % 64 == 0)
            stress_pause();
    }
    STRESS_OK(rsm_memseg_import_disconnect(own));
    return NULL;
}

static void *serve(void *arg)
{
    struct pollfd entry;
    int count;
    int rc;

    STRESS_OK(rsm_memseg_get_pollfd(run.segment, &entry));
    while (!atomic_load(&run.is_over)) {
        if ((uintptr_t)arg == 0)
            rc = rsm_intr_signal_wait_pollfd(&entry, 1, 50, &count);
        else
            rc = rsm_intr_signal_wait(run.segment, 50);
        if (rc == RSM_SUCCESS)
            atomic_fetch_add(&run.served, 1);
        else
            STRESS_CHECK(rc == RSMERR_TIMEOUT, "%s", rsmx_error_name(rc));
    }
    STRESS_OK(rsm_memseg_release_pollfd(run.segment));
    return NULL;
}

/* Posts that must not disturb the counts: from a segment that nobody imports
 * to nobody, and without accumulation to a segment of its own. */
static void *distract(void *arg)
{
    unsigned char *memory = stress_pages(STRESS_PAGE);
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsm_node_id_t self;
    rsm_memseg_id_t id = 0;
    int rc;

    (void)arg;
    STRESS_OK(rsmx_get_node_id(&self));
    STRESS_OK(rsm_memseg_export_create(run.controller, &segment, memory,
                                       STRESS_PAGE, 0));
    STRESS_OK(rsm_intr_signal_post(segment, 0));
    STRESS_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
    import = stress_connect(run.controller, self, id);
    while (stress_clock_ms() < run.deadline) {
        STRESS_OK(rsm_intr_signal_post(import, RSM_SIGPOST_NO_ACCUMULATE));
        STRESS_OK(rsm_intr_signal_post(import, RSM_SIGPOST_NO_ACCUMULATE));
        STRESS_OK(rsm_intr_signal_wait(segment, STRESS_PATIENCE));
        rc = rsm_intr_signal_wait(segment, 1);
        STRESS_CHECK(rc == RSM_SUCCESS || rc == RSMERR_TIMEOUT, "%s",
                     rsmx_error_name(rc));
        STRESS_OK(rsm_intr_signal_post(segment, 0));
        STRESS_OK(rsm_intr_signal_wait(import, STRESS_PATIENCE));
    }
    STRESS_OK(rsm_memseg_import_disconnect(import));
    STRESS_OK(rsm_memseg_export_destroy(segment));
    munmap(memory, STRESS_PAGE);
    return NULL;
}

static void run_threads(unsigned char *memory)
{
    pthread_t posters[POSTERS + 1];
    pthread_t waiters[WAITERS];
    int64_t patience;
    uint64_t posted;
    size_t i;

    for (i = 0; i < WAITERS; i++)
        pthread_create(&waiters[i], NULL, serve, (void *)(uintptr_t)i);
    for (i = 0; i <= POSTERS; i++)
        pthread_create(&posters[i], NULL, i < POSTERS ? post : distract,
                       (void *)(uintptr_t)i);
    for (i = 0; i <= POSTERS; i++)
        pthread_join(posters[i], NULL);

    /* One more than were posted, because 0 means: not told so far. */
    posted = atomic_load(&run.posted) + 1;
    STRESS_OK(
        rsm_memseg_import_set_mode(run.import, RSM_BARRIER_MODE_EXPLICIT));
    STRESS_OK(rsmx_import_swap64(run.import, 0, posted, NULL));
    patience = stress_clock_ms() + STRESS_PATIENCE;
    for (;;) {
        posted = __atomic_load_n((uint64_t *)(void *)memory, __ATOMIC_ACQUIRE);
        if (posted != 0 && atomic_load(&run.served) == posted - 1)
            break;
        STRESS_CHECK(stress_clock_ms() < patience, "%llu served, %lu posted",
                     atomic_load(&run.served), (unsigned long)posted - 1);
        stress_pause();
    }
    atomic_store(&run.is_over, true);
    for (i = 0; i < WAITERS; i++)
        pthread_join(waiters[i], NULL);
    STRESS_CHECK(atomic_load(&run.served) == posted - 1,
                 "%llu served, %lu posted", atomic_load(&run.served),
                 (unsigned long)posted - 1);
}

int main(int argc, char **argv)
{
    unsigned char *memory = stress_pages(STRESS_PAGE);
    rsm_memseg_id_t id = ID;

    run.deadline = stress_deadline(argc, argv);
    run.controller = stress_controller();
    run.partner = stress_partner();
    STRESS_OK(rsm_memseg_export_create(run.controller, &run.segment, memory,
                                       STRESS_PAGE, 0));
    STRESS_OK(rsm_memseg_export_publish(run.segment, &id, NULL, 0));
    run.import = stress_connect(run.controller, run.partner, ID);
    run_threads(memory);
    stress_say_goodbye(run.import, 8);
    stress_await(memory + 8, 1);
    STRESS_OK(rsm_memseg_import_disconnect(run.import));
    STRESS_OK(rsm_memseg_export_destroy(run.segment));
    STRESS_OK(rsm_release_controller(run.controller));
    return 0;
}
