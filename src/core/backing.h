/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the application's pages are shared pages. A *backing* is a run of
 * application pages and the shared pages behind them; backings never overlap
 * and live in a table sorted by address. A segment consists of *pieces* of
 * backings, in the order of its addresses. Pages that the application shares
 * already (MAP_SHARED, System V) are left as they are: a *foreign* piece.
 *
 * The memory lock guards everything here. It is taken by the callers, because
 * segments change their pieces under it too. */
#ifndef RSMI_BACKING_H
#define RSMI_BACKING_H

#include "mem/mem.h"
#include "util/lock.h"

#include <stdbool.h>
#include <stddef.h>

extern rsmi_lock_t rsmi_memory_lock;

typedef struct rsmi_backing rsmi_backing_t;

typedef struct {
    rsmi_backing_t *backing; /* NULL: foreign */
    char *addr;              /* in the application */
    size_t offset;           /* in the backing's pages */
    size_t size;
} rsmi_piece_t;

typedef struct {
    rsmi_piece_t *pieces; /* owned */
    size_t count;
} rsmi_pieces_t;

/* Share [addr, addr+size), whole pages. RSMERR_BAD_ADDR, not mapped;
 * RSMERR_PERM_DENIED, not readable and writable; RSMERR_BAD_MEM_ALIGNMENT, a
 * part of a huge page; RSMERR_INSUFFICIENT_MEM,
 * RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_backing_acquire(void *addr, size_t size, rsmi_pieces_t *pieces_p)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Give the references back. Pages that no segment uses any more become private
 * again, with their contents. */
void rsmi_backing_release(rsmi_pieces_t *pieces)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Whether the memory could be exported, without changing anything. */
int rsmi_backing_examine(void *addr, size_t size)
    RSMI_REQUIRES(rsmi_memory_lock);

/* The one backing that is the whole of these pieces and used by nobody else,
 * or NULL. */
rsmi_backing_t *rsmi_backing_sole(const rsmi_pieces_t *pieces)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Let the same pages stand for the memory at @p addr from now on: its contents
 * become theirs, and the old range keeps the contents they had. Nothing is
 * changed on failure. */
int rsmi_backing_move(rsmi_backing_t *backing, void *addr)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Put fresh pages with the same contents behind the application's range; who
 * still holds the old ones is cut off. @p is_alone: in a file of their own. */
int rsmi_backing_renew(rsmi_backing_t *backing, bool is_alone)
    RSMI_REQUIRES(rsmi_memory_lock);

/* While they are being replaced the old ones must not be handed to anybody. The
 * directory's lock guards the mark. */
void rsmi_backing_set_renewing(rsmi_backing_t *backing, bool is_renewing);
bool rsmi_backing_is_renewing(const rsmi_pieces_t *pieces);

/* Somebody who has not let go of the pages may still store to them. */
void rsmi_backing_hold(const rsmi_pieces_t *pieces)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Shared by more than one segment. */
bool rsmi_backing_is_common(const rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock);

/* Bytes of all its pages. */
size_t rsmi_backing_size(const rsmi_backing_t *backing);

/* File of the pages, where in it they begin, and whether it is shared with
 * backings of other memory. */
int rsmi_backing_fd(const rsmi_backing_t *backing);
size_t rsmi_backing_offset(const rsmi_backing_t *backing);
bool rsmi_backing_is_pooled(const rsmi_backing_t *backing);

/* In the child of a fork: everything becomes private. Allocates nothing. */
void rsmi_backing_forked(void) RSMI_NO_ANALYSIS;

#endif
