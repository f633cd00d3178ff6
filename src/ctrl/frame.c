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

/* Bytes that are read at first of a message that is the last one: of an offer
 * of one piece, all. */
#define FRAME_FIRST_MOST 256

/* How long a message that has begun may take. */
#define FRAME_BEGUN_MS 10000

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

/* What lies from @p at on; *@p size_p, how long that message is or, of one
 * whose header is not whole, will be at least. */
static rsmi_frame_state_t frame_look(const rsmi_frame_reader_t *reader,
                                     size_t at, size_t *size_p)
{
    size_t have = reader->have - at;
    rsmi_wire_header_t header;

    *size_p = sizeof(header);
    if (have < sizeof(header)) {
        return RSMI_FRAME_NONE;
    }
    memcpy(&header, reader->bytes + at, sizeof(header));
    if (!frame_header_is_good(&header, RSMI_WIRE_SMALL)) {
        return RSMI_FRAME_CLOSED;
    }
    *size_p = header.size;
    return (have < header.size) ? RSMI_FRAME_NONE : RSMI_FRAME_READY;
}

bool rsmi_frame_has_more(const rsmi_frame_reader_t *reader)
{
    size_t size;

    return frame_look(reader, reader->taken, &size) != RSMI_FRAME_NONE;
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
    rsmi_frame_state_t state;
    size_t size;
    ssize_t got;
    char *to;

    reader->have -= reader->taken;
    memmove(reader->bytes, reader->bytes + reader->taken, reader->have);
    reader->taken = 0;
    while ((state = frame_look(reader, 0, &size)) == RSMI_FRAME_NONE) {
        to = reader->bytes + reader->have;
        got = (passed == NULL)
                  ? recv(fd, to, sizeof(reader->bytes) - reader->have,
                         MSG_DONTWAIT)
                  : frame_read_passed(fd, to, size - reader->have, passed);
        if (got > 0) {
            reader->have += (size_t)got;
        } else if ((got == 0) || ((errno != EINTR) && (errno != EAGAIN))) {
            return RSMI_FRAME_CLOSED;
        } else if (errno == EAGAIN) {
            return RSMI_FRAME_NONE;
        }
    }
    reader->taken = (state == RSMI_FRAME_READY) ? size : 0;
    return state;
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

/* What comes by one call, and the descriptors with it; as recvmsg() returns. */
static ssize_t frame_read_some(int fd, char *bytes, size_t size,
                               rsmi_frame_t *frame, int *trouble)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * RSMI_WIRE_PIECES_MAX)];
    } control;
    struct iovec part = {bytes, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int rc;

    if (got > 0) {
        rc = frame_take_fds(&message, frame);
        if ((message.msg_flags & MSG_CTRUNC) != 0) {
            rc = RSMERR_INSUFFICIENT_RESOURCES;
        }
        *trouble = (*trouble == RSM_SUCCESS) ? rc : *trouble;
    }
    return got;
}

/* At least @p least bytes, and up to @p most where they are there already, are
 * added to the *@p done_p ones. Lost descriptors are *@p trouble, to be reported
 * once the message is in, so that the stream stays at the edge of one. Nothing
 * can be interrupted here: a message that has begun is on its way. */
static int frame_read(int fd, char *bytes, size_t least, size_t most,
                      size_t *done_p, rsmi_frame_t *frame, int *trouble)
{
    /* Only a dying sender stops inside a message, and that closes the socket. */
    rsmi_time_t deadline = RSMI_NEVER;
    ssize_t got;

    while (*done_p < least) {
        got = frame_read_some(fd, bytes + *done_p, most - *done_p, frame,
                              trouble);
        if (got > 0) {
            *done_p += (size_t)got;
            continue;
        }
        if ((got == 0) || ((errno != EAGAIN) && (errno != EINTR))) {
            return RSMERR_CONN_ABORTED;
        }
        if (deadline == RSMI_NEVER) {
            deadline = rsmi_deadline_in_ms(FRAME_BEGUN_MS);
        }
        if (frame_wait(fd, POLLIN, false, deadline) != RSM_SUCCESS) {
            return RSMERR_CONN_ABORTED;
        }
    }
    return RSM_SUCCESS;
}

/* With @p read_most bytes at first, which are the header's or more. */
static int frame_receive(int fd, size_t most, size_t read_most,
                         rsmi_frame_t *frame, int *trouble)
{
    char first[FRAME_FIRST_MOST];
    rsmi_wire_header_t header;
    size_t done = 0;
    int rc;

    rc =
        frame_read(fd, first, sizeof(header), read_most, &done, frame, trouble);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    memcpy(&header, first, sizeof(header));
    if (!frame_header_is_good(&header, most) || (done > header.size)) {
        rsmi_warn("ctrl", "a peer sent what is no message of this version");
        return RSMERR_CONN_ABORTED;
    }
    frame->message = malloc(header.size);
    if (frame->message == NULL) {
        /* The rest of the message is lost, and so is the stream. */
        return RSMERR_CONN_ABORTED;
    }
    memcpy(frame->message, first, done);
    return frame_read(fd, frame->message, header.size, header.size, &done,
                      frame, trouble);
}

static int frame_await(int fd, size_t most, size_t read_most,
                       rsmi_time_t deadline, rsmi_frame_t *frame_p)
{
    int trouble = RSM_SUCCESS;
    int rc;

    memset(frame_p, 0, sizeof(*frame_p));
    /* Who has asked a moment ago need not look whether the answer is here. */
    rc = frame_wait(fd, POLLIN, true, deadline);
    if (rc == RSM_SUCCESS) {
        rc = frame_receive(fd, most, read_most, frame_p, &trouble);
    }
    rc = (rc == RSM_SUCCESS) ? trouble : rc;
    if (rc != RSM_SUCCESS) {
        rsmi_frame_clear(frame_p);
    }
    return rc;
}

int rsmi_frame_receive(int fd, size_t most, rsmi_time_t deadline,
                       rsmi_frame_t *frame_p)
{
    return frame_await(fd, most, sizeof(rsmi_wire_header_t), deadline, frame_p);
}

int rsmi_frame_receive_last(int fd, size_t most, rsmi_time_t deadline,
                            rsmi_frame_t *frame_p)
{
    return frame_await(fd, most, FRAME_FIRST_MOST, deadline, frame_p);
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
