/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows over the program's own memory, and the end of windows. */
#include "shim_window.h"

#include "shim_group.h"
#include "shim_job.h"

#include <stdlib.h>
#include <string.h>

rsmi_table_t rsmi_windows = RSMI_TABLE_EMPTY;

/* Windows that ended, to be used again. */
static pthread_mutex_t window_lock = PTHREAD_MUTEX_INITIALIZER;
static rsmi_window_t **window_spare;
static size_t window_spare_count;
static size_t window_spare_room;

static rsmi_window_t *window_reuse(void)
{
    rsmi_window_t *window = NULL;

    pthread_mutex_lock(&window_lock);
    if (window_spare_count > 0) {
        window = window_spare[--window_spare_count];
    }
    pthread_mutex_unlock(&window_lock);
    return window;
}

rsmi_window_t *rsmi_window_new(int size)
{
    rsmi_window_t *window = window_reuse();
    size_t count = (size_t)size;

    if (window == NULL) {
        window = calloc(1, sizeof(*window));
    }
    if (window == NULL) {
        return NULL;
    }
    memset((char *)window + sizeof(window->entry), 0,
           sizeof(*window) - sizeof(window->entry));
    window->size = size;
    window->info = MPI_INFO_NULL;
    window->group = MPI_GROUP_NULL;
    window->targets = calloc(count, sizeof(*window->targets));
    window->access = calloc(count, sizeof(*window->access));
    window->counts = calloc(count, sizeof(*window->counts));
    if ((window->targets == NULL) || (window->access == NULL) ||
        (window->counts == NULL) ||
        !rsmi_party_create(&window->exposed, size) ||
        !rsmi_party_create(&window->started, size)) {
        rsmi_window_delete(window);
        return NULL;
    }
    return window;
}

void rsmi_window_delete(rsmi_window_t *window)
{
    rsmi_window_t **spare;
    size_t room;

    free(window->targets);
    free(window->access);
    free(window->counts);
    rsmi_party_destroy(&window->exposed);
    rsmi_party_destroy(&window->started);

    pthread_mutex_lock(&window_lock);
    if (window_spare_count == window_spare_room) {
        room = (window_spare_room == 0) ? 16 : window_spare_room * 2;
        spare = realloc(window_spare, room * sizeof(*spare));
        if (spare != NULL) {
            window_spare = spare;
            window_spare_room = room;
        }
    }
    if (window_spare_count < window_spare_room) {
        window_spare[window_spare_count++] = window;
    }
    pthread_mutex_unlock(&window_lock);
}

/* --- from the handle to the window ------------------------------------------
 *
 * A handle that is free may come back to another thread at once, for a window
 * that is left to the MPI library, and must not lead here then. An attribute of
 * the carrier tells in time: the MPI library deletes it while it frees the
 * carrier, when the handle is still that of this window alone. It is the first
 * that the carrier gets and so the last to go: functions of the program that
 * delete attributes find the window. */

static pthread_mutex_t window_keyval_lock = PTHREAD_MUTEX_INITIALIZER;
static int window_keyval = MPI_KEYVAL_INVALID;

/* The window may have been listed anew since it lost a carrier that was left
 * behind. */
static int window_forget(MPI_Win carrier, int keyval, void *value, void *arg)
{
    rsmi_window_t *window = value;

    (void)keyval;
    (void)arg;
    if (rsmi_window_handle(window) == carrier) {
        rsmi_window_unlist(window);
    }
    return MPI_SUCCESS;
}

static bool window_mark(rsmi_window_t *window, MPI_Win carrier)
{
    int error = MPI_SUCCESS;

    pthread_mutex_lock(&window_keyval_lock);
    if (window_keyval == MPI_KEYVAL_INVALID) {
        error = PMPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, window_forget,
                                       &window_keyval, NULL);
    }
    pthread_mutex_unlock(&window_keyval_lock);
    return (error == MPI_SUCCESS) &&
           (PMPI_Win_set_attr(carrier, window_keyval, window) == MPI_SUCCESS);
}

bool rsmi_window_list(rsmi_window_t *window, MPI_Win carrier)
{
    if (!window_mark(window, carrier)) {
        return false;
    }
    atomic_store(&window->entry.key, (void *)carrier);
    if (!rsmi_table_add(&rsmi_windows, &window->entry)) {
        atomic_store(&window->entry.key, NULL);
        return false;
    }
    return true;
}

void rsmi_window_unlist(rsmi_window_t *window)
{
    if (atomic_load(&window->entry.key) != NULL) {
        rsmi_table_remove(&rsmi_windows, &window->entry);
    }
}

bool rsmi_epoch_has_locks(const rsmi_window_t *window)
{
    rsmi_access_t access;
    int i;

    for (i = 0; i < window->size; ++i) {
        access = rsmi_epoch_access(window, i);
        if ((access != RSMI_ACCESS_NONE) && (access != RSMI_ACCESS_STARTED)) {
            return true;
        }
    }
    return false;
}

int rsmi_window_fail(rsmi_window_t *window, int error)
{
    (void)PMPI_Win_call_errhandler(rsmi_window_handle(window), error);
    return error;
}

bool rsmi_window_is_candidate(const rsmi_recipe_t *recipe, const MPI_Win *win)
{
    int is_started = 0, is_over = 0, is_inter = 0;

    (void)PMPI_Initialized(&is_started);
    (void)PMPI_Finalized(&is_over);
    if (!is_started || is_over || (win == NULL) ||
        ((const void *)recipe->info == NULL) ||
        (recipe->comm == MPI_COMM_NULL) || (recipe->bytes < 0) ||
        (recipe->disp_unit <= 0)) {
        return false;
    }
    if ((PMPI_Comm_test_inter(recipe->comm, &is_inter) != MPI_SUCCESS) ||
        is_inter) {
        return false;
    }
    if (rsmi_job()->is_off && rsmi_job()->is_talkative) {
        rsmi_window_report(recipe, "left to the MPI library, because of "
                                   "RSM_MPI=off");
    }
    return !rsmi_job()->is_off;
}

int MPI_Win_create(void *base, MPI_Aint size, int disp_unit, MPI_Info info,
                   MPI_Comm comm, MPI_Win *win)
{
    rsmi_recipe_t recipe = {
        .comm = comm,
        .info = info,
        .flavor = MPI_WIN_FLAVOR_CREATE,
        .disp_unit = disp_unit,
        .base = base,
        .bytes = size,
        .exported = (size > 0) ? base : NULL,
        .exported_size = (size_t)size,
        .rc = ((base == NULL) && (size > 0)) ? RSMERR_BAD_ADDR : RSM_SUCCESS};
    rsmi_window_t *window = NULL;
    int error = MPI_SUCCESS;

    if (rsmi_window_is_candidate(&recipe, win)) {
        error = rsmi_window_create(&recipe, &window);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    if (window == NULL) {
        return PMPI_Win_create(base, size, disp_unit, info, comm, win);
    }
    *win = rsmi_window_handle(window);
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_create);

int MPI_Win_free(MPI_Win *win)
{
    rsmi_window_t *window;
    int error;

    window = (win == NULL) ? NULL : rsmi_window_find(*win);
    if (window == NULL) {
        return PMPI_Win_free(win);
    }
    if (rsmi_epoch_has_locks(window) ||
        (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
        window->exposed.is_open || window->started.is_open) {
        return rsmi_window_fail(window, MPI_ERR_RMA_SYNC);
    }
    error = rsmi_window_destroy(window);
    if (error == MPI_SUCCESS) {
        *win = MPI_WIN_NULL;
    }
    return error;
}
RSMI_PROFILED(Win_free);
