/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/event.h"

#include "rsmapi.h"
#include "util/hash.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Descriptors given to the application, by number. */
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
    event->counter = -1;
    event->descriptor = -1;
    event->pending = 0;
    event->poll_references = 0;
    event->is_closed = false;
}

void rsmi_event_clear(rsmi_event_t *event)
{
    if (event->descriptor >= 0) {
        (void)close(event->descriptor);
    }
    if (event->counter >= 0) {
        (void)close(event->counter);
    }
    rsmi_lock_destroy(&event->lock);
}

static void event_add(rsmi_event_t *event, uint64_t count)
    RSMI_REQUIRES(event->lock)
{
    if (event->counter < 0) {
        event->pending += count;
    } else if (write(event->counter, &count, sizeof(count)) !=
               sizeof(count)) {
        rsmi_warn("core", "an event was lost: %s", strerror(errno));
    }
}

static bool event_is_pending(const rsmi_event_t *event)
    RSMI_REQUIRES(event->lock)
{
    struct pollfd look = { .fd = event->counter, .events = POLLIN };

    if (event->counter < 0) {
        return event->pending > 0;
    }
    return poll(&look, 1, 0) > 0;
}

void rsmi_event_post(rsmi_event_t *event, uint64_t count, bool is_optional)
{
    rsmi_lock(&event->lock);
    if (count > 0) {
        event_add(event, count);
    }
    if (is_optional && !event_is_pending(event)) {
        event_add(event, 1);
    }
    rsmi_unlock(&event->lock);
}

/* From now on the kernel counts. */
static int event_need_counter(rsmi_event_t *event) RSMI_REQUIRES(event->lock)
{
    int fd;

    if (event->counter >= 0) {
        return RSM_SUCCESS;
    }
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (fd < 0) {
        rsmi_warn("core", "eventfd: %s", strerror(errno));
        return (errno == ENOMEM) ? RSMERR_INSUFFICIENT_MEM
                                 : RSMERR_INSUFFICIENT_RESOURCES;
    }
    event->counter = fd;
    if (event->pending > 0) {
        event_add(event, event->pending);
        event->pending = 0;
    }
    return RSM_SUCCESS;
}

bool rsmi_event_take(rsmi_event_t *event)
{
    uint64_t one;
    bool is_taken;

    rsmi_lock(&event->lock);
    if (event->counter >= 0) {
        is_taken = read(event->counter, &one, sizeof(one)) == sizeof(one);
    } else {
        is_taken = event->pending > 0;
        event->pending -= is_taken ? 1 : 0;
    }
    rsmi_unlock(&event->lock);
    return is_taken;
}

static int event_prepare_wait(rsmi_event_t *event, int *fd_p)
{
    int rc;

    rsmi_lock(&event->lock);
    rc = event->is_closed ? RSMERR_BAD_SEG_HNDL : event_need_counter(event);
    *fd_p = event->counter;
    rsmi_unlock(&event->lock);
    return rc;
}

int rsmi_event_wait(rsmi_event_t *event, rsmi_time_t deadline)
{
    struct pollfd wait = { .events = POLLIN };
    int left, rc;

    while (!rsmi_event_take(event)) {
        rc = event_prepare_wait(event, &wait.fd);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        left = (deadline == RSMI_NEVER)
                   ? -1
                   : rsmi_deadline_left_ms(deadline, 3600000);
        if ((poll(&wait, 1, left) < 0) && (errno == EINTR)) {
            return RSMERR_INTERRUPTED;
        }
        if (rsmi_deadline_passed(deadline)) {
            return rsmi_event_take(event) ? RSM_SUCCESS : RSMERR_TIMEOUT;
        }
    }

    /* What close() writes to wake everybody is no event. */
    rsmi_lock(&event->lock);
    rc = event->is_closed ? RSMERR_BAD_SEG_HNDL : RSM_SUCCESS;
    rsmi_unlock(&event->lock);
    return rc;
}

/* An eventfd never reports POLLRDNORM; an epoll descriptor does, and cannot
 * be drained by reading it. */
static int event_make_descriptor(rsmi_event_t *event)
    RSMI_REQUIRES(event->lock)
{
    struct epoll_event interest = { .events = EPOLLIN };
    event_entry_t *entry;
    bool is_known;
    int fd;

    entry = malloc(sizeof(*entry));
    if (entry == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    fd = epoll_create1(EPOLL_CLOEXEC);
    if ((fd < 0) ||
        (epoll_ctl(fd, EPOLL_CTL_ADD, event->counter, &interest) != 0)) {
        rsmi_warn("core", "making a poll descriptor: %s", strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        free(entry);
        return RSMERR_INSUFFICIENT_MEM;
    }
    entry->fd = fd;
    entry->event = event;
    rsmi_lock(&event_table_lock);
    HASH_ADD_INT(event_table, fd, entry);
    is_known = entry->hh.tbl != NULL;
    rsmi_unlock(&event_table_lock);
    if (!is_known) {
        (void)close(fd);
        free(entry);
        return RSMERR_INSUFFICIENT_MEM;
    }
    event->descriptor = fd;
    return RSM_SUCCESS;
}

int rsmi_event_get_descriptor(rsmi_event_t *event, int *fd_p)
{
    int rc;

    rsmi_lock(&event->lock);
    rc = event->is_closed ? RSMERR_BAD_SEG_HNDL : event_need_counter(event);
    if ((rc == RSM_SUCCESS) && (event->descriptor < 0)) {
        rc = event_make_descriptor(event);
    }
    if (rc == RSM_SUCCESS) {
        ++event->poll_references;
        *fd_p = event->descriptor;
    } else if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        rc = RSMERR_INSUFFICIENT_MEM; /* the one the manual page names */
    }
    rsmi_unlock(&event->lock);
    return rc;
}

/* Without a reference the number is an ordinary descriptor to
 * rsmi_event_poll(). */
void rsmi_event_release_descriptor(rsmi_event_t *event)
{
    rsmi_lock(&event->lock);
    if (event->poll_references > 0) {
        --event->poll_references;
    }
    rsmi_unlock(&event->lock);
}

int rsmi_event_close(rsmi_event_t *event)
{
    const uint64_t everybody = UINT32_MAX;
    event_entry_t *entry;

    rsmi_lock(&event->lock);
    if (event->poll_references > 0) {
        rsmi_unlock(&event->lock);
        return RSMERR_POLLFD_IN_USE;
    }
    event->is_closed = true;
    event_add(event, everybody);
    if (event->descriptor >= 0) {
        rsmi_lock(&event_table_lock);
        HASH_FIND_INT(event_table, &event->descriptor, entry);
        if (entry != NULL) {
            HASH_DEL(event_table, entry);
            free(entry);
        }
        rsmi_unlock(&event_table_lock);
    }
    rsmi_unlock(&event->lock);
    return RSM_SUCCESS;
}

/* Whether @p fd stands for a segment; if so one event is consumed, and it is
 * told whether there was one. A referenced descriptor cannot be closed under
 * us (RSMERR_POLLFD_IN_USE); the table's lock covers one that is being
 * released at this moment. */
static bool event_consume(int fd, bool *had_one_p)
{
    event_entry_t *entry;
    bool is_event = false;

    rsmi_lock(&event_table_lock);
    HASH_FIND_INT(event_table, &fd, entry);
    if ((entry != NULL) && (entry->event->poll_references > 0)) {
        uint64_t one;

        is_event = true;
        *had_one_p = read(entry->event->counter, &one, sizeof(one)) ==
                     sizeof(one);
    }
    rsmi_unlock(&event_table_lock);
    return is_event;
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
    int left, got;

    for (;;) {
        left = (deadline == RSMI_NEVER)
                   ? -1
                   : rsmi_deadline_left_ms(deadline, 3600000);
        got = poll(fds, count, left);
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
