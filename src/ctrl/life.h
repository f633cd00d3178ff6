/* SPDX-License-Identifier: BSD-3-Clause */
/* The life page: what importers look at to know that the exporter lives and
 * that a publication stands. A process writes its own and maps those of its
 * peers read only.
 *
 * The life word is the futex word of a robust mutex that the service thread
 * holds from start to end. However the process ends (or if it runs another
 * program), the kernel clears the owner in it: no owner, no life.
 *
 * A generation word changes each time its publication ends and never returns
 * to a former value. */
#ifndef RSMI_LIFE_H
#define RSMI_LIFE_H

#include "util/compiler.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint32_t rsmi_life_word_t;
typedef _Atomic uint64_t rsmi_life_generation_t;

typedef struct {
    void *base; /* NULL: none */
    const rsmi_life_word_t *word;
    const rsmi_life_generation_t *generations;
} rsmi_life_view_t;

/* Publications that can stand at the same time. */
size_t rsmi_life_slots(void);

RSMI_INLINE bool rsmi_life_is_alive(const rsmi_life_word_t *word)
{
    return (atomic_load_explicit(word, memory_order_relaxed) &
            FUTEX_TID_MASK) != 0;
}

/* --- own page ------------------------------------------------------------ */

int rsmi_life_create(void);
void rsmi_life_destroy(void);

/* The calling thread stands for the life of the process from now on. */
int rsmi_life_hold(void);
void rsmi_life_let_go(void);

/* A descriptor that opens the page for reading only. */
int rsmi_life_fd(void);

/* A word for a new publication and its present value.
 * RSMERR_INSUFFICIENT_RESOURCES when all are taken. Not thread safe: the
 * directory's lock guards it. */
int rsmi_life_take_slot(uint32_t *slot_p, uint64_t *generation_p);

/* From here on the publication has ended, and every store made before by this
 * thread is visible to whoever sees that. Later loads of this thread come
 * after it: either an importer sees the new word or its data are seen. */
void rsmi_life_end_slot(uint32_t slot);
void rsmi_life_free_slot(uint32_t slot);

/* --- a peer's page ------------------------------------------------------- */

int rsmi_life_attach(int fd, rsmi_life_view_t *view_p);
void rsmi_life_detach(rsmi_life_view_t *view);

#endif
