/* SPDX-License-Identifier: BSD-3-Clause */
/* The event counter behind a segment's signals and poll descriptor. Posts and
 * waits go through an eventfd once somebody waits; before that they are
 * counted in memory, so that a segment that never waits costs no descriptor. */
#ifndef RSMI_EVENT_H
#define RSMI_EVENT_H

#include "util/clock.h"
#include "util/lock.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    rsmi_lock_t lock;
    int counter;    /* eventfd in semaphore mode, -1 until needed */
    int descriptor; /* epoll around it, what programs poll; -1 until asked for */
    uint64_t pending RSMI_GUARDED_FIELD(lock); /* while there is no eventfd */
    _Atomic uint32_t poll_references;
    bool is_closed RSMI_GUARDED_FIELD(lock);
} rsmi_event_t;

void rsmi_event_init(rsmi_event_t *event);
void rsmi_event_clear(rsmi_event_t *event);

/* @p count events, and one more if none is pending and @p is_optional. */
void rsmi_event_post(rsmi_event_t *event, uint64_t count, bool is_optional);

/* Consume one. RSMERR_TIMEOUT; RSMERR_INTERRUPTED; RSMERR_BAD_SEG_HNDL when
 * the segment is closed meanwhile; RSMERR_INSUFFICIENT_RESOURCES without a
 * descriptor to wait on. */
int rsmi_event_wait(rsmi_event_t *event, rsmi_time_t deadline);

/* Consume one if there is one. */
bool rsmi_event_take(rsmi_event_t *event);

int rsmi_event_get_descriptor(rsmi_event_t *event, int *fd_p);
void rsmi_event_release_descriptor(rsmi_event_t *event);

/* Refused (RSMERR_POLLFD_IN_USE) while the descriptor is referenced;
 * otherwise every waiter returns and no descriptor is given out any more. */
int rsmi_event_close(rsmi_event_t *event);

/* poll(), where descriptors of segments count and consume events. Results as
 * rsm_intr_signal_wait_pollfd(3) documents them. */
int rsmi_event_poll(struct pollfd *fds, nfds_t count, rsmi_time_t deadline,
                    int *ready_p);

#endif
