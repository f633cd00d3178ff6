/* SPDX-License-Identifier: BSD-3-Clause */
/* Dynamic windows. Each rank keeps the list of what it has attached in memory
 * that the others map, sorted by address; an origin looks its target's list up
 * when it meets an address it has not met, and maps the segment behind it. */
#ifndef RSMI_SHIM_DYNAMIC_H
#define RSMI_SHIM_DYNAMIC_H

#include "shim_window.h"

/* --- at the origin (shim_dynamic.c, shim_view.c) ---------------------------- */

typedef struct {
    intptr_t shift;     /* from an address of the target to one here */
    rsmi_target_t *far; /* or, where it is not mapped, to an offset there */
    rsm_memseg_import_handle_t import; /* for large pieces; NULL: none */
    char *mapping;                     /* of it */
} rsmi_found_t;

/* Where the bytes [low, high) of the target are. MPI_SUCCESS;
 * MPI_ERR_RMA_RANGE, no region holds all of them; MPI_ERR_NO_MEM,
 * MPI_ERR_OTHER. */
int rsmi_dynamic_locate(rsmi_window_t *window, int rank, MPI_Aint low,
                        MPI_Aint high, rsmi_found_t *found_p);

/* The same for one byte and the @p *size_p bytes from there on that lie in its
 * region. */
int rsmi_dynamic_locate_some(rsmi_window_t *window, int rank, uint64_t at,
                             rsmi_found_t *found_p, uint64_t *size_p);

/* Before the first use of a new window; false: no memory. */
bool rsmi_dynamic_prepare(rsmi_window_t *window);

/* Give back what is mapped of a target. */
void rsmi_dynamic_forget(rsmi_target_t *target);

/* The region that the byte at @p at lies in, or NULL. */
const rsmi_region_t *rsmi_dynamic_search(const rsmi_region_t *list,
                                         size_t count, uint64_t at);

/* --- at the owner (shim_attach.c) ------------------------------------------ */

bool rsmi_attached_prepare(rsmi_window_t *window);

/* How many bytes from @p at on lie in its region; 0: there is none. */
uint64_t rsmi_attached_size(rsmi_window_t *window, uint64_t at);

/* Give back everything that is attached. */
void rsmi_attached_withdraw(rsmi_window_t *window);

#endif
