/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers to memory of this process, by which imports with RSM_DIRECT=n are
 * accessed. */
#include "fabric/fabric_internal.h"
#include "rsmapi.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SIZE   ((size_t)1 << 20)
#define ROUNDS 50000

static unsigned char *memory;
static rsmi_fabric_peer_t *peer;
static rsmi_fabric_mem_t *mem;
static void *blob;
static size_t blob_size;
static rsmi_fabric_key_t *key;

static void begin(void)
{
    memory = aligned_alloc(4096, SIZE);
    cr_assert_not_null(memory);
    memset(memory, 0, SIZE);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_connect_self(&peer), RSM_SUCCESS);
    cr_assert_eq(peer->inner.most == 0, rsmi_fabric_is_ucp_only);
    cr_assert_eq(rsmi_fabric_register(RSMI_FABRIC_SELF, memory, SIZE, &mem),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_pack(mem, &blob, &blob_size), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_key_open(peer, blob, blob_size, &key),
                 RSM_SUCCESS);
}

static void end(void)
{
    rsmi_fabric_key_close(key);
    rsmi_fabric_release(mem);
    rsmi_fabric_disconnect(peer);
    free(blob);
    rsmi_fabric_close();
    free(memory);
}

static void begin_with_ucp(void)
{
    rsmi_fabric_is_ucp_only = true;
    begin();
}

/* By what UCX is asked to do it is a matter of its version. */
TestSuite(fabric_self, .init = begin, .fini = end, .timeout = 30);
TestSuite(fabric_self_ucp, .init = begin_with_ucp, .fini = end, .timeout = 30);

#define TEST_BOTH(name, check)  \
    Test(fabric_self, name)     \
    {                           \
        check();                \
    }                           \
    Test(fabric_self_ucp, name) \
    {                           \
        check();                \
    }

static void check_put(void)
{
    static const size_t sizes[] = {1, 2, 7, 8, 64, 4095, 65537, SIZE / 2};
    unsigned char *here = malloc(SIZE), *back = malloc(SIZE);
    uint64_t remote = (uintptr_t)memory;
    size_t idx, at;

    for (at = 0; at < SIZE; ++at) {
        here[at] = (unsigned char)(at * 7 + at / 256);
    }
    for (idx = 0; idx < sizeof(sizes) / sizeof(sizes[0]); ++idx) {
        memset(memory, 0, SIZE);
        cr_assert_eq(rsmi_fabric_self_put(key, remote + idx, here, sizes[idx]),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(memory + idx, here, sizes[idx]), 0);
        cr_assert_eq(memory[idx + sizes[idx]], 0, "beyond the end");
        cr_assert_eq(rsmi_fabric_self_get(key, remote + idx, back, sizes[idx]),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(back, here, sizes[idx]), 0);
    }
    free(here);
    free(back);
}

TEST_BOTH(what_is_put_is_there_at_once, check_put)

static void check_atomic(unsigned width, rsmi_atomic_op_t op, uint64_t operand,
                         uint64_t compare, uint64_t expected)
{
    const uint64_t start = 0x1234567800000ff0u;
    uint64_t mask = (width == 4) ? UINT32_MAX : UINT64_MAX;
    uint64_t old = 0, now = 0;

    memcpy(memory, &start, sizeof(start));
    cr_assert_eq(rsmi_fabric_self_atomic(key, op, width, (uintptr_t)memory,
                                         operand, compare, &old),
                 RSM_SUCCESS);
    memcpy(&now, memory, sizeof(now));
    cr_assert_eq(old & mask, start & mask, "op %d: old", op);
    cr_assert_eq(now & mask, expected & mask, "op %d: new", op);
    cr_assert_eq(now & ~mask, start & ~mask, "op %d: too wide", op);
}

static void check_atomics(void)
{
    const uint64_t start = 0x1234567800000ff0u;
    unsigned width;

    for (width = 4; width <= 8; width += 4) {
        check_atomic(width, RSMI_ATOMIC_ADD, 0x21, 0, start + 0x21);
        check_atomic(width, RSMI_ATOMIC_SWAP, 5, 0, 5);
        check_atomic(width, RSMI_ATOMIC_CSWAP, 6, start, 6);
        check_atomic(width, RSMI_ATOMIC_CSWAP, 6, start + 1, start);
        check_atomic(width, RSMI_ATOMIC_AND, 0xf0f, 0, start & 0xf0f);
        check_atomic(width, RSMI_ATOMIC_OR, 0xf00f, 0, start | 0xf00f);
        check_atomic(width, RSMI_ATOMIC_XOR, 0xf0f, 0, start ^ 0xf0f);
    }
}

TEST_BOTH(atomics, check_atomics)

static void *adder(void *arg)
{
    uint64_t remote = (uintptr_t)memory, old;
    int round;

    for (round = 0; round < ROUNDS; ++round) {
        if (rsmi_fabric_self_atomic(key, RSMI_ATOMIC_ADD, 8, remote, 1, 0,
                                    &old) != RSM_SUCCESS) {
            return arg;
        }
    }
    return NULL;
}

/* One thread has earned the bias when others come and when keys are made. */
static void check_threads(void)
{
    pthread_t threads[2];
    rsmi_fabric_key_t *other;
    void *failed;
    uint64_t sum;
    int idx;

    cr_assert_null(adder(memory));
    for (idx = 0; idx < 2; ++idx) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, adder, memory), 0);
    }
    for (idx = 0; idx < 200; ++idx) {
        cr_assert_eq(rsmi_fabric_key_open(peer, blob, blob_size, &other),
                     RSM_SUCCESS);
        rsmi_fabric_key_close(other);
    }
    for (idx = 0; idx < 2; ++idx) {
        pthread_join(threads[idx], &failed);
        cr_assert_null(failed);
    }
    memcpy(&sum, memory, sizeof(sum));
    cr_assert_eq(sum, 3ull * ROUNDS);
}

TEST_BOTH(threads_share_the_worker, check_threads)
