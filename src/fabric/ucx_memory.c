/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include "util/help.h"
#include "util/limit.h"
#include "util/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utlist.h>

/* Between the look at the next free descriptor and its use by UCX. */
static rsmi_lock_t memory_alloc_lock = RSMI_LOCK_INIT;

/* Free bytes where UCX makes its posix shared memory. */
static size_t memory_room(void)
{
    const char *dir = getenv("UCX_POSIX_DIR");
    struct statvfs stat;

    if (statvfs((dir != NULL) ? dir : "/dev/shm", &stat) != 0) {
        return SIZE_MAX;
    }

    /* A tmpfs without limit says zero blocks in all. */
    return (stat.f_blocks == 0) ? SIZE_MAX
                                : (size_t)stat.f_bavail * stat.f_frsize;
}

bool rsmi_fabric_memory_has_room(size_t size)
{
    size_t room = memory_room();

    if (room < size) {
        rsmi_help(RSMI_HELP_SHM_FULL, size, room);
        return false;
    }

    return true;
}

static void memory_unmap(ucp_context_h context, ucp_mem_h memh)
{
    ucs_status_t status = ucp_mem_unmap(context, memh);

    if (status != UCS_OK) {
        rsmi_error("fabric", "ucp_mem_unmap failed: %s",
                   ucs_status_string(status));
    }
}

static int memory_map(rsmi_fabric_domain_t *domain, void *addr, size_t size,
                      unsigned flags, rsmi_fabric_mem_t **mem_p)
{
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS |
                      UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      UCP_MEM_MAP_PARAM_FIELD_FLAGS,
        .address = addr,
        .length = size,
        .flags = flags,
    };
    rsmi_fabric_mem_t *mem;
    ucs_status_t status;

    mem = calloc(1, sizeof(*mem));
    if (mem == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    status = ucp_mem_map(domain->context, &params, &mem->memh);
    if (status != UCS_OK) {
        rsmi_error("fabric", "ucp_mem_map of %zu bytes by transports %s: %s",
                   size, domain->tls, ucs_status_string(status));
        free(mem);
        return (status == UCS_ERR_IO_ERROR) ? RSMERR_INSUFFICIENT_MEM
                                            : rsmi_fabric_setup_error(status);
    }

    mem->domain = domain;
    mem->addr = addr;
    if (rsmi_fabric_must_wire(domain) &&
        !rsmi_fabric_range_add(&domain->ranges, (uintptr_t)addr, size)) {
        memory_unmap(domain->context, mem->memh);
        free(mem);
        return RSMERR_INSUFFICIENT_MEM;
    }
    rsmi_fabric_setup_lock();
    DL_APPEND(domain->mems, mem);
    rsmi_fabric_setup_unlock();
    *mem_p = mem;
    return RSM_SUCCESS;
}

/* --- the descriptor behind an allocation --------------------------------- */

/* Device and inode of the file that is mapped at @p addr. */
static bool memory_find_file(const void *addr, dev_t *dev_p, ino_t *inode_p)
{
    unsigned long inode;
    uintptr_t begin;
    uintptr_t end;
    unsigned major;
    unsigned minor;
    bool is_found = false;
    char line[512];
    FILE *maps;

    maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) {
        return false;
    }

    while (!is_found && (fgets(line, sizeof(line), maps) != NULL)) {
        is_found = (sscanf(line, "%lx-%lx %*s %*x %x:%x %lu", &begin, &end,
                           &major, &minor, &inode) == 5) &&
                   (begin <= (uintptr_t)addr) && ((uintptr_t)addr < end);
    }

    (void)fclose(maps);
    if (is_found) {
        *dev_p = makedev(major, minor);
        *inode_p = inode;
    }
    return is_found;
}

static bool memory_is_fd_of(int fd, dev_t dev, ino_t inode)
{
    struct stat stat;

    return (fstat(fd, &stat) == 0) && (stat.st_dev == dev) &&
           (stat.st_ino == inode);
}

/* The descriptor that UCX keeps open for the file mapped at @p addr. UCX has
 * no call that tells it, but it is the lowest that was free, @p hint, unless
 * some thread opened or closed a file meanwhile. */
static int memory_find_fd(const void *addr, int hint)
{
    struct dirent *entry;
    ino_t inode;
    int fd = -1;
    dev_t dev;
    DIR *dir;

    if (!memory_find_file(addr, &dev, &inode)) {
        return -1;
    }

    if (memory_is_fd_of(hint, dev, inode)) {
        return hint;
    }

    dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return -1;
    }

    while ((fd < 0) && ((entry = readdir(dir)) != NULL)) {
        if ((entry->d_name[0] != '.') &&
            memory_is_fd_of(atoi(entry->d_name), dev, inode)) {
            fd = atoi(entry->d_name);
        }
    }

    (void)closedir(dir);
    return fd;
}

/* UCX opens the file with mode 0600, of which the process's umask may take
 * bits; other processes open it through /proc and need both. */
static void memory_mend_mode(int fd)
{
    struct stat stat;

    if ((fstat(fd, &stat) == 0) && ((stat.st_mode & 0600) != 0600)) {
        (void)fchmod(fd, 0600);
    }
}

/* The lowest descriptor that is free, -1 when there is none. */
static int memory_probe_fd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    if (fd >= 0) {
        (void)close(fd);
        return fd;
    }

    rsmi_help(RSMI_HELP_NO_DESCRIPTORS, rsmi_limit_descriptors());
    return -1;
}

/* --- the interface ------------------------------------------------------- */

static int memory_alloc_posix(rsmi_fabric_domain_t *domain, size_t size,
                              rsmi_fabric_mem_t **mem_p, void **addr_p,
                              int *fd_p)
{
    ucp_mem_attr_t attr = {.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS};
    rsmi_fabric_mem_t *mem;
    int hint;
    int rc;

    hint = memory_probe_fd();
    if (hint < 0) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    rc = memory_map(domain, NULL, size, UCP_MEM_MAP_ALLOCATE, &mem);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    if (ucp_mem_query(mem->memh, &attr) != UCS_OK) {
        rsmi_fabric_release(mem);
        return RSMERR_INTERNAL_ERROR;
    }

    *fd_p = memory_find_fd(attr.address, hint);
    if (*fd_p >= 0) {
        memory_mend_mode(*fd_p);
    }

    *mem_p = mem;
    *addr_p = attr.address;
    return RSM_SUCCESS;
}

int rsmi_fabric_alloc(size_t size, rsmi_fabric_mem_t **mem_p, void **addr_p,
                      int *fd_p)
{
    rsmi_fabric_domain_t *domain;
    int rc;

    rc = rsmi_fabric_domain_get(RSMI_FABRIC_SHM, &domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    if (!rsmi_fabric_memory_has_room(size)) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    rsmi_lock(&memory_alloc_lock);
    rc = memory_alloc_posix(domain, size, mem_p, addr_p, fd_p);
    rsmi_unlock(&memory_alloc_lock);
    return rc;
}

int rsmi_fabric_register(rsmi_fabric_kind_t kind, void *addr, size_t size,
                         rsmi_fabric_mem_t **mem_p)
{
    rsmi_fabric_domain_t *domain;
    int rc;

    rc = rsmi_fabric_domain_get(kind, &domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    return memory_map(domain, addr, size, 0, mem_p);
}

void rsmi_fabric_release(rsmi_fabric_mem_t *mem)
{
    if (mem == NULL) {
        return;
    }

    rsmi_fabric_range_remove(&mem->domain->ranges, (uintptr_t)mem->addr);
    rsmi_fabric_setup_lock();
    DL_DELETE(mem->domain->mems, mem);
    rsmi_fabric_setup_unlock();

    memory_unmap(mem->domain->context, mem->memh);
    free(mem);
}

void rsmi_fabric_memory_free_all(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_mem_t *mem;

    rsmi_fabric_range_clear(&domain->ranges);
    while (domain->mems != NULL) {
        mem = domain->mems;
        DL_DELETE(domain->mems, mem);
        memory_unmap(domain->context, mem->memh);
        free(mem);
    }
}

int rsmi_fabric_pack(rsmi_fabric_mem_t *mem, void **blob_p, size_t *size_p)
{
    ucs_status_t status;
    void *packed;
    size_t size;
    void *blob;

    status = ucp_rkey_pack(mem->domain->context, mem->memh, &packed, &size);
    if (status != UCS_OK) {
        rsmi_error("fabric", "ucp_rkey_pack failed: %s",
                   ucs_status_string(status));
        return rsmi_fabric_setup_error(status);
    }

    blob = malloc(size);
    if (blob != NULL) {
        memcpy(blob, packed, size);
    }

    ucp_rkey_buffer_release(packed);
    if (blob == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    *blob_p = blob;
    *size_p = size;
    return RSM_SUCCESS;
}

size_t rsmi_fabric_memory_key_size(ucp_context_h context)
{
    ucp_mem_map_params_t params = {
        .field_mask =
            UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS,
        .length = 1,
        .flags = UCP_MEM_MAP_ALLOCATE,
    };
    size_t size = 0;
    ucp_mem_h memh;
    void *packed;

    if ((memory_room() < (size_t)getpagesize()) ||
        (ucp_mem_map(context, &params, &memh) != UCS_OK)) {
        return 0;
    }

    if (ucp_rkey_pack(context, memh, &packed, &size) == UCS_OK) {
        ucp_rkey_buffer_release(packed);
    } else {
        size = 0;
    }

    memory_unmap(context, memh);
    return size;
}
