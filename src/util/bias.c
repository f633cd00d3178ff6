/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/bias.h"

#include <sched.h>
#include <time.h>

/* A bias that was taken away costs as much as so many times the mutex. */
#define BIAS_PRICE      256u
#define BIAS_PRICE_MOST (BIAS_PRICE << 12)

/* Looks at who is inside before sleeping between them, and how long. */
#define BIAS_YIELDS   100
#define BIAS_PAUSE_NS 50000

_Thread_local char rsmi_bias_self;

void rsmi_bias_revoke(rsmi_bias_t *bias)
{
    const struct timespec pause = {.tv_nsec = BIAS_PAUSE_NS};
    const char *owner =
        atomic_load_explicit(&bias->owner, memory_order_relaxed);
    unsigned round = 0;

    /* Our own bias is no danger to us: we are here. */
    if ((owner == NULL) || (owner == &rsmi_bias_self)) {
        return;
    }
    bias->last = NULL;
    bias->price *= (bias->price < BIAS_PRICE_MOST) ? 2 : 1;
    atomic_store_explicit(&bias->owner, NULL, memory_order_seq_cst);
    rsmi_membarrier();
    while (atomic_load_explicit(&bias->is_inside, memory_order_acquire)) {
        if (++round < BIAS_YIELDS) {
            (void)sched_yield();
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
}

void rsmi_bias_ask(rsmi_bias_t *bias)
{
    if (bias->last != &rsmi_bias_self) {
        bias->last = &rsmi_bias_self;
        bias->streak = 0;
    }
    if (bias->price == 0) {
        bias->price = BIAS_PRICE;
    }
    if ((++bias->streak >= bias->price) && rsmi_membarrier_open()) {
        bias->streak = 0;
        atomic_store_explicit(&bias->owner, &rsmi_bias_self,
                              memory_order_release);
    }
}
