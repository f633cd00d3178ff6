/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on the memory of others. */
#include "fortran.h"

FORTRAN(put, PUT,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror,
                   MPI_Put(fortran_buffer(origin), *origin_count,
                           MPI_Type_f2c(*origin_type), *rank, *disp, *count,
                           MPI_Type_f2c(*type), MPI_Win_f2c(*win)));
}

FORTRAN(get, GET,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror,
                   MPI_Get(fortran_buffer(origin), *origin_count,
                           MPI_Type_f2c(*origin_type), *rank, *disp, *count,
                           MPI_Type_f2c(*type), MPI_Win_f2c(*win)));
}

FORTRAN(accumulate, ACCUMULATE,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *op, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Accumulate(fortran_buffer(origin), *origin_count,
                                          MPI_Type_f2c(*origin_type), *rank,
                                          *disp, *count, MPI_Type_f2c(*type),
                                          MPI_Op_f2c(*op), MPI_Win_f2c(*win)));
}

FORTRAN(get_accumulate, GET_ACCUMULATE,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         void *result, MPI_Fint *result_count, MPI_Fint *result_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *op, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror,
                   MPI_Get_accumulate(fortran_buffer(origin), *origin_count,
                                      MPI_Type_f2c(*origin_type),
                                      fortran_buffer(result), *result_count,
                                      MPI_Type_f2c(*result_type), *rank, *disp,
                                      *count, MPI_Type_f2c(*type),
                                      MPI_Op_f2c(*op), MPI_Win_f2c(*win)));
}

FORTRAN(fetch_and_op, FETCH_AND_OP,
        (void *origin, void *result, MPI_Fint *type, MPI_Fint *rank,
         MPI_Aint *disp, MPI_Fint *op, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(
        ierror, MPI_Fetch_and_op(fortran_buffer(origin), fortran_buffer(result),
                                 MPI_Type_f2c(*type), *rank, *disp,
                                 MPI_Op_f2c(*op), MPI_Win_f2c(*win)));
}

FORTRAN(compare_and_swap, COMPARE_AND_SWAP,
        (void *origin, void *compare, void *result, MPI_Fint *type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *win, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Compare_and_swap(
                               fortran_buffer(origin), fortran_buffer(compare),
                               fortran_buffer(result), MPI_Type_f2c(*type),
                               *rank, *disp, MPI_Win_f2c(*win)));
}

/* --- with a request --------------------------------------------------------- */

static void return_request(MPI_Fint *ierror, int rc, MPI_Fint *to,
                           MPI_Request request)
{
    if (rc == MPI_SUCCESS) {
        *to = MPI_Request_c2f(request);
    }
    fortran_return(ierror, rc);
}

FORTRAN(rput, RPUT,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *win, MPI_Fint *request, MPI_Fint *ierror))
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int rc = MPI_Rput(fortran_buffer(origin), *origin_count,
                      MPI_Type_f2c(*origin_type), *rank, *disp, *count,
                      MPI_Type_f2c(*type), MPI_Win_f2c(*win), &handle);

    return_request(ierror, rc, request, handle);
}

FORTRAN(rget, RGET,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *win, MPI_Fint *request, MPI_Fint *ierror))
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int rc = MPI_Rget(fortran_buffer(origin), *origin_count,
                      MPI_Type_f2c(*origin_type), *rank, *disp, *count,
                      MPI_Type_f2c(*type), MPI_Win_f2c(*win), &handle);

    return_request(ierror, rc, request, handle);
}

FORTRAN(raccumulate, RACCUMULATE,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *op, MPI_Fint *win, MPI_Fint *request, MPI_Fint *ierror))
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int rc = MPI_Raccumulate(fortran_buffer(origin), *origin_count,
                             MPI_Type_f2c(*origin_type), *rank, *disp, *count,
                             MPI_Type_f2c(*type), MPI_Op_f2c(*op),
                             MPI_Win_f2c(*win), &handle);

    return_request(ierror, rc, request, handle);
}

FORTRAN(rget_accumulate, RGET_ACCUMULATE,
        (void *origin, MPI_Fint *origin_count, MPI_Fint *origin_type,
         void *result, MPI_Fint *result_count, MPI_Fint *result_type,
         MPI_Fint *rank, MPI_Aint *disp, MPI_Fint *count, MPI_Fint *type,
         MPI_Fint *op, MPI_Fint *win, MPI_Fint *request, MPI_Fint *ierror))
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int rc = MPI_Rget_accumulate(
        fortran_buffer(origin), *origin_count, MPI_Type_f2c(*origin_type),
        fortran_buffer(result), *result_count, MPI_Type_f2c(*result_type),
        *rank, *disp, *count, MPI_Type_f2c(*type), MPI_Op_f2c(*op),
        MPI_Win_f2c(*win), &handle);

    return_request(ierror, rc, request, handle);
}
