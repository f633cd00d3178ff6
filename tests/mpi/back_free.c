/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands between librsm_mpi and the MPI library, and does when a window has been
 * freed there what another thread might do in that instant: it makes a window
 * that librsm_mpi has nothing to do with. If that has the handle of the one that
 * ended, it must not be taken for it. */
#include "back_free.h"

#include <mpi.h>

#include <dlfcn.h>

int back_count;
int back_wrong;

#define BACK_NEXT(name)                   \
    union {                               \
        void *object;                     \
        __typeof__(MPI_##name) *function; \
    } name = {.object = dlsym(RTLD_NEXT, "PMPI_" #name)}

static int back_flavor(MPI_Win win)
{
    int *flavor = NULL, flag = 0;

    (void)MPI_Win_get_attr(win, MPI_WIN_CREATE_FLAVOR, (void *)&flavor, &flag);
    return flag ? *flavor : -1;
}

int PMPI_Win_free(MPI_Win *win)
{
    BACK_NEXT(Win_allocate_shared);
    BACK_NEXT(Win_free);
    MPI_Win old = *win, other;
    void *base;
    int error;

    error = Win_free.function(win);
    if ((error == MPI_SUCCESS) &&
        (Win_allocate_shared.function(64, 1, MPI_INFO_NULL, MPI_COMM_SELF,
                                      &base, &other) == MPI_SUCCESS)) {
        if (other == old) {
            ++back_count;
            back_wrong += back_flavor(other) != MPI_WIN_FLAVOR_SHARED;
        }
        (void)Win_free.function(&other);
    }
    return error;
}
