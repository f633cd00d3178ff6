/* SPDX-License-Identifier: BSD-3-Clause */
/* From the exporter's answer to an import that works. */
#ifndef RSMI_ACCEPT_H
#define RSMI_ACCEPT_H

#include "core/import.h"
#include "ctrl/wire.h"

/* Every field is what it can be, and the descriptors fit. @p asked: the paths
 * that were asked for. */
bool rsmi_import_offer_is_good(const rsmi_wire_offer_t *offer, size_t fd_count,
                               unsigned asked);

/* Open the way that a good offer describes. What has been opened is the
 * import's to close, also on failure. */
int rsmi_import_accept(rsmi_import_t *import, const rsmi_wire_offer_t *offer,
                       const int *fds);

#endif
