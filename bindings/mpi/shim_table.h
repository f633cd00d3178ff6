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

typedef struct {
    _Atomic(void *) key; /* the MPI handle, NULL while unused */
} rsmi_entry_t;

typedef struct rsmi_slots {
    struct rsmi_slots *former; /* smaller; readers may still be in there */
    size_t mask;
    _Atomic(rsmi_entry_t *) at[];
} rsmi_slots_t;

typedef struct {
    pthread_mutex_t lock; /* guards changes */
    _Atomic(rsmi_slots_t *) slots;
    size_t used; /* slots that are not empty */
} rsmi_table_t;

#define RSMI_TABLE_EMPTY                   \
    {                                      \
        PTHREAD_MUTEX_INITIALIZER, NULL, 0 \
    }

/* False: no memory. The entry's key is set already. It takes the place of one
 * with the same key, which is still to be removed. */
bool rsmi_table_add(rsmi_table_t *table, rsmi_entry_t *entry);
void rsmi_table_remove(rsmi_table_t *table, rsmi_entry_t *entry);

/* Handles are addresses of objects, so their low bits say nothing. */
static inline size_t rsmi_table_hash(const void *key)
{
    return (size_t)(((uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15)) >> 40);
}

static inline void *rsmi_table_find(rsmi_table_t *table, const void *key)
{
    rsmi_slots_t *slots =
        atomic_load_explicit(&table->slots, memory_order_acquire);
    rsmi_entry_t *entry;
    size_t i;

    if (rsmi_unlikely(slots == NULL)) {
        return NULL;
    }
    for (i = rsmi_table_hash(key);; ++i) {
        entry = atomic_load_explicit(&slots->at[i & slots->mask],
                                     memory_order_acquire);
        if (entry == NULL) {
            return NULL;
        }
        /* Pairs with the stores of keys: what belongs to the key is there. */
        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key) {
            return entry;
        }
    }
}

#endif
