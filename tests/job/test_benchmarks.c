/* SPDX-License-Identifier: BSD-3-Clause */
/* What users of the OSU micro-benchmarks and their scripts rely on. */
#include "json.h"
#include "launch.h"

static job_t job;

/* Everything that a run of the program can be told, in a few iterations. */
typedef struct {
    const char *name;
    unsigned int ranks;
    const char *options;
    bool is_checked; /* takes -c */
    unsigned int rows;
} program_t;

static const program_t programs[] = {
    {"rsm_put_latency", 2, "-m 1:16k", true, 15},
    {"rsm_get_latency", 2, "-m 1:16k", true, 15},
    {"rsm_put_bw", 2, "-m 1:16k", true, 15},
    {"rsm_get_bw", 2, "-m 1:16k", true, 15},
    {"rsm_put_bibw", 2, "-m 1:16k", true, 15},
    {"rsm_put_mr", 4, "-m 1:1k -p 2 -t 2", true, 11},
    {"rsm_atomic_latency", 2, "", true, 12},
    {"rsm_barrier_latency", 2, "", false, 4},
    {"rsm_signal_latency", 2, "", false, 1},
    {"rsm_connect_latency", 2, "", false, 3},
    {"rsm_export_latency", 2, "-m 4k:16k", true, 12},
    {"rsm_map_latency", 2, "-m 4k:16k", true, 9},
    {"rsm_passive", 2, "-m 8:16", true, 12},
    {"rsm_visible_latency", 2, "-m 0:1k", true, 12},
};

#define PROGRAM_COUNT (sizeof(programs) / sizeof(programs[0]))
#define QUICK         " -i 20 -x 2 "

static void run(const char *environment, const program_t *program,
                const char *options)
{
    job_run(&job,
            "%s '%s' --oversubscribe --bind-to none -n %u " JOB_BENCHMARK(
                "%s") "%s" QUICK "%s",
            environment, RSM_TEST_MPIEXEC, program->ranks, program->name,
            program->options, options);
}

/* ---- output ---- */

Test(benchmarks, print_the_table_that_scripts_expect)
{
    run("", &programs[0], "");
    JOB_SUCCEEDED(&job);
    JOB_IS_SILENT(&job);
    JOB_SAYS(&job, "# RSM Put Latency Test v");
    JOB_SAYS(&job, "# Access: put\n# Synchronization: implicit\n");
    JOB_SAYS(&job, "\n# Size            Latency (us)\n1     ");
    JOB_SAYS(&job, "\n16384     ");

    run("", &programs[3], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# RSM Get Bandwidth Test v");
    JOB_SAYS(&job, "\n# Size        Bandwidth (MB/s)\n1     ");

    run("", &programs[5], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Senders: 2 processes, 2 threads each, window 64\n");
    JOB_SAYS(&job, "\n# Size        Bandwidth (MB/s)          Messages/s\n1  ");

    run("", &programs[7], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "\n# Operation                 Latency (us)\nopen_close  ");
}

/* Something behind the point of a time that is a few nanoseconds. */
Test(benchmarks, show_tenths_of_a_nanosecond)
{
    const char *point;

    run("", &programs[0], "-m 8:8");
    JOB_SUCCEEDED(&job);
    point = strstr(job.out, "\n8     ");
    JOB_EXPECT(&job, point != NULL);
    point = strchr(point, '.');
    JOB_EXPECT(&job, (point != NULL) && (strspn(point + 1, "0123456789") == 4));
}

Test(benchmarks, show_extremes_and_percentiles)
{
    run("", &programs[0], "-f -z50,99.9");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Clock: a reading takes 0.");
    JOB_SAYS(&job, "     Min Latency(us)     Max Latency(us)  Iterations"
                   "       Batch    P50 Tail Lat(us)  P99.9 Tail Lat(us)\n");
}

/* The number behind a member of the only row. */
static double member(const char *key)
{
    const char *at = strstr(job.out, key);

    JOB_EXPECT(&job, at != NULL);
    return strtod(at + strlen(key), NULL);
}

Test(benchmarks, order_extremes_percentiles_and_mean)
{
    run("", &programs[0], "-m 8:8 -i 1000 --json -f -z0,50,100");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, member("\"batch\": ") >= 1.0);
    JOB_EXPECT(&job, member("\"min\": ") == member("\"0\": "));
    JOB_EXPECT(&job, member("\"max\": ") == member("\"100\": "));
    JOB_EXPECT(&job, member("\"0\": ") <= member("\"50\": "));
    JOB_EXPECT(&job, member("\"50\": ") <= member("\"100\": "));
    JOB_EXPECT(&job, member("\"min\": ") <= member("\"value\": "));
    JOB_EXPECT(&job, member("\"value\": ") <= member("\"max\": "));

    /* Of a rate the percentile is what so many samples reach at least. */
    run("", &programs[2], "-m 8:8 -i 1000 --json -f -z0,50,100");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, member("\"max\": ") == member("\"0\": "));
    JOB_EXPECT(&job, member("\"min\": ") == member("\"100\": "));
    JOB_EXPECT(&job, member("\"50\": ") <= member("\"max\": "));
    JOB_EXPECT(&job, member("\"50\": ") >= member("\"min\": "));
}

/* All threads of process 0 together, and all iterations of one of them. */
Test(benchmarks, take_samples_of_all_threads)
{
    run("", &programs[5], "-m 8:8 -i 1000 --json -f -z0,50,100");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, member("\"iterations\": ") == 1000.0);
    JOB_EXPECT(&job, member("\"max\": ") == member("\"0\": "));
    JOB_EXPECT(&job, member("\"min\": ") == member("\"100\": "));
    JOB_EXPECT(&job, member("\"50\": ") <= member("\"max\": "));
    JOB_EXPECT(&job, member("\"50\": ") >= member("\"min\": "));
}

Test(benchmarks, write_json)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        const program_t *program = &programs[i];

        run("", program, "--json -f -z");
        JOB_SUCCEEDED(&job);
        JOB_EXPECT(&job, json_is_valid(job.out));
        JOB_EXPECT(&job, job_count(&job, "\"value\": ") == program->rows);
        JOB_SAYS(&job, program->name);
        JOB_EXPECT(&job, job_count(&job, "\"99\": ") == program->rows);
    }
}

Test(benchmarks, say_which_way_the_data_took)
{
    run("", &programs[0], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Path: direct, loads and stores\n");
    run("RSM_DIRECT=n", &programs[0], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Path: ucx, RSM_DIRECT=n, UCX_TLS=all\n");
    run("UCX_TLS=tcp,self", &programs[0], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Path: ucx, RSM_DIRECT=y, UCX_TLS=tcp,self\n");
}

Test(benchmarks, say_where_they_ran)
{
    static const char program[] = JOB_BENCHMARK("rsm_put_latency") "-m 8:8";

    run("taskset -c 0", &programs[13], "");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Pinned: all to processor 0\n");
    JOB_SAYS(&job, "# Oversubscribed: 2 threads share processor 0\n");
    if (!job_can("taskset -c 1 true")) {
        return;
    }
    job_run(&job,
            "'%s' --bind-to none -n 1 taskset -c 0 %s : "
            "-n 1 taskset -c 1 %s",
            RSM_TEST_MPIEXEC, program, program);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Pinned: 0 to processor 0, 1 to processor 1\n");
    JOB_EXPECT(&job, strstr(job.out, "Oversubscribed") == NULL);
}

/* ---- validation ---- */

Test(benchmarks, know_all_ways_and_barriers)
{
    static const char *const ends[] = {"", "8", "16", "32", "64", "v"};
    static const char *const paths[] = {"", "RSM_DIRECT=n ",
                                        "UCX_TLS=tcp,self "};
    static const char *const syncs[] = {"segment", "node", "implicit"};
    char options[64];
    size_t i, j;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); ++i) {
        for (j = 0; j < 2; ++j) {
            snprintf(options, sizeof(options), "-c -m 8:16k -s %s -w %s%s",
                     syncs[i % 3], (j == 0) ? "put" : "get", ends[i]);
            run(paths[(i + j) % 3], &programs[j], options);
            JOB_SUCCEEDED(&job);
            JOB_EXPECT(&job, job_count(&job, "Pass") == 12);
        }
    }
    for (j = 0; j < 6; ++j) {
        run("", &programs[j], "-c -m 8:1k -w map -s node");
        JOB_SUCCEEDED(&job);
        JOB_EXPECT(&job, job_count(&job, "Pass") == 8);
    }
    run("", &programs[0], "-c -m 16:1k -w putv -g 16");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "Pass") == 7);
}

/* One byte is changed before it is compared, where it is compared. */
Test(benchmarks, find_a_single_wrong_byte)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        if (!programs[i].is_checked) {
            continue;
        }
        run("BENCH_DAMAGE=1", &programs[i], "-c");
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status == EXIT_FAILURE);
        /* A message of no bytes has none to be wrong. */
        JOB_EXPECT(&job,
                   job_count(&job, "Fail\n") == programs[i].rows - (i == 13));
    }
}

Test(benchmarks, measure_chosen_sizes_only)
{
    static const char *const sizes[][3] = {{"-m 0:0", "\n0  ", "\n1  "},
                                           {"-m 0:1", "\n1  ", "\n2  "},
                                           {"-m 3:20", "\n12  ", "\n24  "}};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        run("", &programs[13], sizes[i][0]);
        JOB_SUCCEEDED(&job);
        JOB_SAYS(&job, sizes[i][1]);
        JOB_EXPECT(&job, strstr(job.out, sizes[i][2]) == NULL);
    }
}

Test(benchmarks, measure_chosen_operations_only)
{
    run("", &programs[6], "-c -o swap64,fetch_add32");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "Pass") == 2);
    JOB_SAYS(&job, "\nfetch_add32   ");
    JOB_SAYS(&job, "\nswap64   ");

    run("", &programs[10], "-o destroy");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "\ndestroy ") == 3);
    JOB_EXPECT(&job, job_count(&job, "create") == 0);
}

/* ---- refusals ---- */

Test(benchmarks, refuse_other_numbers_of_processes)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        job_run(&job, JOB_BENCHMARK("%s"), programs[i].name);
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status == EXIT_FAILURE);
        JOB_COMPLAINS(&job, (programs[i].ranks == 2)
                                ? "needs exactly 2 processes, not 1"
                                : "needs pairs of processes, not 1");
    }
    job_run(&job, JOB_MPIRUN(3) JOB_BENCHMARK("rsm_put_latency"));
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == EXIT_FAILURE);
    JOB_COMPLAINS(&job, "needs exactly 2 processes, not 3");
    job_run(&job, JOB_MPIRUN(4) JOB_BENCHMARK("rsm_put_mr") "-p 1");
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == EXIT_FAILURE);
    JOB_COMPLAINS(&job, "-p 1 needs exactly 2 processes, not 4");
}

/* The process that speaks comes last. */
Test(benchmarks, refuse_before_the_job_is_ended)
{
    job_run(&job, JOB_MPIRUN(2) "sh -c 'test $OMPI_COMM_WORLD_RANK = 1 || "
                                "sleep 3; exec \"$0\" -q' " JOB_BENCHMARK(
                                    "rsm_put_latency"));
    JOB_ENDED(&job);
    JOB_EXPECT(&job, job.status == EXIT_FAILURE);
    JOB_COMPLAINS(&job, "there is no option -q");
}

Test(benchmarks, refuse_mistakes_in_one_sentence)
{
    static const char *const mistakes[][2] = {
        {"--iteratons 5",
         "there is no option --iteratons; did you mean --iterations?"},
        {"-q", "there is no option -q"},
        {"-i", "the option -i needs a value"},
        {"-i 0", "--iterations takes a number from 1 on, not \"0\""},
        {"-m 8:4", "--message-size takes [MIN:]MAX"},
        {"-m 0:4", "sizes begin with 1 here"},
        {"-s fence", "--sync-option takes implicit, segment or node, not"},
        {"-s nod", "or node (did you mean node?), not \"nod\""},
        {"-w get", "putv or map"},
        {"-w putt64", "(did you mean put64?)"},
        {"-w map -s implicit", "a mapping has no implicit barriers"},
        {"-w put64 -m 12", "sizes are multiples of 8 bytes here, not 1"},
        {"-w put64 -m 12:24", "sizes are multiples of 8 bytes here, not 12"},
        {"-w putv -m 2:4", "4 pieces are 4 bytes or more, not 2"},
        {"-z 101", "\"101\" is no option"},
        {"-z101", "--tail-lat takes up to 8 percentages"},
        {"10", "\"10\" is no option"},
        {"-W 4", "there is no option -W"},
        {"--full=3", "the option --full takes no value"},
    };
    size_t i;

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); ++i) {
        job_run(&job, JOB_BENCHMARK("rsm_put_latency") "%s", mistakes[i][0]);
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status == EXIT_FAILURE);
        JOB_COMPLAINS(&job, mistakes[i][1]);
        JOB_EXPECT(&job, job.out[0] == '\0');
    }
    job_run(&job, JOB_BENCHMARK("rsm_map_latency") "-m 100:200");
    JOB_COMPLAINS(&job, "sizes are multiples of 4096 bytes here, not 100");
    job_run(&job, JOB_BENCHMARK("rsm_atomic_latency") "-o fetch_ad32");
    JOB_COMPLAINS(&job, "(did you mean fetch_add32?)");
}

Test(benchmarks, say_once_that_memory_cannot_be_mapped)
{
    static const char *const ways[][2] = {
        {"rsm_map_latency", "RSM_DIRECT and UCX_TLS decide that"},
        {"rsm_put_bw -w map", "use another way than -w map"}};
    size_t i;

    for (i = 0; i < 2; ++i) {
        job_run(&job,
                "RSM_DIRECT=n " JOB_MPIRUN(2) "env '" RSM_TEST_HELPER_DIR
                                              "/../../benchmarks/'%s",
                ways[i][0]);
        JOB_ENDED(&job);
        JOB_EXPECT(&job, job.status != 0);
        JOB_COMPLAINS(&job, ways[i][1]);
        JOB_EXPECT(&job, strstr(job.err, "RSMERR_") == NULL);
    }
}

Test(benchmarks, explain_themselves)
{
    size_t i;

    for (i = 0; i < PROGRAM_COUNT; ++i) {
        job_run(&job, JOB_BENCHMARK("%s") "--help", programs[i].name);
        JOB_SUCCEEDED(&job);
        JOB_SAYS(&job, "Usage: mpirun -n ");
        JOB_SAYS(&job, programs[i].name);
        JOB_EXPECT(&job, (strstr(job.out, "--message-size") != NULL) ==
                             (programs[i].options[0] != '\0'));
        JOB_EXPECT(&job, (strstr(job.out, "--validation ") != NULL) ==
                             programs[i].is_checked);
        JOB_SAYS(&job, "--tail-lat[=LIST]");
    }
    job_run(&job, JOB_BENCHMARK("rsm_put_bw") "-v");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "rsm_put_bw 1.");
}

/* ---- the other process dies ---- */

/* Whoever is left ends by itself, whatever it was waiting for. */
static void lose(unsigned int victim, const char *program, const char *options)
{
    job_run(&job,
            JOB_SURVIVE(2) "sh -c 'if [ $PMIX_RANK -eq %u ]; "
                           "then " JOB_BENCHMARK(
                               "%s") "%s & sleep 1; kill -KILL $!; "
                                     "else " JOB_BENCHMARK("%s") "%s; echo "
                                                                 "left with "
                                                                 "$?; fi'",
            victim, program, options, program, options);
    JOB_ENDED(&job);
    JOB_SAYS(&job, "left with 1\n");
    JOB_COMPLAINS(&job, "RSMERR_CONN_ABORTED");
}

Test(benchmarks, end_when_the_other_process_dies)
{
    static const char *const runs[][2] = {
        {"rsm_put_latency", "-i 2000000000 -m 8:8"},
        {"rsm_visible_latency", "-i 2000000000 -m 8:8"},
        {"rsm_signal_latency", "-i 2000000000"},
        {"rsm_passive", "-i 2000000000 -o put_reading"}};
    size_t i;

    for (i = 0; i < sizeof(runs) / sizeof(runs[0]); ++i) {
        lose(0, runs[i][0], runs[i][1]);
        lose(1, runs[i][0], runs[i][1]);
    }
}
