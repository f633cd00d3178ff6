/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream sockets between processes: abstract Unix sockets on one host, where
 * the kernel vouches for who is at the other end, TCP between hosts. */
#ifndef RSMI_SOCKET_H
#define RSMI_SOCKET_H

#include "util/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who is at the other end, in the kernel's words. */
typedef struct {
    bool is_vouched; /* false over TCP: nothing below is known */
    pid_t pid;       /* 0 when it lives in another pid namespace */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary, owned */
    size_t group_count;
} rsmi_identity_t;

/* Name of an abstract Unix socket, without the leading zero byte. */
#define RSMI_SOCKET_NAME_MAX 64

/* Network addresses of one host, as another host may try them. */
#define RSMI_SOCKET_ADDRESSES 8
typedef struct {
    uint16_t family; /* AF_INET or AF_INET6; 0 ends the list */
    uint16_t pad;
    uint32_t scope;
    uint8_t bytes[16];
} rsmi_socket_address_t;

/* Non-blocking listeners. RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_socket_listen_unix(const char *name, int *fd_p);
int rsmi_socket_listen_tcp(int *fd_p, uint16_t *port_p);

/* This host's addresses, those that other hosts can reach first. */
void rsmi_socket_addresses(rsmi_socket_address_t *list);

/* Connected, non-blocking. RSMERR_REMOTE_NODE_UNREACHABLE when nobody listens
 * or nobody answers before the deadline; RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_socket_connect_unix(const char *name, rsmi_time_t deadline, int *fd_p);
int rsmi_socket_connect_tcp(const rsmi_socket_address_t *list, uint16_t port,
                            int64_t silence_ms, rsmi_time_t deadline,
                            int *fd_p);

/* The next one who knocks: descriptor (non-blocking), or -1 when there is
 * none. Without a descriptor for it the one who knocks is turned away, or it
 * would stand at the door, and the listener be ready, for ever; @p spare is a
 * descriptor kept for that purpose, which may change. */
int rsmi_socket_accept(int listener, int *spare);

/* A descriptor that can be spared. */
int rsmi_socket_spare(void);

/* Have the kernel give up a TCP connection after @p silence_ms without any
 * sign of the other host; a stopped process on a living host is no silence. */
void rsmi_socket_watch_tcp(int fd, int64_t silence_ms);

int rsmi_socket_identify(int fd, bool is_unix, rsmi_identity_t *identity_p);
void rsmi_identity_clear(rsmi_identity_t *identity);

#endif
