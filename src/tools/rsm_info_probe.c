/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of this process's surroundings: variables, launcher, limits. */
#include "rsm_info.h"

#include "util/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#define MIB (UINT64_C(1) << 20)

/* Docker's default, which two or three segments fill. */
#define SHM_ENOUGH         (256 * MIB)
#define DESCRIPTORS_ENOUGH 1024
#define LOCKABLE_ENOUGH    (64 * MIB)

void probe_variables(check_t *check)
{
    rsmi_config_row_t row;
    const char *variable;
    const char *nearest;
    size_t cursor = 0;
    size_t is_set = 0;
    size_t idx;

    for (idx = 0; idx < rsmi_config_count(); idx++) {
        rsmi_config_row(idx, &row);
        is_set += row.is_set;
        if (!row.is_valid) {
            check_set(check, CHECK_FAIL, "%s has the value \"%s\"", row.name,
                      row.value);
            check_advise(check, "accepted is %s; change or unset the variable",
                         row.range);
            return;
        }
    }

    variable = rsmi_config_next_unknown(&cursor, &nearest);
    if (variable != NULL) {
        check_set(check, CHECK_WARN, "%.*s is none of librsm's",
                  (int)strcspn(variable, "="), variable);
        check_advise(check, "nearest known name: %s; see \"rsm_info config\"",
                     (nearest != NULL) ? nearest : "none");
        return;
    }
    check_set(check, CHECK_PASS, "%zu set, all understood", is_set);
}

void probe_launcher(check_t *check, int start_rc)
{
    const char *boot = getenv("RSM_BOOT");
    const char *job = getenv("PMIX_NAMESPACE");
    const char *rank = getenv("PMIX_RANK");

    if (start_rc == RSMERR_REMOTE_NODE_UNREACHABLE) {
        check_set(check, CHECK_FAIL,
                  "there is one without a PMIx server for this process; the "
                  "message on standard error names it");
        check_advise(check, "start with mpirun of Open MPI, prterun or "
                            "srun --mpi=pmix, or set RSM_BOOT=single to make "
                            "each process a job of its own");
    } else if ((boot != NULL) && (strcasecmp(boot, "single") == 0)) {
        check_set(check, CHECK_PASS,
                  "RSM_BOOT is single: this process is a job of its own");
    } else if ((job != NULL) && (rank != NULL)) {
        check_set(check, CHECK_PASS, "PMIx, rank %s of job %s", rank, job);
    } else {
        check_set(check, CHECK_PASS, "none: this process is a job of its own");
    }
}

void probe_shared_memory(check_t *check)
{
    struct statvfs space;
    char total[32], left[32];
    uint64_t bytes;

    if (statvfs("/dev/shm", &space) != 0) {
        check_set(check, CHECK_FAIL, "/dev/shm: %s", strerror(errno));
        check_advise(check, "mount it: mount -t tmpfs tmpfs /dev/shm");
        return;
    }

    bytes = (uint64_t)space.f_bavail * space.f_frsize;
    info_format_bytes(left, sizeof(left), bytes);
    info_format_bytes(total, sizeof(total),
                      (uint64_t)space.f_blocks * space.f_frsize);
    check_set(check, CHECK_PASS, "%s of %s free in /dev/shm", left, total);
    if (bytes < SHM_ENOUGH) {
        check->status = CHECK_WARN;
        check_advise(check, "exported memory has to fit in; free space there, "
                            "mount -o remount,size=... /dev/shm, or start the "
                            "container with a larger --shm-size");
    }
}

static size_t descriptors_in_use(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    if (folder == NULL) {
        return 0;
    }
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return (count > 3) ? count - 3 : 0; /* ".", "..", and the folder's own */
}

void probe_descriptors(check_t *check)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        check_set(check, CHECK_WARN, "limit unknown: %s", strerror(errno));
        return;
    }
    check_set(check, CHECK_PASS, "%zu in use, limit %llu", descriptors_in_use(),
              (unsigned long long)limit.rlim_cur);
    if (limit.rlim_cur < DESCRIPTORS_ENOUGH) {
        check->status = CHECK_WARN;
        check_advise(check,
                     "each peer and each segment takes some; raise the "
                     "limit with \"ulimit -n\" (at most %llu here)",
                     (unsigned long long)limit.rlim_max);
    }
}

/* Only InfiniBand pins memory. */
static bool has_pinning_device(void)
{
    DIR *folder = opendir("/sys/class/infiniband");
    const struct dirent *entry;
    bool is_there = false;

    if (folder == NULL) {
        return false;
    }
    while ((entry = readdir(folder)) != NULL) {
        is_there = is_there || (entry->d_name[0] != '.');
    }
    (void)closedir(folder);
    return is_there;
}

void probe_lockable_memory(check_t *check)
{
    struct rlimit limit;
    char text[32];

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        check_set(check, CHECK_WARN, "limit unknown: %s", strerror(errno));
        return;
    }
    if (limit.rlim_cur == RLIM_INFINITY) {
        check_set(check, CHECK_PASS, "unlimited");
        return;
    }

    info_format_bytes(text, sizeof(text), limit.rlim_cur);
    if (!has_pinning_device()) {
        check_set(check, CHECK_PASS, "%s; no device here needs any", text);
        return;
    }
    check_set(check, CHECK_PASS, "%s", text);
    if (limit.rlim_cur < LOCKABLE_ENOUGH) {
        check->status = CHECK_WARN;
        check_advise(check, "InfiniBand pins exported memory; raise the limit "
                            "with \"ulimit -l unlimited\" or in "
                            "/etc/security/limits.conf");
    }
}
