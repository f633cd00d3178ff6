/* SPDX-License-Identifier: BSD-3-Clause */
/* put and get move just the bytes they were told to. */
#include "multi.h"

#include <stdlib.h>
#include <string.h>

#define SIZE ((size_t)3 * MULTI_PAGE)

/* The ten functions behind two signatures; width 0 is the plain pair. */
static int put_any(rsm_memseg_import_handle_t import, unsigned width,
                   off_t offset, void *data, size_t count)
{
    switch (width) {
    case 1:
        return rsm_memseg_import_put8(import, offset, data, count);
    case 2:
        return rsm_memseg_import_put16(import, offset, data, count);
    case 4:
        return rsm_memseg_import_put32(import, offset, data, count);
    case 8:
        return rsm_memseg_import_put64(import, offset, data, count);
    default:
        return rsm_memseg_import_put(import, offset, data, count);
    }
}

static int get_any(rsm_memseg_import_handle_t import, unsigned width,
                   off_t offset, void *data, size_t count)
{
    switch (width) {
    case 1:
        return rsm_memseg_import_get8(import, offset, data, count);
    case 2:
        return rsm_memseg_import_get16(import, offset, data, count);
    case 4:
        return rsm_memseg_import_get32(import, offset, data, count);
    case 8:
        return rsm_memseg_import_get64(import, offset, data, count);
    default:
        return rsm_memseg_import_get(import, offset, data, count);
    }
}

static const size_t counts[] = {0,  1,  2,  3,   4,   5,   7,   8,
                                9,  15, 16, 17,  31,  32,  33,  63,
                                64, 65, 77, 127, 128, 129, 255, 256};

static const size_t places[] = {
    0,  1,   2,   3,    4,    5,    7,    8,    9,    15,   16,   63,   64,
    65, 511, 512, 1000, 4000, 4088, 4095, 4096, 4097, 8191, 8192, 10000};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Both ranks go through the same transfers: one does them, the other one does
 * them to a model. In the end the segment looks like the model everywhere. */
static void put_matrix(const multi_import_t *import, unsigned char *model,
                       unsigned width)
{
    size_t unit = width == 0 ? 1 : width;
    _Alignas(8) unsigned char data[256 * 8];
    uint32_t seed = 0;
    size_t i;
    size_t j;

    for (i = 0; i < COUNT_OF(places); i++) {
        for (j = 0; j < COUNT_OF(counts); j++) {
            size_t length = counts[j] * unit;
            size_t offset = places[i] / unit * unit;

            if (offset + length > SIZE)
                offset = SIZE - length;
            multi_fill(data, sizeof(data), ++seed);
            memcpy(model + offset, data, length);
            if (import != NULL)
                MULTI_OK(put_any(import->handle, width, (off_t)offset, data,
                                 counts[j]));
        }
    }
}

static void get_matrix(const multi_import_t *import, const unsigned char *model,
                       unsigned width)
{
    size_t unit = width == 0 ? 1 : width;
    _Alignas(8) unsigned char data[256 * 8 + 16];
    size_t i;
    size_t j;

    for (i = 0; i < COUNT_OF(places); i++) {
        for (j = 0; j < COUNT_OF(counts); j++) {
            size_t length = counts[j] * unit;
            size_t offset = places[i] / unit * unit;

            if (offset + length > SIZE)
                offset = SIZE - length;
            memset(data, 0x5a, sizeof(data));
            MULTI_OK(get_any(import->handle, width, (off_t)offset, data + 8,
                             counts[j]));
            cr_assert_eq(memcmp(data + 8, model + offset, length), 0,
                         "width %u offset %zu count %zu", width, offset,
                         counts[j]);
            cr_assert(multi_is_all(data, 8, 0x5a), "wrote before the buffer");
            cr_assert(multi_is_all(data + 8 + length, 8, 0x5a),
                      "wrote behind the buffer");
        }
    }
}

static void check_matrix(unsigned width, rsm_barrier_mode_t mode)
{
    unsigned char *model = calloc(1, SIZE);
    multi_segment_t segment;
    multi_import_t import;

    cr_assert_not_null(model);
    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        put_matrix(NULL, model, width);
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle, mode));
        if (mode == RSM_BARRIER_MODE_EXPLICIT)
            MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        put_matrix(&import, model, width);
        if (mode == RSM_BARRIER_MODE_EXPLICIT)
            MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
    }
    multi_sync();
    if (multi.rank == 0)
        cr_assert_eq(memcmp(segment.memory, model, SIZE), 0);
    else {
        get_matrix(&import, model, width);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    free(model);
}

MULTI_TEST(io, bytes_go_where_they_belong, 2)
{
    check_matrix(0, RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(io, elements_of_8_bits_go_where_they_belong, 2)
{
    check_matrix(1, RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(io, elements_of_16_bits_go_where_they_belong, 2)
{
    check_matrix(2, RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(io, elements_of_32_bits_go_where_they_belong, 2)
{
    check_matrix(4, RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(io, elements_of_64_bits_go_where_they_belong, 2)
{
    check_matrix(8, RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(io, explicit_mode_moves_the_same_bytes, 2)
{
    check_matrix(0, RSM_BARRIER_MODE_EXPLICIT);
}

MULTI_TEST(io, explicit_mode_moves_the_same_words, 2)
{
    check_matrix(8, RSM_BARRIER_MODE_EXPLICIT);
}

MULTI_TEST(io, large_transfers_arrive_whole, 2)
{
    const size_t size = (size_t)24 << 20;
    unsigned char *data = multi_pages(size);
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, size, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_fill(data, size, 7);
        MULTI_OK(rsm_memseg_import_put(import.handle, 0, data, size));
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert(multi_is_filled(segment.memory, size, 7));
        multi_fill(segment.memory, size, 8);
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(rsm_memseg_import_get64(import.handle, 0, (uint64_t *)data,
                                         size / 8));
        cr_assert(multi_is_filled(data, size, 8));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
    multi_free_pages(data, size);
}

/* Programs overwrite the buffer as soon as put returns, in both modes. */
MULTI_TEST(io, source_is_free_after_put, 2)
{
    const size_t chunk = (size_t)64 << 10;
    const size_t size = 32 * chunk;
    unsigned char *data = malloc(chunk);
    multi_segment_t segment;
    multi_import_t import;
    size_t i;

    cr_assert_not_null(data);
    if (multi.rank == 0)
        multi_publish(&segment, size, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        for (i = 0; i < 32; i++) {
            multi_fill(data, chunk, (uint32_t)i);
            MULTI_OK(rsm_memseg_import_put(import.handle, (off_t)(i * chunk),
                                           data, chunk));
            memset(data, 0xee, chunk);
        }
        MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < 32; i++)
            cr_assert(
                multi_is_filled(segment.memory + i * chunk, chunk, (uint32_t)i),
                "chunk %zu", i);
        multi_withdraw(&segment);
    }
    free(data);
}

/* A word is whole however the reader catches it. */
MULTI_TEST(io, elements_are_never_torn, 2)
{
    const uint64_t rounds = 20000;
    int64_t deadline = multi_clock_ms() + MULTI_PATIENCE;
    multi_segment_t segment;
    multi_import_t import;
    uint64_t last = 0;
    uint64_t seen;
    uint64_t i;

    if (multi.rank == 0) {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
        do {
            seen = multi_load64(segment.memory + 8);
            cr_assert_eq(seen >> 32, seen & 0xffffffff, "torn: %lx", seen);
            if (seen != last)
                deadline = multi_clock_ms() + MULTI_PATIENCE;
            last = seen;
            cr_assert_lt(multi_clock_ms(), deadline, "stopped at %lx", seen);
        } while ((seen >> 32) != rounds);
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        /* A reader that never rests makes some ways slow. */
        deadline = multi_clock_ms() + MULTI_PATIENCE / 4;
        for (i = 1; (i < rounds) && (multi_clock_ms() < deadline); i++)
            multi_put64(&import, 8, i << 32 | i);
        multi_put64(&import, 8, rounds << 32 | rounds);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

MULTI_TEST(io, hundred_thousand_puts_pass, 2)
{
    enum { ROUNDS = 100000 };
    multi_segment_t segment;
    multi_import_t import;
    uint64_t i;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        for (i = 0; i < ROUNDS; i++)
            multi_put64(&import, (off_t)(i % (SIZE / 8) * 8), i);
        MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        for (i = 0; i < SIZE / 8; i++) {
            uint64_t last = multi_load64(segment.memory + i * 8);

            cr_assert_eq(last % (SIZE / 8), i);
            cr_assert_geq(last + SIZE / 8, ROUNDS, "an older value stayed");
        }
        multi_withdraw(&segment);
    }
}
