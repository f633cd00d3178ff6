/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mutex gets in addition when nearly always the same thread takes it: a
 * *bias*. The thread that has it enters by plain stores, without the mutex.
 * Who has the mutex takes the bias away first, at the price of a membarrier(2)
 * and of waiting until that thread is outside, so that either excludes the
 * other. The bias goes to a thread that has had the mutex many times in a row,
 * more each time that it was taken away again. */
#ifndef RSMI_BIAS_H
#define RSMI_BIAS_H

#include "util/compiler.h"
#include "util/membarrier.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    _Atomic(const char *) owner; /* written with the mutex held; NULL: nobody */
    _Atomic bool is_inside;      /* written by the owner only */

    /* The mutex held. */
    const char *last; /* thread that asked for the bias */
    unsigned streak;  /* times in a row that it did */
    unsigned price;   /* times that make it the owner */
} rsmi_bias_t;

/* Its address is a thread's name. */
extern _Thread_local char rsmi_bias_self RSMI_HIDDEN
    __attribute__((tls_model("initial-exec")));

/* True: the caller is inside, and ends that by rsmi_bias_leave(). False: it has
 * to take the mutex. */
RSMI_INLINE bool rsmi_bias_enter(rsmi_bias_t *bias)
{
    if (rsmi_unlikely(
            atomic_load_explicit(&bias->owner, memory_order_relaxed) !=
            &rsmi_bias_self)) {
        return false;
    }
    RSMI_MEMBARRIER_STORE(&bias->is_inside, true);
    /* Only now: who takes the bias away sees that we are inside, or we see that
     * it is gone. */
    if (rsmi_likely(atomic_load_explicit(&bias->owner, memory_order_acquire) ==
                    &rsmi_bias_self)) {
        return true;
    }
    atomic_store_explicit(&bias->is_inside, false, memory_order_release);
    return false;
}

RSMI_INLINE void rsmi_bias_leave(rsmi_bias_t *bias)
{
    /* Partner: the acquiring load in rsmi_bias_revoke(). */
    atomic_store_explicit(&bias->is_inside, false, memory_order_release);
}

/* The mutex is held, and nobody else is to be inside. */
void rsmi_bias_revoke(rsmi_bias_t *bias);

/* The mutex is held by a thread that would rather have had the bias. */
void rsmi_bias_ask(rsmi_bias_t *bias);

#endif
