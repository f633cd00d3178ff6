/* SPDX-License-Identifier: BSD-3-Clause */
/* Accepted sockets. greeting.c opens the doors, finds out who knocks and joins
 * an importer's two sockets into one client; client.c serves it. All of it is
 * the service thread's, but for what a comment says otherwise. */
#ifndef RSMI_LINK_H
#define RSMI_LINK_H

#include "core/client.h"
#include "core/service.h"
#include "ctrl/bell.h"

typedef enum {
    RSMI_LINK_NEW,       /* has not said who it is */
    RSMI_LINK_VERIFYING, /* has, and the bootstrap is being asked */
    RSMI_LINK_REQUESTS,  /* an importer's request socket */
    RSMI_LINK_EVENTS     /* an importer's event socket */
} rsmi_link_state_t;

/* One accepted socket. Service thread only, but for sending on event
 * sockets. */
typedef struct rsmi_link {
    rsmi_source_t source; /* first member */
    uint64_t serial;      /* names the link while the bootstrap is asked */
    rsmi_link_state_t state;
    bool is_unix;
    unsigned questions; /* to the bootstrap */
    rsmi_frame_reader_t reader;
    int passed; /* a descriptor that came with its first word; -1: none */
    rsmi_identity_t identity;
    uint32_t rank;
    uint64_t session;
    rsmi_client_t *client;
    struct rsmi_link *prev, *next;
} rsmi_link_t;

struct rsmi_client {
    rsmi_link_t *requests;
    rsmi_link_t *events;    /* NULL until it has come */
    rsmi_bell_view_t bells; /* of a process of our user */
    rsmi_frame_rest_t rest RSMI_GUARDED_FIELD(rsmi_directory_lock);
    rsmi_connection_t *connections RSMI_GUARDED_FIELD(rsmi_directory_lock);
    unsigned char *card; /* pieces that have come; service thread */
    size_t card_size;
    size_t card_room;
};

/* --- greeting.c ------------------------------------------------------------ */

/* Takes the link off the list and frees it, and nothing else. */
void rsmi_link_free(rsmi_link_t *link);

/* --- client.c --------------------------------------------------------------- */

/* A message has come from somebody who was admitted. False: it is none that
 * belongs here. */
bool rsmi_client_serve(rsmi_link_t *link);

/* The event socket has room again. */
void rsmi_client_flush(rsmi_link_t *link);

/* The process is gone, or talks nonsense: forget all it had, links included. */
void rsmi_client_free(rsmi_client_t *client);

#endif
