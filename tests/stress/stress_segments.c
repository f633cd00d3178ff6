/* SPDX-License-Identifier: BSD-3-Clause */
/* Thousands of segments come and go; descriptors, mappings and memory of the
 * process stay what they were. */
#include "stress.h"

#include <dirent.h>
#include <unistd.h>

enum { WARM_UP = 300, DATA = 3 * STRESS_PAGE };

typedef struct {
    long descriptors;
    long mappings;
    long resident; /* pages */
} footprint_t;

static long count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    long count = 0;

    STRESS_CHECK(directory != NULL, "no /proc");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static long count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    long count = 0;
    int c;

    STRESS_CHECK(file != NULL, "no /proc");
    while ((c = fgetc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

static long count_resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long size = 0;
    long resident = 0;

    STRESS_CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &resident) == 2,
                 "no /proc");
    fclose(file);
    return resident;
}

static footprint_t take_footprint(void)
{
    return (footprint_t){.descriptors = count_descriptors(),
                         .mappings = count_mappings(),
                         .resident = count_resident()};
}

/* One life of a segment: two of them over pages that overlap, an import of
 * each, data, a mapping where there is one, everything given back. */
static void live(rsmapi_controller_handle_t controller, rsm_node_id_t self,
                 uint64_t round)
{
    unsigned char *memory = stress_pages(DATA);
    rsm_memseg_export_handle_t segments[2];
    rsm_memseg_import_handle_t imports[2];
    rsm_localmemory_handle_t local;
    rsmapi_barrier_t barriers[2];
    rsm_memseg_id_t ids[2] = {0, 0};
    void *view = NULL;
    size_t i;
    int rc;

    for (i = 0; i < 2; i++) {
        STRESS_OK(rsm_memseg_export_create(controller, &segments[i],
                                           memory + i * STRESS_PAGE,
                                           2 * STRESS_PAGE, 0));
        STRESS_OK(rsm_memseg_export_publish(segments[i], &ids[i], NULL, 0));
        imports[i] = stress_connect(controller, self, ids[i]);
        STRESS_OK(rsm_memseg_import_init_barrier(
            imports[i], RSM_BARRIER_SEGMENT, &barriers[i]));
        STRESS_OK(rsm_memseg_import_put64(imports[i], STRESS_PAGE, &round, 1));
        rc = rsm_memseg_import_map(imports[i], &view, RSM_MAP_NONE,
                                   RSM_PERM_READ, 0, STRESS_PAGE);
        STRESS_CHECK(rc == RSM_SUCCESS || rc == RSMERR_MAP_FAILED, "%s",
                     rsmx_error_name(rc));
        if (rc == RSM_SUCCESS)
            STRESS_OK(rsm_memseg_import_unmap(imports[i]));
    }
    STRESS_OK(rsm_create_localmemory_handle(controller, &local, (caddr_t)memory,
                                            DATA));
    STRESS_OK(rsm_free_localmemory_handle(controller, local));
    for (i = 0; i < 2; i++) {
        if (round % 2 == i)
            STRESS_OK(rsm_memseg_export_unpublish(segments[i]));
        STRESS_OK(rsm_memseg_import_destroy_barrier(&barriers[i]));
        STRESS_OK(rsm_memseg_import_disconnect(imports[i]));
        STRESS_OK(rsm_memseg_export_destroy(segments[i]));
    }
    STRESS_CHECK(*(uint64_t *)(void *)(memory + STRESS_PAGE) == round,
                 "contents were lost");
    munmap(memory, DATA);
}

int main(int argc, char **argv)
{
    int64_t deadline = stress_deadline(argc, argv);
    rsmapi_controller_handle_t controller = stress_controller();
    footprint_t before = {0};
    footprint_t after;
    rsm_node_id_t self;
    uint64_t round;

    STRESS_OK(rsmx_get_node_id(&self));
    for (round = 0; round < 2 * WARM_UP || stress_clock_ms() < deadline;
         round++) {
        if (round == WARM_UP)
            before = take_footprint();
        live(controller, self, round);
    }
    after = take_footprint();
    printf("%lu rounds; descriptors %ld then %ld, mappings %ld then %ld, "
           "resident pages %ld then %ld\n",
           (unsigned long)round, before.descriptors, after.descriptors,
           before.mappings, after.mappings, before.resident, after.resident);
    STRESS_CHECK(after.descriptors <= before.descriptors, "descriptors leak");
    if (!STRESS_SANITIZED) {
        STRESS_CHECK(after.mappings <= before.mappings + 8, "mappings leak");
        STRESS_CHECK(after.resident <= before.resident + 256, "memory leaks");
    }
    STRESS_OK(rsm_release_controller(controller));
    return 0;
}
