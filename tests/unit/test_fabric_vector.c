/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors, whose pieces travel together where they are small: what they bring
 * and leave, how many questions they ask, and what a target bears. */
#include "fabric_deaths.h"

#include "fabric/fabric_internal.h"

#define SIZE    ((size_t)1 << 20)
#define PIECES  16
#define LARGEST ((size_t)300000)

TestSuite(fabric_vector, .init = target_forget_environment, .timeout = 60);

/* Small, large and empty ones, and several to the same place: the later one
 * stays. */
static void check_puts(const path_t *path, bool in_order)
{
    static const size_t sizes[] = {8, 0,    1, 8192, 8176, LARGEST,
                                   7, 4096, 0, 8191, 100,  65536};
    enum { COUNT = 100, KINDS = sizeof(sizes) / sizeof(sizes[0]) };
    unsigned char *buffer = malloc(SIZE), *model = calloc(1, SIZE);
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_put_t puts[COUNT];
    target_t target;
    size_t i, from, to, done;

    target_begin(&target, path, SIZE);
    memset(target.memory, 0, SIZE);
    for (i = 0; i < SIZE; ++i) {
        buffer[i] = (unsigned char)(i * 7 + i / 251);
    }
    for (i = 0; i < COUNT; ++i) {
        from = i * 5003 % (SIZE - LARGEST);
        to = i * 7001 % (SIZE - LARGEST);
        puts[i] = (rsmi_fabric_put_t){target.card.remote + to, buffer + from,
                                      sizes[i % KINDS]};
        memcpy(model + to, buffer + from, puts[i].len);
    }
    cr_assert_eq(
        rsmi_fabric_putv(target.key, puts, COUNT, in_order, &wait, &done),
        RSM_SUCCESS);
    cr_assert_eq(done, COUNT);
    memset(buffer, 0, SIZE); /* may be reused */
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(memcmp(target.memory, model, SIZE), 0);
    target_end(&target);
    free(buffer);
    free(model);
}

Test(fabric_vector, puts_leave_what_they_brought_over_tcp)
{
    check_puts(&path_tcp, true);
}

Test(fabric_vector, puts_leave_what_they_brought_over_shared_memory)
{
    check_puts(&path_shm, false);
}

Test(fabric_vector, puts_leave_what_they_brought_directly)
{
    check_puts(&path_direct, false);
}

/* UCX sends what is longer in parts, and letters have to stay whole. */
Test(fabric_vector, puts_fit_into_short_messages)
{
    setenv("UCX_TCP_TX_SEG_SIZE", "1k", 1);
    setenv("UCX_TCP_RX_SEG_SIZE", "1k", 1);
    check_puts(&path_tcp, false);
}

static void begin_words(target_t *target, uint64_t words[PIECES],
                        rsmi_fabric_put_t puts[PIECES],
                        rsmi_fabric_get_t gets[PIECES])
{
    size_t i;

    target_begin(target, &path_tcp, SIZE);
    target_warm_up(target);
    for (i = 0; i < PIECES; ++i) {
        uint64_t remote = target->card.remote + 4096 * i;

        words[i] = 77 + i;
        puts[i] = (rsmi_fabric_put_t){remote, &words[i], sizeof(words[i])};
        gets[i] = (rsmi_fabric_get_t){remote, &words[i], sizeof(words[i])};
    }
}

/* Messages are what time goes to. */
Test(fabric_vector, small_pieces_travel_together)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_put_t puts[PIECES];
    rsmi_fabric_get_t gets[PIECES];
    uint64_t words[PIECES], tickets, started;
    target_t target;
    size_t i, done;

    begin_words(&target, words, puts, gets);
    started = target.peer->started;
    tickets = target.peer->domain->last_ticket;
    cr_assert_eq(
        rsmi_fabric_putv(target.key, puts, PIECES, false, &wait, &done),
        RSM_SUCCESS);
    cr_assert_eq(target.peer->started, started + 1, "letters");
    memset(words, 0, sizeof(words));
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, PIECES, &wait, &done),
                 RSM_SUCCESS);
    cr_assert_eq(target.peer->domain->last_ticket, tickets + 1, "questions");
    for (i = 0; i < PIECES; ++i) {
        cr_assert_eq(words[i], 77 + i);
    }
    target_end(&target);
}

/* One piece of memory that nobody may reach, and nothing is told; what was put
 * before it has been put. */
Test(fabric_vector, memory_that_is_not_there_is_not_reached)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_put_t puts[PIECES];
    rsmi_fabric_get_t gets[PIECES];
    uint64_t words[PIECES], before[PIECES];
    target_t target;
    size_t done;

    begin_words(&target, words, puts, gets);
    memset(target.memory, 0, SIZE);
    puts[5].remote = gets[5].remote = target.card.remote + SIZE - 4;
    cr_assert_eq(
        rsmi_fabric_putv(target.key, puts, PIECES, false, &wait, &done),
        RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(*(uint64_t *)target.memory, 77);
    cr_assert_eq(*(uint64_t *)(target.memory + (size_t)6 * 4096), 0);
    memset(words, 3, sizeof(words));
    memcpy(before, words, sizeof(words));
    wait = wait_ms(300);
    cr_assert_eq(rsmi_fabric_getv(target.key, gets, PIECES, &wait, &done),
                 RSMERR_BARRIER_FAILURE);
    cr_assert_eq(done, 0);
    cr_assert_eq(memcmp(words, before, sizeof(words)), 0);
    target_end(&target);
}

static void *put_and_get(void *arg)
{
    const target_t *target = arg;
    unsigned char buffer[PIECES][500] = {{0}};
    rsmi_fabric_put_t puts[PIECES];
    rsmi_fabric_get_t gets[PIECES];
    rsmi_fabric_wait_t wait;
    int rc = RSM_SUCCESS;
    size_t i, done;

    for (i = 0; i < PIECES; ++i) {
        puts[i] = (rsmi_fabric_put_t){target->card.remote + 4096 * i, buffer[i],
                                      sizeof(buffer[i])};
        gets[i] = (rsmi_fabric_get_t){target->card.remote + 4096 * i, buffer[i],
                                      sizeof(buffer[i])};
    }
    while (rc == RSM_SUCCESS) {
        wait = wait_ms(10000);
        rc = rsmi_fabric_putv(target->key, puts, PIECES, false, &wait, &done);
        if (rc == RSM_SUCCESS) {
            rc = rsmi_fabric_getv(target->key, gets, PIECES, &wait, &done);
        }
    }
    return NULL;
}

Test(fabric_vector, importers_die_among_vectors)
{
    target_t target;

    setenv("UCX_TCP_RCVBUF", "64k", 1);
    deaths_begin(&target, SIZE, put_and_get, 8);
    target_warm_up(&target);
    target_end(&target);
}
