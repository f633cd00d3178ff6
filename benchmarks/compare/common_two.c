/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_two.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define DOZE_MS 1000 /* at most, whatever happens */

static int other_fd = -1;
static pid_t child;

void cmp_fork(cmp_t *cmp)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        cmp_fail(cmp, "no socket pair");
    }
    child = fork();
    if (child < 0) {
        cmp_fail(cmp, "no second process");
    }
    cmp->rank = (child == 0);
    other_fd = fds[cmp->rank];
    (void)close(fds[1 - cmp->rank]);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)alarm(cmp->options.limit_s);
    }
    cmp_pin(cmp, cmp->rank);
}

void cmp_join(cmp_t *cmp)
{
    int status;

    if (cmp->rank != 0) {
        exit(EXIT_SUCCESS);
    }
    if ((waitpid(child, &status, 0) != child) || !WIFEXITED(status)) {
        exit(EXIT_FAILURE);
    }
    exit(WEXITSTATUS(status));
}

void cmp_send(cmp_t *cmp, const void *bytes, size_t size)
{
    if (send(other_fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
        cmp_fail(cmp, "the other process is gone");
    }
}

void cmp_receive(cmp_t *cmp, void *bytes, size_t size)
{
    if (recv(other_fd, bytes, size, MSG_WAITALL) != (ssize_t)size) {
        cmp_fail(cmp, "the other process is gone");
    }
}

bool cmp_has_received(cmp_t *cmp)
{
    struct pollfd fd = {.fd = other_fd, .events = POLLIN};

    (void)cmp;
    return poll(&fd, 1, 0) > 0;
}

void cmp_doze(cmp_t *cmp, int fd)
{
    struct pollfd fds[] = {{.fd = other_fd, .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};

    (void)cmp;
    (void)poll(fds, 2, DOZE_MS);
}

void cmp_meet(cmp_t *cmp)
{
    char byte = 0;

    cmp_send(cmp, &byte, 1);
    cmp_receive(cmp, &byte, 1);
}
