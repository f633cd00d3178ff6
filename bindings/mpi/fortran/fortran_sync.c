/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs and completion. */
#include "fortran.h"

FORTRAN(win_fence, WIN_FENCE,
        (MPI_Fint * assert, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_fence(*assert, MPI_Win_f2c(*win)));
}

FORTRAN(win_post, WIN_POST,
        (MPI_Fint * group, MPI_Fint *assert, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_post(MPI_Group_f2c(*group), *assert,
                                        MPI_Win_f2c(*win)));
}

FORTRAN(win_start, WIN_START,
        (MPI_Fint * group, MPI_Fint *assert, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_start(MPI_Group_f2c(*group), *assert,
                                         MPI_Win_f2c(*win)));
}

FORTRAN(win_test, WIN_TEST, (MPI_Fint * win, MPI_Fint *flag, MPI_Fint *ierror))
{
    int is_over = 0;
    int rc = MPI_Win_test(MPI_Win_f2c(*win), &is_over);

    if (rc == MPI_SUCCESS) {
        *flag = fortran_logical(is_over);
    }
    fortran_return(ierror, rc);
}

FORTRAN_2008(win_test, (MPI_Fint * win, MPI_Fint *flag, MPI_Fint *ierror));

FORTRAN(win_lock, WIN_LOCK,
        (MPI_Fint * type, MPI_Fint *rank, MPI_Fint *assert, MPI_Fint *win,
         MPI_Fint *ierror))
{
    fortran_return(ierror,
                   MPI_Win_lock(*type, *rank, *assert, MPI_Win_f2c(*win)));
}

FORTRAN(win_lock_all, WIN_LOCK_ALL,
        (MPI_Fint * assert, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_lock_all(*assert, MPI_Win_f2c(*win)));
}

/* --- what needs no more than a window, or a rank of it ---------------------- */

#define FORTRAN_OF_WINDOW(lower, upper, function)              \
    FORTRAN(lower, upper, (MPI_Fint * win, MPI_Fint * ierror)) \
    {                                                          \
        fortran_return(ierror, function(MPI_Win_f2c(*win)));   \
    }                                                          \
    extern int mpi_fortran_bottom_

#define FORTRAN_OF_RANK(lower, upper, function)                     \
    FORTRAN(lower, upper,                                           \
            (MPI_Fint * rank, MPI_Fint * win, MPI_Fint * ierror))   \
    {                                                               \
        fortran_return(ierror, function(*rank, MPI_Win_f2c(*win))); \
    }                                                               \
    extern int mpi_fortran_bottom_

FORTRAN_OF_WINDOW(win_complete, WIN_COMPLETE, MPI_Win_complete);
FORTRAN_OF_WINDOW(win_wait, WIN_WAIT, MPI_Win_wait);
FORTRAN_OF_WINDOW(win_unlock_all, WIN_UNLOCK_ALL, MPI_Win_unlock_all);
FORTRAN_OF_WINDOW(win_flush_all, WIN_FLUSH_ALL, MPI_Win_flush_all);
FORTRAN_OF_WINDOW(win_flush_local_all, WIN_FLUSH_LOCAL_ALL,
                  MPI_Win_flush_local_all);
FORTRAN_OF_WINDOW(win_sync, WIN_SYNC, MPI_Win_sync);
FORTRAN_OF_RANK(win_unlock, WIN_UNLOCK, MPI_Win_unlock);
FORTRAN_OF_RANK(win_flush, WIN_FLUSH, MPI_Win_flush);
FORTRAN_OF_RANK(win_flush_local, WIN_FLUSH_LOCAL, MPI_Win_flush_local);
