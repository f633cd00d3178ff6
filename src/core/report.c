/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/report.h"

#include "core/controller.h"
#include "fabric/fabric.h"
#include "rsmapi.h"
#include "rsm_version.h"
#include "topo/topo.h"
#include "util/config.h"
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>

/* RSM_INFO asks for the block whatever the log level is. */
static void RSMI_PRINTF(1, 2) report_line(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (rsmi_config.info) {
        (void)fprintf(stderr, "rsm: %s\n", text);
    } else {
        rsmi_info("core", "%s", text);
    }
}

static void report_fabrics(void)
{
    static const char *const names[RSMI_FABRIC_SELF] = {
        "shared memory", "network", "tcp", "verbs"};
    rsmi_fabric_info_t info;
    int kind;

    for (kind = 0; kind < RSMI_FABRIC_SELF; ++kind) {
        rsmi_fabric_query((rsmi_fabric_kind_t)kind, &info);
        if (info.is_present) {
            report_line("ucx %s: transports %s, devices %s", names[kind],
                        info.transports, info.devices);
        }
    }
}

static void report_variables(void)
{
    rsmi_config_row_t row;
    size_t idx;

    for (idx = 0; idx < rsmi_config_count(); ++idx) {
        rsmi_config_row(idx, &row);
        if (row.is_set) {
            report_line("variable %s is %s", row.name, row.value);
        }
    }
}

void rsmi_report_start(const rsmi_boot_job_t *job)
{
    rsmi_topo_t topo;

    if ((job->rank != 0) ||
        (!rsmi_config.info && (rsmi_log_level < (int)RSMI_LOG_INFO))) {
        return;
    }
    report_line("librsm %s", RSMX_VERSION_STRING);
    report_line("launcher %s, %u processes, %u on this host", job->launcher,
                job->size, job->local_size);
    if (rsmi_topo_get(&topo) == RSM_SUCCESS) {
        report_line("host: %u cores, %u processors, this process may use %s",
                    topo.cores, topo.processors, topo.allowed_list);
    }
    report_fabrics();
    report_line("processes of this host are reached by %s",
                rsmi_config.direct ? "loads and stores where they share memory"
                                   : "ucx (RSM_DIRECT is off)");
    report_variables();
}
