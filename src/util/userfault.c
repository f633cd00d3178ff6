/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/userfault.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY /* Linux 5.11 */
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef USERFAULTFD_IOC_NEW /* Linux 6.1 */
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

#define USERFAULT_FLAGS (O_CLOEXEC | O_NONBLOCK)

/* Who may open the device may have all of it. */
static int userfault_from_device(void)
{
    int device, fd;

    device = (int)syscall(SYS_openat, AT_FDCWD, "/dev/userfaultfd",
                          O_RDWR | O_CLOEXEC);
    if (device < 0) {
        return -1;
    }
    fd = ioctl(device, USERFAULTFD_IOC_NEW, USERFAULT_FLAGS);
    (void)close(device);
    return fd;
}

static void userfault_request(rsmi_userfault_t *userfault_p)
{
    int fd;

    fd = (int)syscall(SYS_userfaultfd, USERFAULT_FLAGS);
    if ((fd < 0) && (errno == EPERM)) {
        fd = userfault_from_device();
    }
    userfault_p->holds_kernel = (fd >= 0);
    if (fd < 0) {
        fd = (int)syscall(SYS_userfaultfd,
                          USERFAULT_FLAGS | UFFD_USER_MODE_ONLY);
    }
    userfault_p->fd = rsmi_fd_raise(fd);
}

/* A descriptor is asked for its features once; kernels refuse what they do not
 * know. */
static void userfault_try(rsmi_userfault_t *userfault_p, uint64_t features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    int error;

    userfault_request(userfault_p);
    if (userfault_p->fd < 0) {
        return;
    }
    if (ioctl(userfault_p->fd, UFFDIO_API, &api) != 0) {
        error = errno;
        (void)close(userfault_p->fd);
        userfault_p->fd = -1;
        errno = error;
    }
    userfault_p->features = features;
}

void rsmi_userfault_open(rsmi_userfault_t *userfault_p)
{
    static const uint64_t features[] = {
        UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
            UFFD_FEATURE_WP_UNPOPULATED,
        UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
        UFFD_FEATURE_PAGEFAULT_FLAG_WP};
    size_t idx;

    userfault_p->fd = -1;
    for (idx = 0; (idx < sizeof(features) / sizeof(features[0])) &&
                  (userfault_p->fd < 0);
         ++idx) {
        userfault_try(userfault_p, features[idx]);
    }
}
