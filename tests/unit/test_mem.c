/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

static char *map(size_t size, int prot, int flags, int fd)
{
    char *memory = mmap(NULL, size, prot, flags, fd, 0);

    cr_assert_neq((void *)memory, MAP_FAILED);
    return memory;
}

static char *private_pages(size_t size)
{
    return map(size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* --- survey ----------------------------------------------------------------- */

typedef struct {
    rsmi_mem_area_t areas[16];
    size_t count;
    int rc;
} list_t;

static int note(const rsmi_mem_area_t *area, void *arg)
{
    list_t *list = arg;

    cr_assert_lt(list->count, 16);
    list->areas[list->count++] = *area;
    return list->rc;
}

Test(mem, pages_are_whole)
{
    cr_assert_eq(rsmi_mem_page_size(), (size_t)sysconf(_SC_PAGESIZE));
    cr_assert_eq(rsmi_mem_round_up(0), 0);
    cr_assert_eq(rsmi_mem_round_up(1), PAGE);
    cr_assert_eq(rsmi_mem_round_up(PAGE), PAGE);
    cr_assert_eq(rsmi_mem_round_up(PAGE + 1), 2 * PAGE);
}

Test(mem, a_survey_shows_what_lies_where)
{
    int fd = memfd_create("survey", MFD_CLOEXEC);
    char *memory = private_pages(6 * PAGE);
    list_t list = {.rc = RSM_SUCCESS};

    cr_assert_eq(ftruncate(fd, 4 * PAGE), 0);
    cr_assert_eq(mprotect(memory + PAGE, PAGE, PROT_READ), 0);
    cr_assert_eq(
        mmap(memory + 2 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, PAGE),
        memory + 2 * PAGE);
    cr_assert_eq(mprotect(memory + 4 * PAGE, PAGE, PROT_EXEC | PROT_READ), 0);

    cr_assert_eq(rsmi_mem_survey(memory + 512, 5 * PAGE - 512, note, &list),
                 RSM_SUCCESS);
    cr_assert_eq(list.count, 4);
    cr_assert_eq(list.areas[0].start, memory + 512);
    cr_assert_eq(list.areas[0].size, PAGE - 512);
    cr_assert_eq(list.areas[0].prot, RW);
    cr_assert(!list.areas[0].is_shared && !list.areas[0].is_file);
    cr_assert_eq(list.areas[1].prot, PROT_READ);
    cr_assert_eq(list.areas[2].start, memory + 2 * PAGE);
    cr_assert_eq(list.areas[2].size, 2 * PAGE);
    cr_assert_eq(list.areas[2].offset, PAGE);
    cr_assert(list.areas[2].is_shared && list.areas[2].is_file);
    cr_assert_eq(list.areas[3].prot, PROT_READ | PROT_EXEC);

    /* Cut in the middle of a mapping of a file. */
    list.count = 0;
    cr_assert_eq(rsmi_mem_survey(memory + 3 * PAGE, 16, note, &list),
                 RSM_SUCCESS);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(list.areas[0].size, 16);
    cr_assert_eq(list.areas[0].offset, 2 * PAGE);
}

Test(mem, a_survey_ends_at_a_hole)
{
    char *memory = private_pages(3 * PAGE);
    list_t list = {.rc = RSM_SUCCESS};

    cr_assert_eq(munmap(memory + PAGE, PAGE), 0);
    cr_assert_eq(rsmi_mem_survey(memory, 3 * PAGE, note, &list),
                 RSMERR_BAD_ADDR);
    cr_assert_eq(list.count, 1, "what lies before it was shown");
    cr_assert_eq(rsmi_mem_survey(memory + PAGE, 8, note, &list),
                 RSMERR_BAD_ADDR);
    cr_assert_eq(rsmi_mem_survey(NULL, PAGE, note, &list), RSMERR_BAD_ADDR);
    cr_assert_eq(rsmi_mem_survey((void *)-PAGE, 2 * PAGE, note, &list),
                 RSMERR_BAD_ADDR, "beyond the last address");
    cr_assert_eq(rsmi_mem_survey((void *)(-2 * PAGE), PAGE, note, &list),
                 RSMERR_BAD_ADDR, "the kernel's");
}

Test(mem, a_survey_ends_when_it_is_told)
{
    char *memory = private_pages(2 * PAGE);
    list_t list = {.rc = RSMERR_PERM_DENIED};

    cr_assert_eq(mprotect(memory, PAGE, PROT_READ), 0);
    cr_assert_eq(rsmi_mem_survey(memory, 2 * PAGE, note, &list),
                 RSMERR_PERM_DENIED);
    cr_assert_eq(list.count, 1);
}

Test(mem, a_survey_without_descriptors)
{
    struct rlimit old, none;
    list_t list = {.rc = RSM_SUCCESS};
    char *memory = private_pages(PAGE);
    int rc;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc = rsmi_mem_survey(memory, PAGE, note, &list);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(rc, RSMERR_INSUFFICIENT_RESOURCES);
}

/* --- shared pages in place of private ones ---------------------------------- */

static bool is_shared(char *memory, size_t size)
{
    list_t list = {.rc = RSM_SUCCESS};

    cr_assert_eq(rsmi_mem_survey(memory, size, note, &list), RSM_SUCCESS);
    cr_assert_eq(list.count, 1);
    return list.areas[0].is_shared;
}

/* Our own view of pages. */
static char *view_of(const rsmi_mem_pages_t *pages)
{
    char *view = mmap(NULL, pages->size, RW, MAP_SHARED,
                      rsmi_mem_pages_fd(pages), pages->base);

    cr_assert_neq((void *)view, MAP_FAILED);
    return view;
}

Test(mem, pages_take_the_place_of_others_and_go)
{
    char *memory = private_pages(3 * PAGE), *view;
    rsmi_mem_pages_t pages;

    memset(memory, 1, 3 * PAGE);
    cr_assert_eq(rsmi_mem_pages_create(2 * PAGE, true, false, &pages),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_reserve(&pages), RSM_SUCCESS);
    view = view_of(&pages);
    cr_assert_eq(view[2 * PAGE - 1], 0);
    cr_assert_eq(rsmi_mem_pages_take(&pages, memory), RSM_SUCCESS);
    cr_assert(is_shared(memory, 2 * PAGE));

    memory[5] = 42;
    cr_assert_eq(view[5], 42);
    view[PAGE] = 43;
    cr_assert_eq(memory[PAGE], 43);

    cr_assert(rsmi_mem_pages_recall(&pages, memory, false));
    cr_assert(!is_shared(memory, 2 * PAGE));
    cr_assert_eq(memory[5], 42);
    cr_assert_eq(memory[PAGE], 43);
    cr_assert_eq(memory[2 * PAGE], 1);
    view[5] = 7;
    cr_assert_eq(memory[5], 42, "still shared");
    rsmi_mem_pages_destroy(&pages, false);
}

Test(mem, what_the_application_has_replaced_is_left_alone)
{
    char *memory = private_pages(4 * PAGE);
    rsmi_mem_pages_t pages, fresh;

    cr_assert_eq(rsmi_mem_pages_create(4 * PAGE, true, false, &pages),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_create(4 * PAGE, true, false, &fresh),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_place(&pages, memory), RSM_SUCCESS);
    memset(memory, 9, 4 * PAGE);
    cr_assert_eq(
        mmap(memory, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
        memory);
    memory[0] = 3;
    cr_assert_eq(munmap(memory + PAGE, PAGE), 0);
    cr_assert_eq(mprotect(memory + 2 * PAGE, PAGE, PROT_READ), 0);

    memset(view_of(&fresh), 8, 4 * PAGE);
    cr_assert_eq(rsmi_mem_pages_exchange(&pages, &fresh, memory), RSM_SUCCESS);
    cr_assert_eq(memory[0], 3);
    cr_assert_eq(memory[2 * PAGE], 8, "nobody can have stored there");
    cr_assert_eq(memory[3 * PAGE], 9);
    cr_assert_eq(view_of(&fresh)[3 * PAGE], 9);
    cr_assert(rsmi_mem_pages_recall(&pages, memory, false));
    cr_assert(is_shared(memory + 3 * PAGE, PAGE), "not these pages");
    cr_assert(rsmi_mem_pages_recall(&fresh, memory, false));
    cr_assert_eq(memory[0], 3);
    cr_assert_eq(memory[2 * PAGE], 8);
    cr_assert(!is_shared(memory + 2 * PAGE, PAGE));
    cr_assert(!is_shared(memory + 3 * PAGE, PAGE));
    cr_assert_eq(mprotect(memory + 2 * PAGE, PAGE, RW), 0);
    rsmi_mem_pages_destroy(&pages, false);
    rsmi_mem_pages_destroy(&fresh, false);
}

/* A mapping longer than its file faults; the library must not. */
Test(mem, pages_are_filled_from_files)
{
    int fd = memfd_create("short", MFD_CLOEXEC);
    rsmi_mem_pages_t pages;
    char *memory;

    cr_assert_eq(ftruncate(fd, 2 * PAGE), 0);
    memory = map(2 * PAGE, RW, MAP_PRIVATE, fd);
    memset(memory, 5, 2 * PAGE);
    cr_assert_eq(rsmi_mem_pages_create(2 * PAGE, true, false, &pages),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_take(&pages, memory), RSM_SUCCESS);
    cr_assert_eq(view_of(&pages)[2 * PAGE - 1], 5);
    memory = map(2 * PAGE, RW, MAP_PRIVATE, fd);
    cr_assert_eq(ftruncate(fd, PAGE), 0);
    cr_assert_eq(rsmi_mem_pages_take(&pages, memory), RSMERR_BAD_ADDR);
    cr_assert(!is_shared(memory, 2 * PAGE));
    rsmi_mem_pages_destroy(&pages, false);
}

Test(mem, what_cannot_be_had_is_refused)
{
    struct rlimit limit, none;
    rsmi_mem_pages_t pages;
    char *memory = private_pages(PAGE);
    int rc;

    /* Beyond the largest file, so that not a page of it is taken. */
    cr_assert_eq(rsmi_mem_pages_create((size_t)-PAGE, true, false, &pages),
                 RSMERR_INSUFFICIENT_MEM);
    cr_assert_eq(rsmi_mem_pages_create((size_t)-PAGE, false, false, &pages),
                 RSMERR_INSUFFICIENT_MEM);
    cr_assert_eq(rsmi_mem_pages_create(PAGE, true, false, &pages), RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_place(&pages, memory + 8),
                 RSMERR_BAD_MEM_ALIGNMENT);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc = rsmi_mem_pages_create(PAGE, true, true, &pages);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(rc, RSMERR_INSUFFICIENT_RESOURCES);
}

/* Small runs of pages lie together, so that they do not use up descriptors. */
Test(mem, small_runs_of_pages_share_files)
{
    enum { MANY = 1000 };
    static rsmi_mem_pages_t many[MANY];
    rsmi_mem_pages_t large;
    struct rlimit limit, few;
    char *view;
    int idx;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (idx = 0; idx < MANY; ++idx) {
        cr_assert_eq(rsmi_mem_pages_create((size_t)(1 + idx % 3) * PAGE, true,
                                           false, &many[idx]),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_mem_pages_reserve(&many[idx]), RSM_SUCCESS);
        cr_assert(rsmi_mem_pages_are_pooled(&many[idx]));
        view = view_of(&many[idx]);
        cr_assert_eq(*(int *)view, 0, "pages are used twice");
        *(int *)view = idx + 1;
        rsmi_mem_unmap(view, many[idx].size);
    }
    cr_assert_eq(rsmi_mem_pages_create(1024 * PAGE, true, false, &large),
                 RSM_SUCCESS);
    cr_assert(!rsmi_mem_pages_are_pooled(&large));
    rsmi_mem_pages_destroy(&large, false);
    for (idx = 0; idx < MANY; ++idx) {
        view = view_of(&many[idx]);
        cr_assert_eq(*(int *)view, idx + 1);
        rsmi_mem_unmap(view, many[idx].size);
        rsmi_mem_pages_destroy(&many[idx], false);
    }
    /* All files are gone. */
    idx = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_lt(idx, 16);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(mem, held_pages_are_not_given_out_again)
{
    rsmi_mem_pages_t held, other, next;
    char *late;

    cr_assert_eq(rsmi_mem_pages_create(PAGE, true, false, &held), RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_create(PAGE, true, false, &other), RSM_SUCCESS);
    late = view_of(&held);
    rsmi_mem_pages_destroy(&held, true);
    cr_assert_eq(rsmi_mem_pages_create(PAGE, true, false, &next), RSM_SUCCESS);
    late[0] = 1;
    cr_assert_eq(view_of(&next)[0], 0);
    cr_assert_eq(view_of(&other)[0], 0);
    rsmi_mem_pages_destroy(&next, false);
    rsmi_mem_pages_destroy(&other, false);
}

Test(mem, a_file_that_nobody_else_uses_goes_with_its_held_pages)
{
    rsmi_mem_pages_t held;
    int fd;

    cr_assert_eq(rsmi_mem_pages_create(PAGE, true, false, &held), RSM_SUCCESS);
    fd = rsmi_mem_pages_fd(&held);
    rsmi_mem_pages_destroy(&held, true);
    cr_assert_lt(fcntl(fd, F_GETFD), 0);
}

/* --- views ------------------------------------------------------------------ */

static sigjmp_buf fault;

static void on_fault(int number)
{
    siglongjmp(fault, number);
}

static bool can_store(char *address)
{
    if (sigsetjmp(fault, 1) != 0) {
        return false;
    }
    *(volatile char *)address = 1;
    return true;
}

Test(mem, views_show_blank_and_go)
{
    struct sigaction action = {.sa_handler = on_fault};
    rsmi_mem_pages_t pages;
    char *view, *again, *own;

    cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
    cr_assert_eq(rsmi_mem_pages_create(2 * PAGE, true, false, &pages),
                 RSM_SUCCESS);
    own = view_of(&pages);
    view = rsmi_mem_reserve(2 * PAGE);
    cr_assert_not_null(view);
    cr_assert(!can_store(view));
    cr_assert_eq(rsmi_mem_show(view, PAGE, rsmi_mem_pages_fd(&pages),
                               pages.base + PAGE, PROT_READ),
                 RSM_SUCCESS);
    own[PAGE] = 11;
    cr_assert_eq(view[0], 11);
    cr_assert(!can_store(view));
    cr_assert_eq(
        rsmi_mem_show(view, PAGE, rsmi_mem_pages_fd(&pages), pages.base, RW),
        RSM_SUCCESS);
    cr_assert(can_store(view));
    cr_assert_eq(own[0], 1);

    again = rsmi_mem_reserve(PAGE);
    cr_assert_eq(rsmi_mem_show_again(again, view, PAGE, RW), RSM_SUCCESS);
    again[9] = 12;
    cr_assert_eq(own[9], 12);

    rsmi_mem_blank(view, PAGE, PROT_READ);
    cr_assert_eq(view[9], 0);
    cr_assert(!can_store(view));
    rsmi_mem_blank(view, PAGE, RW);
    cr_assert(can_store(view));
    cr_assert_eq(own[0], 1);
    rsmi_mem_unmap(view, 2 * PAGE);
    cr_assert(!can_store(view));
    rsmi_mem_unmap(again, PAGE);
    rsmi_mem_pages_destroy(&pages, false);
}

Test(mem, views_that_cannot_be_had_are_refused)
{
    char *view = rsmi_mem_reserve(PAGE);
    int fd = memfd_create("view", MFD_CLOEXEC), ends[2];
    char path[64];

    cr_assert_null(rsmi_mem_reserve((size_t)1 << 60));
    cr_assert_eq(ftruncate(fd, PAGE), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(rsmi_mem_show(view, PAGE, fd, 0, RW), RSMERR_PERM_DENIED);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_neq(rsmi_mem_show(view, PAGE, ends[0], 0, RW), RSM_SUCCESS);
    cr_assert_neq(rsmi_mem_show_again(view, NULL, PAGE, RW), RSM_SUCCESS);
}
