/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/socket.h"

#include "rsmapi.h"
#include "util/fd.h"
#include "util/help.h"
#include "util/limit.h"
#include "util/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_BACKLOG 1024

static int socket_errno_to_rc(const char *what)
{
    int error = errno;

    rsmi_debug("ctrl", "%s: %s", what, strerror(error));
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return RSMERR_INSUFFICIENT_RESOURCES;
    default:
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
}

static int socket_open(int family, int *fd_p)
{
    int fd = rsmi_fd_raise(
        socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    if (fd < 0) {
        return socket_errno_to_rc("socket");
    }
    *fd_p = fd;
    return RSM_SUCCESS;
}

static socklen_t socket_unix_address(const char *name, struct sockaddr_un *un_p)
{
    size_t len = strnlen(name, RSMI_SOCKET_NAME_MAX);

    memset(un_p, 0, sizeof(*un_p));
    un_p->sun_family = AF_UNIX;
    memcpy(un_p->sun_path + 1, name, len);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

int rsmi_socket_listen_unix(const char *name, int *fd_p)
{
    struct sockaddr_un un;
    socklen_t size = socket_unix_address(name, &un);
    int fd, rc;

    rc = socket_open(AF_UNIX, &fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if ((bind(fd, (struct sockaddr *)&un, size) != 0) ||
        (listen(fd, SOCKET_BACKLOG) != 0)) {
        rsmi_error("ctrl", "listening on unix socket @%s: %s", name,
                   strerror(errno));
        (void)close(fd);
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    *fd_p = fd;
    return RSM_SUCCESS;
}

int rsmi_socket_listen_tcp(int *fd_p, uint16_t *port_p)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6,
                               .sin6_addr = in6addr_any};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    int off = 0, fd, rc;

    rc = socket_open(AF_INET6, &fd);
    if (rc == RSM_SUCCESS) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0) {
            (void)close(fd);
            rc = RSMERR_INSUFFICIENT_RESOURCES;
        }
    }
    if (rc != RSM_SUCCESS) { /* a host without IPv6 */
        rc = socket_open(AF_INET, &fd);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        (void)bind(fd, (struct sockaddr *)&any4, sizeof(any4));
    }
    if ((listen(fd, SOCKET_BACKLOG) != 0) ||
        (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)) {
        rsmi_error("ctrl", "listening on tcp: %s", strerror(errno));
        (void)close(fd);
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    *port_p = (bound.ss_family == AF_INET6)
                  ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                  : ntohs(((struct sockaddr_in *)&bound)->sin_port);
    *fd_p = fd;
    return RSM_SUCCESS;
}

/* Loopback and link-local addresses mean another machine elsewhere. */
static bool socket_address_take(const struct ifaddrs *entry,
                                rsmi_socket_address_t *address_p)
{
    const struct sockaddr *sa = entry->ifa_addr;
    const struct sockaddr_in6 *in6;

    if ((sa == NULL) || !(entry->ifa_flags & IFF_UP) ||
        (entry->ifa_flags & IFF_LOOPBACK)) {
        return false;
    }
    memset(address_p, 0, sizeof(*address_p));
    address_p->family = sa->sa_family;
    if (sa->sa_family == AF_INET) {
        memcpy(address_p->bytes, &((const struct sockaddr_in *)sa)->sin_addr,
               4);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        in6 = (const struct sockaddr_in6 *)sa;
        memcpy(address_p->bytes, &in6->sin6_addr, 16);
        return !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
    }
    return false;
}

void rsmi_socket_addresses(rsmi_socket_address_t *list)
{
    struct ifaddrs *all, *entry;
    size_t count = 0;

    memset(list, 0, RSMI_SOCKET_ADDRESSES * sizeof(*list));
    if (getifaddrs(&all) != 0) {
        rsmi_warn("ctrl", "getifaddrs: %s", strerror(errno));
        return;
    }
    for (entry = all; entry != NULL; entry = entry->ifa_next) {
        if (count == RSMI_SOCKET_ADDRESSES) {
            break;
        }
        if (socket_address_take(entry, &list[count])) {
            ++count;
        }
    }
    if (count < RSMI_SOCKET_ADDRESSES) {
        list[count].family = 0;
    }
    freeifaddrs(all);
}

/* Completes a connect() under way. */
static int socket_await(int fd, rsmi_time_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = ETIMEDOUT;

    while (poll(&wait, 1, rsmi_deadline_left_ms(deadline, 60000)) <= 0) {
        if (rsmi_deadline_passed(deadline)) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    return (error == 0) ? 0 : -1;
}

/* A Unix listener whose queue is full answers EAGAIN: its owner is busy or
 * stopped, so ask again. */
int rsmi_socket_connect_unix(const char *name, rsmi_time_t deadline, int *fd_p)
{
    const struct timespec pause = {0, 1000000};
    struct sockaddr_un un;
    socklen_t size = socket_unix_address(name, &un);
    int fd, rc;

    rc = socket_open(AF_UNIX, &fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    while (connect(fd, (struct sockaddr *)&un, size) != 0) {
        if (((errno != EAGAIN) && (errno != EINTR)) ||
            rsmi_deadline_passed(deadline)) {
            rc = socket_errno_to_rc("connect to a process of this host");
            (void)close(fd);
            return rc;
        }
        (void)nanosleep(&pause, NULL);
    }
    *fd_p = fd;
    return RSM_SUCCESS;
}

void rsmi_socket_watch_tcp(int fd, int64_t silence_ms)
{
    int seconds = (int)((silence_ms + 999) / 1000);
    int on = 1, interval = 1, probes, idle, user_ms = (int)silence_ms;

    idle = (seconds > 3) ? seconds / 3 : 1;
    probes = (seconds > idle) ? seconds - idle : 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval,
                     sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_ms,
                     sizeof(user_ms));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int socket_connect_address(const rsmi_socket_address_t *address,
                                  uint16_t port, rsmi_time_t deadline,
                                  int *fd_p)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr *sa = (struct sockaddr *)&in6;
    socklen_t size = sizeof(in6);
    int fd, rc;

    if (address->family == AF_INET) {
        memcpy(&in4.sin_addr, address->bytes, sizeof(in4.sin_addr));
        in4.sin_port = htons(port);
        sa = (struct sockaddr *)&in4;
        size = sizeof(in4);
    } else {
        memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
        in6.sin6_port = htons(port);
    }

    rc = socket_open(sa->sa_family, &fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if ((connect(fd, sa, size) != 0) &&
        ((errno != EINPROGRESS) || (socket_await(fd, deadline) != 0))) {
        rc = socket_errno_to_rc("connect to a process of another host");
        (void)close(fd);
        return rc;
    }
    *fd_p = fd;
    return RSM_SUCCESS;
}

/* Addresses are tried in turn, each for a fair share of the time: some may
 * belong to networks that only the other host knows. */
int rsmi_socket_connect_tcp(const rsmi_socket_address_t *list, uint16_t port,
                            int64_t silence_ms, rsmi_time_t deadline, int *fd_p)
{
    rsmi_time_t now, share;
    size_t idx, count = 0;
    int rc = RSMERR_REMOTE_NODE_UNREACHABLE;

    while ((count < RSMI_SOCKET_ADDRESSES) && (list[count].family != 0)) {
        ++count;
    }
    for (idx = 0; idx < count; ++idx) {
        now = rsmi_clock_now();
        share = now + (deadline - now) / (int64_t)(count - idx);
        rc = socket_connect_address(&list[idx], port, share, fd_p);
        if (rc == RSM_SUCCESS) {
            rsmi_socket_watch_tcp(*fd_p, silence_ms);
            return RSM_SUCCESS;
        }
    }
    return rc;
}

int rsmi_socket_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int socket_accept(int listener)
{
    int fd;

    do {
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while ((fd < 0) && ((errno == EINTR) || (errno == ECONNABORTED)));
    return rsmi_fd_raise(fd);
}

int rsmi_socket_accept(int listener, int *spare)
{
    int fd = socket_accept(listener);

    if ((fd >= 0) || ((errno != EMFILE) && (errno != ENFILE))) {
        return fd;
    }
    rsmi_help(RSMI_HELP_NO_DESCRIPTORS, rsmi_limit_descriptors());
    if (*spare >= 0) {
        (void)close(*spare);
        fd = socket_accept(listener);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    *spare = rsmi_socket_spare();
    return -1;
}

static int socket_groups(int fd, rsmi_identity_t *identity)
{
    socklen_t size = 0;

    /* The first call only asks for the size. */
    if ((getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0) ||
        (errno != ERANGE) || (size == 0)) {
        return RSM_SUCCESS;
    }
    identity->groups = malloc(size);
    if (identity->groups == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, identity->groups, &size) !=
        0) {
        rsmi_identity_clear(identity);
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    identity->group_count = size / sizeof(gid_t);
    return RSM_SUCCESS;
}

int rsmi_socket_identify(int fd, bool is_unix, rsmi_identity_t *identity_p)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);

    memset(identity_p, 0, sizeof(*identity_p));
    if (!is_unix) {
        return RSM_SUCCESS;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0) {
        rsmi_error("ctrl", "getsockopt SO_PEERCRED: %s", strerror(errno));
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    identity_p->is_vouched = true;
    identity_p->pid = cred.pid;
    identity_p->uid = cred.uid;
    identity_p->gid = cred.gid;
    return socket_groups(fd, identity_p);
}

void rsmi_identity_clear(rsmi_identity_t *identity)
{
    free(identity->groups);
    identity->groups = NULL;
    identity->group_count = 0;
}
