/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of compare_mpi. */
#ifndef CMP_COMPARE_MPI_H
#define CMP_COMPARE_MPI_H

#include <mpi.h>

#include "common.h"

typedef struct {
    MPI_Win win;
    MPI_Aint base;  /* of the other side's window: 0 unless it is dynamic */
    MPI_Aint size;  /* bytes of a window */
    int other;      /* whom this process reaches: the next one */
    int reached_by; /* of two processes the same one */
    int ranks;
    MPI_Group other_group;
    MPI_Group reached_by_group;
} mpi_t;

extern mpi_t mpi;

typedef struct {
    const char *name;
    int (*open)(cmp_t *cmp);
    void (*close)(cmp_t *cmp);
} mpi_kind_t;

extern const mpi_kind_t mpi_kinds[];
extern const unsigned int mpi_kind_count;

/* Opens a window, or says in the result that this library has no such; false
 * then. */
bool mpi_kind_open(cmp_t *cmp, const mpi_kind_t *kind);

/* An allocated window that is the MPI library's also where librsm_mpi serves
 * others. */
extern const mpi_kind_t mpi_left;

/* Windows of librsm_mpi and one of the MPI library, in turn: -w beside. @p flush
 * is their way. */
void mpi_run_beside(cmp_t *cmp, const cmp_way_t *flush);

/* What the machine needs for post, start, complete and wait. */
void mpi_run_flags(cmp_t *cmp);

/* Several processes, with more of them than cores or not: -t crowd. */
void mpi_run_crowd(cmp_t *cmp);

/* Many windows, or many regions in one window: -t many. */
void mpi_run_many(cmp_t *cmp, const mpi_kind_t *kind);

#endif
