/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank is killed while the others wait for it. What they wait in ends with
 * MPI_ERR_OTHER; the MPI library alone would wait for ever.
 *
 *     rsm_mpi_death WAY    fence, free, lock, start, test or wait
 *
 * A plain program: it is the launcher that must not end the others. */
#include <mpi.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static MPI_Win win;
static MPI_Group victim;

static int wait_by_testing(void)
{
    int error, is_over = 0;

    error = MPI_Win_post(victim, 0, win);
    while ((error == MPI_SUCCESS) && !is_over) {
        error = MPI_Win_test(win, &is_over);
    }
    return error;
}

static int wait_for(const char *way)
{
    int error;

    if (strcmp(way, "fence") == 0) {
        return MPI_Win_fence(0, win);
    }
    if (strcmp(way, "free") == 0) {
        return MPI_Win_free(&win);
    }
    if (strcmp(way, "lock") == 0) {
        return MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, win);
    }
    if (strcmp(way, "start") == 0) {
        return MPI_Win_start(victim, 0, win);
    }
    if (strcmp(way, "test") == 0) {
        return wait_by_testing();
    }
    error = MPI_Win_post(victim, 0, win);
    return (error == MPI_SUCCESS) ? MPI_Win_wait(win) : error;
}

int main(int argc, char **argv)
{
    const char *way = (argc > 1) ? argv[1] : "";
    int rank, size, last, error, class = MPI_SUCCESS;
    MPI_Group all;
    void *base;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Win_allocate(64, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win);
    MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN);
    MPI_Win_get_group(win, &all);
    last = size - 1;
    MPI_Group_incl(all, 1, &last, &victim);
    if (rank == last) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == last) {
        (void)raise(SIGKILL);
    }
    error = wait_for(way);
    (void)MPI_Error_class(error, &class);
    /* MPI_Finalize would wait for the dead. */
    if (class == MPI_ERR_OTHER) {
        (void)printf("told: %d\n", rank);
    }
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS);
}
