/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/link.h"

#include "util/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

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

rsmi_bell_t *rsmi_client_bell(const rsmi_client_t *client, uint32_t slot)
{
    return ((client->bells.bells != NULL) && (slot < rsmi_bell_slots()))
               ? &client->bells.bells[slot]
               : NULL;
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

void rsmi_client_free(rsmi_client_t *client)
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
    rsmi_bell_detach(&client->bells);
    rsmi_link_free(client->requests);
    if (client->events != NULL) {
        rsmi_link_free(client->events);
    }
    free(client->card);
    free(client);
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
    if ((connection == NULL) || (connection->owner == NULL)) {
        /* cut off meanwhile */
    } else if (post->is_nudge != 0) {
        rsmi_event_nudge(&connection->owner->event);
    } else {
        rsmi_event_post(&connection->owner->event, is_optional ? 0 : 1,
                        is_optional);
    }
    rsmi_unlock(&rsmi_directory_lock);
}

/* Whatever becomes of it, the importer hears by UCX or not at all. */
static void client_greet(const rsmi_client_t *client,
                         const rsmi_wire_card_t *piece)
{
    rsmi_fabric_kind_t kind = (rsmi_fabric_kind_t)piece->kind;
    rsmi_fabric_card_t card = {.number = piece->number,
                               .token = piece->token,
                               .address = client->card,
                               .size = client->card_size};

    (void)rsmi_fabric_service_greet(kind, &card);
    rsmi_fabric_service_progress(kind);
}

/* False: it is no piece that could come now. */
static bool client_take_card(rsmi_client_t *client,
                             const rsmi_wire_card_t *piece)
{
    size_t len = piece->size - piece->offset;

    if ((piece->offset >= piece->size) || (piece->size > RSMI_WIRE_BLOB_MAX) ||
        (piece->kind >= RSMI_FABRIC_KINDS)) {
        return false;
    }
    if (piece->offset == 0) {
        free(client->card);
        client->card_size = 0;
        client->card_room = piece->size;
        client->card = calloc(1, piece->size);
    }
    if (client->card == NULL) {
        return true; /* no memory for the first piece */
    }
    if ((piece->offset != client->card_size) ||
        (piece->size > client->card_room)) {
        return false;
    }
    len = (len < sizeof(piece->bytes)) ? len : sizeof(piece->bytes);
    memcpy(client->card + client->card_size, piece->bytes, len);
    client->card_size += len;
    if (client->card_size == client->card_room) {
        client_greet(client, piece);
        free(client->card);
        client->card = NULL;
        client->card_size = 0;
    }
    return true;
}

bool rsmi_client_serve(rsmi_link_t *link)
{
    union {
        rsmi_wire_header_t header;
        rsmi_wire_connect_t connect;
        rsmi_wire_release_t release;
        rsmi_wire_post_t post;
        rsmi_wire_card_t card;
        char bytes[RSMI_WIRE_SMALL];
    } message;
    uint32_t size;

    memcpy(&message, link->reader.bytes, sizeof(message));
    size = message.header.size;
    if ((message.header.type == RSMI_WIRE_CONNECT) &&
        (size == sizeof(message.connect)) &&
        (link->state == RSMI_LINK_REQUESTS)) {
        return rsmi_offer_answer(link->client, link->source.fd,
                                 &message.connect);
    }
    if (((message.header.type == RSMI_WIRE_RELEASE) ||
         (message.header.type == RSMI_WIRE_WITHDRAWN)) &&
        (size == sizeof(message.release))) {
        client_release(link->client, &message.release);
        return true;
    }
    if ((message.header.type == RSMI_WIRE_POST) &&
        (size == sizeof(message.post)) && (link->state == RSMI_LINK_REQUESTS)) {
        client_post(link->client, &message.post);
        return true;
    }
    if ((message.header.type == RSMI_WIRE_CARD) &&
        (size == sizeof(message.card)) && (link->state == RSMI_LINK_REQUESTS)) {
        return client_take_card(link->client, &message.card);
    }
    return false;
}

void rsmi_client_flush(rsmi_link_t *link)
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
