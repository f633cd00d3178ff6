/* SPDX-License-Identifier: BSD-3-Clause */
/* Grace periods. A thread that looks at an object found through a handle says
 * in a line of its own which handle that is, for as long as it looks: a
 * section. Who takes an object out of the handle table waits until nobody says
 * its handle any more, and may free it.
 *
 * Entering and leaving are plain stores to that line. The one who waits makes
 * those stores visible by membarrier(2), so that the frequent side pays nothing
 * for the rare one. Sections are short: nobody waits for another process
 * inside one. */
#ifndef RSMI_GUARD_H
#define RSMI_GUARD_H

#include "util/clock.h"
#include "util/compiler.h"
#include "util/lock.h"
#include "util/membarrier.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct rsmi_guard_reader {
    _Atomic uint64_t handle; /* that is being looked at; 0: none */
    _Atomic uint32_t limit;  /* of the table, as far as it may be looked at
                              * without joining */
    bool is_listed;
    _Atomic uint64_t sections; /* begun by rsmi_guard_enter() */
    struct rsmi_guard_reader *next;
    struct rsmi_guard_reader *prev;
} RSMI_ALIGNED rsmi_guard_reader_t;

extern _Thread_local rsmi_guard_reader_t rsmi_guard_self RSMI_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* Bytes of the handle table that exist. */
extern _Atomic uint32_t rsmi_guard_limit RSMI_HIDDEN;

/* Found out when the library starts; threads on the list keep to it. */
extern bool rsmi_guard_has_membarrier;

void rsmi_guard_open(void);

/* The table has grown, or (0) nobody is to look at it any more. */
void rsmi_guard_set_limit(uint32_t limit);

/* Puts the thread on the list of readers and tells it how long the table is;
 * where the kernel offers no membarrier(2), fences instead, each time. */
void rsmi_guard_join(rsmi_guard_reader_t *self);

/* The first half of entering a section. The caller looks at nothing beyond
 * self->limit, so a thread that has not joined looks at none; otherwise it
 * leaves, and enters again by rsmi_guard_enter(). */
RSMI_INLINE void rsmi_guard_announce(rsmi_guard_reader_t *self,
                                     const void *handle)
{
    RSMI_MEMBARRIER_STORE(&self->handle, (uintptr_t)handle);
}

RSMI_INLINE void rsmi_guard_retreat(rsmi_guard_reader_t *self)
{
    /* Partner: the acquiring load in rsmi_guard_wait(). */
    atomic_store_explicit(&self->handle, 0, memory_order_release);
}

/* The same, and which handle the section was about. */
RSMI_INLINE void *rsmi_guard_retreat_from(rsmi_guard_reader_t *self)
{
    uint64_t handle = atomic_load_explicit(&self->handle, memory_order_relaxed);

    rsmi_guard_retreat(self);
    return (void *)(uintptr_t)handle;
}

RSMI_INLINE void rsmi_guard_enter(const void *handle)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    uint64_t sections;
    uint32_t limit;

    /* Counted, so that nobody waits for a thread that comes back to the same
     * dead handle again and again, or that left a section by a long jump. */
    sections = atomic_load_explicit(&self->sections, memory_order_relaxed);
    atomic_store_explicit(&self->sections, sections + 1, memory_order_release);
    rsmi_guard_announce(self, handle);
    limit = atomic_load_explicit(&self->limit, memory_order_relaxed);
    /* Only now: who waits either finds the thread on the list saying its
     * handle, or had taken the object away before the list was locked here. */
    if (rsmi_unlikely((limit == 0) ||
                      (limit != atomic_load_explicit(&rsmi_guard_limit,
                                                     memory_order_relaxed)))) {
        rsmi_guard_join(self);
    }
}

RSMI_INLINE void rsmi_guard_leave(void)
{
    rsmi_guard_retreat(&rsmi_guard_self);
}

/* Every section open now that looks at @p handle has ended, or so long a time
 * has passed that the caller had better leave the object where it is (false).
 * Not inside one. */
bool rsmi_guard_wait(const void *handle);

/* In the child of a fork only the calling thread is left. */
void rsmi_guard_forked(void) RSMI_NO_ANALYSIS;

#endif
