/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hosts on one machine: network namespaces joined by a cable, each with a
 * host name, an IPC namespace and a /dev/shm of its own. mpirun runs in the
 * first and starts its daemon in the second with a script in place of ssh. */
#ifndef RSM_TESTS_HOSTS_H
#define RSM_TESTS_HOSTS_H

#include "launch.h"

#include <sys/stat.h>

static job_t job; /* the one that a test starts */
static char
    hosts_directory[64];      /* of the script and the hosts file; "": none */
static char hosts_prefix[32]; /* of the names of both namespaces */

/* enter [options] HOST COMMAND..: what ssh would do. */
static const char hosts_enter_script[] =
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

static inline void hosts_write(const char *name, const char *format,
                               const char *first, const char *second)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", hosts_directory, name);
    file = fopen(path, "we");
    cr_assert(file != NULL);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(file, format, first, second);
#pragma GCC diagnostic pop
    cr_assert(fclose(file) == 0);
    cr_assert(chmod(path, 0755) == 0);
}

static inline void hosts_remove(void)
{
    if (hosts_directory[0] != '\0') {
        job_run(&job, "ip netns del %sa; ip netns del %sb; rm -r %s",
                hosts_prefix, hosts_prefix, hosts_directory);
        hosts_directory[0] = '\0';
    }
}

static inline void hosts_make(void)
{
    if ((geteuid() != 0) || !job_can("ip -V && unshare -m -u -i -n true")) {
        cr_skip_test("needs root, ip and network namespaces");
    }
    strcpy(hosts_directory, "/tmp/rsm_job_XXXXXX");
    cr_assert(mkdtemp(hosts_directory) != NULL);
    snprintf(hosts_prefix, sizeof(hosts_prefix), "rsmjob%d", (int)getpid());
    hosts_write("enter", hosts_enter_script, hosts_prefix, hosts_directory);
    hosts_write("hosts", "127.0.0.1 localhost\n10.77.0.1 %s\n10.77.0.2 %s\n",
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
            hosts_prefix);
    if (job.status != 0) {
        hosts_remove();
        cr_skip_test("network namespaces cannot be made here");
    }
}

/* Even ranks run on host a, odd ones on host b. */
static inline void hosts_start(int ranks, const char *options,
                               const char *program)
{
    job_start(&job,
              "%s/enter a \"'" RSM_TEST_MPIEXEC "' --oversubscribe --bind-to "
              "none --mca plm_rsh_agent %s/enter --host a:4,b:4 --map-by node "
              "%s -n %d %s\"",
              hosts_directory, hosts_directory, options, ranks, program);
}

static inline void hosts_run(int ranks, const char *options,
                             const char *program)
{
    hosts_start(ranks, options, program);
    job_wait(&job);
}

#endif
