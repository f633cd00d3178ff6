/* SPDX-License-Identifier: BSD-3-Clause */
/* Other threads store to pages while these are exchanged. */
#include "mem/mem_freeze.h"

#include "mem/mem.h"
#include "rsmapi.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    ((size_t)4096)
#define PAGES   4
#define SIZE    (PAGES * PAGE)
#define WORDS   (PAGE / sizeof(uint64_t))
#define THREADS 3
#define CYCLES  300

TestSuite(freeze, .timeout = 60);

static char *private_pages(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq((void *)memory, MAP_FAILED);
    return memory;
}

/* Whether the kernel holds up who writes to private pages here. */
static bool can_freeze(void)
{
    rsmi_mem_frozen_t frozen;
    char *memory = private_pages(PAGE);
    bool is_held;

    rsmi_mem_freeze(&frozen, memory, PAGE);
    is_held = frozen.is_held;
    rsmi_mem_thaw(&frozen);
    (void)munmap(memory, PAGE);
    return is_held;
}

#define NEEDS_FREEZE()                                             \
    do {                                                           \
        if (!can_freeze()) {                                       \
            cr_skip("skipped: userfaultfd is not to be had here"); \
        }                                                          \
    } while (0)

/* --- threads that count ------------------------------------------------------ */

typedef struct {
    volatile uint64_t *word;
    uint64_t count; /* what it did */
    pthread_t thread;
    bool by_system_call;
    int file;
} counter_t;

static char *memory;
static counter_t counters[THREADS];
static atomic_bool is_over;

/* A read(2) stores for its caller. */
static void count_by_system_call(counter_t *me)
{
    uint64_t next = *me->word + 1;

    cr_assert_eq(pwrite(me->file, &next, sizeof(next), 0), sizeof(next));
    cr_assert_eq(pread(me->file, (void *)me->word, sizeof(next), 0),
                 sizeof(next));
}

static void *count(void *arg)
{
    counter_t *me = arg;

    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        if (me->by_system_call) {
            count_by_system_call(me);
        } else {
            ++*me->word;
        }
        ++me->count;
    }
    return NULL;
}

static void counters_start(bool by_system_call)
{
    int idx;

    memory = private_pages(SIZE);
    atomic_store(&is_over, false);
    for (idx = 0; idx < THREADS; ++idx) {
        counters[idx] = (counter_t){
            .word = (uint64_t *)memory + (size_t)idx * WORDS + 7,
            .by_system_call = by_system_call,
            .file = by_system_call ? memfd_create("word", MFD_CLOEXEC) : -1};
        cr_assert_eq(
            pthread_create(&counters[idx].thread, NULL, count, &counters[idx]),
            0);
    }
}

/* Increments that are not in memory. */
static uint64_t counters_stop(void)
{
    uint64_t lost = 0;
    int idx;

    atomic_store(&is_over, true);
    for (idx = 0; idx < THREADS; ++idx) {
        cr_assert_eq(pthread_join(counters[idx].thread, NULL), 0);
        cr_assert_gt(counters[idx].count, 0);
        lost += counters[idx].count - *counters[idx].word;
    }
    return lost;
}

/* Private pages become shared ones, other shared ones, and private again. */
static void exchange_pages(void)
{
    rsmi_mem_pages_t pages, fresh;
    int cycle;

    for (cycle = 0; cycle < CYCLES; ++cycle) {
        cr_assert_eq(rsmi_mem_pages_create(SIZE, true, false, &pages),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_mem_pages_take(&pages, memory), RSM_SUCCESS);
        cr_assert_eq(rsmi_mem_pages_create(SIZE, true, true, &fresh),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_mem_pages_copy(&fresh, &pages), RSM_SUCCESS);
        cr_assert_eq(rsmi_mem_pages_exchange(&pages, &fresh, memory),
                     RSM_SUCCESS);
        rsmi_mem_pages_destroy(&pages, false);
        cr_assert(rsmi_mem_pages_recall(&fresh, memory, false));
        rsmi_mem_pages_destroy(&fresh, false);
    }
}

Test(freeze, no_store_of_another_thread_is_lost)
{
    NEEDS_FREEZE();
    counters_start(false);
    exchange_pages();
    cr_assert_eq(counters_stop(), 0);
}

/* --- what the kernel grants --------------------------------------------------- */

/* In a process of its own: userfaultfd(2) fails, or fails unless it is limited
 * to what a program does itself. */
static void deny_userfaultfd(bool user_mode_remains)
{
    unsigned number = offsetof(struct seccomp_data, nr);
    unsigned first = offsetof(struct seccomp_data, args[0]);
    unsigned second = offsetof(struct seccomp_data, args[1]);
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
                 user_mode_remains ? UFFD_USER_MODE_ONLY : 0, 4, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, second),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, USERFAULTFD_IOC_NEW, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)};
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(freeze, nor_is_one_without_privileges)
{
    deny_userfaultfd(true);
    NEEDS_FREEZE();
    counters_start(false);
    exchange_pages();
    cr_assert_eq(counters_stop(), 0);
}

/* With the privilege, what the kernel stores for other threads is kept, too. */
Test(freeze, nor_one_by_a_system_call)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

    if (fd < 0) {
        cr_skip("skipped: userfaultfd only for what programs do themselves");
    }
    NEEDS_FREEZE();
    counters_start(true);
    exchange_pages();
    cr_assert_eq(counters_stop(), 0);
}

/* What cannot be had is done without. */
Test(freeze, pages_are_exchanged_where_writers_cannot_be_held_up)
{
    deny_userfaultfd(false);
    cr_assert(!can_freeze());
    memory = private_pages(SIZE);
    memory[SIZE - 1] = 42;
    exchange_pages();
    cr_assert_eq(memory[SIZE - 1], 42);
}

/* --- what must not be frozen --------------------------------------------------- */

Test(freeze, nobody_is_frozen_by_himself)
{
    char *here = (char *)((uintptr_t)__builtin_frame_address(0) & -PAGE);
    char *self = (char *)((uintptr_t)pthread_self() & -PAGE);
    rsmi_mem_frozen_t frozen;

    rsmi_mem_freeze(&frozen, here, PAGE);
    cr_assert(!frozen.is_held);
    rsmi_mem_thaw(&frozen);
    rsmi_mem_freeze(&frozen, here - 2 * PAGE, PAGE);
    cr_assert(!frozen.is_held);
    rsmi_mem_thaw(&frozen);
    rsmi_mem_freeze(&frozen, self, PAGE);
    cr_assert(!frozen.is_held);
    rsmi_mem_thaw(&frozen);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    handled = number;
    if (memory != NULL) {
        memory[0] = 1;
    }
}

Test(freeze, handlers_run_afterwards)
{
    rsmi_mem_frozen_t frozen;

    memory = private_pages(PAGE);
    cr_assert_neq(signal(SIGABRT, on_signal), SIG_ERR);
    rsmi_mem_freeze(&frozen, memory, PAGE);
    (void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGABRT);
    cr_assert_eq(handled, 0);
    rsmi_mem_thaw(&frozen);
    cr_assert_eq(handled, SIGABRT);
    cr_assert_eq(memory[0], 1);
}

Test(freeze, the_child_of_a_fork_leaves_its_parent_alone)
{
    rsmi_mem_frozen_t frozen;
    int status;
    pid_t child;

    NEEDS_FREEZE();
    memory = private_pages(PAGE);
    child = fork();
    if (child == 0) {
        rsmi_mem_freeze(&frozen, memory, PAGE);
        _exit(frozen.is_held ? 1 : 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

/* --- what goes wrong ----------------------------------------------------------- */

/* The second half of the pages does not exist and cannot be made. */
Test(freeze, writers_go_on_where_they_were_when_pages_cannot_be_had)
{
    rsmi_mem_pages_t pages;
    int cycle;

    NEEDS_FREEZE();
    counters_start(false);
    for (cycle = 0; cycle < CYCLES; ++cycle) {
        cr_assert_eq(rsmi_mem_pages_create(SIZE / 2, false, true, &pages),
                     RSM_SUCCESS);
        pages.size = SIZE;
        cr_assert_eq(rsmi_mem_pages_take(&pages, memory),
                     RSMERR_INSUFFICIENT_MEM);
        rsmi_mem_pages_destroy(&pages, false);
    }
    cr_assert_eq(counters_stop(), 0);
}

/* Initialised variables lie in private pages of a file, which the kernel does
 * not protect; what is next to them is protected all the same. */
Test(freeze, pages_of_files_are_taken_without)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    rsmi_mem_pages_t pages;

    cr_assert_eq(ftruncate(fd, (off_t)PAGE), 0);
    memory = private_pages(SIZE);
    cr_assert_eq(mmap(memory, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_FIXED, fd, 0),
                 memory);
    memory[0] = 1;
    memory[PAGE] = 2;
    cr_assert_eq(rsmi_mem_pages_create(SIZE, true, false, &pages), RSM_SUCCESS);
    cr_assert_eq(rsmi_mem_pages_take(&pages, memory), RSM_SUCCESS);
    cr_assert_eq(memory[0], 1);
    cr_assert_eq(memory[PAGE], 2);
    cr_assert(rsmi_mem_pages_recall(&pages, memory, false));
    cr_assert_eq(memory[0], 1);
    cr_assert_eq(memory[PAGE], 2);
    rsmi_mem_pages_destroy(&pages, false);
}
