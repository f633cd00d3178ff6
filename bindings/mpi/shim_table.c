/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_table.h"

#include <stdlib.h>

enum { TABLE_FIRST_SIZE = 256 };

/* Stands where an entry was removed and others behind it must stay within
 * reach. Its key is nobody's handle, and that of all that were removed; NULL may
 * be one that was never set. */
static rsmi_entry_t table_gap = {&table_gap};

static rsmi_entry_t *table_at(rsmi_slots_t *slots, size_t i)
{
    return atomic_load_explicit(&slots->at[i & slots->mask],
                                memory_order_relaxed);
}

static void table_set(rsmi_slots_t *slots, size_t i, rsmi_entry_t *entry)
{
    atomic_store_explicit(&slots->at[i & slots->mask], entry,
                          memory_order_release);
}

static bool table_has_key(rsmi_slots_t *slots, size_t i, const void *key)
{
    return atomic_load(&table_at(slots, i)->key) == key;
}

void *rsmi_table_search(rsmi_table_t *table, const void *key)
{
    rsmi_slots_t *slots =
        atomic_load_explicit(&table->slots, memory_order_acquire);
    rsmi_entry_t *entry;
    size_t i;

    if (slots == NULL) {
        return NULL;
    }
    for (i = rsmi_table_hash(key);; ++i) {
        entry = atomic_load_explicit(&slots->at[i & slots->mask],
                                     memory_order_acquire);
        if (entry == NULL) {
            return NULL;
        }
        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key) {
            atomic_store_explicit(&table->recent[rsmi_table_recent(key)], entry,
                                  memory_order_release);
            return entry;
        }
    }
}

/* True: an empty slot was used up. One with the same key is on its way out: its
 * handle ended and came back as another before it was removed. */
static bool table_place(rsmi_slots_t *slots, rsmi_entry_t *entry)
{
    const void *key = atomic_load(&entry->key);
    rsmi_entry_t *former;
    size_t i, gap, from = rsmi_table_hash(key);
    bool has_gap = false;

    for (i = from; table_at(slots, i) != NULL; ++i) {
        if (table_has_key(slots, i, key)) {
            former = table_at(slots, i);
            table_set(slots, i, entry);
            atomic_store(&former->key, &table_gap);
            return false;
        }
        if (!has_gap && (table_at(slots, i) == &table_gap)) {
            gap = i;
            has_gap = true;
        }
    }
    table_set(slots, has_gap ? gap : i, entry);
    return !has_gap;
}

/* Readers go on in the old slots, which therefore stay. Sizes double, so all
 * former ones together are no more than the present one. */
static bool table_grow(rsmi_table_t *table)
{
    rsmi_slots_t *old = atomic_load(&table->slots);
    size_t size = (old == NULL) ? TABLE_FIRST_SIZE : (old->mask + 1) * 2;
    rsmi_slots_t *slots;
    rsmi_entry_t *entry;
    size_t i;

    slots = calloc(1, sizeof(*slots) + size * sizeof(slots->at[0]));
    if (slots == NULL) {
        return false;
    }
    slots->former = old;
    slots->mask = size - 1;
    table->used = 0;
    for (i = 0; (old != NULL) && (i <= old->mask); ++i) {
        entry = table_at(old, i);
        if ((entry != NULL) && (entry != &table_gap)) {
            (void)table_place(slots, entry);
            ++table->used;
        }
    }
    atomic_store_explicit(&table->slots, slots, memory_order_release);
    return true;
}

bool rsmi_table_add(rsmi_table_t *table, rsmi_entry_t *entry)
{
    rsmi_slots_t *slots;
    bool is_room = true;

    pthread_mutex_lock(&table->lock);
    slots = atomic_load(&table->slots);
    if ((slots == NULL) || (table->used * 2 > slots->mask)) {
        is_room = table_grow(table);
    }
    if (is_room && table_place(atomic_load(&table->slots), entry)) {
        ++table->used;
    }
    pthread_mutex_unlock(&table->lock);
    return is_room;
}

/* A gap in front of an empty slot is as good as empty, and so is the one in
 * front of that: without this, coming and going would fill the table. */
static void table_tidy(rsmi_table_t *table, rsmi_slots_t *slots, size_t i)
{
    if (table_at(slots, i + 1) != NULL) {
        return;
    }
    while (table_at(slots, i) == &table_gap) {
        table_set(slots, i, NULL);
        --table->used;
        --i;
    }
}

void rsmi_table_remove(rsmi_table_t *table, rsmi_entry_t *entry)
{
    rsmi_slots_t *slots;
    rsmi_entry_t *there;
    size_t i;

    pthread_mutex_lock(&table->lock);
    slots = atomic_load(&table->slots);
    i = rsmi_table_hash(atomic_load(&entry->key));
    while (((there = table_at(slots, i)) != NULL) && (there != entry)) {
        ++i;
    }
    atomic_store(&entry->key, &table_gap);
    if (there == entry) { /* nobody has taken its place */
        table_set(slots, i, &table_gap);
        table_tidy(table, slots, i);
    }
    pthread_mutex_unlock(&table->lock);
}
