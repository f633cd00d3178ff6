/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hosts on one machine: RSMAPI between them. */
#include "hosts.h"

static void set_cable(const char *state)
{
    char command[128];

    snprintf(command, sizeof(command), "ip -n %sa link set eth0 %s",
             hosts_prefix, state);
    cr_assert(system(command) == 0);
}

/* A cable that is pulled out says nothing to either side. It is put back so
 * that mpirun hears from its daemon again. */
static void pull_cable(const char *program)
{
    bool is_noticed;

    hosts_start(2, "-x RSM_PEER_TIMEOUT=2s", program);
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

TestSuite(hosts, .fini = hosts_remove, .timeout = 60);

Test(hosts, are_two)
{
    hosts_make();
    hosts_run(2, "", "hostname");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "a\n") == 1);
    JOB_EXPECT(&job, job_count(&job, "b\n") == 1);
}

Test(hosts, reach_each_other)
{
    hosts_make();
    hosts_run(4, "", JOB_HELPER("start") "ring");
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "of 4 ok") == 4);
}

/* Keeping a connection alive is the kernel's work. */
Test(hosts, let_their_service_threads_sleep)
{
    hosts_make();
    hosts_run(2, "", JOB_HELPER("idle"));
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, job_count(&job, "idle ok") == 2);
}

Test(hosts, need_nothing_from_a_program_that_sits_in_read)
{
    char program[512];

    hosts_make();
    snprintf(program, sizeof(program), JOB_HELPER("passive") "%s/fifo",
             hosts_directory);
    hosts_run(2, "", program);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "importer ok");
    JOB_SAYS(&job, "exporter ok");
}

Test(hosts, are_named_by_benchmarks)
{
    if (!job_can("test -x " JOB_BENCHMARK("rsm_put_bibw"))) {
        cr_skip_test("the benchmarks are not built");
    }
    hosts_make();
    hosts_run(2, "", JOB_BENCHMARK("rsm_put_bibw") "-c -m 8:4k -i 20");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "# Path: ucx, ");
    JOB_SAYS(&job, "# Hosts: 0 on a, 1 on b\n");
    JOB_EXPECT(&job, job_count(&job, "Pass") == 10);
}

Test(hosts, notice_that_an_exporter_is_killed)
{
    hosts_make();
    hosts_run(2, "--enable-recovery", JOB_HELPER("kill") "put kill");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_an_exporter_is_killed_between_barriers)
{
    hosts_make();
    hosts_run(2, "--enable-recovery", JOB_HELPER("kill") "barrier kill");
    JOB_ENDED(&job);
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_an_importer_is_killed)
{
    hosts_make();
    hosts_run(3, "--enable-recovery", JOB_HELPER("forget"));
    JOB_ENDED(&job);
    JOB_SAYS(&job, "exporter ok");
    JOB_SAYS(&job, "other ok");
}

Test(hosts, withdraw_segments_from_stopped_importers)
{
    hosts_make();
    hosts_run(2, "", JOB_HELPER("stop") "unpublish put");
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "exporter ok");
    JOB_SAYS(&job, "importer ok");
}

Test(hosts, notice_that_the_network_is_silent_while_they_write)
{
    hosts_make();
    pull_cable(JOB_HELPER("silence") "busy");
}

Test(hosts, notice_that_the_network_is_silent_while_they_wait)
{
    hosts_make();
    pull_cable(JOB_HELPER("silence") "idle");
}

/* A second cable for UCX, to a station that nobody is. */
Test(hosts, give_up_a_way_that_swallows_what_is_sent)
{
    char program[512];

    hosts_make();
    job_run(&job,
            "set -e; p=%s\n"
            "ip -n ${p}a link add eth1 type veth peer eth1 netns ${p}b\n"
            "ip -n ${p}a addr add 10.78.0.1/24 dev eth1\n"
            "ip -n ${p}b addr add 10.78.0.2/24 dev eth1\n"
            "for h in a b; do ip -n $p$h link set eth1 up; done\n"
            "ip -n ${p}a neigh add 10.78.0.2 lladdr 02:00:00:00:00:09 "
            "dev eth1\n"
            "for h in a b; do\n"
            "    until ip -n $p$h -br link show eth1 | grep -q ' UP '; do\n"
            "        sleep 0.01\n"
            "    done\n"
            "done\n",
            hosts_prefix);
    JOB_SUCCEEDED(&job);
    snprintf(program, sizeof(program), JOB_HELPER("hole") "%s/fifo",
             hosts_directory);
    hosts_run(2,
              "--mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 "
              "-x UCX_TLS=tcp -x UCX_NET_DEVICES=eth1 -x RSM_TIMEOUT=2s",
              program);
    JOB_SUCCEEDED(&job);
    JOB_SAYS(&job, "importer ok");
    JOB_SAYS(&job, "exporter ok");
}
