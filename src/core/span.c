/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/span.h"

int rsmi_span_refusal(rsmi_import_t *import, off_t offset)
{
    bool is_mapped;

    rsmi_lock(&import->lock);
    is_mapped = import->mapping != NULL;
    rsmi_unlock(&import->lock);

    /* Whatever leaves a mapped window is a matter of the offset, as it was on
     * every Solaris controller. */
    if (is_mapped || (offset < 0) || ((size_t)offset > import->size)) {
        return RSMERR_BAD_OFFSET;
    }
    return RSMERR_BAD_LENGTH;
}
