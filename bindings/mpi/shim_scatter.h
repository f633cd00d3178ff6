/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a target that is not mapped here in one piece. It is far away; or it
 * is *scattered*: it belongs to a dynamic window and lies in several regions, of
 * which some may be mapped and others far. Then what counts are addresses in the
 * target, and each run of bytes is cut where a region ends. */
#ifndef RSMI_SHIM_SCATTER_H
#define RSMI_SHIM_SCATTER_H

#include "shim_remote.h"
#include "shim_rma.h"

typedef struct {
    rsmi_window_t *window;
    int rank;
    rsmi_target_t *far; /* all of it; NULL: scattered, and then */
    uint64_t low, high; /* bytes of the region found last */
    rsmi_found_t found; /* and where they are */
} rsmi_scatter_t;

/* A target far away has a connection. One with a dynamic window has none of its
 * own, but is what the regions that are far are completed by. */
static inline bool rsmi_is_scattered(const rsmi_reach_t *reach)
{
    return (reach->far != NULL) && (reach->far->far == NULL);
}

/* What @p there leads to lies in regions: MPI_SUCCESS, MPI_ERR_RMA_RANGE,
 * MPI_ERR_NO_MEM, MPI_ERR_OTHER. */
int rsmi_scatter_check(rsmi_scatter_t *scatter, rsmi_cursor_t there);

/* Nothing is to be moved before this has succeeded. */
static inline int rsmi_scatter_begin(rsmi_scatter_t *scatter,
                                     rsmi_window_t *window, int rank,
                                     const rsmi_reach_t *reach,
                                     const rsmi_cursor_t *there)
{
    scatter->far = reach->far;
    if (rsmi_likely(!rsmi_is_scattered(reach))) {
        return MPI_SUCCESS;
    }
    scatter->window = window;
    scatter->rank = rank;
    scatter->far = NULL;
    scatter->low = 0;
    scatter->high = 0;
    return rsmi_scatter_check(scatter, *there);
}

int rsmi_scatter_move(rsmi_scatter_t *scatter, uint64_t at, void *local,
                      size_t size, bool is_put);

/* Bytes at an offset or address. As rsmi_remote_put and rsmi_remote_get. */
static inline int rsmi_scatter_put(rsmi_scatter_t *scatter, uint64_t at,
                                   const void *from, size_t size)
{
    return rsmi_likely(scatter->far != NULL)
               ? rsmi_remote_put(scatter->far, at, from, size)
               : rsmi_scatter_move(scatter, at, (void *)from, size, true);
}

static inline int rsmi_scatter_get(rsmi_scatter_t *scatter, uint64_t at,
                                   void *to, size_t size)
{
    return rsmi_likely(scatter->far != NULL)
               ? rsmi_remote_get(scatter->far, at, to, size)
               : rsmi_scatter_move(scatter, at, to, size, false);
}

#endif
