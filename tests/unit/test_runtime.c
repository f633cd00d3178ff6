/* SPDX-License-Identifier: BSD-3-Clause */
/* Start of the library where something is missing, and what it reports. */
#include "core/runtime.h"

#include "rsmx.h"
#include "support/capture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void alone(void)
{
    cr_assert_eq(setenv("RSM_BOOT", "single", 1), 0);
    cr_assert_eq(setenv("RSM_LOG_LEVEL", "error", 1), 0);
}

TestSuite(runtime, .init = alone, .timeout = 60);

static capture_t output;

/* With one descriptor more each time, until there are enough. */
Test(runtime, starts_again_after_a_shortage)
{
    struct rlimit old, limit;
    rsm_node_id_t node;
    int rc, failures = 0;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    capture_begin(&output);
    for (limit.rlim_cur = 8; limit.rlim_cur < 200; ++limit.rlim_cur) {
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        rc = rsmx_get_node_id(&node);
        (void)setrlimit(RLIMIT_NOFILE, &old);
        if (rc == RSM_SUCCESS) {
            break;
        }
        ++failures;
        if ((rc != RSMERR_INSUFFICIENT_RESOURCES) &&
            (rc != RSMERR_INSUFFICIENT_MEM)) {
            break;
        }
    }
    (void)capture_end(&output);
    cr_assert_eq(rc, RSM_SUCCESS, "%s with %d descriptors", rsmx_error_name(rc),
                 (int)limit.rlim_cur);
    cr_assert_gt(failures, 0);
    cr_assert_eq(node, 0);
}

Test(runtime, reports_itself_when_asked_to)
{
    const char *text;
    uint32_t count = 0;

    cr_assert_eq(setenv("RSM_INFO", "y", 1), 0);
    capture_begin(&output);
    cr_assert_eq(rsmx_get_node_count(&count), RSM_SUCCESS);
    cr_assert_eq(rsmx_get_node_count(&count), RSM_SUCCESS);
    text = capture_end(&output);
    cr_assert_eq(count, 1);
    cr_assert_eq(capture_count(text, "rsm: librsm "), 1, "%s", text);
    cr_assert_eq(capture_count(text, "launcher single, 1 processes"), 1);
    cr_assert_eq(capture_count(text, "variable RSM_INFO is y"), 1);
    cr_assert_eq(capture_count(text, "variable RSM_DIRECT"), 0);
    cr_assert_geq(capture_count(text, "transports"), 1);
}

Test(runtime, says_nothing_otherwise)
{
    uint32_t count;

    capture_begin(&output);
    cr_assert_eq(rsmx_get_node_count(&count), RSM_SUCCESS);
    cr_assert_str_eq(capture_end(&output), "");
}

Test(runtime, a_malformed_variable_stops_it_until_mended)
{
    rsm_node_id_t node;

    cr_assert_eq(setenv("RSM_TIMEOUT", "soon", 1), 0);
    capture_begin(&output);
    cr_assert_eq(rsmx_get_node_id(&node), RSMERR_BAD_CONF);
    cr_assert_neq(capture_count(capture_end(&output), "RSM_TIMEOUT"), 0);
    cr_assert_eq(setenv("RSM_TIMEOUT", "5s", 1), 0);
    cr_assert_eq(rsmx_get_node_id(&node), RSM_SUCCESS);
}

/* Of the service thread alone: whether it can be bound is not essential. */
Test(runtime, processors_that_are_not_there_are_reported)
{
    rsm_node_id_t node;

    cr_assert_eq(setenv("RSM_SERVICE_CPUS", "1000", 1), 0);
    cr_assert_eq(setenv("RSM_LOG_LEVEL", "warn", 1), 0);
    capture_begin(&output);
    cr_assert_eq(rsmx_get_node_id(&node), RSM_SUCCESS);
    cr_assert_eq(capture_count(capture_end(&output), "RSM_SERVICE_CPUS"), 1);
}

static int calls_in_child(rsmapi_controller_handle_t controller,
                          rsm_memseg_export_handle_t segment,
                          const char *memory)
{
    rsmapi_controller_handle_t other;
    rsm_memseg_id_t id = 0;
    rsm_node_id_t node;

    return ((memory[0] == 1) && rsmi_runtime_is_forked() &&
            (rsmx_get_node_id(&node) == RSMERR_INTERNAL_ERROR) &&
            (rsm_get_controller(NULL, &other) == RSMERR_INTERNAL_ERROR) &&
            (rsm_release_controller(controller) == RSMERR_BAD_CTLR_HNDL) &&
            (rsm_memseg_export_publish(segment, &id, NULL, 0) ==
             RSMERR_NOT_CREATOR) &&
            (rsm_memseg_export_destroy(segment) == RSMERR_BAD_SEG_HNDL))
               ? 0
               : 1;
}

Test(runtime, the_child_of_a_fork_has_memory_and_no_library)
{
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = 0;
    int status = -1;
    char *memory;
    pid_t pid;

    cr_assert_eq(rsm_get_controller(NULL, &controller), RSM_SUCCESS);
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(
        rsm_memseg_export_create(controller, &segment, memory, 4096, 0),
        RSM_SUCCESS);
    memory[0] = 1;
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        status = calls_in_child(controller, segment, memory);
        memory[0] = 2;
        _exit(status);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(memory[0], 1, "the child reached its parent's memory");
    cr_assert_eq(rsm_memseg_export_publish(segment, &id, NULL, 0), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_export_destroy(segment), RSM_SUCCESS);
}
