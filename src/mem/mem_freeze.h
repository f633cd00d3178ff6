/* SPDX-License-Identifier: BSD-3-Clause */
/* While pages are exchanged for copies of themselves, what another thread
 * stores between the copy and the exchange would be lost: nobody can stop the
 * threads of an application or of other libraries. A *frozen* range can be read
 * and copied; who writes to it sleeps in the kernel until it thaws, and then
 * writes to what lies there by then.
 *
 * Between freezing and thawing the calling thread must not store to the range
 * itself and must not wait for anybody who might: system calls by syscall(2)
 * alone, no lock, no allocation, no log. All signals are blocked meanwhile. */
#ifndef RSMI_MEM_FREEZE_H
#define RSMI_MEM_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *start;
    size_t size;
    bool is_held;     /* the kernel holds writers up */
    uint64_t signals; /* as they were blocked before */
} rsmi_mem_frozen_t;

/* Of one mapping, whole pages. What cannot be frozen is not, and this is no
 * error: see rsmi_mem_freeze() in the source for what that is. The caller's
 * lock guards it. */
void rsmi_mem_freeze(rsmi_mem_frozen_t *frozen, char *start, size_t size);
void rsmi_mem_thaw(rsmi_mem_frozen_t *frozen);

#endif
