/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations: results, sums of many, and the exporter's own. */
#include "multi.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SIZE ((off_t)MULTI_PAGE)

/* Rank 0 owns the segment, its importer is rank 1. */
static void with_import(rsm_permission_t perm, void (*check)(multi_import_t *),
                        void (*judge)(const unsigned char *))
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), perm);
        check(&import);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        judge(segment.memory);
        multi_withdraw(&segment);
    }
}

/* One function for either width: the bodies differ in a suffix alone. */
#define CHECK_OPERATIONS(bits)                                               \
    static void check_operations##bits(multi_import_t *import)               \
    {                                                                        \
        rsm_memseg_import_handle_t handle = import->handle;                  \
        const off_t at = 64;                                                 \
        uint##bits##_t old = 77;                                             \
                                                                             \
        MULTI_OK(rsmx_import_fetch_add##bits(handle, at, 10, &old));         \
        cr_assert_eq(old, 0);                                                \
        MULTI_OK(rsmx_import_fetch_add##bits(                                \
            handle, at, (uint##bits##_t)(0 - (uint##bits##_t)4), &old));     \
        cr_assert_eq(old, 10);                                               \
        MULTI_OK(rsmx_import_swap##bits(handle, at, 0xff, &old));            \
        cr_assert_eq(old, 6);                                                \
        MULTI_OK(rsmx_import_fetch_and##bits(handle, at, 0x3c, &old));       \
        cr_assert_eq(old, 0xff);                                             \
        MULTI_OK(rsmx_import_fetch_or##bits(handle, at, 0x03, &old));        \
        cr_assert_eq(old, 0x3c);                                             \
        MULTI_OK(rsmx_import_fetch_xor##bits(handle, at, 0x3e, &old));       \
        cr_assert_eq(old, 0x3f);                                             \
        MULTI_OK(rsmx_import_compare_swap##bits(handle, at, 2, 9, &old));    \
        cr_assert_eq(old, 1, "a failed compare tells the value");            \
        MULTI_OK(rsmx_import_compare_swap##bits(handle, at, 1, 9, &old));    \
        cr_assert_eq(old, 1);                                                \
        MULTI_OK(rsmx_import_fetch_add##bits(handle, at, 0, &old));          \
        cr_assert_eq(old, 9);                                                \
        MULTI_OK(rsmx_import_fetch_add##bits(handle, at, 1, NULL));          \
        MULTI_OK(rsmx_import_swap##bits(handle, at, 100, NULL));             \
        MULTI_OK(rsmx_import_fetch_and##bits(handle, at, 0x60, NULL));       \
        MULTI_OK(rsmx_import_fetch_or##bits(handle, at, 4, NULL));           \
        MULTI_OK(rsmx_import_fetch_xor##bits(handle, at, 1, NULL));          \
        MULTI_OK(                                                            \
            rsmx_import_compare_swap##bits(handle, at, 0x65, 0x66, NULL));   \
        MULTI_OK(rsmx_import_swap##bits(handle, SIZE - bits / 8,             \
                                        (uint##bits##_t)0xfedcba9876543210u, \
                                        &old));                              \
        cr_assert_eq(old, 0);                                                \
    }

CHECK_OPERATIONS(32)
CHECK_OPERATIONS(64)

static void judge_operations32(const unsigned char *memory)
{
    cr_assert_eq(multi_load32(memory + 64), 0x66);
    cr_assert_eq(multi_load32(memory + SIZE - 4), 0x76543210);
    cr_assert(multi_is_all(memory, 64, 0));
    cr_assert(multi_is_all(memory + 68, (size_t)SIZE - 72, 0));
}

static void judge_operations64(const unsigned char *memory)
{
    cr_assert_eq(multi_load64(memory + 64), 0x66);
    cr_assert_eq(multi_load64(memory + SIZE - 8), 0xfedcba9876543210u);
    cr_assert(multi_is_all(memory, 64, 0));
    cr_assert(multi_is_all(memory + 72, (size_t)SIZE - 80, 0));
}

MULTI_TEST(atomics, operations_of_32_bits_compute, 2)
{
    with_import(RSM_PERM_RDWR, check_operations32, judge_operations32);
}

MULTI_TEST(atomics, operations_of_64_bits_compute, 2)
{
    with_import(RSM_PERM_RDWR, check_operations64, judge_operations64);
}

static void judge_zero(const unsigned char *memory)
{
    cr_assert(multi_is_all(memory, (size_t)SIZE, 0), "a refused one wrote");
}

/* All twelve with one offset; what they get back must stay as it was. */
static void expect_all(rsm_memseg_import_handle_t import, off_t offset,
                       int code)
{
    uint32_t narrow = 77;
    uint64_t wide = 77;

    MULTI_CODE(rsmx_import_fetch_add32(import, offset, 1, &narrow), code);
    MULTI_CODE(rsmx_import_swap32(import, offset, 1, &narrow), code);
    MULTI_CODE(rsmx_import_fetch_and32(import, offset, 1, &narrow), code);
    MULTI_CODE(rsmx_import_fetch_or32(import, offset, 1, &narrow), code);
    MULTI_CODE(rsmx_import_fetch_xor32(import, offset, 1, &narrow), code);
    MULTI_CODE(rsmx_import_compare_swap32(import, offset, 0, 1, &narrow), code);
    MULTI_CODE(rsmx_import_fetch_add64(import, offset, 1, &wide), code);
    MULTI_CODE(rsmx_import_swap64(import, offset, 1, &wide), code);
    MULTI_CODE(rsmx_import_fetch_and64(import, offset, 1, &wide), code);
    MULTI_CODE(rsmx_import_fetch_or64(import, offset, 1, &wide), code);
    MULTI_CODE(rsmx_import_fetch_xor64(import, offset, 1, &wide), code);
    MULTI_CODE(rsmx_import_compare_swap64(import, offset, 0, 1, &wide), code);
    cr_assert_eq(narrow, 77);
    cr_assert_eq(wide, 77);
}

static void check_errors(multi_import_t *import)
{
    uint32_t narrow = 77;
    uint64_t wide = 77;
    off_t off;

    expect_all(NULL, 1, RSMERR_BAD_SEG_HNDL);
    for (off = 1; off < 4; off++) {
        expect_all(import->handle, off, RSMERR_BAD_MEM_ALIGNMENT);
        expect_all(import->handle, SIZE + off, RSMERR_BAD_MEM_ALIGNMENT);
        expect_all(import->handle, -off, RSMERR_BAD_MEM_ALIGNMENT);
    }
    MULTI_CODE(rsmx_import_fetch_add64(import->handle, 4, 1, &wide),
               RSMERR_BAD_MEM_ALIGNMENT);
    expect_all(import->handle, SIZE, RSMERR_BAD_LENGTH);
    expect_all(import->handle, SIZE + 8, RSMERR_BAD_OFFSET);
    expect_all(import->handle, -8, RSMERR_BAD_OFFSET);
    expect_all(import->handle, LONG_MIN, RSMERR_BAD_OFFSET);
    expect_all(import->handle, LONG_MAX - 7, RSMERR_BAD_OFFSET);
    MULTI_OK(rsmx_import_fetch_add32(import->handle, SIZE - 4, 0, &narrow));
    cr_assert_eq(narrow, 0);
    cr_assert_eq(wide, 77);
}

MULTI_TEST(atomics, errors_come_in_order, 2)
{
    with_import(RSM_PERM_RDWR, check_errors, judge_zero);
}

static void check_denied(multi_import_t *import)
{
    expect_all(import->handle, 0, RSMERR_PERM_DENIED);
    expect_all(import->handle, SIZE + 8, RSMERR_PERM_DENIED);
    expect_all(import->handle, 1, RSMERR_BAD_MEM_ALIGNMENT);
}

MULTI_TEST(atomics, reading_permission_is_not_enough, 2)
{
    with_import(RSM_PERM_READ, check_denied, judge_zero);
}

MULTI_TEST(atomics, writing_permission_is_not_enough, 2)
{
    with_import(RSM_PERM_WRITE, check_denied, judge_zero);
}

/* No barrier is needed, whatever the mode. */
static void check_no_barrier(multi_import_t *import)
{
    rsm_memseg_import_handle_t bare =
        multi_connect_bare(0, MULTI_ID(0), RSM_PERM_RDWR);

    (void)import;
    MULTI_OK(rsmx_import_fetch_add64(bare, 64, 0x60, NULL));
    MULTI_OK(rsm_memseg_import_set_mode(bare, RSM_BARRIER_MODE_EXPLICIT));
    MULTI_OK(rsmx_import_fetch_add64(bare, 64, 6, NULL));
    MULTI_OK(rsmx_import_swap64(bare, SIZE - 8, 0xfedcba9876543210u, NULL));
    MULTI_OK(rsm_memseg_import_disconnect(bare));
}

MULTI_TEST(atomics, need_no_barrier, 2)
{
    with_import(RSM_PERM_RDWR, check_no_barrier, judge_operations64);
}

MULTI_TEST(atomics, aborted_connection_is_told, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_READ);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    multi_sync();
    if (multi.rank == 1) {
        expect_all(import.handle, 1, RSMERR_BAD_MEM_ALIGNMENT);
        expect_all(import.handle, 0, RSMERR_CONN_ABORTED);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

enum { ADDS = 4000 };

/* Every rank, the exporter by its own instructions and by an import of its
 * own, adds to the same words; nothing is lost, and no two get the same. */
MULTI_TEST(atomics, sums_of_all_ranks_are_exact, 4)
{
    static uint8_t seen[4 * ADDS];
    multi_segment_t segment;
    multi_import_t import;
    uint32_t *own32 = NULL;
    uint64_t *own64 = NULL;
    uint32_t narrow;
    uint64_t wide;
    size_t i;

    if (multi.rank == 0) {
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
        own64 = (uint64_t *)(void *)segment.memory;
        own32 = (uint32_t *)(void *)(segment.memory + 8);
    }
    multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    for (i = 0; i < ADDS; i++) {
        if (multi.rank == 0 && i % 2 == 0) {
            wide = __atomic_fetch_add(own64, 1, __ATOMIC_SEQ_CST);
            narrow = __atomic_fetch_add(own32, 3, __ATOMIC_SEQ_CST);
        } else {
            MULTI_OK(rsmx_import_fetch_add64(import.handle, 0, 1, &wide));
            MULTI_OK(rsmx_import_fetch_add32(import.handle, 8, 3, &narrow));
        }
        cr_assert_lt(wide, 4 * ADDS);
        cr_assert_eq(narrow % 3, 0);
        cr_assert_eq(seen[wide], 0, "%lu was given out twice", wide);
        seen[wide] = 1;
    }
    multi_disconnect(&import);
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(own64), 4 * ADDS);
        cr_assert_eq(multi_load32(own32), 3 * 4 * ADDS);
        multi_withdraw(&segment);
    }
}

/* A counter that only compare-and-swap moves. */
MULTI_TEST(atomics, compare_swap_excludes_others, 3)
{
    enum { ROUNDS = 1000 };
    multi_segment_t segment;
    multi_import_t import;
    uint64_t seen = 0;
    uint64_t old;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    for (i = 0; i < ROUNDS; i++) {
        for (;;) {
            MULTI_OK(rsmx_import_compare_swap64(import.handle, 16, seen,
                                                seen + 1, &old));
            if (old == seen)
                break;
            seen = old;
        }
        seen++;
    }
    multi_disconnect(&import);
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory + 16),
                     (uint64_t)multi.size * ROUNDS);
        multi_withdraw(&segment);
    }
}

/* A lock made of swap guards data moved by put and get. */
MULTI_TEST(atomics, lock_protects_puts_and_gets, 3)
{
    enum { ROUNDS = 300 };
    multi_segment_t segment;
    multi_import_t import;
    uint64_t held;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    for (i = 0; i < ROUNDS; i++) {
        do
            MULTI_OK(rsmx_import_swap64(import.handle, 0, 1, &held));
        while (held != 0);
        multi_put64(&import, 64, multi_get64(&import, 64) + 1);
        MULTI_OK(rsmx_import_swap64(import.handle, 0, 0, &held));
        cr_assert_eq(held, 1);
    }
    multi_disconnect(&import);
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load64(segment.memory + 64),
                     (uint64_t)multi.size * ROUNDS);
        multi_withdraw(&segment);
    }
}

/* Each rank flips bits of its own: or, and, xor do not disturb each other. */
MULTI_TEST(atomics, bits_of_others_are_left_alone, 4)
{
    enum { ROUNDS = 500 };
    uint32_t mine = 0xffu << (8 * multi.rank);
    multi_segment_t segment;
    multi_import_t import;
    uint32_t old = 0;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    for (i = 0; i < ROUNDS; i++) {
        MULTI_OK(rsmx_import_fetch_or32(import.handle, 4, mine, &old));
        cr_assert_eq(old & mine, 0);
        MULTI_OK(rsmx_import_fetch_xor32(import.handle, 4, mine, &old));
        cr_assert_eq(old & mine, mine);
        MULTI_OK(rsmx_import_fetch_xor32(import.handle, 4, mine, &old));
        cr_assert_eq(old & mine, 0);
        MULTI_OK(rsmx_import_fetch_and32(import.handle, 4, ~mine, &old));
        cr_assert_eq(old & mine, mine);
    }
    multi_disconnect(&import);
    multi_sync();
    if (multi.rank == 0) {
        cr_assert_eq(multi_load32(segment.memory + 4), 0);
        multi_withdraw(&segment);
    }
}
