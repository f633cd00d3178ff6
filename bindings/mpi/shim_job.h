/* SPDX-License-Identifier: BSD-3-Clause */
/* What concerns the process and not a window: whether librsm is there, memory
 * for control blocks, connections to those of others, and how to wait. */
#ifndef RSMI_SHIM_JOB_H
#define RSMI_SHIM_JOB_H

#include "shim_window.h"

/* Started by the first window; see RSM_MPI in rsm_mpi(7). */
typedef struct {
    int rc;            /* RSM_SUCCESS, or why there is no librsm */
    bool is_off;       /* RSM_MPI=off */
    bool is_required;  /* RSM_MPI=require: an error where others go to MPI */
    bool is_talkative; /* RSM_INFO */
    rsmapi_controller_handle_t controller;
    rsm_node_id_t node;
    size_t page;
    bool is_crowded; /* more ranks on this host than cores */
} rsmi_job_t;

const rsmi_job_t *rsmi_job(void);

/* --- memory of others ------------------------------------------------------ */

/* Whole pages around [addr, addr+size); @p head_p: of addr in the segment. */
int rsmi_memory_export(void *addr, size_t size,
                       rsm_memseg_export_handle_t *export_p,
                       rsm_memseg_id_t *segment_p, size_t *head_p);

/* *@p mapping_p is NULL where the segment is reached by calls only. */
int rsmi_memory_import(rsm_node_id_t node, rsm_memseg_id_t segment,
                       rsm_memseg_import_handle_t *import_p, void **mapping_p);
void rsmi_memory_withdraw(rsm_memseg_export_handle_t export);
void rsmi_memory_forget(rsm_memseg_import_handle_t import);

/* --- control blocks -------------------------------------------------------- */

/* Where a control block lies, in words that mean the same everywhere. */
typedef struct {
    uint32_t segment;
    uint32_t offset;
} rsmi_place_t;

/* A block of zeros for a window of @p ranks. RSM results. */
int rsmi_control_allocate(int ranks, rsmi_control_t **control_p,
                          rsmi_place_t *place_p);
void rsmi_control_free(int ranks, rsmi_control_t *control);

/* Another rank's block, for its target's node. The connection stays for the
 * next window. */
int rsmi_control_reach(rsmi_place_t place, rsmi_target_t *target);

/* Whether the process is still there; asked seldom. */
bool rsmi_control_is_alive(rsm_node_id_t node);

/* --- waiting --------------------------------------------------------------- */

/* One turn: spin, then let others run and the MPI library make progress, then
 * sleep. MPI_SUCCESS, or an error when @p rank of the window, or any rank for
 * -1, has ended. */
int rsmi_wait_turn(rsmi_wait_t *wait, const rsmi_window_t *window, int rank);

/* The same for one who looks in vain and does something else meanwhile: it
 * never sleeps. */
int rsmi_wait_look(rsmi_wait_t *wait, const rsmi_window_t *window);

/* All ranks of the window, ours included, have come here. Nobody looks at the
 * block of another rank any more when its rank returns, which may free it. */
int rsmi_wait_all(rsmi_window_t *window);

/* The same, for a fence: the window lives on. */
int rsmi_wait_fence(rsmi_window_t *window);

#endif
