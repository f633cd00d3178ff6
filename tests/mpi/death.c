/* SPDX-License-Identifier: BSD-3-Clause */
/* A rank is killed while the others wait for it, or have epochs open at it. The
 * calls that wait, or that say that accesses are complete, end with
 * MPI_ERR_OTHER; with the MPI library alone they would wait for ever, or not say
 * a word.
 *
 *     rsm_mpi_death WAY    complete, dynamic, fence, flush, flush_all,
 *                          flush_local, flush_local_all, free, lock,
 *                          lock_alone, rget, rget_accumulate, shared,
 *                          shared_lock, start, test, unlock, unlock_all or wait
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

/* What is accessed: the victim's memory, or in a shared window that of one who
 * lives in pages which are the victim's. */
static int target;
static MPI_Aint place;

static bool is_way(const char *way, const char *name)
{
    return strcmp(way, name) == 0;
}

/* The others wait for the victim, or else they access memory. */
static bool is_access(const char *way)
{
    static const char *const ways[] = {
        "complete",    "dynamic",         "flush",  "flush_all",
        "flush_local", "flush_local_all", "rget",   "rget_accumulate",
        "shared",      "shared_lock",     "unlock", "unlock_all"};
    size_t i;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); ++i) {
        if (is_way(way, ways[i])) {
            return true;
        }
    }
    return false;
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
    return is_access(way) && !is_way(way, "shared_lock")
               ? MPI_Win_lock_all(0, win)
               : MPI_SUCCESS;
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

/* The end of the access, which says whether it was one. */
static int finish(const char *way)
{
    if (is_way(way, "complete")) {
        return MPI_Win_complete(win);
    }
    if (is_way(way, "flush_all")) {
        return MPI_Win_flush_all(win);
    }
    if (is_way(way, "flush_local")) {
        return MPI_Win_flush_local(target, win);
    }
    if (is_way(way, "flush_local_all")) {
        return MPI_Win_flush_local_all(win);
    }
    if (is_way(way, "unlock")) {
        return MPI_Win_unlock(target, win);
    }
    return is_way(way, "unlock_all") ? MPI_Win_unlock_all(win)
                                     : MPI_Win_flush(target, win);
}

/* Fetches words of the dead: by then a request is complete, or flushed. */
static int get_from(const char *way)
{
    static char word[8];
    MPI_Request request = MPI_REQUEST_NULL;
    int error;

    if (is_way(way, "rget")) {
        error = MPI_Rget(word, 8, MPI_CHAR, target, place, 8, MPI_CHAR, win,
                         &request);
    } else if (is_way(way, "rget_accumulate")) {
        error =
            MPI_Rget_accumulate(NULL, 0, MPI_CHAR, word, 8, MPI_CHAR, target,
                                place, 8, MPI_CHAR, MPI_NO_OP, win, &request);
    } else {
        (void)MPI_Get(word, 8, MPI_CHAR, target, place, 8, MPI_CHAR, win);
        return finish(way);
    }
    return (error == MPI_SUCCESS) ? MPI_Wait(&request, MPI_STATUS_IGNORE)
                                  : error;
}

/* Puts a word to the dead and asks whether it has arrived. */
static int put_to(const char *way)
{
    static const char word[8] = "nobody";
    int error;

    error = MPI_Put(word, 8, MPI_CHAR, target, place, 8, MPI_CHAR, win);
    /* The list of what it had attached is the victim's memory, too. */
    return is_way(way, "dynamic") && (error != MPI_SUCCESS) ? error
                                                            : finish(way);
}

/* The lock of one who lives is taken and given back as ever, waited for or not;
 * what is lost is the memory. */
static int lock_again_and_again(void)
{
    enum { TIMES = 2000 };
    int i, error = MPI_SUCCESS, class = MPI_ERR_OTHER;

    for (i = 0; (i < TIMES) && (class == MPI_ERR_OTHER); ++i) {
        if (MPI_Win_lock(MPI_LOCK_EXCLUSIVE, target, 0, win) != MPI_SUCCESS) {
            return MPI_SUCCESS;
        }
        error = MPI_Win_unlock(target, win);
        (void)MPI_Error_class(error, &class);
    }
    return error;
}

static int access_to(pid_t pid, const char *way)
{
    bool is_get =
        (strncmp(way, "rget", 4) == 0) || (strncmp(way, "flush_l", 7) == 0);

    await_death(pid);
    if (is_way(way, "shared_lock")) {
        return lock_again_and_again();
    }
    return is_get ? get_from(way) : put_to(way);
}

/* The last rank of the world is the victim. */
static void make_window(const char *way, int rank, int last)
{
    static char memory[64];
    MPI_Comm comm;
    void *base;

    target = last;
    if (strncmp(way, "shared", 6) == 0) {
        MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &comm);
        MPI_Win_allocate_shared(64, 1, MPI_INFO_NULL, comm, &base, &win);
        target = 1;
    } else if (is_way(way, "dynamic")) {
        MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
        MPI_Win_attach(win, memory, sizeof(memory));
        MPI_Get_address(memory, &place);
        MPI_Bcast(&place, 1, MPI_AINT, last, MPI_COMM_WORLD);
    } else {
        MPI_Win_allocate(64, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win);
    }
    MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN);
}

int main(int argc, char **argv)
{
    const char *way = (argc > 1) ? argv[1] : "";
    int rank, size, last, pid, error = MPI_SUCCESS, class = MPI_SUCCESS;
    MPI_Group all;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    last = size - 1;
    make_window(way, rank, last);
    MPI_Comm_group(MPI_COMM_WORLD, &all);
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
        error = is_access(way) ? access_to(pid, way) : wait_for(way);
        (void)MPI_Error_class(error, &class);
    }
    /* MPI_Finalize would wait for the dead. */
    if (class == MPI_ERR_OTHER) {
        (void)printf("told: %d\n", rank);
    }
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS);
}
