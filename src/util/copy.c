/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/copy.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define COPY_HAS_VECTORS 1
#endif

/* From here on a copy would push everything else out of the last cache, its own
 * beginning included: the share of that cache which source and target may
 * fill. Measured where both ways are equally fast. */
#define COPY_CACHE_SHARE(size) ((size) / 16 * 3)

/* Smaller copies do not count as parts of a larger one. */
#define COPY_PART 16384

static _Atomic size_t copy_past = SIZE_MAX;

void rsmi_copy_set_cache(size_t size)
{
    atomic_store_explicit(&copy_past,
                          (size == 0) ? SIZE_MAX : COPY_CACHE_SHARE(size),
                          memory_order_relaxed);
}

#ifdef COPY_HAS_VECTORS

#define COPY_VECTOR 32
#define COPY_BLOCK  (4 * COPY_VECTOR)
#define COPY_TARGET __attribute__((target("avx2")))

/* Four vectors, all loaded before the first is stored. */
#define COPY_STEP(store)                                           \
    do {                                                           \
        __m256i a = _mm256_loadu_si256((const __m256i *)from);     \
        __m256i b = _mm256_loadu_si256((const __m256i *)from + 1); \
        __m256i c = _mm256_loadu_si256((const __m256i *)from + 2); \
        __m256i d = _mm256_loadu_si256((const __m256i *)from + 3); \
                                                                   \
        store((__m256i *)to, a);                                   \
        store((__m256i *)to + 1, b);                               \
        store((__m256i *)to + 2, c);                               \
        store((__m256i *)to + 3, d);                               \
    } while (0)

/* Copies up to where the target is aligned, and says how far that is. */
COPY_TARGET static inline size_t copy_head(char *to, const char *from)
{
    size_t beyond = (uintptr_t)to % COPY_VECTOR;

    if (beyond == 0) {
        return 0;
    }
    _mm256_storeu_si256((__m256i *)to,
                        _mm256_loadu_si256((const __m256i *)from));
    return COPY_VECTOR - beyond;
}

COPY_TARGET static void copy_cached(char *to, const char *from, size_t len)
{
    const char *last_from = from + len - COPY_BLOCK;
    char *last_to = to + len - COPY_BLOCK;
    size_t head = copy_head(to, from);

    for (to += head, from += head; to < last_to;
         to += COPY_BLOCK, from += COPY_BLOCK) {
        COPY_STEP(_mm256_store_si256);
    }
    to = last_to;
    from = last_from;
    COPY_STEP(_mm256_storeu_si256);
}

/* Stores that wait in buffers of their own are made to leave these before
 * anything that follows. */
COPY_TARGET static void copy_uncached(char *to, const char *from, size_t len)
{
    const char *last_from = from + len - COPY_BLOCK;
    char *last_to = to + len - COPY_BLOCK;
    size_t head = copy_head(to, from);

    for (to += head, from += head; to < last_to;
         to += COPY_BLOCK, from += COPY_BLOCK) {
        COPY_STEP(_mm256_stream_si256);
    }
    _mm_sfence();
    to = last_to;
    from = last_from;
    COPY_STEP(_mm256_storeu_si256);
}

/* A large piece of memory may well come in parts, and that again and again: what
 * the thread has copied to since it last jumped elsewhere, and how much it was
 * when it had last been through the same. */
static _Thread_local struct {
    const char *begin;
    const char *end;
    size_t last;
} copy_run __attribute__((tls_model("initial-exec")));

/* How much memory a copy is a part of. */
static size_t copy_in_a_row(const char *to, size_t len)
{
    size_t sofar = (size_t)(copy_run.end - copy_run.begin);

    if (to == copy_run.end) {
        sofar += len;
    } else {
        copy_run.last = (to == copy_run.begin) ? sofar : 0;
        copy_run.begin = to;
        sofar = len;
    }
    copy_run.end = to + len;
    return (sofar > copy_run.last) ? sofar : copy_run.last;
}

void rsmi_copy_many(void *dst, const void *src, size_t len)
{
    if ((len < COPY_BLOCK) || !__builtin_cpu_supports("avx2")) {
        memcpy(dst, src, len);
    } else if ((len < COPY_PART) ||
               (copy_in_a_row(dst, len) <
                atomic_load_explicit(&copy_past, memory_order_relaxed))) {
        copy_cached(dst, src, len);
    } else {
        copy_uncached(dst, src, len);
    }
}

#else

void rsmi_copy_many(void *dst, const void *src, size_t len)
{
    memcpy(dst, src, len);
}

#endif
