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

/* A put that says by itself that it and the puts before it have landed. */
static void check_put_through(const path_t *path)
{
    static const size_t sizes[] = {8, 1, 4000, 8192, 8200, 300000};
    static unsigned char data[300000];
    rsmi_fabric_wait_t wait = wait_ms(20000);
    const size_t word_at = 1 << 20;
    rsmi_fabric_look_t none = {0}, look;
    target_t target;
    uint64_t round;
    size_t size, i;

    target_begin(&target, path, 2 << 20);
    for (round = 1; round <= 200; ++round) {
        size = sizes[round % RSMI_COUNT_OF(sizes)];
        memset(data, (int)round, sizeof(data));
        for (i = 0; i < round % 70; ++i) {
            cr_assert_eq(
                rsmi_fabric_put(target.key,
                                target.card.remote + word_at + 8 + i * 8192,
                                data, 1 + i * 100, &wait),
                RSM_SUCCESS);
        }
        cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote + word_at,
                                     &round, sizeof(round), &wait),
                     RSM_SUCCESS);
        look = (rsmi_fabric_look_t){.remote = target.card.remote + word_at};
        cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote,
                                             data, size, &look, &wait),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(target.memory, data, size), 0);
        cr_assert_eq(look.word, round);
        while (i-- > 0) {
            cr_assert_eq(memcmp(target.memory + word_at + 8 + i * 8192, data,
                                1 + i * 100),
                         0);
        }
        /* Nothing to look at. */
        cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote,
                                             &round, sizeof(round), &none,
                                             &wait),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(target.memory, &round, sizeof(round)), 0);
    }
    target_end(&target);
}

Test(fabric_flush, put_through_comes_after_all_puts_directly)
{
    check_put_through(&path_direct);
}

Test(fabric_flush, put_through_comes_after_all_puts_by_shm)
{
    check_put_through(&path_shm);
}

Test(fabric_flush, put_through_comes_after_all_puts_by_tcp)
{
    check_put_through(&path_tcp);
}

/* Letters, and puts that are none because they would not fit into a segment. */
Test(fabric_flush, put_through_comes_after_all_puts_in_small_segments)
{
    cr_assert_eq(setenv("UCX_TCP_TX_SEG_SIZE", "2048", 1), 0);
    cr_assert_eq(setenv("UCX_TCP_RX_SEG_SIZE", "2048", 1), 0);
    check_put_through(&path_tcp);
}

/* The user may have set this for others. */
Test(fabric_flush, put_through_does_without_newer_protocols)
{
    cr_assert_eq(setenv("UCX_PROTO_ENABLE", "y", 1), 0);
    check_put_through(&path_tcp);
}

/* An answer that comes too late is no answer to the next question. */
Test(fabric_flush, late_answers_are_nobodys)
{
    rsmi_fabric_wait_t wait;
    rsmi_fabric_look_t look = {0};
    target_t target;
    uint64_t value;

    target_begin(&target, &path_tcp, 4096);
    look.remote = target.card.remote + 8;
    target_warm_up(&target);
    target_stop(&target);
    for (value = 1; value <= 3; ++value) {
        wait = wait_ms(50);
        cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote + 8,
                                             &value, sizeof(value), &look,
                                             &wait),
                     RSMERR_BARRIER_FAILURE);
    }
    cr_assert_eq(look.word, 0);

    kill(target.pid, SIGCONT);
    wait = wait_ms(10000);
    for (; value <= 6; ++value) {
        cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote + 8,
                                             &value, sizeof(value), &look,
                                             &wait),
                     RSM_SUCCESS);
        cr_assert_eq(look.word, value);
    }
    target_end(&target);
}

Test(fabric_flush, a_question_to_the_dead_is_not_waited_for)
{
    rsmi_fabric_look_t none = {0};
    rsmi_fabric_wait_t wait;
    uint64_t word = 5;
    rsmi_time_t begin;
    target_t target;

    target_begin(&target, &path_tcp, 4096);
    target_warm_up(&target);
    target_stop(&target);
    wait = wait_ms(50);
    cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote, &word,
                                         sizeof(word), &none, &wait),
                 RSMERR_BARRIER_FAILURE);
    target_kill(&target);

    begin = rsmi_clock_now();
    wait = wait_ms(10000);
    cr_assert_eq(rsmi_fabric_put_through(target.key, target.card.remote, &word,
                                         sizeof(word), &none, &wait),
                 RSMERR_CONN_ABORTED);
    cr_assert_lt(rsmi_clock_now() - begin, 5000000000);
    target_end_dead(&target);
}

/* The answer to any question says that everything before it is complete: the
 * target need not be asked again, which here could not answer. */
static void check_nothing_is_due(target_t *target)
{
    rsmi_fabric_wait_t wait = wait_ms(100);

    target_stop(target);
    cr_assert_eq(rsmi_fabric_flush(target->peer, &wait), RSM_SUCCESS);
    (void)kill(target->pid, SIGCONT);
}

Test(fabric_flush, what_gets_and_atomics_have_shown_is_not_asked_again)
{
    rsmi_fabric_wait_t wait = wait_ms(20000);
    uint64_t words[2] = {0}, word = 5, old;
    target_t target;
    size_t done;

    target_begin(&target, &path_tcp, 4096);
    const rsmi_fabric_get_t gets[] = {{target.card.remote, &words[0], 8},
                                      {target.card.remote + 8, &words[1], 8}};
    target_warm_up(&target);
    check_nothing_is_due(&target);
    cr_assert_eq(
        rsmi_fabric_put(target.key, target.card.remote, &word, 8, &wait),
        RSM_SUCCESS);
    cr_assert_eq(
        rsmi_fabric_get(target.key, target.card.remote, &words[0], 8, &wait),
        RSM_SUCCESS);
    cr_assert_eq(words[0], 5);
    check_nothing_is_due(&target);
    cr_assert_eq(
        rsmi_fabric_put(target.key, target.card.remote + 8, &word, 8, &wait),
        RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, 2, &wait, &done),
                 RSM_SUCCESS);
    cr_assert_eq(words[1], 5);
    check_nothing_is_due(&target);
    cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                    target.card.remote, 1, 0, &old, &wait),
                 RSM_SUCCESS);
    check_nothing_is_due(&target);
    target_end(&target);
}
