/* SPDX-License-Identifier: BSD-3-Clause */
/* Every node imports from every node, for any number of them:
 *
 *     mpirun --oversubscribe -n 64 rsm_stress_scale
 *
 * All data arrive, and node 0 tells what one pair costs: the machine's time, and
 * what it adds to a process in memory and descriptors. These do not change with
 * the number of nodes; how long a single connect lasts does, where more nodes
 * than cores take turns. */
#include "stress.h"

#include <dirent.h>

enum { ID = RSM_HPC_ID_BASE };

/* What each node leaves with each other one. */
typedef struct {
    uint64_t stamp; /* not zero: all below is there */
    uint64_t connect_ns;
    uint64_t memory; /* bytes, of all its connections */
    uint64_t descriptors;
} scale_note_t;

static struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t *imports;
    scale_note_t *notes;
    rsm_node_id_t self;
    uint32_t count;
    size_t size;
} scale;

static uint64_t scale_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Private memory that is really there. */
static uint64_t scale_memory(void)
{
    unsigned long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/self/status", "re");

    STRESS_CHECK(file != NULL, "no /proc");
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "RssAnon: %lu", &kib) == 1)
            break;
    fclose(file);
    return (uint64_t)kib * 1024;
}

static uint64_t scale_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;

    STRESS_CHECK(folder != NULL, "no /proc");
    while (readdir(folder) != NULL)
        ++count;
    closedir(folder);
    return count;
}

static void scale_export(void)
{
    rsm_memseg_id_t id = ID;

    scale.size = scale.count * sizeof(scale_note_t);
    scale.size = (scale.size + STRESS_PAGE - 1) / STRESS_PAGE * STRESS_PAGE;
    scale.notes = stress_pages(scale.size);
    STRESS_OK(rsm_memseg_export_create(scale.controller, &scale.segment,
                                       scale.notes, scale.size, 0));
    STRESS_OK(rsm_memseg_export_publish(scale.segment, &id, NULL, 0));
}

/* Each begins with its neighbour, so that not all knock at one door. The time
 * until the last node has started is no part of what is measured. */
static scale_note_t scale_connect(void)
{
    scale_note_t note = {.stamp = scale.self + 1};
    uint64_t memory, descriptors, begin;
    uint32_t step, node;

    scale.imports = calloc(scale.count, sizeof(*scale.imports));
    STRESS_CHECK(scale.imports != NULL, "no memory");
    memory = scale_memory();
    descriptors = scale_descriptors();
    for (step = 0; step < scale.count; ++step) {
        node = (scale.self + step) % scale.count;
        do {
            begin = scale_clock_ns();
            scale.imports[node] = NULL;
        } while (rsm_memseg_import_connect(
                     scale.controller, node, ID, RSM_PERM_RDWR,
                     &scale.imports[node]) == RSMERR_SEG_NOT_PUBLISHED &&
                 (stress_pause(), true));
        STRESS_CHECK(scale.imports[node] != NULL, "connect to %u", node);
        note.connect_ns += scale_clock_ns() - begin;
    }
    note.memory = scale_memory() - memory;
    note.descriptors = scale_descriptors() - descriptors;
    return note;
}

/* The stamp goes last. Who has seen it may withdraw the segment before we get
 * to know that it has arrived. */
static void scale_leave_note(uint32_t node, scale_note_t *note)
{
    rsm_memseg_import_handle_t import = scale.imports[node];
    off_t offset = (off_t)(scale.self * sizeof(*note));
    rsmapi_barrier_t barrier;
    int rc;

    STRESS_OK(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier));
    STRESS_OK(rsm_memseg_import_put(import, offset + 8, &note->connect_ns,
                                    sizeof(*note) - 8));
    rc = rsm_memseg_import_put64(import, offset, &note->stamp, 1);
    STRESS_CHECK(rc == RSM_SUCCESS || rc == RSMERR_CONN_ABORTED, "%s",
                 rsmx_error_name(rc));
    STRESS_OK(rsm_memseg_import_destroy_barrier(&barrier));
}

static int scale_compare(const void *a, const void *b)
{
    const scale_note_t *first = a, *second = b;

    return (first->connect_ns > second->connect_ns) -
           (first->connect_ns < second->connect_ns);
}

static void scale_report(uint64_t whole_ns)
{
    const scale_note_t *middle;
    double nodes = scale.count;

    qsort(scale.notes, scale.count, sizeof(*scale.notes), scale_compare);
    middle = &scale.notes[scale.count / 2];
    printf("%u nodes, everyone to everyone in %.1f ms; per pair %.1f us, "
           "memory %.0f bytes, %.1f descriptors; one connect %.1f us among "
           "all the others\n",
           scale.count, (double)whole_ns / 1e6,
           (double)whole_ns / 1e3 / nodes / nodes,
           (double)middle->memory / nodes, (double)middle->descriptors / nodes,
           (double)middle->connect_ns / 1e3 / nodes);
}

int main(void)
{
    uint64_t begin;
    scale_note_t note;
    uint32_t node;

    STRESS_OK(rsmx_get_node_id(&scale.self));
    STRESS_OK(rsmx_get_node_count(&scale.count));
    scale.controller = stress_controller();
    scale_export();
    begin = scale_clock_ns();
    note = scale_connect();
    for (node = 0; node < scale.count; ++node)
        scale_leave_note(node, &note);
    for (node = 0; node < scale.count; ++node)
        stress_await(&scale.notes[node].stamp, node + 1);
    if (scale.self == 0)
        scale_report(scale_clock_ns() - begin);
    for (node = 0; node < scale.count; ++node)
        STRESS_OK(rsm_memseg_import_disconnect(scale.imports[node]));
    STRESS_OK(rsm_memseg_export_destroy(scale.segment));
    STRESS_OK(rsm_release_controller(scale.controller));
    free(scale.imports);
    return 0;
}
