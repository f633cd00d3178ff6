/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows whose memory is ours: allocated, shared, and dynamic ones, which have
 * none at first. */
#include "shim_dynamic.h"
#include "shim_job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Whole pages; the recipe keeps them until a window takes them over. */
static void allocate_memory(rsmi_recipe_t *recipe, size_t size)
{
    void *memory;

    if (size == 0) {
        return;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        recipe->rc = RSMERR_INSUFFICIENT_MEM;
        return;
    }
    recipe->allocated = memory;
    recipe->allocated_size = size;
    recipe->exported = memory;
    recipe->exported_size = size;
}

/* The MPI library would write through it unseen. */
static int allocate_refuse_base(MPI_Comm comm)
{
    (void)PMPI_Comm_call_errhandler(comm, MPI_ERR_ARG);
    return MPI_ERR_ARG;
}

/* NULL with MPI_SUCCESS: for the MPI library. */
static int allocate_window(rsmi_recipe_t *recipe, rsmi_window_t **window_p)
{
    int error;

    error = rsmi_window_create(recipe, window_p);
    if ((*window_p == NULL) && (recipe->allocated != NULL)) {
        (void)munmap(recipe->allocated, recipe->allocated_size);
    }
    return error;
}

int MPI_Win_allocate(MPI_Aint size, int disp_unit, MPI_Info info, MPI_Comm comm,
                     void *baseptr, MPI_Win *win)
{
    rsmi_recipe_t recipe = {.comm = comm,
                            .info = info,
                            .flavor = MPI_WIN_FLAVOR_ALLOCATE,
                            .disp_unit = disp_unit,
                            .bytes = size};
    rsmi_window_t *window = NULL;
    int error;

    if (rsmi_window_is_candidate(&recipe, win)) {
        if (baseptr == NULL) {
            return allocate_refuse_base(comm);
        }
        allocate_memory(&recipe, (size_t)size);
        recipe.base = recipe.allocated;
        error = allocate_window(&recipe, &window);
        if (error != MPI_SUCCESS) {
            return error;
        }
    }
    if (window == NULL) {
        return PMPI_Win_allocate(size, disp_unit, info, comm, baseptr, win);
    }
    memcpy(baseptr, &window->base, sizeof(window->base));
    *win = rsmi_window_handle(window);
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_allocate);

static bool allocate_is_noncontiguous(MPI_Info info)
{
    char value[8] = "";
    int flag = 0;

    if (info != MPI_INFO_NULL) {
        (void)PMPI_Info_get(info, "alloc_shared_noncontig",
                            (int)sizeof(value) - 1, value, &flag);
    }
    return (flag != 0) && (strcmp(value, "true") == 0);
}

/* Each on pages of its own when the program allows it: every rank of it, as the
 * parts are at the same places for all. */
static int allocate_agree(rsmi_recipe_t *recipe)
{
    int refuses = !allocate_is_noncontiguous(recipe->info), one_refuses = 1;
    int error = PMPI_Allreduce(&refuses, &one_refuses, 1, MPI_INT, MPI_MAX,
                               recipe->comm);

    recipe->is_apart = !one_refuses;
    return error;
}

/* MPI_Win_get_info reports what is done. */
static void allocate_tell(const rsmi_recipe_t *recipe, rsmi_window_t *window)
{
    if (window->info != MPI_INFO_NULL) {
        (void)PMPI_Info_set(window->info, "alloc_shared_noncontig",
                            recipe->is_apart ? "true" : "false");
    }
}

/* Where each rank's part begins, and at the end the size of all. What no machine
 * has is the recipe's fault, at every rank. */
static int allocate_layout(rsmi_recipe_t *recipe, int count, MPI_Aint *offsets)
{
    MPI_Aint page = (MPI_Aint)rsmi_job()->page, offset = 0, size, rest;
    int i, error;

    error = allocate_agree(recipe);
    if (error == MPI_SUCCESS) {
        error = PMPI_Allgather(&recipe->bytes, 1, MPI_AINT, offsets, 1,
                               MPI_AINT, recipe->comm);
    }
    for (i = 0; (i <= count) && (error == MPI_SUCCESS); ++i) {
        size = (i < count) ? offsets[i] : 0;
        rest = recipe->is_apart ? (page - size % page) % page : 0;
        offsets[i] = offset;
        if (__builtin_add_overflow(offset, size, &offset) ||
            __builtin_add_overflow(offset, rest, &offset)) {
            recipe->rc = RSMERR_BAD_LENGTH;
            offset = 0;
        }
    }
    return error;
}

static int allocate_shared(rsmi_recipe_t *recipe, rsmi_window_t **window_p)
{
    int count, rank, error, rc = RSM_SUCCESS;
    MPI_Aint *offsets;

    (void)PMPI_Comm_size(recipe->comm, &count);
    (void)PMPI_Comm_rank(recipe->comm, &rank);
    offsets = calloc((size_t)count + 1, sizeof(*offsets));
    error = rsmi_window_agree(
        recipe->comm, (offsets == NULL) ? RSMERR_INSUFFICIENT_MEM : RSM_SUCCESS,
        &rc);
    if ((error != MPI_SUCCESS) || (rc != RSM_SUCCESS)) {
        free(offsets);
        return rsmi_window_refuse(recipe, error, rc);
    }
    error = allocate_layout(recipe, count, offsets);
    if (error == MPI_SUCCESS) {
        if ((rank == 0) && (recipe->rc == RSM_SUCCESS)) {
            allocate_memory(recipe, (size_t)offsets[count]);
        }
        recipe->offsets = offsets;
        error = allocate_window(recipe, window_p);
    }
    free(offsets);
    return error;
}

int MPI_Win_allocate_shared(MPI_Aint size, int disp_unit, MPI_Info info,
                            MPI_Comm comm, void *baseptr, MPI_Win *win)
{
    rsmi_recipe_t recipe = {.comm = comm,
                            .info = info,
                            .flavor = MPI_WIN_FLAVOR_SHARED,
                            .disp_unit = disp_unit,
                            .bytes = size};
    rsmi_window_t *window = NULL;
    int error;

    if (rsmi_window_is_candidate(&recipe, win)) {
        if (baseptr == NULL) {
            return allocate_refuse_base(comm);
        }
        error = allocate_shared(&recipe, &window);
        if (error != MPI_SUCCESS) {
            return error;
        }
    }
    if (window == NULL) {
        return PMPI_Win_allocate_shared(size, disp_unit, info, comm, baseptr,
                                        win);
    }
    allocate_tell(&recipe, window);
    memcpy(baseptr, &window->base, sizeof(window->base));
    *win = rsmi_window_handle(window);
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_allocate_shared);

int MPI_Win_create_dynamic(MPI_Info info, MPI_Comm comm, MPI_Win *win)
{
    rsmi_recipe_t recipe = {.comm = comm,
                            .info = info,
                            .flavor = MPI_WIN_FLAVOR_DYNAMIC,
                            .disp_unit = 1,
                            .base = MPI_BOTTOM};
    rsmi_window_t *window = NULL;
    int error = MPI_SUCCESS;

    if (rsmi_window_is_candidate(&recipe, win)) {
        error = allocate_window(&recipe, &window);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    if (window == NULL) {
        return PMPI_Win_create_dynamic(info, comm, win);
    }
    *win = rsmi_window_handle(window);
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_create_dynamic);

/* MPI_PROC_NULL asks for the first rank that has any memory. */
static int allocate_pick(const rsmi_window_t *window, int rank)
{
    int i = 0;

    if (rank != MPI_PROC_NULL) {
        return rank;
    }
    while ((i < window->size - 1) && (window->targets[i].size == 0)) {
        ++i;
    }
    return i;
}

int MPI_Win_shared_query(MPI_Win win, int rank, MPI_Aint *size, int *disp_unit,
                         void *baseptr)
{
    rsmi_window_t *window = rsmi_window_find(win);
    const rsmi_target_t *target;
    void *base;

    if (window == NULL) {
        return PMPI_Win_shared_query(win, rank, size, disp_unit, baseptr);
    }
    if (window->flavor != MPI_WIN_FLAVOR_SHARED) {
        return rsmi_window_fail(window, MPI_ERR_RMA_FLAVOR);
    }
    rank = allocate_pick(window, rank);
    if ((unsigned)rank >= (unsigned)window->size) {
        return rsmi_window_fail(window, MPI_ERR_RANK);
    }
    target = &window->targets[rank];
    base = (target->size > 0) ? target->addr : NULL;
    *size = target->size;
    *disp_unit = target->disp_unit;
    memcpy(baseptr, &base, sizeof(base));
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_shared_query);
