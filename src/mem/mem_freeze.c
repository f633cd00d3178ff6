/* SPDX-License-Identifier: BSD-3-Clause */
/* Writers are held up by userfaultfd(2): a page that it protects against
 * writing sends them to sleep until the protection is taken away, or until the
 * page is another one and they are woken to try again. Nobody reads the
 * descriptor; it takes no thread.
 *
 * Not everybody may have writes by the kernel held up, which system calls make
 * on behalf of other threads: a privilege, vm.unprivileged_userfaultfd, or
 * access to /dev/userfaultfd. Without, such a system call fails with EFAULT if
 * it writes to the range in these microseconds, while stores are held up just
 * the same. That is kept all the same: the alternative is that what the system
 * call wrote is lost, and nobody is told. */
#include "mem/mem_freeze.h"

#include "mem/mem.h"
#include "util/log.h"
#include "util/userfault.h"
#include "util/valgrind.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#endif

/* What a call below the one that freezes may need of the stack, and what the
 * frames above it may still store to. */
#define FREEZE_STACK_BELOW ((size_t)64 << 10)
#define FREEZE_STACK_ABOVE ((size_t)4 << 10)

/* At the address of a thread stands what the kernel and the C library keep of
 * it; the kernel stores there at any time, as a rule its processor's number. */
#define FREEZE_THREAD ((size_t)4 << 10)

/* As the kernel takes them; the C library would leave its own ones out. */
#define FREEZE_SIGNALS UINT64_MAX

/* Opened when it is first needed and kept: to close one costs time for each
 * mapping of the process. */
static struct {
    bool is_known;
    pid_t pid; /* a child of fork has it, but it means the parent */
    rsmi_userfault_t userfault;
} freeze = {.userfault.fd = -1};

static void freeze_start(void)
{
    freeze.is_known = true;
    freeze.pid = getpid();
    if (rsmi_is_valgrind()) {
        return; /* runs one thread at a time, and does not know these calls */
    }
    rsmi_userfault_open(&freeze.userfault);
    if (freeze.userfault.fd < 0) {
        rsmi_debug("mem", "writers cannot be held up: userfaultfd: %s",
                   strerror(errno));
        /* A lack of descriptors passes. */
        freeze.is_known = (errno != EMFILE) && (errno != ENFILE);
    }
}

static bool freeze_tell(unsigned long request, void *what)
{
    return syscall(SYS_ioctl, freeze.userfault.fd, request, what) == 0;
}

static bool freeze_is_within(const rsmi_mem_frozen_t *frozen, const void *what,
                             size_t below, size_t above)
{
    uintptr_t start = (uintptr_t)frozen->start;
    uintptr_t addr = (uintptr_t)what;

    return (addr + above > start) && (addr < start + frozen->size + below);
}

/* A thread that the kernel holds up cannot thaw what holds it. */
static bool freeze_is_our_own(const rsmi_mem_frozen_t *frozen)
{
    return freeze_is_within(frozen, __builtin_frame_address(0),
                            FREEZE_STACK_BELOW, FREEZE_STACK_ABOVE) ||
           freeze_is_within(frozen, (void *)pthread_self(), 0, FREEZE_THREAD) ||
           freeze_is_within(frozen, &errno, 0, sizeof(errno));
}

static void freeze_end(const rsmi_mem_frozen_t *frozen)
{
    struct uffdio_range range = {.start = (uintptr_t)frozen->start,
                                 .len = frozen->size};

    /* If the kernel cannot let go of the range, it lets go of everything. */
    if (!freeze_tell(UFFDIO_UNREGISTER, &range) ||
        !freeze_tell(UFFDIO_WAKE, &range)) {
        (void)syscall(SYS_close, freeze.userfault.fd);
        freeze.userfault.fd = -1;
        freeze.is_known = false;
    }
}

static bool freeze_begin(const rsmi_mem_frozen_t *frozen)
{
    struct uffdio_register what = {
        .range = {.start = (uintptr_t)frozen->start, .len = frozen->size},
        .mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect protect = {.range = what.range,
                                          .mode = UFFDIO_WRITEPROTECT_MODE_WP};

    /* Pages that are not there could not be protected. */
    if (((freeze.userfault.features & UFFD_FEATURE_WP_UNPOPULATED) == 0) &&
        (syscall(SYS_madvise, frozen->start, frozen->size,
                 MADV_POPULATE_READ) != 0)) {
        return false;
    }
    if (!freeze_tell(UFFDIO_REGISTER, &what)) {
        return false;
    }
    if (!freeze_tell(UFFDIO_WRITEPROTECT, &protect)) {
        freeze_end(frozen);
        return false;
    }
    return true;
}

/* Not frozen is what holds this thread's own stack or what the C library keeps
 * of the thread; private pages of a file, as the initialised variables of a
 * program are, and shared ones before Linux 5.19, which the kernel does not
 * protect in this way; and nothing at all where userfaultfd is not to be had,
 * under valgrind, and in the child of a fork, where there is no other thread. */
void rsmi_mem_freeze(rsmi_mem_frozen_t *frozen, char *start, size_t size)
{
    uint64_t all = FREEZE_SIGNALS;

    frozen->start = start;
    frozen->size = size;
    frozen->is_held = false;
    if (!freeze.is_known) {
        freeze_start();
    }
    /* All, even those that tell of a crash: their handlers might store. */
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &frozen->signals,
                  sizeof(all));
    if ((freeze.userfault.fd >= 0) && (freeze.pid == getpid()) &&
        !freeze_is_our_own(frozen)) {
        frozen->is_held = freeze_begin(frozen);
    }
}

void rsmi_mem_thaw(rsmi_mem_frozen_t *frozen)
{
    if (frozen->is_held) {
        freeze_end(frozen);
        frozen->is_held = false;
    }
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &frozen->signals, NULL,
                  sizeof(frozen->signals));
}
