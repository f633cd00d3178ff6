/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/frame.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 20000 /* ms */

static int ends[2];

static void start(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

TestSuite(frame, .init = start, .timeout = 40);

static rsmi_wire_post_t post_of(uint64_t cookie)
{
    rsmi_wire_post_t post = {.cookie = cookie};

    rsmi_frame_init(&post.header, RSMI_WIRE_POST, sizeof(post), 0);
    return post;
}

static void put(const void *bytes, size_t size)
{
    cr_assert_eq(write(ends[0], bytes, size), (ssize_t)size);
}

static int receive(size_t most, int ms, rsmi_frame_t *frame)
{
    return rsmi_frame_receive(ends[1], most, rsmi_deadline_in_ms(ms), frame);
}

/* --- without waiting --------------------------------------------------------- */

Test(frame, messages_are_put_together_and_told_apart)
{
    rsmi_wire_post_t posts[2] = {post_of(1), post_of(2)}, got;
    rsmi_frame_reader_t reader = {0};
    size_t cut;

    for (cut = 1; cut < sizeof(posts[0]); ++cut) {
        cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_NONE);
        put(posts, cut);
        cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_NONE);
        put((const char *)posts + cut, sizeof(posts) - cut);
        cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
        memcpy(&got, reader.bytes, sizeof(got));
        cr_assert_eq(got.cookie, 1);
        cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
        memcpy(&got, reader.bytes, sizeof(got));
        cr_assert_eq(got.cookie, 2);
    }
}

/* All that has come at once is known without another look at the socket. */
Test(frame, what_was_read_along_is_told)
{
    rsmi_wire_post_t posts[3] = {post_of(1), post_of(2), post_of(3)}, got;
    rsmi_frame_reader_t reader = {0};
    uint64_t seen = 0;

    put(posts, sizeof(posts) - 1);
    do {
        cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
        memcpy(&got, reader.bytes, sizeof(got));
        cr_assert_eq(got.cookie, ++seen);
    } while (rsmi_frame_has_more(&reader));
    cr_assert_eq(seen, 2);
    put((const char *)posts + sizeof(posts) - 1, 1);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
    memcpy(&got, reader.bytes, sizeof(got));
    cr_assert_eq(got.cookie, 3);
    cr_assert(!rsmi_frame_has_more(&reader));
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_NONE);
    cr_assert(!rsmi_frame_has_more(&reader));
}

Test(frame, strange_bytes_behind_a_message_are_told)
{
    rsmi_wire_post_t posts[2] = {post_of(1), post_of(2)};
    rsmi_frame_reader_t reader = {0};

    posts[1].header.size = RSMI_WIRE_SMALL + 1;
    put(posts, sizeof(posts));
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
    cr_assert(rsmi_frame_has_more(&reader));
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_CLOSED);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_CLOSED);
}

static rsmi_frame_state_t poll_of_size(uint32_t size)
{
    rsmi_frame_reader_t reader = {0};
    char bytes[2 * RSMI_WIRE_SMALL] = {0};
    rsmi_frame_state_t state;
    rsmi_wire_header_t header;

    rsmi_frame_init(&header, RSMI_WIRE_POST, size, 0);
    memcpy(bytes, &header, sizeof(header));
    put(bytes, sizeof(bytes));
    state = rsmi_frame_poll(ends[1], &reader);
    while (recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
    }
    return state;
}

Test(frame, sizes_have_bounds)
{
    cr_assert_eq(poll_of_size(0), RSMI_FRAME_CLOSED);
    cr_assert_eq(poll_of_size(sizeof(rsmi_wire_header_t) - 1),
                 RSMI_FRAME_CLOSED);
    cr_assert_eq(poll_of_size(sizeof(rsmi_wire_header_t)), RSMI_FRAME_READY);
    cr_assert_eq(poll_of_size(RSMI_WIRE_SMALL), RSMI_FRAME_READY);
    cr_assert_eq(poll_of_size(RSMI_WIRE_SMALL + 1), RSMI_FRAME_CLOSED);
    cr_assert_eq(poll_of_size(UINT32_MAX), RSMI_FRAME_CLOSED);
}

Test(frame, strange_bytes_and_hang_up_are_the_end)
{
    rsmi_wire_post_t post = post_of(1);
    rsmi_frame_reader_t reader = {0};

    post.header.magic ^= 0x01000000;
    put(&post, sizeof(post));
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_CLOSED);

    start();
    reader.have = 0;
    post = post_of(1);
    put(&post, sizeof(post) - 1);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_NONE);
    (void)close(ends[0]);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_CLOSED);
    cr_assert_eq(rsmi_frame_poll(-1, &reader), RSMI_FRAME_CLOSED);
}

/* A full socket takes nothing, or a part whose rest goes first. */
Test(frame, a_full_socket_loses_and_doubles_nothing)
{
    rsmi_frame_reader_t reader = {0};
    rsmi_frame_rest_t rest = {0};
    uint64_t sent = 0, seen = 0;
    rsmi_wire_post_t post, got;
    int room = 4096;

    cr_assert_eq(
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    while (sent < 5000) {
        post = post_of(sent + 1);
        if (rsmi_frame_try_send(ends[0], &rest, &post, sizeof(post)) ==
            RSMI_SEND_DONE) {
            ++sent;
            continue;
        }
        cr_assert_eq(rsmi_frame_try_send(ends[0], &rest, &post, sizeof(post)),
                     RSMI_SEND_FULL);
        while (rsmi_frame_poll(ends[1], &reader) == RSMI_FRAME_READY) {
            memcpy(&got, reader.bytes, sizeof(got));
            cr_assert_eq(got.cookie, ++seen);
        }
        cr_assert_eq(rsmi_frame_try_send(ends[0], &rest, NULL, 0),
                     RSMI_SEND_DONE);
    }
    (void)close(ends[1]);
    cr_assert_eq(rsmi_frame_try_send(ends[0], &rest, &post, sizeof(post)),
                 RSMI_SEND_BROKEN);
}

Test(frame, the_rest_of_a_message_goes_before_the_next)
{
    rsmi_wire_post_t first = post_of(1), second = post_of(2), got;
    rsmi_frame_reader_t reader = {0};
    rsmi_frame_rest_t rest = {.size = 12};

    put(&first, sizeof(first) - 12);
    memcpy(rest.bytes, (const char *)&first + sizeof(first) - 12, 12);
    cr_assert_eq(rsmi_frame_try_send(ends[0], &rest, &second, sizeof(second)),
                 RSMI_SEND_DONE);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
    memcpy(&got, reader.bytes, sizeof(got));
    cr_assert_eq(memcmp(&got, &first, sizeof(got)), 0);
    cr_assert_eq(rsmi_frame_poll(ends[1], &reader), RSMI_FRAME_READY);
    memcpy(&got, reader.bytes, sizeof(got));
    cr_assert_eq(got.cookie, 2);
    (void)close(ends[1]);
    rest.size = 4;
    cr_assert_eq(rsmi_frame_try_send(ends[0], &rest, NULL, 0),
                 RSMI_SEND_BROKEN);
}

/* --- with deadlines ------------------------------------------------------------ */

static rsmi_send_state_t answer(const int *fds, size_t fd_count, size_t size)
{
    static char body[100000];
    rsmi_wire_header_t header;
    struct iovec parts[2] = {{&header, sizeof(header)},
                             {body, size - sizeof(header)}};

    rsmi_frame_init(&header, RSMI_WIRE_OFFER, size, 77);
    memset(body, 3, sizeof(body));
    return rsmi_frame_answer(ends[0], parts, 2, fds, fd_count);
}

Test(frame, an_answer_carries_descriptors)
{
    int fds[RSMI_WIRE_PIECES_MAX];
    rsmi_frame_t frame;
    size_t idx;

    for (idx = 0; idx < RSMI_WIRE_PIECES_MAX; ++idx) {
        fds[idx] = ends[idx % 2];
    }
    cr_assert_eq(answer(fds, RSMI_WIRE_PIECES_MAX, 3000), RSMI_SEND_DONE);
    cr_assert_eq(receive(3000, PATIENCE, &frame), RSM_SUCCESS);
    cr_assert_eq(frame.fd_count, RSMI_WIRE_PIECES_MAX);
    cr_assert_eq(((rsmi_wire_header_t *)frame.message)->tag, 77);
    cr_assert_eq(((char *)frame.message)[2999], 3);
    cr_assert_neq(fcntl(frame.fds[5], F_GETFD) & FD_CLOEXEC, 0);
    idx = (size_t)frame.fds[5];
    frame.fds[7] = -1; /* taken over */
    rsmi_frame_clear(&frame);
    cr_assert_lt(fcntl((int)idx, F_GETFD), 0, "left open");
    cr_assert_null(frame.message);
}

Test(frame, an_answer_is_sent_whole_or_refused)
{
    int room = 4096;

    cr_assert_eq(
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    cr_assert_eq(answer(NULL, 0, 90000), RSMI_SEND_BROKEN, "cut short");
    while (send(ends[0], "", 1, MSG_DONTWAIT) == 1) {
    }
    cr_assert_eq(answer(NULL, 0, 100), RSMI_SEND_FULL);
    (void)close(ends[1]);
    cr_assert_eq(answer(NULL, 0, 100), RSMI_SEND_BROKEN, "nobody is there");
}

Test(frame, lost_descriptors_are_told_and_the_stream_goes_on)
{
    int fds[8] = {ends[0], ends[0], ends[0], ends[0],
                  ends[0], ends[0], ends[0], ends[0]};
    struct rlimit limit, old;
    rsmi_frame_t frame;
    int free_fd = dup(ends[0]), rc;

    cr_assert_eq(answer(fds, 8, 500), RSMI_SEND_DONE);
    cr_assert_eq(answer(NULL, 0, 600), RSMI_SEND_DONE);
    (void)close(free_fd);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = (rlim_t)free_fd + 3;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rc = receive(1000, PATIENCE, &frame);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(rc, RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(dup(ends[0]), free_fd, "those that came were left open");
    (void)close(free_fd);
    cr_assert_eq(receive(1000, PATIENCE, &frame), RSM_SUCCESS);
    cr_assert_eq(((rsmi_wire_header_t *)frame.message)->size, 600);
    rsmi_frame_clear(&frame);
}

Test(frame, a_wait_ends)
{
    rsmi_wire_post_t post = post_of(1);
    rsmi_frame_t frame;

    cr_assert_eq(receive(100, 20, &frame), RSMERR_TIMEOUT);
    put(&post, 4);
    cr_assert_eq(receive(100, 20, &frame), RSMERR_CONN_ABORTED,
                 "in the middle of a message");
    start();
    put(&post, sizeof(post));
    cr_assert_eq(receive(sizeof(post) - 1, PATIENCE, &frame),
                 RSMERR_CONN_ABORTED, "longer than it may be");
    start();
    put(&post, sizeof(post) - 1);
    (void)close(ends[0]);
    cr_assert_eq(receive(100, PATIENCE, &frame), RSMERR_CONN_ABORTED);
    cr_assert_null(frame.message);
}

Test(frame, sending_waits_for_room_and_gives_up)
{
    static char bytes[4 << 20];

    cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(
        rsmi_frame_send(ends[0], bytes, sizeof(bytes), rsmi_deadline_in_ms(20)),
        RSMERR_CONN_ABORTED, "half of it is out");
    cr_assert_eq(rsmi_frame_send(ends[0], bytes, 1, rsmi_deadline_in_ms(20)),
                 RSMERR_TIMEOUT);
    (void)close(ends[1]);
    cr_assert_eq(rsmi_frame_send(ends[0], bytes, 1, rsmi_deadline_in_ms(20)),
                 RSMERR_CONN_ABORTED);
}

/* --- interrupted ---------------------------------------------------------------- */

static atomic_bool is_over;
static int interrupted_rc;

static void ignore(int number)
{
    (void)number;
}

static void *receive_long(void *arg)
{
    rsmi_frame_t frame;

    (void)arg;
    interrupted_rc = receive(100, PATIENCE, &frame);
    atomic_store(&is_over, true);
    return NULL;
}

static void interrupt_receive(void)
{
    struct sigaction action = {.sa_handler = ignore};
    pthread_t thread;

    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, receive_long, NULL), 0);
    while (!atomic_load(&is_over)) {
        (void)pthread_kill(thread, SIGUSR1);
        (void)usleep(1000);
        (void)shutdown(ends[0], SHUT_RD);
    }
    pthread_join(thread, NULL);
}

Test(frame, a_handler_interrupts_between_messages)
{
    interrupt_receive();
    cr_assert_eq(interrupted_rc, RSMERR_INTERRUPTED);
}

/* Read as a whole: nothing may come behind it. */
Test(frame, the_last_message_is_alone)
{
    char bytes[1000] = {0};
    rsmi_wire_header_t header;
    rsmi_frame_t frame;
    size_t size;

    for (size = sizeof(header); size < sizeof(bytes); size += 7) {
        rsmi_frame_init(&header, RSMI_WIRE_OFFER, size, 0);
        memcpy(bytes, &header, sizeof(header));
        bytes[size - 1] |= 64;
        put(bytes, size);
        cr_assert_eq(rsmi_frame_receive_last(ends[1], sizeof(bytes),
                                             rsmi_deadline_in_ms(PATIENCE),
                                             &frame),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(frame.message, bytes, size), 0);
        rsmi_frame_clear(&frame);
        bytes[size - 1] = 0;
    }
    rsmi_frame_init(&header, RSMI_WIRE_OFFER, 100, 0);
    memcpy(bytes, &header, sizeof(header));
    put(bytes, 101);
    cr_assert_eq(rsmi_frame_receive_last(ends[1], sizeof(bytes),
                                         rsmi_deadline_in_ms(PATIENCE), &frame),
                 RSMERR_CONN_ABORTED);
}
