/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of every size, each done in the way that was measured to be the
 * fastest: overlapping words for a few bytes, vectors up to what the caches
 * hold, and past the caches for what they do not. Aligned words are moved
 * whole. The ranges do not overlap. */
#ifndef RSMI_COPY_H
#define RSMI_COPY_H

#include "util/compiler.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that are copied without a call. */
#define RSMI_COPY_FEW 64

/* How much the processor's last cache holds, which decides what is copied past
 * it; 0: nothing is. */
void rsmi_copy_set_cache(size_t size);

/* More than RSMI_COPY_FEW bytes. */
void rsmi_copy_many(void *dst, const void *src, size_t len);

/* Two blocks of a constant size, that may overlap, are whatever lies between
 * one and two times that size. */
#define RSMI_COPY_TWO(size)                                            \
    do {                                                               \
        unsigned char first[size], last[size];                         \
                                                                       \
        memcpy(first, src, size);                                      \
        memcpy(last, (const unsigned char *)src + len - (size), size); \
        memcpy(dst, first, size);                                      \
        memcpy((unsigned char *)dst + len - (size), last, size);       \
    } while (0)

/* At most RSMI_COPY_FEW bytes. */
RSMI_INLINE void rsmi_copy_few(void *dst, const void *src, size_t len)
{
    if (len == 8) {
        memcpy(dst, src, 8);
    } else if (len > 8) {
        if (len <= 16) {
            RSMI_COPY_TWO(8);
        } else if (len <= 32) {
            RSMI_COPY_TWO(16);
        } else {
            RSMI_COPY_TWO(32);
        }
    } else if (len >= 4) {
        RSMI_COPY_TWO(4);
    } else if (len >= 2) {
        RSMI_COPY_TWO(2);
    } else if (len == 1) {
        *(unsigned char *)dst = *(const unsigned char *)src;
    }
}

RSMI_INLINE void rsmi_copy(void *dst, const void *src, size_t len)
{
    if (len <= RSMI_COPY_FEW) {
        rsmi_copy_few(dst, src, len);
    } else {
        rsmi_copy_many(dst, src, len);
    }
}

#endif
