/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/copy.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MARGIN 64
#define LARGE  ((size_t)3 << 20)

static unsigned char *source, *target;

static void start(void)
{
    size_t idx;

    source = aligned_alloc(MARGIN, LARGE + 2 * MARGIN);
    target = aligned_alloc(MARGIN, LARGE + 2 * MARGIN);
    cr_assert(source != NULL && target != NULL);
    for (idx = 0; idx < LARGE + 2 * MARGIN; ++idx) {
        source[idx] = (unsigned char)(idx * 2654435761u >> 13);
    }
}

static void finish(void)
{
    free(source);
    free(target);
}

TestSuite(copy, .init = start, .fini = finish, .timeout = 60);

/* All of it is there, and nothing but that. */
static void check(size_t len, size_t from, size_t to)
{
    size_t idx;

    memset(target, 0xa5, len + 2 * MARGIN);
    rsmi_copy(target + to, source + from, len);
    cr_assert_eq(memcmp(target + to, source + from, len), 0,
                 "%zu bytes from %zu to %zu", len, from, to);
    for (idx = 0; idx < to; ++idx) {
        cr_assert_eq(target[idx], 0xa5, "%zu bytes: before", len);
    }
    for (idx = to + len; idx < len + 2 * MARGIN; ++idx) {
        cr_assert_eq(target[idx], 0xa5, "%zu bytes: behind", len);
    }
}

Test(copy, every_small_size_at_every_alignment)
{
    size_t len, from, to;

    for (len = 0; len <= 1100; ++len) {
        for (from = 0; from < 36; from += (len > 300) ? 7 : 1) {
            for (to = 0; to < 36; to += (len > 300) ? 5 : 1) {
                check(len, from, to);
            }
        }
    }
}

static void check_large(void)
{
    static const size_t sizes[] = {16383,  16384,   16385,     65536,
                                   100001, 1048576, LARGE - 1, LARGE};
    size_t idx;

    for (idx = 0; idx < sizeof(sizes) / sizeof(sizes[0]); ++idx) {
        check(sizes[idx], 0, 0);
        check(sizes[idx], 3, 0);
        check(sizes[idx], 0, 5);
        check(sizes[idx], 31, 33);
    }
}

Test(copy, large_sizes_through_the_caches)
{
    rsmi_copy_set_cache(0);
    check_large();
}

Test(copy, large_sizes_past_the_caches)
{
    rsmi_copy_set_cache(32);
    check_large();
}

/* Parts of a larger piece, the later of them past the caches; the second time
 * all of them. */
Test(copy, a_large_piece_in_parts)
{
    const size_t part = 32768 + 8;
    unsigned round;
    size_t done;

    rsmi_copy_set_cache((size_t)1 << 20);
    for (round = 0; round < 3; ++round) {
        memset(target, (int)round, LARGE);
        for (done = 0; done + part <= LARGE; done += part) {
            rsmi_copy(target + done, source + done, part);
        }
        cr_assert_eq(memcmp(target, source, done), 0);
        cr_assert_eq(target[done], round);
    }
}
