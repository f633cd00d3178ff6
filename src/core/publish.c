/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/segment.h"

#include "ctrl/life.h"
#include "util/config.h"
#include "util/log.h"

#include <utlist.h>

static rsmi_export_t *publish_by_id RSMI_GUARDED_BY(rsmi_directory_lock);

/* The next automatic identifier; never used twice. */
static uint64_t publish_next_id RSMI_GUARDED_BY(rsmi_directory_lock) =
    RSM_USER_APP_ID_BASE;

rsmi_export_t *rsmi_directory_find(rsm_memseg_id_t id)
{
    rsmi_export_t *segment;

    HASH_FIND(hh, publish_by_id, &id, sizeof(id), segment);
    return segment;
}

/* Applications choose from the HPC range up to the system's own. */
static bool publish_id_is_reserved(rsm_memseg_id_t id)
{
    return (id < RSM_HPC_ID_BASE) || (id >= RSM_USER_APP_ID_BASE);
}

static int publish_choose_id(rsm_memseg_id_t *id)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    if (*id != 0) {
        return (rsmi_directory_find(*id) == NULL) ? RSM_SUCCESS
                                                  : RSMERR_SEGID_IN_USE;
    }
    if (publish_next_id > RSM_USER_APP_ID_END) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    *id = (rsm_memseg_id_t)publish_next_id++;
    return RSM_SUCCESS;
}

static int publish_enter(rsmi_export_t *segment, rsm_memseg_id_t *id)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsm_memseg_id_t chosen = *id;
    int rc;

    rc = publish_choose_id(&chosen);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_life_take_slot(&segment->slot, &segment->generation);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    segment->id = chosen;
    HASH_ADD(hh, publish_by_id, id, sizeof(segment->id), segment);
    if (segment->hh.tbl == NULL) {
        rsmi_life_free_slot(segment->slot);
        return RSMERR_INSUFFICIENT_MEM;
    }
    segment->state = RSMI_EXPORT_PUBLISHED;
    *id = chosen;
    return RSM_SUCCESS;
}

/* What the caller's list says, before any lock is taken that others wait for:
 * it may be long, and its pages may be far. */
static int publish_read_list(const rsmi_export_t *segment,
                             const rsmapi_access_entry_t *list, uint32_t count,
                             rsmi_access_t *fresh_p)
{
    *fresh_p = segment->access;
    fresh_p->entries = NULL;
    fresh_p->count = 0;
    return rsmi_access_set(fresh_p, list, count,
                           segment->controller->is_loopback);
}

static void publish_swap_list(rsmi_export_t *segment, rsmi_access_t *fresh)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_access_t old = segment->access;

    segment->access = *fresh;
    *fresh = old;
}

static int publish_check(const rsmi_export_t *segment, rsm_memseg_id_t id)
{
    if (segment->is_destroyed) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (segment->state != RSMI_EXPORT_CREATED) {
        return RSMERR_SEG_ALREADY_PUBLISHED;
    }
    if ((id != 0) && publish_id_is_reserved(id)) {
        return RSMERR_RESERVED_SEGID;
    }
    return RSM_SUCCESS;
}

int rsmi_export_publish(rsmi_export_t *segment, rsm_memseg_id_t *id,
                        const rsmapi_access_entry_t *list, uint32_t count)
{
    rsmi_access_t fresh = {.entries = NULL};
    int rc;

    rsmi_lock(&segment->lock);
    rc = publish_check(segment, *id);
    if (rc == RSM_SUCCESS) {
        rc = publish_read_list(segment, list, count, &fresh);
    }
    if (rc == RSM_SUCCESS) {
        rsmi_lock(&rsmi_directory_lock);
        rc = publish_enter(segment, id);
        if (rc == RSM_SUCCESS) {
            publish_swap_list(segment, &fresh);
        }
        rsmi_unlock(&rsmi_directory_lock);
    }
    rsmi_unlock(&segment->lock);
    rsmi_access_clear(&fresh);
    return rc;
}

int rsmi_export_republish(rsmi_export_t *segment,
                          const rsmapi_access_entry_t *list, uint32_t count)
{
    rsmi_access_t fresh = {.entries = NULL};
    int rc;

    rsmi_lock(&segment->lock);
    if (segment->state != RSMI_EXPORT_PUBLISHED) {
        rc = RSMERR_SEG_NOT_PUBLISHED;
    } else if ((list == NULL) && (count > 0)) {
        rc = RSMERR_BAD_ACL;
    } else {
        rc = publish_read_list(segment, list, count, &fresh);
    }
    if (rc == RSM_SUCCESS) {
        rsmi_lock(&rsmi_directory_lock);
        publish_swap_list(segment, &fresh);
        rsmi_unlock(&rsmi_directory_lock);
    }
    rsmi_unlock(&segment->lock);
    rsmi_access_clear(&fresh);
    return rc;
}

int rsmi_export_unpublish(rsmi_export_t *segment)
{
    int rc = RSMERR_SEG_NOT_PUBLISHED;

    rsmi_lock(&segment->lock);
    if (segment->state == RSMI_EXPORT_PUBLISHED) {
        rsmi_publication_end(segment, true);
        rc = RSM_SUCCESS;
    }
    rsmi_unlock(&segment->lock);
    return rc;
}

/* A segment that shares a renewed backing with the one that ends: its
 * importers would go on with pages that are no longer its own, so they are
 * told that their connections are over. They may connect anew at once. */
static void publish_cut_off(rsmi_export_t *segment)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_connection_t *connection, *next;

    rsmi_life_end_slot(segment->slot);
    ++segment->generation;
    DL_FOREACH_SAFE(segment->connections, connection, next)
    {
        rsmi_connection_withdraw(connection);
        rsmi_connection_detach(connection);
    }
    if (segment->landing != NULL) {
        rsmi_landing_blank(segment->landing);
        rsmi_landing_close(segment->landing, false);
        segment->landing = NULL;
        segment->is_landing_dirty = false;
    }
}

static bool publish_uses(const rsmi_export_t *segment,
                         const rsmi_backing_t *backing)
{
    size_t idx;

    for (idx = 0; idx < segment->pieces.count; ++idx) {
        if (segment->pieces.pieces[idx].backing == backing) {
            return true;
        }
    }
    return false;
}

/* Connections to whatever shares the backing are over. Until the mark is taken
 * away none can be made. */
static void publish_begin_renewal(rsmi_backing_t *backing)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_export_t *other, *next;

    rsmi_lock(&rsmi_directory_lock);
    rsmi_backing_set_renewing(backing, true);
    HASH_ITER(hh, publish_by_id, other, next)
    {
        if (publish_uses(other, backing)) {
            publish_cut_off(other);
        }
    }
    rsmi_unlock(&rsmi_directory_lock);
}

static void publish_end_renewal(rsmi_backing_t *backing)
{
    rsmi_lock(&rsmi_directory_lock);
    rsmi_backing_set_renewing(backing, false);
    rsmi_unlock(&rsmi_directory_lock);
}

/* Somebody who does not answer still has the pages in his hands. Copying them
 * takes its time, in which other segments can be connected to. */
static void publish_renew(rsmi_export_t *segment)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_backing_t *backing;
    size_t idx;

    rsmi_backing_hold(&segment->pieces);
    for (idx = 0; idx < segment->pieces.count; ++idx) {
        backing = segment->pieces.pieces[idx].backing;
        if (backing == NULL) {
            continue;
        }
        publish_begin_renewal(backing);
        if (rsmi_backing_renew(backing, false) != RSM_SUCCESS) {
            rsmi_error("core",
                       "no memory to cut off an importer that does "
                       "not answer; its late stores may reach segment "
                       "0x%x",
                       segment->id);
        }
        publish_end_renewal(backing);
    }
}

/* Who was silent may still store to what he was given. */
static void publish_detach_silent(rsmi_export_t *segment)
    RSMI_REQUIRES(rsmi_directory_lock)
{
    rsmi_connection_t *connection, *next;

    DL_FOREACH_SAFE(segment->connections, connection, next)
    {
        rsmi_debug("core",
                   "an importer of segment 0x%x does not answer; it is "
                   "fenced",
                   segment->id);
        if ((connection->path & RSMI_PATH_SAME_HOST) != 0) {
            segment->are_pages_held = true;
        } else {
            segment->is_landing_dirty = true;
        }
        rsmi_connection_detach(connection);
    }
}

void rsmi_publication_end(rsmi_export_t *segment, bool are_pages_kept)
{
    rsmi_connection_t *connection, *next;
    bool are_held;

    rsmi_lock(&rsmi_directory_lock);
    segment->state = RSMI_EXPORT_CREATED;
    HASH_DELETE(hh, publish_by_id, segment);
    rsmi_life_end_slot(segment->slot);
    DL_FOREACH_SAFE(segment->connections, connection, next)
    {
        rsmi_connection_withdraw(connection);
    }
    if (segment->landing != NULL) {
        rsmi_landing_blank(segment->landing);
    }
    rsmi_connection_await(segment,
                          rsmi_deadline_in_ms(rsmi_config.fence_timeout));
    publish_detach_silent(segment);
    are_held = segment->are_pages_held;
    segment->are_pages_held = false;
    if (segment->landing != NULL) {
        rsmi_landing_close(segment->landing, !segment->is_landing_dirty);
        segment->landing = NULL;
        segment->is_landing_dirty = false;
    }
    rsmi_life_free_slot(segment->slot);
    rsmi_unlock(&rsmi_directory_lock);

    if (are_held) {
        rsmi_lock(&rsmi_memory_lock);
        if (are_pages_kept) {
            publish_renew(segment);
        } else {
            rsmi_backing_hold(&segment->pieces);
        }
        rsmi_unlock(&rsmi_memory_lock);
    }
}
