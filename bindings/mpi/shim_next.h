/* SPDX-License-Identifier: BSD-3-Clause */
/* The MPI library behind this one. Tools for profiling define some of the MPI_*
 * that they watch and call PMPI_* from there. What they have not defined comes
 * to us, and a window of ours must not meet the MPI library's PMPI_Put: the
 * calls that are taken over are taken over under both names. PMPI_* written in
 * these files still means the MPI library's. */
#ifndef RSMI_SHIM_NEXT_H
#define RSMI_SHIM_NEXT_H

#include <mpi.h>

typedef struct {
#define RSMI_NEXT(name) __typeof__(MPI_##name) *name;
#include "shim_next.def"
#undef RSMI_NEXT
} rsmi_next_t;

/* Filled before the program starts. */
extern rsmi_next_t rsmi_next __attribute__((visibility("hidden")));

/* Behind the definition of MPI_<name>: the same as PMPI_<name>. */
#define RSMI_PROFILED(name)                                                   \
    extern __typeof__(MPI_##name) rsmi_profiled_##name __asm__("PMPI_" #name) \
        __attribute__((alias("MPI_" #name), visibility("default")))

#define PMPI_Accumulate          (*rsmi_next.Accumulate)
#define PMPI_Compare_and_swap    (*rsmi_next.Compare_and_swap)
#define PMPI_Fetch_and_op        (*rsmi_next.Fetch_and_op)
#define PMPI_Get                 (*rsmi_next.Get)
#define PMPI_Get_accumulate      (*rsmi_next.Get_accumulate)
#define PMPI_Group_free          (*rsmi_next.Group_free)
#define PMPI_Put                 (*rsmi_next.Put)
#define PMPI_Raccumulate         (*rsmi_next.Raccumulate)
#define PMPI_Rget                (*rsmi_next.Rget)
#define PMPI_Rget_accumulate     (*rsmi_next.Rget_accumulate)
#define PMPI_Rput                (*rsmi_next.Rput)
#define PMPI_Win_allocate        (*rsmi_next.Win_allocate)
#define PMPI_Win_allocate_shared (*rsmi_next.Win_allocate_shared)
#define PMPI_Win_attach          (*rsmi_next.Win_attach)
#define PMPI_Win_complete        (*rsmi_next.Win_complete)
#define PMPI_Win_create          (*rsmi_next.Win_create)
#define PMPI_Win_create_dynamic  (*rsmi_next.Win_create_dynamic)
#define PMPI_Win_detach          (*rsmi_next.Win_detach)
#define PMPI_Win_fence           (*rsmi_next.Win_fence)
#define PMPI_Win_flush           (*rsmi_next.Win_flush)
#define PMPI_Win_flush_all       (*rsmi_next.Win_flush_all)
#define PMPI_Win_flush_local     (*rsmi_next.Win_flush_local)
#define PMPI_Win_flush_local_all (*rsmi_next.Win_flush_local_all)
#define PMPI_Win_free            (*rsmi_next.Win_free)
#define PMPI_Win_get_attr        (*rsmi_next.Win_get_attr)
#define PMPI_Win_get_info        (*rsmi_next.Win_get_info)
#define PMPI_Win_lock            (*rsmi_next.Win_lock)
#define PMPI_Win_lock_all        (*rsmi_next.Win_lock_all)
#define PMPI_Win_post            (*rsmi_next.Win_post)
#define PMPI_Win_set_info        (*rsmi_next.Win_set_info)
#define PMPI_Win_shared_query    (*rsmi_next.Win_shared_query)
#define PMPI_Win_start           (*rsmi_next.Win_start)
#define PMPI_Win_sync            (*rsmi_next.Win_sync)
#define PMPI_Win_test            (*rsmi_next.Win_test)
#define PMPI_Win_unlock          (*rsmi_next.Win_unlock)
#define PMPI_Win_unlock_all      (*rsmi_next.Win_unlock_all)
#define PMPI_Win_wait            (*rsmi_next.Win_wait)

#endif
