/* SPDX-License-Identifier: BSD-3-Clause */
/* Who started this process, and the way to the provider that fits.
 *
 * PMIx_Init() is never called on suspicion: without a server it fails, and a
 * later MPI_Init() in the same process then crashes inside libpmix. The
 * environment decides. A launcher without PMIx is refused, because each of
 * its processes would otherwise run as a job of its own, in silence. */
#include "boot/boot_provider.h"

#include "rsmapi.h"
#include "util/compiler.h"
#include "util/config.h"
#include "util/help.h"
#include "util/log.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* What launchers that came without PMIx leave in the environment. */
typedef struct {
    const char *launcher;
    const char *rank;    /* variable that shows the launcher */
    const char *size[2]; /* number of processes: the first that is set; more
                            than one when none is */
    const char *needed;  /* must be set as well, or NULL */
} foreign_t;

static const foreign_t foreign_launchers[] = {
    /* An allocation's shell has all of these but the step, and an interactive
     * step counts one process whatever the allocation has. */
    {"Slurm's srun",
     "SLURM_PROCID",
     {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"},
     "SLURM_STEP_ID"},
    {"Flux", "FLUX_TASK_RANK", {"FLUX_JOB_SIZE", NULL}, NULL},
    {"MVAPICH's mpirun_rsh",
     "MV2_COMM_WORLD_RANK",
     {"MV2_COMM_WORLD_SIZE", NULL},
     NULL},
    {"an mpirun of Open MPI",
     "OMPI_COMM_WORLD_RANK",
     {"OMPI_COMM_WORLD_SIZE", NULL},
     NULL},
    {"MPICH's Hydra", "PMI_RANK", {"PMI_SIZE", NULL}, NULL},
    {"MPICH's Hydra", "PMI_ID", {"PMI_SIZE", NULL}, "PMI_PORT"},
    {"Cray's PALS", "PALS_RANKID", {"PMI_SIZE", NULL}, NULL},
};

static const rsmi_boot_provider_t *boot_provider;
static uint32_t boot_rank;
static pid_t boot_pid; /* of the process that opened */

static bool detect_has_pmix(void)
{
    return (getenv("PMIX_NAMESPACE") != NULL) && (getenv("PMIX_RANK") != NULL);
}

/* -1 when the variable is not set. */
static long detect_number(const char *variable)
{
    const char *text = (variable != NULL) ? getenv(variable) : NULL;

    return (text != NULL) ? atol(text) : -1;
}

static bool detect_is_alone(const foreign_t *foreign)
{
    long size = detect_number(foreign->size[0]);

    if (size < 0) {
        size = detect_number(foreign->size[1]);
    }
    return size == 1;
}

/* The launcher that started several of us without PMIx, or NULL. */
static const foreign_t *detect_foreign(void)
{
    const foreign_t *foreign;
    size_t i;

    for (i = 0; i < RSMI_COUNT_OF(foreign_launchers); i++) {
        foreign = &foreign_launchers[i];
        if ((getenv(foreign->rank) != NULL) &&
            ((foreign->needed == NULL) || (getenv(foreign->needed) != NULL)) &&
            !detect_is_alone(foreign)) {
            return foreign;
        }
    }
    return NULL;
}

int rsmi_boot_detect(const rsmi_boot_provider_t **provider_p)
{
    const foreign_t *foreign;

    if (rsmi_config.boot == RSMI_BOOT_SINGLE) {
        *provider_p = &rsmi_boot_single;
        return RSM_SUCCESS;
    }
    if (detect_has_pmix()) {
        *provider_p = &rsmi_boot_pmix;
        return RSM_SUCCESS;
    }

    foreign = detect_foreign();
    if (foreign != NULL) {
        if (detect_number(foreign->rank) != 0) {
            rsmi_help_set_speaker(0); /* the first process says it for all */
        }
        rsmi_help(RSMI_HELP_NO_PMIX, foreign->launcher, foreign->rank);
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    if (rsmi_config.boot == RSMI_BOOT_PMIX) {
        rsmi_help(RSMI_HELP_PMIX_FAILED,
                  "RSM_BOOT is pmix, but PMIX_NAMESPACE or PMIX_RANK is "
                  "not set");
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }

    *provider_p = &rsmi_boot_single;
    return RSM_SUCCESS;
}

int rsmi_boot_open(rsmi_boot_lost_func_t lost, rsmi_boot_job_t *job_p)
{
    const rsmi_boot_provider_t *provider;
    rsmi_boot_job_t job;
    int rc;

    rc = rsmi_boot_detect(&provider);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = provider->open(lost, &job);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_boot_records_open(provider, job.size);
    if (rc != RSM_SUCCESS) {
        provider->close();
        return rc;
    }

    job.launcher = provider->name;
    boot_provider = provider;
    boot_rank = job.rank;
    boot_pid = getpid();
    *job_p = job;
    rsmi_debug("boot", "launcher %s rank %u of %u local rank %u of %u",
               job.launcher, job.rank, job.size, job.local_rank,
               job.local_size);
    return RSM_SUCCESS;
}

void rsmi_boot_close(void)
{
    /* The connection of a forked process belongs to its parent. */
    if ((boot_provider == NULL) || (boot_pid != getpid())) {
        return;
    }
    rsmi_boot_records_close();
    boot_provider->close();
    boot_provider = NULL;
}

bool rsmi_boot_is_local(uint32_t rank)
{
    return (boot_provider != NULL) && boot_provider->is_local(rank);
}

int rsmi_boot_publish(const void *record, size_t size)
{
    int rc;

    assert((boot_provider != NULL) && (size <= RSMI_BOOT_RECORD_MAX));
    rc = boot_provider->publish(record, size);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_boot_records_keep(boot_rank, record, size);
    }
    return rc;
}
