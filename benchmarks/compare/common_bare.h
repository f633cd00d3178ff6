/* SPDX-License-Identifier: BSD-3-Clause */
/* What the machine does by itself with the other side's pages: copies in each
 * way that it has, and the bare locked instructions. */
#ifndef CMP_COMMON_BARE_H
#define CMP_COMMON_BARE_H

#include "common_copy.h"
#include "common_run.h"

static unsigned char *target; /* the other side's pages */

#define CMP_BARE_COPY(name)                                               \
    static inline void put_##name(cmp_t *cmp, size_t offset, size_t size) \
    {                                                                     \
        cmp_copy_##name(target + offset, cmp->local + offset, size);      \
        cmp_settle();                                                     \
    }                                                                     \
    static inline void get_##name(cmp_t *cmp, size_t offset, size_t size) \
    {                                                                     \
        cmp_copy_##name(cmp->local + offset, target + offset, size);      \
        cmp_settle();                                                     \
    }

CMP_BARE_COPY(plain)
CMP_BARE_COPY(libc)
#ifdef CMP_HAS_WAYS
CMP_BARE_COPY(string)
CMP_BARE_COPY(streaming)
#endif

static inline uint64_t bare_fetch_add(cmp_t *cmp, size_t offset, uint64_t value)
{
    (void)cmp;
    return cmp_used(
        atomic_fetch_add((_Atomic uint64_t *)(void *)(target + offset), value));
}

static inline uint64_t bare_compare_swap(cmp_t *cmp, size_t offset,
                                         uint64_t expected, uint64_t desired)
{
    (void)cmp;
    (void)atomic_compare_exchange_strong(
        (_Atomic uint64_t *)(void *)(target + offset), &expected, desired);
    return cmp_used(expected);
}

#endif
