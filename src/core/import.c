/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/import.h"

#include "core/accept.h"
#include "core/node.h"
#include "core/runtime.h"
#include "mem/mem.h"
#include "util/config.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const rsmi_life_generation_t rsmi_import_ended = UINT64_MAX;

/* For exporters on other hosts: news come as messages, not as stores. */
const rsmi_life_generation_t rsmi_import_stands_far = 0;
static const rsmi_life_word_t import_lives_far = 1;

static _Atomic uint64_t import_cookies;

/* How long a disconnect waits for transfers that no barrier has closed. */
#define IMPORT_SETTLE_MS 1000

/* --- making one ------------------------------------------------------------ */

int rsmi_import_prot(rsm_permission_t perm)
{
    return (((perm & RSM_PERM_READ) != 0) ? PROT_READ : 0) |
           (((perm & RSM_PERM_WRITE) != 0) ? PROT_WRITE : 0);
}

static void import_release(rsmi_import_t *import, bool is_clean)
{
    rsmi_wire_release_t release = {.cookie = import->cookie,
                                   .is_clean = is_clean};

    rsmi_frame_init(&release.header, RSMI_WIRE_RELEASE, sizeof(release), 0);
    if (rsmi_peer_tell(import->peer, &release.header,
                       rsmi_deadline_in_ms(rsmi_config.timeout)) !=
        RSM_SUCCESS) {
        rsmi_peer_lost_release(import->peer);
    }
}

/* An exporter that has been sent everything and has answered need not keep the
 * addresses of the segment free of other uses: so what has been started is seen
 * to its end. */
static void import_settle(rsmi_import_t *import, rsmi_far_t *far)
{
    rsmi_fabric_wait_t wait = {.deadline =
                                   rsmi_deadline_in_ms(IMPORT_SETTLE_MS)};

    if (((import->path & RSMI_PATH_SAME_HOST) == 0) && (far->key != NULL) &&
        rsmi_import_stands(import) &&
        (rsmi_fabric_flush(far->way, &wait) == RSM_SUCCESS)) {
        atomic_store(&far->settled, atomic_load(&far->started));
    }
}

static void import_close_ways(rsmi_import_t *import)
{
    rsmi_far_t *far = import->far;

    if (far != NULL) {
        rsmi_fabric_key_close(far->key);
        rsmi_fabric_release(far->mem);
    }
    if (import->path == RSMI_PATH_SHM) {
        rsmi_fabric_disconnect(far->way);
    }
    if (import->mapping != NULL) { /* made while another thread disconnected */
        rsmi_mem_unmap(import->mapping, import->mapping_size);
    }
    if (import->pages != NULL) {
        rsmi_mem_unmap(import->pages, import->size);
    }
}

/* The last reference is gone: nobody looks at the import any more. */
static void import_free(rsmi_object_t *object)
{
    rsmi_import_t *import = (rsmi_import_t *)object;
    bool is_clean;

    if (import->far != NULL) {
        import_settle(import, import->far);
    }
    is_clean = (import->pages != NULL) || rsmi_transfer_is_idle(import->far);

    if (import->peer != NULL) {
        rsmi_peer_remove(import->peer, import);
        import_close_ways(import);
        import_release(import, is_clean);
        rsmi_peer_put(import->peer);
    }
    rsmi_event_clear(&import->event);
    rsmi_lock_destroy(&import->lock);
    free(import->far);
    free(import->pieces);
    free((char *)import - import->margin);
}

/* What is really used, without the padding behind. */
#define IMPORT_SIZE (offsetof(rsmi_import_t, hh) + sizeof(UT_hash_handle))

/* The door is to lie in one cache line. aligned_alloc() would leave a gap after
 * each import that is of no use to the next one, more than a hundred bytes; so
 * we take as many bytes more as malloc()'s own alignment may be short of it. */
#define IMPORT_MARGIN (_Alignof(rsmi_import_t) - _Alignof(max_align_t))

static rsmi_import_t *import_new(rsm_permission_t perm)
{
    rsmi_import_t *import;
    uint8_t margin;
    char *memory;

    memory = calloc(1, IMPORT_SIZE + IMPORT_MARGIN);
    if (memory == NULL) {
        return NULL;
    }
    margin = (uint8_t)(-(uintptr_t)memory & (_Alignof(rsmi_import_t) - 1));
    import = (rsmi_import_t *)(void *)(memory + margin);
    import->margin = margin;
    import->object.door = &import->door;
    import->perm = perm;
    import->cookie = atomic_fetch_add(&import_cookies, 1) + 1;
    import->door.life = &import_lives_far;
    atomic_init(&import->door.generation_at, &rsmi_import_stands_far);
    atomic_init(&import->door.mode, (uint32_t)RSM_BARRIER_MODE_IMPLICIT);
    rsmi_lock_init(&import->lock);
    rsmi_event_init(&import->event);
    /* The import lies in this memory and is freed with it, by its margin. */
    /* cppcheck-suppress memleak */
    return import;
}

/* --- connecting ------------------------------------------------------------ */

static unsigned import_paths(unsigned offered, const rsmi_peer_t *peer)
{
    unsigned paths = offered;

    if (!peer->is_local) {
        paths &= ~(unsigned)RSMI_PATH_SAME_HOST;
    }
    if (!rsmi_config.direct) {
        paths &= ~(unsigned)RSMI_PATH_DIRECT;
    }
    return paths;
}

static int import_ask_rc(int rc)
{
    switch (rc) {
    case RSMERR_CONN_ABORTED: /* the process ended while we asked */
    case RSMERR_TIMEOUT:
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    default:
        return rc;
    }
}

static int import_negotiate(rsmi_import_t *import, unsigned paths,
                            rsm_memseg_id_t id, rsmi_time_t deadline)
{
    rsmi_wire_connect_t question = {
        .cookie = import->cookie,
        .segment = id,
        .perm = import->perm,
        .paths = import_paths(paths, import->peer),
        .bell = import->event.slot,
        .bell_generation = rsmi_bell_generation(import->event.bell),
    };
    const rsmi_wire_offer_t *offer;
    rsmi_frame_t answer;
    int rc;

    rsmi_frame_init(&question.header, RSMI_WIRE_CONNECT, sizeof(question), 0);
    rc = rsmi_peer_ask(import->peer, &question.header, deadline, &answer);
    if (rc != RSM_SUCCESS) {
        return import_ask_rc(rc);
    }
    offer = answer.message;
    if (!rsmi_import_offer_is_good(offer, answer.fd_count, question.paths)) {
        rsmi_warn("core", "rank %u answered a connect with what is no offer",
                  import->peer->name.rank);
        rc = RSMERR_INTERNAL_ERROR;
    } else {
        rc = offer->rc;
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_import_accept(import, offer, answer.fds);
        if (!rsmi_import_stands(import)) { /* over before it began */
            rc = rsmi_life_is_alive(import->door.life)
                     ? RSMERR_SEG_NOT_PUBLISHED
                     : RSMERR_REMOTE_NODE_UNREACHABLE;
        }
        rc = import_ask_rc(rc);
    }
    rsmi_frame_clear(&answer);
    return rc;
}

int rsmi_import_connect(unsigned paths, uint32_t rank, rsm_memseg_id_t id,
                        rsm_permission_t perm, rsmi_import_t **import_p)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(rsmi_config.timeout);
    rsmi_import_t *import;
    rsmi_peer_t *peer;
    int rc;

    import = import_new(perm);
    if (import == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_peer_get(rank, deadline, &peer);
    if (rc != RSM_SUCCESS) {
        goto err;
    }
    /* Known to the service thread before the exporter hears of it: events may
     * come before the answer has been looked at. */
    rc = rsmi_peer_add(peer, import);
    if (rc != RSM_SUCCESS) {
        rsmi_peer_put(peer);
        goto err;
    }
    import->peer = peer;
    rc = import_negotiate(import, paths, id, deadline);
    if (rc != RSM_SUCCESS) {
        goto err;
    }
    rc = rsmi_handle_create(&import->object, RSMI_KIND_IMPORT, import_free);
    if (rc != RSM_SUCCESS) {
        goto err;
    }
    *import_p = import;
    return RSM_SUCCESS;

err:
    /* Takes back what the exporter may have granted, too. */
    import_free(&import->object);
    return rc;
}

int rsmi_import_disconnect(rsmi_import_t *import)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&import->lock);
    if (import->mapping != NULL) {
        rc = RSMERR_SEG_STILL_MAPPED;
    } else {
        rc = rsmi_event_close(&import->event);
        import->is_leaving = rc == RSM_SUCCESS;
    }
    rsmi_unlock(&import->lock);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (!rsmi_handle_retire(&import->object)) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rsmi_handle_put(&import->object);
    return RSM_SUCCESS;
}

/* --- the door --------------------------------------------------------------- */

/* Accesses read size and mode one by one, at any moment: each alone has to be
 * true of the segment, and a size never goes beyond it. A mapped window, which
 * restricts what may be accessed, takes the long way. */
void rsmi_import_refresh(rsmi_import_t *import)
{
    rsmi_door_t *door = &import->door;
    rsmi_far_t *far = import->far;
    bool is_plain = door->is_done && (atomic_load(&import->low) == 0) &&
                    (atomic_load(&import->high) == import->size) &&
                    ((import->size % RSMI_DOOR_GRAIN) == 0);
    bool is_ready =
        is_plain &&
        ((atomic_load(&door->mode) != (uint32_t)RSM_BARRIER_MODE_IMPLICIT) ||
         (atomic_load(&import->barriers) != 0));
    bool can_get = (import->perm & RSM_PERM_READ) != 0;
    bool can_put = (import->perm & RSM_PERM_WRITE) != 0;

    atomic_store(door->is_far ? &far->get_size : &door->get_size,
                 (is_ready && can_get) ? import->size : 0);
    atomic_store(door->is_far ? &far->put_size : &door->put_size,
                 (is_ready && can_put) ? import->size : 0);
    atomic_store(door->is_far ? &far->atomic_size : &door->atomic_size,
                 (is_plain && can_get && can_put) ? import->size : 0);
}

void rsmi_import_set_mode(rsmi_import_t *import, rsm_barrier_mode_t mode)
{
    rsmi_lock(&import->lock);
    atomic_store(&import->door.mode, (uint32_t)mode);
    rsmi_import_refresh(import);
    rsmi_unlock(&import->lock);
}

void rsmi_import_add_barrier(rsmi_import_t *import)
{
    rsmi_lock(&import->lock);
    if (atomic_fetch_add(&import->barriers, 1) == 0) {
        rsmi_import_refresh(import);
    }
    rsmi_unlock(&import->lock);
}

/* A barrier may have been copied, and each copy be destroyed. */
void rsmi_import_drop_barrier(rsmi_import_t *import)
{
    rsmi_lock(&import->lock);
    if ((atomic_load(&import->barriers) != 0) &&
        (atomic_fetch_sub(&import->barriers, 1) == 1)) {
        rsmi_import_refresh(import);
    }
    rsmi_unlock(&import->lock);
}

bool rsmi_import_end(rsmi_import_t *import)
{
    const rsmi_far_t *far;
    bool is_mapped;

    /* Partner: rsmi_transfer's count of threads inside, raised before the
     * import is looked at. */
    atomic_store_explicit(&import->door.generation_at, &rsmi_import_ended,
                          memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    rsmi_lock(&import->lock);
    if (!import->is_over) {
        import->is_over = true;
        if (import->pages != NULL) {
            rsmi_mem_blank(import->pages, import->size,
                           rsmi_import_prot(import->perm));
        }
        if (import->mapping != NULL) {
            rsmi_mem_blank(import->mapping, import->mapping_size,
                           import->mapping_prot);
        }
    }
    is_mapped = (import->path & RSMI_PATH_SAME_HOST) != 0;
    far = import->far;
    rsmi_unlock(&import->lock);
    /* Blank pages are out of everybody's reach, whatever is under way. */
    return is_mapped || rsmi_transfer_is_idle(far);
}

/* Where the exporter's counter is ours to change, its service thread is needed
 * for poll descriptors only. */
int rsmi_import_post(rsmi_import_t *import, uint32_t flags)
{
    rsmi_wire_post_t post = {.cookie = import->cookie, .flags = flags};
    bool is_optional = (flags & RSM_SIGPOST_NO_ACCUMULATE) != 0;

    if (!rsmi_import_stands(import)) {
        return RSMERR_CONN_ABORTED;
    }
    if (import->bell != NULL) {
        switch (rsmi_bell_post(import->bell, import->bell_generation,
                               is_optional ? 0 : 1, is_optional)) {
        case RSMI_BELL_DONE:
            return RSM_SUCCESS;
        case RSMI_BELL_OVER:
            return RSMERR_CONN_ABORTED;
        case RSMI_BELL_NUDGE:
            post.is_nudge = 1;
            break;
        }
    }
    rsmi_frame_init(&post.header, RSMI_WIRE_POST, sizeof(post), 0);
    return rsmi_peer_tell(import->peer, &post.header,
                          rsmi_deadline_in_ms(rsmi_config.timeout));
}
