/* SPDX-License-Identifier: BSD-3-Clause */
/* From an MPI handle to what we know about it. Looking up takes no lock and a
 * few nanoseconds; adding and removing are rare. Entries are found by their
 * first member and belong to the caller, who never gives their memory back to
 * the system: a reader may look at the key of one that was removed just now. */
#ifndef RSMI_SHIM_TABLE_H
#define RSMI_SHIM_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define rsmi_likely(condition)   __builtin_expect(!!(condition), 1)
#define rsmi_unlikely(condition) __builtin_expect(!!(condition), 0)

/* What seldom happens, kept out of the way of what does; and objects of this
 * library alone, which need not be looked for. */
#define RSMI_COLD  __attribute__((noinline, cold))
#define RSMI_LOCAL __attribute__((visibility("hidden")))

typedef struct {
    _Atomic(void *) key; /* the MPI handle; no handle once it is removed */
} rsmi_entry_t;

typedef struct rsmi_slots {
    struct rsmi_slots *former; /* smaller; readers may still be in there */
    size_t mask;
    _Atomic(rsmi_entry_t *) at[];
} rsmi_slots_t;

enum { RSMI_RECENT_BITS = 8 };

/* Programs use the same few handles again and again: what was searched for last
 * is found at one place. What is there need not be in the table any more; but
 * then its key is nobody's. */
typedef struct {
    _Atomic(rsmi_entry_t *) recent[1 << RSMI_RECENT_BITS];
    pthread_mutex_t lock; /* guards changes */
    _Atomic(rsmi_slots_t *) slots;
    size_t used; /* slots that are not empty */
} rsmi_table_t;

#define RSMI_TABLE_EMPTY                   \
    {                                      \
        .lock = PTHREAD_MUTEX_INITIALIZER, \
    }

/* False: no memory. The entry's key is set already. It takes the place of one
 * with the same key, which is as good as removed. */
bool rsmi_table_add(rsmi_table_t *table, rsmi_entry_t *entry);
void rsmi_table_remove(rsmi_table_t *table, rsmi_entry_t *entry);

/* Handles are addresses of objects, so their low bits say nothing. */
static inline uint64_t rsmi_table_scatter(const void *key)
{
    return (uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
}

static inline size_t rsmi_table_hash(const void *key)
{
    return (size_t)(rsmi_table_scatter(key) >> 40);
}

static inline size_t rsmi_table_recent(const void *key)
{
    return (size_t)(rsmi_table_scatter(key) >> (64 - RSMI_RECENT_BITS));
}

/* In the whole table. */
void *rsmi_table_search(rsmi_table_t *table, const void *key);

/* NULL: it may be in the table nevertheless. */
static inline void *rsmi_table_recall(rsmi_table_t *table, const void *key)
{
    rsmi_entry_t *entry = atomic_load_explicit(
        &table->recent[rsmi_table_recent(key)], memory_order_acquire);

    /* Pairs with the stores of keys: what belongs to the key is there. */
    return rsmi_likely(
               (entry != NULL) &&
               (atomic_load_explicit(&entry->key, memory_order_acquire) == key))
               ? entry
               : NULL;
}

static inline void *rsmi_table_find(rsmi_table_t *table, const void *key)
{
    void *entry = rsmi_table_recall(table, key);

    return rsmi_likely(entry != NULL) ? entry : rsmi_table_search(table, key);
}

#endif
