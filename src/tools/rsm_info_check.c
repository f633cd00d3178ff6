/* SPDX-License-Identifier: BSD-3-Clause */
/* The self-check: one line for each question a user has to ask, with what to
 * do when the answer is no. */
#include "rsm_info.h"

#include "util/clock.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Where details stand in a line of text. */
#define CHECK_COLUMN 26

typedef struct {
    const char *name;
    void (*probe)(check_t *check);
} check_entry_t;

/* Asked before the library is started, so that their answers explain it when
 * it does not start. */
static const check_entry_t check_host[] = {
    {"variables", probe_variables},
    {"shared memory", probe_shared_memory},
    {"descriptors", probe_descriptors},
    {"lockable memory", probe_lockable_memory},
    {"processors", probe_processors},
    {"namespaces", probe_namespaces},
    {"ptrace", probe_ptrace},
    {"system v memory", probe_sysv},
    {"membarrier", probe_membarrier},
    {"userfaultfd", probe_userfault},
};

typedef struct {
    info_t *info;
    unsigned counts[CHECK_FAIL + 1];
} check_run_t;

void check_set(check_t *check, check_status_t status, const char *format, ...)
{
    va_list args;

    check->status = status;
    check->remedy[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(check->detail, sizeof(check->detail), format, args);
    va_end(args);
}

void check_advise(check_t *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(check->remedy, sizeof(check->remedy), format, args);
    va_end(args);
}

static void check_report(check_run_t *run, const char *name,
                         const check_t *check)
{
    static const char *const words[] = {"pass", "warn", "fail"};
    info_t *info = run->info;

    run->counts[check->status]++;
    if (info->is_json) {
        info_begin(info, NULL, NULL);
        info_text(info, "name", "%s", name);
        info_text(info, "status", "%s", words[check->status]);
        info_text(info, "detail", "%s", check->detail);
        info_text(info, "remedy", "%s", check->remedy);
        info_end(info);
        return;
    }
    (void)fprintf(info->stream, "  %s  %-17s ", words[check->status], name);
    info_wrap(info, CHECK_COLUMN, "%s", check->detail);
    if (check->remedy[0] != '\0') {
        (void)fprintf(info->stream, "%*s", CHECK_COLUMN, "");
        info_wrap(info, CHECK_COLUMN, "%s", check->remedy);
    }
}

/* Whether the library runs. */
static bool check_start(check_run_t *run)
{
    rsmi_time_t start = rsmi_clock_now();
    rsm_node_id_t node = 0;
    uint32_t nodes = 0;
    check_t check = {0};
    char error[CHECK_TEXT_MAX];
    const char *call = "rsmx_get_node_id";
    int rc;

    rc = rsmx_get_node_id(&node);
    if (rc == RSM_SUCCESS) {
        call = "rsmx_get_node_count";
        rc = rsmx_get_node_count(&nodes);
    }
    if (rc == RSM_SUCCESS) {
        check_set(&check, CHECK_PASS, "node %u of %u, ready after %.1f ms",
                  (unsigned)node, (unsigned)nodes,
                  (double)(rsmi_clock_now() - start) / 1e6);
    } else {
        info_format_error(error, sizeof(error), call, rc);
        check_set(&check, CHECK_FAIL, "%s", error);
        check_advise(&check, "see the message on standard error, or try again "
                             "with RSM_LOG_LEVEL=debug");
    }
    check_report(run, "start", &check);

    probe_launcher(&check, rc);
    check_report(run, "launcher", &check);
    return rc == RSM_SUCCESS;
}

static void check_versions(check_run_t *run)
{
    check_t check = {0};

    check_set(&check, CHECK_PASS, "rsm_info and librsm are %s", rsmx_version());
    if (strcmp(rsmx_version(), RSMX_VERSION_STRING) != 0) {
        check_set(&check, CHECK_WARN, "rsm_info is %s, librsm is %s",
                  RSMX_VERSION_STRING, rsmx_version());
        check_advise(&check, "another librsm is found first; look at "
                             "LD_LIBRARY_PATH and \"ldd rsm_info\"");
    }
    check_report(run, "versions", &check);
}

static void check_transports(check_run_t *run, const info_controller_t *list,
                             size_t count)
{
    char names[CHECK_TEXT_MAX] = "";
    const char *ucx_tls = getenv("UCX_TLS");
    bool is_shared = false;
    check_t check = {0};
    size_t len = 0;
    size_t idx;

    for (idx = 0; (idx < count) && (len < sizeof(names)); idx++) {
        if (list[idx].is_in_topology) {
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
                                    (len > 0) ? " " : "", list[idx].name);
            is_shared = is_shared || (strncmp(list[idx].name, "shm", 3) == 0);
        }
    }

    check_set(&check, CHECK_PASS, "%s", names);
    if (len == 0) {
        check_set(&check, CHECK_FAIL, "no controller but loopback");
        check_advise(&check,
                     "UCX_TLS is \"%s\"; \"ucx_info -d\" lists what this host "
                     "has, unset UCX_TLS to let UCX choose",
                     (ucx_tls != NULL) ? ucx_tls : "");
    } else if (!is_shared) {
        check.status = CHECK_WARN;
        check_advise(&check,
                     "no shared memory: accesses between processes of this "
                     "host take the network; UCX_TLS is \"%s\"",
                     (ucx_tls != NULL) ? ucx_tls : "");
    }
    check_report(run, "transports", &check);
}

static void check_controller(check_run_t *run, char *name)
{
    char error[CHECK_TEXT_MAX];
    char title[32];
    info_trip_t trip = {0};
    check_t check = {0};

    if (info_round_trip(name, &trip, error, sizeof(error)) == 0) {
        check_set(&check, CHECK_PASS,
                  "8 bytes: put %.2f us, get %.2f us; 1 MiB: put %.0f MB/s, "
                  "get %.0f MB/s",
                  trip.put_us, trip.get_us, trip.put_mbs, trip.get_mbs);
    } else {
        check_set(&check, CHECK_FAIL, "%s", error);
        check_advise(&check, "see the message on standard error, or try again "
                             "with RSM_LOG_LEVEL=debug");
    }
    (void)snprintf(title, sizeof(title), "through %.20s", name);
    check_report(run, title, &check);
}

static void check_library(check_run_t *run)
{
    info_controller_t list[INFO_CONTROLLERS_MAX];
    char error[CHECK_TEXT_MAX];
    check_t check = {0};
    size_t count, idx;
    int rc;

    check_versions(run);
    if (!check_start(run)) {
        return;
    }
    rc = info_list_controllers(list, &count);
    if (rc != RSM_SUCCESS) {
        info_format_error(error, sizeof(error), "rsm_get_interconnect_topology",
                          rc);
        check_set(&check, CHECK_FAIL, "%s", error);
        check_report(run, "transports", &check);
        return;
    }
    check_transports(run, list, count);
    for (idx = 0; idx < count; idx++) {
        check_controller(run, list[idx].name);
    }
}

int view_check(info_t *info)
{
    check_run_t run = {.info = info};
    check_t check;
    size_t idx;

    info_begin(info, "check", "check");
    info_begin_list(info, "checks", NULL);
    for (idx = 0; idx < RSMI_COUNT_OF(check_host); idx++) {
        memset(&check, 0, sizeof(check));
        check_host[idx].probe(&check);
        check_report(&run, check_host[idx].name, &check);
    }
    check_library(&run);
    info_end(info);

    if (info->is_json) {
        info_number(info, "passed", run.counts[CHECK_PASS]);
        info_number(info, "warnings", run.counts[CHECK_WARN]);
        info_number(info, "failed", run.counts[CHECK_FAIL]);
    } else {
        (void)fprintf(info->stream, "  %u passed, %u warnings, %u failed\n",
                      run.counts[CHECK_PASS], run.counts[CHECK_WARN],
                      run.counts[CHECK_FAIL]);
    }
    info_end(info);
    return (run.counts[CHECK_FAIL] == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
