/* SPDX-License-Identifier: BSD-3-Clause */
/* The administrator's file of segment identifiers. */
#ifndef RSMI_SEGMENTID_H
#define RSMI_SEGMENTID_H

#include "rsmapi.h"

/* RSMERR_BAD_APPID, RSMERR_BAD_CONF. */
int rsmi_segmentid_find(const char *path, const char *appid,
                        rsm_memseg_id_t *base_p, uint32_t *length_p);

#endif
