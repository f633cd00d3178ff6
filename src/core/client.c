/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/client.h"

#include "boot/boot.h"
#include "core/node.h"
#include "core/runtime.h"
#include "core/service.h"
#include "ctrl/life.h"
#include "util/config.h"
#include "util/log.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

/* How often the bootstrap is asked about one who knocks: it may answer from
 * before the process published its record. */
#define CLIENT_QUESTIONS 100

/* Sockets at a time that have not said whose they are. */
#define CLIENT_STRANGERS 256

typedef enum {
    LINK_NEW,       /* has not said who it is */
    LINK_VERIFYING, /* has, and the bootstrap is being asked */
    LINK_REQUESTS,  /* an importer's request socket */
    LINK_EVENTS     /* an importer's event socket */
} link_state_t;

/* One accepted socket. Service thread only, but for sending on event
 * sockets. */
typedef struct link {
    rsmi_source_t source; /* first member */
    uint64_t serial;      /* names the link while the bootstrap is asked */
    link_state_t state;
    bool is_unix;
    unsigned questions; /* to the bootstrap */
    rsmi_frame_reader_t reader;
    rsmi_identity_t identity;
    uint32_t rank;
    uint64_t session;
    rsmi_client_t *client;
    struct link *prev, *next;
} link_t;

struct rsmi_client {
    link_t *requests;
    link_t *events; /* NULL until it has come */
    rsmi_frame_rest_t rest RSMI_GUARDED_FIELD(rsmi_directory_lock);
    rsmi_connection_t *connections RSMI_GUARDED_FIELD(rsmi_directory_lock);
};

typedef struct {
    rsmi_source_t source; /* first member */
    bool is_unix;
} door_t;

static door_t client_doors[2] = {{.source.fd = -1, .is_unix = true},
                                 {.source.fd = -1}};
/* The service thread's; changed under the directory lock, so that the child of
 * a fork finds it in order. */
static link_t *client_links;
static unsigned client_strangers; /* links that have not said who they are */
static int client_spare = -1;     /* see rsmi_socket_accept() */
static uint64_t client_last_serial;

uint32_t rsmi_client_rank(const rsmi_client_t *client)
{
    return client->requests->rank;
}

const rsmi_identity_t *rsmi_client_identity(const rsmi_client_t *client)
{
    return &client->requests->identity;
}

bool rsmi_client_is_local(const rsmi_client_t *client)
{
    return client->requests->is_unix;
}

bool rsmi_client_add(rsmi_client_t *client, rsmi_connection_t *connection)
{
    HASH_ADD(hh, client->connections, cookie, sizeof(connection->cookie),
             connection);
    return connection->hh.tbl != NULL;
}

void rsmi_client_remove(rsmi_client_t *client, rsmi_connection_t *connection)
{
    HASH_DELETE(hh, client->connections, connection);
}

rsmi_send_state_t rsmi_client_send(rsmi_client_t *client, const void *message,
                                   size_t size)
{
    rsmi_send_state_t state = RSMI_SEND_FULL;

    if (client->events != NULL) {
        state = rsmi_frame_try_send(client->events->source.fd, &client->rest,
                                    message, size);
    }
    if ((client->events != NULL) &&
        ((state == RSMI_SEND_FULL) || (client->rest.size > 0))) {
        rsmi_service_change(&client->events->source, EPOLLIN | EPOLLOUT);
    }
    return state;
}

/* --- leaving -------------------------------------------------------------- */

static void link_free(link_t *link)
{
    rsmi_lock(&rsmi_directory_lock);
    DL_DELETE(client_links, link);
    rsmi_unlock(&rsmi_directory_lock);
    client_strangers -= (link->state == LINK_NEW) ? 1 : 0;
    rsmi_service_forget(&link->source);
    (void)close(link->source.fd);
    rsmi_identity_clear(&link->identity);
    free(link);
}

/* A process loses its memory before its sockets. One that has memory still has
 * our pages in it; a number of another pid namespace tells nothing. */
static bool client_has_memory(const rsmi_client_t *client)
{
    const rsmi_identity_t *identity = &client->requests->identity;
    char path[64], first = '0';
    int fd;

    if (!identity->is_vouched || (identity->pid == 0)) {
        return identity->is_vouched;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)identity->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, &first, 1) != 1) {
            first = '0';
        }
        (void)close(fd);
    }
    return first != '0';
}

/* The process is gone, or talks nonsense: forget all it had. */
static void client_free(rsmi_client_t *client)
{
    bool has_pages = client_has_memory(client);
    rsmi_connection_t *connection, *next;

    rsmi_lock(&rsmi_directory_lock);
    HASH_ITER(hh, client->connections, connection, next)
    {
        if (has_pages && (connection->owner != NULL) &&
            ((connection->path & RSMI_PATH_SAME_HOST) != 0)) {
            connection->owner->are_pages_held = true;
        }
        rsmi_connection_close(connection, false);
    }
    rsmi_unlock(&rsmi_directory_lock);
    link_free(client->requests);
    if (client->events != NULL) {
        link_free(client->events);
    }
    free(client);
}

static void link_drop(link_t *link)
{
    if (link->client != NULL) {
        client_free(link->client);
    } else {
        link_free(link);
    }
}

void rsmi_client_close_all(void)
{
    size_t idx;

    while (client_links != NULL) {
        link_drop(client_links);
    }
    if (client_spare >= 0) {
        (void)close(client_spare);
        client_spare = -1;
    }
    for (idx = 0; idx < RSMI_COUNT_OF(client_doors); ++idx) {
        if (client_doors[idx].source.fd >= 0) {
            (void)close(client_doors[idx].source.fd);
            client_doors[idx].source.fd = -1;
        }
    }
}

void rsmi_client_forked(void)
{
    link_t *link;
    size_t idx;

    DL_FOREACH(client_links, link)
    {
        (void)close(link->source.fd);
    }
    if (client_spare >= 0) {
        (void)close(client_spare);
    }
    for (idx = 0; idx < RSMI_COUNT_OF(client_doors); ++idx) {
        if (client_doors[idx].source.fd >= 0) {
            (void)close(client_doors[idx].source.fd);
        }
    }
}

/* --- greeting ------------------------------------------------------------- */

static bool client_welcome(link_t *link, int rc)
{
    bool has_life = link->is_unix && (link->state == LINK_REQUESTS);
    rsmi_wire_welcome_t welcome = {.rc = rc};
    struct iovec part = {&welcome, sizeof(welcome)};
    int fd = rsmi_life_fd();

    rsmi_frame_init(&welcome.header, RSMI_WIRE_WELCOME, sizeof(welcome), 0);
    return rsmi_frame_answer(link->source.fd, &part, 1, &fd,
                             has_life ? 1 : 0) == RSMI_SEND_DONE;
}

/* The process at the other end is the one that the bootstrap knows by this
 * rank. A process of another pid namespace has no number here. */
static bool client_is_who_it_says(const link_t *link,
                                  const rsmi_node_record_t *record)
{
    if (!link->identity.is_vouched) {
        return true; /* it knows our secret, so it belongs to the job */
    }
    return (link->identity.pid == 0) ||
           (record->pid_space != rsmi_node_self()->pid_space) ||
           ((uint32_t)link->identity.pid == record->pid);
}

static void client_admit(link_t *link, const rsmi_node_record_t *record)
{
    rsmi_client_t *client;

    if (!client_is_who_it_says(link, record)) {
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
    link->state = LINK_REQUESTS;
    rsmi_service_change(&link->source, EPOLLIN);
    if (!client_welcome(link, RSM_SUCCESS)) {
        link_drop(link);
    }
}

typedef struct {
    uint64_t serial;
    int rc;
    rsmi_node_record_t record;
} client_verdict_t;

static void client_verify(link_t *link);

static void client_verified(void *arg)
{
    client_verdict_t *verdict = arg;
    link_t *link;

    DL_SEARCH_SCALAR(client_links, link, serial, verdict->serial);
    if (link != NULL) {
        if (verdict->rc == RSM_SUCCESS) {
            client_admit(link, &verdict->record);
        } else if ((verdict->rc == RSMERR_SEG_NOT_PUBLISHED) &&
                   (link->questions < CLIENT_QUESTIONS)) {
            client_verify(link); /* the answer was older than the knock */
        } else {
            link_drop(link);
        }
    }
    free(verdict);
}

/* From any thread: the bootstrap has answered. */
static void client_record_came(int rc, const void *record, size_t size,
                               void *arg)
{
    client_verdict_t *verdict = arg;

    verdict->rc = rc;
    if (rc == RSM_SUCCESS) {
        if (rsmi_node_record_is_good(record, size)) {
            memcpy(&verdict->record, record, sizeof(verdict->record));
        } else {
            verdict->rc = RSMERR_REMOTE_NODE_UNREACHABLE;
        }
    }
    if (rsmi_service_call(client_verified, verdict) != RSM_SUCCESS) {
        free(verdict); /* the importer's deadline ends its wait */
    }
}

static void client_verify(link_t *link)
{
    client_verdict_t *verdict;

    verdict = malloc(sizeof(*verdict));
    if (verdict == NULL) {
        link_drop(link);
        return;
    }
    verdict->serial = link->serial;
    ++link->questions;
    rsmi_service_change(&link->source, 0);
    rsmi_boot_fetch_nowait(link->rank, client_record_came, verdict);
}

/* The second socket of an importer that has been admitted. */
static void client_join(link_t *link)
{
    link_t *first;

    DL_FOREACH(client_links, first)
    {
        if ((first->state == LINK_REQUESTS) &&
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
    link->state = LINK_EVENTS;
    rsmi_lock(&rsmi_directory_lock);
    link->client = first->client;
    first->client->events = link;
    rsmi_unlock(&rsmi_directory_lock);
    if (!client_welcome(link, RSM_SUCCESS)) {
        link_drop(link);
    }
}

static void client_hello(link_t *link)
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
    --client_strangers;
    link->state = LINK_VERIFYING;
    link->rank = hello.rank;
    link->session = hello.session;
    if (hello.role == RSMI_ROLE_REQUEST) {
        client_verify(link);
    } else {
        client_join(link);
    }
}

/* --- requests ------------------------------------------------------------- */

static rsmi_connection_t *client_find(rsmi_client_t *client, uint64_t cookie)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_connection_t *connection;

    HASH_FIND(hh, client->connections, &cookie, sizeof(cookie), connection);
    return connection;
}

static void client_release(rsmi_client_t *client,
                           const rsmi_wire_release_t *release)
{
    rsmi_connection_t *connection;

    rsmi_lock(&rsmi_directory_lock);
    connection = client_find(client, release->cookie);
    if (connection != NULL) {
        rsmi_connection_close(connection, release->is_clean != 0);
    }
    rsmi_unlock(&rsmi_directory_lock);
}

static void client_post(rsmi_client_t *client, const rsmi_wire_post_t *post)
{
    bool is_optional = (post->flags & RSM_SIGPOST_NO_ACCUMULATE) != 0;
    rsmi_connection_t *connection;

    rsmi_lock(&rsmi_directory_lock);
    connection = client_find(client, post->cookie);
    if ((connection != NULL) && (connection->owner != NULL)) {
        rsmi_event_post(&connection->owner->event, is_optional ? 0 : 1,
                        is_optional);
    }
    rsmi_unlock(&rsmi_directory_lock);
}

/* Asked after transfers from another host: they have landed in the segment if
 * it has not been withdrawn by now. */
static bool client_confirm(link_t *link, const rsmi_wire_withdraw_t *question)
{
    rsmi_wire_welcome_t answer = {.rc = RSMERR_CONN_ABORTED};
    struct iovec part = {&answer, sizeof(answer)};
    rsmi_connection_t *connection;

    rsmi_frame_init(&answer.header, RSMI_WIRE_CONFIRMED, sizeof(answer),
                    question->header.tag);
    rsmi_lock(&rsmi_directory_lock);
    connection = client_find(link->client, question->cookie);
    if ((connection != NULL) && (connection->owner != NULL) &&
        !connection->is_withdrawing) {
        answer.rc = RSM_SUCCESS;
    }
    rsmi_unlock(&rsmi_directory_lock);
    return rsmi_frame_answer(link->source.fd, &part, 1, NULL, 0) ==
           RSMI_SEND_DONE;
}

/* False: not a message that belongs here. */
static bool client_request(link_t *link)
{
    union {
        rsmi_wire_header_t header;
        rsmi_wire_connect_t connect;
        rsmi_wire_release_t release;
        rsmi_wire_post_t post;
        rsmi_wire_withdraw_t confirm;
        char bytes[RSMI_WIRE_SMALL];
    } message;
    uint32_t size;

    memcpy(&message, link->reader.bytes, sizeof(message));
    size = message.header.size;
    if ((message.header.type == RSMI_WIRE_CONNECT) &&
        (size == sizeof(message.connect)) && (link->state == LINK_REQUESTS)) {
        return rsmi_offer_answer(link->client, link->source.fd,
                                 &message.connect);
    }
    if (((message.header.type == RSMI_WIRE_RELEASE) ||
         (message.header.type == RSMI_WIRE_WITHDRAWN)) &&
        (size == sizeof(message.release))) {
        client_release(link->client, &message.release);
        return true;
    }
    if ((message.header.type == RSMI_WIRE_CONFIRM) &&
        (size == sizeof(message.confirm)) && (link->state == LINK_REQUESTS)) {
        return client_confirm(link, &message.confirm);
    }
    if ((message.header.type == RSMI_WIRE_POST) &&
        (size == sizeof(message.post)) && (link->state == LINK_REQUESTS)) {
        client_post(link->client, &message.post);
        return true;
    }
    return false;
}

/* The event socket has room again. */
static void client_flush(link_t *link)
{
    rsmi_connection_t *connection, *next;
    rsmi_client_t *client = link->client;
    bool is_done;

    rsmi_lock(&rsmi_directory_lock);
    rsmi_service_change(&link->source, EPOLLIN);
    is_done = rsmi_client_send(client, NULL, 0) != RSMI_SEND_FULL;
    HASH_ITER(hh, client->connections, connection, next)
    {
        is_done = is_done && rsmi_connection_flush(connection);
    }
    rsmi_unlock(&rsmi_directory_lock);
}

static void link_ready(rsmi_source_t *source, uint32_t events)
{
    link_t *link = (link_t *)source;
    rsmi_frame_state_t state;

    if ((events & EPOLLOUT) != 0) {
        client_flush(link);
    }
    if (link->state == LINK_VERIFYING) { /* only hang-up is reported now */
        link_drop(link);
        return;
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) {
        return;
    }
    state = rsmi_frame_poll(source->fd, &link->reader);
    if (state == RSMI_FRAME_NONE) {
        return;
    }
    if (state == RSMI_FRAME_CLOSED) {
        link_drop(link);
    } else if (link->state == LINK_NEW) {
        client_hello(link);
    } else if (!client_request(link)) {
        rsmi_warn("core", "rank %u sent what is no request; it is cut off",
                  link->rank);
        link_drop(link);
    }
}

/* Anybody may connect; who stands there without a word makes room for others
 * before all descriptors are gone. */
static void client_drop_oldest_stranger(void)
{
    link_t *link;

    DL_SEARCH_SCALAR(client_links, link, state, LINK_NEW);
    if (link != NULL) {
        link_free(link);
    }
}

/* --- doors ---------------------------------------------------------------- */

static void door_ready(rsmi_source_t *source, uint32_t events)
{
    door_t *door = (door_t *)source;
    link_t *link;
    int fd;

    (void)events;
    fd = rsmi_socket_accept(source->fd, &client_spare);
    if (fd < 0) {
        return;
    }
    if (client_strangers == CLIENT_STRANGERS) {
        client_drop_oldest_stranger();
    }
    link = calloc(1, sizeof(*link));
    if (link == NULL) {
        (void)close(fd);
        return;
    }
    link->source.fd = fd;
    link->source.ready = link_ready;
    link->is_unix = door->is_unix;
    link->serial = ++client_last_serial;
    rsmi_lock(&rsmi_directory_lock);
    DL_APPEND(client_links, link);
    rsmi_unlock(&rsmi_directory_lock);
    ++client_strangers;
    if (!link->is_unix) {
        rsmi_socket_watch_tcp(fd, rsmi_config.peer_timeout);
    }
    if ((rsmi_socket_identify(fd, link->is_unix, &link->identity) !=
         RSM_SUCCESS) ||
        (rsmi_service_watch(&link->source, EPOLLIN) != RSM_SUCCESS)) {
        link_free(link);
    }
}

int rsmi_client_listen(const char *name, bool has_other_hosts, uint16_t *port_p)
{
    size_t idx;
    int rc;

    *port_p = 0;
    client_spare = rsmi_socket_spare();
    rc = rsmi_socket_listen_unix(name, &client_doors[0].source.fd);
    if ((rc == RSM_SUCCESS) && has_other_hosts) {
        rc = rsmi_socket_listen_tcp(&client_doors[1].source.fd, port_p);
    }
    for (idx = 0; idx < RSMI_COUNT_OF(client_doors); ++idx) {
        if ((rc == RSM_SUCCESS) && (client_doors[idx].source.fd >= 0)) {
            client_doors[idx].source.ready = door_ready;
            rc = rsmi_service_watch(&client_doors[idx].source, EPOLLIN);
        }
    }
    return rc;
}
