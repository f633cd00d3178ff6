/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/frame.h"

#include "rsmapi.h"
#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void rsmi_frame_init(rsmi_wire_header_t *header, rsmi_wire_type_t type,
                     size_t size, uint32_t tag)
{
    header->magic = RSMI_WIRE_MAGIC;
    header->type = (uint32_t)type;
    header->size = (uint32_t)size;
    header->tag = tag;
}

static bool frame_header_is_good(const rsmi_wire_header_t *header, size_t most)
{
    return (header->magic == RSMI_WIRE_MAGIC) &&
           (header->size >= sizeof(*header)) && (header->size <= most);
}

/* How much of the message in the reader is still to come. */
static size_t frame_missing(const rsmi_frame_reader_t *reader)
{
    rsmi_wire_header_t header;

    if (reader->have < sizeof(header)) {
        return sizeof(header) - reader->have;
    }
    memcpy(&header, reader->bytes, sizeof(header));
    return header.size - reader->have;
}

/* There is room for one descriptor, so that the kernel keeps any others; the
 * last one counts. */
static ssize_t frame_read_passed(int fd, void *bytes, size_t size, int *passed)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {bytes, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_LEN(sizeof(int))};
    const struct cmsghdr *cmsg;
    ssize_t got;

    got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    cmsg = (got > 0) ? CMSG_FIRSTHDR(&message) : NULL;
    if ((cmsg != NULL) && (cmsg->cmsg_level == SOL_SOCKET) &&
        (cmsg->cmsg_type == SCM_RIGHTS) &&
        (cmsg->cmsg_len == CMSG_LEN(sizeof(int)))) {
        if (*passed >= 0) {
            (void)close(*passed);
        }
        memcpy(passed, CMSG_DATA(cmsg), sizeof(*passed));
    }
    return got;
}

rsmi_frame_state_t rsmi_frame_poll(int fd, rsmi_frame_reader_t *reader)
{
    return rsmi_frame_poll_passed(fd, reader, NULL);
}

rsmi_frame_state_t rsmi_frame_poll_passed(int fd, rsmi_frame_reader_t *reader,
                                          int *passed)
{
    rsmi_wire_header_t header;
    size_t missing;
    ssize_t got;

    while ((missing = frame_missing(reader)) > 0) {
        got =
            (passed == NULL)
                ? recv(fd, reader->bytes + reader->have, missing, MSG_DONTWAIT)
                : frame_read_passed(fd, reader->bytes + reader->have, missing,
                                    passed);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return (errno == EAGAIN) ? RSMI_FRAME_NONE : RSMI_FRAME_CLOSED;
        }
        if (got == 0) {
            return RSMI_FRAME_CLOSED;
        }
        reader->have += (size_t)got;
        if (reader->have >= sizeof(header)) {
            memcpy(&header, reader->bytes, sizeof(header));
            if (!frame_header_is_good(&header, sizeof(reader->bytes))) {
                return RSMI_FRAME_CLOSED;
            }
        }
    }
    reader->have = 0;
    return RSMI_FRAME_READY;
}

static ssize_t frame_write(int fd, const void *bytes, size_t size)
{
    ssize_t put;

    do {
        put = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while ((put < 0) && (errno == EINTR));
    return put;
}

static rsmi_send_state_t frame_send_rest(int fd, rsmi_frame_rest_t *rest)
{
    ssize_t put;

    if (rest->size == 0) {
        return RSMI_SEND_DONE;
    }
    put = frame_write(fd, rest->bytes, rest->size);
    if (put < 0) {
        return (errno == EAGAIN) ? RSMI_SEND_FULL : RSMI_SEND_BROKEN;
    }
    rest->size -= (size_t)put;
    memmove(rest->bytes, rest->bytes + put, rest->size);
    return (rest->size == 0) ? RSMI_SEND_DONE : RSMI_SEND_FULL;
}

rsmi_send_state_t rsmi_frame_try_send(int fd, rsmi_frame_rest_t *rest,
                                      const void *message, size_t size)
{
    rsmi_send_state_t state = frame_send_rest(fd, rest);
    ssize_t put;

    if ((state != RSMI_SEND_DONE) || (size == 0)) {
        return state;
    }
    put = frame_write(fd, message, size);
    if (put < 0) {
        return (errno == EAGAIN) ? RSMI_SEND_FULL : RSMI_SEND_BROKEN;
    }
    rest->size = size - (size_t)put;
    memcpy(rest->bytes, (const char *)message + put, rest->size);
    return RSMI_SEND_DONE;
}

rsmi_send_state_t rsmi_frame_answer(int fd, const struct iovec *parts,
                                    int part_count, const int *fds,
                                    size_t fd_count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * RSMI_WIRE_PIECES_MAX)];
    } control;
    struct msghdr message = {.msg_iov = (struct iovec *)parts,
                             .msg_iovlen = (size_t)part_count};
    struct cmsghdr *cmsg;
    size_t total = 0;
    ssize_t put;
    int idx;

    for (idx = 0; idx < part_count; ++idx) {
        total += parts[idx].iov_len;
    }
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        cmsg = CMSG_FIRSTHDR(&message);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
    }
    do {
        put = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while ((put < 0) && (errno == EINTR));

    if (put == (ssize_t)total) {
        return RSMI_SEND_DONE;
    }
    rsmi_debug("ctrl", "answer of %zu bytes not sent: %s", total,
               (put < 0) ? strerror(errno) : "cut short");
    return ((put < 0) && (errno != EPIPE) && (errno != ECONNRESET))
               ? RSMI_SEND_FULL
               : RSMI_SEND_BROKEN;
}

/* Waits for @p events. A signal handler ends the wait only where the caller
 * can start again, at the edge of a message. */
static int frame_wait(int fd, short events, bool can_interrupt,
                      rsmi_time_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int got;

    for (;;) {
        got = poll(&wait, 1, rsmi_deadline_left_ms(deadline, 60000));
        if (got > 0) {
            return RSM_SUCCESS;
        }
        if ((got < 0) && (errno == EINTR) && can_interrupt) {
            return RSMERR_INTERRUPTED;
        }
        if (rsmi_deadline_passed(deadline)) {
            return RSMERR_TIMEOUT;
        }
    }
}

int rsmi_frame_send(int fd, const void *message, size_t size,
                    rsmi_time_t deadline)
{
    size_t done = 0;
    ssize_t put;
    int rc;

    while (done < size) {
        put = frame_write(fd, (const char *)message + done, size - done);
        if (put >= 0) {
            done += (size_t)put;
            continue;
        }
        if (errno != EAGAIN) {
            return RSMERR_CONN_ABORTED;
        }
        rc = frame_wait(fd, POLLOUT, done == 0, deadline);
        if (rc != RSM_SUCCESS) {
            /* Half a message cannot be taken back. */
            return (done == 0) ? rc : RSMERR_CONN_ABORTED;
        }
    }
    return RSM_SUCCESS;
}

static int frame_take_fds(struct msghdr *message, rsmi_frame_t *frame)
{
    struct cmsghdr *cmsg;
    size_t count;
    int *grown;

    for (cmsg = CMSG_FIRSTHDR(message); cmsg != NULL;
         cmsg = CMSG_NXTHDR(message, cmsg)) {
        if ((cmsg->cmsg_level != SOL_SOCKET) ||
            (cmsg->cmsg_type != SCM_RIGHTS)) {
            continue;
        }
        count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        grown = realloc(frame->fds, (frame->fd_count + count) * sizeof(int));
        if (grown == NULL) {
            while (count-- > 0) {
                (void)close(((int *)CMSG_DATA(cmsg))[count]);
            }
            return RSMERR_INSUFFICIENT_MEM;
        }
        memcpy(grown + frame->fd_count, CMSG_DATA(cmsg), count * sizeof(int));
        frame->fds = grown;
        frame->fd_count += count;
    }
    return RSM_SUCCESS;
}

/* Exactly @p size bytes, and the descriptors that come with them. Lost
 * descriptors are reported once the bytes are in, so that the stream stays at
 * the edge of a message. */
static int frame_read(int fd, char *bytes, size_t size, bool can_interrupt,
                      rsmi_time_t deadline, rsmi_frame_t *frame)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * RSMI_WIRE_PIECES_MAX)];
    } control;
    struct iovec part;
    struct msghdr message;
    int trouble = RSM_SUCCESS, rc;
    size_t done = 0;
    ssize_t got;

    while (done < size) {
        part.iov_base = bytes + done;
        part.iov_len = size - done;
        memset(&message, 0, sizeof(message));
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got > 0) {
            rc = frame_take_fds(&message, frame);
            if (message.msg_flags & MSG_CTRUNC) {
                rc = RSMERR_INSUFFICIENT_RESOURCES;
            }
            trouble = (trouble == RSM_SUCCESS) ? rc : trouble;
            done += (size_t)got;
            continue;
        }
        if ((got == 0) || ((errno != EAGAIN) && (errno != EINTR))) {
            return RSMERR_CONN_ABORTED;
        }
        rc = frame_wait(fd, POLLIN, can_interrupt && (done == 0), deadline);
        if (rc != RSM_SUCCESS) {
            /* In the middle of something there is no way back. */
            return (done == 0) ? rc : RSMERR_CONN_ABORTED;
        }
    }
    return trouble;
}

int rsmi_frame_receive(int fd, size_t most, rsmi_time_t deadline,
                       rsmi_frame_t *frame_p)
{
    rsmi_wire_header_t header;
    int trouble, rc;

    memset(frame_p, 0, sizeof(*frame_p));
    trouble = frame_read(fd, (char *)&header, sizeof(header), true, deadline,
                         frame_p);
    if ((trouble != RSM_SUCCESS) && (trouble != RSMERR_INSUFFICIENT_MEM) &&
        (trouble != RSMERR_INSUFFICIENT_RESOURCES)) {
        goto err;
    }

    rc = RSMERR_CONN_ABORTED;
    if (!frame_header_is_good(&header, most)) {
        rsmi_warn("ctrl", "a peer sent what is no message of this version");
        goto err_rc;
    }
    frame_p->message = malloc(header.size);
    if (frame_p->message == NULL) {
        goto err_rc; /* the rest of the message is lost, so is the stream */
    }
    memcpy(frame_p->message, &header, sizeof(header));

    /* A message that has begun is on its way: only a dying sender stops
     * inside one, and that closes the socket. */
    rc = frame_read(fd, (char *)frame_p->message + sizeof(header),
                    header.size - sizeof(header), false,
                    rsmi_deadline_in_ms(10000), frame_p);
    if (rc == RSMERR_TIMEOUT) {
        rc = RSMERR_CONN_ABORTED;
    }
    if (rc != RSM_SUCCESS) {
        goto err_rc;
    }
    if (trouble == RSM_SUCCESS) {
        return RSM_SUCCESS;
    }
    goto err;

err_rc:
    trouble = rc;
err:
    rsmi_frame_clear(frame_p);
    return trouble;
}

void rsmi_frame_clear(rsmi_frame_t *frame)
{
    size_t idx;

    for (idx = 0; idx < frame->fd_count; ++idx) {
        if (frame->fds[idx] >= 0) {
            (void)close(frame->fds[idx]);
        }
    }
    free(frame->fds);
    free(frame->message);
    memset(frame, 0, sizeof(*frame));
}
