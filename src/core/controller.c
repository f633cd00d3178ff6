/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/controller.h"

#include "boot/boot.h"
#include "core/runtime.h"
#include "fabric/fabric.h"
#include "util/config.h"
#include "util/lock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const rsmi_controller_t controller_table[] = {
    {"loopback", RSMI_PATH_SAME_HOST | RSMI_PATH_NET, true, 0},
    {"ucx0", RSMI_PATH_ALL, false, 1},
    {"shm0", RSMI_PATH_SAME_HOST, false, 2},
    {"tcp0", RSMI_PATH_TCP, false, 3},
    {"ib0", RSMI_PATH_IB, false, 4},
};

typedef struct {
    rsmi_object_t object;
    const rsmi_controller_t *controller;
    uint32_t opened; /* by rsm_get_controller, not yet released */
} controller_handle_t;

static rsmi_lock_t controller_lock = RSMI_LOCK_INIT;
static controller_handle_t *controller_handles[RSMI_COUNT_OF(
    controller_table)] RSMI_GUARDED_BY(controller_lock);

static bool controller_is_present(const rsmi_controller_t *controller)
{
    rsmi_fabric_info_t info;

    switch (controller->paths) {
    case RSMI_PATH_SAME_HOST:
        rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
        return info.is_present;
    case RSMI_PATH_TCP:
        rsmi_fabric_query(RSMI_FABRIC_TCP, &info);
        return info.is_present;
    case RSMI_PATH_IB:
        rsmi_fabric_query(RSMI_FABRIC_IB, &info);
        return info.is_present;
    default:
        return true;
    }
}

const rsmi_controller_t *rsmi_controller_at(size_t idx)
{
    size_t at;

    for (at = 0; at < RSMI_COUNT_OF(controller_table); ++at) {
        if (controller_is_present(&controller_table[at]) && (idx-- == 0)) {
            return &controller_table[at];
        }
    }
    return NULL;
}

/* Names are compared without regard to case; "loopback" stands for any unit,
 * and a missing unit number is 0. */
static bool controller_has_name(const rsmi_controller_t *controller,
                                const char *name, size_t len)
{
    size_t own = strlen(controller->name);

    if (controller->is_loopback) {
        while ((len > own) && (strchr("0123456789", name[len - 1]) != NULL)) {
            --len;
        }
        return (len == own) && (strncasecmp(name, controller->name, own) == 0);
    }
    if ((len == own - 1) && (strncasecmp(name, controller->name, len) == 0)) {
        return true;
    }
    return (len == own) && (strncasecmp(name, controller->name, own) == 0);
}

static const rsmi_controller_t *controller_by_name(const char *name, size_t len)
{
    const rsmi_controller_t *controller;
    size_t idx;

    for (idx = 0; (controller = rsmi_controller_at(idx)) != NULL; ++idx) {
        if (controller_has_name(controller, name, len)) {
            return controller;
        }
    }
    return NULL;
}

/* "sci0=ucx0,wrsm0=ucx0" */
static const rsmi_controller_t *controller_by_alias(const char *name)
{
    const char *row = rsmi_config.controller_alias;
    size_t len = strlen(name), row_len, left;
    const char *equals;

    while (*row != '\0') {
        row_len = strcspn(row, ",");
        equals = memchr(row, '=', row_len);
        if (equals != NULL) {
            left = (size_t)(equals - row);
            if ((left == len) && (strncasecmp(row, name, len) == 0)) {
                return controller_by_name(equals + 1, row_len - left - 1);
            }
        }
        row += row_len + ((row[row_len] == ',') ? 1 : 0);
    }
    return NULL;
}

const rsmi_controller_t *rsmi_controller_find(const char *name)
{
    const rsmi_controller_t *controller;

    if (name == NULL) {
        return &controller_table[0];
    }
    controller = controller_by_alias(name);
    return (controller != NULL) ? controller
                                : controller_by_name(name, strlen(name));
}

static void controller_destroy(rsmi_object_t *object)
{
    free(object);
}

int rsmi_controller_open(const rsmi_controller_t *controller,
                         rsmapi_controller_handle_t *handle_p)
{
    controller_handle_t **place, *made;
    int rc = RSM_SUCCESS;

    rsmi_lock(&controller_lock);
    place = &controller_handles[controller - controller_table];
    if (*place == NULL) {
        made = calloc(1, sizeof(*made));
        rc = (made == NULL)
                 ? RSMERR_INSUFFICIENT_MEM
                 : rsmi_handle_create(&made->object, RSMI_KIND_CONTROLLER,
                                      controller_destroy);
        if (rc != RSM_SUCCESS) {
            free(made);
            goto out;
        }
        made->controller = controller;
        *place = made;
    }
    ++(*place)->opened;
    *handle_p = (rsmapi_controller_handle_t)(uintptr_t)(*place)->object.handle;
out:
    rsmi_unlock(&controller_lock);
    return rc;
}

int rsmi_controller_close(rsmapi_controller_handle_t handle)
{
    controller_handle_t *object, *last = NULL;
    int rc = RSMERR_BAD_CTLR_HNDL;

    object = rsmi_handle_get(handle, RSMI_KIND_CONTROLLER);
    if (object == NULL) {
        return RSMERR_BAD_CTLR_HNDL;
    }
    rsmi_lock(&controller_lock);
    if (controller_handles[object->controller - controller_table] == object) {
        rc = RSM_SUCCESS;
        if (--object->opened == 0) {
            controller_handles[object->controller - controller_table] = NULL;
            last = object;
        }
    }
    rsmi_unlock(&controller_lock);
    if ((last != NULL) && rsmi_handle_retire(&last->object)) {
        rsmi_handle_put(&last->object);
    }
    rsmi_handle_put(&object->object);
    return rc;
}

const rsmi_controller_t *rsmi_controller_of(rsmapi_controller_handle_t handle)
{
    const rsmi_controller_t *controller = NULL;
    controller_handle_t *object;

    rsmi_guard_enter(handle);
    object = rsmi_handle_find(handle, RSMI_KIND_CONTROLLER);
    if (object != NULL) {
        controller = object->controller;
    }
    rsmi_guard_leave();
    return controller;
}

bool rsmi_controller_reaches(const rsmi_controller_t *controller, uint32_t rank)
{
    if (rank == rsmi_runtime_rank()) {
        return true;
    }
    if (controller->is_loopback) {
        return false;
    }
    return ((controller->paths & ~(unsigned)RSMI_PATH_SAME_HOST) != 0) ||
           rsmi_boot_is_local(rank);
}

/* Made of node and unit: no two controllers of a job share one. */
rsm_addr_t rsmi_controller_address(const rsmi_controller_t *controller,
                                   uint32_t rank)
{
    return ((rsm_addr_t)rank << 8) | controller->unit;
}
