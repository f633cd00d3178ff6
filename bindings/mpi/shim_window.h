/* SPDX-License-Identifier: BSD-3-Clause */
/* A window that librsm serves. Its MPI handle is that of the *carrier*, a
 * window of no size which the MPI library made: names, attributes, error
 * handlers, groups and Fortran numbers are the carrier's and need nothing from
 * us. What belongs to the window itself is here, found by the handle.
 *
 * Each rank of the window has a *control block* in memory that all of them
 * map; synchronisation is loads, stores and atomics there. Each rank's window
 * memory is mapped as well, so that no access needs anything from the target. */
#ifndef RSMI_SHIM_WINDOW_H
#define RSMI_SHIM_WINDOW_H

#include "shim_next.h"
#include "shim_table.h"

#include <mpi.h>
#include <rsmapi.h>

enum { RSMI_LINE = 64, RSMI_SHARDS = 16, RSMI_ROUNDS = 32 };

/* What one rank attached to a dynamic window, in the order of addresses. */
typedef struct {
    uint64_t addr; /* in the target */
    uint64_t size;
    uint64_t serial; /* of the segment; never used twice in a window */
    uint64_t head;   /* of addr in the segment */
    uint32_t segment;
    uint32_t reserved;
} rsmi_region_t;

/* How often, ever. One line for both, as they often come together. */
typedef struct {
    _Atomic uint64_t posts;     /* it has opened an exposure epoch for us */
    _Atomic uint64_t completes; /* it has completed an access epoch here */
} rsmi_signals_t;

/* Of one rank: how many of its signals have led to something here, and how many
 * it has been sent. */
typedef struct {
    uint64_t posts_seen;
    uint64_t completes_seen;
    uint64_t posts_sent;
    uint64_t completes_sent;
} rsmi_counts_t;

/* Written by everyone; the first word of a line says who waits for what. */
typedef struct {
    /* Passive target: see shim_lock.c. */
    _Alignas(RSMI_LINE) _Atomic uint64_t lock;
    /* Dynamic: odd while the list changes. Written by the owner alone, as
     * are the next three, which say where the list is. */
    _Alignas(RSMI_LINE) _Atomic uint64_t version;
    _Atomic uint64_t region_count;
    _Atomic uint64_t list_size; /* bytes */
    _Atomic uint32_t list_segment;
    /* Accumulates: 0, or 1 + rank of the one who holds this share. */
    struct {
        _Alignas(RSMI_LINE) _Atomic uint32_t owner;
    } shards[RSMI_SHARDS];
    /* Barrier of a crowded window, in rank 0's block: arrivals ever. */
    _Alignas(RSMI_LINE) _Atomic uint64_t arrivals;
    /* Barrier: the number of the last one that a partner has reached. */
    _Alignas(RSMI_LINE) _Atomic uint64_t rounds[RSMI_ROUNDS];
    /* What each rank has told this one. */
    _Alignas(RSMI_LINE) rsmi_signals_t signals[];
} rsmi_control_t;

/* What an origin knows about a target. */
typedef struct rsmi_target {
    char *addr; /* of the window's first byte, here; NULL: none, or far */
    MPI_Aint size;
    int disp_unit;
    rsm_node_id_t node;
    rsmi_control_t *control; /* NULL: not mapped, reached as follows */
    rsm_memseg_import_handle_t control_import; /* NULL: of this rank itself */
    uint32_t control_offset;
    rsm_memseg_import_handle_t holder; /* shared: of rank 0's, or NULL */
    void *mapping;                     /* of the segment, NULL: own or none */
    rsm_memseg_import_handle_t import; /* NULL: own memory, or none */
    struct rsmi_far *far;   /* not mapped, reached by calls of librsm */
    uint64_t head;          /* of the window's first byte in the segment */
    struct rsmi_view *view; /* dynamic: what is mapped so far */
    _Atomic(struct rsmi_target *) regions; /* of these, what is far */
    struct rsmi_target *next;              /* in that list */
} rsmi_target_t;

/* From so many bytes on librsm's copies are faster than the C library's, and by
 * a good deal where many of them in a row fill the last cache. A whole access
 * of its is dear for less. Measured beside windows of Open MPI in turn. */
enum { RSMI_LARGE = 32 * 1024 };

/* What access to a target rests on. Passive epochs come first. */
typedef enum {
    RSMI_ACCESS_NONE,
    RSMI_ACCESS_SHARED,
    RSMI_ACCESS_EXCLUSIVE,
    RSMI_ACCESS_UNCHECKED, /* MPI_MODE_NOCHECK: no lock was taken */
    RSMI_ACCESS_STARTED
} rsmi_access_t;

/* What access to all targets rests on. */
typedef enum {
    RSMI_OPEN_NOT,
    RSMI_OPEN_FENCE,
    RSMI_OPEN_LOCKED,
    RSMI_OPEN_UNCHECKED
} rsmi_open_t;

typedef struct {
    unsigned turns; /* in vain */
} rsmi_wait_t;

/* Those whom an epoch of post or start is shared with (shim_group.c). */
typedef struct {
    int *ranks; /* of the window, in the order of the group */
    int size;
    bool is_open;    /* there is such an epoch */
    MPI_Group group; /* whose ranks these are, or MPI_GROUP_NULL */
    uint64_t frees;  /* of groups, when it was asked */
} rsmi_party_t;

typedef struct {
    rsmi_entry_t entry; /* key: the carrier */
    int rank;
    int size;
    bool has_far;    /* some target's memory is not mapped */
    bool is_crowded; /* ranks share cores, and all are on this host */
    unsigned spins;  /* before a wait yields */
    int flavor;
    int model;
    int disp_unit;
    MPI_Aint bytes;
    void *base;

    _Atomic uint8_t open;    /* rsmi_open_t */
    _Atomic uint8_t *access; /* rsmi_access_t, for each target */
    rsmi_target_t *targets;  /* one for each rank */
    uint64_t barrier;        /* number of the last one */
    uint64_t fence;          /* the same of those of a crowded window */
    rsmi_counts_t *counts;   /* for each rank */
    rsmi_party_t exposed;    /* those we expose to */
    rsmi_wait_t tests;       /* whether it is over */
    rsmi_party_t started;    /* those whom MPI_Win_start gave access to */

    MPI_Group group;
    MPI_Info info;
    rsm_memseg_export_handle_t export; /* of our memory, NULL: none */
    void *allocated;                   /* to unmap at the end */
    size_t allocated_size;
    struct rsmi_attached *attached; /* dynamic: our own regions */
} rsmi_window_t;

extern rsmi_table_t rsmi_windows RSMI_LOCAL;

/* NULL: a window of the MPI library, or none at all. */
static inline rsmi_window_t *rsmi_window_find(MPI_Win win)
{
    return rsmi_table_find(&rsmi_windows, (const void *)win);
}

/* NULL: it may be one of ours nevertheless. */
static inline rsmi_window_t *rsmi_window_recall(MPI_Win win)
{
    return rsmi_table_recall(&rsmi_windows, (const void *)win);
}

static inline MPI_Win rsmi_window_handle(rsmi_window_t *window)
{
    return (MPI_Win)atomic_load_explicit(&window->entry.key,
                                         memory_order_relaxed);
}

/* --- epochs ----------------------------------------------------------------
 *
 * What a rank remembers of its own epochs only finds mistakes of the program:
 * threads that share an epoch have come to terms about it themselves, so that
 * nothing has to be ordered here. Stores that are would take as long as the
 * lock of the target. */

static inline rsmi_open_t rsmi_epoch_open(const rsmi_window_t *window)
{
    return (rsmi_open_t)atomic_load_explicit(&window->open,
                                             memory_order_relaxed);
}

static inline void rsmi_epoch_set_open(rsmi_window_t *window, rsmi_open_t open)
{
    atomic_store_explicit(&window->open, (uint8_t)open, memory_order_relaxed);
}

static inline rsmi_access_t rsmi_epoch_access(const rsmi_window_t *window,
                                              int rank)
{
    return (rsmi_access_t)atomic_load_explicit(&window->access[rank],
                                               memory_order_relaxed);
}

static inline void rsmi_epoch_set_access(rsmi_window_t *window, int rank,
                                         rsmi_access_t access)
{
    atomic_store_explicit(&window->access[rank], (uint8_t)access,
                          memory_order_relaxed);
}

static inline bool rsmi_epoch_is_any(const rsmi_window_t *window, int rank)
{
    return ((unsigned)rsmi_epoch_open(window) |
            (unsigned)rsmi_epoch_access(window, rank)) != 0;
}

/* All targets are open by a lock, or this one is. */
static inline bool rsmi_epoch_is_passive(const rsmi_window_t *window, int rank)
{
    return (rsmi_epoch_open(window) >= RSMI_OPEN_LOCKED) ||
           ((unsigned)rsmi_epoch_access(window, rank) - 1u <
            RSMI_ACCESS_STARTED - 1u);
}

/* Some target is locked by itself. Those who ask talk to all ranks anyway; a
 * counter would have to be atomic. */
bool rsmi_epoch_has_locks(const rsmi_window_t *window);

/* Hand an error class to the window's handler; returns it. */
int rsmi_window_fail(rsmi_window_t *window, int error) RSMI_COLD;

/* What a call returns: an error goes to the handler first. */
static inline int rsmi_window_finish(rsmi_window_t *window, int error)
{
    return rsmi_likely(error == MPI_SUCCESS) ? MPI_SUCCESS
                                             : rsmi_window_fail(window, error);
}

/* --- creation (shim_create.c) ---------------------------------------------- */

/* What a window is made of, in this process. */
typedef struct {
    MPI_Comm comm;
    MPI_Info info;
    int flavor;
    int disp_unit;
    void *base; /* NULL in a shared window, where the ranks find out */
    MPI_Aint bytes;
    void *exported; /* what others are to see, NULL: nothing */
    size_t exported_size;
    const MPI_Aint *offsets; /* shared: of each rank in rank 0's pages */
    bool is_apart;           /* shared: each part on pages of its own */
    void *allocated;         /* passes to the window on success */
    size_t allocated_size;
    int rc; /* RSM result so far */
} rsmi_recipe_t;

/* Collective. MPI_SUCCESS and a window, or MPI_SUCCESS and NULL: it is for the
 * MPI library to serve, at every rank. An error has been told to the
 * communicator's handler. */
int rsmi_window_create(const rsmi_recipe_t *recipe, rsmi_window_t **window_p);

/* The end of a creation without a window, because of an error of the MPI library
 * or else of an RSM result, and what to return. */
int rsmi_window_refuse(const rsmi_recipe_t *recipe, int error, int rc);

/* Collective. The same answer at every rank, the highest RSM result of any:
 * whatever goes wrong at one of them, the others do not wait for it. */
int rsmi_window_agree(MPI_Comm comm, int rc, int *rc_p);

/* Whether there is anything to decide; what the MPI library has to complain
 * about is left to it. @p win: for the handle. */
bool rsmi_window_is_candidate(const rsmi_recipe_t *recipe, const MPI_Win *win);

/* For RSM_INFO; rank 0 says it. */
void rsmi_window_report(const rsmi_recipe_t *recipe, const char *verdict);

/* Collective; the handle is gone afterwards, unless an error is returned, which
 * has been told to the window's handler. */
int rsmi_window_destroy(rsmi_window_t *window);

/* --- objects (shim_window.c) ----------------------------------------------- */

/* Into the table under the carrier's handle, until that is freed; false: no
 * memory. To take it out when it is not in there does no harm. */
bool rsmi_window_list(rsmi_window_t *window, MPI_Win carrier);
void rsmi_window_unlist(rsmi_window_t *window);

/* Their memory keeps its type, so that late readers do no harm. */
rsmi_window_t *rsmi_window_new(int size);
void rsmi_window_delete(rsmi_window_t *window);

#endif
