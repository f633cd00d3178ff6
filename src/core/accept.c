/* SPDX-License-Identifier: BSD-3-Clause */
/* What the exporter offers, and what an import makes of it. */
#include "core/accept.h"

#include "core/landing.h"
#include "mem/mem.h"
#include "rsmapi.h"

#include <stdlib.h>
#include <string.h>

bool rsmi_import_offer_is_good(const rsmi_wire_offer_t *offer, size_t fd_count,
                               unsigned asked)
{
    size_t size = sizeof(*offer);

    if ((offer->header.size < size) ||
        (offer->header.type != RSMI_WIRE_OFFER)) {
        return false;
    }
    if (offer->rc != RSM_SUCCESS) {
        return (offer->rc > 0) && (offer->rc <= RSMERR_QUEUE_FULL);
    }
    if ((offer->pieces > RSMI_WIRE_PIECES_MAX) ||
        (offer->key_size > RSMI_WIRE_BLOB_MAX) ||
        (offer->address_size > RSMI_WIRE_BLOB_MAX) ||
        ((offer->path & asked) == 0) ||
        ((offer->path & (offer->path - 1)) != 0) ||
        (offer->slot >= rsmi_life_slots()) || (offer->size == 0) ||
        ((offer->bell >= rsmi_bell_slots()) &&
         (offer->bell != RSMI_BELL_NONE))) {
        return false;
    }
    size += offer->pieces * sizeof(rsmi_wire_piece_t) + offer->key_size +
            offer->address_size;
    return (offer->header.size == size) &&
           (((offer->path & RSMI_PATH_SAME_HOST) == 0) ||
            ((fd_count == offer->pieces) && (fd_count > 0)));
}

/* The pieces follow the fixed part, without alignment of their own. */
static rsmi_wire_piece_t import_piece(const rsmi_wire_offer_t *offer,
                                      size_t idx)
{
    rsmi_wire_piece_t piece;

    memcpy(&piece, (const char *)(offer + 1) + idx * sizeof(piece),
           sizeof(piece));
    return piece;
}

static int import_show_pieces(rsmi_import_t *import,
                              const rsmi_wire_offer_t *offer, const int *fds,
                              char *view)
{
    int prot = rsmi_import_prot(import->perm);
    rsmi_wire_piece_t piece;
    size_t idx, done = 0;
    int rc;

    for (idx = 0; idx < offer->pieces; ++idx) {
        piece = import_piece(offer, idx);
        if ((piece.size == 0) || (piece.size > import->size - done)) {
            return RSMERR_INTERNAL_ERROR;
        }
        rc = rsmi_mem_show(view + done, piece.size, fds[idx],
                           (off_t)piece.offset, prot);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        import->pieces[idx].size = piece.size;
        done += piece.size;
    }
    return (done == import->size) ? RSM_SUCCESS : RSMERR_INTERNAL_ERROR;
}

static int import_view_pieces(rsmi_import_t *import,
                              const rsmi_wire_offer_t *offer, const int *fds,
                              void **view_p)
{
    int rc;

    import->pieces = calloc(offer->pieces, sizeof(*import->pieces));
    if (import->pieces == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    *view_p = rsmi_mem_reserve(import->size);
    if (*view_p == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = import_show_pieces(import, offer, fds, *view_p);
    if (rc != RSM_SUCCESS) {
        rsmi_mem_unmap(*view_p, import->size);
    }
    return rc;
}

static int import_view_one(const rsmi_import_t *import,
                           const rsmi_wire_offer_t *offer, int fd,
                           void **view_p)
{
    rsmi_wire_piece_t piece = import_piece(offer, 0);

    return (piece.size == import->size)
               ? rsmi_mem_show_anywhere(piece.size, fd, (off_t)piece.offset,
                                        rsmi_import_prot(import->perm), view_p)
               : RSMERR_INTERNAL_ERROR;
}

/* A withdrawal that came in between must not be undone by showing the pages
 * after it. */
static int import_open_pages(rsmi_import_t *import,
                             const rsmi_wire_offer_t *offer, const int *fds)
{
    void *view;
    int rc;

    rsmi_lock(&import->lock);
    rc = (offer->pieces == 1) ? import_view_one(import, offer, fds[0], &view)
                              : import_view_pieces(import, offer, fds, &view);
    if ((rc == RSM_SUCCESS) && import->is_over) {
        rsmi_mem_blank(view, import->size, rsmi_import_prot(import->perm));
    }
    if (rc == RSM_SUCCESS) {
        import->piece_count = offer->pieces;
        import->pages = view;
    }
    rsmi_unlock(&import->lock);
    return rc;
}

/* UCX reaches the mapped pages as memory of this process. Its own way of
 * attaching another process's shared memory reads and frees what it never
 * wrote when the exporter has just gone (ucp_ep_rkey_unpack, 1.13.1), and is
 * open to processes of the same user only. */
static int import_open_self(rsmi_import_t *import, rsmi_far_t *far)
{
    size_t size;
    void *key;
    int rc;

    rc = rsmi_fabric_connect_self(&far->way);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_fabric_register(RSMI_FABRIC_SELF, import->pages, import->size,
                              &far->mem);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_pack(far->mem, &key, &size);
    }
    if (rc == RSM_SUCCESS) {
        far->remote = (uintptr_t)import->pages;
        rc = rsmi_fabric_key_open(far->way, key, size, &far->key);
        free(key);
    }
    return rc;
}

static int import_open_key(rsmi_import_t *import, rsmi_far_t *far,
                           const rsmi_wire_offer_t *offer)
{
    const char *bytes =
        (const char *)(offer + 1) + offer->pieces * sizeof(rsmi_wire_piece_t);
    rsmi_peer_blob_t key = {bytes, offer->key_size};
    rsmi_peer_blob_t address = {bytes + offer->key_size, offer->address_size};

    far->remote = offer->remote;
    far->seal = offer->seal;
    atomic_store(&far->failures, atomic_load(&import->peer->failures));
    return rsmi_peer_way(import->peer, rsmi_landing_domain(import->path),
                         &address, &key, &far->way, &far->key);
}

/* A withdrawal may come already. */
static int import_choose_path(rsmi_import_t *import, rsmi_path_t path)
{
    rsmi_far_t *far = NULL;

    if (path != RSMI_PATH_DIRECT) {
        far = calloc(1, sizeof(*far));
        if (far == NULL) {
            return RSMERR_INSUFFICIENT_MEM;
        }
    }
    rsmi_lock(&import->lock);
    import->path = path;
    import->far = far;
    rsmi_unlock(&import->lock);
    import->door.is_far = far != NULL;
    import->door.is_done = (path & RSMI_PATH_SAME_HOST) != 0;
    return RSM_SUCCESS;
}

int rsmi_import_accept(rsmi_import_t *import, const rsmi_wire_offer_t *offer,
                       const int *fds)
{
    const rsmi_life_view_t *life = &import->peer->life;
    int rc;

    rc = import_choose_path(import, (rsmi_path_t)offer->path);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    import->size = offer->size;
    atomic_store(&import->low, 0);
    atomic_store(&import->high, import->size);
    if (life->base != NULL) {
        const rsmi_life_generation_t *expected = &rsmi_import_stands_far;

        import->door.life = life->word;
        import->door.generation = offer->generation;
        /* Leaves it alone if a withdrawal has come already. */
        (void)atomic_compare_exchange_strong(&import->door.generation_at,
                                             &expected,
                                             &life->generations[offer->slot]);
    }
    if ((import->peer->bells.bells != NULL) &&
        (offer->bell != RSMI_BELL_NONE)) {
        import->bell = &import->peer->bells.bells[offer->bell];
        import->bell_generation = offer->bell_generation;
    }
    if (!import->door.is_done) {
        return import_open_key(import, import->far, offer);
    }
    rc = import_open_pages(import, offer, fds);
    if ((rc == RSM_SUCCESS) && import->door.is_far) {
        rc = import_open_self(import, import->far);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (!import->door.is_far) {
        import->door.view = import->pages;
    }
    rsmi_lock(&import->lock);
    rsmi_import_refresh(import);
    rsmi_unlock(&import->lock);
    return RSM_SUCCESS;
}
