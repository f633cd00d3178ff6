/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks of the window that a group of post or start means. */
#ifndef RSMI_SHIM_GROUP_H
#define RSMI_SHIM_GROUP_H

#include "shim_window.h"

bool rsmi_party_create(rsmi_party_t *party, int ranks);
void rsmi_party_destroy(rsmi_party_t *party);

/* Fills in ranks and size. A program posts to the same group again and again,
 * and whoever waits for the post waits for this, too: the last answer is kept
 * for as long as its handle cannot have become that of another group. */
int rsmi_party_find(rsmi_party_t *party, const rsmi_window_t *window,
                    MPI_Group group);

#endif
