/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter's decision on a request to connect, and what it hands over. */
#include "core/client.h"

#include "core/node.h"
#include "core/runtime.h"
#include "core/service.h"
#include "util/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct {
    rsmi_wire_offer_t head;
    rsmi_wire_piece_t pieces[RSMI_WIRE_PIECES_MAX];
    int fds[RSMI_WIRE_PIECES_MAX];
    size_t fd_count;
    bool are_fds_ours; /* to be closed once they are sent */
    void *key;
    const void *address;
} offer_t;

/* --- service workers ------------------------------------------------------ */

static void offer_progress(rsmi_source_t *source, uint32_t events);

static rsmi_source_t offer_workers[RSMI_FABRIC_SELF] = {
    {-1, offer_progress},
    {-1, offer_progress},
    {-1, offer_progress},
    {-1, offer_progress},
};

static void offer_progress(rsmi_source_t *source, uint32_t events)
{
    (void)events;
    rsmi_fabric_service_progress((rsmi_fabric_kind_t)(source - offer_workers));
}

static int offer_service(rsmi_fabric_kind_t kind, offer_t *offer)
{
    rsmi_source_t *worker = &offer_workers[kind];
    size_t size;
    int fd, rc;

    rc = rsmi_fabric_service_open(kind, &offer->address, &size, &fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    offer->head.address_size = (uint32_t)size;
    if (worker->fd < 0) {
        worker->fd = fd;
        rc = rsmi_service_watch(worker, EPOLLIN);
        if (rc != RSM_SUCCESS) {
            worker->fd = -1;
            return rc;
        }
    }
    /* Arms the descriptor, and sees what came before it was watched. */
    rsmi_fabric_service_progress(kind);
    return RSM_SUCCESS;
}

/* --- which way ------------------------------------------------------------ */

static bool offer_has_domain(rsmi_fabric_kind_t kind)
{
    rsmi_fabric_info_t info;

    rsmi_fabric_query(kind, &info);
    return info.is_present;
}

static bool offer_is_to_our_user(const rsmi_identity_t *identity)
{
    return (identity->uid == geteuid()) || (identity->uid == 0);
}

/* A descriptor opens all pages of a file. Where other segments have some of
 * them, only processes of our own user, who could reach them anyway, get it. */
static bool offer_can_map(const rsmi_export_t *segment,
                          const rsmi_identity_t *identity)
{
    bool is_our_user = offer_is_to_our_user(identity);
    const rsmi_piece_t *piece;
    size_t idx;

    if (segment->pieces.count > RSMI_WIRE_PIECES_MAX) {
        return false;
    }
    for (idx = 0; idx < segment->pieces.count; ++idx) {
        piece = &segment->pieces.pieces[idx];
        if ((piece->backing == NULL) ||
            (!is_our_user &&
             (rsmi_backing_is_pooled(piece->backing) ||
              (piece->size != rsmi_backing_size(piece->backing))))) {
            return false;
        }
    }
    return offer_has_domain(RSMI_FABRIC_SHM);
}

static bool offer_is_possible(rsmi_path_t path, const rsmi_export_t *segment,
                              const rsmi_client_t *client)
{
    switch (path) {
    case RSMI_PATH_DIRECT:
    case RSMI_PATH_SHM:
        return rsmi_client_is_local(client) &&
               offer_can_map(segment, rsmi_client_identity(client));
    case RSMI_PATH_NET:
    case RSMI_PATH_TCP:
    case RSMI_PATH_IB:
    default:
        return offer_has_domain(rsmi_landing_domain(path));
    }
}

static int offer_choose(uint32_t asked, const rsmi_export_t *segment,
                        const rsmi_client_t *client, rsmi_path_t *path_p)
{
    unsigned both = asked & segment->controller->paths;
    unsigned path;

    for (path = RSMI_PATH_DIRECT; path <= RSMI_PATH_IB; path <<= 1) {
        if (((both & path) != 0) &&
            offer_is_possible((rsmi_path_t)path, segment, client)) {
            *path_p = (rsmi_path_t)path;
            return RSM_SUCCESS;
        }
    }
    return RSMERR_REMOTE_NODE_UNREACHABLE;
}

/* --- what is handed over -------------------------------------------------- */

static void offer_close_fds(offer_t *offer)
{
    if (offer->are_fds_ours) {
        while (offer->fd_count > 0) {
            (void)close(offer->fds[--offer->fd_count]);
        }
    }
    offer->fd_count = 0;
    offer->are_fds_ours = false;
}

/* Who may not write gets descriptors that cannot. False where the kernel does
 * not let us open the pages anew, because the process has changed its user
 * since. */
static bool offer_reopen_pages(const rsmi_pieces_t *pieces, offer_t *offer)
{
    char path[64];
    size_t idx;
    int fd;

    offer->are_fds_ours = true;
    for (idx = 0; idx < pieces->count; ++idx) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d",
                       rsmi_backing_fd(pieces->pieces[idx].backing));
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            offer_close_fds(offer);
            return false;
        }
        offer->fds[offer->fd_count++] = fd;
    }
    return true;
}

/* As they are: the importer's library keeps the promise not to write. */
static void offer_lend_pages(const rsmi_pieces_t *pieces, offer_t *offer)
{
    for (offer->fd_count = 0; offer->fd_count < pieces->count;
         ++offer->fd_count) {
        offer->fds[offer->fd_count] =
            rsmi_backing_fd(pieces->pieces[offer->fd_count].backing);
    }
}

static void offer_pages(const rsmi_pieces_t *pieces, uint32_t perm,
                        offer_t *offer)
{
    size_t idx;

    for (idx = 0; idx < pieces->count; ++idx) {
        offer->pieces[idx].offset =
            rsmi_backing_offset(pieces->pieces[idx].backing) +
            pieces->pieces[idx].offset;
        offer->pieces[idx].size = pieces->pieces[idx].size;
    }
    offer->head.pieces = (uint32_t)pieces->count;
    if (((perm & RSM_PERM_WRITE) != 0) || !offer_reopen_pages(pieces, offer)) {
        offer_lend_pages(pieces, offer);
    }
}

static int offer_key(rsmi_export_t *segment, rsmi_path_t path, offer_t *offer)
{
    size_t size;
    int rc = RSM_SUCCESS;

    if (segment->landing == NULL) {
        rc = rsmi_landing_open(&segment->pieces, segment->size,
                               &segment->landing);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_landing_key(segment->landing, path, &offer->key, &size);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    offer->head.remote = (uintptr_t)segment->landing->addr;
    offer->head.seal = segment->landing->seal;
    offer->head.key_size = (uint32_t)size;
    return offer_service(rsmi_landing_domain(path), offer);
}

static int offer_make(rsmi_client_t *client, const rsmi_wire_connect_t *request,
                      offer_t *offer, rsmi_connection_t **connection_p)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_export_t *segment;
    rsmi_path_t path;
    int rc;

    segment = rsmi_directory_find(request->segment);
    if ((segment == NULL) || rsmi_backing_is_renewing(&segment->pieces)) {
        return RSMERR_SEG_NOT_PUBLISHED;
    }
    if (segment->controller->is_loopback &&
        (rsmi_client_rank(client) != rsmi_runtime_rank())) {
        return RSMERR_SEG_NOT_PUBLISHED_TO_NODE;
    }
    rc = rsmi_access_check(&segment->access,
                           rsmi_node_of_rank(rsmi_client_rank(client)),
                           rsmi_client_identity(client), request->perm);
    if (rc == RSM_SUCCESS) {
        rc = offer_choose(request->paths, segment, client, &path);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if ((path & RSMI_PATH_SAME_HOST) != 0) {
        offer_pages(&segment->pieces, request->perm, offer);
    } else {
        rc = offer_key(segment, path, offer);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_connection_open(segment, client, request->cookie, path,
                                  connection_p);
    }
    if (rc == RSM_SUCCESS) {
        (*connection_p)->bell = rsmi_client_bell(client, request->bell);
        (*connection_p)->bell_generation = request->bell_generation;
    }
    offer->head.path = path;
    offer->head.size = segment->size;
    offer->head.generation = segment->generation;
    offer->head.slot = segment->slot;
    offer->head.bell = segment->event.slot;
    offer->head.bell_generation = rsmi_bell_generation(segment->event.bell);
    return rc;
}

/* What the request contains is checked like a stranger's. */
static bool offer_request_is_good(const rsmi_wire_connect_t *request)
{
    return ((request->perm & ~(uint32_t)RSM_PERM_RDWR) == 0) &&
           ((request->paths & ~(uint32_t)RSMI_PATH_ALL) == 0);
}

static rsmi_send_state_t offer_send(int fd, offer_t *offer, uint32_t tag)
{
    rsmi_wire_offer_t *head = &offer->head;
    struct iovec parts[4] = {
        {head, sizeof(*head)},
        {offer->pieces, head->pieces * sizeof(offer->pieces[0])},
        {offer->key, head->key_size},
        {(void *)offer->address, head->address_size},
    };

    rsmi_frame_init(&head->header, RSMI_WIRE_OFFER,
                    parts[0].iov_len + parts[1].iov_len + parts[2].iov_len +
                        parts[3].iov_len,
                    tag);
    return rsmi_frame_answer(fd, parts, 4, offer->fds, offer->fd_count);
}

/* Nothing is handed over but the reason. */
static void offer_refuse(offer_t *offer, int rc)
{
    offer_close_fds(offer);
    memset(&offer->head, 0, sizeof(offer->head));
    offer->head.rc = rc;
}

/* Pages that share a file with others are given one of their own while nobody
 * has them: a process of another user may ask for them. Whoever copies large
 * memory at this moment is not waited for; then UCX does the access. */
static void offer_separate_pages(rsmi_client_t *client,
                                 rsm_memseg_id_t id) RSMI_NO_ANALYSIS
{
    rsmi_backing_t *sole;
    rsmi_export_t *segment;

    if (!rsmi_client_is_local(client) ||
        offer_is_to_our_user(rsmi_client_identity(client)) ||
        !rsmi_trylock(&rsmi_memory_lock)) {
        return;
    }
    rsmi_lock(&rsmi_directory_lock);
    segment = rsmi_directory_find(id);
    if ((segment != NULL) && (segment->connections == NULL) &&
        (segment->landing == NULL)) {
        sole = rsmi_backing_sole(&segment->pieces);
        if ((sole != NULL) && rsmi_backing_is_pooled(sole)) {
            (void)rsmi_backing_renew(sole, true);
        }
    }
    rsmi_unlock(&rsmi_directory_lock);
    rsmi_unlock(&rsmi_memory_lock);
}

/* The lock is held until the answer is out, so that a withdrawal cannot
 * overtake it. What the kernel does not want to carry (too many descriptors on
 * their way) is taken back in favour of a refusal. */
bool rsmi_offer_answer(rsmi_client_t *client, int fd,
                       const rsmi_wire_connect_t *request)
{
    rsmi_connection_t *connection = NULL;
    rsmi_send_state_t state;
    offer_t offer;
    int rc = RSMERR_PERM_DENIED;

    memset(&offer.head, 0, sizeof(offer.head));
    offer.fd_count = 0;
    offer.are_fds_ours = false;
    offer.key = NULL;
    offer.address = NULL;

    offer_separate_pages(client, request->segment);
    rsmi_lock(&rsmi_directory_lock);
    if (offer_request_is_good(request)) {
        rc = offer_make(client, request, &offer, &connection);
    }
    if (rc != RSM_SUCCESS) {
        offer_refuse(&offer, rc);
    }
    state = offer_send(fd, &offer, request->header.tag);
    if (state != RSMI_SEND_DONE) {
        if (connection != NULL) {
            rsmi_connection_close(connection, true);
        }
        if (state == RSMI_SEND_FULL) {
            offer_refuse(&offer, RSMERR_INSUFFICIENT_RESOURCES);
            state = offer_send(fd, &offer, request->header.tag);
        }
    }
    rsmi_unlock(&rsmi_directory_lock);
    offer_close_fds(&offer);
    free(offer.key);
    return state == RSMI_SEND_DONE;
}
