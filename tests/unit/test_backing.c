/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the application's pages are shared: where UCX may use shared memory
 * and where it may not. */
#include "core/backing.h"

#include "fabric/fabric.h"
#include "rsmapi.h"
#include "util/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

TestSuite(backing, .timeout = 30);

static char *memory; /* eight private pages */

static void begin(const char *transports) RSMI_NO_ANALYSIS
{
    cr_assert_eq(rsmi_config_load(true), RSM_SUCCESS);
    setenv("UCX_TLS", transports, 1);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    memory = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)memory, MAP_FAILED);
    memset(memory, 1, 8 * PAGE);
    rsmi_lock(&rsmi_memory_lock);
}

#define BACKING_TEST(name)                           \
    static void check_##name(void) RSMI_NO_ANALYSIS; \
    Test(backing, name##_without_shared_memory)      \
    {                                                \
        begin("tcp,self");                           \
        check_##name();                              \
    }                                                \
    Test(backing, name##_with_shared_memory)         \
    {                                                \
        begin("all");                                \
        check_##name();                              \
    }                                                \
    static void check_##name(void)

/* Our own view of a backing's pages. */
static char *view_of(const rsmi_backing_t *backing)
{
    char *view =
        mmap(NULL, rsmi_backing_size(backing), RW, MAP_SHARED,
             rsmi_backing_fd(backing), (off_t)rsmi_backing_offset(backing));

    cr_assert_neq((void *)view, MAP_FAILED);
    return view;
}

static int note_shared(const rsmi_mem_area_t *area, void *arg)
{
    *(int *)arg += area->is_shared ? (int)(area->size / PAGE) : 0;
    return RSM_SUCCESS;
}

static int shared_pages(void)
{
    int count = 0;

    (void)rsmi_mem_survey(memory, 8 * PAGE, note_shared, &count);
    return count;
}

static void acquire(int first, int count,
                    rsmi_pieces_t *pieces) RSMI_NO_ANALYSIS
{
    cr_assert_eq(rsmi_backing_acquire(memory + first * PAGE,
                                      (size_t)count * PAGE, pieces),
                 RSM_SUCCESS);
}

BACKING_TEST(pages_become_shared_and_private_again)
{
    rsmi_pieces_t pieces;
    rsmi_backing_t *backing;

    acquire(2, 3, &pieces);
    cr_assert_eq(shared_pages(), 3);
    cr_assert_eq(pieces.count, 1);
    backing = pieces.pieces[0].backing;
    cr_assert_eq(rsmi_backing_sole(&pieces), backing);
    cr_assert_geq(rsmi_backing_fd(backing), 0);
    cr_assert(!rsmi_backing_is_common(backing));
    cr_assert_eq(memory[2 * PAGE], 1, "the contents are gone");
    view_of(backing)[5] = 42;
    cr_assert_eq(memory[2 * PAGE + 5], 42);
    rsmi_backing_release(&pieces);
    cr_assert_eq(pieces.count, 0);
    cr_assert_eq(shared_pages(), 0);
    cr_assert_eq(memory[2 * PAGE + 5], 42);
    cr_assert_eq(memory[5 * PAGE - 1], 1);
}

BACKING_TEST(overlapping_ranges_share_pages)
{
    rsmi_pieces_t first, second, third;

    acquire(2, 2, &first);
    acquire(1, 5, &second);
    acquire(3, 1, &third);
    cr_assert_eq(shared_pages(), 5);
    cr_assert_eq(second.count, 3);
    cr_assert_eq(second.pieces[1].backing, first.pieces[0].backing);
    cr_assert_eq(third.pieces[0].backing, first.pieces[0].backing);
    cr_assert_eq(third.pieces[0].offset, PAGE);
    cr_assert(rsmi_backing_is_common(first.pieces[0].backing));
    cr_assert_null(rsmi_backing_sole(&first));
    cr_assert_null(rsmi_backing_sole(&second));

    rsmi_backing_release(&first);
    cr_assert_eq(shared_pages(), 5);
    rsmi_backing_release(&second);
    cr_assert_eq(shared_pages(), 2, "a backing is shared as a whole");
    cr_assert_null(rsmi_backing_sole(&third), "a part of it");
    rsmi_backing_release(&third);
    cr_assert_eq(shared_pages(), 0);
}

BACKING_TEST(foreign_pages_stay_where_they_are)
{
    rsmi_pieces_t pieces;

    cr_assert_eq(mmap(memory + 2 * PAGE, 2 * PAGE, RW,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + 2 * PAGE);
    cr_assert_eq(mmap(memory + 4 * PAGE, PAGE, RW,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + 4 * PAGE);
    acquire(1, 5, &pieces);
    cr_assert_eq(pieces.count, 3);
    cr_assert_null(pieces.pieces[1].backing);
    cr_assert_eq(pieces.pieces[1].size, 3 * PAGE);
    cr_assert_null(rsmi_backing_sole(&pieces));
    rsmi_backing_release(&pieces);
    cr_assert_eq(shared_pages(), 3);
    acquire(2, 3, &pieces);
    cr_assert_null(rsmi_backing_sole(&pieces));
    rsmi_backing_release(&pieces);
}

static void expect_refusal(void *addr, size_t size, int code) RSMI_NO_ANALYSIS
{
    rsmi_pieces_t pieces;

    cr_assert_eq(rsmi_backing_examine(addr, size), code);
    cr_assert_eq(rsmi_backing_acquire(addr, size, &pieces), code);
    cr_assert_null(pieces.pieces);
}

BACKING_TEST(memory_that_cannot_be_shared)
{
    char here;
    char *page = (char *)((uintptr_t)&here & ~(uintptr_t)(PAGE - 1));

    cr_assert_eq(mprotect(memory + 3 * PAGE, PAGE, PROT_READ), 0);
    expect_refusal(memory + 2 * PAGE, 3 * PAGE, RSMERR_PERM_DENIED);
    cr_assert_eq(mprotect(memory + 3 * PAGE, PAGE, PROT_NONE), 0);
    expect_refusal(memory, 8 * PAGE, RSMERR_PERM_DENIED);
    cr_assert_eq(munmap(memory + 3 * PAGE, PAGE), 0);
    expect_refusal(memory, 8 * PAGE, RSMERR_BAD_ADDR);
    expect_refusal(page - 8 * PAGE, 16 * PAGE, RSMERR_BAD_ADDR);
    cr_assert_eq(shared_pages(), 0);
    cr_assert_eq(rsmi_backing_examine(memory, 3 * PAGE), RSM_SUCCESS);
    cr_assert_eq(shared_pages(), 0);
}

/* What is mapped over an exported range belongs to it no longer. */
BACKING_TEST(a_range_that_was_replaced_is_a_new_one)
{
    rsmi_pieces_t old, fresh;

    acquire(2, 2, &old);
    cr_assert_eq(mmap(memory + 2 * PAGE, 2 * PAGE, RW,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + 2 * PAGE);
    memory[2 * PAGE] = 9;
    acquire(2, 2, &fresh);
    cr_assert_neq(fresh.pieces[0].backing, old.pieces[0].backing);
    view_of(old.pieces[0].backing)[0] = 50;
    cr_assert_eq(memory[2 * PAGE], 9);
    cr_assert_eq(rsmi_backing_renew(old.pieces[0].backing, false), RSM_SUCCESS);
    rsmi_backing_release(&old);
    cr_assert_eq(shared_pages(), 2, "the new pages went with the old ones");
    rsmi_backing_release(&fresh);
    cr_assert_eq(memory[2 * PAGE], 9);
}

/* Who shares what is left of the range keeps it shared. */
BACKING_TEST(what_is_left_of_a_range_is_still_found)
{
    rsmi_pieces_t all, last, fresh, again;
    char *view;

    acquire(1, 4, &all);
    acquire(4, 1, &last);
    rsmi_backing_release(&all);
    cr_assert_eq(mmap(memory + PAGE, 3 * PAGE, RW,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                 memory + PAGE);
    acquire(1, 3, &fresh);
    acquire(4, 2, &again);
    cr_assert_eq(again.count, 2);
    cr_assert_eq(again.pieces[0].backing, last.pieces[0].backing);
    cr_assert_eq(again.pieces[0].offset, 3 * PAGE);
    view = view_of(again.pieces[0].backing) + 3 * PAGE;
    rsmi_backing_release(&last);
    memory[4 * PAGE] = 9;
    cr_assert_eq(view[0], 9, "the page was taken away from who shares it");
    rsmi_backing_release(&fresh);
    rsmi_backing_release(&again);
    cr_assert_eq(memory[4 * PAGE], 9);
    cr_assert_eq(shared_pages(), 0);
}

/* Their pages follow on in a file, too: the kernel shows one mapping. */
BACKING_TEST(neighbours_are_told_apart)
{
    rsmi_pieces_t left, right, both;
    char *view;

    acquire(1, 2, &left);
    acquire(3, 2, &right);
    acquire(2, 2, &both);
    cr_assert_eq(both.count, 2);
    cr_assert_eq(both.pieces[0].backing, left.pieces[0].backing);
    cr_assert_eq(both.pieces[1].backing, right.pieces[0].backing);
    cr_assert_eq(both.pieces[1].size, PAGE);
    view = view_of(right.pieces[0].backing);
    rsmi_backing_release(&right);
    memory[3 * PAGE] = 9;
    cr_assert_eq(view[0], 9, "the page was taken away from who shares it");
    rsmi_backing_release(&left);
    cr_assert_eq(shared_pages(), 4);
    rsmi_backing_release(&both);
    cr_assert_eq(memory[3 * PAGE], 9);
    cr_assert_eq(shared_pages(), 0);
}

/* The pages of a neighbour are not free to be moved over. */
BACKING_TEST(pages_do_not_move_over_those_of_a_neighbour)
{
    rsmi_pieces_t left, right;

    acquire(1, 2, &left);
    acquire(3, 2, &right);
    cr_assert_eq(rsmi_backing_move(left.pieces[0].backing, memory + 2 * PAGE),
                 RSMERR_INSUFFICIENT_RESOURCES);
    memory[3 * PAGE] = 9;
    cr_assert_eq(view_of(right.pieces[0].backing)[0], 9);
    rsmi_backing_release(&left);
    rsmi_backing_release(&right);
    cr_assert_eq(shared_pages(), 0);
}

BACKING_TEST(pages_move_to_another_range)
{
    rsmi_pieces_t pieces, other;
    rsmi_backing_t *backing;

    acquire(1, 2, &pieces);
    backing = pieces.pieces[0].backing;
    memory[PAGE] = 5;
    memory[4 * PAGE] = 6;
    cr_assert_eq(rsmi_backing_move(backing, memory + 4 * PAGE), RSM_SUCCESS);
    cr_assert_eq(view_of(backing)[0], 6);
    cr_assert_eq(memory[PAGE], 5, "the old range lost its contents");
    memory[4 * PAGE] = 7;
    cr_assert_eq(view_of(backing)[0], 7);
    cr_assert_eq(shared_pages(), 2);

    /* Overlapping its own range, and back. */
    memory[5 * PAGE] = 8;
    cr_assert_eq(rsmi_backing_move(backing, memory + 5 * PAGE), RSM_SUCCESS);
    cr_assert_eq(view_of(backing)[0], 8);
    cr_assert_eq(memory[4 * PAGE], 7);

    /* Refused: nothing has changed. */
    acquire(0, 1, &other);
    cr_assert_eq(rsmi_backing_move(backing, memory),
                 RSMERR_INSUFFICIENT_RESOURCES);
    cr_assert_eq(mprotect(memory + 2 * PAGE, PAGE, PROT_READ), 0);
    cr_assert_eq(rsmi_backing_move(backing, memory + PAGE), RSMERR_PERM_DENIED);
    cr_assert_eq(munmap(memory + 2 * PAGE, PAGE), 0);
    cr_assert_eq(rsmi_backing_move(backing, memory + PAGE), RSMERR_BAD_ADDR);
    memory[5 * PAGE] = 77;
    cr_assert_eq(view_of(backing)[0], 77);
    rsmi_backing_release(&other);
    rsmi_backing_release(&pieces);
    cr_assert_eq(memory[5 * PAGE], 77);
}

/* Who still has the old pages in his hands reaches nobody. */
BACKING_TEST(pages_are_renewed)
{
    rsmi_pieces_t pieces;
    rsmi_backing_t *backing;
    char *silent;

    acquire(1, 2, &pieces);
    backing = pieces.pieces[0].backing;
    silent = view_of(backing);
    memory[PAGE] = 5;
    cr_assert_eq(silent[0], 5);
    cr_assert_eq(rsmi_backing_renew(backing, false), RSM_SUCCESS);
    cr_assert_eq(memory[PAGE], 5);
    silent[0] = 66;
    cr_assert_eq(memory[PAGE], 5, "the old pages are still there");
    cr_assert_eq(view_of(backing)[0], 5);
    memory[PAGE] = 7;
    cr_assert_eq(view_of(backing)[0], 7);
    rsmi_backing_release(&pieces);
}

BACKING_TEST(pages_that_somebody_holds_are_not_used_again)
{
    rsmi_pieces_t pieces, next;
    char *silent, *late;

    acquire(1, 2, &pieces);
    silent = view_of(pieces.pieces[0].backing);
    rsmi_backing_hold(&pieces);
    cr_assert_eq(rsmi_backing_renew(pieces.pieces[0].backing, false),
                 RSM_SUCCESS);
    late = view_of(pieces.pieces[0].backing);
    rsmi_backing_hold(&pieces);
    acquire(3, 2, &next);
    rsmi_backing_release(&pieces);
    acquire(1, 2, &pieces);
    memset(silent, 99, 2 * PAGE);
    memset(late, 99, 2 * PAGE);
    cr_assert_eq(memory[PAGE], 1, "late stores reach other memory");
    cr_assert_eq(memory[3 * PAGE], 1, "late stores reach other memory");
    rsmi_backing_release(&next);
    rsmi_backing_release(&pieces);
}

BACKING_TEST(pages_get_a_file_of_their_own_when_told)
{
    rsmi_pieces_t pieces, other;
    rsmi_backing_t *backing;
    int shared;

    acquire(1, 2, &pieces);
    acquire(4, 1, &other);
    backing = pieces.pieces[0].backing;
    shared = rsmi_backing_fd(backing);
    cr_assert(rsmi_backing_is_pooled(backing));
    cr_assert_eq(rsmi_backing_fd(other.pieces[0].backing), shared);
    memory[PAGE] = 5;
    cr_assert_eq(rsmi_backing_renew(backing, true), RSM_SUCCESS);
    cr_assert(!rsmi_backing_is_pooled(backing));
    cr_assert_neq(rsmi_backing_fd(backing), shared);
    cr_assert_eq(rsmi_backing_offset(backing), 0);
    cr_assert_eq(memory[PAGE], 5);
    rsmi_backing_release(&other);
    rsmi_backing_release(&pieces);
    cr_assert_eq(memory[PAGE], 5);
}

BACKING_TEST(many_of_them_are_found_again)
{
    enum { MANY = 200 };
    static rsmi_pieces_t once[MANY], twice[MANY];
    char *range =
        mmap(NULL, 2 * MANY * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int idx, at;

    for (idx = 0; idx < MANY; ++idx) {
        at = (idx * 77) % MANY; /* in no order */
        cr_assert_eq(
            rsmi_backing_acquire(range + 2 * at * PAGE, PAGE, &once[at]),
            RSM_SUCCESS);
    }
    for (idx = 0; idx < MANY; ++idx) {
        cr_assert_eq(
            rsmi_backing_acquire(range + 2 * idx * PAGE, PAGE, &twice[idx]),
            RSM_SUCCESS);
        cr_assert_eq(twice[idx].pieces[0].backing, once[idx].pieces[0].backing);
    }
    for (idx = 0; idx < MANY; ++idx) {
        rsmi_backing_release(&once[(idx * 33) % MANY]);
    }
    for (idx = 0; idx < MANY; ++idx) {
        cr_assert_not_null(rsmi_backing_sole(&twice[idx]));
        rsmi_backing_release(&twice[idx]);
    }
}

BACKING_TEST(the_child_of_a_fork_has_a_copy)
{
    rsmi_pieces_t pieces;

    acquire(0, 8, &pieces);
    memory[3] = 33;
    rsmi_backing_forked(); /* as in a child */
    cr_assert_eq(shared_pages(), 0);
    cr_assert_eq(memory[3], 33);
}

BACKING_TEST(without_descriptors_nothing_changes)
{
    struct rlimit old, none;
    rsmi_pieces_t pieces;
    int idx, codes[3];

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (idx = 0; idx < 3; ++idx) {
        none = old;
        /* None at all; one for the survey; one more. */
        none.rlim_cur = (idx == 0) ? 0 : (rlim_t)(dup(0) + idx - 1);
        (void)close((int)none.rlim_cur - idx + 1);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        codes[idx] = rsmi_backing_acquire(memory, 2 * PAGE, &pieces);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (codes[idx] == RSM_SUCCESS) {
            rsmi_backing_release(&pieces);
        }
        cr_assert_eq(shared_pages(), 0);
        cr_assert_eq(memory[0], 1, "%d: %d, %d", idx, codes[idx], memory[0]);
    }
    cr_assert_eq(codes[0], RSMERR_INSUFFICIENT_RESOURCES);
    for (idx = 1; idx < 3; ++idx) {
        cr_assert((codes[idx] == RSM_SUCCESS) ||
                  (codes[idx] == RSMERR_INSUFFICIENT_RESOURCES) ||
                  (codes[idx] == RSMERR_INSUFFICIENT_MEM));
    }
}
