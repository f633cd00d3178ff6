/* SPDX-License-Identifier: BSD-3-Clause */
/* The host as the kernel's own tables show it, for when hwloc cannot be had. */
#include "topo/topo_kernel.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_CPU  "/sys/devices/system/cpu"
#define KERNEL_NODE "/sys/devices/system/node"

#define KERNEL_CACHES 8 /* of one processor: instruction, data, levels */

/* First line of a file; false when there is none. */
static bool kernel_read(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool is_read;

    if (file == NULL) {
        return false;
    }
    is_read = (fgets(line, size, file) != NULL);
    (void)fclose(file);
    return is_read;
}

/* Entries such as cpu0 or node12: the word, then nothing but digits. */
static unsigned kernel_count(const char *path, const char *word)
{
    const size_t len = strlen(word);
    const struct dirent *entry;
    unsigned count = 0;
    DIR *dir = opendir(path);

    if (dir == NULL) {
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        const char *rest = entry->d_name + len;

        if ((strncmp(entry->d_name, word, len) == 0) && (*rest != '\0') &&
            (rest[strspn(rest, "0123456789")] == '\0')) {
            count++;
        }
    }
    (void)closedir(dir);
    return count;
}

/* A core is counted by the first of its hardware threads. */
static unsigned kernel_count_cores(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    char path[128], line[256];
    unsigned cpu, count = 0;

    for (cpu = 0; (long)cpu < processors; cpu++) {
        (void)snprintf(path, sizeof(path),
                       KERNEL_CPU "/cpu%u/topology/thread_siblings_list", cpu);
        if (kernel_read(path, line, sizeof(line)) &&
            (strtoul(line, NULL, 10) == cpu)) {
            count++;
        }
    }
    return count;
}

static size_t kernel_read_size(const char *path)
{
    char line[64], *unit;
    unsigned long long size;

    if (!kernel_read(path, line, sizeof(line))) {
        return 0;
    }
    size = strtoull(line, &unit, 10);
    switch (*unit) {
    case 'K':
        return (size_t)size << 10;
    case 'M':
        return (size_t)size << 20;
    default:
        return (size_t)size;
    }
}

static void kernel_read_caches(unsigned cpu, rsmi_topo_t *topo)
{
    unsigned long level, last = 0;
    char path[128], line[64];
    size_t size;
    int i;

    for (i = 0; i < KERNEL_CACHES; i++) {
        (void)snprintf(path, sizeof(path),
                       KERNEL_CPU "/cpu%u/cache/index%d/level", cpu, i);
        if (!kernel_read(path, line, sizeof(line))) {
            continue;
        }
        level = strtoul(line, NULL, 10);
        (void)snprintf(path, sizeof(path),
                       KERNEL_CPU "/cpu%u/cache/index%d/size", cpu, i);
        size = kernel_read_size(path);
        if (level == 2) {
            topo->core_cache = size;
        }
        if (level > last) {
            last = level;
            topo->shared_cache = size;
        }
    }
}

size_t rsmi_topo_huge_page(void)
{
    unsigned long long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");

    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Hugepagesize: %llu kB", &kib) == 1) {
            break;
        }
    }
    (void)fclose(file);
    return (size_t)kib << 10;
}

bool rsmi_topo_parse_list(const char *list, rsmi_topo_range_func_t func,
                          void *arg)
{
    unsigned long first, last;
    char *end;

    do {
        if (!isdigit((unsigned char)*list)) {
            return false;
        }
        first = last = strtoul(list, &end, 10);
        if (*end == '-') {
            list = end + 1;
            if (!isdigit((unsigned char)*list)) {
                return false;
            }
            last = strtoul(list, &end, 10);
        }
        if ((first > last) || (last >= RSMI_TOPO_PROCESSORS_MAX)) {
            return false;
        }
        func((unsigned)first, (unsigned)last, arg);
        list = end + 1;
    } while (*end == ',');

    return *end == '\0';
}

void rsmi_topo_append_range(char *list, size_t size, unsigned first,
                            unsigned last)
{
    static const char cut[] = "...";
    char range[32];
    size_t len = strlen(list);

    if ((len >= sizeof(cut) - 1) &&
        (strcmp(list + len - (sizeof(cut) - 1), cut) == 0)) {
        return;
    }
    (void)snprintf(range, sizeof(range), (first == last) ? "%s%u" : "%s%u-%u",
                   (len == 0) ? "" : ",", first, last);
    /* Room is kept for the mark that says there is more. */
    if (len + strlen(range) + sizeof(cut) > size) {
        memcpy(list + len, cut, sizeof(cut));
    } else {
        memcpy(list + len, range, strlen(range) + 1);
    }
}

static void kernel_read_allowed(rsmi_topo_t *topo)
{
    unsigned cpu, first;
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(getpid(), sizeof(set), &set) != 0) {
        CPU_SET(0, &set);
    }
    topo->allowed = (unsigned)CPU_COUNT(&set);
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set)) {
            continue;
        }
        first = cpu;
        while ((cpu + 1 < CPU_SETSIZE) && CPU_ISSET(cpu + 1, &set)) {
            cpu++;
        }
        rsmi_topo_append_range(topo->allowed_list, sizeof(topo->allowed_list),
                               first, cpu);
    }
}

void rsmi_topo_read_kernel(rsmi_topo_t *topo_p)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);

    memset(topo_p, 0, sizeof(*topo_p));
    topo_p->processors = (processors > 0) ? (unsigned)processors : 1;
    topo_p->cores = kernel_count_cores();
    if (topo_p->cores == 0) {
        topo_p->cores = topo_p->processors;
    }
    topo_p->numa_nodes = kernel_count(KERNEL_NODE, "node");
    if (topo_p->numa_nodes == 0) {
        topo_p->numa_nodes = 1;
    }
    topo_p->memory =
        (pages > 0) ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
    topo_p->huge_page = rsmi_topo_huge_page();
    kernel_read_allowed(topo_p);
    kernel_read_caches((unsigned)strtoul(topo_p->allowed_list, NULL, 10),
                       topo_p);
}

size_t rsmi_topo_last_cache(void)
{
    int cpu = sched_getcpu();
    rsmi_topo_t topo = {0};

    kernel_read_caches((cpu < 0) ? 0 : (unsigned)cpu, &topo);
    return topo.shared_cache;
}
