/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says about this process's service thread. */
#ifndef SERVICE_H
#define SERVICE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often it was put on a core and taken off again so far; -1: there is no
 * such thread. */
static inline long service_switches(void)
{
    char path[300], line[256], name[64];
    long one, switches;
    struct dirent *entry;
    FILE *file;
    DIR *tasks = opendir("/proc/self/task");

    while ((tasks != NULL) && ((entry = readdir(tasks)) != NULL)) {
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                       entry->d_name);
        file = fopen(path, "re");
        if (file == NULL) {
            continue;
        }
        name[0] = '\0';
        switches = 0;
        while (fgets(line, sizeof(line), file) != NULL) {
            if (sscanf(line, "Name: %63s", name) == 1) {
                continue;
            }
            if ((sscanf(line, "voluntary_ctxt_switches: %ld", &one) == 1) ||
                (sscanf(line, "nonvoluntary_ctxt_switches: %ld", &one) == 1)) {
                switches += one;
            }
        }
        (void)fclose(file);
        if (strcmp(name, "rsm-service") == 0) {
            (void)closedir(tasks);
            return switches;
        }
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
    return -1;
}

#endif
