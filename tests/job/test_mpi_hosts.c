/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI's one-sided calls between two hosts: tests of tests/mpi, started there. */
#include "hosts.h"

#include <limits.h>

#define MPI_PROGRAM(name) \
    "'" RSM_TEST_HELPER_DIR "/../mpi/rsm_mpi_test_" name "' -j1 --color=never"
#define MPI_LIBRARY RSM_TEST_HELPER_DIR "/../../bindings/mpi/librsm_mpi.so"

/* Every rank reports that the test has passed, with librsm_mpi in front. What it
 * leaves to Open MPI 4.1.4 needs osc/pt2pt: by default no window can be made. */
static void hosts_test(int ranks, const char *program, const char *test)
{
    char library[PATH_MAX];
    char options[PATH_MAX + 64];
    char command[1024];

    cr_assert(realpath(MPI_LIBRARY, library) != NULL);
    hosts_make();
    snprintf(options, sizeof(options),
             "--mca osc pt2pt,sm -x RSM_TIMEOUT=20s -x LD_PRELOAD=%s", library);
    /* Criterion's name for the box that this test runs in. */
    snprintf(command, sizeof(command), "env -u BXFI_MAP %s --filter %s",
             program, test);
    hosts_run(ranks, options, command);
    JOB_SUCCEEDED(&job);
    JOB_EXPECT(&job, strstr(job.err, "Failing: 1") == NULL);
    JOB_EXPECT(&job, strstr(job.err, "Tested: 1") != NULL);
}

TestSuite(mpi_hosts, .fini = hosts_remove, .timeout = 60);

Test(mpi_hosts, put_and_get)
{
    hosts_test(4, MPI_PROGRAM("transfer"), "transfer/reaches_every_rank");
}

Test(mpi_hosts, fence)
{
    hosts_test(4, MPI_PROGRAM("sync"), "fence/separates_rounds");
}

Test(mpi_hosts, groups)
{
    hosts_test(4, MPI_PROGRAM("sync"), "pscw/serves_a_subgroup");
}

Test(mpi_hosts, locks)
{
    hosts_test(4, MPI_PROGRAM("passive"), "lock/exclusive_excludes");
}

Test(mpi_hosts, atomics)
{
    hosts_test(4, MPI_PROGRAM("atomics"), "atomics/counting_leaves_no_gap");
}

Test(mpi_hosts, derived_types)
{
    hosts_test(2, MPI_PROGRAM("derived"), "derived/put");
}

/* Some of the communicators lie on one host, others on both. */
Test(mpi_hosts, communicators)
{
    hosts_test(5, MPI_PROGRAM("windows"), "windows/lie_over_subcommunicators");
}

/* Open MPI says so, too. */
Test(mpi_hosts, shared_memory)
{
    hosts_test(4, MPI_PROGRAM("dynamic"), "shared/hosts_share_none");
}
