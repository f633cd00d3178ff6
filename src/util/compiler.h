/* SPDX-License-Identifier: BSD-3-Clause */
/* What the compiler can be told beyond C11. */
#ifndef RSMI_COMPILER_H
#define RSMI_COMPILER_H

#define rsmi_likely(condition)   __builtin_expect(!!(condition), 1)
#define rsmi_unlikely(condition) __builtin_expect(!!(condition), 0)

#define RSMI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define RSMI_COLD                __attribute__((cold, noinline))
#define RSMI_INLINE              static inline __attribute__((always_inline))
#define RSMI_UNUSED              __attribute__((unused))

/* Puts an exported definition into the symbol table; everything else in the
 * library is compiled with hidden visibility. */
#define RSMI_EXPORT __attribute__((visibility("default")))

/* Said of data that the fast paths read: the compiler need not expect them in
 * another library, and spares the way over the table of addresses. */
#define RSMI_HIDDEN __attribute__((visibility("hidden")))

/* Said of a function that stays one, though another has the same body: without
 * it the compiler makes one of them a jump to the other. */
#if defined(__has_attribute)
#if __has_attribute(no_icf)
#define RSMI_OWN_BODY __attribute__((no_icf))
#endif
#endif
#ifndef RSMI_OWN_BODY
#define RSMI_OWN_BODY
#endif

#define RSMI_CACHE_LINE 64
#define RSMI_ALIGNED    __attribute__((aligned(RSMI_CACHE_LINE)))

#define RSMI_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
