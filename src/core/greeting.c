/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/link.h"

#include "boot/boot.h"
#include "core/node.h"
#include "core/runtime.h"
#include "ctrl/bell.h"
#include "ctrl/life.h"
#include "util/config.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

/* How often the bootstrap is asked about one who knocks: it may answer from
 * before the process published its record. */
#define GREETING_QUESTIONS 100

/* Sockets at a time that have not said whose they are. */
#define GREETING_STRANGERS 256

typedef struct {
    rsmi_source_t source; /* first member */
    bool is_unix;
} door_t;

static door_t greeting_doors[2] = {{.source.fd = -1, .is_unix = true},
                                   {.source.fd = -1}};
/* The service thread's; changed under the directory lock, so that the child of
 * a fork finds it in order. The newest comes first: who is looked for has come a
 * moment ago, and there may be thousands. */
static rsmi_link_t *greeting_links;
static unsigned greeting_strangers; /* links that have not said who they are */
static int greeting_spare = -1;     /* see rsmi_socket_accept() */
static uint64_t greeting_last_serial;

void rsmi_link_free(rsmi_link_t *link)
{
    rsmi_lock(&rsmi_directory_lock);
    DL_DELETE(greeting_links, link);
    rsmi_unlock(&rsmi_directory_lock);
    greeting_strangers -= (link->state == RSMI_LINK_NEW) ? 1 : 0;
    rsmi_service_forget(&link->source);
    (void)close(link->source.fd);
    if (link->passed >= 0) {
        (void)close(link->passed);
    }
    rsmi_identity_clear(&link->identity);
    free(link);
}

static void link_drop(rsmi_link_t *link)
{
    if (link->client != NULL) {
        rsmi_client_free(link->client);
    } else {
        rsmi_link_free(link);
    }
}

void rsmi_client_close_all(void)
{
    size_t idx;

    while (greeting_links != NULL) {
        link_drop(greeting_links);
    }
    if (greeting_spare >= 0) {
        (void)close(greeting_spare);
        greeting_spare = -1;
    }
    for (idx = 0; idx < RSMI_COUNT_OF(greeting_doors); ++idx) {
        if (greeting_doors[idx].source.fd >= 0) {
            (void)close(greeting_doors[idx].source.fd);
            greeting_doors[idx].source.fd = -1;
        }
    }
}

void rsmi_client_forked(void)
{
    rsmi_link_t *link;
    size_t idx;

    DL_FOREACH(greeting_links, link)
    {
        (void)close(link->source.fd);
        if (link->passed >= 0) {
            (void)close(link->passed);
        }
    }
    if (greeting_spare >= 0) {
        (void)close(greeting_spare);
    }
    for (idx = 0; idx < RSMI_COUNT_OF(greeting_doors); ++idx) {
        if (greeting_doors[idx].source.fd >= 0) {
            (void)close(greeting_doors[idx].source.fd);
        }
    }
}

/* --- who knocks ------------------------------------------------------------ */

/* Processes of our own user, who could reach all of our memory anyway, count
 * events for themselves. */
static bool greeting_is_our_user(const rsmi_identity_t *identity)
{
    return identity->is_vouched &&
           ((identity->uid == geteuid()) || (identity->uid == 0));
}

static bool greeting_welcome(rsmi_link_t *link, int rc)
{
    rsmi_wire_welcome_t welcome = {.rc = rc};
    struct iovec part = {&welcome, sizeof(welcome)};
    int fds[2] = {rsmi_life_fd(), rsmi_bell_fd()};
    size_t fd_count = 0;

    if (link->is_unix && (link->state == RSMI_LINK_REQUESTS)) {
        fd_count = greeting_is_our_user(&link->identity) ? 2 : 1;
    }

    rsmi_frame_init(&welcome.header, RSMI_WIRE_WELCOME, sizeof(welcome), 0);
    return rsmi_frame_answer(link->source.fd, &part, 1, fds, fd_count) ==
           RSMI_SEND_DONE;
}

/* The process at the other end is the one that the bootstrap knows by this
 * rank. A process of another pid namespace has no number here. */
static bool greeting_is_who_it_says(const rsmi_link_t *link,
                                    const rsmi_node_record_t *record)
{
    if (!link->identity.is_vouched) {
        return true; /* it knows our secret, so it belongs to the job */
    }
    return (link->identity.pid == 0) ||
           (record->pid_space != rsmi_node_self()->pid_space) ||
           ((uint32_t)link->identity.pid == record->pid);
}

/* What cannot be used is done without. */
static void greeting_take_bells(rsmi_link_t *link)
{
    if (link->passed < 0) {
        return;
    }
    if (greeting_is_our_user(&link->identity)) {
        (void)rsmi_bell_attach(link->passed, &link->client->bells);
    }
    (void)close(link->passed);
    link->passed = -1;
}

static void greeting_admit(rsmi_link_t *link, const rsmi_node_record_t *record)
{
    rsmi_client_t *client;

    if (!greeting_is_who_it_says(link, record)) {
        rsmi_warn("core",
                  "process %d says it is rank %u, which it is not; "
                  "it is turned away",
                  (int)link->identity.pid, link->rank);
        link_drop(link);
        return;
    }
    if (!link->identity.is_vouched) {
        link->identity.uid = record->uid;
        link->identity.gid = record->gid;
    }
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        link_drop(link);
        return;
    }
    client->requests = link;
    link->client = client;
    link->state = RSMI_LINK_REQUESTS;
    greeting_take_bells(link);
    rsmi_service_change(&link->source, EPOLLIN);
    if (!greeting_welcome(link, RSM_SUCCESS)) {
        link_drop(link);
    }
}

typedef struct {
    uint64_t serial;
    int rc;
    rsmi_node_record_t record;
} greeting_verdict_t;

static void greeting_verify(rsmi_link_t *link);

static void greeting_verified(void *arg)
{
    greeting_verdict_t *verdict = arg;
    rsmi_link_t *link;

    DL_SEARCH_SCALAR(greeting_links, link, serial, verdict->serial);
    if (link != NULL) {
        if (verdict->rc == RSM_SUCCESS) {
            greeting_admit(link, &verdict->record);
        } else if ((verdict->rc == RSMERR_SEG_NOT_PUBLISHED) &&
                   (link->questions < GREETING_QUESTIONS)) {
            greeting_verify(link); /* the answer was older than the knock */
        } else {
            link_drop(link);
        }
    }
    free(verdict);
}

/* From any thread: the bootstrap has answered. */
static void greeting_record_came(int rc, const void *record, size_t size,
                                 void *arg)
{
    greeting_verdict_t *verdict = arg;

    verdict->rc = rc;
    if (rc == RSM_SUCCESS) {
        if (rsmi_node_record_is_good(record, size)) {
            memcpy(&verdict->record, record, sizeof(verdict->record));
        } else {
            verdict->rc = RSMERR_REMOTE_NODE_UNREACHABLE;
        }
    }
    if (rsmi_service_call(greeting_verified, verdict) != RSM_SUCCESS) {
        free(verdict); /* the importer's deadline ends its wait */
    }
}

static void greeting_verify(rsmi_link_t *link)
{
    greeting_verdict_t *verdict;

    verdict = malloc(sizeof(*verdict));
    if (verdict == NULL) {
        link_drop(link);
        return;
    }
    verdict->serial = link->serial;
    ++link->questions;
    rsmi_service_change(&link->source, 0);
    rsmi_boot_fetch_nowait(link->rank, greeting_record_came, verdict);
}

/* The second socket of an importer that has been admitted. */
static void greeting_join(rsmi_link_t *link)
{
    rsmi_link_t *first;

    DL_FOREACH(greeting_links, first)
    {
        if ((first->state == RSMI_LINK_REQUESTS) &&
            (first->session == link->session) && (first->rank == link->rank) &&
            (first->identity.pid == link->identity.pid) &&
            (first->client->events == NULL)) {
            break;
        }
    }
    if (first == NULL) {
        link_drop(link);
        return;
    }
    link->state = RSMI_LINK_EVENTS;
    rsmi_lock(&rsmi_directory_lock);
    link->client = first->client;
    first->client->events = link;
    rsmi_unlock(&rsmi_directory_lock);
    if (!greeting_welcome(link, RSM_SUCCESS)) {
        link_drop(link);
    }
}

static void greeting_hello(rsmi_link_t *link)
{
    rsmi_wire_hello_t hello;

    memcpy(&hello, link->reader.bytes, sizeof(hello));
    if ((hello.header.type != RSMI_WIRE_HELLO) ||
        (hello.header.size != sizeof(hello)) ||
        (hello.version != RSMI_WIRE_VERSION) ||
        ((hello.role != RSMI_ROLE_REQUEST) &&
         (hello.role != RSMI_ROLE_EVENT)) ||
        (hello.rank >= rsmi_runtime_size()) ||
        (memcmp(hello.secret, rsmi_node_self()->secret, sizeof(hello.secret)) !=
         0)) {
        rsmi_warn("core", "somebody who does not belong to this job knocked "
                          "and was turned away");
        link_drop(link);
        return;
    }
    --greeting_strangers;
    link->state = RSMI_LINK_VERIFYING;
    link->rank = hello.rank;
    link->session = hello.session;
    if (hello.role == RSMI_ROLE_REQUEST) {
        greeting_verify(link);
    } else {
        greeting_join(link);
    }
}

static void link_hear_hello(rsmi_link_t *link)
{
    rsmi_frame_state_t state;

    state =
        rsmi_frame_poll_passed(link->source.fd, &link->reader, &link->passed);
    if (state == RSMI_FRAME_READY) {
        greeting_hello(link);
    } else if (state == RSMI_FRAME_CLOSED) {
        link_drop(link);
    }
}

static void link_serve(rsmi_link_t *link)
{
    rsmi_frame_state_t state;

    do {
        state = rsmi_frame_poll(link->source.fd, &link->reader);
        if ((state == RSMI_FRAME_READY) && !rsmi_client_serve(link)) {
            rsmi_warn("core", "rank %u sent what is no request; it is cut off",
                      link->rank);
            state = RSMI_FRAME_CLOSED;
        }
        if (state == RSMI_FRAME_CLOSED) {
            link_drop(link);
            return;
        }
    } while (rsmi_frame_has_more(&link->reader));
}

static void link_ready(rsmi_source_t *source, uint32_t events)
{
    rsmi_link_t *link = (rsmi_link_t *)source;

    if ((events & EPOLLOUT) != 0) {
        rsmi_client_flush(link);
    }
    if (link->state == RSMI_LINK_VERIFYING) { /* only hang-up is reported now */
        link_drop(link);
        return;
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) {
        return;
    }
    if (link->state == RSMI_LINK_NEW) {
        link_hear_hello(link);
    } else {
        link_serve(link);
    }
}

/* Anybody may connect; who stands there without a word makes room for others
 * before all descriptors are gone. */
static void greeting_drop_oldest_stranger(void)
{
    rsmi_link_t *link, *oldest = NULL;

    DL_FOREACH(greeting_links, link)
    {
        oldest = (link->state == RSMI_LINK_NEW) ? link : oldest;
    }
    if (oldest != NULL) {
        rsmi_link_free(oldest);
    }
}

/* --- doors ---------------------------------------------------------------- */

static void door_ready(rsmi_source_t *source, uint32_t events)
{
    door_t *door = (door_t *)source;
    rsmi_link_t *link;
    int fd;

    (void)events;
    fd = rsmi_socket_accept(source->fd, &greeting_spare);
    if (fd < 0) {
        return;
    }
    if (greeting_strangers == GREETING_STRANGERS) {
        greeting_drop_oldest_stranger();
    }
    link = calloc(1, sizeof(*link));
    if (link == NULL) {
        (void)close(fd);
        return;
    }
    link->source.fd = fd;
    link->source.ready = link_ready;
    link->passed = -1;
    link->is_unix = door->is_unix;
    link->serial = ++greeting_last_serial;
    rsmi_lock(&rsmi_directory_lock);
    DL_PREPEND(greeting_links, link);
    rsmi_unlock(&rsmi_directory_lock);
    ++greeting_strangers;
    if (!link->is_unix) {
        rsmi_socket_watch_tcp(fd, rsmi_config.peer_timeout);
    }
    if ((rsmi_socket_identify(fd, link->is_unix, &link->identity) !=
         RSM_SUCCESS) ||
        (rsmi_service_watch(&link->source, EPOLLIN) != RSM_SUCCESS)) {
        rsmi_link_free(link);
    }
}

int rsmi_client_listen(const char *name, bool has_other_hosts, uint16_t *port_p)
{
    size_t idx;
    int rc;

    *port_p = 0;
    greeting_spare = rsmi_socket_spare();
    rc = rsmi_socket_listen_unix(name, &greeting_doors[0].source.fd);
    if ((rc == RSM_SUCCESS) && has_other_hosts) {
        rc = rsmi_socket_listen_tcp(&greeting_doors[1].source.fd, port_p);
    }
    for (idx = 0; idx < RSMI_COUNT_OF(greeting_doors); ++idx) {
        if ((rc == RSM_SUCCESS) && (greeting_doors[idx].source.fd >= 0)) {
            greeting_doors[idx].source.ready = door_ready;
            rc = rsmi_service_watch(&greeting_doors[idx].source, EPOLLIN);
        }
    }
    return rc;
}
