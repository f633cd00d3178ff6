/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/node.h"

#include "boot/boot.h"
#include "core/runtime.h"
#include "util/config.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE_MAGIC 0x5253

static rsmi_node_record_t node_self;

bool rsmi_node_to_rank(rsm_node_id_t node, uint32_t *rank_p)
{
    uint32_t base = (uint32_t)rsmi_config.node_base;

    if ((node < base) || (node - base >= rsmi_runtime_size())) {
        return false;
    }
    *rank_p = node - base;
    return true;
}

rsm_node_id_t rsmi_node_of_rank(uint32_t rank)
{
    return rank + (uint32_t)rsmi_config.node_base;
}

/* FNV-1a: names of machine and namespaces become one number. */
static uint64_t node_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    size_t idx;

    for (idx = 0; idx < size; ++idx) {
        hash = (hash ^ byte[idx]) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t node_hash_namespace(uint64_t hash, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        return hash;
    }
    hash = node_hash(hash, &status.st_dev, sizeof(status.st_dev));
    return node_hash(hash, &status.st_ino, sizeof(status.st_ino));
}

/* The boot id names the running kernel; abstract Unix sockets live in the
 * network namespace. */
static uint64_t node_host(void)
{
    uint64_t hash = 0xcbf29ce484222325u;
    char text[64];
    ssize_t got = 0;
    int fd;

    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, text, sizeof(text));
        (void)close(fd);
    }
    if (got > 0) {
        hash = node_hash(hash, text, (size_t)got);
    } else if (gethostname(text, sizeof(text)) == 0) {
        hash = node_hash(hash, text, strnlen(text, sizeof(text)));
    }
    return node_hash_namespace(hash, "/proc/self/ns/net");
}

static int node_random(void *bytes, size_t size)
{
    ssize_t got;

    do {
        got = getrandom(bytes, size, 0);
    } while ((got < 0) && (errno == EINTR));
    if (got != (ssize_t)size) {
        rsmi_error("core", "getrandom: %s", strerror(errno));
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    return RSM_SUCCESS;
}

int rsmi_node_describe(void)
{
    rsmi_node_record_t *record_p = &node_self;
    uint64_t unique;
    int rc;

    memset(record_p, 0, sizeof(*record_p));
    rc = node_random(record_p->secret, sizeof(record_p->secret));
    if (rc == RSM_SUCCESS) {
        rc = node_random(&unique, sizeof(unique));
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    record_p->magic = NODE_MAGIC;
    record_p->version = RSMI_WIRE_VERSION;
    record_p->host = node_host();
    record_p->pid_space =
        node_hash_namespace(record_p->host, "/proc/self/ns/pid");
    record_p->pid = (uint32_t)getpid();
    record_p->uid = geteuid();
    record_p->gid = getegid();
    (void)snprintf(record_p->name, sizeof(record_p->name), "librsm/%u/%016llx",
                   record_p->pid, (unsigned long long)unique);
    return RSM_SUCCESS;
}

int rsmi_node_publish(uint16_t port)
{
    node_self.port = port;
    if (port != 0) {
        rsmi_socket_addresses(node_self.addresses);
    }
    return rsmi_boot_publish(&node_self, sizeof(node_self));
}

const rsmi_node_record_t *rsmi_node_self(void)
{
    return &node_self;
}

bool rsmi_node_record_is_good(const void *record, size_t size)
{
    const rsmi_node_record_t *node = record;

    if ((size != sizeof(*node)) || (node->magic != NODE_MAGIC) ||
        (node->version != RSMI_WIRE_VERSION)) {
        rsmi_warn("core", "a process of this job runs another version of "
                          "librsm and cannot be reached");
        return false;
    }
    return memchr(node->name, '\0', sizeof(node->name)) != NULL;
}

typedef struct {
    sem_t done;
    int rc;
    rsmi_node_record_t *record;
} node_fetch_t;

static void node_fetched(int rc, const void *record, size_t size, void *arg)
{
    node_fetch_t *fetch = arg;

    if (rc == RSM_SUCCESS) {
        if (rsmi_node_record_is_good(record, size)) {
            memcpy(fetch->record, record, sizeof(*fetch->record));
        } else {
            rc = RSMERR_REMOTE_NODE_UNREACHABLE;
        }
    }
    fetch->rc = rc;
    (void)sem_post(&fetch->done);
}

int rsmi_node_fetch(uint32_t rank, rsmi_time_t deadline,
                    rsmi_node_record_t *record_p)
{
    node_fetch_t fetch = {.record = record_p};

    (void)sem_init(&fetch.done, 0, 0);
    rsmi_boot_fetch(rank, deadline, node_fetched, &fetch);
    while (sem_wait(&fetch.done) != 0) {
        /* interrupted; the answer is certain to come by the deadline */
    }
    (void)sem_destroy(&fetch.done);
    return fetch.rc;
}
