/* SPDX-License-Identifier: BSD-3-Clause */
/* How a process finds its job, and how it leaves it. */
#include "launch.h"

#define START JOB_HELPER("start")
#define MPI   JOB_HELPER("mpi")

static job_t job;

Test(start, without_a_launcher_a_process_is_a_job_of_one_node)
{
    job_run(&job, START "ring");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 0 of 1 ok");
    JOB_IS_SILENT(&job);
}

Test(start, closed_standard_streams_are_not_mistaken_for_memory)
{
    job_run(&job, START "mute");
    JOB_SUCCEEDED(&job);
    job_run(&job, JOB_MPIRUN(2) START "mute");
    JOB_SUCCEEDED(&job);
}

Test(start, under_mpirun_nodes_are_ranks)
{
    job_run(&job, JOB_MPIRUN(3) START "ring");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 0 of 3 ok");
    JOB_SAYS(&job, "node 1 of 3 ok");
    JOB_SAYS(&job, "node 2 of 3 ok");
}

Test(start, the_normal_end_is_silent)
{
    job_run(&job, JOB_MPIRUN(2) START "nothing");
    JOB_SUCCEEDED(&job);
    JOB_IS_SILENT(&job);

    job_run(&job, JOB_MPIRUN(2) START "ring");
    JOB_SUCCEEDED(&job);
    JOB_IS_SILENT(&job);
}

Test(start, node_0_tells_what_it_uses_when_asked)
{
    job_run(&job, "RSM_INFO=1 " JOB_MPIRUN(2) START "ring");
    JOB_SUCCEEDED(&job);
    JOB_COMPLAINS(&job, "rsm: librsm ");
    JOB_COMPLAINS(&job, "2 processes, 2 on this host");
    JOB_COMPLAINS(&job, "rsm: ucx shared memory: transports ");
    JOB_COMPLAINS(&job, "reached by loads and stores");
    JOB_COMPLAINS(&job, "rsm: variable RSM_INFO is ");

    job_run(&job,
            "RSM_LOG_LEVEL=info RSM_DIRECT=n " JOB_MPIRUN(2) START "ring");
    JOB_SUCCEEDED(&job);
    JOB_COMPLAINS(&job, "reached by ucx (RSM_DIRECT is off)");
}

Test(start, sun_numbers_begin_at_one)
{
    job_run(&job, "RSM_NODE_BASE=1 " JOB_MPIRUN(2) START "ring");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 1 of 2 ok");
    JOB_SAYS(&job, "node 2 of 2 ok");
}

/* Open MPI's mpirun calls it improper when a rank has not spoken to its PMIx
 * server and others have; the exit status and a message of its say so. What
 * counts is that the others do their work. */
Test(start, a_rank_that_never_calls_the_library_blocks_nobody)
{
    job_run(&job, JOB_MPIRUN(3) START "silent");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "node 0 of 3 ok");
    JOB_SAYS(&job, "node 1 of 3 ok");
}

Test(start, two_programs_can_be_one_job)
{
    job_run(&job, JOB_MPIRUN(1) START "ring : -n 2 " START "ring");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "of 3 ok") == 3);
}

Test(start, rsm_can_be_used_before_mpi)
{
    job_run(&job, JOB_MPIRUN(2) MPI "p");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rank 1 of 2 ok");
}

Test(start, rsm_can_be_used_between_init_and_finalize)
{
    job_run(&job, JOB_MPIRUN(2) MPI "b");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rank 1 of 2 ok");
}

Test(start, rsm_can_be_used_first_after_mpi_is_finished)
{
    job_run(&job, JOB_MPIRUN(2) MPI "a");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rank 1 of 2 ok");
}

Test(start, rsm_can_be_used_in_all_places)
{
    job_run(&job, JOB_MPIRUN(2) MPI "pba");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rank 1 of 2 ok");
}

Test(start, an_mpi_program_can_run_alone)
{
    job_run(&job, MPI "pba");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rank 0 of 1 ok");
}

Test(start, a_launcher_without_pmix_is_refused)
{
    job_run(&job, "PMI_RANK=0 PMI_SIZE=2 PMI_FD=9 " START);
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == 1);
    JOB_COMPLAINS(&job, "offers no PMIx");
    JOB_COMPLAINS(&job, "RSM_BOOT=single");
}

Test(start, who_wants_single_processes_under_such_a_launcher_gets_them)
{
    job_run(&job, "RSM_BOOT=single PMI_RANK=1 PMI_SIZE=2 PMI_FD=9 " START);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 0 of 1 ok");
}

Test(start, one_process_under_such_a_launcher_is_a_job_of_one)
{
    job_run(&job, "PMI_RANK=0 PMI_SIZE=1 PMI_FD=9 " START);
    JOB_SUCCEEDED(&job);
}

Test(start, ranks_can_be_jobs_of_their_own)
{
    job_run(&job, "RSM_BOOT=single " JOB_MPIRUN(2) START "nothing");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "of 1 ok") == 2);
}

Test(start, a_malformed_variable_is_an_error)
{
    job_run(&job, "RSM_TIMEOUT=banana " START);
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == 1);
    JOB_COMPLAINS(&job, "RSM_TIMEOUT");
    JOB_COMPLAINS(&job, "banana");
    JOB_COMPLAINS(&job, "RSMERR_BAD_CONF");
}

Test(start, an_unknown_variable_is_warned_about)
{
    job_run(&job, "RSM_TIMEOUTS=5s " START);
    JOB_SUCCEEDED(&job);
    JOB_COMPLAINS(&job, "RSM_TIMEOUTS");
    JOB_COMPLAINS(&job, "name: RSM_TIMEOUT.");
}

Test(start, another_user_can_run_a_job)
{
    const char *become = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    static char probe[256];

    snprintf(probe, sizeof(probe), "%s test -x %s", become, START);
    if ((geteuid() != 0) || !job_can(probe)) {
        cr_skip_test("needs root and a build directory others can read");
    }
    job_run(&job, "%s env HOME=/tmp TMPDIR=/tmp " JOB_MPIRUN(2) START "ring",
            become);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 1 of 2 ok");
}
