/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole messages over stream sockets. The service thread uses the
 * non-blocking half, application threads the one with deadlines. */
#ifndef RSMI_FRAME_H
#define RSMI_FRAME_H

#include "ctrl/wire.h"
#include "util/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Fill in the header of a message of @p size bytes. */
void rsmi_frame_init(rsmi_wire_header_t *header, rsmi_wire_type_t type,
                     size_t size, uint32_t tag);

/* --- non-blocking -------------------------------------------------------- */

typedef struct {
    size_t have;  /* bytes that have arrived */
    size_t taken; /* of them, the message that was handed out */
    char bytes[4 * RSMI_WIRE_SMALL];
} rsmi_frame_reader_t;

typedef enum {
    RSMI_FRAME_NONE,  /* no whole message has arrived */
    RSMI_FRAME_READY, /* one lies in reader->bytes until the next call */
    RSMI_FRAME_CLOSED /* the other end has gone, or what it says is no message */
} rsmi_frame_state_t;

/* The next message. What has come with it is read along: the socket says
 * nothing of it any more, so the caller takes all that rsmi_frame_has_more()
 * knows of before it waits. */
rsmi_frame_state_t rsmi_frame_poll(int fd, rsmi_frame_reader_t *reader);

bool rsmi_frame_has_more(const rsmi_frame_reader_t *reader);

/* The same where one descriptor may come with the message: *@p passed, the
 * caller's to close, is changed when one has. Reads no further than the end of
 * the message. */
rsmi_frame_state_t rsmi_frame_poll_passed(int fd, rsmi_frame_reader_t *reader,
                                          int *passed);

/* What a full socket did not take of a message; sent before anything else. */
typedef struct {
    size_t size;
    char bytes[RSMI_WIRE_SMALL];
} rsmi_frame_rest_t;

typedef enum {
    RSMI_SEND_DONE,
    RSMI_SEND_FULL,  /* nothing of it was taken; try when writable */
    RSMI_SEND_BROKEN /* the connection is unusable */
} rsmi_send_state_t;

/* One small message, whole or not at all as far as the caller is concerned. */
rsmi_send_state_t rsmi_frame_try_send(int fd, rsmi_frame_rest_t *rest,
                                      const void *message, size_t size);

/* An answer of any size with descriptors. RSMI_SEND_FULL: none of it was taken
 * (the socket is full, or the kernel refuses the descriptors); BROKEN: a part
 * of it was, or the connection is gone. */
rsmi_send_state_t rsmi_frame_answer(int fd, const struct iovec *parts,
                                    int part_count, const int *fds,
                                    size_t fd_count);

/* --- with deadlines ------------------------------------------------------ */

/* Results: RSM_SUCCESS; RSMERR_CONN_ABORTED, the other end has gone or talks
 * nonsense; RSMERR_TIMEOUT; RSMERR_INTERRUPTED, a signal handler ran (never
 * in the middle of a message); RSMERR_INSUFFICIENT_MEM;
 * RSMERR_INSUFFICIENT_RESOURCES, descriptors were lost for want of room. */
int rsmi_frame_send(int fd, const void *message, size_t size,
                    rsmi_time_t deadline);

typedef struct {
    void *message; /* allocated; starts with its header */
    int *fds;      /* allocated; the receiver's to close */
    size_t fd_count;
} rsmi_frame_t;

/* The next message, of at most @p most bytes. */
int rsmi_frame_receive(int fd, size_t most, rsmi_time_t deadline,
                       rsmi_frame_t *frame_p);

/* The same of a socket on which no other message can follow it yet. */
int rsmi_frame_receive_last(int fd, size_t most, rsmi_time_t deadline,
                            rsmi_frame_t *frame_p);

/* Frees the message and closes the descriptors that are left (>= 0). */
void rsmi_frame_clear(rsmi_frame_t *frame);

#endif
