/* SPDX-License-Identifier: BSD-3-Clause */
/* The event counter behind a segment's signals and poll descriptor. Events are
 * counted by a bell, which those who wait sleep on; once somebody asks for a
 * descriptor, a pipe holds one byte as long as the counter is not zero. A pipe,
 * because its reading end is what programs poll: of the descriptors that come
 * into question it alone reports POLLRDNORM *and* wakes who waits for just that
 * (an eventfd does neither, an epoll descriptor only the former). */
#ifndef RSMI_EVENT_H
#define RSMI_EVENT_H

#include "ctrl/bell.h"
#include "util/clock.h"
#include "util/lock.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    rsmi_bell_t *bell;
    uint32_t slot;   /* of the bell; RSMI_BELL_NONE: it is our own */
    rsmi_bell_t own; /* where there is none to share */
    rsmi_lock_t lock;
    int pipe[2] RSMI_GUARDED_FIELD(lock); /* -1 until needed */
    uint32_t poll_references RSMI_GUARDED_FIELD(lock);
    bool is_raised RSMI_GUARDED_FIELD(lock); /* there is a byte in the pipe */
    bool is_listed RSMI_GUARDED_FIELD(lock); /* the descriptor is known */
    bool is_closed RSMI_GUARDED_FIELD(lock);
} rsmi_event_t;

void rsmi_event_init(rsmi_event_t *event);
void rsmi_event_clear(rsmi_event_t *event);

/* @p count events, and one more if none is pending and @p is_optional. */
void rsmi_event_post(rsmi_event_t *event, uint64_t count, bool is_optional);

/* Somebody has counted for himself: the descriptor has to follow. */
void rsmi_event_nudge(rsmi_event_t *event);

/* Consume one. RSMERR_TIMEOUT; RSMERR_INTERRUPTED; RSMERR_BAD_SEG_HNDL when
 * the segment is closed meanwhile. */
int rsmi_event_wait(rsmi_event_t *event, rsmi_time_t deadline);

/* RSMERR_INSUFFICIENT_MEM, RSMERR_BAD_SEG_HNDL. */
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
