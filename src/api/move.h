/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying elements of a given width, none of them torn. */
#ifndef RSMI_MOVE_H
#define RSMI_MOVE_H

#include "util/compiler.h"
#include "util/copy.h"

#include <stddef.h>
#include <stdint.h>

/* From this many elements on a copy is faster than one store each. It moves
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

/* Best where @p width is a constant. */
RSMI_INLINE void rsmi_move(void *dst, const void *src, size_t count,
                           size_t width)
{
    size_t idx;

    if ((width == 1) || rsmi_unlikely(count > RSMI_MOVE_SINGLY)) {
        rsmi_copy(dst, src, count * width);
    } else if (width == 2) {
        RSMI_MOVE_WORDS(rsmi_word16_t)
    } else if (width == 4) {
        RSMI_MOVE_WORDS(rsmi_word32_t)
    } else {
        RSMI_MOVE_WORDS(rsmi_word64_t)
    }
}

#undef RSMI_MOVE_WORDS

#endif
