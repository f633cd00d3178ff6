/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric_target.h"

#include "util/compiler.h"

TestSuite(fabric_flush, .init = target_forget_environment, .timeout = 30);

/* What is read behind puts of every size says that they have landed. */
static void check_flush_and_get(const path_t *path)
{
    static const size_t sizes[] = {8, 4000, 8192, 8200, 300000};
    static unsigned char data[300000];
    rsmi_fabric_wait_t wait = wait_ms(20000);
    const size_t word_at = 1 << 20;
    uint64_t round, word, old;
    target_t target;
    size_t size;

    target_begin(&target, path, 2 << 20);
    for (round = 1; round <= 200; ++round) {
        size = sizes[round % RSMI_COUNT_OF(sizes)];
        memset(data, (int)round, size);
        cr_assert_eq(
            rsmi_fabric_put(target.key, target.card.remote, data, size, &wait),
            RSM_SUCCESS);
        cr_assert_eq(rsmi_fabric_flush_and_get(target.key,
                                               target.card.remote + word_at,
                                               &word, &wait),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(target.memory, data, size), 0);
        cr_assert_eq(word, round - 1);
        cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                        target.card.remote + word_at, 1, 0,
                                        &old, &wait),
                     RSM_SUCCESS);
    }
    target_end(&target);
}

Test(fabric_flush, flush_and_get_comes_after_all_puts_directly)
{
    check_flush_and_get(&path_direct);
}

Test(fabric_flush, flush_and_get_comes_after_all_puts_by_shm)
{
    check_flush_and_get(&path_shm);
}

Test(fabric_flush, flush_and_get_comes_after_all_puts_by_tcp)
{
    check_flush_and_get(&path_tcp);
}
