/* SPDX-License-Identifier: BSD-3-Clause */
/* A program started by hand is a job of one process. */
#include "boot/boot_provider.h"

#include "rsmapi.h"
#include "util/compiler.h"

static int single_open(rsmi_boot_lost_func_t lost RSMI_UNUSED,
                       rsmi_boot_job_t *job_p)
{
    *job_p = (rsmi_boot_job_t){.size = 1, .local_size = 1};
    return RSM_SUCCESS;
}

static void single_close(void)
{
}

static bool single_is_local(uint32_t rank)
{
    return rank == 0;
}

static int single_publish(const void *record RSMI_UNUSED,
                          size_t size RSMI_UNUSED)
{
    return RSM_SUCCESS; /* our own record is kept for us, nobody else asks */
}

static int single_ask(uint32_t rank RSMI_UNUSED, uint64_t question RSMI_UNUSED)
{
    return RSMERR_SEG_NOT_PUBLISHED;
}

static bool single_has_ended(uint32_t rank RSMI_UNUSED)
{
    return false;
}

const rsmi_boot_provider_t rsmi_boot_single = {
    .name = "single",
    .open = single_open,
    .close = single_close,
    .is_local = single_is_local,
    .publish = single_publish,
    .ask = single_ask,
    .has_ended = single_has_ended,
};
