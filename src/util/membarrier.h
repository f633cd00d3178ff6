/* SPDX-License-Identifier: BSD-3-Clause */
/* A fence in every thread of the process, paid for by the one who asks: where
 * one side of a hand-shake is frequent and the other one rare, the frequent
 * side then needs plain stores only. */
#ifndef RSMI_MEMBARRIER_H
#define RSMI_MEMBARRIER_H

#include <stdbool.h>

/* The frequent side's half. ThreadSanitizer does not know of the rare side's
 * fence: store by RSMI_MEMBARRIER_STORE() what it has to see. */
#if defined(__SANITIZE_THREAD__)
#define RSMI_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RSMI_THREAD_SANITIZER 1
#endif
#endif

#ifdef RSMI_THREAD_SANITIZER
#define RSMI_MEMBARRIER_STORE(at, value) \
    ((void)atomic_exchange_explicit(at, value, memory_order_seq_cst))
#else
#define RSMI_MEMBARRIER_STORE(at, value)                     \
    (atomic_store_explicit(at, value, memory_order_relaxed), \
     atomic_signal_fence(memory_order_seq_cst))
#endif

/* Whether the kernel offers it; has to come first. */
bool rsmi_membarrier_open(void);

void rsmi_membarrier(void);

#endif
