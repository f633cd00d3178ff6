/* SPDX-License-Identifier: BSD-3-Clause */
/* Exported segments, their publication, and the importers connected to them.
 *
 *            create              publish
 *   (none) ---------> CREATED -----------> PUBLISHED -+ republish, rebind
 *                      |  ^ |                 |   ^---+
 *             destroy  |  | +<---unpublish----+
 *                      v  |                   | destroy
 *                   (freed)<------------------+
 *
 * A segment's own lock is held across each of these calls, waits included, so
 * that they never overlap. What the service thread looks at as well is guarded
 * by the directory lock, which nobody holds while waiting for a process. */
#ifndef RSMI_SEGMENT_H
#define RSMI_SEGMENT_H

#include "core/access.h"
#include "core/backing.h"
#include "core/controller.h"
#include "core/event.h"
#include "core/handle.h"
#include "core/landing.h"
#include "util/hash.h"
#include "util/lock.h"

typedef struct rsmi_export rsmi_export_t;
typedef struct rsmi_connection rsmi_connection_t;
struct rsmi_client;

extern rsmi_lock_t rsmi_directory_lock;

typedef enum { RSMI_EXPORT_CREATED, RSMI_EXPORT_PUBLISHED } rsmi_export_state_t;

struct rsmi_export {
    rsmi_object_t object;
    rsmi_lock_t lock; /* one call that changes the segment at a time */
    bool is_destroyed RSMI_GUARDED_FIELD(lock);
    const rsmi_controller_t *controller;
    char *addr;
    size_t size;
    bool can_rebind;
    rsmi_event_t event;

    /* Directory lock; the pieces change under the memory lock too, so either
     * is enough for reading them. */
    rsmi_export_state_t state;
    rsmi_access_t access;
    rsmi_pieces_t pieces;
    rsm_memseg_id_t id;
    uint32_t slot;
    uint64_t generation;
    rsmi_landing_t *landing; /* NULL until somebody comes through UCX */
    bool is_landing_dirty;   /* something may still land there */
    bool are_pages_held;     /* by an importer that did not answer */
    rsmi_connection_t *connections;
    uint32_t connection_count;
    UT_hash_handle hh;          /* by id, while published */
    rsmi_export_t *prev, *next; /* list of all */
};

/* One import handle of another process, as the exporter sees it. Directory
 * lock. */
struct rsmi_connection {
    uint64_t cookie;            /* the importer's name for it */
    struct rsmi_client *client; /* whose it is */
    rsmi_export_t *owner; /* NULL: cut off, the importer has not said so */
    rsmi_path_t path;
    bool is_withdrawing; /* told, no answer so far */
    bool owes_withdraw;  /* to be told when the socket has room */
    rsmi_bell_t *bell;   /* the importer's counter; NULL: it counts itself */
    uint32_t bell_generation;
    uint32_t owes_events;
    bool owes_optional;
    bool owes_nudge;
    rsmi_connection_t *prev, *next; /* of the segment */
    UT_hash_handle hh;              /* of the client, by cookie */
};

/* --- life of a segment (any application thread) --------------------------- */

int rsmi_export_create(const rsmi_controller_t *controller, void *addr,
                       size_t size, bool can_rebind, rsmi_export_t **export_p);

/* RSMERR_BAD_SEG_HNDL when another thread destroys it at the same time,
 * RSMERR_POLLFD_IN_USE. */
int rsmi_export_destroy(rsmi_export_t *segment);

int rsmi_export_publish(rsmi_export_t *segment, rsm_memseg_id_t *id,
                        const rsmapi_access_entry_t *list, uint32_t count);
int rsmi_export_republish(rsmi_export_t *segment,
                          const rsmapi_access_entry_t *list, uint32_t count);
int rsmi_export_unpublish(rsmi_export_t *segment);
int rsmi_export_rebind(rsmi_export_t *segment, void *addr);

/* One event for every importer. */
void rsmi_export_notify(rsmi_export_t *segment, bool is_optional);

uint32_t rsmi_export_importers(rsmi_export_t *segment);

/* End every publication: the process is about to end. */
void rsmi_export_end_all(void);

/* --- publication (publish.c, for segment.c) ------------------------------- */

/* Ends the publication: importers are told, and awaited for a bounded time.
 * @p are_pages_kept: the pages stay in use, so who stays silent must be cut
 * off from them. Called with the segment's lock. */
void rsmi_publication_end(rsmi_export_t *segment, bool are_pages_kept);

/* --- connections (connection.c; directory lock) --------------------------- */

rsmi_export_t *rsmi_directory_find(rsm_memseg_id_t id)
    RSMI_REQUIRES(rsmi_directory_lock);

int rsmi_connection_open(rsmi_export_t *segment, struct rsmi_client *client,
                         uint64_t cookie, rsmi_path_t path,
                         rsmi_connection_t **connection_p)
    RSMI_REQUIRES(rsmi_directory_lock);

/* The importer has let go, or its process is gone. @p is_clean: nothing of its
 * can be under way any more. */
void rsmi_connection_close(rsmi_connection_t *connection, bool is_clean)
    RSMI_REQUIRES(rsmi_directory_lock);

/* An event for the importer. */
void rsmi_connection_post(rsmi_connection_t *connection, bool is_optional)
    RSMI_REQUIRES(rsmi_directory_lock);

/* Tell the importer that it is over. */
void rsmi_connection_withdraw(rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock);

/* The segment goes on without this importer. */
void rsmi_connection_detach(rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock);

/* Send what is owed. False when the socket is full. */
bool rsmi_connection_flush(rsmi_connection_t *connection)
    RSMI_REQUIRES(rsmi_directory_lock);

/* Wait until no connection is left or the deadline has passed. */
void rsmi_connection_await(rsmi_export_t *segment, rsmi_time_t deadline)
    RSMI_REQUIRES(rsmi_directory_lock);

#endif
