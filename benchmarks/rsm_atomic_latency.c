/* SPDX-License-Identifier: BSD-3-Clause */
/* Each atomic operation on one word of the other process. */
#include "common/bench.h"

#include <rsmx.h>

#define ROUNDS  50    /* of a check */
#define OPERAND 0x5au /* whatever the operation, it does something */

/* Calls EACH(operation, width, what the word is after it, arguments of the
 * call) for every one, in the order of the rows. */
#define ALL_OF(EACH, bits)                                         \
    EACH(fetch_add, bits, was + OPERAND, OPERAND)                  \
    EACH(swap, bits, was ^ OPERAND, (uint##bits##_t)was ^ OPERAND) \
    EACH(fetch_and, bits, was &OPERAND, OPERAND)                   \
    EACH(fetch_or, bits, was | OPERAND, OPERAND)                   \
    EACH(fetch_xor, bits, was ^ OPERAND, OPERAND)                  \
    EACH(compare_swap, bits, was + OPERAND, (uint##bits##_t)was,   \
         (uint##bits##_t)was + OPERAND)
#define ALL(EACH) ALL_OF(EACH, 32) ALL_OF(EACH, 64)

/* For each operation: it, once, on a word that contains @p was; the word
 * afterwards. And the loop under the clock. */
#define DEFINE(name, bits, after, ...)                                      \
    static inline uint64_t name##bits(bench_link_t *link, uint64_t was,     \
                                      uint64_t *old_p)                      \
    {                                                                       \
        uint##bits##_t old;                                                 \
                                                                            \
        bench_done(rsmx_import_##name##bits(link->import, link->base,       \
                                            __VA_ARGS__, &old));            \
        *old_p = old;                                                       \
        return (uint##bits##_t)(after);                                     \
    }                                                                       \
    static void loop_##name##bits(bench_link_t *link, bench_timer_t *timer) \
    {                                                                       \
        uint64_t word = 0;                                                  \
        uint64_t old;                                                       \
                                                                            \
        while (bench_next(timer)) {                                         \
            word = name##bits(link, word, &old);                            \
        }                                                                   \
    }
ALL(DEFINE)

#define NAME(name, bits, ...) #name #bits,
static const char *const names[] = {ALL(NAME) NULL};

#define LOOP(name, bits, ...) loop_##name##bits,
static void (*const loops[])(bench_link_t *, bench_timer_t *) = {ALL(LOOP)};

#define STEP(name, bits, ...) name##bits,
static uint64_t (*const steps[])(bench_link_t *, uint64_t,
                                 uint64_t *) = {ALL(STEP)};

static void clear_word(bench_t *bench)
{
    (void)bench_ask(bench, bench->partner, BENCH_ASK_CLEAR, 0, sizeof(uint64_t),
                    0);
}

static void measure(bench_t *bench, size_t operation, size_t size,
                    bench_row_t *row)
{
    bench_timer_t timer;

    clear_word(bench);
    bench_timer_open(&timer, &bench->options, size);
    loops[operation](&bench->link, &timer);
    bench_timer_close(&timer, &bench->options, row);
}

/* Every former value and the last one, which the other process reads. */
static bool check(bench_t *bench, size_t operation, size_t size)
{
    uint64_t word = 0;
    bool is_correct = true;
    unsigned int i;

    (void)size;
    clear_word(bench);
    for (i = 0; i < ROUNDS; ++i) {
        uint64_t was = word;
        uint64_t old;

        word = steps[operation](&bench->link, was, &old);
        is_correct = is_correct && (old == was);
    }
    return is_correct &&
           (bench_ask(bench, bench->partner, BENCH_ASK_WORD, 0, 0, 0) == word);
}

int main(int argc, char **argv)
{
    static const bench_program_t program = {
        .name = "rsm_atomic_latency",
        .title = "RSM Atomic Latency",
        .summary = "Time of an atomic operation on the other process's memory, "
                   "old value included.",
        .unit = BENCH_UNIT_US,
        .takes = BENCH_TAKES_CHECK,
        .operations = names,
        BENCH_ROUNDS(10000, 100),
    };
    static const bench_actions_t actions = {
        .measure = measure, .check = check, .room = BENCH_ROOM_WORD};

    return bench_main(&program, &actions, argc, argv);
}
