/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_scatter.h"

/* Leaves the region of the byte at @p at; *@p size_p: how many of @p size bytes
 * from there on lie in it. */
static int scatter_find(rsmi_scatter_t *scatter, uint64_t at, uint64_t size,
                        uint64_t *size_p)
{
    uint64_t room;
    int error;

    if ((at < scatter->low) || (at >= scatter->high)) {
        scatter->high = 0;
        error = rsmi_dynamic_locate_some(scatter->window, scatter->rank, at,
                                         &scatter->found, &room);
        if (error != MPI_SUCCESS) {
            return error;
        }
        scatter->low = at;
        scatter->high = at + room;
    }
    room = scatter->high - at;
    *size_p = (size < room) ? size : room;
    return MPI_SUCCESS;
}

int rsmi_scatter_check(rsmi_scatter_t *scatter, rsmi_cursor_t there)
{
    uint64_t size, some;
    char *at;
    int error;

    while ((size = rsmi_cursor_run(&there, &at)) > 0) {
        error = scatter_find(scatter, (uintptr_t)at, size, &some);
        if (error != MPI_SUCCESS) {
            return error;
        }
        rsmi_cursor_advance(&there, some);
    }
    return MPI_SUCCESS;
}

/* Bytes of one region. */
static int scatter_move_some(const rsmi_scatter_t *scatter, uint64_t at,
                             void *local, size_t size, bool is_put)
{
    const rsmi_found_t *found = &scatter->found;
    rsmi_reach_t reach = {.addr = (char *)at + found->shift,
                          .import = found->import,
                          .mapping = found->mapping};

    if (found->far == NULL) {
        return rsmi_rma_move_dense(&reach, local, size, is_put);
    }
    return is_put
               ? rsmi_remote_put(found->far, (uintptr_t)reach.addr, local, size)
               : rsmi_remote_get(found->far, (uintptr_t)reach.addr, local,
                                 size);
}

int rsmi_scatter_move(rsmi_scatter_t *scatter, uint64_t at, void *local,
                      size_t size, bool is_put)
{
    char *here = local;
    uint64_t some;
    int error;

    while (size > 0) {
        error = scatter_find(scatter, at, size, &some);
        if (error == MPI_SUCCESS) {
            error = scatter_move_some(scatter, at, here, some, is_put);
        }
        if (error != MPI_SUCCESS) {
            return error;
        }
        at += some;
        here += some;
        size -= some;
    }
    return MPI_SUCCESS;
}
