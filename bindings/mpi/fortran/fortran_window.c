/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows as objects. Where C has a pointer to an address, Fortran has either
 * an integer or a C_PTR: the same eight bytes. */
#include "fortran.h"

#include <dlfcn.h>

static void return_window(MPI_Fint *ierror, int rc, MPI_Fint *to, MPI_Win win)
{
    if (rc == MPI_SUCCESS) {
        *to = MPI_Win_c2f(win);
    }
    fortran_return(ierror, rc);
}

FORTRAN(win_create, WIN_CREATE,
        (void *base, MPI_Aint *size, MPI_Fint *unit, MPI_Fint *info,
         MPI_Fint *comm, MPI_Fint *win, MPI_Fint *ierror))
{
    MPI_Win handle = MPI_WIN_NULL;
    int rc = MPI_Win_create(fortran_buffer(base), *size, *unit,
                            MPI_Info_f2c(*info), MPI_Comm_f2c(*comm), &handle);

    return_window(ierror, rc, win, handle);
}

FORTRAN(win_create_dynamic, WIN_CREATE_DYNAMIC,
        (MPI_Fint * info, MPI_Fint *comm, MPI_Fint *win, MPI_Fint *ierror))
{
    MPI_Win handle = MPI_WIN_NULL;
    int rc = MPI_Win_create_dynamic(MPI_Info_f2c(*info), MPI_Comm_f2c(*comm),
                                    &handle);

    return_window(ierror, rc, win, handle);
}

#define ALLOCATE_ARGUMENTS                                               \
    (MPI_Aint * size, MPI_Fint * unit, MPI_Fint * info, MPI_Fint * comm, \
     void *base_p, MPI_Fint *win, MPI_Fint *ierror)

FORTRAN(win_allocate, WIN_ALLOCATE, ALLOCATE_ARGUMENTS)
{
    MPI_Win handle = MPI_WIN_NULL;
    int rc = MPI_Win_allocate(*size, *unit, MPI_Info_f2c(*info),
                              MPI_Comm_f2c(*comm), base_p, &handle);

    return_window(ierror, rc, win, handle);
}

FORTRAN(win_allocate_cptr, WIN_ALLOCATE_CPTR, ALLOCATE_ARGUMENTS)
{
    ompi_win_allocate_f(size, unit, info, comm, base_p, win, ierror);
}

FORTRAN(win_allocate_shared, WIN_ALLOCATE_SHARED, ALLOCATE_ARGUMENTS)
{
    MPI_Win handle = MPI_WIN_NULL;
    int rc = MPI_Win_allocate_shared(*size, *unit, MPI_Info_f2c(*info),
                                     MPI_Comm_f2c(*comm), base_p, &handle);

    return_window(ierror, rc, win, handle);
}

FORTRAN(win_allocate_shared_cptr, WIN_ALLOCATE_SHARED_CPTR, ALLOCATE_ARGUMENTS)
{
    ompi_win_allocate_shared_f(size, unit, info, comm, base_p, win, ierror);
}

#define QUERY_ARGUMENTS                                                 \
    (MPI_Fint * win, MPI_Fint * rank, MPI_Aint * size, MPI_Fint * unit, \
     void *base_p, MPI_Fint *ierror)

FORTRAN(win_shared_query, WIN_SHARED_QUERY, QUERY_ARGUMENTS)
{
    fortran_return(ierror, MPI_Win_shared_query(MPI_Win_f2c(*win), *rank, size,
                                                unit, base_p));
}

FORTRAN(win_shared_query_cptr, WIN_SHARED_QUERY_CPTR, QUERY_ARGUMENTS)
{
    ompi_win_shared_query_f(win, rank, size, unit, base_p, ierror);
}

FORTRAN(win_free, WIN_FREE, (MPI_Fint * win, MPI_Fint *ierror))
{
    MPI_Win handle = MPI_Win_f2c(*win);
    int rc = MPI_Win_free(&handle);

    return_window(ierror, rc, win, handle);
}

FORTRAN(win_attach, WIN_ATTACH,
        (MPI_Fint * win, void *base, MPI_Aint *size, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_attach(MPI_Win_f2c(*win), base, *size));
}

FORTRAN(win_detach, WIN_DETACH, (MPI_Fint * win, void *base, MPI_Fint *ierror))
{
    fortran_return(ierror, MPI_Win_detach(MPI_Win_f2c(*win), base));
}

FORTRAN(win_set_info, WIN_SET_INFO,
        (MPI_Fint * win, MPI_Fint *info, MPI_Fint *ierror))
{
    fortran_return(ierror,
                   MPI_Win_set_info(MPI_Win_f2c(*win), MPI_Info_f2c(*info)));
}

FORTRAN(win_get_info, WIN_GET_INFO,
        (MPI_Fint * win, MPI_Fint *info, MPI_Fint *ierror))
{
    MPI_Info handle = MPI_INFO_NULL;
    int rc = MPI_Win_get_info(MPI_Win_f2c(*win), &handle);

    if (rc == MPI_SUCCESS) {
        *info = MPI_Info_c2f(handle);
    }
    fortran_return(ierror, rc);
}

/* --- attributes -------------------------------------------------------------- */

/* What a predefined attribute points to, as an integer; others belong to the
 * MPI library, which alone knows in what language they have been set. */
static MPI_Aint predefined_value(int key, void *value)
{
    switch (key) {
    case MPI_WIN_BASE:
        return (MPI_Aint)value;
    case MPI_WIN_SIZE:
        return *(MPI_Aint *)value;
    default:
        return *(int *)value;
    }
}

typedef void get_attr_func_t(MPI_Fint *win, MPI_Fint *key, MPI_Aint *value,
                             MPI_Fint *flag, MPI_Fint *ierror);

static void get_users_attr(MPI_Fint *win, MPI_Fint *key, MPI_Aint *value,
                           MPI_Fint *flag, MPI_Fint *ierror)
{
    union {
        void *object;
        get_attr_func_t *function;
    } next = {.object = dlsym(RTLD_NEXT, "ompi_win_get_attr_f")};

    MPI_Fint rc = MPI_ERR_INTERN;

    if (next.object != NULL) {
        next.function(win, key, value, flag, &rc);
    }
    fortran_return(ierror, rc);
}

FORTRAN(win_get_attr, WIN_GET_ATTR,
        (MPI_Fint * win, MPI_Fint *key, MPI_Aint *value, MPI_Fint *flag,
         MPI_Fint *ierror))
{
    void *pointer = NULL;
    int is_set = 0;
    int rc;

    switch (*key) {
    case MPI_WIN_BASE:
    case MPI_WIN_SIZE:
    case MPI_WIN_DISP_UNIT:
    case MPI_WIN_CREATE_FLAVOR:
    case MPI_WIN_MODEL:
        break;
    default:
        get_users_attr(win, key, value, flag, ierror);
        return;
    }

    rc = MPI_Win_get_attr(MPI_Win_f2c(*win), *key, &pointer, &is_set);
    if (rc == MPI_SUCCESS) {
        *flag = fortran_logical(is_set);
        if (is_set) {
            *value = predefined_value(*key, pointer);
        }
    }
    fortran_return(ierror, rc);
}

FORTRAN_2008(win_get_attr, (MPI_Fint * win, MPI_Fint *key, MPI_Aint *value,
                            MPI_Fint *flag, MPI_Fint *ierror));
