/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows of each kind. */
#include <stdlib.h>
#include <string.h>

#include "compare_mpi.h"

static int allocate_with(cmp_t *cmp, MPI_Info info)
{
    int rc = MPI_Win_allocate(mpi.size, 1, info, MPI_COMM_WORLD, &cmp->shown,
                              &mpi.win);

    if (rc == MPI_SUCCESS) {
        memset(cmp->shown, 0, (size_t)mpi.size);
    }
    return rc;
}

static int allocate_open(cmp_t *cmp)
{
    return allocate_with(cmp, MPI_INFO_NULL);
}

static int left_open(cmp_t *cmp)
{
    MPI_Info info;
    int rc;

    MPI_Info_create(&info);
    MPI_Info_set(info, "rsm_serve", "false");
    rc = allocate_with(cmp, info);
    MPI_Info_free(&info);
    return rc;
}

static int create_open(cmp_t *cmp)
{
    cmp->shown = cmp_memory((size_t)mpi.size);
    return MPI_Win_create(cmp->shown, mpi.size, 1, MPI_INFO_NULL,
                          MPI_COMM_WORLD, &mpi.win);
}

static int dynamic_open(cmp_t *cmp)
{
    MPI_Aint own;
    int rc;

    cmp->shown = cmp_memory((size_t)mpi.size);
    rc = MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &mpi.win);
    if (rc != MPI_SUCCESS) {
        return rc;
    }
    MPI_Win_attach(mpi.win, cmp->shown, mpi.size);
    MPI_Get_address(cmp->shown, &own);
    MPI_Sendrecv(&own, 1, MPI_AINT, mpi.reached_by, 0, &mpi.base, 1, MPI_AINT,
                 mpi.other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return MPI_SUCCESS;
}

static void allocate_close(cmp_t *cmp)
{
    (void)cmp;
    MPI_Win_free(&mpi.win);
}

static void create_close(cmp_t *cmp)
{
    MPI_Win_free(&mpi.win);
    free(cmp->shown);
}

static void dynamic_close(cmp_t *cmp)
{
    MPI_Win_detach(mpi.win, cmp->shown);
    create_close(cmp);
    mpi.base = 0;
}

const mpi_kind_t mpi_kinds[] = {{"allocate", allocate_open, allocate_close},
                                {"create", create_open, create_close},
                                {"dynamic", dynamic_open, dynamic_close}};
const mpi_kind_t mpi_left = {"left", left_open, allocate_close};
const unsigned int mpi_kind_count = sizeof(mpi_kinds) / sizeof(mpi_kinds[0]);

bool mpi_kind_open(cmp_t *cmp, const mpi_kind_t *kind)
{
    int rc;

    /* Not every component has every kind. */
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = kind->open(cmp);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    if ((rc != MPI_SUCCESS) && (cmp->rank == 0)) {
        cmp_print_absent(cmp, kind->name);
    }
    return rc == MPI_SUCCESS;
}
