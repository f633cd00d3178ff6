/* SPDX-License-Identifier: BSD-3-Clause */
#include "mpi_test.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int mpi_rank;
int mpi_size;

static char case_name[160] = "start";

int64_t mpi_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Long enough to give the processor away when ranks outnumber cores. */
void mpi_pause(void)
{
    nanosleep(&(struct timespec){.tv_sec = 0, .tv_nsec = 20000}, NULL);
}

const char *mpi_case_name(void)
{
    return case_name;
}

static bool is_left_out(const char *name)
{
    const char *without = getenv("RSM_MPI_TEST_WITHOUT");
    char patterns[1024];
    char *rest = patterns;
    char *pattern;

    if (without == NULL) {
        return false;
    }
    snprintf(patterns, sizeof(patterns), "%s", without);
    while ((pattern = strtok_r(rest, " ", &rest)) != NULL) {
        if (fnmatch(pattern, name, 0) == 0) {
            return true;
        }
    }
    return false;
}

bool mpi_case(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(case_name, sizeof(case_name), format, args);
    va_end(args);
    return !is_left_out(case_name);
}

void mpi_start(int ranks, int level)
{
    int provided;

    if (level == MPI_THREAD_SINGLE) {
        MPI_Init(NULL, NULL);
    } else {
        MPI_Init_thread(NULL, NULL, level, &provided);
        if (provided < level) {
            fprintf(stderr, "skipped: MPI lacks support for threads\n");
            MPI_Finalize();
            cr_skip("MPI lacks support for threads");
        }
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &mpi_size);
    if (mpi_size != ranks) {
        fprintf(stderr, "skipped: start with mpirun -n %d\n", ranks);
        MPI_Finalize();
        cr_skip("start with mpirun -n %d", ranks);
    }
    (void)mpi_case("body");
}

void mpi_end(void)
{
    (void)mpi_case("end");
    MPI_Finalize();
}

void mpi_sync(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
}

int mpi_class(int code)
{
    int class = MPI_ERR_UNKNOWN;

    MPI_Error_class(code, &class);
    return class;
}

const char *window_kind_name(window_kind_t kind)
{
    static const char *const names[] = {"create", "allocate", "shared",
                                        "dynamic", "none"};

    return names[kind];
}

/* Only processes of one host can make memory that all of them load from. */
static bool is_one_host(MPI_Comm comm)
{
    MPI_Comm host;
    int all;
    int here;

    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(comm, &all);
    MPI_Comm_size(host, &here);
    MPI_Comm_free(&host);
    return all == here;
}

window_kind_t window_kind_after(int kind, MPI_Comm comm)
{
    for (++kind; kind < KINDS; ++kind) {
        if (!mpi_case("%s", window_kind_name((window_kind_t)kind))) {
            continue;
        }
        if (kind != KIND_SHARED || is_one_host(comm)) {
            break;
        }
    }
    return (window_kind_t)kind;
}

/* malloc() may return NULL for nothing, and an address is what we are after. */
static void window_attach(window_t *window, size_t size)
{
    window->base = malloc(size + 1);
    EXPECT(window->base != NULL);
    MPI_Win_create_dynamic(MPI_INFO_NULL, window->comm, &window->win);
    if (size > 0) {
        MPI_Win_attach(window->win, window->base, (MPI_Aint)size);
    }
}

void window_open(window_t *window, window_kind_t kind, MPI_Comm comm,
                 size_t size, int unit)
{
    MPI_Aint mine;
    int ranks;

    memset(window, 0, sizeof(*window));
    window->kind = kind;
    window->comm = comm;
    window->size = size;
    switch (kind) {
    case KIND_CREATE:
        window->base = malloc(size + 1);
        MPI_Win_create(window->base, (MPI_Aint)size, unit, MPI_INFO_NULL, comm,
                       &window->win);
        break;
    case KIND_ALLOCATE:
        MPI_Win_allocate((MPI_Aint)size, unit, MPI_INFO_NULL, comm,
                         &window->base, &window->win);
        break;
    case KIND_SHARED:
        MPI_Win_allocate_shared((MPI_Aint)size, unit, MPI_INFO_NULL, comm,
                                &window->base, &window->win);
        break;
    default:
        window_attach(window, size);
        unit = 1;
        break;
    }

    MPI_Comm_size(comm, &ranks);
    window->bases = calloc((size_t)ranks, sizeof(*window->bases));
    window->units = calloc((size_t)ranks, sizeof(*window->units));
    EXPECT(window->bases != NULL && window->units != NULL);
    MPI_Get_address(window->base, &mine);
    MPI_Allgather(&mine, 1, MPI_AINT, window->bases, 1, MPI_AINT, comm);
    MPI_Allgather(&unit, 1, MPI_INT, window->units, 1, MPI_INT, comm);
    if (size > 0) {
        memset(window->base, 0, size);
    }
    MPI_Barrier(comm);
}

void window_close(window_t *window)
{
    if (window->kind == KIND_DYNAMIC) {
        MPI_Barrier(window->comm);
        if (window->size > 0) {
            MPI_Win_detach(window->win, window->base);
        }
    }
    MPI_Win_free(&window->win);
    EXPECT(window->win == MPI_WIN_NULL);
    if (window->kind == KIND_DYNAMIC || window->kind == KIND_CREATE) {
        free(window->base);
    }
    free(window->bases);
    free(window->units);
}

MPI_Aint window_at(const window_t *window, int rank, size_t byte)
{
    size_t unit = (size_t)window->units[rank];

    if (window->kind == KIND_DYNAMIC) {
        return MPI_Aint_add(window->bases[rank], (MPI_Aint)byte);
    }
    EXPECT(byte % unit == 0);
    return (MPI_Aint)(byte / unit);
}

MPI_Win dynamic_open(void)
{
    MPI_Win win;

    MPI_OK(MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &win));
    MPI_OK(MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN));
    return win;
}

MPI_Aint dynamic_address(int rank, const void *mine)
{
    MPI_Aint addresses[8]; /* ranks of the largest launch */
    MPI_Aint address;

    EXPECT(mpi_size <= (int)(sizeof(addresses) / sizeof(addresses[0])));
    MPI_OK(MPI_Get_address(mine, &address));
    MPI_OK(MPI_Allgather(&address, 1, MPI_AINT, addresses, 1, MPI_AINT,
                         MPI_COMM_WORLD));
    return addresses[rank];
}
