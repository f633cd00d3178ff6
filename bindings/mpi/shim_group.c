/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_group.h"

#include <stdlib.h>

/* Groups never change, but the handle of one that was freed may come back for
 * another. Counted before that can happen. */
static _Atomic uint64_t group_frees;

/* Small groups are the ones whose epochs are short. */
enum { GROUP_FEW = 16 };

bool rsmi_party_create(rsmi_party_t *party, int ranks)
{
    party->ranks = calloc((size_t)ranks, sizeof(*party->ranks));
    party->size = 0;
    party->is_open = false;
    party->group = MPI_GROUP_NULL;
    return party->ranks != NULL;
}

void rsmi_party_destroy(rsmi_party_t *party)
{
    free(party->ranks);
    party->ranks = NULL;
}

static int party_translate(rsmi_party_t *party, const rsmi_window_t *window,
                           MPI_Group group, int size, int *from)
{
    int i, error;

    for (i = 0; i < size; ++i) {
        from[i] = i;
    }
    error = PMPI_Group_translate_ranks(group, size, from, window->group,
                                       party->ranks);
    for (i = 0; (i < size) && (error == MPI_SUCCESS); ++i) {
        if (party->ranks[i] == MPI_UNDEFINED) {
            error = MPI_ERR_GROUP;
        }
    }
    return error;
}

static int RSMI_COLD party_ask(rsmi_party_t *party, const rsmi_window_t *window,
                               MPI_Group group)
{
    int few[GROUP_FEW], *many, size, error;

    if ((group == MPI_GROUP_NULL) || ((const void *)group == NULL)) {
        return MPI_ERR_GROUP;
    }
    error = PMPI_Group_size(group, &size);
    if ((error != MPI_SUCCESS) || (size > window->size)) {
        return MPI_ERR_GROUP;
    }
    party->size = size;
    if (size <= GROUP_FEW) {
        return party_translate(party, window, group, size, few);
    }
    many = malloc((size_t)size * sizeof(*many));
    if (many == NULL) {
        return MPI_ERR_NO_MEM;
    }
    error = party_translate(party, window, group, size, many);
    free(many);
    return error;
}

int rsmi_party_find(rsmi_party_t *party, const rsmi_window_t *window,
                    MPI_Group group)
{
    uint64_t frees = atomic_load_explicit(&group_frees, memory_order_relaxed);
    int error;

    if (rsmi_likely((party->group == group) && (party->frees == frees) &&
                    (group != MPI_GROUP_NULL))) {
        return MPI_SUCCESS;
    }
    party->group = MPI_GROUP_NULL;
    error = party_ask(party, window, group);
    if (error == MPI_SUCCESS) {
        party->group = group;
        party->frees = frees;
    }
    return error;
}

int MPI_Group_free(MPI_Group *group)
{
    (void)atomic_fetch_add_explicit(&group_frees, 1, memory_order_relaxed);
    return PMPI_Group_free(group);
}
RSMI_PROFILED(Group_free);
