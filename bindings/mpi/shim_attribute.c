/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program can ask a window. Attributes of its own making, names, error
 * handlers and the group are those of the carrier, which the MPI library
 * answers for. */
#include "shim_window.h"

#include <string.h>

int MPI_Win_get_attr(MPI_Win win, int keyval, void *attribute_val, int *flag)
{
    rsmi_window_t *window = rsmi_window_find(win);
    void *value;

    if (window == NULL) {
        return PMPI_Win_get_attr(win, keyval, attribute_val, flag);
    }
    switch (keyval) {
    case MPI_WIN_BASE:
        value = window->base;
        break;
    case MPI_WIN_SIZE:
        value = &window->bytes;
        break;
    case MPI_WIN_DISP_UNIT:
        value = &window->disp_unit;
        break;
    case MPI_WIN_CREATE_FLAVOR:
        value = &window->flavor;
        break;
    case MPI_WIN_MODEL:
        value = &window->model;
        break;
    default:
        return PMPI_Win_get_attr(win, keyval, attribute_val, flag);
    }
    if ((attribute_val == NULL) || (flag == NULL)) {
        return rsmi_window_fail(window, MPI_ERR_ARG);
    }
    memcpy(attribute_val, &value, sizeof(value));
    *flag = 1;
    return MPI_SUCCESS;
}
RSMI_PROFILED(Win_get_attr);

/* Keys that mean something to a window, and what holds when the program has
 * said nothing. */
typedef struct {
    const char *key;
    const char *value;
    bool is_shared; /* for windows of shared memory */
    bool is_early;  /* counts while the window is made, and then stays */
} attribute_hint_t;

static const attribute_hint_t attribute_hints[] = {
    {"no_locks", "false", false, false},
    {"accumulate_ordering", "rar,raw,war,waw", false, false},
    {"accumulate_ops", "same_op_no_op", false, false},
    {"same_size", "false", false, false},
    {"same_disp_unit", "false", false, false},
    {"alloc_shared_noncontig", "false", true, true},
    {"rsm_serve", "true", false, true}};

/* The program's hints that are hints of ours; others are not used, and are not
 * given back. */
static int attribute_get_info(const rsmi_window_t *window, MPI_Info info)
{
    char value[MPI_MAX_INFO_VAL + 1];
    const attribute_hint_t *hint;
    int flag, error = MPI_SUCCESS;
    size_t i;

    for (i = 0; (i < sizeof(attribute_hints) / sizeof(attribute_hints[0])) &&
                (error == MPI_SUCCESS);
         ++i) {
        hint = &attribute_hints[i];
        if (hint->is_shared && (window->flavor != MPI_WIN_FLAVOR_SHARED)) {
            continue;
        }
        flag = 0;
        if (window->info != MPI_INFO_NULL) {
            (void)PMPI_Info_get(window->info, hint->key, MPI_MAX_INFO_VAL,
                                value, &flag);
        }
        error =
            PMPI_Info_set(info, hint->key, (flag != 0) ? value : hint->value);
    }
    return error;
}

int MPI_Win_get_info(MPI_Win win, MPI_Info *info_used)
{
    rsmi_window_t *window = rsmi_window_find(win);
    MPI_Info info;
    int error;

    if (window == NULL) {
        return PMPI_Win_get_info(win, info_used);
    }
    if (info_used == NULL) {
        return rsmi_window_fail(window, MPI_ERR_ARG);
    }
    error = PMPI_Info_create(&info);
    if (error == MPI_SUCCESS) {
        error = attribute_get_info(window, info);
        if (error == MPI_SUCCESS) {
            *info_used = info;
            return MPI_SUCCESS;
        }
        (void)PMPI_Info_free(&info);
    }
    return rsmi_window_fail(window, error);
}
RSMI_PROFILED(Win_get_info);

static int attribute_set_info(rsmi_window_t *window, MPI_Info info)
{
    char value[MPI_MAX_INFO_VAL + 1];
    int flag, error = MPI_SUCCESS;
    const char *key;
    size_t i;

    if ((info == MPI_INFO_NULL) || ((const void *)info == NULL)) {
        return MPI_ERR_INFO;
    }
    if (window->info == MPI_INFO_NULL) {
        error = PMPI_Info_create(&window->info);
    }
    for (i = 0; (i < sizeof(attribute_hints) / sizeof(attribute_hints[0])) &&
                (error == MPI_SUCCESS);
         ++i) {
        if (attribute_hints[i].is_early) {
            continue;
        }
        key = attribute_hints[i].key;
        error = PMPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &flag);
        if ((error == MPI_SUCCESS) && (flag != 0)) {
            error = PMPI_Info_set(window->info, key, value);
        }
    }
    return error;
}

int MPI_Win_set_info(MPI_Win win, MPI_Info info)
{
    rsmi_window_t *window = rsmi_window_find(win);
    int error;

    if (window == NULL) {
        return PMPI_Win_set_info(win, info);
    }
    error = attribute_set_info(window, info);
    return rsmi_window_finish(window, error);
}
RSMI_PROFILED(Win_set_info);
