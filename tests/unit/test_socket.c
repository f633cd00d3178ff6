/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/socket.h"

#include "rsmapi.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 20000 /* ms */

static char name[RSMI_SOCKET_NAME_MAX];
static int listener = -1;
static int spare = -1;

static void start(void)
{
    (void)snprintf(name, sizeof(name), "librsm-test/%d", (int)getpid());
    cr_assert_eq(rsmi_socket_listen_unix(name, &listener), RSM_SUCCESS);
    spare = rsmi_socket_spare();
    cr_assert_geq(spare, 0);
}

TestSuite(socket, .init = start, .timeout = 60);

static rsmi_time_t soon(void)
{
    return rsmi_deadline_in_ms(PATIENCE);
}

static bool is_ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, PATIENCE) == 1;
}

static bool has_flags(int fd)
{
    return ((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) &&
           ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

Test(socket, processes_of_one_host_know_each_other)
{
    rsmi_identity_t identity;
    gid_t groups[256];
    int client, server, count;

    cr_assert_eq(rsmi_socket_accept(listener, &spare), -1, "nobody knocked");
    cr_assert_eq(rsmi_socket_connect_unix(name, soon(), &client), RSM_SUCCESS);
    server = rsmi_socket_accept(listener, &spare);
    cr_assert_geq(server, 0);
    cr_assert(has_flags(client));
    cr_assert(has_flags(server));

    cr_assert_eq(rsmi_socket_identify(server, true, &identity), RSM_SUCCESS);
    cr_assert(identity.is_vouched);
    cr_assert_eq(identity.pid, getpid());
    cr_assert_eq(identity.uid, geteuid());
    cr_assert_eq(identity.gid, getegid());
    count = getgroups(256, groups);
    cr_assert_eq(identity.group_count, (size_t)count);
    while (count-- > 0) {
        cr_assert_eq(identity.groups[count], groups[count]);
    }
    rsmi_identity_clear(&identity);
    cr_assert_null(identity.groups);
}

/* The groups are those at the time of connecting. */
Test(socket, supplementary_groups_are_vouched_for)
{
    const gid_t groups[3] = {11, 12, 13};
    rsmi_identity_t identity;
    int client, server;

    if (geteuid() != 0) {
        cr_skip("only root may choose its groups");
    }
    cr_assert_eq(setgroups(3, groups), 0);
    cr_assert_eq(rsmi_socket_connect_unix(name, soon(), &client), RSM_SUCCESS);
    cr_assert_eq(setgroups(0, NULL), 0);
    server = rsmi_socket_accept(listener, &spare);
    cr_assert_eq(rsmi_socket_identify(server, true, &identity), RSM_SUCCESS);
    cr_assert_eq(identity.group_count, 3);
    cr_assert_eq(memcmp(identity.groups, groups, sizeof(groups)), 0);
    rsmi_identity_clear(&identity);
}

Test(socket, nobody_is_vouched_for_over_tcp)
{
    rsmi_identity_t identity;

    cr_assert_eq(rsmi_socket_identify(listener, false, &identity), RSM_SUCCESS);
    cr_assert(!identity.is_vouched);
    cr_assert_eq(identity.group_count, 0);
}

Test(socket, a_descriptor_that_is_no_socket_is_refused)
{
    rsmi_identity_t identity;

    cr_assert_eq(rsmi_socket_identify(spare, true, &identity),
                 RSMERR_INSUFFICIENT_RESOURCES);
}

Test(socket, a_name_is_taken_once)
{
    int other = -1;

    cr_assert_eq(rsmi_socket_listen_unix(name, &other),
                 RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(other, -1);
    (void)close(listener);
    cr_assert_eq(rsmi_socket_connect_unix(name, soon(), &other),
                 RSMERR_REMOTE_NODE_UNREACHABLE, "nobody listens");
    cr_assert_eq(rsmi_socket_listen_unix(name, &other), RSM_SUCCESS);
}

/* Who does not accept is waited for, up to the deadline. */
Test(socket, a_full_queue_is_asked_again)
{
    rsmi_time_t begin;
    int client;

    cr_assert_eq(listen(listener, 1), 0);
    while (rsmi_socket_connect_unix(name, rsmi_deadline_in_ms(30), &client) ==
           RSM_SUCCESS) {
    }
    begin = rsmi_clock_now();
    cr_assert_eq(
        rsmi_socket_connect_unix(name, rsmi_deadline_in_ms(50), &client),
        RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_assert_geq(rsmi_clock_now() - begin, 50000000);
}

/* --- tcp ---------------------------------------------------------------------- */

static rsmi_socket_address_t ipv4(const char *text)
{
    rsmi_socket_address_t address = {.family = AF_INET};

    cr_assert_eq(inet_pton(AF_INET, text, address.bytes), 1);
    return address;
}

static int option_of(int fd, int level, int option)
{
    socklen_t size = sizeof(int);
    int value = -1;

    cr_assert_eq(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

Test(socket, hosts_are_reached_by_the_first_address_that_works)
{
    /* Loopback addresses reach this host; nobody listens at port 1. */
    rsmi_socket_address_t list[RSMI_SOCKET_ADDRESSES] = {ipv4("127.0.0.1")};
    int door, client, server;
    uint16_t port;

    cr_assert_eq(rsmi_socket_listen_tcp(&door, &port), RSM_SUCCESS);
    cr_assert_gt(port, 0);
    cr_assert(has_flags(door));
    cr_assert_eq(rsmi_socket_connect_tcp(list, port, 9000, soon(), &client),
                 RSM_SUCCESS);
    cr_assert(is_ready(door));
    server = rsmi_socket_accept(door, &spare);
    cr_assert_geq(server, 0);
    cr_assert(has_flags(server));

    cr_assert_eq(option_of(client, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_eq(option_of(client, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert_eq(option_of(client, IPPROTO_TCP, TCP_USER_TIMEOUT), 9000);
    cr_assert_eq(option_of(client, IPPROTO_TCP, TCP_KEEPIDLE) +
                     option_of(client, IPPROTO_TCP, TCP_KEEPINTVL) *
                         option_of(client, IPPROTO_TCP, TCP_KEEPCNT),
                 9);

    /* ::1 is refused where the listener has no IPv6, or is it. */
    list[1] = list[0];
    memset(&list[0], 0, sizeof(list[0]));
    list[0].family = AF_INET6;
    list[0].bytes[0] = 0xff; /* multicast: cannot be connected to */
    cr_assert_eq(rsmi_socket_connect_tcp(list, port, 1000, soon(), &client),
                 RSM_SUCCESS);
}

Test(socket, hosts_that_cannot_be_reached)
{
    rsmi_socket_address_t list[RSMI_SOCKET_ADDRESSES] = {ipv4("127.0.0.1")};
    int client;

    cr_assert_eq(rsmi_socket_connect_tcp(list, 1, 1000, soon(), &client),
                 RSMERR_REMOTE_NODE_UNREACHABLE);
    list[0].family = 0;
    cr_assert_eq(rsmi_socket_connect_tcp(list, 1, 1000, soon(), &client),
                 RSMERR_REMOTE_NODE_UNREACHABLE, "no address at all");
}

Test(socket, a_silent_host_is_given_up_at_the_deadline)
{
    rsmi_socket_address_t list[RSMI_SOCKET_ADDRESSES] = {ipv4("127.0.0.1")};
    rsmi_time_t begin;
    uint16_t port;
    int door, client, tries = 0;

    cr_assert_eq(rsmi_socket_listen_tcp(&door, &port), RSM_SUCCESS);
    cr_assert_eq(listen(door, 0), 0);
    do {
        begin = rsmi_clock_now();
    } while (
        (rsmi_socket_connect_tcp(list, port, 1000, rsmi_deadline_in_ms(100),
                                 &client) == RSM_SUCCESS) &&
        (++tries < 100));
    cr_assert_lt(tries, 100, "the queue has no end");
    cr_assert_geq(rsmi_clock_now() - begin, 100000000);
    cr_assert_lt(rsmi_clock_now() - begin, 5000000000);
}

Test(socket, own_addresses_are_those_of_other_networks)
{
    rsmi_socket_address_t list[RSMI_SOCKET_ADDRESSES];
    size_t idx;

    rsmi_socket_addresses(list);
    for (idx = 0; (idx < RSMI_SOCKET_ADDRESSES) && (list[idx].family != 0);
         ++idx) {
        if (list[idx].family == AF_INET) {
            cr_assert_neq(list[idx].bytes[0], 127);
        } else {
            cr_assert_eq(list[idx].family, AF_INET6);
            cr_assert(!IN6_IS_ADDR_LINKLOCAL(
                (const struct in6_addr *)list[idx].bytes));
            cr_assert(!IN6_IS_ADDR_LOOPBACK(
                (const struct in6_addr *)list[idx].bytes));
        }
    }
}

/* --- descriptors exhausted ------------------------------------------------------ */

static struct rlimit take_descriptors(void)
{
    struct rlimit none, old;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    return old;
}

Test(socket, without_descriptors_nothing_is_opened)
{
    rsmi_socket_address_t list[RSMI_SOCKET_ADDRESSES] = {ipv4("127.0.0.1")};
    struct rlimit old = take_descriptors();
    int codes[4], fd;
    uint16_t port;

    codes[0] = rsmi_socket_listen_unix("other", &fd);
    codes[1] = rsmi_socket_listen_tcp(&fd, &port);
    codes[2] = rsmi_socket_connect_unix(name, soon(), &fd);
    codes[3] = rsmi_socket_connect_tcp(list, 1, 1000, soon(), &fd);
    rsmi_socket_addresses(list);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(codes[0], RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(codes[1], RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(codes[2], RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(codes[3], RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(list[0].family, 0);
}

/* The one who knocks is turned away instead of knocking for ever. */
Test(socket, the_spare_descriptor_turns_away_who_cannot_be_let_in)
{
    struct rlimit old, limit;
    char byte;
    int client, got;

    cr_assert_eq(rsmi_socket_connect_unix(name, soon(), &client), RSM_SUCCESS);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = (rlim_t)spare + 1;
    cr_assert_gt(client, spare, "a lower number is free");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    got = rsmi_socket_accept(listener, &spare);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(got, -1);
    cr_assert_geq(spare, 0, "the spare one was not opened again");
    cr_assert(is_ready(client));
    cr_assert_eq(recv(client, &byte, 1, MSG_DONTWAIT), 0, "it still waits");
}
