/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter's process ends while the importer is at work.
 *
 *     mpirun --enable-recovery -n 2 rsm_job_kill OPERATION DEATH
 *
 * Rank 0 repeats the operation. A second thread of it ends rank 1 and notes
 * the time. From then on the operation has a second to say that the
 * connection is gone; an alarm ends a process that hangs.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "node.h"

#define SIZE       (256 * 1024u)
#define BLOCK      4096u
#define BOUND_MS   1000 /* from death to the first error */
#define WORD_PID   0
#define WORD_ORDER 1
#define AREA       4096 /* offset of what the operations work on */

typedef enum { DEATH_KILL = 1, DEATH_EXIT, DEATH__EXIT, DEATH_EXEC } death_t;

typedef struct {
    node_import_t import;
    volatile uint64_t *mapped;
    uint64_t buffer[BLOCK / sizeof(uint64_t)];
} work_t;

static node_import_t control; /* a connection of its own for the order */
static pid_t victim;
static death_t death;
static _Atomic int64_t died_ms; /* 0: not yet */

/* ---- operations: one round each ---- */

static int work_put(work_t *work)
{
    return rsm_memseg_import_put(work->import.handle, AREA, work->buffer,
                                 BLOCK);
}

static int work_get(work_t *work)
{
    return rsm_memseg_import_get(work->import.handle, AREA, work->buffer,
                                 BLOCK);
}

static int work_put64(work_t *work)
{
    return rsm_memseg_import_put64(work->import.handle, AREA, work->buffer, 8);
}

/* Open, write, order, write, close; the first error ends the span. */
static int work_barrier(work_t *work)
{
    int rc = rsm_memseg_import_open_barrier(&work->import.barrier);

    if (rc == RSM_SUCCESS) {
        rc = work_put(work);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_import_order_barrier(&work->import.barrier);
    }
    if (rc == RSM_SUCCESS) {
        rc = work_put64(work);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_import_close_barrier(&work->import.barrier);
    }
    return rc;
}

static int work_vector(work_t *work)
{
    rsm_iovec_t pieces[2];
    rsm_scat_gath_t list = {.io_request_count = 2,
                            .remote_handle = work->import.handle,
                            .iovec = pieces};
    size_t i;

    memset(pieces, 0, sizeof(pieces));
    for (i = 0; i < 2; ++i) {
        pieces[i].io_type = RSM_VA_TYPE;
        pieces[i].local.vaddr = (caddr_t)work->buffer;
        pieces[i].remote_offset = AREA + i * BLOCK;
        pieces[i].transfer_length = BLOCK;
    }
    return rsm_memseg_import_putv(&list);
}

/* As many as a list takes. */
static int work_getv(work_t *work)
{
    rsm_iovec_t pieces[RSM_MAX_SGIOREQS];
    rsm_scat_gath_t list = {.io_request_count = RSM_MAX_SGIOREQS,
                            .remote_handle = work->import.handle,
                            .iovec = pieces};
    size_t i;
    int rc;

    memset(pieces, 0, sizeof(pieces));
    for (i = 0; i < RSM_MAX_SGIOREQS; ++i) {
        pieces[i].io_type = RSM_VA_TYPE;
        pieces[i].local.vaddr = (caddr_t)work->buffer;
        pieces[i].remote_offset = AREA + i * BLOCK;
        pieces[i].transfer_length = BLOCK;
    }
    rc = rsm_memseg_import_getv(&list);
    NODE_CHECK((rc == RSM_SUCCESS) == (list.io_residual_count == 0));
    return rc;
}

static int work_atomic(work_t *work)
{
    return rsmx_import_fetch_add64(work->import.handle, AREA, 1, work->buffer);
}

static int work_post(work_t *work)
{
    return rsm_intr_signal_post(work->import.handle, 0);
}

/* A disconnect does not wake a waiter: no error is defined for that. The wait
 * ends at its time, and the next access tells. */
static int work_wait(work_t *work)
{
    int64_t start = node_clock_ms();

    NODE_CODE(rsm_intr_signal_wait(work->import.handle, 200), RSMERR_TIMEOUT);
    NODE_CHECK(node_clock_ms() - start < 200 + BOUND_MS);
    return work_get(work);
}

/* Loads and stores never fault, whatever becomes of the exporter; it is the
 * barrier that tells whether they counted. */
static int work_map(work_t *work)
{
    int rc = rsm_memseg_import_open_barrier(&work->import.barrier);
    size_t i;

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    for (i = 0; i < SIZE / sizeof(uint64_t) - 512; i += 64) {
        work->mapped[i] += 1;
    }
    return rsm_memseg_import_close_barrier(&work->import.barrier);
}

static int work_connect(work_t *work)
{
    rsm_memseg_import_handle_t handle;
    int rc;

    (void)work;
    rc = rsm_memseg_import_connect(node.controller, node.first + 1,
                                   NODE_SEGMENT, RSM_PERM_READ, &handle);
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_import_disconnect(handle);
    }
    return rc;
}

static const struct {
    const char *name;
    int (*round)(work_t *work);
    bool is_explicit;
} operations[] = {
    {"put", work_put, false},       {"get", work_get, false},
    {"put64", work_put64, false},   {"barrier", work_barrier, true},
    {"vector", work_vector, false}, {"atomic", work_atomic, false},
    {"post", work_post, false},     {"wait", work_wait, false},
    {"map", work_map, true},        {"connect", work_connect, false},
    {"getv", work_getv, false},
};

static const char *const deaths[] = {"", "kill", "exit", "_exit", "exec"};

/* ---- rank 1 ---- */

static void run_exporter(char **argv)
{
    node_export_t segment;

    node_export(&segment, NODE_SEGMENT, SIZE);
    segment.words[WORD_PID] = (uint64_t)getpid();

    NODE_WAIT(segment.words[WORD_ORDER] != 0);
    switch ((death_t)segment.words[WORD_ORDER]) {
    case DEATH_EXIT:
        /* Nothing is destroyed or released first. */
        exit(EXIT_SUCCESS);
    case DEATH__EXIT:
        _exit(EXIT_SUCCESS);
    case DEATH_EXEC:
        alarm(0);
        execlp("sleep", "sleep", "2", (char *)NULL);
        NODE_CHECK(argv == NULL);
        break;
    default:
        break;
    }
}

/* ---- rank 0 ---- */

static void *end_exporter(void *unused)
{
    node_pause(100);
    atomic_store(&died_ms, node_clock_ms());
    if (death == DEATH_KILL) {
        NODE_CHECK(kill(victim, SIGKILL) == 0);
    } else {
        uint64_t order = death;
        off_t offset = WORD_ORDER * sizeof(order);

        /* It may be gone before the barrier of the put has looked. */
        (void)rsm_memseg_import_put64(control.handle, offset, &order, 1);
    }
    return unused;
}

/* Repeats the operation until it fails. */
static int work_until_error(work_t *work, int (*round)(work_t *work))
{
    int rc;

    do {
        int64_t died = atomic_load(&died_ms);

        NODE_CHECK((died == 0) || (node_clock_ms() < died + BOUND_MS));
        rc = round(work);
    } while (rc == RSM_SUCCESS);
    NODE_CHECK(atomic_load(&died_ms) != 0);
    return rc;
}

/* What a lost connection is still good for. */
static void look_back(work_t *work)
{
    rsm_memseg_import_handle_t handle;
    int rc;

    NODE_OK(rsm_memseg_import_set_mode(work->import.handle,
                                       RSM_BARRIER_MODE_IMPLICIT));
    NODE_CODE(work_put(work), RSMERR_CONN_ABORTED);
    NODE_CODE(work_get(work), RSMERR_CONN_ABORTED);
    NODE_CODE(work_put64(work), RSMERR_CONN_ABORTED);
    NODE_CODE(work_atomic(work), RSMERR_CONN_ABORTED);
    NODE_CODE(work_post(work), RSMERR_CONN_ABORTED);
    NODE_OK(rsm_memseg_import_open_barrier(&work->import.barrier));
    NODE_CODE(rsm_memseg_import_close_barrier(&work->import.barrier),
              RSMERR_CONN_ABORTED);
    if (work->mapped != NULL) {
        NODE_CODE(work_map(work), RSMERR_CONN_ABORTED);
        NODE_OK(rsm_memseg_import_unmap(work->import.handle));
    }
    node_disconnect(&work->import);

    NODE_WAIT((rc = rsm_memseg_import_connect(node.controller, node.first + 1,
                                              NODE_SEGMENT, RSM_PERM_READ,
                                              &handle)) != RSMERR_CONN_ABORTED);
    NODE_CODE(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
}

static void run_importer(const char *name)
{
    static work_t work;
    pthread_t ender;
    size_t i = 0;
    int rc;

    while (strcmp(operations[i].name, name) != 0) {
        ++i;
        NODE_CHECK(i < sizeof(operations) / sizeof(operations[0]));
    }

    node_connect(&work.import, 1, NODE_SEGMENT);
    node_connect(&control, 1, NODE_SEGMENT);
    NODE_WAIT((victim = (pid_t)node_get64(&control, WORD_PID)) != 0);
    if (operations[i].is_explicit) {
        NODE_OK(rsm_memseg_import_set_mode(work.import.handle,
                                           RSM_BARRIER_MODE_EXPLICIT));
    }
    if (operations[i].round == work_map) {
        void *address = NULL;

        rc = rsm_memseg_import_map(work.import.handle, &address, RSM_MAP_NONE,
                                   RSM_PERM_RDWR, AREA, SIZE - AREA);
        if (rc == RSMERR_MAP_FAILED) {
            node_say("importer cannot map");
            NODE_CHECK(kill(victim, SIGKILL) == 0);
            return;
        }
        NODE_OK(rc);
        work.mapped = address;
    }

    NODE_CHECK(pthread_create(&ender, NULL, end_exporter, NULL) == 0);
    rc = work_until_error(&work, operations[i].round);
    pthread_join(ender, NULL);

    if (operations[i].round != work_connect) {
        NODE_CODE(rc, RSMERR_CONN_ABORTED);
    } else if (rc != RSMERR_CONN_ABORTED) {
        NODE_CODE(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    }
    look_back(&work);
    node_disconnect(&control);
    node_say("importer ok");
}

int main(int argc, char **argv)
{
    NODE_CHECK(argc == 3);
    death = DEATH_KILL;
    while (strcmp(deaths[death], argv[2]) != 0) {
        ++death;
        NODE_CHECK(death <= DEATH_EXEC);
    }

    node_open();
    if (node.rank == 0) {
        run_importer(argv[1]);
    } else {
        run_exporter(argv);
    }
    node_close();
    return EXIT_SUCCESS;
}
