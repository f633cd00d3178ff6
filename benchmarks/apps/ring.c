/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of different sizes through a ring buffer, from each even rank to
 * the one after it. The ring lies in the memory of the one who reads. The
 * writer puts a message, and behind it, in order, how far the ring is filled;
 * the reader looks at its own memory. When it has read it puts into the
 * writer's memory how far the ring is free. Nobody ever asks anybody.
 *
 *     mpirun -n 2 ring_rsm -n 65536 -i 100000
 *
 * -n: bytes of the ring; -i: messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define FILLED   0  /* in the reader's memory: bytes ever written */
#define FREED    64 /* in the writer's memory: bytes ever read */
#define SUM      128
#define RING     256
#define LONGEST  2000 /* bytes of a message */
#define PIECES   977
#define RING_MIN 4096

/* In front of each message; both begin at multiples of eight. */
typedef struct {
    uint64_t number;
    uint64_t length;
} head_t;

typedef union {
    head_t head;
    unsigned char bytes[sizeof(head_t) + LONGEST + 8];
} message_t;

/* Each message has another piece of these bytes. */
static unsigned char pattern[LONGEST + PIECES];

static size_t length_of(uint64_t number)
{
    return (size_t)((number * 0x9e3779b97f4a7c15u) >> 32) % (LONGEST + 1);
}

static size_t room_for(size_t length)
{
    return sizeof(head_t) + (length + 7) / 8 * 8;
}

/* The two parts of a piece of the ring: up to its end, and from its start. */
static size_t first_part(const app_t *app, uint64_t at, size_t size)
{
    size_t left = app->extent - (size_t)(at % app->extent);

    return (size < left) ? size : left;
}

static void write_all(app_t *app)
{
    static message_t message;
    uint32_t reader = app->cmp.rank + 1;
    uint64_t filled = 0;
    uint64_t i;

    for (i = 0; i < app->rounds; ++i) {
        size_t length = length_of(i);
        size_t room = room_for(length);
        size_t first = first_part(app, filled, room);

        message.head = (head_t){.number = i, .length = length};
        memcpy(message.bytes + sizeof(head_t), pattern + i % PIECES, length);
        if (filled + room > app->extent) {
            app_await(app, FREED, filled + room - app->extent);
        }
        app_put(app, reader, RING + (size_t)(filled % app->extent),
                message.bytes, first);
        if (first < room) {
            app_put(app, reader, RING, message.bytes + first, room - first);
        }
        filled += room;
        app_order(app, reader);
        app_put(app, reader, FILLED, &filled, sizeof(filled));
        app_flush(app, reader);
    }
}

/* Gives the number of messages that were wrong. */
static uint64_t read_all(app_t *app, uint64_t *bytes_p)
{
    static message_t message;
    uint32_t writer = app->cmp.rank - 1;
    const unsigned char *ring = app->memory + RING;
    uint64_t freed = 0;
    uint64_t errors = 0;
    uint64_t i;

    *bytes_p = 0;
    for (i = 0; i < app->rounds; ++i) {
        size_t length = length_of(i);
        size_t room = room_for(length);
        size_t first = first_part(app, freed, room);

        app_await(app, FILLED, freed + room);
        memcpy(message.bytes, ring + freed % app->extent, first);
        memcpy(message.bytes + first, ring, room - first);
        errors += (message.head.number != i) ||
                  (message.head.length != length) ||
                  (memcmp(message.bytes + sizeof(head_t), pattern + i % PIECES,
                          length) != 0);
        freed += room;
        *bytes_p += length;
        app_put(app, writer, FREED, &freed, sizeof(freed));
        app_flush(app, writer);
    }
    return errors;
}

int main(int argc, char **argv)
{
    app_t app = {
        .cmp = {.program = "ring"}, .extent = 1ul << 16, .rounds = 50000};
    uint64_t errors = 0;
    uint64_t bytes = 0;
    int64_t start;
    double took;

    app_start(&app, argc, argv);
    if (app.ranks % 2 != 0) {
        cmp_fail(&app.cmp, "readers and writers come in pairs");
    }
    if ((app.extent < RING_MIN) || (app.extent % 8 != 0)) {
        cmp_fail(&app.cmp, "the ring needs 4096 bytes, and a multiple of 8");
    }
    bench_fill(pattern, sizeof(pattern), 0);
    app_open(&app, RING + app.extent);

    start = bench_now_ns();
    if (app.cmp.rank % 2 == 0) {
        write_all(&app);
    } else {
        errors = read_all(&app, &bytes);
    }
    app_barrier(&app);
    took = (double)(bench_now_ns() - start);

    errors = app_sum(&app, SUM, errors);
    bytes = app_sum(&app, SUM, bytes);
    app_print(&app, "ring", "MB/s", (double)bytes * 1e3 / took, errors == 0);
    if (app.cmp.rank == 0) {
        printf("total errors %llu\n", (unsigned long long)errors);
    }
    app_close(&app);
    return (errors == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
