/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/mem.h"

#include "util/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWEEP_FOLDER "/dev/shm"
#define SWEEP_PREFIX "ucx_shm_posix_"

/* The kernel grants a lease for writing only on a file that nobody else has
 * open, mappings included; who makes one has it open all the time. */
static bool sweep_is_orphan(int folder, const char *name)
{
    struct stat status;
    bool is_orphan;
    int fd;

    fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    is_orphan = (fstat(fd, &status) == 0) && S_ISREG(status.st_mode) &&
                (status.st_uid == geteuid()) &&
                (fcntl(fd, F_SETLEASE, F_WRLCK) == 0);
    (void)close(fd);
    return is_orphan;
}

void rsmi_mem_sweep(void)
{
    struct dirent *entry;
    DIR *folder;

    folder = opendir(SWEEP_FOLDER);
    if (folder == NULL) {
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if ((strncmp(entry->d_name, SWEEP_PREFIX, strlen(SWEEP_PREFIX)) == 0) &&
            sweep_is_orphan(dirfd(folder), entry->d_name)) {
            rsmi_debug("mem", "removing %s, which a killed process left",
                       entry->d_name);
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    (void)closedir(folder);
}
