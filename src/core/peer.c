/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/peer.h"

#include "core/import.h"
#include "core/node.h"
#include "core/runtime.h"
#include "core/welcome.h"
#include "mem/mem.h"
#include "util/config.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

/* What the end of the process may cost for transfers nobody waited for. */
#define PEER_SETTLE_MS 200

rsmi_lock_t rsmi_peers_lock = RSMI_LOCK_INIT;
static rsmi_peer_t *peer_all RSMI_GUARDED_BY(rsmi_peers_lock);

/* Ranks whose process was seen to end, one bit each. */
static unsigned char *peer_lost_ranks RSMI_GUARDED_BY(rsmi_peers_lock);

/* --- references ----------------------------------------------------------- */

static void peer_free(rsmi_peer_t *peer)
{
    size_t kind;

    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        rsmi_fabric_disconnect(peer->ways[kind]);
    }
    rsmi_life_detach(&peer->life);
    rsmi_bell_detach(&peer->bells);
    if (peer->request_fd >= 0) {
        (void)close(peer->request_fd);
    }
    if (peer->source.fd >= 0) {
        (void)close(peer->source.fd);
    }
    (void)pthread_cond_destroy(&peer->request_free);
    rsmi_lock_destroy(&peer->request_lock);
    rsmi_lock_destroy(&peer->way_lock);
    free(peer);
}

void rsmi_peer_put(rsmi_peer_t *peer)
{
    bool is_last;

    rsmi_lock(&rsmi_peers_lock);
    is_last = --peer->references == 0;
    rsmi_unlock(&rsmi_peers_lock);
    if (is_last) {
        peer_free(peer);
    }
}

static rsmi_peer_t *peer_find(const rsmi_peer_name_t *name)
    RSMI_REQUIRES(rsmi_peers_lock)
{
    rsmi_peer_t *peer;

    HASH_FIND(hh, peer_all, name, sizeof(*name), peer);
    if (peer != NULL) {
        ++peer->references;
    }
    return peer;
}

int rsmi_peer_add(rsmi_peer_t *peer, rsmi_import_t *import)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&rsmi_peers_lock);
    if (peer->is_lost) {
        rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    } else {
        HASH_ADD(hh, peer->imports, cookie, sizeof(import->cookie), import);
        if (import->hh.tbl == NULL) {
            rc = RSMERR_INSUFFICIENT_MEM;
        }
    }
    rsmi_unlock(&rsmi_peers_lock);
    return rc;
}

void rsmi_peer_remove(rsmi_peer_t *peer, rsmi_import_t *import)
{
    rsmi_lock(&rsmi_peers_lock);
    HASH_DELETE(hh, peer->imports, import);
    rsmi_unlock(&rsmi_peers_lock);
}

void rsmi_peer_lost_release(rsmi_peer_t *peer)
{
    rsmi_lock(&rsmi_peers_lock);
    peer->has_lost_release = true;
    rsmi_unlock(&rsmi_peers_lock);
}

/* --- events (service thread) ---------------------------------------------- */

static void peer_remember_lost(uint32_t rank) RSMI_REQUIRES(rsmi_peers_lock)
{
    if (peer_lost_ranks == NULL) {
        peer_lost_ranks = calloc(1, rsmi_runtime_size() / 8 + 1);
    }
    if (peer_lost_ranks != NULL) {
        peer_lost_ranks[rank / 8] |= (unsigned char)(1u << (rank % 8));
    }
}

bool rsmi_peer_was_lost(uint32_t rank)
{
    bool was_lost = false;

    rsmi_lock(&rsmi_peers_lock);
    if (peer_lost_ranks != NULL) {
        was_lost = (peer_lost_ranks[rank / 8] & (1u << (rank % 8))) != 0;
    }
    rsmi_unlock(&rsmi_peers_lock);
    return was_lost;
}

/* The process has ended or turned us away: what we have of it is over. */
static void peer_lost(rsmi_peer_t *peer)
{
    rsmi_import_t *import, *next;

    rsmi_debug("core", "rank %u is gone", peer->name.rank);
    rsmi_service_forget(&peer->source);
    rsmi_lock(&rsmi_peers_lock);
    peer->is_lost = true;
    peer_remember_lost(peer->name.rank);
    HASH_DELETE(hh, peer_all, peer);
    HASH_ITER(hh, peer->imports, import, next)
    {
        (void)rsmi_import_end(import);
    }
    rsmi_unlock(&rsmi_peers_lock);
    if (peer->is_local) {
        rsmi_mem_sweep();
    }
    rsmi_peer_put(peer);
}

/* Tells the exporter that a withdrawal has been carried out. False when the
 * socket is of no use any more. What it has no room for now is sent when it has
 * (peer_flush), but for an import that is gone: the exporter need not wait for
 * that longer than its own deadline. */
static bool peer_answer(rsmi_peer_t *peer, uint64_t cookie,
                        rsmi_import_t *import, bool is_clean)
    RSMI_REQUIRES(rsmi_peers_lock)
{
    rsmi_wire_release_t withdrawn = {.cookie = cookie, .is_clean = is_clean};
    rsmi_send_state_t state;

    rsmi_frame_init(&withdrawn.header, RSMI_WIRE_WITHDRAWN, sizeof(withdrawn),
                    0);
    state = rsmi_frame_try_send(peer->source.fd, &peer->rest, &withdrawn,
                                sizeof(withdrawn));
    if (import != NULL) {
        import->owes_answer = state == RSMI_SEND_FULL;
    }
    if ((state == RSMI_SEND_FULL) || (peer->rest.size > 0)) {
        rsmi_service_change(&peer->source, EPOLLIN | EPOLLOUT);
    }
    return state != RSMI_SEND_BROKEN;
}

/* An import that is not known any more has been released, which its release
 * says better, on its way here; unless that was lost. */
static bool peer_withdraw(rsmi_peer_t *peer)
{
    rsmi_wire_withdraw_t withdraw;
    rsmi_import_t *import;
    bool is_clean = false, is_usable;

    memcpy(&withdraw, peer->reader.bytes, sizeof(withdraw));
    rsmi_lock(&rsmi_peers_lock);
    HASH_FIND(hh, peer->imports, &withdraw.cookie, sizeof(withdraw.cookie),
              import);
    if (import != NULL) {
        is_clean = rsmi_import_end(import);
    }
    is_usable = ((import == NULL) && !peer->has_lost_release) ||
                peer_answer(peer, withdraw.cookie, import, is_clean);
    rsmi_unlock(&rsmi_peers_lock);
    return is_usable;
}

static bool peer_flush(rsmi_peer_t *peer)
{
    rsmi_import_t *import, *next;
    bool is_usable;

    rsmi_lock(&rsmi_peers_lock);
    rsmi_service_change(&peer->source, EPOLLIN);
    is_usable = rsmi_frame_try_send(peer->source.fd, &peer->rest, NULL, 0) !=
                RSMI_SEND_BROKEN;
    HASH_ITER(hh, peer->imports, import, next)
    {
        if (is_usable && import->owes_answer) {
            is_usable = peer_answer(peer, import->cookie, import,
                                    rsmi_import_end(import));
        }
    }
    rsmi_unlock(&rsmi_peers_lock);
    return is_usable;
}

static void peer_notify(rsmi_peer_t *peer)
{
    rsmi_wire_notify_t notify;
    rsmi_import_t *import;

    memcpy(&notify, peer->reader.bytes, sizeof(notify));
    rsmi_lock(&rsmi_peers_lock);
    HASH_FIND(hh, peer->imports, &notify.cookie, sizeof(notify.cookie), import);
    if (import != NULL) {
        rsmi_event_post(&import->event, notify.events, notify.is_optional != 0);
    }
    rsmi_unlock(&rsmi_peers_lock);
}

/* False: what came belongs nowhere. */
static bool peer_event(rsmi_peer_t *peer)
{
    rsmi_wire_header_t header;

    memcpy(&header, peer->reader.bytes, sizeof(header));
    if ((header.type == RSMI_WIRE_WITHDRAW) &&
        (header.size == sizeof(rsmi_wire_withdraw_t))) {
        return peer_withdraw(peer);
    }
    if ((header.type == RSMI_WIRE_NOTIFY) &&
        (header.size == sizeof(rsmi_wire_notify_t))) {
        peer_notify(peer);
        return true;
    }
    return false;
}

static void peer_ready(rsmi_source_t *source, uint32_t events)
{
    rsmi_peer_t *peer = (rsmi_peer_t *)source;
    rsmi_frame_state_t state;

    if (((events & EPOLLOUT) != 0) && !peer_flush(peer)) {
        peer_lost(peer);
        return;
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) {
        return;
    }
    do {
        state = rsmi_frame_poll(source->fd, &peer->reader);
        if ((state == RSMI_FRAME_CLOSED) ||
            ((state == RSMI_FRAME_READY) && !peer_event(peer))) {
            peer_lost(peer);
            return;
        }
    } while (rsmi_frame_has_more(&peer->reader));
}

/* --- meeting -------------------------------------------------------------- */

static int peer_create(const rsmi_peer_name_t *name, rsmi_time_t deadline,
                       rsmi_peer_t **peer_p)
{
    rsmi_welcome_t welcome;
    rsmi_peer_t *peer;
    int rc;

    rc = rsmi_welcome_meet(name->rank, deadline, &welcome);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        rsmi_welcome_clear(&welcome);
        return RSMERR_INSUFFICIENT_MEM;
    }
    peer->name = *name;
    peer->is_local = welcome.is_local;
    peer->life = welcome.life;
    peer->bells = welcome.bells;
    peer->request_fd = welcome.request_fd;
    peer->source.fd = welcome.event_fd;
    peer->source.ready = peer_ready;
    peer->references = 1;
    rsmi_lock_init(&peer->request_lock);
    rsmi_cond_init(&peer->request_free);
    rsmi_lock_init(&peer->way_lock);
    *peer_p = peer;
    return RSM_SUCCESS;
}

static int peer_add(rsmi_peer_t *peer) RSMI_REQUIRES(rsmi_peers_lock)
{
    int rc;

    HASH_ADD(hh, peer_all, name, sizeof(peer->name), peer);
    if (peer->hh.tbl == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_service_watch(&peer->source, EPOLLIN);
    if (rc != RSM_SUCCESS) {
        HASH_DELETE(hh, peer_all, peer);
    }
    return rc;
}

/* Two threads may have met the same process at the same time: the first to
 * come keeps its sockets. */
static int peer_enter(rsmi_peer_t *fresh, rsmi_peer_t **peer_p)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&rsmi_peers_lock);
    *peer_p = peer_find(&fresh->name);
    if (*peer_p == NULL) {
        rc = peer_add(fresh);
    }
    if ((rc == RSM_SUCCESS) && (*peer_p == NULL)) {
        ++fresh->references;
        *peer_p = fresh;
        fresh = NULL;
    }
    rsmi_unlock(&rsmi_peers_lock);
    if (fresh != NULL) {
        peer_free(fresh);
    }
    return rc;
}

int rsmi_peer_get(uint32_t rank, rsmi_time_t deadline, rsmi_peer_t **peer_p)
{
    rsmi_peer_name_t name;
    rsmi_peer_t *fresh;
    int rc;

    rc = rsmi_peer_name(rank, &name);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rsmi_lock(&rsmi_peers_lock);
    *peer_p = peer_find(&name);
    rsmi_unlock(&rsmi_peers_lock);
    if (*peer_p != NULL) {
        return RSM_SUCCESS;
    }
    rc = peer_create(&name, deadline, &fresh);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    return peer_enter(fresh, peer_p);
}

/* --- the end of a process ------------------------------------------------- */

void rsmi_peer_settle_all(void)
{
    rsmi_fabric_wait_t wait = {.deadline = rsmi_deadline_in_ms(PEER_SETTLE_MS)};
    rsmi_peer_t *peer;
    size_t kind;

    rsmi_lock(&rsmi_peers_lock);
    for (peer = peer_all; peer != NULL; peer = peer->hh.next) {
        for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
            if (peer->ways[kind] != NULL) {
                (void)rsmi_fabric_flush(peer->ways[kind], &wait);
            }
        }
    }
    rsmi_unlock(&rsmi_peers_lock);
}

void rsmi_peer_forked(void)
{
    rsmi_peer_t *peer;

    for (peer = peer_all; peer != NULL; peer = peer->hh.next) {
        (void)close(peer->source.fd);
        if (peer->request_fd >= 0) {
            (void)close(peer->request_fd);
        }
    }
}
