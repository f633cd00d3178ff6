/* SPDX-License-Identifier: BSD-3-Clause */
/* Order of accesses, after the shapes of memory model literature. Counters
 * grow from round to round, so that stale values are told from fresh ones. */
#include "multi.h"

#include <string.h>

enum { ROUNDS = 2000, NET_ROUNDS = 500 };

static uint64_t rounds(void)
{
    return multi_path() == MULTI_PATH_DIRECT ? ROUNDS : NET_ROUNDS;
}

typedef struct {
    multi_segment_t segment;
    multi_import_t import;
} exchange_t;

/* Everybody owns memory; everybody imports that of @p owner. */
static void begin(exchange_t *exchange, uint32_t owner)
{
    multi_publish(&exchange->segment, 4 * MULTI_PAGE, MULTI_ID(0));
    multi_connect(&exchange->import, owner, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
}

static void end(exchange_t *exchange)
{
    multi_sync();
    multi_disconnect(&exchange->import);
    multi_sync();
    multi_withdraw(&exchange->segment);
}

/* Message passing: data, then flag; the owner polls with plain loads. Rank 0
 * acknowledges each round in the memory of rank 1. */
static void message_passing(bool is_explicit)
{
    exchange_t exchange;
    uint64_t round;
    uint64_t i;

    begin(&exchange, 1 - multi.rank);
    if (is_explicit) {
        MULTI_OK(rsm_memseg_import_set_mode(exchange.import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_open_barrier(&exchange.import.barrier));
    }
    for (round = 1; round <= rounds(); round++) {
        if (multi.rank == 1) {
            for (i = 0; i < 4; i++)
                multi_put64(&exchange.import, (off_t)(i * MULTI_PAGE), round);
            if (is_explicit)
                MULTI_OK(
                    rsm_memseg_import_order_barrier(&exchange.import.barrier));
            multi_put64(&exchange.import, 64, round);
            if (is_explicit)
                MULTI_OK(
                    rsm_memseg_import_order_barrier(&exchange.import.barrier));
            MULTI_WAIT(multi_load64(exchange.segment.memory + 64) == round);
        } else {
            MULTI_WAIT(multi_load64(exchange.segment.memory + 64) == round);
            for (i = 0; i < 4; i++)
                cr_assert_eq(
                    multi_load64(exchange.segment.memory + i * MULTI_PAGE),
                    round, "the flag overtook the data");
            multi_put64(&exchange.import, 64, round);
            if (is_explicit)
                MULTI_OK(
                    rsm_memseg_import_order_barrier(&exchange.import.barrier));
        }
    }
    if (is_explicit)
        MULTI_OK(rsm_memseg_import_close_barrier(&exchange.import.barrier));
    end(&exchange);
}

MULTI_TEST(order, implicit_puts_pass_messages, 2)
{
    message_passing(false);
}

MULTI_TEST(order, order_barrier_passes_messages, 2)
{
    message_passing(true);
}

/* Message passing with a large body, moved in one piece. */
MULTI_TEST(order, flag_never_overtakes_a_block, 2)
{
    enum { BLOCK = 3 * MULTI_PAGE };
    unsigned char data[BLOCK];
    exchange_t exchange;
    uint64_t round;

    begin(&exchange, 1 - multi.rank);
    MULTI_OK(rsm_memseg_import_set_mode(exchange.import.handle,
                                        RSM_BARRIER_MODE_EXPLICIT));
    MULTI_OK(rsm_memseg_import_open_barrier(&exchange.import.barrier));
    for (round = 1; round <= 300; round++) {
        if (multi.rank == 1) {
            memset(data, (int)round, BLOCK);
            MULTI_OK(rsm_memseg_import_put(exchange.import.handle, MULTI_PAGE,
                                           data, BLOCK));
            MULTI_OK(rsm_memseg_import_order_barrier(&exchange.import.barrier));
            multi_put64(&exchange.import, 0, round);
            MULTI_OK(rsm_memseg_import_order_barrier(&exchange.import.barrier));
            MULTI_WAIT(multi_load64(exchange.segment.memory) == round);
        } else {
            MULTI_WAIT(multi_load64(exchange.segment.memory) == round);
            cr_assert(multi_is_all(exchange.segment.memory + MULTI_PAGE, BLOCK,
                                   (unsigned char)round),
                      "round %lu", round);
            multi_put64(&exchange.import, 0, round);
            MULTI_OK(rsm_memseg_import_order_barrier(&exchange.import.barrier));
        }
    }
    MULTI_OK(rsm_memseg_import_close_barrier(&exchange.import.barrier));
    end(&exchange);
}

/* Store buffering: two importers each put their word and get the other's;
 * both cannot miss the other. The owner looks on. */
MULTI_TEST(order, two_writers_cannot_miss_each_other, 3)
{
    exchange_t exchange;
    uint64_t seen;
    uint64_t round;
    uint64_t first;
    uint64_t second;

    begin(&exchange, 0);
    for (round = 1; round <= 300; round++) {
        seen = round;
        multi_sync();
        if (multi.rank > 0) {
            off_t mine = multi.rank == 1 ? 0 : MULTI_PAGE;

            multi_put64(&exchange.import, mine, round);
            seen = multi_get64(&exchange.import, MULTI_PAGE - mine);
        }
        first = multi_share(1, seen);
        second = multi_share(2, seen);
        cr_assert(first == round || second == round,
                  "both missed the other's put in round %lu", round);
    }
    end(&exchange);
}

/* Coherence: a reader never sees a word go back. */
MULTI_TEST(order, words_never_go_back, 3)
{
    exchange_t exchange;
    uint64_t last = 0;
    uint64_t seen;
    uint64_t round;

    begin(&exchange, 0);
    if (multi.rank == 1) {
        for (round = 1; round <= 4 * rounds(); round++)
            multi_put64(&exchange.import, 8, round);
    } else {
        do {
            seen = multi.rank == 0 ? multi_load64(exchange.segment.memory + 8)
                                   : multi_get64(&exchange.import, 8);
            cr_assert_geq(seen, last, "went back");
            last = seen;
            if (multi.rank == 0)
                multi_pause();
        } while (seen != 4 * rounds());
    }
    end(&exchange);
}

/* Write to read causality: rank 1 writes, rank 2 reads that and writes, the
 * owner sees both. */
MULTI_TEST(order, causality_holds_over_three, 3)
{
    exchange_t exchange;
    uint64_t round;

    begin(&exchange, 0);
    for (round = 1; round <= rounds() / 4; round++) {
        if (multi.rank == 1) {
            multi_put64(&exchange.import, 0, round);
            MULTI_WAIT(multi_get64(&exchange.import, 2 * MULTI_PAGE) == round);
        } else if (multi.rank == 2) {
            MULTI_WAIT(multi_get64(&exchange.import, 0) == round);
            multi_put64(&exchange.import, MULTI_PAGE, round);
            MULTI_WAIT(multi_get64(&exchange.import, 2 * MULTI_PAGE) == round);
        } else {
            unsigned char *memory = exchange.segment.memory;

            MULTI_WAIT(multi_load64(memory + MULTI_PAGE) == round);
            cr_assert_eq(multi_load64(memory), round, "cause came late");
            __atomic_store_n((uint64_t *)(void *)(memory + 2 * MULTI_PAGE),
                             round, __ATOMIC_RELEASE);
        }
    }
    end(&exchange);
}

/* In an explicit span a get sees the puts before it, everywhere. */
MULTI_TEST(order, get_sees_own_puts_in_a_span, 2)
{
    exchange_t exchange;
    uint64_t round;

    begin(&exchange, 1 - multi.rank);
    MULTI_OK(rsm_memseg_import_set_mode(exchange.import.handle,
                                        RSM_BARRIER_MODE_EXPLICIT));
    MULTI_OK(rsm_memseg_import_open_barrier(&exchange.import.barrier));
    for (round = 1; round <= rounds(); round++) {
        off_t offset = (off_t)(round * 8 % (2 * MULTI_PAGE));

        multi_put64(&exchange.import, offset, round);
        cr_assert_eq(multi_get64(&exchange.import, offset), round);
    }
    MULTI_OK(rsm_memseg_import_close_barrier(&exchange.import.barrier));
    end(&exchange);
}

/* Puts and atomics of one importer stay in order: the counter that tells of
 * data comes behind them. */
MULTI_TEST(order, atomics_follow_completed_puts, 2)
{
    exchange_t exchange;
    uint64_t round;

    begin(&exchange, 1 - multi.rank);
    for (round = 1; round <= rounds(); round++) {
        if (multi.rank == 1) {
            multi_put64(&exchange.import, MULTI_PAGE, round);
            MULTI_OK(
                rsmx_import_fetch_add64(exchange.import.handle, 0, 1, NULL));
            MULTI_WAIT(multi_load64(exchange.segment.memory) == round);
        } else {
            MULTI_WAIT(multi_load64(exchange.segment.memory) == round);
            cr_assert_eq(multi_load64(exchange.segment.memory + MULTI_PAGE),
                         round, "the atomic overtook the put");
            MULTI_OK(
                rsmx_import_fetch_add64(exchange.import.handle, 0, 1, NULL));
        }
    }
    end(&exchange);
}
