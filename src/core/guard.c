/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/guard.h"

#include "util/lock.h"
#include "util/log.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>

/* A section that lasts longer than this is one that a signal handler left by
 * a long jump. */
#define GUARD_PATIENCE_MS 10000

_Thread_local rsmi_guard_reader_t rsmi_guard_self;
_Atomic uint32_t rsmi_guard_limit;

static rsmi_lock_t guard_lock = RSMI_LOCK_INIT;
static rsmi_guard_reader_t *guard_readers RSMI_GUARDED_BY(guard_lock);
static pthread_key_t guard_key;
bool rsmi_guard_has_membarrier;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

/* Runs when a thread ends; it may enter again from later destructors, and is
 * then put on the list and taken off once more. */
static void guard_part(void *arg)
{
    rsmi_guard_reader_t *self = arg;

    rsmi_lock(&guard_lock);
    if (self->prev != NULL) {
        self->prev->next = self->next;
    } else {
        guard_readers = self->next;
    }
    if (self->next != NULL) {
        self->next->prev = self->prev;
    }
    self->is_listed = false;
    atomic_store_explicit(&self->limit, 0, memory_order_relaxed);
    rsmi_unlock(&guard_lock);
}

static void guard_setup(void)
{
    (void)pthread_key_create(&guard_key, guard_part);
    rsmi_guard_has_membarrier = rsmi_membarrier_open();
}

void rsmi_guard_open(void)
{
    (void)pthread_once(&guard_once, guard_setup);
}

static void guard_list(rsmi_guard_reader_t *self) RSMI_REQUIRES(guard_lock)
{
    self->prev = NULL;
    self->next = guard_readers;
    if (guard_readers != NULL) {
        guard_readers->prev = self;
    }
    guard_readers = self;
    self->is_listed = true;
    (void)pthread_setspecific(guard_key, self);
}

static bool guard_is_settled(const rsmi_guard_reader_t *self)
{
    return self->is_listed &&
           (!rsmi_guard_has_membarrier ||
            (atomic_load_explicit(&self->limit, memory_order_relaxed) ==
             atomic_load_explicit(&rsmi_guard_limit, memory_order_relaxed)));
}

/* Who holds the lock may be waiting for this thread, which therefore says
 * nothing while it waits for the lock, and says it again afterwards. */
RSMI_COLD void rsmi_guard_join(rsmi_guard_reader_t *self)
{
    uint64_t handle = atomic_load_explicit(&self->handle, memory_order_relaxed);

    if (!guard_is_settled(self)) {
        rsmi_guard_open();
        rsmi_guard_retreat(self);
        rsmi_lock(&guard_lock);
        if (!self->is_listed) {
            guard_list(self);
        }
        if (rsmi_guard_has_membarrier) {
            atomic_store_explicit(
                &self->limit,
                atomic_load_explicit(&rsmi_guard_limit, memory_order_acquire),
                memory_order_relaxed);
        }
        rsmi_unlock(&guard_lock);
        rsmi_guard_announce(self, (const void *)(uintptr_t)handle);
    }
    atomic_thread_fence(memory_order_seq_cst);
}

/* Threads see that the table has grown when they meet a slot beyond what they
 * know; that it is closed they have to be told. */
void rsmi_guard_set_limit(uint32_t limit)
{
    rsmi_guard_reader_t *reader;

    rsmi_lock(&guard_lock);
    /* Partner: the acquiring load in rsmi_guard_join(): the slots are there. */
    atomic_store_explicit(&rsmi_guard_limit, limit, memory_order_release);
    if (limit == 0) {
        for (reader = guard_readers; reader != NULL; reader = reader->next) {
            atomic_store_explicit(&reader->limit, 0, memory_order_relaxed);
        }
    }
    rsmi_unlock(&guard_lock);
}

/* The thread says the handle, in the section that it was found in. */
static bool guard_is_inside(const rsmi_guard_reader_t *reader,
                            uint64_t sections, uint64_t handle)
{
    return (atomic_load_explicit(&reader->handle, memory_order_acquire) ==
            handle) &&
           (atomic_load_explicit(&reader->sections, memory_order_acquire) ==
            sections);
}

static bool guard_wait_for(const rsmi_guard_reader_t *reader, uint64_t handle,
                           rsmi_time_t deadline)
{
    const struct timespec pause = {0, 50000};
    uint64_t sections;
    unsigned round = 0;

    sections = atomic_load_explicit(&reader->sections, memory_order_acquire);
    while (guard_is_inside(reader, sections, handle)) {
        if (rsmi_deadline_passed(deadline)) {
            return false;
        }
        if (++round < 100) {
            (void)sched_yield();
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
    return true;
}

/* The lock keeps readers from leaving the list, so threads that end wait for
 * us; new ones cannot know the object any more. */
bool rsmi_guard_wait(const void *handle)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(GUARD_PATIENCE_MS);
    rsmi_guard_reader_t *reader;
    bool is_over = true;

    rsmi_lock(&guard_lock);
    if (rsmi_guard_has_membarrier) {
        rsmi_membarrier();
    }
    atomic_thread_fence(memory_order_seq_cst);
    for (reader = guard_readers; reader != NULL; reader = reader->next) {
        if ((reader != &rsmi_guard_self) &&
            !guard_wait_for(reader, (uintptr_t)handle, deadline)) {
            is_over = false;
            break;
        }
    }
    rsmi_unlock(&guard_lock);
    if (!is_over) {
        rsmi_warn("core",
                  "a thread has not left the library for %d ms; an "
                  "object is kept",
                  GUARD_PATIENCE_MS);
    }
    return is_over;
}

void rsmi_guard_forked(void)
{
    rsmi_lock_init(&guard_lock);
    guard_readers = NULL;
    memset(&rsmi_guard_self, 0, sizeof(rsmi_guard_self));
}
