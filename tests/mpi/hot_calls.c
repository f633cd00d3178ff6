/* SPDX-License-Identifier: BSD-3-Clause */
/* How many instructions the one-sided calls take that programs make millions of
 * times, for ci/check_instructions: of the library and of what it calls, not of
 * this program. A child process goes through them in single steps, so that
 * nothing has to be known about the MPI library, nor about memory that ranks
 * map of each other, and the count is the same each time.
 *
 * Two ranks with librsm_mpi in front; the first prints "CALL KIND COUNT" for
 * each call and kind of window. Ends with 77 where processes must not be
 * stepped through. */
#include <mpi.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOT_SKIPPED = 77, HOT_TURNS = 3, HOT_SIZE = 4096, HOT_TARGET = 1 };

#if defined(__x86_64__)

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- counting --------------------------------------------------------------- */

/* Between two of these. */
#define HOT_MARK() __asm__ volatile("int3" ::: "memory")

extern const char __executable_start, etext;

typedef struct {
    _Atomic int is_ready; /* or -1: it may not */
    _Atomic long count;
} hot_stepper_t;

static hot_stepper_t *stepper;
static pid_t stepper_pid;

/* From a mark to the next one, which its own signal tells from a step. */
static long step_through(pid_t pid)
{
    uintptr_t from = (uintptr_t)&__executable_start, to = (uintptr_t)&etext;
    struct user_regs_struct registers;
    siginfo_t signal;
    long count = 0;
    int status;

    for (;;) {
        if ((ptrace(PTRACE_SINGLESTEP, pid, 0, 0) != 0) ||
            (waitpid(pid, &status, __WALL) != pid) || !WIFSTOPPED(status) ||
            (ptrace(PTRACE_GETSIGINFO, pid, 0, &signal) != 0) ||
            (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0)) {
            _exit(EXIT_FAILURE);
        }
        if ((WSTOPSIG(status) == SIGTRAP) && (signal.si_code == SI_KERNEL)) {
            return count;
        }
        count += registers.rip - from >= to - from;
    }
}

/* Until the process ends; signals that are not marks are passed on. */
static void step_always(pid_t pid)
{
    int status, signal;

    if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) {
        stepper->is_ready = -1;
        _exit(EXIT_FAILURE);
    }
    stepper->is_ready = 1;
    while ((waitpid(pid, &status, __WALL) == pid) && WIFSTOPPED(status)) {
        signal = (status >> 16 == 0) ? WSTOPSIG(status) : 0;
        if (signal == SIGTRAP) {
            stepper->count = step_through(pid);
            signal = 0;
        }
        (void)ptrace(PTRACE_CONT, pid, 0, signal);
    }
    _exit(EXIT_SUCCESS);
}

static bool stepper_start(void)
{
    pid_t pid = getpid();

    stepper = mmap(NULL, sizeof(*stepper), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stepper == MAP_FAILED) {
        return false;
    }
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    stepper_pid = fork();
    if (stepper_pid == 0) {
        step_always(pid);
    }
    while ((stepper_pid > 0) && (stepper->is_ready == 0)) {
        (void)usleep(1000);
    }
    return (stepper_pid > 0) && (stepper->is_ready > 0);
}

static void stepper_stop(void)
{
    if (stepper_pid > 0) {
        (void)kill(stepper_pid, SIGKILL);
        (void)waitpid(stepper_pid, NULL, 0);
    }
}

/* --- calls ------------------------------------------------------------------ */

static MPI_Win win;
static MPI_Aint at;
static int64_t value, old, other;

#define HOT(name, ...)           \
    static void hot_##name(void) \
    {                            \
        __VA_ARGS__;             \
    }

HOT(put, MPI_Put(&value, 1, MPI_INT64_T, HOT_TARGET, at, 1, MPI_INT64_T, win))
HOT(get, MPI_Get(&value, 1, MPI_INT64_T, HOT_TARGET, at, 1, MPI_INT64_T, win))
HOT(flush, MPI_Win_flush(HOT_TARGET, win))
HOT(fetch_op32,
    MPI_Fetch_and_op(&value, &old, MPI_INT32_T, HOT_TARGET, at, MPI_SUM, win))
HOT(fetch_op64,
    MPI_Fetch_and_op(&value, &old, MPI_INT64_T, HOT_TARGET, at, MPI_SUM, win))
HOT(compare_swap32, MPI_Compare_and_swap(&value, &other, &old, MPI_INT32_T,
                                         HOT_TARGET, at, win))
HOT(compare_swap64, MPI_Compare_and_swap(&value, &other, &old, MPI_INT64_T,
                                         HOT_TARGET, at, win))
HOT(accumulate64, MPI_Accumulate(&value, 1, MPI_INT64_T, HOT_TARGET, at, 1,
                                 MPI_INT64_T, MPI_SUM, win))
HOT(lock_put_unlock, MPI_Win_lock(MPI_LOCK_SHARED, HOT_TARGET, 0, win);
    hot_put(); MPI_Win_unlock(HOT_TARGET, win))

typedef struct {
    const char *name;
    void (*call)(void);
} hot_call_t;

/* In an epoch for all of them; the last one has its own. */
static const hot_call_t calls[] = {{"put", hot_put},
                                   {"get", hot_get},
                                   {"flush", hot_flush},
                                   {"fetch_op32", hot_fetch_op32},
                                   {"fetch_op64", hot_fetch_op64},
                                   {"compare_swap32", hot_compare_swap32},
                                   {"compare_swap64", hot_compare_swap64},
                                   {"accumulate64", hot_accumulate64}};
static const hot_call_t lone = {"lock_put_unlock", hot_lock_put_unlock};

/* The least: a lock may have to be taken twice, when a signal comes between. */
static void count_call(const hot_call_t *row, const char *kind)
{
    long least = 0;
    int i;

    row->call();
    for (i = 0; i < HOT_TURNS; ++i) {
        HOT_MARK();
        row->call();
        HOT_MARK();
        least = ((i == 0) || (stepper->count < least)) ? stepper->count : least;
    }
    printf("mpi_%s %s %ld\n", row->name, kind, least);
}

static void count_calls(const char *kind)
{
    size_t i;

    MPI_Win_lock_all(0, win);
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); ++i) {
        count_call(&calls[i], kind);
    }
    MPI_Win_unlock_all(win);
    count_call(&lone, kind);
}

/* --- windows ---------------------------------------------------------------- */

static void open_dynamic(char *memory)
{
    MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win);
    MPI_Win_attach(win, memory, HOT_SIZE);
    MPI_Get_address(memory, &at);
    MPI_Bcast(&at, 1, MPI_AINT, HOT_TARGET, MPI_COMM_WORLD);
}

static void count_kind(const char *kind, int rank)
{
    if (rank != HOT_TARGET) {
        count_calls(kind);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_free(&win);
    at = 0;
}

int main(int argc, char **argv)
{
    static char memory[HOT_SIZE];
    int rank, may = 1;
    char *base;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank != HOT_TARGET) {
        may = stepper_start();
    }
    MPI_Bcast(&may, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (may) {
        MPI_Win_allocate(HOT_SIZE, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base,
                         &win);
        count_kind("allocate", rank);
        MPI_Win_create(memory, HOT_SIZE, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                       &win);
        count_kind("create", rank);
        open_dynamic(memory);
        count_kind("dynamic", rank);
    }
    stepper_stop();
    MPI_Finalize();
    return may ? EXIT_SUCCESS : HOT_SKIPPED;
}

#else

int main(void)
{
    fprintf(stderr, "hot_calls: steps are counted on x86-64 only\n");
    return HOT_SKIPPED;
}

#endif
