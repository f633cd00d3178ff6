/* SPDX-License-Identifier: BSD-3-Clause */
/* Grace periods. A thread that looks at objects found through a handle does so
 * inside a section; who takes an object out of the handle table waits until
 * every section that was open then has ended, and may free it.
 *
 * Entering and leaving write one line that belongs to the thread, with plain
 * stores. The one who waits makes those stores visible by membarrier(2), so
 * that the frequent side pays nothing for the rare one. Sections are short:
 * nobody waits for another process inside one. */
#ifndef RSMI_GUARD_H
#define RSMI_GUARD_H

#include "util/clock.h"
#include "util/compiler.h"
#include "util/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define RSMI_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RSMI_THREAD_SANITIZER 1
#endif
#endif

typedef struct rsmi_guard_reader {
    _Atomic uint64_t section; /* odd: inside one */
    bool is_settled;          /* on the list, and plain stores are enough */
    bool is_listed;
    struct rsmi_guard_reader *next;
    struct rsmi_guard_reader *prev;
} RSMI_ALIGNED rsmi_guard_reader_t;

extern _Thread_local rsmi_guard_reader_t rsmi_guard_self
    __attribute__((tls_model("initial-exec")));

/* Found out when the library starts; threads on the list keep to it. */
extern bool rsmi_guard_has_membarrier;

void rsmi_guard_open(void);

/* Puts the thread on the list of readers; where the kernel offers no
 * membarrier(2), fences in its place each time. */
void rsmi_guard_join(rsmi_guard_reader_t *self);

RSMI_INLINE void rsmi_guard_enter(void)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    uint64_t section;

    section = atomic_load_explicit(&self->section, memory_order_relaxed);

    /* Odd, and different from before even if the last section was left by a
     * long jump. */
    section = (section + 1) | 1;
#ifdef RSMI_THREAD_SANITIZER
    (void)atomic_exchange_explicit(&self->section, section,
                                   memory_order_seq_cst);
#else
    atomic_store_explicit(&self->section, section, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
#endif
    /* Only now: who waits either finds the thread on the list with this
     * section open, or had taken its object away before the list was locked
     * here. */
    if (rsmi_unlikely(!self->is_settled)) {
        rsmi_guard_join(self);
    }
}

RSMI_INLINE void rsmi_guard_leave(void)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    uint64_t section;

    section = atomic_load_explicit(&self->section, memory_order_relaxed);
    /* Partner: the acquiring load in rsmi_guard_wait(). */
    atomic_store_explicit(&self->section, section + 1, memory_order_release);
}

/* Every section open now has ended, or so long a time has passed that the
 * caller had better leave the object where it is (false). Not inside one. */
bool rsmi_guard_wait(void);

/* In the child of a fork only the calling thread is left. */
void rsmi_guard_forked(void) RSMI_NO_ANALYSIS;

#endif
