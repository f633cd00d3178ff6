/* SPDX-License-Identifier: BSD-3-Clause */
/* The table that leads librsm_mpi from an MPI handle to what it knows. */
#include "shim_table.h"

#include <criterion/criterion.h>

#include <stdlib.h>

enum { MANY = 1000 };

/* The first key from @p start on whose place in a table of 256 is @p slot. */
static void *key_for(size_t slot, uintptr_t start)
{
    while (rsmi_table_hash((const void *)start) % 256 != slot) {
        start += 16;
    }
    return (void *)start;
}

Test(table, finds_what_was_added_and_not_what_was_removed)
{
    static rsmi_table_t table = RSMI_TABLE_EMPTY;
    static rsmi_entry_t entries[MANY];
    size_t i;

    for (i = 0; i < MANY; ++i) {
        atomic_store(&entries[i].key, (void *)(0x10000 + 16 * i));
        cr_assert(rsmi_table_add(&table, &entries[i]));
    }
    for (i = 0; i < MANY; i += 3) {
        rsmi_table_remove(&table, &entries[i]);
    }
    for (i = 0; i < MANY; ++i) {
        cr_assert_eq(rsmi_table_find(&table, (void *)(0x10000 + 16 * i)),
                     (i % 3 == 0) ? NULL : (void *)&entries[i]);
    }
}

/* Handles that were never set are zero, and where they lead there may be a gap
 * left by one that was removed. */
Test(table, finds_nothing_for_a_handle_of_zero)
{
    static rsmi_table_t table = RSMI_TABLE_EMPTY;
    static rsmi_entry_t first, second;

    cr_assert_null(rsmi_table_find(&table, NULL));
    cr_assert_eq(rsmi_table_hash(NULL), 0);
    atomic_store(&first.key, key_for(0, 0x10000));
    atomic_store(&second.key, key_for(1, 0x10000));
    cr_assert(rsmi_table_add(&table, &first));
    cr_assert(rsmi_table_add(&table, &second));
    rsmi_table_remove(&table, &first);
    cr_assert_null(rsmi_table_find(&table, NULL));
    cr_assert_eq(rsmi_table_find(&table, atomic_load(&second.key)),
                 (void *)&second);
}

/* What was found last at one place of the short way. */
Test(table, remembers_what_was_used_and_forgets_what_was_removed)
{
    static rsmi_table_t table = RSMI_TABLE_EMPTY;
    static rsmi_entry_t entries[MANY];
    void *key;
    size_t i;

    for (int turn = 0; turn < 2; ++turn) {
        for (i = 0; i < MANY; ++i) { /* more than there are places */
            key = (void *)(0x10000 + 16 * ((i + (size_t)turn * 7) % MANY));
            atomic_store(&entries[i].key, key);
            cr_assert(rsmi_table_add(&table, &entries[i]));
            cr_assert_eq(rsmi_table_find(&table, key), (void *)&entries[i]);
            cr_assert_eq(rsmi_table_recall(&table, key), (void *)&entries[i]);
        }
        for (i = 0; i < MANY; ++i) {
            key = atomic_load(&entries[i].key);
            cr_assert_eq(rsmi_table_find(&table, key), (void *)&entries[i]);
            rsmi_table_remove(&table, &entries[i]);
            cr_assert_null(rsmi_table_recall(&table, key));
            cr_assert_null(rsmi_table_find(&table, key));
        }
    }
}

/* What comes and goes does not fill the table. */
Test(table, does_not_grow_by_coming_and_going)
{
    static rsmi_table_t table = RSMI_TABLE_EMPTY;
    static rsmi_entry_t entry;
    size_t i;

    for (i = 1; i <= 100 * (size_t)MANY; ++i) {
        atomic_store(&entry.key, (void *)(16 * i));
        cr_assert(rsmi_table_add(&table, &entry));
        rsmi_table_remove(&table, &entry);
    }
    cr_assert_eq(atomic_load(&table.slots)->mask, 255);
}

/* A handle that ended may be another one's before it was removed; the new one
 * is found, whether it would have come to stand before the old one or behind. */
Test(table, keeps_the_newest_of_one_key)
{
    static rsmi_entry_t before, old, new;
    void *key = key_for(1, 0x20000);

    for (int has_gap = 0; has_gap < 2; ++has_gap) {
        rsmi_table_t table = RSMI_TABLE_EMPTY;

        atomic_store(&before.key, key_for(1, 0x10000));
        atomic_store(&old.key, key);
        atomic_store(&new.key, key);
        cr_assert(rsmi_table_add(&table, &before));
        cr_assert(rsmi_table_add(&table, &old));
        if (has_gap) {
            rsmi_table_remove(&table, &before);
        }
        /* Found once, the old one would be found at once the next time. */
        cr_assert_eq(rsmi_table_find(&table, key), (void *)&old);
        cr_assert_eq(rsmi_table_recall(&table, key), (void *)&old);
        cr_assert(rsmi_table_add(&table, &new));
        cr_assert_eq(rsmi_table_find(&table, key), (void *)&new);
        rsmi_table_remove(&table, &old);
        cr_assert_eq(rsmi_table_find(&table, key), (void *)&new);
        rsmi_table_remove(&table, &new);
        cr_assert_null(rsmi_table_find(&table, key));
        free(atomic_load(&table.slots));
    }
}
