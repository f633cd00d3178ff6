/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, descriptors and space that run out: an error code, never a signal. */
#include "launch.h"

#define EXHAUST JOB_HELPER("exhaust")

static job_t job;

/* Mount namespaces need root, or user namespaces. */
static const char *own_mounts(void)
{
    if (job_can("unshare -m true")) {
        return "unshare -m";
    }
    if (job_can("unshare -r -m true")) {
        return "unshare -r -m";
    }
    cr_skip_test("needs a mount namespace");
    return "";
}

/* /dev/shm of a given size, and what some others have left of it. */
static void fill_shm(const char *size, const char *taken, const char *launcher,
                     const char *export_kib)
{
    job_run(&job,
            "%s sh -c 'mount -t tmpfs -o size=%s none /dev/shm && "
            "fallocate -l %s /dev/shm/taken && exec \"$@\"' "
            "sh %s" EXHAUST "%s RSMERR_INSUFFICIENT_MEM",
            own_mounts(), size, taken, launcher, export_kib);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "ok");
}

Test(shm_is_full, after_some_exports)
{
    fill_shm("32m", "4k", "", "1024");
    JOB_SAYS(&job, "exports ok");
    JOB_COMPLAINS(&job, "/dev/shm");
}

Test(shm_is_full, after_some_exports_under_mpirun)
{
    fill_shm("64m", "4k", JOB_MPIRUN(1), "1024");
    JOB_SAYS(&job, "exports ok");
}

Test(shm_is_full, at_the_first_export)
{
    fill_shm("64m", "40m", "", "32768");
    JOB_SAYS(&job, "0 exports ok");
    JOB_COMPLAINS(&job, "/dev/shm");
}

/* Less than UCX wants for itself. */
Test(shm_is_full, before_anything_is_exported)
{
    fill_shm("1m", "4k", "", "256");
}

Test(descriptors_run_out, while_exporting)
{
    job_run(&job,
            "ulimit -n 40; exec " EXHAUST "256 RSMERR_INSUFFICIENT_RESOURCES");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "ok");
}

/* Wherever in the start of library and UCX the last one goes. */
Test(descriptors_run_out, at_any_number)
{
    job_run(&job, "for path in RSM_DIRECT=y RSM_DIRECT=n UCX_TLS=tcp,self; do "
                  "for most in $(seq 8 48); do (ulimit -n $most; "
                  "env $path " JOB_HELPER("few") ") || exit 1; done; done");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "too few");
    JOB_SAYS(&job, "enough");
}

Test(descriptors_run_out, under_mpirun)
{
    job_run(&job, JOB_MPIRUN(1) "sh -c 'ulimit -n 40; exec \"$@\"' sh " EXHAUST
                                "256 RSMERR_INSUFFICIENT_RESOURCES");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "ok");
}
