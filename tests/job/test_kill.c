/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes that end while others work with them. Each case runs on the three
 * ways to the data: loads and stores, UCX's shared memory, TCP. */
#include "launch.h"

static job_t job;

static const char *const ways[] = {"", "RSM_DIRECT=n ", "UCX_TLS=tcp,self "};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

static void exporter_ends(const char *operation, const char *death)
{
    size_t i;

    for (i = 0; i < WAY_COUNT; ++i) {
        job_run(&job, "%s" JOB_SURVIVE(2) JOB_HELPER("kill") "%s %s", ways[i],
                operation, death);
        JOB_ENDED(&job);
        JOB_SAYS(&job, "importer ok");
    }
}

Test(exporter_is_killed, while_an_importer_puts)
{
    exporter_ends("put", "kill");
}

Test(exporter_is_killed, while_an_importer_gets)
{
    exporter_ends("get", "kill");
}

Test(exporter_is_killed, while_an_importer_puts_words)
{
    exporter_ends("put64", "kill");
}

Test(exporter_is_killed, while_an_importer_uses_barriers)
{
    exporter_ends("barrier", "kill");
}

Test(exporter_is_killed, while_an_importer_puts_vectors)
{
    exporter_ends("vector", "kill");
}

Test(exporter_is_killed, while_an_importer_gets_vectors)
{
    exporter_ends("getv", "kill");
}

Test(exporter_is_killed, while_an_importer_uses_atomics)
{
    exporter_ends("atomic", "kill");
}

Test(exporter_is_killed, while_an_importer_posts)
{
    exporter_ends("post", "kill");
}

Test(exporter_is_killed, while_an_importer_waits)
{
    exporter_ends("wait", "kill");
}

Test(exporter_is_killed, while_an_importer_connects)
{
    exporter_ends("connect", "kill");
}

/* A mapping exists on the first way only. */
Test(exporter_is_killed, while_it_is_mapped)
{
    job_run(&job, JOB_SURVIVE(2) JOB_HELPER("kill") "map kill");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(exporter_ends, normally)
{
    exporter_ends("put", "exit");
    exporter_ends("barrier", "exit");
}

/* That is no failure of the job. */
Test(exporter_ends, normally_and_the_job_with_it)
{
    job_run(&job, JOB_MPIRUN(2) JOB_HELPER("kill") "put exit");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "importer ok");
    JOB_IS_SILENT(&job);
}

Test(exporter_ends, without_the_exit_handlers)
{
    exporter_ends("put", "_exit");
}

Test(exporter_ends, by_becoming_another_program)
{
    job_run(&job, JOB_SURVIVE(2) JOB_HELPER("kill") "put exec");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(importer_is_killed, and_the_exporter_forgets_it)
{
    size_t i;

    for (i = 0; i < WAY_COUNT; ++i) {
        job_run(&job, "%s" JOB_SURVIVE(3) JOB_HELPER("forget"), ways[i]);
        JOB_ENDED(&job);
        JOB_SAYS(&job, "exporter ok");
        JOB_SAYS(&job, "other ok");
    }
}

static void importer_is_stopped(const char *how)
{
    size_t i;

    for (i = 0; i < WAY_COUNT; ++i) {
        job_run(&job, "%s" JOB_MPIRUN(2) JOB_HELPER("stop") "%s put", ways[i],
                how);
        JOB_SUCCEEDED(&job);
        JOB_SAYS(&job, "exporter ok");
        JOB_SAYS(&job, "importer ok");
    }
    job_run(&job, JOB_MPIRUN(2) JOB_HELPER("stop") "%s map", how);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "exporter ok");
    JOB_SAYS(&job, "importer ok");
}

Test(importer_is_stopped, while_the_exporter_unpublishes)
{
    importer_is_stopped("unpublish");
}

Test(importer_is_stopped, while_the_exporter_destroys)
{
    importer_is_stopped("destroy");
}
