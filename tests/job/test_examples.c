/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs that README and manual show, with all they promise. */
#include "launch.h"

#define HELLO JOB_EXAMPLE("rsm_hello")
#define HEAT  JOB_EXAMPLE("heat2d")

static job_t job;

Test(rsm_hello, carries_lines_from_a_pipe)
{
    job_run(&job,
            "printf 'first\\nsecond line\\n\\nlast' | " JOB_MPIRUN(2) HELLO);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 1 got: first\nnode 1 got: second line\n"
                   "node 1 got: last\n");
    JOB_IS_SILENT(&job);
}

Test(rsm_hello, ends_when_there_is_no_input)
{
    job_run(&job, JOB_MPIRUN(2) HELLO);
    JOB_SUCCEEDED(&job);
    JOB_IS_SILENT(&job);
}

Test(rsm_hello, takes_its_part_from_the_command_line)
{
    job_run(&job, "echo text | " JOB_MPIRUN(1) HELLO "-i -n 1 : -n 1 " HELLO
                                                     "-e -n 0");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 1 got: text");
}

Test(rsm_hello, counts_nodes_from_one_when_told_so)
{
    job_run(&job, "echo text | RSM_NODE_BASE=1 " JOB_MPIRUN(2) HELLO);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "node 2 got: text");
}

Test(rsm_hello, says_what_it_needs)
{
    job_run(&job, HELLO);
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == 1);
    JOB_COMPLAINS(&job, "mpirun -n 2");
}

static void heat_is_right(const char *way, int ranks, const char *options)
{
    job_run(&job,
            "%s'" RSM_TEST_MPIEXEC
            "' --oversubscribe --bind-to none -n %d " HEAT "--check %s",
            way, ranks, options);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "identical to the serial run");
    JOB_IS_SILENT(&job);
}

Test(heat2d, is_right_on_any_number_of_nodes)
{
    heat_is_right("", 1, "-n 65 -i 101");
    heat_is_right("", 2, "-n 65 -i 101");
    heat_is_right("", 3, "-n 65 -i 101");
    heat_is_right("", 8, "-n 65 -i 50");
}

Test(heat2d, is_right_with_one_row_each)
{
    heat_is_right("", 4, "-n 4 -i 20");
}

Test(heat2d, is_right_without_any_step)
{
    heat_is_right("", 2, "-n 16 -i 0");
}

Test(heat2d, is_right_on_all_ways_to_the_data)
{
    heat_is_right("RSM_DIRECT=n ", 3, "-n 65 -i 100");
    heat_is_right("UCX_TLS=tcp,self ", 3, "-n 65 -i 100");
}

Test(heat2d, paints_a_picture)
{
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G'};
    char path[] = "/tmp/rsm_job_XXXXXX";
    unsigned char head[24] = {0};
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    job_run(&job, JOB_MPIRUN(2) HEAT "-n 100 -i 10 -o %s", path);
    JOB_EXPECT(&job, read(fd, head, sizeof(head)) == (ssize_t)sizeof(head));
    close(fd);
    unlink(path);
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, memcmp(head, signature, sizeof(signature)) == 0);
    JOB_EXPECT(&job, (head[19] == 100) && (head[23] == 100));
}

Test(heat2d, refuses_what_it_cannot_do)
{
    job_run(&job, JOB_MPIRUN(4) HEAT "-n 3");
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == 1);
    JOB_COMPLAINS(&job, "more nodes than rows");

    job_run(&job, HEAT "-n many");
    JOB_EXPECT(&job, job.status == 1);
    JOB_COMPLAINS(&job, "is not a number");
}
