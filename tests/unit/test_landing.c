/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/landing.h"

#include "rsmapi.h"
#include "util/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

static char *memory; /* eight pages, two of them foreign */
static rsmi_pieces_t pieces;

/* The memory lock is held from start to stop of each test. */
static void start(void) RSMI_NO_ANALYSIS
{
    cr_assert_eq(rsmi_config_load(true), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    memory = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)memory, MAP_FAILED);
    cr_assert_eq(mmap(memory + 2 * PAGE, 2 * PAGE, RW,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + 2 * PAGE);
    rsmi_lock(&rsmi_memory_lock);
    cr_assert_eq(rsmi_backing_acquire(memory, 6 * PAGE, &pieces), RSM_SUCCESS);
    cr_assert_eq(pieces.count, 3);
}

static void stop(void) RSMI_NO_ANALYSIS
{
    rsmi_backing_release(&pieces);
    rsmi_unlock(&rsmi_memory_lock);
}

TestSuite(landing, .init = start, .fini = stop, .timeout = 30);

static rsmi_landing_t *land(void)
{
    rsmi_landing_t *landing = NULL;

    cr_assert_eq(rsmi_landing_open(&pieces, 6 * PAGE, &landing), RSM_SUCCESS);
    cr_assert_neq(landing->addr, memory);
    return landing;
}

static void acquire(char *addr, size_t size,
                    rsmi_pieces_t *pieces_p) RSMI_NO_ANALYSIS
{
    cr_assert_eq(rsmi_backing_acquire(addr, size, pieces_p), RSM_SUCCESS);
}

static void release(rsmi_pieces_t *of) RSMI_NO_ANALYSIS
{
    rsmi_backing_release(of);
}

static int page_of(const char *addr, size_t page)
{
    return ((const volatile char *)addr)[page * PAGE];
}

Test(landing, is_a_second_view_of_all_pieces)
{
    rsmi_landing_t *landing = land();
    size_t page;

    for (page = 0; page < 6; ++page) {
        landing->addr[page * PAGE] = (char)(10 + page);
        cr_assert_eq(page_of(memory, page), (int)(10 + page));
    }
    rsmi_landing_close(landing, true);
    cr_assert_eq(page_of(memory, 5), 15);
}

static uint64_t seal_of(const rsmi_landing_t *landing)
{
    uint64_t seal;

    memcpy(&seal, landing->addr + landing->size, sizeof(seal));
    return seal;
}

Test(landing, its_seal_goes_with_it_and_is_not_used_again)
{
    rsmi_landing_t *first = land();
    rsmi_landing_t *second = land();

    cr_assert_neq(first->seal, 0);
    cr_assert_neq(first->seal, second->seal);
    cr_assert_eq(seal_of(first), first->seal);
    cr_assert_eq(rsmi_landing_change(first, &pieces), RSM_SUCCESS);
    cr_assert_eq(seal_of(first), first->seal);
    rsmi_landing_blank(first);
    cr_assert_eq(seal_of(first), 0);
    cr_assert_eq(seal_of(second), second->seal);
    rsmi_landing_close(first, true);
    rsmi_landing_close(second, true);
}

Test(landing, what_lands_when_it_is_over_is_lost)
{
    rsmi_landing_t *landing = land();
    char *addr = landing->addr;

    memory[0] = 1;
    rsmi_landing_blank(landing);
    addr[0] = 2;
    addr[3 * PAGE] = 2;
    cr_assert_eq(page_of(memory, 0), 1);
    cr_assert_eq(page_of(memory, 3), 0);

    /* The addresses stay taken, for those who still store there. */
    rsmi_landing_close(landing, false);
    addr[5 * PAGE] = 3;
    cr_assert_eq(page_of(memory, 5), 0);
    cr_assert_neq(mmap(addr, PAGE, RW,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                       0),
                  addr);
}

Test(landing, shows_other_pages_after_a_change)
{
    rsmi_landing_t *landing = land();
    rsmi_pieces_t others;
    char *fresh = mmap(NULL, 6 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(rsmi_landing_can_change(landing));
    acquire(fresh, 6 * PAGE, &others);
    cr_assert_eq(rsmi_landing_change(landing, &others), RSM_SUCCESS);
    landing->addr[PAGE] = 21;
    cr_assert_eq(page_of(fresh, 1), 21);
    cr_assert_eq(page_of(memory, 1), 0);
    rsmi_landing_close(landing, true);
    release(&others);
}

/* The application has put private memory where shared memory was. */
Test(landing, foreign_memory_that_is_gone_is_refused)
{
    rsmi_landing_t *landing = NULL;

    cr_assert_eq(mmap(memory + 3 * PAGE, PAGE, RW,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + 3 * PAGE);
    cr_assert_eq(rsmi_landing_open(&pieces, 6 * PAGE, &landing),
                 RSMERR_BAD_ADDR);
    cr_assert_eq(munmap(memory + 3 * PAGE, PAGE), 0);
    cr_assert_eq(rsmi_landing_open(&pieces, 6 * PAGE, &landing),
                 RSMERR_BAD_ADDR);
    cr_assert_null(landing);
}

Test(landing, a_size_that_no_address_space_has_is_refused)
{
    rsmi_landing_t *landing = NULL;

    cr_assert_eq(rsmi_landing_open(&pieces, (size_t)1 << 60, &landing),
                 RSMERR_INSUFFICIENT_MEM);
    cr_assert_null(landing);
}

Test(landing, keys_are_made_for_the_ways_that_are_there)
{
    const rsmi_path_t paths[] = {RSMI_PATH_NET, RSMI_PATH_TCP, RSMI_PATH_IB};
    rsmi_landing_t *landing = land();
    rsmi_fabric_info_t info;
    size_t idx, size;
    void *key;
    int rc;

    for (idx = 0; idx < sizeof(paths) / sizeof(paths[0]); ++idx) {
        rsmi_fabric_query(rsmi_landing_domain(paths[idx]), &info);
        key = NULL;
        size = 0;
        rc = rsmi_landing_key(landing, paths[idx], &key, &size);
        cr_assert_eq(rc == RSM_SUCCESS, info.is_present, "path %u",
                     (unsigned)paths[idx]);
        if (rc == RSM_SUCCESS) {
            cr_assert_not_null(key);
            cr_assert_gt(size, 0);
            free(key);
            cr_assert_eq(rsmi_landing_key(landing, paths[idx], &key, &size),
                         RSM_SUCCESS, "a second importer");
            free(key);
        }
    }
    rsmi_landing_close(landing, true);
}
