/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/event.h"

#include "rsmapi.h"
#include "util/hash.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Descriptors given to the application, by number. The table's lock comes
 * before that of an event. */
typedef struct {
    int fd;
    rsmi_event_t *event;
    UT_hash_handle hh;
} event_entry_t;

static rsmi_lock_t event_table_lock = RSMI_LOCK_INIT;
static event_entry_t *event_table RSMI_GUARDED_BY(event_table_lock);

void rsmi_event_init(rsmi_event_t *event)
{
    memset(&event->own, 0, sizeof(event->own));
    event->bell = rsmi_bell_take(&event->own, &event->slot);
    rsmi_lock_init(&event->lock);
    event->pipe[0] = -1;
    event->pipe[1] = -1;
    event->poll_references = 0;
    event->is_raised = false;
    event->is_listed = false;
    event->is_closed = false;
}

void rsmi_event_clear(rsmi_event_t *event)
{
    rsmi_bell_close(event->bell);
    rsmi_bell_give(event->slot);
    if (event->pipe[0] >= 0) {
        (void)close(event->pipe[0]);
        (void)close(event->pipe[1]);
    }
    rsmi_lock_destroy(&event->lock);
}

/* --- counting -------------------------------------------------------------- */

/* The pipe says what the bell says. Whoever changes the count makes it so
 * afterwards, so that the last one to come here has seen the last change. */
static void event_follow(rsmi_event_t *event) RSMI_REQUIRES(event->lock)
{
    bool has_events = rsmi_bell_count(event->bell) > 0;
    char byte;

    if ((event->pipe[0] < 0) || (event->is_raised == has_events)) {
        return;
    }
    if (has_events && (write(event->pipe[1], "", 1) != 1)) {
        rsmi_warn("core", "waking for an event: %s", strerror(errno));
    }
    if (!has_events && (read(event->pipe[0], &byte, 1) != 1)) {
        rsmi_debug("core", "somebody else has read the poll descriptor");
    }
    event->is_raised = has_events;
}

void rsmi_event_nudge(rsmi_event_t *event)
{
    rsmi_lock(&event->lock);
    event_follow(event);
    rsmi_unlock(&event->lock);
}

void rsmi_event_post(rsmi_event_t *event, uint64_t count, bool is_optional)
{
    uint32_t generation = rsmi_bell_generation(event->bell);

    if (rsmi_bell_post(event->bell, generation, count, is_optional) ==
        RSMI_BELL_NUDGE) {
        rsmi_event_nudge(event);
    }
}

static bool event_take(rsmi_event_t *event)
{
    if (!rsmi_bell_try(event->bell)) {
        return false;
    }
    if (atomic_load(&event->bell->is_watched) != 0) {
        rsmi_event_nudge(event);
    }
    return true;
}

/* --- waiting --------------------------------------------------------------- */

static bool event_is_closed(rsmi_event_t *event)
{
    bool is_closed;

    rsmi_lock(&event->lock);
    is_closed = event->is_closed;
    rsmi_unlock(&event->lock);
    return is_closed;
}

int rsmi_event_wait(rsmi_event_t *event, rsmi_time_t deadline)
{
    int rc;

    while (!event_take(event)) {
        if (event_is_closed(event)) {
            return RSMERR_BAD_SEG_HNDL;
        }
        rc = rsmi_bell_sleep(event->bell, deadline);
        if (rc == RSMERR_TIMEOUT) {
            return event_take(event) ? RSM_SUCCESS : RSMERR_TIMEOUT;
        }
        if (rc != RSM_SUCCESS) {
            return rc;
        }
    }
    return RSM_SUCCESS;
}

/* --- poll descriptors ------------------------------------------------------ */

static int event_need_pipe(rsmi_event_t *event) RSMI_REQUIRES(event->lock)
{
    if (event->is_closed) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (event->pipe[0] >= 0) {
        return RSM_SUCCESS;
    }
    if (pipe2(event->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        rsmi_warn("core", "a pipe to wait for events: %s", strerror(errno));
        event->pipe[0] = -1;
        event->pipe[1] = -1;
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    return RSM_SUCCESS;
}

static int event_list(rsmi_event_t *event) RSMI_REQUIRES(event_table_lock)
    RSMI_REQUIRES(event->lock)
{
    event_entry_t *entry;

    entry = malloc(sizeof(*entry));
    if (entry == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    entry->fd = event->pipe[0];
    entry->event = event;
    HASH_ADD_INT(event_table, fd, entry);
    if (entry->hh.tbl == NULL) {
        free(entry);
        return RSMERR_INSUFFICIENT_MEM;
    }
    event->is_listed = true;
    return RSM_SUCCESS;
}

static void event_unlist(rsmi_event_t *event) RSMI_REQUIRES(event_table_lock)
    RSMI_REQUIRES(event->lock)
{
    event_entry_t *entry;

    if (event->is_listed) {
        HASH_FIND_INT(event_table, &event->pipe[0], entry);
        HASH_DEL(event_table, entry);
        free(entry);
        event->is_listed = false;
    }
}

int rsmi_event_get_descriptor(rsmi_event_t *event, int *fd_p)
{
    int rc;

    rsmi_lock(&event_table_lock);
    rsmi_lock(&event->lock);
    rc = event_need_pipe(event);
    if ((rc == RSM_SUCCESS) && !event->is_listed) {
        rc = event_list(event);
    }
    if (rc == RSM_SUCCESS) {
        ++event->poll_references;
        *fd_p = event->pipe[0];
        /* Partner: a post counts first and then looks whether it is watched. */
        atomic_store(&event->bell->is_watched, 1);
        event_follow(event);
    } else if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        rc = RSMERR_INSUFFICIENT_MEM; /* the one the manual page names */
    }
    rsmi_unlock(&event->lock);
    rsmi_unlock(&event_table_lock);
    return rc;
}

/* Without a reference the number is an ordinary descriptor to
 * rsmi_event_poll(). */
void rsmi_event_release_descriptor(rsmi_event_t *event)
{
    rsmi_lock(&event_table_lock);
    rsmi_lock(&event->lock);
    if ((event->poll_references > 0) && (--event->poll_references == 0)) {
        event_unlist(event);
        atomic_store(&event->bell->is_watched, 0);
    }
    rsmi_unlock(&event->lock);
    rsmi_unlock(&event_table_lock);
}

int rsmi_event_close(rsmi_event_t *event)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&event->lock);
    if (event->poll_references > 0) {
        rc = RSMERR_POLLFD_IN_USE;
    } else {
        event->is_closed = true;
        rsmi_bell_close(event->bell); /* every waiter returns */
        event_follow(event);
    }
    rsmi_unlock(&event->lock);
    return rc;
}

static int event_poll_ms(rsmi_time_t deadline)
{
    return (deadline == RSMI_NEVER) ? -1
                                    : rsmi_deadline_left_ms(deadline, 3600000);
}

/* Whether @p fd stands for a segment; if so one event is consumed, and it is
 * told whether there was one. */
static bool event_consume(int fd, bool *had_one_p)
{
    event_entry_t *entry;

    rsmi_lock(&event_table_lock);
    HASH_FIND_INT(event_table, &fd, entry);
    if (entry != NULL) {
        *had_one_p = event_take(entry->event);
    }
    rsmi_unlock(&event_table_lock);
    return entry != NULL;
}

static int event_count_ready(struct pollfd *fds, nfds_t count)
{
    bool had_one;
    int ready = 0;
    nfds_t idx;

    for (idx = 0; idx < count; ++idx) {
        if (fds[idx].revents == 0) {
            continue;
        }
        if (event_consume(fds[idx].fd, &had_one)) {
            fds[idx].revents = had_one ? POLLRDNORM : 0;
        }
        ready += (fds[idx].revents != 0) ? 1 : 0;
    }
    return ready;
}

static int event_poll_error(int error)
{
    switch (error) {
    case EFAULT:
        return RSMERR_BAD_ADDR;
    case EINTR:
        return RSMERR_INTERRUPTED;
    case ENOMEM:
        return RSMERR_INSUFFICIENT_MEM;
    case EAGAIN:
        return RSMERR_INSUFFICIENT_RESOURCES;
    default:
        return RSMERR_BAD_ARGS_ERRORS;
    }
}

int rsmi_event_poll(struct pollfd *fds, nfds_t count, rsmi_time_t deadline,
                    int *ready_p)
{
    int got;

    for (;;) {
        got = poll(fds, count, event_poll_ms(deadline));
        if (got < 0) {
            return event_poll_error(errno);
        }
        if (got > 0) {
            got = event_count_ready(fds, count);
            if (got > 0) {
                *ready_p = got;
                return RSM_SUCCESS;
            }
        }
        /* Another thread took the event: wait on, until time runs out. */
        if (rsmi_deadline_passed(deadline)) {
            return RSMERR_TIMEOUT;
        }
    }
}
