/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying elements of a given width, none of them torn. */
#ifndef RSMI_MOVE_H
#define RSMI_MOVE_H

#include "util/compiler.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* From this many elements on memcpy() is faster than one store each. It moves
 * aligned words whole on every processor that we know. */
#define RSMI_MOVE_SINGLY 16

/* The bytes behind are objects of the application's own types. */
typedef uint16_t __attribute__((may_alias)) rsmi_word16_t;
typedef uint32_t __attribute__((may_alias)) rsmi_word32_t;
typedef uint64_t __attribute__((may_alias)) rsmi_word64_t;

#define RSMI_MOVE_WORDS(type)                                           \
    for (idx = 0; idx < count; ++idx) {                                 \
        __atomic_store_n(                                               \
            (type *)dst + idx,                                          \
            __atomic_load_n((const type *)src + idx, __ATOMIC_RELAXED), \
            __ATOMIC_RELAXED);                                          \
    }

/* @p width is a constant where this is called. */
RSMI_INLINE void rsmi_move(void *dst, const void *src, size_t count,
                           size_t width)
{
    size_t idx;

    if ((width == 1) || rsmi_unlikely(count > RSMI_MOVE_SINGLY)) {
        memcpy(dst, src, count * width);
    } else if (width == 2) {
        RSMI_MOVE_WORDS(rsmi_word16_t)
    } else if (width == 4) {
        RSMI_MOVE_WORDS(rsmi_word32_t)
    } else {
        RSMI_MOVE_WORDS(rsmi_word64_t)
    }
}

#undef RSMI_MOVE_WORDS

/* Bytes that rsmi_move_few() takes at most. */
#define RSMI_MOVE_FEW 16

/* Eight to sixteen bytes are two words that may overlap, and so on down. */
RSMI_INLINE void rsmi_move_bytes(char *dst, const char *src, size_t count)
{
    uint64_t first, last;
    uint32_t first4, last4;
    uint16_t first2, last2;

    if (count >= 8) {
        memcpy(&first, src, 8);
        memcpy(&last, src + count - 8, 8);
        memcpy(dst, &first, 8);
        memcpy(dst + count - 8, &last, 8);
    } else if (count >= 4) {
        memcpy(&first4, src, 4);
        memcpy(&last4, src + count - 4, 4);
        memcpy(dst, &first4, 4);
        memcpy(dst + count - 4, &last4, 4);
    } else if (count >= 2) {
        memcpy(&first2, src, 2);
        memcpy(&last2, src + count - 2, 2);
        memcpy(dst, &first2, 2);
        memcpy(dst + count - 2, &last2, 2);
    } else if (count == 1) {
        *dst = *src;
    }
}

#endif
