/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers as the exporter sees them: one *client* for each process (and
 * identity) that has connected its two sockets to us. Reading and answering
 * happen in the service thread; events are sent by whoever causes them, under
 * the directory lock. */
#ifndef RSMI_CLIENT_H
#define RSMI_CLIENT_H

#include "core/segment.h"
#include "ctrl/frame.h"

typedef struct rsmi_client rsmi_client_t;

/* Open our doors. @p name and @p port go into the node's record; port 0: no
 * other host takes part. */
int rsmi_client_listen(const char *name, bool has_other_hosts,
                       uint16_t *port_p);

/* Service thread stopped: drop everybody. */
void rsmi_client_close_all(void);

/* In the child of a fork: close the parent's sockets. */
void rsmi_client_forked(void);

/* --- for connection.c (directory lock) ------------------------------------ */

bool rsmi_client_add(rsmi_client_t *client, rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock);
void rsmi_client_remove(rsmi_client_t *client, rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock);

/* One message on the event socket. When it is full the client's connections
 * are flushed once it is writable again. */
rsmi_send_state_t rsmi_client_send(rsmi_client_t *client, const void *message,
                                   size_t size)
    RSMI_REQUIRES(rsmi_directory_lock);

/* --- for offer.c ---------------------------------------------------------- */

uint32_t rsmi_client_rank(const rsmi_client_t *client);
const rsmi_identity_t *rsmi_client_identity(const rsmi_client_t *client);
bool rsmi_client_is_local(const rsmi_client_t *client);

/* The importer's counter, NULL: it counts itself. */
rsmi_bell_t *rsmi_client_bell(const rsmi_client_t *client, uint32_t slot);

/* Decide on a request to connect and answer it on @p fd. False: the answer did
 * not get out whole, and the socket is of no use any more. */
bool rsmi_offer_answer(rsmi_client_t *client, int fd,
                       const rsmi_wire_connect_t *request);

#endif
