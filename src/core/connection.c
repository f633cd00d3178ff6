/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/segment.h"

#include "core/client.h"
#include "util/log.h"

#include <stdlib.h>
#include <utlist.h>

/* Signalled when a connection goes. */
static pthread_cond_t connection_gone;
static pthread_once_t connection_once = PTHREAD_ONCE_INIT;

static void connection_setup(void)
{
    rsmi_cond_init(&connection_gone);
}

int rsmi_connection_open(rsmi_export_t *segment, struct rsmi_client *client,
                         uint64_t cookie, rsmi_path_t path,
                         rsmi_connection_t **connection_p)
{
    rsmi_connection_t *connection;

    connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    connection->cookie = cookie;
    connection->client = client;
    connection->owner = segment;
    connection->path = path;
    if (!rsmi_client_add(client, connection)) {
        free(connection);
        return RSMERR_INSUFFICIENT_MEM;
    }
    DL_APPEND(segment->connections, connection);
    ++segment->connection_count;
    *connection_p = connection;
    return RSM_SUCCESS;
}

void rsmi_connection_detach(rsmi_connection_t *connection)
{
    rsmi_export_t *segment = connection->owner;

    if (segment == NULL) {
        return;
    }
    DL_DELETE(segment->connections, connection);
    --segment->connection_count;
    connection->owner = NULL;
    (void)pthread_once(&connection_once, connection_setup);
    (void)pthread_cond_broadcast(&connection_gone);
}

void rsmi_connection_close(rsmi_connection_t *connection, bool is_clean)
{
    if (!is_clean && (connection->owner != NULL) &&
        ((connection->path & RSMI_PATH_SAME_HOST) == 0)) {
        connection->owner->is_landing_dirty = true;
    }
    rsmi_connection_detach(connection);
    rsmi_client_remove(connection->client, connection);
    free(connection);
}

void rsmi_connection_withdraw(rsmi_connection_t *connection)
{
    if (connection->is_withdrawing) {
        return;
    }
    connection->is_withdrawing = true;
    connection->owes_withdraw = true;
    (void)rsmi_connection_flush(connection);
}

static bool connection_send(rsmi_connection_t *connection, const void *message,
                            size_t size) RSMI_REQUIRES(rsmi_directory_lock)
{
    return rsmi_client_send(connection->client, message, size) !=
           RSMI_SEND_FULL;
}

/* Events first: they were posted before the withdrawal. */
static bool connection_flush_events(rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_wire_notify_t notify;

    if ((connection->owes_events == 0) && !connection->owes_optional &&
        !connection->owes_nudge) {
        return true;
    }
    rsmi_frame_init(&notify.header, RSMI_WIRE_NOTIFY, sizeof(notify), 0);
    notify.cookie = connection->cookie;
    notify.events = connection->owes_events;
    notify.is_optional = connection->owes_optional;
    if (!connection_send(connection, &notify, sizeof(notify))) {
        return false;
    }
    connection->owes_events = 0;
    connection->owes_optional = false;
    connection->owes_nudge = false;
    return true;
}

void rsmi_connection_post(rsmi_connection_t *connection, bool is_optional)
{
    if (connection->bell != NULL) {
        if (rsmi_bell_post(connection->bell, connection->bell_generation,
                           is_optional ? 0 : 1,
                           is_optional) != RSMI_BELL_NUDGE) {
            return;
        }
        connection->owes_nudge = true;
    } else if (is_optional) {
        connection->owes_optional = true;
    } else {
        ++connection->owes_events;
    }
    (void)rsmi_connection_flush(connection);
}

bool rsmi_connection_flush(rsmi_connection_t *connection)
{
    rsmi_wire_withdraw_t withdraw;

    if (!connection_flush_events(connection)) {
        return false;
    }
    if (connection->owes_withdraw) {
        rsmi_frame_init(&withdraw.header, RSMI_WIRE_WITHDRAW, sizeof(withdraw),
                        0);
        withdraw.cookie = connection->cookie;
        if (!connection_send(connection, &withdraw, sizeof(withdraw))) {
            return false;
        }
        connection->owes_withdraw = false;
    }
    return true;
}

void rsmi_connection_await(rsmi_export_t *segment, rsmi_time_t deadline)
{
    (void)pthread_once(&connection_once, connection_setup);
    while (segment->connections != NULL) {
        if (!rsmi_cond_wait_until(&connection_gone, &rsmi_directory_lock,
                                  deadline)) {
            return;
        }
    }
}
