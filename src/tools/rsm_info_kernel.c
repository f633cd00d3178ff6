/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of what the kernel lets this process do. */
#include "rsm_info.h"

#include "util/userfault.h"

#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel gives its first namespaces these numbers, always. */
#define FIRST_USER_NAMESPACE "user:[4026531837]"
#define FIRST_PID_NAMESPACE  "pid:[4026531836]"

#define SYSV_SEGMENTS_ENOUGH 128

/* False when the file cannot be read or holds no number. */
static bool kernel_read_number(const char *path, long *value_p)
{
    FILE *file = fopen(path, "re");
    bool is_read;

    if (file == NULL) {
        return false;
    }
    is_read = (fscanf(file, "%ld", value_p) == 1);
    (void)fclose(file);
    return is_read;
}

void probe_processors(check_t *check)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed;
    int count;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        check_set(check, CHECK_PASS, "%ld, use of all is assumed", online);
        return;
    }
    count = CPU_COUNT(&allowed);
    check_set(check, CHECK_PASS, "%d of %ld may be used", count, online);
    if (count > 1) {
        return;
    }

    check->status = CHECK_WARN;
    if (online > 1) {
        check_advise(check, "this process is bound to one processor, which the "
                            "service thread shares with the program; mpirun "
                            "binds so by default: use --bind-to none or "
                            "--map-by slot:pe=2");
    } else {
        check_advise(check, "the service thread and the program take turns; "
                            "remote accesses wait for a turn");
    }
}

static bool kernel_is_namespace(const char *path, const char *name)
{
    char link[64];
    ssize_t len = readlink(path, link, sizeof(link) - 1);

    if (len < 0) {
        return true; /* a kernel without namespaces, or no /proc */
    }
    link[len] = '\0';
    return strcmp(link, name) == 0;
}

void probe_namespaces(check_t *check)
{
    bool is_user =
        kernel_is_namespace("/proc/self/ns/user", FIRST_USER_NAMESPACE);
    bool is_pid = kernel_is_namespace("/proc/self/ns/pid", FIRST_PID_NAMESPACE);

    if (is_user && is_pid) {
        check_set(check, CHECK_PASS, "the host's users and processes");
    } else if (is_user) {
        check_set(check, CHECK_PASS,
                  "processes of a container, the host's users");
    } else {
        check_set(check, CHECK_WARN, "users of a container%s",
                  is_pid ? "" : ", and its processes");
        check_advise(check,
                     "processes outside of it seem to be of another user; "
                     "start all processes of a job inside of one container, "
                     "or publish with permissions for others");
    }
}

void probe_ptrace(check_t *check)
{
    long scope;

    if (!kernel_read_number("/proc/sys/kernel/yama/ptrace_scope", &scope) ||
        (scope == 0)) {
        check_set(check, CHECK_PASS, "not restricted");
        return;
    }
    /* librsm passes descriptors, so nothing is lost */
    check_set(check, CHECK_PASS,
              "ptrace_scope is %ld; librsm does not need more", scope);
}

void probe_sysv(check_t *check)
{
    long limit;

    if (!kernel_read_number("/proc/sys/kernel/shmmni", &limit)) {
        check_set(check, CHECK_PASS, "no limit known");
        return;
    }
    check_set(check, CHECK_PASS, "at most %ld segments", limit);
    if (limit < SYSV_SEGMENTS_ENOUGH) {
        check->status = CHECK_WARN;
        check_advise(check, "UCX needs some for itself: "
                            "sysctl -w kernel.shmmni=4096");
    }
}

void probe_membarrier(check_t *check)
{
    long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

    if (commands < 0) {
        check_set(check, CHECK_WARN, "refused: %s", strerror(errno));
        check_advise(check, "a container's system call filter is the usual "
                            "cause; librsm then frees objects later");
    } else if ((commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) {
        check_set(check, CHECK_WARN, "only the slow form");
        check_advise(check, "use Linux 4.14 or later");
    } else {
        check_set(check, CHECK_PASS, "offered");
    }
}

void probe_userfault(check_t *check)
{
    rsmi_userfault_t userfault;

    rsmi_userfault_open(&userfault);
    if (userfault.fd < 0) {
        check_set(check, CHECK_WARN, "not to be had: %s", strerror(errno));
        check_advise(check,
                     "a container's system call filter or a kernel before 5.11 "
                     "is the usual cause; no thread may then write to memory "
                     "that is just being exported or destroyed, see "
                     "rsm_threads(7)");
        return;
    }
    (void)close(userfault.fd);
    if ((userfault.features & UFFD_FEATURE_WP_HUGETLBFS_SHMEM) == 0) {
        check_set(check, CHECK_WARN, "for private pages only");
        check_advise(check, "use Linux 5.19 or later, or let no thread write "
                            "to memory that is just being destroyed");
    } else if (!userfault.holds_kernel) {
        check_set(check, CHECK_PASS,
                  "for stores; with vm.unprivileged_userfaultfd=1 or access to "
                  "/dev/userfaultfd also for system calls");
    } else {
        check_set(check, CHECK_PASS, "offered");
    }
}
