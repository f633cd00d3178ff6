/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "rsmapi.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void *rsmi_mem_reserve(size_t size)
{
    void *addr;

    addr = mmap(NULL, size, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return (addr == MAP_FAILED) ? NULL : addr;
}

bool rsmi_mem_commit(void *addr, size_t size)
{
    return mprotect(addr, size, PROT_READ | PROT_WRITE) == 0;
}

/* Loads behind the end of a file would be a SIGBUS. */
static int view_check(int fd, off_t offset, size_t size)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    return ((offset >= 0) && (offset <= status.st_size) &&
            (size <= (size_t)(status.st_size - offset)))
               ? RSM_SUCCESS
               : RSMERR_INTERNAL_ERROR;
}

static int view_show(void **addr_p, size_t size, int fd, off_t offset, int prot,
                     int flags)
{
    int rc = view_check(fd, offset, size);
    void *got;

    if (rc != RSM_SUCCESS) {
        return rc;
    }
    got = mmap(*addr_p, size, prot, MAP_SHARED | flags, fd, offset);
    if (got == MAP_FAILED) {
        rsmi_debug("mem", "mmap of %zu bytes of a peer: %s", size,
                   strerror(errno));
        return (errno == EACCES) ? RSMERR_PERM_DENIED : RSMERR_INSUFFICIENT_MEM;
    }
    (void)madvise(got, size, MADV_DONTFORK);
    *addr_p = got;
    return RSM_SUCCESS;
}

int rsmi_mem_show(void *addr, size_t size, int fd, off_t offset, int prot)
{
    return view_show(&addr, size, fd, offset, prot, MAP_FIXED);
}

int rsmi_mem_show_anywhere(size_t size, int fd, off_t offset, int prot,
                           void **addr_p)
{
    *addr_p = NULL;
    return view_show(addr_p, size, fd, offset, prot, 0);
}

/* mremap with an old size of 0 maps the same shared pages a second time. The
 * bare system call, because UCX's replacement drops the fifth argument. */
int rsmi_mem_show_again(void *addr, const void *source, size_t size, int prot)
{
    void *got;

    got = (void *)syscall(SYS_mremap, source, 0, size,
                          MREMAP_MAYMOVE | MREMAP_FIXED, addr);
    if (got != addr) {
        rsmi_debug("mem", "mremap of %zu bytes: %s", size, strerror(errno));
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (mprotect(addr, size, prot) != 0) {
        return RSMERR_PERM_DENIED;
    }
    (void)madvise(addr, size, MADV_DONTFORK);
    return RSM_SUCCESS;
}

void rsmi_mem_blank(void *addr, size_t size, int prot)
{
    if (mmap(addr, size, prot,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) != addr) {
        /* Splitting a mapping may exceed the limit of mappings; what must
         * not stay reachable is taken away all the same. */
        rsmi_error("mem", "replacing %zu bytes by blank pages: %s", size,
                   strerror(errno));
        (void)mprotect(addr, size, PROT_NONE);
    }
}

void rsmi_mem_unmap(void *addr, size_t size)
{
    (void)munmap(addr, size);
}
