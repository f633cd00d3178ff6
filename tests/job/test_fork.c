/* SPDX-License-Identifier: BSD-3-Clause */
/* Children of processes that use the library. */
#include "launch.h"

static job_t job;

static void both_fork(const char *way, const char *end)
{
    job_run(&job, "%s" JOB_MPIRUN(2) JOB_HELPER("fork") "%s", way, end);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 0 ok");
    JOB_SAYS(&job, "node 1 ok");
    JOB_IS_SILENT(&job);
}

Test(fork, a_child_that_leaves_at_once_harms_nobody)
{
    both_fork("", "_exit");
}

Test(fork, a_child_that_runs_exit_handlers_harms_nobody)
{
    both_fork("", "exit");
}

Test(fork, the_same_without_direct_access)
{
    both_fork("RSM_DIRECT=n ", "exit");
}

Test(fork, the_same_over_tcp)
{
    both_fork("UCX_TLS=tcp,self ", "exit");
}
