/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_beside_connect.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE 64 /* bytes, as librsm's requests */

static int other_fd = -1;

/* ---- who answers, asleep in between ---- */

static void *answer(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);
    unsigned char message[MESSAGE];

    while (recv(fd, message, MESSAGE, MSG_WAITALL) == MESSAGE) {
        (void)send(fd, message, MESSAGE, MSG_NOSIGNAL);
    }
    (void)close(fd);
    return NULL;
}

/* A name that needs no file. */
static socklen_t name_of(struct sockaddr_un *address, pid_t pid)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)snprintf(address->sun_path + 1,
                                        sizeof(address->sun_path) - 1,
                                        "compare-%ld", (long)pid));
}

static int listen_as(cmp_t *cmp, pid_t pid)
{
    struct sockaddr_un address;
    socklen_t size = name_of(&address, pid);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if ((fd < 0) || (bind(fd, (struct sockaddr *)&address, size) != 0) ||
        (listen(fd, 1) != 0)) {
        cmp_fail(cmp, "no socket to listen at");
    }
    return fd;
}

static int call(cmp_t *cmp, pid_t pid)
{
    struct sockaddr_un address;
    socklen_t size = name_of(&address, pid);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if ((fd < 0) || (connect(fd, (struct sockaddr *)&address, size) != 0)) {
        cmp_fail(cmp, "cannot reach the other process");
    }
    return fd;
}

/* ---- in turn ---- */

static int64_t time_socket(cmp_t *cmp, cmp_test_t test, size_t size,
                           unsigned long steps)
{
    unsigned char message[MESSAGE] = {0};
    int64_t start = bench_now_ns();

    (void)test;
    (void)size;
    for (; steps > 0; --steps) {
        if ((send(other_fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) ||
            (recv(other_fd, message, MESSAGE, MSG_WAITALL) != MESSAGE)) {
            cmp_fail(cmp, "the other process is gone");
        }
    }
    return bench_now_ns() - start;
}

static int64_t time_unpack(cmp_t *cmp, cmp_test_t test, size_t size,
                           unsigned long steps)
{
    int64_t start = bench_now_ns();

    (void)cmp;
    (void)test;
    (void)size;
    for (; steps > 0; --steps) {
        cmp_ucx_unpack();
    }
    return bench_now_ns() - start;
}

void cmp_run_beside_connect(cmp_t *cmp, cmp_timer_t connect_and_disconnect,
                            cmp_ucx_exchange_t exchange)
{
    const cmp_runner_t runners[] = {{"beside", connect_and_disconnect},
                                    {"socket", time_socket},
                                    {"ucx unpack", time_unpack}};
    pid_t own = getpid(), others[CMP_UCX_ADDRESS_MAX / sizeof(pid_t)];
    int listener = listen_as(cmp, own);
    pthread_t thread;

    if (pthread_create(&thread, NULL, answer, &listener) != 0) {
        cmp_fail(cmp, "no thread");
    }
    exchange(cmp, &own, sizeof(own), others);
    other_fd = call(cmp, others[0]);
    cmp_run_turns(cmp, CMP_CONNECT, "connect", 0, runners, 3);
    (void)close(other_fd);
    (void)pthread_join(thread, NULL);
    (void)close(listener);
}
