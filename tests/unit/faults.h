/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of the library that can be made to fail, by number. */
#ifndef FAULTS_H
#define FAULTS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define FAULTS_BLOCKS 65536 /* a power of two */

static struct {
    _Atomic bool is_on;
    _Atomic unsigned long calls;
    _Atomic unsigned long failing;    /* 0: none */
    const char *_Atomic failing_name; /* or the first of this name */
    pthread_mutex_t lock;
    void *blocks[FAULTS_BLOCKS]; /* by address; (void *)1: was one */
    long count;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What each call was, in memory that the processes share. */
static struct {
    char name[32];
} * faults_names;

#define FAULTS_NAMES 8192

static inline void faults_remember(unsigned long number, const char *name)
{
    if ((faults_names != NULL) && (number < FAULTS_NAMES)) {
        (void)strncpy(faults_names[number].name, name,
                      sizeof(faults_names[number].name) - 1);
    }
}

static inline const char *faults_name(unsigned long number)
{
    return ((faults_names != NULL) && (number < FAULTS_NAMES))
               ? faults_names[number].name
               : "?";
}

/* Whether this call is the one that fails. */
static inline bool faults_hit(const char *name, int error)
{
    const char *wanted;
    unsigned long number;

    if (!atomic_load(&faults.is_on)) {
        return false;
    }
    number = atomic_fetch_add(&faults.calls, 1) + 1;
    faults_remember(number, name);
    wanted = atomic_load(&faults.failing_name);
    if ((wanted != NULL) && (strcmp(name, wanted) == 0) &&
        atomic_compare_exchange_strong(&faults.failing_name, &wanted, NULL)) {
        errno = error;
        return true;
    }
    if (number != atomic_load(&faults.failing)) {
        return false;
    }
    errno = error;
    return true;
}

static inline void faults_begin(unsigned long failing)
{
    atomic_store(&faults.calls, 0);
    atomic_store(&faults.failing, failing);
    atomic_store(&faults.is_on, true);
}

static inline void faults_begin_with(const char *name)
{
    atomic_store(&faults.failing_name, name);
    faults_begin(0);
}

static inline unsigned long faults_end(void)
{
    atomic_store(&faults.is_on, false);
    return atomic_load(&faults.calls);
}

/* --- leaks ----------------------------------------------------------------- */

static inline size_t faults_slot(const void *block)
{
    return ((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 40 &
           (FAULTS_BLOCKS - 1);
}

static inline void *faults_enter(void *block)
{
    size_t slot = faults_slot(block);

    if (block == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&faults.lock);
    while ((uintptr_t)faults.blocks[slot] > 1) {
        slot = (slot + 1) & (FAULTS_BLOCKS - 1);
    }
    faults.blocks[slot] = block;
    ++faults.count;
    (void)pthread_mutex_unlock(&faults.lock);
    return block;
}

static inline void faults_leave(const void *block)
{
    size_t slot = faults_slot(block);

    (void)pthread_mutex_lock(&faults.lock);
    while ((block != NULL) && (faults.blocks[slot] != NULL)) {
        if (faults.blocks[slot] == block) {
            faults.blocks[slot] = (void *)1;
            --faults.count;
            break;
        }
        slot = (slot + 1) & (FAULTS_BLOCKS - 1);
    }
    (void)pthread_mutex_unlock(&faults.lock);
}

typedef struct {
    long blocks;
    long files;
} faults_count_t;

static inline void faults_look(faults_count_t *count_p)
{
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/fd");

    count_p->files = 0;
    while ((folder != NULL) && ((entry = readdir(folder)) != NULL)) {
        ++count_p->files;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    (void)pthread_mutex_lock(&faults.lock);
    count_p->blocks = faults.count;
    (void)pthread_mutex_unlock(&faults.lock);
}

/* --- what the linker leads here --------------------------------------------- */

/* The real one, its replacement, and what it returns when it fails. */
#define FAULTS_WRAP(type, name, parameters, arguments, error, failed)         \
    type __real_##name parameters;                                            \
    type __wrap_##name parameters;                                            \
    type __wrap_##name parameters                                             \
    {                                                                         \
        return faults_hit(#name, error) ? (failed) : __real_##name arguments; \
    }

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
int __real_open(const char *path, int flags, ...);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
int __wrap_open(const char *path, int flags, ...);

void *__wrap_malloc(size_t size)
{
    return faults_hit("malloc", ENOMEM) ? NULL
                                        : faults_enter(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return faults_hit("calloc", ENOMEM)
               ? NULL
               : faults_enter(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    void *grown;

    if (faults_hit("realloc", ENOMEM)) {
        return NULL;
    }
    faults_leave(block);
    grown = __real_realloc(block, size);
    (void)faults_enter((grown != NULL) ? grown : block);
    return grown;
}

void __wrap_free(void *block)
{
    faults_leave(block);
    __real_free(block);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    return faults_hit("open", EMFILE) ? -1 : __real_open(path, flags, mode);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* Those that pages are exchanged with. */
static inline bool faults_hit_syscall(long number)
{
    switch (number) {
    case SYS_mmap:
        return faults_hit("syscall mmap", ENOMEM);
    case SYS_mremap:
        return faults_hit("syscall mremap", ENOMEM);
    case SYS_pwrite64:
        return faults_hit("syscall pwrite", ENOSPC);
    case SYS_pread64:
        return faults_hit("syscall pread", ENOMEM);
    case SYS_userfaultfd:
        return faults_hit("syscall userfaultfd", EMFILE);
    case SYS_ioctl:
        return faults_hit("syscall ioctl", ENOMEM);
    default:
        return false;
    }
}

/* How many arguments there are only the kernel knows. AddressSanitizer must not
 * mind that those which are not there are handed on as well. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
    long arguments[6];
    va_list args;
    size_t idx;

    va_start(args, number);
    for (idx = 0; idx < 6; ++idx) {
        arguments[idx] = va_arg(args, long);
    }
    va_end(args);
    return faults_hit_syscall(number)
               ? -1
               : __real_syscall(number, arguments[0], arguments[1],
                                arguments[2], arguments[3], arguments[4],
                                arguments[5]);
}

FAULTS_WRAP(void *, mmap,
            (void *addr, size_t size, int prot, int flags, int fd, off_t at),
            (addr, size, prot, flags, fd, at), ENOMEM, MAP_FAILED)
FAULTS_WRAP(int, mprotect, (void *addr, size_t size, int prot),
            (addr, size, prot), ENOMEM, -1)
FAULTS_WRAP(int, memfd_create, (const char *name, unsigned flags),
            (name, flags), EMFILE, -1)
FAULTS_WRAP(int, ftruncate, (int fd, off_t size), (fd, size), ENOSPC, -1)
FAULTS_WRAP(int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
FAULTS_WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), EPERM, -1)
FAULTS_WRAP(int, posix_fallocate, (int fd, off_t at, off_t size),
            (fd, at, size), ENOSPC, ENOSPC)
FAULTS_WRAP(int, pipe2, (int *ends, int flags), (ends, flags), EMFILE, -1)
FAULTS_WRAP(int, epoll_ctl,
            (int epoll, int operation, int fd, struct epoll_event *event),
            (epoll, operation, fd, event), ENOMEM, -1)
FAULTS_WRAP(ssize_t, send, (int fd, const void *bytes, size_t size, int flags),
            (fd, bytes, size, flags), ECONNRESET, -1)
FAULTS_WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags),
            (fd, msg, flags), ETOOMANYREFS, -1)
FAULTS_WRAP(ssize_t, recv, (int fd, void *bytes, size_t size, int flags),
            (fd, bytes, size, flags), ECONNRESET, -1)
FAULTS_WRAP(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags),
            (fd, msg, flags), ECONNRESET, -1)
FAULTS_WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode),
            EMFILE, NULL)

/* --- without being counted --------------------------------------------------- */

static inline void *faults_pages(size_t size)
{
    void *pages = __real_mmap(NULL, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return (pages == MAP_FAILED) ? NULL : pages;
}

static inline void faults_free_pages(void *pages, size_t size)
{
    (void)munmap(pages, size);
}

#endif
