/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/segment.h"

#include "ctrl/life.h"
#include "mem/mem.h"
#include "util/log.h"

#include <stdlib.h>
#include <utlist.h>

rsmi_lock_t rsmi_directory_lock = RSMI_LOCK_INIT;

static rsmi_export_t *segment_all RSMI_GUARDED_BY(rsmi_directory_lock);

/* The last reference is gone; the segment was taken apart before. */
static void segment_free(rsmi_object_t *object)
{
    rsmi_export_t *segment = (rsmi_export_t *)object;

    rsmi_event_clear(&segment->event);
    rsmi_access_clear(&segment->access);
    rsmi_lock_destroy(&segment->lock);
    free(segment);
}

int rsmi_export_create(const rsmi_controller_t *controller, void *addr,
                       size_t size, bool can_rebind, rsmi_export_t **export_p)
{
    rsmi_export_t *segment;
    int rc;

    segment = calloc(1, sizeof(*segment));
    if (segment == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    segment->controller = controller;
    segment->addr = addr;
    segment->size = size;
    segment->can_rebind = can_rebind;
    segment->state = RSMI_EXPORT_CREATED;
    rsmi_lock_init(&segment->lock);
    rsmi_event_init(&segment->event);
    rsmi_access_init(&segment->access);

    rsmi_lock(&rsmi_memory_lock);
    rc = rsmi_backing_acquire(addr, size, &segment->pieces);
    rsmi_unlock(&rsmi_memory_lock);
    if (rc != RSM_SUCCESS) {
        goto err_free;
    }

    rsmi_lock(&rsmi_directory_lock);
    DL_APPEND(segment_all, segment);
    rsmi_unlock(&rsmi_directory_lock);

    /* Last, because the handle can be used from this instant on. */
    rc = rsmi_handle_create(&segment->object, RSMI_KIND_EXPORT, segment_free);
    if (rc != RSM_SUCCESS) {
        goto err_release;
    }
    *export_p = segment;
    return RSM_SUCCESS;

err_release:
    rsmi_lock(&rsmi_directory_lock);
    DL_DELETE(segment_all, segment);
    rsmi_unlock(&rsmi_directory_lock);
    rsmi_lock(&rsmi_memory_lock);
    rsmi_backing_release(&segment->pieces);
    rsmi_unlock(&rsmi_memory_lock);
err_free:
    segment_free(&segment->object);
    return rc;
}

/* Another segment over the same pages keeps them in use. */
static bool segment_has_common_pages(const rsmi_export_t *segment)
{
    bool has_common = false;
    size_t idx;

    rsmi_lock(&rsmi_memory_lock);
    for (idx = 0; idx < segment->pieces.count; ++idx) {
        if ((segment->pieces.pieces[idx].backing == NULL) ||
            rsmi_backing_is_common(segment->pieces.pieces[idx].backing)) {
            has_common = true;
        }
    }
    rsmi_unlock(&rsmi_memory_lock);
    return has_common;
}

int rsmi_export_destroy(rsmi_export_t *segment)
{
    int rc;

    rsmi_lock(&segment->lock);
    rc = rsmi_event_close(&segment->event);
    if (rc != RSM_SUCCESS) {
        goto out;
    }
    if (!rsmi_handle_retire(&segment->object)) {
        rc = RSMERR_BAD_SEG_HNDL;
        goto out;
    }
    segment->is_destroyed = true;
    if (segment->state == RSMI_EXPORT_PUBLISHED) {
        rsmi_publication_end(segment, segment_has_common_pages(segment));
    }

    rsmi_lock(&rsmi_memory_lock);
    rsmi_lock(&rsmi_directory_lock);
    DL_DELETE(segment_all, segment);
    rsmi_unlock(&rsmi_directory_lock);
    rsmi_backing_release(&segment->pieces);
    rsmi_unlock(&rsmi_memory_lock);
    rsmi_unlock(&segment->lock);
    rsmi_handle_put(&segment->object);
    return RSM_SUCCESS;

out:
    rsmi_unlock(&segment->lock);
    return rc;
}

/* Importers look at pages, so the same pages come to stand for the new memory,
 * and nobody needs to be told. Where that cannot be, because the pages belong
 * to another segment too or are the application's own shared memory, the
 * segment gets other pages, which those who map them would never see. */
static int segment_replace_pieces(rsmi_export_t *segment, void *addr)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    rsmi_connection_t *connection;
    rsmi_pieces_t fresh, old;
    int rc;

    rc = rsmi_backing_acquire(addr, segment->size, &fresh);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    rsmi_lock(&rsmi_directory_lock);
    DL_FOREACH(segment->connections, connection)
    {
        if ((connection->path & RSMI_PATH_SAME_HOST) != 0) {
            rc = RSMERR_INSUFFICIENT_RESOURCES;
        }
    }
    if ((rc == RSM_SUCCESS) && (segment->landing != NULL)) {
        rc = rsmi_landing_can_change(segment->landing)
                 ? rsmi_landing_change(segment->landing, &fresh)
                 : RSMERR_INSUFFICIENT_RESOURCES;
        if (rc != RSM_SUCCESS) { /* not a mixture of both */
            (void)rsmi_landing_change(segment->landing, &segment->pieces);
        }
    }
    old = fresh;
    if (rc == RSM_SUCCESS) {
        old = segment->pieces;
        segment->pieces = fresh;
    }
    rsmi_unlock(&rsmi_directory_lock);

    rsmi_backing_release(&old);
    return rc;
}

int rsmi_export_rebind(rsmi_export_t *segment, void *addr)
{
    rsmi_backing_t *sole;
    int rc;

    rsmi_lock(&segment->lock);
    rsmi_lock(&rsmi_memory_lock);
    rc = segment->is_destroyed ? RSMERR_BAD_SEG_HNDL
                               : rsmi_backing_examine(addr, segment->size);
    if ((rc != RSM_SUCCESS) || (addr == segment->addr)) {
        goto out;
    }
    sole = rsmi_backing_sole(&segment->pieces);
    rc = RSMERR_INSUFFICIENT_RESOURCES;
    if (sole != NULL) {
        rc = rsmi_backing_move(sole, addr);
        if (rc == RSM_SUCCESS) {
            segment->pieces.pieces[0].addr = addr;
        }
    }
    if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        rc = segment_replace_pieces(segment, addr);
    }
    if (rc == RSM_SUCCESS) {
        segment->addr = addr;
    }
out:
    rsmi_unlock(&rsmi_memory_lock);
    rsmi_unlock(&segment->lock);
    return rc;
}

void rsmi_export_notify(rsmi_export_t *segment, bool is_optional)
{
    rsmi_connection_t *connection;

    rsmi_lock(&rsmi_directory_lock);
    DL_FOREACH(segment->connections, connection)
    {
        rsmi_connection_post(connection, is_optional);
    }
    rsmi_unlock(&rsmi_directory_lock);
}

uint32_t rsmi_export_importers(rsmi_export_t *segment)
{
    uint32_t count;

    rsmi_lock(&rsmi_directory_lock);
    count = segment->connection_count;
    rsmi_unlock(&rsmi_directory_lock);
    return count;
}

void rsmi_export_end_all(void)
{
    rsmi_connection_t *connection;
    rsmi_export_t *segment;

    rsmi_lock(&rsmi_directory_lock);
    DL_FOREACH(segment_all, segment)
    {
        if (segment->state != RSMI_EXPORT_PUBLISHED) {
            continue;
        }
        rsmi_life_end_slot(segment->slot);
        DL_FOREACH(segment->connections, connection)
        {
            rsmi_connection_withdraw(connection);
        }
    }
    rsmi_unlock(&rsmi_directory_lock);
}
