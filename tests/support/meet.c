/* SPDX-License-Identifier: BSD-3-Clause */
#include "meet.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MEET_MAX 16

/* Round counts the meetings: ranks that drifted apart are told so. */
typedef struct {
    uint64_t round;
    uint64_t rank;
    uint64_t values[MEET_MAX];
} meet_message_t;

static struct {
    uint32_t rank;
    uint32_t size;
    uint64_t round;
    int listener;
    int fd[MEET_MAX]; /* of rank 0: to each other rank; else: [0] to rank 0 */
} state = {.listener = -1};

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static socklen_t meet_address(struct sockaddr_un *address)
{
    const char *job = getenv("PMIX_NAMESPACE");
    int length;

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
                      "rsm-tests-%s", job != NULL ? job : "alone");
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)length);
}

/* Wait until there is something to read; signals may come in between. */
static int wait_readable(int fd, int64_t deadline)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    int64_t left;
    int rc;

    do {
        left = deadline - clock_ms();
        rc = poll(&entry, 1, left > 0 ? (int)left : 0);
    } while (rc < 0 && errno == EINTR);
    return rc == 1;
}

static const char *receive(int fd, meet_message_t *message, int64_t deadline)
{
    ssize_t got;

    if (!wait_readable(fd, deadline))
        return "a rank is late";
    do
        got = recv(fd, message, sizeof(*message), 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(*message) ? NULL : "a rank is gone";
}

static const char *transmit(int fd, const meet_message_t *message)
{
    ssize_t sent;

    do
        sent = send(fd, message, sizeof(*message), MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(*message) ? NULL : "a rank is gone";
}

static const char *meet_offer(void)
{
    struct sockaddr_un address;
    socklen_t length = meet_address(&address);

    state.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (state.listener < 0 ||
        bind(state.listener, (struct sockaddr *)&address, length) != 0 ||
        listen(state.listener, MEET_MAX) != 0)
        return strerror(errno);
    return NULL;
}

static const char *meet_find(int64_t deadline)
{
    const struct timespec moment = {.tv_sec = 0, .tv_nsec = 1000000};
    struct sockaddr_un address;
    socklen_t length = meet_address(&address);

    state.fd[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (state.fd[0] < 0)
        return strerror(errno);
    while (connect(state.fd[0], (struct sockaddr *)&address, length) != 0) {
        if (clock_ms() > deadline)
            return "rank 0 offers no meeting point";
        nanosleep(&moment, NULL);
    }
    return NULL;
}

const char *meet_start(uint32_t rank, uint32_t size, int timeout_ms)
{
    int i;

    for (i = 0; i < MEET_MAX; i++)
        state.fd[i] = -1;
    state.rank = rank;
    state.size = size;
    state.round = 0;
    if (size <= 1)
        return NULL;
    if (size > MEET_MAX)
        return "too many ranks";
    return rank == 0 ? meet_offer() : meet_find(clock_ms() + timeout_ms);
}

void meet_stop(void)
{
    int i;

    for (i = 0; i < MEET_MAX; i++) {
        if (state.fd[i] >= 0)
            close(state.fd[i]);
        state.fd[i] = -1;
    }
    if (state.listener >= 0)
        close(state.listener);
    state.listener = -1;
}

/* The first message of a rank tells rank 0 whose socket it is. */
static const char *admit(meet_message_t *message, int64_t deadline)
{
    const char *error;
    int fd;

    if (!wait_readable(state.listener, deadline))
        return "a rank did not come";
    fd = accept4(state.listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return strerror(errno);
    error = receive(fd, message, deadline);
    if (error == NULL && (message->rank == 0 || message->rank >= state.size ||
                          state.fd[message->rank] >= 0))
        error = "a stranger came";
    if (error != NULL) {
        close(fd);
        return error;
    }
    state.fd[message->rank] = fd;
    return NULL;
}

static const char *meet_host(uint64_t *values, int64_t deadline)
{
    meet_message_t message;
    const char *error;
    uint32_t i;

    for (i = 1; i < state.size; i++) {
        if (state.round == 1)
            error = admit(&message, deadline);
        else
            error = receive(state.fd[i], &message, deadline);
        if (error == NULL && message.round != state.round)
            error = "ranks are at different meetings";
        if (error != NULL)
            return error;
        values[message.rank] = message.values[message.rank];
    }
    message.round = state.round;
    message.rank = 0;
    memset(message.values, 0, sizeof(message.values));
    memcpy(message.values, values, state.size * sizeof(*values));
    for (i = 1; i < state.size; i++) {
        error = transmit(state.fd[i], &message);
        if (error != NULL)
            return error;
    }
    return NULL;
}

static const char *meet_guest(uint64_t *values, int64_t deadline)
{
    meet_message_t message = {.round = state.round, .rank = state.rank};
    const char *error;

    message.values[state.rank] = values[state.rank];
    error = transmit(state.fd[0], &message);
    if (error == NULL)
        error = receive(state.fd[0], &message, deadline);
    if (error == NULL && message.round != state.round)
        error = "ranks are at different meetings";
    if (error == NULL)
        memcpy(values, message.values, state.size * sizeof(*values));
    return error;
}

const char *meet(uint64_t *values, int timeout_ms)
{
    int64_t deadline = clock_ms() + timeout_ms;

    if (state.size <= 1)
        return NULL;
    state.round++;
    if (state.rank == 0)
        return meet_host(values, deadline);
    return meet_guest(values, deadline);
}
