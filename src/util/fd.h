/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that are not mistaken for the standard streams. */
#ifndef RSMI_FD_H
#define RSMI_FD_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define RSMI_FD_FIRST 3

/* A program that closed its standard streams still prints to them, and so do
 * libraries: what has got one of their numbers gets another one. Takes what
 * open(2) returned; -1 and errno when there is none. */
static inline int rsmi_fd_raise(int fd)
{
    int raised, error;

    if ((fd < 0) || (fd >= RSMI_FD_FIRST)) {
        return fd;
    }
    raised = fcntl(fd, F_DUPFD_CLOEXEC, RSMI_FD_FIRST);
    /* A limit so low that there is no such number is one of descriptors. */
    error = (errno == EINVAL) ? EMFILE : errno;
    (void)close(fd);
    errno = error;
    return raised;
}

#endif
