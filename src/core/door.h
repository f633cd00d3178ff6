/* SPDX-License-Identifier: BSD-3-Clause */
/* The door of an import: all that an access to mapped pages has to know, in
 * one cache line that is written hardly ever. What makes an access special (no
 * permission, a mapped window, no barrier yet, no pages to look at) closes the
 * door: its size is zero, and the access takes the long way, which finds out
 * what to say. So one comparison stands for all of these. */
#ifndef RSMI_DOOR_H
#define RSMI_DOOR_H

#include "ctrl/life.h"
#include "util/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes of open doors are multiples of this: an aligned word that begins
 * inside ends inside. */
#define RSMI_DOOR_GRAIN 64

typedef struct {
    char *view; /* the exporter's pages; NULL where UCX does the access */
    _Atomic size_t get_size; /* bytes in reach; 0: take the long way */
    _Atomic size_t put_size;
    _Atomic size_t atomic_size;
    _Atomic(const rsmi_life_generation_t *) generation_at;
    uint64_t generation;
    const rsmi_life_word_t *life;
    _Atomic uint32_t mode; /* rsm_barrier_mode_t */
    bool is_far;           /* UCX does the access */
    bool is_done;          /* an access has come to its end when it returns:
                            * it was this processor that copied */
} RSMI_ALIGNED rsmi_door_t;

/* What handles of other kinds lead to. */
extern const rsmi_door_t rsmi_door_closed RSMI_HIDDEN;

/* The exporter lives and the publication has not ended. Loads before it come
 * before it; stores are ordered by rsmi_door_fence(). */
RSMI_INLINE bool rsmi_door_stands(const rsmi_door_t *door)
{
    const rsmi_life_generation_t *at;

    atomic_thread_fence(memory_order_acquire);
    at = atomic_load_explicit(&door->generation_at, memory_order_relaxed);
    return rsmi_likely(atomic_load_explicit(at, memory_order_acquire) ==
                       door->generation) &&
           rsmi_likely(rsmi_life_is_alive(door->life));
}

/* Every store so far is visible before anything that follows is looked at.
 * Partner: rsmi_life_end_slot() of the exporter. */
RSMI_INLINE void rsmi_door_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

#endif
