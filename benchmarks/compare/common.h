/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs of this folder share. Each measures one peer, with two
 * processes: the first measures, the second is what it reaches. Both show each
 * other a piece of memory; the loops of common_run.h move bytes between it and
 * a local buffer, at the same offset on both sides.
 *
 * A program describes its peer in a cmp_peer_t, and each kind of completion
 * that the peer has in a cmp_way_t. Results are lines of JSON on the standard
 * output, which rsm_compare collects. */
#ifndef CMP_COMMON_H
#define CMP_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/host.h"
#include "common/pattern.h"

/* The memory of each side: words that have a cache line each, then data. */
#define CMP_FLAG   0    /* written by the other side in turns */
#define CMP_WORD   64   /* for atomic operations */
#define CMP_STAMPS 1024 /* times at which signals were sent */
#define CMP_DATA   4096
#define CMP_AREA   (64ul << 20) /* bytes of data */
#define CMP_MEMORY (CMP_DATA + CMP_AREA)

#define CMP_SUM    (1ul << 20) /* bytes that one accumulate adds up */
#define CMP_WINDOW 64          /* messages of a bandwidth step */

#define CMP_LANES_MAX 2
#define CMP_SIZES_MAX 32

typedef struct cmp cmp_t;

/* One kind of completion. The second process calls attend() once for each
 * step, where its help is needed; else it waits in meet(). */
typedef struct {
    const char *name;
    bool is_brief; /* only latencies of 8 bytes */
    void (*open)(cmp_t *cmp);
    void (*close)(cmp_t *cmp);
    void (*begin)(cmp_t *cmp);
    void (*end)(cmp_t *cmp);
    void (*attend)(cmp_t *cmp);
    void (*put)(cmp_t *cmp, size_t offset, size_t size);
    void (*get)(cmp_t *cmp, size_t offset, size_t size);
    uint64_t (*fetch_add)(cmp_t *cmp, size_t offset, uint64_t value);
    uint64_t (*compare_swap)(cmp_t *cmp, size_t offset, uint64_t expected,
                             uint64_t desired);
    /* Of peers that have them. */
    uint32_t (*fetch_add32)(cmp_t *cmp, size_t offset, uint32_t value);
    uint32_t (*compare_swap32)(cmp_t *cmp, size_t offset, uint32_t expected,
                               uint32_t desired);
    void (*accumulate)(cmp_t *cmp, size_t offset, size_t size); /* doubles */
    void (*progress)(cmp_t *cmp); /* what a process that polls has to call */
} cmp_way_t;

/* Something that is done as a whole: once() gives the nanoseconds of one. */
typedef struct {
    const char *what;
    unsigned int times; /* for each batch */
    int64_t (*once)(cmp_t *cmp);
    void (*attend)(cmp_t *cmp); /* the second process, or NULL */
} cmp_special_t;

typedef struct {
    const char *name;
    void (*meet)(cmp_t *cmp); /* returns when both have called it */
    /* The peer's own way of telling the other side, and of waiting for it. */
    void (*post)(cmp_t *cmp);
    void (*wait)(cmp_t *cmp);
    /* What a thread needs to put on its own; none: NULL. */
    void *(*lane_open)(cmp_t *cmp, unsigned int idx);
    void (*lane_close)(void *lane);
    void (*lane_put)(void *lane, size_t offset); /* 8 bytes */
    void (*lane_end)(void *lane);
    const cmp_special_t *specials; /* ends with a NULL name, or is NULL */
} cmp_peer_t;

typedef struct {
    const char *tests; /* comma list; NULL: all but those on one core */
    const char *kinds; /* the same for kinds of memory */
    const char *ways;  /* comma list of names; NULL: all */
    size_t sizes[CMP_SIZES_MAX];
    unsigned int size_count;
    int cores[2];
    unsigned int batches;
    int64_t batch_ns;
    unsigned int limit_s;
} cmp_options_t;

struct cmp {
    const char *program;
    const cmp_peer_t *peer;
    cmp_options_t options;
    unsigned int rank;
    const char *kind;     /* of memory, in front of the way's name; or NULL */
    unsigned char *local; /* CMP_MEMORY bytes each */
    unsigned char *shown;
    uint64_t turn;  /* of the flag */
    bool is_asleep; /* who waits in meet() must not use the processor */
};

/* One line of the result. */
typedef struct {
    const char *way;
    const char *what;
    const char *unit;
    size_t size; /* bytes, or how many of them; 0: neither */
} cmp_row_t;

/* Reads the options, sets the deadline. Does not know the rank yet. */
void cmp_parse(cmp_t *cmp, int argc, char **argv);

/* Binds the process to its core. Before the peer's library starts: its
 * threads inherit the core. */
void cmp_pin(const cmp_t *cmp, unsigned int rank);

/* Memory of either side: zeros, touched. */
unsigned char *cmp_memory(size_t size);

bool cmp_wants(const cmp_t *cmp, const char *test);
bool cmp_wants_kind(const cmp_t *cmp, const char *kind);
bool cmp_wants_way(const cmp_t *cmp, const char *way);

_Noreturn void cmp_fail(const cmp_t *cmp, const char *what);

void cmp_print(const cmp_t *cmp, const cmp_row_t *row, const double *values,
               size_t count);

/* Everything was measured: how the peer's library ends is its own affair. */
void cmp_print_done(const cmp_t *cmp);

/* A kind of memory that this peer does not have. */
void cmp_print_absent(const cmp_t *cmp, const char *what);

#endif
