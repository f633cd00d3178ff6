/* SPDX-License-Identifier: BSD-3-Clause */
/* Where transfers through UCX land: a second mapping of a segment's pages,
 * made for one publication. UCX's emulation at the target stores to the
 * address in the message and looks at no key, so taking a key back stops
 * nobody; taking the pages away from the address does. */
#ifndef RSMI_LANDING_H
#define RSMI_LANDING_H

#include "core/backing.h"
#include "core/path.h"
#include "fabric/fabric.h"

#include <stdint.h>

/* Behind the segment's bytes lies a page that begins with the *seal*: a word
 * that no other landing of this process has, and that goes when the publication
 * ends. Who reads it after his stores knows where they went. */
typedef struct {
    char *addr;
    size_t size; /* without that page */
    uint64_t seal;
    rsmi_fabric_mem_t *mems[RSMI_FABRIC_KINDS];
} rsmi_landing_t;

/* The domain of UCX that serves a path. */
rsmi_fabric_kind_t rsmi_landing_domain(rsmi_path_t path);

int rsmi_landing_open(const rsmi_pieces_t *pieces, size_t size,
                      rsmi_landing_t **landing_p);

/* The packed key for a path; the caller frees *@p key_p. */
int rsmi_landing_key(rsmi_landing_t *landing, rsmi_path_t path, void **key_p,
                     size_t *key_size_p);

/* The segment consists of other pages from now on. False where hardware has
 * the old ones pinned. */
bool rsmi_landing_can_change(const rsmi_landing_t *landing);
int rsmi_landing_change(rsmi_landing_t *landing, const rsmi_pieces_t *pieces);

/* What arrives from now on is lost. */
void rsmi_landing_blank(rsmi_landing_t *landing);

/* @p is_clean: nothing can be under way any more. Otherwise the addresses
 * stay occupied by blank pages, so that a late store hits nothing else. */
void rsmi_landing_close(rsmi_landing_t *landing, bool is_clean);

#endif
