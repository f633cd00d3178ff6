/* SPDX-License-Identifier: BSD-3-Clause */
/* What a controller can do here, as its attributes state it. */
#ifndef RSMI_LIMITS_H
#define RSMI_LIMITS_H

#include "core/controller.h"

void rsmi_limits_get(const rsmi_controller_t *controller,
                     rsmapi_controller_attr_t *attr_p);

/* Unit of addresses and sizes of exported memory, bytes. */
size_t rsmi_limits_page_size(void);

/* Largest segment that can be exported, bytes. */
size_t rsmi_limits_segment_size(const rsmi_controller_t *controller);

#endif
