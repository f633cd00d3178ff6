/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/guard.h"

#include "util/lock.h"
#include "util/log.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A section that lasts longer than this is one that a signal handler left by
 * a long jump. */
#define GUARD_PATIENCE_MS 10000

_Thread_local rsmi_guard_reader_t rsmi_guard_self;

static rsmi_lock_t guard_lock = RSMI_LOCK_INIT;
static rsmi_guard_reader_t *guard_readers RSMI_GUARDED_BY(guard_lock);
static pthread_key_t guard_key;
bool rsmi_guard_has_membarrier;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

static long guard_membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

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
    self->is_settled = false;
    rsmi_unlock(&guard_lock);
}

static void guard_setup(void)
{
    (void)pthread_key_create(&guard_key, guard_part);
    rsmi_guard_has_membarrier =
        guard_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void rsmi_guard_open(void)
{
    (void)pthread_once(&guard_once, guard_setup);
}

RSMI_COLD void rsmi_guard_join(rsmi_guard_reader_t *self)
{
    if (self->is_listed) {
        atomic_thread_fence(memory_order_seq_cst);
        return;
    }
    rsmi_guard_open();
    rsmi_lock(&guard_lock);
    self->prev = NULL;
    self->next = guard_readers;
    if (guard_readers != NULL) {
        guard_readers->prev = self;
    }
    guard_readers = self;
    self->is_listed = true;
    self->is_settled = rsmi_guard_has_membarrier;
    rsmi_unlock(&guard_lock);
    (void)pthread_setspecific(guard_key, self);
}

static bool guard_wait_for(const rsmi_guard_reader_t *reader,
                           rsmi_time_t deadline)
{
    const struct timespec pause = {0, 50000};
    uint64_t section;
    unsigned round = 0;

    section = atomic_load_explicit(&reader->section, memory_order_acquire);
    if ((section & 1) == 0) {
        return true;
    }
    while (atomic_load_explicit(&reader->section, memory_order_acquire) ==
           section) {
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
bool rsmi_guard_wait(void)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(GUARD_PATIENCE_MS);
    rsmi_guard_reader_t *reader;
    bool is_over = true;

    rsmi_lock(&guard_lock);
    if (rsmi_guard_has_membarrier) {
        (void)guard_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    atomic_thread_fence(memory_order_seq_cst);
    for (reader = guard_readers; reader != NULL; reader = reader->next) {
        if ((reader != &rsmi_guard_self) && !guard_wait_for(reader, deadline)) {
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
