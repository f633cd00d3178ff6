/* SPDX-License-Identifier: BSD-3-Clause */
/* A measured connection, and the transfers through it. Those are what the
 * clock sees, hence inline; a failure ends the process, far away from the
 * loop. */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rsmapi.h>

#include "output.h"

/* How -w says that bytes move. The names of puts and of gets stand in the
 * same order. */
typedef enum {
    BENCH_WAY_BYTES,
    BENCH_WAY_8,
    BENCH_WAY_16,
    BENCH_WAY_32,
    BENCH_WAY_64,
    BENCH_WAY_VECTOR,
    BENCH_WAY_MAP
} bench_way_t;

extern const char *const bench_put_ways[];
extern const char *const bench_get_ways[];
#define BENCH_ACCESS(ways)       \
    {                            \
        "Access", "access", ways \
    }

/* How -s says that a transfer becomes complete. */
typedef enum {
    BENCH_SYNC_IMPLICIT,
    BENCH_SYNC_SEGMENT,
    BENCH_SYNC_NODE
} bench_sync_t;

extern const char *const bench_sync_names[];
#define BENCH_SYNC                                  \
    {                                               \
        "Synchronization", "sync", bench_sync_names \
    }

struct bench;

typedef struct {
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    bool is_explicit;      /* barriers are ours to open and close */
    off_t base;            /* of our part of the data area, in the segment */
    unsigned char *local;  /* our part of the local buffer */
    unsigned char *mapped; /* of our part, with -w map */
    rsm_scat_gath_t request;
    rsm_iovec_t pieces[BENCH_PIECES_MAX];
} bench_link_t;

/* Asks number @p other until it has published. */
rsm_memseg_import_handle_t bench_connect(const struct bench *bench,
                                         size_t other);

/* To the partner; @p part: which thread's part of the data area. */
void bench_link_open(struct bench *bench, bench_link_t *link, size_t part);
void bench_link_close(bench_link_t *link);

/* What -s chose; implicit in programs that have no choice. */
bench_sync_t bench_sync(const struct bench *bench);

/* Whether -w says that the partner's memory is mapped, and whether it can
 * be. */
bool bench_wants_map(const struct bench *bench);
bool bench_can_map(const struct bench *bench);

/* The way the data take, as far as a program can see it. */
void bench_link_note(const struct bench *bench, bench_note_t *note);

/* Refuses sizes that the chosen way cannot move; the least one that it can. */
void bench_link_check_sizes(struct bench *bench);
size_t bench_least_size(const struct bench *bench);

/* How many messages of @p size bytes lie side by side in a part of the data
 * area, at most a window of them. */
size_t bench_slots(const struct bench *bench, size_t size);

_Noreturn void bench_link_failed(int rc) __attribute__((cold));

static inline void bench_done(int rc)
{
    if (__builtin_expect(rc != RSM_SUCCESS, 0)) {
        bench_link_failed(rc);
    }
}

/* ---- around transfers ---- */

static inline void bench_begin(bench_link_t *link)
{
    if (link->is_explicit) {
        bench_done(rsm_memseg_import_open_barrier(&link->barrier));
    }
}

static inline void bench_end(bench_link_t *link)
{
    if (link->is_explicit) {
        bench_done(rsm_memseg_import_close_barrier(&link->barrier));
    }
}

/* What was put before arrives before what is put behind. */
static inline void bench_order(bench_link_t *link)
{
    if (link->is_explicit) {
        bench_done(rsm_memseg_import_order_barrier(&link->barrier));
    }
}

/* ---- transfers between the local buffer and the same place over there ---- */

typedef void (*bench_move_t)(bench_link_t *link, size_t offset, size_t size);

#define BENCH_DEFINE_MOVES(name)                                          \
    static inline void bench_##name(bench_link_t *link, size_t offset,    \
                                    size_t size)                          \
    {                                                                     \
        bench_done(rsm_memseg_import_##name(link->import,                 \
                                            link->base + (off_t)offset,   \
                                            link->local + offset, size)); \
    }                                                                     \
    BENCH_DEFINE_MOVE(name, 8)                                            \
    BENCH_DEFINE_MOVE(name, 16)                                           \
    BENCH_DEFINE_MOVE(name, 32)                                           \
    BENCH_DEFINE_MOVE(name, 64)                                           \
    static inline void bench_##name##v(bench_link_t *link, size_t offset, \
                                       size_t size)                       \
    {                                                                     \
        bench_cut(link, offset, size);                                    \
        bench_done(rsm_memseg_import_##name##v(&link->request));          \
    }

#define BENCH_DEFINE_MOVE(name, bits)                                        \
    static inline void bench_##name##bits(bench_link_t *link, size_t offset, \
                                          size_t size)                       \
    {                                                                        \
        bench_done(rsm_memseg_import_##name##bits(                           \
            link->import, link->base + (off_t)offset,                        \
            (uint##bits##_t *)(void *)(link->local + offset),                \
            size / (bits / 8)));                                             \
    }

/* The pieces of a scatter-gather request; the last one takes the rest. */
static inline void bench_cut(bench_link_t *link, size_t offset, size_t size)
{
    size_t count = link->request.io_request_count;
    size_t length = size / count;
    size_t i;

    for (i = 0; i < count; ++i) {
        link->pieces[i].local_offset = offset + i * length;
        link->pieces[i].remote_offset =
            (size_t)link->base + offset + i * length;
        link->pieces[i].transfer_length = length;
    }
    link->pieces[count - 1].transfer_length = size - (count - 1) * length;
}

BENCH_DEFINE_MOVES(put)
BENCH_DEFINE_MOVES(get)

static inline void bench_put_map(bench_link_t *link, size_t offset, size_t size)
{
    memcpy(link->mapped + offset, link->local + offset, size);
}

static inline void bench_get_map(bench_link_t *link, size_t offset, size_t size)
{
    memcpy(link->local + offset, link->mapped + offset, size);
}

/* Calls @p loop with the transfer that -w names as its last argument. It is a
 * constant each time, so that the compiler puts it into the loop: on shared
 * memory a call through a pointer would be a good part of what is measured. */
#define BENCH_BY_WAY(way, name, loop, ...)         \
    do {                                           \
        switch (way) {                             \
        case BENCH_WAY_8:                          \
            loop(__VA_ARGS__, bench_##name##8);    \
            break;                                 \
        case BENCH_WAY_16:                         \
            loop(__VA_ARGS__, bench_##name##16);   \
            break;                                 \
        case BENCH_WAY_32:                         \
            loop(__VA_ARGS__, bench_##name##32);   \
            break;                                 \
        case BENCH_WAY_64:                         \
            loop(__VA_ARGS__, bench_##name##64);   \
            break;                                 \
        case BENCH_WAY_VECTOR:                     \
            loop(__VA_ARGS__, bench_##name##v);    \
            break;                                 \
        case BENCH_WAY_MAP:                        \
            loop(__VA_ARGS__, bench_##name##_map); \
            break;                                 \
        default:                                   \
            loop(__VA_ARGS__, bench_##name);       \
        }                                          \
    } while (0)

/* Loops have to be inlined for that. */
#define BENCH_LOOP static inline __attribute__((always_inline)) void

/* @p count messages side by side in @p slots places, again from the first one
 * when there are no more, made complete together. */
BENCH_LOOP bench_window(bench_link_t *link, size_t count, size_t slots,
                        size_t size, bench_move_t move)
{
    size_t slot = 0;
    size_t i;

    bench_begin(link);
    for (i = 0; i < count; ++i) {
        move(link, slot * size, size);
        slot = (slot + 1 == slots) ? 0 : slot + 1;
    }
    bench_end(link);
}

#endif
