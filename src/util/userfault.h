/* SPDX-License-Identifier: BSD-3-Clause */
/* userfaultfd(2) with protection against writing, as far as this process may
 * have it. */
#ifndef RSMI_USERFAULT_H
#define RSMI_USERFAULT_H

#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>

/* The headers that we are built with may be older than the kernel. */
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM /* Linux 5.19 */
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED /* Linux 6.4 */
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

typedef struct {
    int fd;            /* -1: it is not to be had, errno says why */
    uint64_t features; /* UFFD_FEATURE_*, those of the above that it has */
    bool holds_kernel; /* also what the kernel writes in a system call */
} rsmi_userfault_t;

void rsmi_userfault_open(rsmi_userfault_t *userfault_p);

#endif
