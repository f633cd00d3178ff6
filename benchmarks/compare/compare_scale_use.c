/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compare_scale.h"

static FILE *proc_open(const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static void read_status(scale_use_t *use)
{
    FILE *file = proc_open("/proc/self/status");
    unsigned long kib;
    char line[128];

    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "RssAnon: %lu", &kib) == 1) {
            use->memory = (double)kib * 1024;
        } else if (sscanf(line, "RssShmem: %lu", &kib) == 1) {
            use->shared = (double)kib * 1024;
        } else if (sscanf(line, "VmPTE: %lu", &kib) == 1) {
            use->tables = (double)kib * 1024;
        }
    }
    (void)fclose(file);
}

static void count_mappings(scale_use_t *use)
{
    FILE *file = proc_open("/proc/self/maps");
    int letter;

    while ((letter = getc(file)) != EOF) {
        use->mappings += (letter == '\n');
    }
    (void)fclose(file);
}

static void count_descriptors(scale_use_t *use)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    char target[64];

    while ((folder != NULL) && ((entry = readdir(folder)) != NULL)) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target,
                                    sizeof(target) - 1);

        if (length > 0) {
            target[length] = '\0';
            use->descriptors += 1;
            use->sockets += (strncmp(target, "socket:", 7) == 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

scale_use_t scale_use(void)
{
    scale_use_t use = {.memory = 0};

    read_status(&use);
    count_mappings(&use);
    count_descriptors(&use);
    return use;
}

unsigned char *scale_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void scale_print(const scale_t *scale, const char *what, const char *unit,
                 size_t size, double value)
{
    cmp_row_t row = {.what = what, .unit = unit, .size = size};

    if (scale->cmp.rank == 0) {
        cmp_print(&scale->cmp, &row, &value, 1);
    }
}

static void print_part(const scale_t *scale, const char *what, const char *part,
                       const char *unit, size_t size, double value)
{
    char name[64];

    snprintf(name, sizeof(name), "%s_%s", what, part);
    scale_print(scale, name, unit, size, value);
}

void scale_print_use(const scale_t *scale, const char *what, size_t size,
                     const scale_use_t *before, double count)
{
    scale_use_t now = scale_use();

    print_part(scale, what, "memory", "bytes", size,
               (now.memory - before->memory) / count);
    print_part(scale, what, "shared", "bytes", size,
               (now.shared - before->shared) / count);
    print_part(scale, what, "tables", "bytes", size,
               (now.tables - before->tables) / count);
    print_part(scale, what, "mappings", "pieces", size,
               (now.mappings - before->mappings) / count);
    print_part(scale, what, "descriptors", "pieces", size,
               (now.descriptors - before->descriptors) / count);
    print_part(scale, what, "sockets", "pieces", size,
               (now.sockets - before->sockets) / count);
}
