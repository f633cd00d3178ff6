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
    rsmi_lock_init(&event->lock);
    event->pipe[0] = -1;
    event->pipe[1] = -1;
    event->pending = 0;
    event->poll_references = 0;
    event->is_listed = false;
    event->is_closed = false;
}

void rsmi_event_clear(rsmi_event_t *event)
{
    if (event->pipe[0] >= 0) {
        (void)close(event->pipe[0]);
        (void)close(event->pipe[1]);
    }
    rsmi_lock_destroy(&event->lock);
}

/* --- counting -------------------------------------------------------------- */

static void event_raise(const rsmi_event_t *event)
{
    if ((event->pipe[1] >= 0) && (write(event->pipe[1], "", 1) != 1)) {
        rsmi_warn("core", "waking for an event: %s", strerror(errno));
    }
}

static void event_lower(const rsmi_event_t *event)
{
    char byte;

    if ((event->pipe[0] >= 0) && (read(event->pipe[0], &byte, 1) != 1)) {
        rsmi_debug("core", "somebody else has read the poll descriptor");
    }
}

static void event_add(rsmi_event_t *event, uint64_t count)
    RSMI_REQUIRES(event->lock)
{
    if ((event->pending == 0) && (count > 0)) {
        event_raise(event);
    }
    event->pending += count;
}

void rsmi_event_post(rsmi_event_t *event, uint64_t count, bool is_optional)
{
    rsmi_lock(&event->lock);
    event_add(event, count);
    if (is_optional && (event->pending == 0)) {
        event_add(event, 1);
    }
    rsmi_unlock(&event->lock);
}

static bool event_take(rsmi_event_t *event)
{
    bool is_taken;

    rsmi_lock(&event->lock);
    is_taken = (event->pending > 0) && !event->is_closed;
    if (is_taken && (--event->pending == 0)) {
        event_lower(event);
    }
    rsmi_unlock(&event->lock);
    return is_taken;
}

/* --- waiting --------------------------------------------------------------- */

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
    if (event->pending > 0) {
        event_raise(event);
    }
    return RSM_SUCCESS;
}

static int event_prepare_wait(rsmi_event_t *event, int *fd_p)
{
    int rc;

    rsmi_lock(&event->lock);
    rc = event_need_pipe(event);
    *fd_p = event->pipe[0];
    rsmi_unlock(&event->lock);
    return rc;
}

static int event_poll_ms(rsmi_time_t deadline)
{
    return (deadline == RSMI_NEVER) ? -1
                                    : rsmi_deadline_left_ms(deadline, 3600000);
}

int rsmi_event_wait(rsmi_event_t *event, rsmi_time_t deadline)
{
    struct pollfd wait = {.events = POLLIN};
    int rc;

    while (!event_take(event)) {
        rc = event_prepare_wait(event, &wait.fd);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        if ((poll(&wait, 1, event_poll_ms(deadline)) < 0) && (errno == EINTR)) {
            return RSMERR_INTERRUPTED;
        }
        if (rsmi_deadline_passed(deadline)) {
            return event_take(event) ? RSM_SUCCESS : RSMERR_TIMEOUT;
        }
    }
    return RSM_SUCCESS;
}

/* --- poll descriptors ------------------------------------------------------ */

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
        event_raise(event); /* for every waiter to see, for ever */
    }
    rsmi_unlock(&event->lock);
    return rc;
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
