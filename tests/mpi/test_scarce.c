/* SPDX-License-Identifier: BSD-3-Clause */
/* One rank has no memory left while a window is made. Creation is collective:
 * whatever becomes of it, all ranks come back with the same answer. */
#include "mpi_test.h"

#include <dlfcn.h>

/* The program's allocator comes before the C library's. What librsm_mpi asks it
 * for is counted while `scarce_count` is on, and refused once. */
static bool scarce_is_on;
static int scarce_count;
static int scarce_victim; /* which one is refused */

static bool scarce_refuses(const void *caller)
{
    Dl_info info;

    if (!scarce_is_on || (dladdr(caller, &info) == 0) ||
        (strstr(info.dli_fname, "librsm_mpi.so") == NULL)) {
        return false;
    }
    return scarce_count++ == scarce_victim;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* The sanitizers have an allocator of their own. */
#define SCARCE_WORKS false
#else
#define SCARCE_WORKS  true
#define SCARCE_EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

SCARCE_EXPORT void *malloc(size_t size)
{
    return scarce_refuses(__builtin_return_address(0)) ? NULL
                                                       : __libc_malloc(size);
}

SCARCE_EXPORT void *calloc(size_t count, size_t size)
{
    return scarce_refuses(__builtin_return_address(0))
               ? NULL
               : __libc_calloc(count, size);
}

SCARCE_EXPORT void *realloc(void *memory, size_t size)
{
    return scarce_refuses(__builtin_return_address(0))
               ? NULL
               : __libc_realloc(memory, size);
}
#endif

static int make(window_kind_t kind, char *memory, MPI_Win *win)
{
    void *base;

    switch (kind) {
    case KIND_CREATE:
        return MPI_Win_create(memory, 64, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                              win);
    case KIND_ALLOCATE:
        return MPI_Win_allocate(64, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base,
                                win);
    case KIND_SHARED:
        return MPI_Win_allocate_shared(64, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                                       &base, win);
    default:
        return MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, win);
    }
}

/* Whether anything was refused, at rank 1. */
static bool try_once(window_kind_t kind, int victim, char *memory)
{
    MPI_Win win = MPI_WIN_NULL;
    int error, worst, was_refused;

    scarce_count = 0;
    scarce_victim = victim;
    scarce_is_on = mpi_rank == 1;
    error = mpi_class(make(kind, memory, &win));
    scarce_is_on = false;

    MPI_OK(MPI_Allreduce(&error, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD));
    EXPECT_EQ(error, worst);
    if (error == MPI_SUCCESS) {
        MPI_OK(MPI_Win_fence(0, win));
        MPI_OK(MPI_Win_fence(0, win));
        MPI_OK(MPI_Win_free(&win));
    } else {
        EXPECT(win == MPI_WIN_NULL);
    }
    was_refused = scarce_count > victim;
    MPI_OK(MPI_Bcast(&was_refused, 1, MPI_INT, 1, MPI_COMM_WORLD));
    return was_refused;
}

static bool is_preloaded(void)
{
    const char *libraries = getenv("LD_PRELOAD");

    return (libraries != NULL) && (strstr(libraries, "librsm_mpi.so") != NULL);
}

MPI_TEST_EITHER(scarce, no_rank_waits_for_one_without_memory, 2)
{
    static char memory[64];
    int victim;

    MPI_OK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        victim = 0;
        while (try_once(kind, victim, memory)) {
            ++victim;
        }
        EXPECT(!SCARCE_WORKS || !is_preloaded() || (victim >= 5));
    }
}

static int scarce_told;

static void scarce_remember(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    (void)code;
    ++scarce_told;
}

/* Where librsm has to serve, a window that it cannot make is an error, and the
 * communicator's handler hears of it. */
MPI_TEST(scarce, a_refusal_is_told_to_the_handler, 2)
{
    static char memory[64];
    MPI_Errhandler mine;
    MPI_Win win;
    int error;

    MPI_OK(MPI_Comm_create_errhandler(scarce_remember, &mine));
    MPI_OK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, mine));
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        scarce_told = 0;
        scarce_count = 0;
        scarce_victim = 0; /* the first thing asked for */
        scarce_is_on = true;
        error = make(kind, memory, &win);
        scarce_is_on = false;
        EXPECT_EQ(scarce_told, error != MPI_SUCCESS);
        EXPECT(!SCARCE_WORKS || !is_preloaded() || (error != MPI_SUCCESS));
        if (error == MPI_SUCCESS) {
            MPI_OK(MPI_Win_free(&win));
        }
    }
    MPI_OK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL));
    MPI_OK(MPI_Errhandler_free(&mine));
}
