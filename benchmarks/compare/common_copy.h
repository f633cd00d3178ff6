/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies in each way that this processor has. Programs that include it are
 * compiled so that a plain loop stays one. */
#ifndef CMP_COMMON_COPY_H
#define CMP_COMMON_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <emmintrin.h>
#define CMP_HAS_WAYS 1
#endif

static inline void cmp_copy_plain(unsigned char *to, const unsigned char *from,
                                  size_t size)
{
    const uint64_t *words = (const uint64_t *)(const void *)from;
    uint64_t *places = (uint64_t *)(void *)to;
    size_t count = size / sizeof(*words);
    size_t i;

    for (i = 0; i < count; ++i) {
        places[i] = words[i];
    }
    for (i = count * sizeof(*words); i < size; ++i) {
        to[i] = from[i];
    }
}

static inline void cmp_copy_libc(unsigned char *to, const unsigned char *from,
                                 size_t size)
{
    memcpy(to, from, size);
}

#ifdef CMP_HAS_WAYS
static inline void cmp_copy_string(unsigned char *to, const unsigned char *from,
                                   size_t size)
{
    __asm__ volatile("rep movsb"
                     : "+D"(to), "+S"(from), "+c"(size)
                     :
                     : "memory");
}

/* Past the caches; both ends are aligned but for the last bytes. */
static inline void cmp_copy_streaming(unsigned char *to,
                                      const unsigned char *from, size_t size)
{
    const __m128i *lines = (const __m128i *)(const void *)from;
    __m128i *places = (__m128i *)(void *)to;
    size_t count = size / sizeof(*lines);
    size_t done = count * sizeof(*lines);
    size_t i;

    for (i = 0; i < count; ++i) {
        _mm_stream_si128(places + i, _mm_loadu_si128(lines + i));
    }
    for (i = done; i < size; ++i) {
        to[i] = from[i];
    }
    _mm_sfence();
}
#endif

/* What an atomic operation gives back is wanted: a fetch-and-add is not to
 * become an addition. */
static inline uint64_t cmp_used(uint64_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

/* The compiler may not move a copy out of the loop, nor leave one out. */
static inline void cmp_settle(void)
{
    __asm__ volatile("" : : : "memory");
}

#endif
