/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers need nothing from the exporting program. */
#include "launch.h"

static job_t job;

static void exporter_reads(const char *way)
{
    char directory[] = "/tmp/rsm_job_XXXXXX";
    char path[64];

    cr_assert(mkdtemp(directory) != NULL);
    job_run(&job, "%s" JOB_MPIRUN(2) JOB_HELPER("passive") "%s/fifo", way,
            directory);
    snprintf(path, sizeof(path), "%s/fifo", directory);
    unlink(path); /* it is left when the exporter failed */
    rmdir(directory);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "importer ok");
    JOB_SAYS(&job, "exporter ok");
}

Test(exporter_sits_in_read, and_is_reached_directly)
{
    exporter_reads("");
}

Test(exporter_sits_in_read, and_is_reached_through_ucx)
{
    exporter_reads("RSM_DIRECT=n ");
}

Test(exporter_sits_in_read, and_is_reached_over_tcp)
{
    exporter_reads("UCX_TLS=tcp,self ");
}
