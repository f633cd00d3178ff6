/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job leaves on its host: nothing, however it ends. Each job has a
 * /dev/shm and an IPC namespace of its own, so that others do not count. */
#include "launch.h"

#define START JOB_HELPER("start")
#define MPI   JOB_HELPER("mpi")

static job_t job;

static const char *own_namespaces(void)
{
    if (job_can("unshare -m -i true")) {
        return "unshare -m -i";
    }
    if (job_can("unshare -r -m -i true")) {
        return "unshare -r -m -i";
    }
    cr_skip_test("needs mount and IPC namespaces");
    return "";
}

/* Starts a job in the background of a shell that tells the number of mpirun
 * first and at last what is left. */
static void start(const char *command)
{
    job_start(&job,
              "%s sh -c 'mount -t tmpfs none /dev/shm && { \"$@\" & } && "
              "echo \"mpirun $!\" && wait $!; echo \"status $?\"; sleep 0.3; "
              "ls -A /dev/shm; "
              "echo \"files $(ls -A /dev/shm | wc -l)\"; "
              "echo \"segments $(ipcs -m | grep -c ^0x)\"; "
              "echo end' sh %s",
              own_namespaces(), command);
}

static void nothing_is_left(void)
{
    job_wait(&job);
    JOB_ENDED(&job);
    JOB_SAYS(&job, "end");
    JOB_EXPECT(&job, job_number(&job, "files ") == 0);
    JOB_EXPECT(&job, job_number(&job, "segments ") == 0);
}

static void signal_to(const char *who, int number)
{
    long pid;

    cr_assert(job_await(&job, "pid0 ") && job_await(&job, "pid1 "));
    pid = job_number(&job, who);
    cr_assert(pid > 0);
    cr_assert(kill((pid_t)pid, number) == 0);
}

Test(nothing_is_left, after_a_normal_end)
{
    start(JOB_MPIRUN(2) START "ring");
    nothing_is_left();
    JOB_EXPECT(&job, job_number(&job, "status ") == 0);
}

Test(nothing_is_left, after_a_normal_end_with_mpi)
{
    start(JOB_MPIRUN(2) MPI "pba");
    nothing_is_left();
    JOB_EXPECT(&job, job_number(&job, "status ") == 0);
}

Test(nothing_is_left, after_a_rank_was_killed)
{
    start(JOB_MPIRUN(2) START "hold");
    signal_to("pid1 ", SIGKILL);
    nothing_is_left();
}

Test(nothing_is_left, after_a_rank_was_terminated)
{
    start(JOB_MPIRUN(2) START "hold");
    signal_to("pid0 ", SIGTERM);
    nothing_is_left();
}

Test(nothing_is_left, after_the_job_was_terminated)
{
    start(JOB_MPIRUN(2) START "hold");
    signal_to("mpirun ", SIGTERM);
    nothing_is_left();
}

Test(nothing_is_left, after_the_job_was_interrupted)
{
    start(JOB_MPIRUN(2) START "hold");
    signal_to("mpirun ", SIGINT);
    nothing_is_left();
}

/* The ranks notice that their launcher is gone and end by themselves. */
Test(nothing_is_left, after_the_launcher_was_killed)
{
    start(JOB_MPIRUN(2) START "hold");
    signal_to("mpirun ", SIGKILL);
    nothing_is_left();
}
