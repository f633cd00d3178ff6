/* SPDX-License-Identifier: BSD-3-Clause */
/* What a rank has found of the memory that a target attached to a dynamic
 * window. */
#ifndef RSMI_SHIM_VIEW_H
#define RSMI_SHIM_VIEW_H

#include "shim_remote.h"

/* A segment of the target: mapped here, or reached by calls. */
typedef struct {
    uint64_t serial;
    rsm_memseg_import_handle_t import;
    char *mapping;
    rsmi_target_t *far; /* NULL: mapped */
} rsmi_view_pages_t;

/* Where mapped memory was found last. Threads read it while another one may be
 * writing: what they read counts if the turn is even and has stayed the same. */
typedef struct {
    _Atomic uint64_t turn;
    _Atomic uint64_t version;
    _Atomic uint64_t addr;
    _Atomic uint64_t size; /* 0: nowhere */
    _Atomic intptr_t shift;
} rsmi_view_hit_t;

typedef struct rsmi_view {
    rsmi_view_hit_t hit;
    pthread_mutex_t lock; /* guards the rest, and writing to the hit */
    uint64_t version;     /* of the target's list when the last one was found */
    rsmi_region_t last;
    intptr_t last_shift;
    rsmi_target_t *last_far;
    rsm_memseg_import_handle_t last_import;
    char *last_mapping;        /* of that import, NULL: not mapped */
    rsmi_target_t list_target; /* the connection that leads to the list */
    uint32_t list_segment;
    const rsmi_region_t *list;
    rsmi_region_t *copy;      /* the list, where it is not mapped */
    size_t copy_count;        /* 0: none that is whole */
    rsmi_view_pages_t *pages; /* by serial */
    size_t count;
    size_t room;
} rsmi_view_t;

/* Whether that is where [from, to) is, and how far from there it is here. */
static inline bool rsmi_view_hits(const rsmi_view_hit_t *hit,
                                  const rsmi_control_t *control, uint64_t from,
                                  uint64_t to, intptr_t *shift_p)
{
    uint64_t turn = atomic_load_explicit(&hit->turn, memory_order_acquire);
    uint64_t version =
        atomic_load_explicit(&hit->version, memory_order_acquire);
    uint64_t addr = atomic_load_explicit(&hit->addr, memory_order_acquire);
    uint64_t size = atomic_load_explicit(&hit->size, memory_order_acquire);

    *shift_p = atomic_load_explicit(&hit->shift, memory_order_acquire);
    return (turn % 2 == 0) &&
           (turn == atomic_load_explicit(&hit->turn, memory_order_relaxed)) &&
           (from - addr < size) && (to - addr <= size) &&
           (version ==
            atomic_load_explicit(&control->version, memory_order_acquire));
}

/* What the target says about its list. */
typedef struct {
    uint64_t version;
    uint64_t count;
    uint64_t list_size;
    uint32_t list_segment;
} rsmi_view_state_t;

int rsmi_view_look(const rsmi_target_t *target, rsmi_view_state_t *state_p);

/* Leaves in the view the region that the byte at @p at lies in,
 * MPI_ERR_RMA_RANGE when there is none. The view's lock is held. */
int rsmi_view_find(rsmi_view_t *view, const rsmi_window_t *window, int rank,
                   uint64_t at);

void rsmi_view_forget_list(rsmi_view_t *view);

#endif
