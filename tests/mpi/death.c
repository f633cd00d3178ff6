/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank is killed while the others wait for it, or have epochs open at it. The
 * calls that wait, or that say that accesses are complete, end with
 * MPI_ERR_OTHER; with the MPI library alone they would wait for ever, or not say
 * a word.
 *
 *     rsm_mpi_death WAY    complete, fence, flush, flush_all, free, lock,
 *                          lock_alone, start, test, unlock, unlock_all or wait
 *
 * A plain program: it is the launcher that must not end the others. */
#include <mpi.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static MPI_Win win;
static MPI_Group victim, others;

static bool is_way(const char *way, const char *name)
{
    return strcmp(way, name) == 0;
}

/* What the others have open at the victim while it dies. */
static int begin(const char *way, int last)
{
    if (is_way(way, "complete")) {
        return MPI_Win_start(victim, 0, win);
    }
    if (is_way(way, "flush") || is_way(way, "unlock")) {
        return MPI_Win_lock(MPI_LOCK_SHARED, last, 0, win);
    }
    if (is_way(way, "flush_all") || is_way(way, "unlock_all")) {
        return MPI_Win_lock_all(0, win);
    }
    return MPI_SUCCESS;
}

/* What the victim leaves behind. */
static void prepare(const char *way)
{
    if (is_way(way, "complete")) {
        MPI_Win_post(others, 0, win);
    }
    if (is_way(way, "lock") || is_way(way, "lock_alone")) {
        MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
    }
}

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

    if (is_way(way, "fence")) {
        return MPI_Win_fence(0, win);
    }
    if (is_way(way, "free")) {
        return MPI_Win_free(&win);
    }
    if (is_way(way, "lock")) {
        return MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, win);
    }
    if (is_way(way, "lock_alone")) {
        return MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, win);
    }
    if (is_way(way, "start")) {
        return MPI_Win_start(victim, 0, win);
    }
    if (is_way(way, "test")) {
        return wait_by_testing();
    }
    error = MPI_Win_post(victim, 0, win);
    return (error == MPI_SUCCESS) ? MPI_Win_wait(win) : error;
}

/* Its parent, the launcher, has taken notice. */
static void await_death(pid_t pid)
{
    static const struct timespec pause = {0, 1000000};

    while (kill(pid, 0) == 0) {
        (void)nanosleep(&pause, NULL);
    }
}

/* Puts a word to the dead and asks whether it has arrived. */
static int put_to(pid_t pid, int last, const char *way)
{
    static const char word[8] = "nobody";

    await_death(pid);
    (void)MPI_Put(word, 8, MPI_CHAR, last, 0, 8, MPI_CHAR, win);
    if (is_way(way, "complete")) {
        return MPI_Win_complete(win);
    }
    if (is_way(way, "flush")) {
        return MPI_Win_flush(last, win);
    }
    if (is_way(way, "flush_all")) {
        return MPI_Win_flush_all(win);
    }
    return is_way(way, "unlock") ? MPI_Win_unlock(last, win)
                                 : MPI_Win_unlock_all(win);
}

static bool is_put(const char *way)
{
    return is_way(way, "complete") || (strncmp(way, "flush", 5) == 0) ||
           (strncmp(way, "unlock", 6) == 0);
}

int main(int argc, char **argv)
{
    const char *way = (argc > 1) ? argv[1] : "";
    int rank, size, last, pid, error = MPI_SUCCESS, class = MPI_SUCCESS;
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
    MPI_Group_excl(all, 1, &last, &others);
    pid = (int)getpid();
    MPI_Bcast(&pid, 1, MPI_INT, last, MPI_COMM_WORLD);
    if (rank == last) {
        prepare(way);
    } else {
        error = begin(way, last);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == last) {
        (void)raise(SIGKILL);
    }
    if (error == MPI_SUCCESS) {
        error = is_put(way) ? put_to(pid, last, way) : wait_for(way);
        (void)MPI_Error_class(error, &class);
    }
    /* MPI_Finalize would wait for the dead. */
    if (class == MPI_ERR_OTHER) {
        (void)printf("told: %d\n", rank);
    }
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS);
}
