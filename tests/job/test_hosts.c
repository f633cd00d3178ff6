/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hosts on one machine: network namespaces joined by a cable, each with a
 * host name, an IPC namespace and a /dev/shm of its own. mpirun runs in the
 * first and starts its daemon in the second with a script in place of ssh. */
#include "launch.h"

#include <sys/stat.h>

static job_t job;
static char directory[64]; /* of the script and the hosts file; "": none */
static char prefix[32];    /* of the names of both namespaces */

/* enter [options] HOST COMMAND..: what ssh would do. */
static const char enter_script[] =
    "#!/bin/sh\n"
    "while [ \"${1#-}\" != \"$1\" ]; do shift; done\n"
    "host=$1\n"
    "shift\n"
    "command=$*\n"
    "exec ip netns exec %s$host unshare --uts --ipc --mount sh -c '\n"
    "    hostname \"$1\" &&\n"
    "    mount -t tmpfs none /dev/shm &&\n"
    "    mount --bind %s/hosts /etc/hosts &&\n"
    "    eval \"$2\"' sh \"$host\" \"$command\"\n";

static void write_file(const char *name, const char *format, const char *first,
                       const char *second)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "we");
    cr_assert(file != NULL);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(file, format, first, second);
#pragma GCC diagnostic pop
    cr_assert(fclose(file) == 0);
    cr_assert(chmod(path, 0755) == 0);
}

static void remove_hosts(void)
{
    if (directory[0] != '\0') {
        job_run(&job, "ip netns del %sa; ip netns del %sb; rm -r %s", prefix,
                prefix, directory);
        directory[0] = '\0';
    }
}

static void make_hosts(void)
{
    if ((geteuid() != 0) || !job_can("ip -V && unshare -m -u -i -n true")) {
        cr_skip_test("needs root, ip and network namespaces");
    }
    strcpy(directory, "/tmp/rsm_job_XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    snprintf(prefix, sizeof(prefix), "rsmjob%d", (int)getpid());
    write_file("enter", enter_script, prefix, directory);
    write_file("hosts", "127.0.0.1 localhost\n10.77.0.1 %s\n10.77.0.2 %s\n",
               "a", "b");
    job_run(&job,
            "set -e; p=%s\n"
            "for h in a b; do ip netns add $p$h; done\n"
            "ip -n ${p}a link add eth0 type veth peer eth0 netns ${p}b\n"
            "ip -n ${p}a addr add 10.77.0.1/24 dev eth0\n"
            "ip -n ${p}b addr add 10.77.0.2/24 dev eth0\n"
            "for h in a b; do\n"
            "    ip -n $p$h link set lo up; ip -n $p$h link set eth0 up\n"
            "done\n"
            /* UCX does not see a device before its link is up. */
            "for h in a b; do\n"
            "    until ip -n $p$h -br link show eth0 | grep -q ' UP '; do\n"
            "        sleep 0.01\n"
            "    done\n"
            "done\n",
            prefix);
    if (job.status != 0) {
        remove_hosts();
        cr_skip_test("network namespaces cannot be made here");
    }
}

/* Even ranks run on host a, odd ones on host b. */
static void start(int ranks, const char *options, const char *program)
{
    job_start(&job,
              "%s/enter a \"'" RSM_TEST_MPIEXEC "' --oversubscribe --bind-to "
              "none --mca plm_rsh_agent %s/enter --host a:4,b:4 --map-by node "
              "%s -n %d %s\"",
              directory, directory, options, ranks, program);
}

static void run(int ranks, const char *options, const char *program)
{
    start(ranks, options, program);
    job_wait(&job);
}

static void set_cable(const char *state)
{
    char command[128];

    snprintf(command, sizeof(command), "ip -n %sa link set eth0 %s", prefix,
             state);
    cr_assert(system(command) == 0);
}

/* A cable that is pulled out says nothing to either side. It is put back so
 * that mpirun hears from its daemon again. */
static void pull_cable(const char *program)
{
    bool is_noticed;

    start(2, "-x RSM_PEER_TIMEOUT=2s", program);
    if (job_await(&job, "pull the cable")) {
        set_cable("down");
    }
    is_noticed = job_await(&job, "importer ok");
    set_cable("up");
    job_wait(&job);
    JOB_EXPECT(&job, is_noticed);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "exporter ok");
}

TestSuite(hosts, .fini = remove_hosts, .timeout = 60);

Test(hosts, are_two)
{
    make_hosts();
    run(2, "", "hostname");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "a\n") == 1);
    JOB_EXPECT(&job, job_count(&job, "b\n") == 1);
}

Test(hosts, reach_each_other)
{
    make_hosts();
    run(4, "", JOB_HELPER("start") "ring");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "of 4 ok") == 4);
}

/* Keeping a connection alive is the kernel's work. */
Test(hosts, let_their_service_threads_sleep)
{
    make_hosts();
    run(2, "", JOB_HELPER("idle"));
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "idle ok") == 2);
}

Test(hosts, need_nothing_from_a_program_that_sits_in_read)
{
    char program[512];

    make_hosts();
    snprintf(program, sizeof(program), JOB_HELPER("passive") "%s/fifo",
             directory);
    run(2, "", program);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "importer ok");
    JOB_SAYS(&job, "exporter ok");
}

Test(hosts, are_named_by_benchmarks)
{
    if (!job_can("test -x " JOB_BENCHMARK("rsm_put_bibw"))) {
        cr_skip_test("the benchmarks are not built");
    }
    make_hosts();
    run(2, "", JOB_BENCHMARK("rsm_put_bibw") "-c -m 8:4k -i 20");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Path: ucx, ");
    JOB_SAYS(&job, "# Hosts: 0 on a, 1 on b\n");
    JOB_EXPECT(&job, job_count(&job, "Pass") == 10);
}

Test(hosts, notice_that_an_exporter_is_killed)
{
    make_hosts();
    run(2, "--enable-recovery", JOB_HELPER("kill") "put kill");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_an_exporter_is_killed_between_barriers)
{
    make_hosts();
    run(2, "--enable-recovery", JOB_HELPER("kill") "barrier kill");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_an_importer_is_killed)
{
    make_hosts();
    run(3, "--enable-recovery", JOB_HELPER("forget"));
    JOB_ENDED(&job);
    JOB_SAYS(&job, "exporter ok");
    JOB_SAYS(&job, "other ok");
}

Test(hosts, withdraw_segments_from_stopped_importers)
{
    make_hosts();
    run(2, "", JOB_HELPER("stop") "unpublish put");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "exporter ok");
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_the_network_is_silent_while_they_write)
{
    make_hosts();
    pull_cable(JOB_HELPER("silence") "busy");
}

Test(hosts, notice_that_the_network_is_silent_while_they_wait)
{
    make_hosts();
    pull_cable(JOB_HELPER("silence") "idle");
}
