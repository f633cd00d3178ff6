/* SPDX-License-Identifier: BSD-3-Clause */
/* Event counters that processes of one user share, so that a post wakes who
 * waits for it and nobody else. A process owns a page of them and gives it to
 * its importers; a *bell* is one counter, named by its slot and generation.
 *
 * Processes of other users and other hosts have the owner's service thread
 * count for them. So does everybody wake a poll descriptor: a *watched* bell
 * asks for a message, too, which is called a nudge. */
#ifndef RSMI_BELL_H
#define RSMI_BELL_H

#include "util/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Generation in the upper half, events in the lower: a post that comes too
     * late changes nothing, whoever owns the slot by then. */
    _Atomic uint64_t word;
    _Atomic uint32_t sleepers;   /* threads that a post has to wake */
    _Atomic uint32_t is_watched; /* a poll descriptor follows the count */
} rsmi_bell_t;

typedef struct {
    rsmi_bell_t *bells; /* NULL: none */
} rsmi_bell_view_t;

#define RSMI_BELL_NONE UINT32_MAX

typedef enum {
    RSMI_BELL_DONE,
    RSMI_BELL_NUDGE, /* counted, and the owner's descriptor has to be told */
    RSMI_BELL_OVER   /* not counted: there is no such bell any more */
} rsmi_bell_result_t;

/* Bells of one page. */
uint32_t rsmi_bell_slots(void);

/* --- own page ------------------------------------------------------------ */

/* Without one, bells work inside this process. */
int rsmi_bell_create(void);
void rsmi_bell_destroy(void);
int rsmi_bell_fd(void);

/* A bell without events: of the page (*@p slot_p says which) or, when it has
 * none left, @p own (RSMI_BELL_NONE). */
rsmi_bell_t *rsmi_bell_take(rsmi_bell_t *own, uint32_t *slot_p);
void rsmi_bell_give(uint32_t slot);

/* From here on nothing is counted, and every sleeper returns. */
void rsmi_bell_close(rsmi_bell_t *bell);

uint32_t rsmi_bell_generation(const rsmi_bell_t *bell);

/* Events there are; also not zero when it is closed. */
uint32_t rsmi_bell_count(const rsmi_bell_t *bell);

/* Consume one event. */
bool rsmi_bell_try(rsmi_bell_t *bell);

/* Until there may be an event or it is closed: RSM_SUCCESS, RSMERR_TIMEOUT,
 * RSMERR_INTERRUPTED. Spins shortly and yields before it sleeps. */
int rsmi_bell_sleep(rsmi_bell_t *bell, rsmi_time_t deadline);

/* --- any process --------------------------------------------------------- */

/* @p count events, and one more if there is none and @p is_optional. */
rsmi_bell_result_t rsmi_bell_post(rsmi_bell_t *bell, uint32_t generation,
                                  uint64_t count, bool is_optional);

int rsmi_bell_attach(int fd, rsmi_bell_view_t *view_p);
void rsmi_bell_detach(rsmi_bell_view_t *view);

#endif
