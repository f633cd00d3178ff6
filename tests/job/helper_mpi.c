/* SPDX-License-Identifier: BSD-3-Clause */
/* The library in an MPI program: RSM is used before MPI_Init, between, and
 * after MPI_Finalize, as the letters of the argument say.
 *
 *     rsm_job_mpi b        between only
 *     rsm_job_mpi pba      in all three places
 *     rsm_job_mpi a        first use after MPI_Finalize
 */
#include <mpi.h>

#include "node.h"

static void use_library(const char *places, char place)
{
    if (strchr(places, place) != NULL) {
        node_open();
        NODE_CHECK(node.count > 0);
        node_ring(node.count);
        node_close();
    }
}

int main(int argc, char **argv)
{
    const char *places = (argc > 1) ? argv[1] : "b";
    int rank, size;

    use_library(places, 'p');

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    use_library(places, 'b');
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();

    use_library(places, 'a');

    NODE_CHECK(node.rank == (uint32_t)rank);
    NODE_CHECK(node.count == (uint32_t)size);
    node_say("rank %d of %d ok", rank, size);
    return EXIT_SUCCESS;
}
