/* SPDX-License-Identifier: BSD-3-Clause */
/* What users of the OSU micro-benchmarks and their scripts rely on. */
#include "launch.h"

static job_t job;

static const char *const programs[] = {"rsm_put_latency", "rsm_get_latency",
                                       "rsm_put_bw", "rsm_get_bw"};

#define PROGRAM_COUNT (sizeof(programs) / sizeof(programs[0]))
#define QUICK         " -m 1:16k -i 20 -x 2 "

static void run(const char *way, const char *program, const char *options)
{
    job_run(&job, "%s" JOB_MPIRUN(2) JOB_BENCHMARK("%s") "%s", way, program,
            options);
}

Test(benchmarks, print_the_table_that_scripts_expect)
{
    run("", "rsm_put_latency", QUICK);
    JOB_SUCCEEDED(&job);
    JOB_IS_SILENT(&job);
    JOB_SAYS(&job, "# RSM Put Latency Test v");
    JOB_SAYS(&job, "# Access: put\n# Synchronization: implicit\n");
    JOB_SAYS(&job, "\n# Size            Latency (us)\n1     ");
    JOB_SAYS(&job, "\n16384     ");

    run("", "rsm_get_bw", QUICK);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# RSM Get Bandwidth Test v");
    JOB_SAYS(&job, "\n# Size        Bandwidth (MB/s)\n1     ");
}

Test(benchmarks, find_their_data_where_it_should_be)
{
    static const char *const ways[] = {"", "RSM_DIRECT=n ",
                                       "UCX_TLS=tcp,self "};
    size_t i, j;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        for (j = 0; j < 3; ++j) {
            run(ways[j], programs[i], "-c" QUICK);
            JOB_SUCCEEDED(&job);
            JOB_EXPECT(&job, job_count(&job, "Pass") == 15);
        }
    }
}

Test(benchmarks, know_all_barriers_and_mappings)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        run("", programs[i], "-c -s segment" QUICK);
        JOB_SUCCEEDED(&job);
        JOB_EXPECT(&job, job_count(&job, "Pass") == 15);
        run("", programs[i], "-c -s node" QUICK);
        JOB_SUCCEEDED(&job);
        JOB_EXPECT(&job, job_count(&job, "Pass") == 15);
        run("", programs[i], "-c -w map" QUICK);
        JOB_SUCCEEDED(&job);
        JOB_EXPECT(&job, job_count(&job, "Pass") == 15);
    }
}

Test(benchmarks, show_extremes_and_percentiles)
{
    run("", "rsm_put_latency", "-f -z50,99.9" QUICK);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "     Min Latency(us)     Max Latency(us)  Iterations"
                   "    P50 Tail Lat(us)  P99.9 Tail Lat(us)\n");
}

Test(benchmarks, write_json)
{
    run("", "rsm_put_bw",
        "--json -c -f -z" QUICK "| python3 -c 'import json, sys; "
        "d = json.load(sys.stdin); "
        "print(d[\"benchmark\"], len(d[\"rows\"]), "
        "d[\"rows\"][14][\"size\"])'");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rsm_put_bw 15 16384");
}

Test(benchmarks, refuse_other_numbers_of_processes)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        job_run(&job, JOB_BENCHMARK("%s"), programs[i]);
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status == EXIT_FAILURE);
        JOB_COMPLAINS(&job, "needs exactly 2 processes, not 1");
    }
    job_run(&job, JOB_MPIRUN(3) JOB_BENCHMARK("rsm_put_latency"));
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == EXIT_FAILURE);
    JOB_COMPLAINS(&job, "needs exactly 2 processes, not 3");
}

Test(benchmarks, refuse_mistakes_in_one_sentence)
{
    static const char *const mistakes[][2] = {
        {"--iteratons 5", "there is no option --iteratons"},
        {"-q", "there is no option -q"},
        {"-i", "the option -i needs a value"},
        {"-i 0", "--iterations takes a number from 1 on, not \"0\""},
        {"-m 8:4", "--message-size takes [MIN:]MAX"},
        {"-s fence", "--sync-option takes implicit, segment or node"},
        {"-w get", "--access takes put or map"},
        {"-w map -s implicit", "a mapping has no implicit barriers"},
        {"-z 101", "\"101\" is no option"},
        {"-z101", "--tail-lat takes up to 8 percentages"},
        {"10", "\"10\" is no option"},
        {"-W 4", "there is no option -W"},
    };
    size_t i;

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); ++i) {
        job_run(&job, JOB_BENCHMARK("rsm_put_latency") "%s", mistakes[i][0]);
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status == EXIT_FAILURE);
        JOB_COMPLAINS(&job, mistakes[i][1]);
        JOB_EXPECT(&job, job.out[0] == '\0');
    }
}

Test(benchmarks, explain_themselves)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        job_run(&job, JOB_BENCHMARK("%s") "--help", programs[i]);
        JOB_SUCCEEDED(&job);
        JOB_SAYS(&job, "Usage: mpirun -n 2 rsm_");
        JOB_SAYS(&job, "-m, --message-size [MIN:]MAX");
        JOB_EXPECT(&job, (strstr(job.out, "--window-size") != NULL) ==
                             (strstr(programs[i], "_bw") != NULL));
    }
    job_run(&job, JOB_BENCHMARK("rsm_put_bw") "-v");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rsm_put_bw 1.");
}
