/* SPDX-License-Identifier: BSD-3-Clause */
/* The block that RSM_INFO=1 and log level info print at start. */
#ifndef RSMI_REPORT_H
#define RSMI_REPORT_H

#include "boot/boot.h"

void rsmi_report_start(const rsmi_boot_job_t *job);

#endif
