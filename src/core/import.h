/* SPDX-License-Identifier: BSD-3-Clause */
/* Imported segments.
 *
 *             connect                map
 *   (none) ----------> CONNECTED ---------> MAPPED
 *                        |   ^---unmap-------'
 *             disconnect |      forced disconnect: either -> OVER
 *                        v
 *                     (freed)   OVER --disconnect--> (freed)
 *
 * Whether an import is over is never stored in it alone: rsmi_import_stands()
 * looks at the exporter's life page each time. */
#ifndef RSMI_IMPORT_H
#define RSMI_IMPORT_H

#include "core/door.h"
#include "core/event.h"
#include "core/handle.h"
#include "core/path.h"
#include "core/peer.h"
#include "ctrl/life.h"
#include "fabric/fabric.h"
#include "rsmapi.h"
#include "util/compiler.h"
#include "util/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t size;
} rsmi_import_piece_t;

/* What imports have in addition that are accessed through UCX. */
typedef struct {
    /* RSMI_PATH_SHM: like those of the door; 0 on the other paths. */
    _Atomic size_t get_size;
    _Atomic size_t put_size;
    _Atomic size_t atomic_size;
    rsmi_fabric_key_t *key;
    uint64_t remote; /* address of the first byte, as UCX knows it */

    rsmi_fabric_peer_t *way;
    rsmi_fabric_mem_t *mem; /* RSMI_PATH_SHM: the pages, registered with UCX */

    /* The other paths. */
    uint64_t seal;             /* the word behind the segment */
    _Atomic uint32_t active;   /* threads inside a transfer */
    _Atomic uint64_t started;  /* transfers left on their way so far */
    _Atomic uint64_t settled;  /* of these, known to be complete */
    _Atomic uint64_t failures; /* of the peer, already reported */
} rsmi_far_t;

/* The order leaves no gaps: there may be tens of thousands. */
typedef struct rsmi_import {
    rsmi_object_t object;

    /* Read by accesses, written hardly ever, and with the door under the lock,
     * by rsmi_import_refresh(). */
    _Atomic size_t low; /* accessible bytes: [low, high) */
    _Atomic size_t high;
    size_t size;
    rsm_permission_t perm;
    _Atomic uint32_t barriers; /* initialised and not destroyed */
    rsmi_door_t door;

    rsmi_far_t *far; /* NULL unless UCX does the access */
    rsmi_peer_t *peer;
    uint64_t cookie;
    rsmi_event_t event;
    rsmi_bell_t *bell; /* the exporter's counter; NULL: it counts for us */
    uint32_t bell_generation;
    rsmi_path_t path;

    /* Pages that are mapped, whoever does the access. */
    char *pages;
    rsmi_import_piece_t *pieces; /* runs of one file each; NULL: just one */
    uint32_t piece_count;

    uint8_t margin;   /* of the memory before us: see import_new() */
    bool owes_answer; /* to a withdrawal; peers lock */
    bool is_over RSMI_GUARDED_FIELD(lock);    /* view and mapping are blank */
    bool is_leaving RSMI_GUARDED_FIELD(lock); /* being disconnected */
    rsmi_lock_t lock;
    char *mapping RSMI_GUARDED_FIELD(lock);
    size_t mapping_size RSMI_GUARDED_FIELD(lock);
    int mapping_prot RSMI_GUARDED_FIELD(lock);

    UT_hash_handle hh; /* of the peer, by cookie; the last member */
} rsmi_import_t;

/* A generation word that agrees with nothing: where imports look once they
 * are known to be over. */
extern const rsmi_life_generation_t rsmi_import_ended;

/* One that always agrees, for exporters whose life page we cannot see: their
 * news come as messages, not as stores. */
extern const rsmi_life_generation_t rsmi_import_stands_far;

/* See rsmi_door_stands(). */
RSMI_INLINE bool rsmi_import_stands(const rsmi_import_t *import)
{
    return rsmi_door_stands(&import->door);
}

/* --- connection (import.c) ------------------------------------------------ */

/* @p paths: RSMI_PATH_* bits that the controller offers. Results as
 * rsm_memseg_import_connect(3) documents them. */
int rsmi_import_connect(unsigned paths, uint32_t rank, rsm_memseg_id_t id,
                        rsm_permission_t perm, rsmi_import_t **import_p);

/* RSMERR_SEG_STILL_MAPPED, RSMERR_POLLFD_IN_USE, RSMERR_BAD_SEG_HNDL when
 * another thread was faster. */
int rsmi_import_disconnect(rsmi_import_t *import);

/* What decides about plain accesses has changed: open or close the door. */
void rsmi_import_refresh(rsmi_import_t *import) RSMI_REQUIRES(import->lock);

void rsmi_import_set_mode(rsmi_import_t *import, rsm_barrier_mode_t mode);

/* A barrier more or less. */
void rsmi_import_add_barrier(rsmi_import_t *import);
void rsmi_import_drop_barrier(rsmi_import_t *import);

/* Service thread: it is over; blank what the application sees of it. Tells
 * whether nothing it has started can still be under way. */
bool rsmi_import_end(rsmi_import_t *import);

int rsmi_import_post(rsmi_import_t *import, uint32_t flags);

/* --- mapping (mapping.c) -------------------------------------------------- */

int rsmi_import_map(rsmi_import_t *import, void **address, bool is_fixed,
                    rsm_permission_t perm, size_t offset, size_t length);
int rsmi_import_unmap(rsmi_import_t *import);
int rsmi_import_prot(rsm_permission_t perm);

/* --- transfers through UCX (transfer.c) ----------------------------------- */

int rsmi_transfer_put(rsmi_import_t *import, size_t offset, const void *src,
                      size_t len, bool is_implicit);
int rsmi_transfer_get(rsmi_import_t *import, size_t offset, void *dst,
                      size_t len);

/* Several from or to offsets of @p import, in place of addresses; changes them.
 * *@p done_p are complete, or done as far as a put of their mode is. The others
 * have to be put one by one if there was no failure. */
int rsmi_transfer_putv(rsmi_import_t *import, rsmi_fabric_put_t *puts,
                       size_t count, bool is_implicit, size_t *done_p);
int rsmi_transfer_getv(rsmi_import_t *import, rsmi_fabric_get_t *gets,
                       size_t count, size_t *done_p);
int rsmi_transfer_atomic(rsmi_import_t *import, rsmi_atomic_op_t op,
                         unsigned width, size_t offset, uint64_t operand,
                         uint64_t compare, uint64_t *old_p);
int rsmi_transfer_flush(rsmi_import_t *import);

/* Whether another process takes part. */
RSMI_INLINE bool rsmi_transfer_is_answered(const rsmi_import_t *import)
{
    return (import->far != NULL) && (import->path != RSMI_PATH_SHM);
}

/* UCX refused one on RSMI_PATH_SHM with @p rc: what there is to say. */
int rsmi_transfer_failed(rsmi_import_t *import, int rc);

/* Nothing is under way. */
bool rsmi_transfer_is_idle(const rsmi_far_t *far);

#endif
