/* SPDX-License-Identifier: BSD-3-Clause */
/* Every allocation and system call of the library fails once. The linker has
 * the library's calls come here (see tests/CMakeLists.txt); those of UCX, PMIx
 * and the C library itself go where they always do. Each failure has a process
 * of its own, which walks through the whole interface: nothing may crash, hang
 * or leak, and each call returns what its manual page lists. */
#include "rsmapi.h"
#include "rsmx.h"

#include "faults.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

/* Longer than the library's own limits, which are set to less. */
#define PATIENCE_S 20

TestSuite(faults, .timeout = 600);

/* What any call may say, and what calls that reach an exporter may say, too. */
#define WHEN_SHORT  (1u << 0)
#define WHEN_REMOTE (1u << 1)

static bool faults_is_documented(int rc, unsigned when)
{
    switch (rc) {
    case RSM_SUCCESS:
        return true;
    case RSMERR_INSUFFICIENT_MEM:
    case RSMERR_INSUFFICIENT_RESOURCES:
        return (when & WHEN_SHORT) != 0;
    case RSMERR_CONN_ABORTED:
    case RSMERR_BARRIER_FAILURE:
    case RSMERR_REMOTE_NODE_UNREACHABLE:
    case RSMERR_SEG_NOT_PUBLISHED:
    case RSMERR_MAP_FAILED:
    case RSMERR_INTERRUPTED:
        return (when & WHEN_REMOTE) != 0;
    default:
        return false;
    }
}

static int failures; /* calls that did not succeed */
static const char *last_failure = "nothing";

static int note(int rc, unsigned when, const char *call)
{
    if (!faults_is_documented(rc, when)) {
        (void)fprintf(stderr, "%s returned %s\n", call, rsmx_error_name(rc));
        _exit(3);
    }
    if (rc != RSM_SUCCESS) {
        ++failures;
        last_failure = call;
    }
    return rc;
}

#define NOTE(call, when) note(call, when, #call)
#define GOES(call, when) (NOTE(call, when) == RSM_SUCCESS)

static void *fresh_pages(size_t size)
{
    void *memory = faults_pages(size);

    if (memory == NULL) {
        _exit(4);
    }
    return memory;
}

static void walk_events(void *handle, rsm_memseg_import_handle_t import)
{
    struct pollfd entry;
    int ready;

    if (GOES(rsm_intr_signal_post(import, 0), WHEN_SHORT | WHEN_REMOTE)) {
        (void)NOTE(rsm_intr_signal_wait(handle, 5000), WHEN_REMOTE);
    }
    if (GOES(rsm_memseg_get_pollfd(handle, &entry), WHEN_SHORT)) {
        if (GOES(rsm_intr_signal_post(import, 0), WHEN_SHORT | WHEN_REMOTE)) {
            entry.revents = 0;
            ready = rsm_intr_signal_wait_pollfd(&entry, 1, 300, &ready);
            (void)note((ready == RSMERR_TIMEOUT) ? RSM_SUCCESS : ready,
                       WHEN_SHORT | WHEN_REMOTE, "wait_pollfd");
        }
        (void)NOTE(rsm_memseg_release_pollfd(handle), 0);
    }
}

static void walk_data(rsm_memseg_import_handle_t import)
{
    static char bytes[2 * PAGE];
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = bytes, .transfer_length = PAGE};
    rsm_scat_gath_t vector = {
        .io_request_count = 1, .remote_handle = import, .iovec = &piece};
    unsigned any = WHEN_SHORT | WHEN_REMOTE;
    rsmapi_barrier_t barrier;
    void *address = NULL;
    uint64_t old, word = 1;

    if (GOES(rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT,
                                            &barrier),
             any)) {
        (void)NOTE(rsm_memseg_import_put(import, 0, bytes, PAGE), any);
        (void)NOTE(rsm_memseg_import_get(import, 0, bytes, PAGE), any);
        (void)NOTE(rsm_memseg_import_put64(import, 0, &word, 1), any);
        (void)NOTE(rsm_memseg_import_putv(&vector), any);
        (void)NOTE(rsmx_import_fetch_add64(import, 0, 1, &old), any);
        (void)NOTE(rsm_memseg_import_destroy_barrier(&barrier), any);
    }
    /* What UCX accesses cannot be mapped. */
    if ((getenv("RSM_DIRECT") == NULL) &&
        GOES(rsm_memseg_import_map(import, &address, RSM_MAP_NONE,
                                   RSM_PERM_RDWR, 0, PAGE),
             any)) {
        (void)NOTE(rsm_memseg_import_unmap(import), any);
    }
}

static void walk_import(rsmapi_controller_handle_t controller,
                        rsm_memseg_export_handle_t segment, rsm_memseg_id_t id)
{
    rsm_memseg_import_handle_t import;

    if (GOES(rsm_memseg_import_connect(controller, 0, id, RSM_PERM_RDWR,
                                       &import),
             WHEN_SHORT | WHEN_REMOTE)) {
        walk_data(import);
        walk_events(segment, import);
        (void)NOTE(rsm_intr_signal_post(segment, 0), WHEN_SHORT);
        (void)NOTE(rsm_memseg_import_disconnect(import), 0);
    }
}

static void walk_export(rsmapi_controller_handle_t controller, char *memory,
                        size_t size)
{
    rsmapi_access_entry_t list[1] = {{0, 0666}};
    rsm_memseg_export_handle_t segment;
    char *other = fresh_pages(size);
    rsm_memseg_id_t id = 0;

    memory[0] = 1;
    if (GOES(rsm_memseg_export_create(controller, &segment, memory, size,
                                      RSM_ALLOW_REBIND),
             WHEN_SHORT)) {
        if (GOES(rsm_memseg_export_publish(segment, &id, list, 1),
                 WHEN_SHORT)) {
            walk_import(controller, segment, id);
            (void)NOTE(rsm_memseg_export_republish(segment, list, 1),
                       WHEN_SHORT);
            (void)NOTE(rsm_memseg_export_rebind(segment, other, 0, size),
                       WHEN_SHORT);
            (void)NOTE(rsm_memseg_export_unpublish(segment), 0);
        }
        (void)NOTE(rsm_memseg_export_destroy(segment), 0);
    }
    memory[0] = 2; /* it is there, whatever happened */
    other[0] = 2;
    faults_free_pages(other, size);
}

/* A small segment, a large one, and memory of the library's own. */
static void walk(void)
{
    static char name[] = "ucx0";
    rsmapi_controller_handle_t controller;
    rsm_topology_t *topology;
    void *memory;

    if (!GOES(rsm_get_controller(name, &controller), WHEN_SHORT)) {
        return;
    }
    memory = fresh_pages(2 * PAGE);
    walk_export(controller, memory, 2 * PAGE);
    faults_free_pages(memory, 2 * PAGE);
    memory = fresh_pages(64 * PAGE);
    walk_export(controller, memory, 64 * PAGE);
    faults_free_pages(memory, 64 * PAGE);
    if (GOES(rsmx_memory_alloc(2 * PAGE, &memory), WHEN_SHORT)) {
        walk_export(controller, memory, 2 * PAGE);
        (void)NOTE(rsmx_memory_free(memory), 0);
    }
    if (GOES(rsm_get_interconnect_topology(&topology), WHEN_SHORT)) {
        rsm_free_interconnect_topology(topology);
    }
    (void)NOTE(rsm_release_controller(controller), 0);
}

/* Walks until nothing is left of a failure that was seen to its end: the
 * service thread notices a lost connection a moment later. */
static void settle(void)
{
    int round;

    for (round = 0; round < 100; ++round) {
        failures = 0;
        walk();
        if (failures == 0) {
            return;
        }
        (void)poll(NULL, 0, 10);
    }
    (void)fprintf(stderr, "fails for ever: %s\n", last_failure);
    _exit(5);
}

static void prepare(void)
{
    (void)alarm(PATIENCE_S);
    (void)setenv("RSM_BOOT", "single", 1);
    (void)setenv("RSM_LOG_LEVEL", "error", 1);
    (void)setenv("RSM_LOG_FILE", "/dev/null", 1);
    (void)setenv("RSM_TIMEOUT", "2s", 1);
    (void)setenv("RSM_FENCE_TIMEOUT", "500ms", 1);
}

static void tell(int told, unsigned long calls)
{
    if (write(told, &calls, sizeof(calls)) != sizeof(calls)) {
        _exit(6);
    }
}

/* In a process of its own, @p failing a call: 0 for none. Tells how many calls
 * there are; exits with what is wrong. */
static void live(unsigned long failing, int told)
{
    faults_count_t before, after;
    int patience;

    prepare();
    settle();
    /* The first lost connection leaves a note of it for good. */
    faults_begin_with("recv");
    walk();
    (void)faults_end();
    settle();
    faults_look(&before);
    faults_begin(failing);
    walk();
    tell(told, faults_end());
    /* The service thread lets go of what was its own a moment later. */
    for (patience = 0; patience < 400; ++patience) {
        faults_look(&after);
        if ((after.blocks <= before.blocks) && (after.files <= before.files)) {
            settle();
            _exit(0);
        }
        (void)poll(NULL, 0, 5);
    }
    (void)fprintf(stderr, "leaks %ld blocks, %ld files\n",
                  after.blocks - before.blocks, after.files - before.files);
    _exit(7);
}

/* The same for the start of the library, which may be tried again. */
static void start(unsigned long failing, int told)
{
    rsm_node_id_t node;

    prepare();
    faults_begin(failing);
    (void)NOTE(rsmx_get_node_id(&node), WHEN_SHORT);
    tell(told, faults_end());
    settle();
    _exit(0);
}

static int child_status(void (*run)(unsigned long failing, int told),
                        unsigned long failing, unsigned long *calls_p)
{
    int ends[2], status = -1;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        run(failing, ends[1]);
    }
    (void)close(ends[1]);
    if (read(ends[0], calls_p, sizeof(*calls_p)) != sizeof(*calls_p)) {
        *calls_p = 0;
    }
    (void)close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static void sweep(void (*run)(unsigned long failing, int told),
                  unsigned long fewest)
{
    unsigned long calls, failing, ignored;
    int status, bad = 0;

    faults_names =
        __real_mmap(NULL, FAULTS_NAMES * sizeof(*faults_names),
                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)faults_names, MAP_FAILED);
    status = child_status(run, 0, &calls);
    cr_assert_eq(status, 0, "without a failure: status %x", status);
    cr_assert_gt(calls, fewest, "calls do not come here");
    for (failing = 1; failing <= calls; ++failing) {
        status = child_status(run, failing, &ignored);
        if (status != 0) {
            ++bad;
            (void)fprintf(stderr, "call %lu of %lu, %s: status %x\n", failing,
                          calls, faults_name(failing), status);
        }
    }
    cr_assert_eq(bad, 0, "%d of %lu failures did harm", bad, calls);
}

Test(faults, each_call_fails_once)
{
    sweep(live, 100);
}

Test(faults, each_call_fails_once_where_ucx_does_the_access)
{
    cr_assert_eq(setenv("RSM_DIRECT", "n", 1), 0);
    sweep(live, 100);
}

Test(faults, each_call_of_the_start_fails_once)
{
    sweep(start, 20);
}
