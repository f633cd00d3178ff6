/* SPDX-License-Identifier: BSD-3-Clause */
/* Interconnect controllers: named sets of paths. "loopback" reaches the own
 * node only, "ucx0" everything that UCX finds, the others one family of
 * transports each. */
#ifndef RSMI_CONTROLLER_H
#define RSMI_CONTROLLER_H

#include "core/handle.h"
#include "core/path.h"
#include "rsmapi.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    unsigned paths; /* RSMI_PATH_* bits */
    bool is_loopback;
    unsigned unit; /* makes its hardware address distinct */
} rsmi_controller_t;

/* Controllers that are here, loopback first, then ucx0; NULL past the end. */
const rsmi_controller_t *rsmi_controller_at(size_t idx);

/* By name, alias, or NULL for loopback. */
const rsmi_controller_t *rsmi_controller_find(const char *name);

/* The same handle as before while anybody holds it. */
int rsmi_controller_open(const rsmi_controller_t *controller,
                         rsmapi_controller_handle_t *handle_p);

/* RSMERR_BAD_CTLR_HNDL. */
int rsmi_controller_close(rsmapi_controller_handle_t handle);

/* NULL for a handle that is not one. Controllers themselves never go away. */
const rsmi_controller_t *rsmi_controller_of(rsmapi_controller_handle_t handle);

/* Whether that node can be reached through it by what is known now. */
bool rsmi_controller_reaches(const rsmi_controller_t *controller,
                             uint32_t rank);

rsm_addr_t rsmi_controller_address(const rsmi_controller_t *controller,
                                   uint32_t rank);

#endif
