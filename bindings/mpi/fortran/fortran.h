/* SPDX-License-Identifier: BSD-3-Clause */
/* Fortran's way into the one-sided calls. The entry points of Open MPI's
 * Fortran library call PMPI_*, so that whoever defines MPI_* in C alone never
 * hears of a Fortran program. These stand in their place, turn the arguments
 * into C's, and call MPI_*.
 *
 * Programs that include mpif.h or use the module mpi call mpi_put_, or another
 * spelling that depends on the compiler; the module mpi_f08 calls ompi_put_f,
 * but pmpi_win_test_ where a logical is returned: there it is the module's own
 * function that is replaced (FORTRAN_2008). Nothing here needs a library of
 * Fortran's: C programs carry it along without a cost. */
#ifndef RSM_MPI_FORTRAN_H
#define RSM_MPI_FORTRAN_H

#include <mpi.h>

#define FORTRAN_ALIAS(name, target, arguments) \
    void name arguments __attribute__((alias(#target), visibility("default")))

/* Begins the function that all spellings of a name lead to. */
#define FORTRAN(lower, upper, arguments)                                    \
    void ompi_##lower##_f arguments __attribute__((visibility("default"))); \
    FORTRAN_ALIAS(mpi_##lower, ompi_##lower##_f, arguments);                \
    FORTRAN_ALIAS(mpi_##lower##_, ompi_##lower##_f, arguments);             \
    FORTRAN_ALIAS(mpi_##lower##__, ompi_##lower##_f, arguments);            \
    FORTRAN_ALIAS(MPI_##upper, ompi_##lower##_f, arguments);                \
    void ompi_##lower##_f arguments

/* Handles are structures of one integer, and ierror may be missing. */
#define FORTRAN_2008(lower, arguments) \
    FORTRAN_ALIAS(mpi_##lower##_f08_, ompi_##lower##_f, arguments)

/* What a program means by MPI_BOTTOM: a common block of its own. */
extern int mpi_fortran_bottom_;

static inline void *fortran_buffer(void *address)
{
    return address == &mpi_fortran_bottom_ ? MPI_BOTTOM : address;
}

static inline void fortran_return(MPI_Fint *ierror, int rc)
{
    if (ierror != NULL) {
        *ierror = rc;
    }
}

/* .TRUE. of the compiler that Open MPI's modules have been built with. */
static inline MPI_Fint fortran_logical(int flag)
{
    return flag != 0;
}

#endif
