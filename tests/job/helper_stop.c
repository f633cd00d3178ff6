/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter withdraws its segment while the importer is stopped and cannot
 * answer: it must not wait for long, and what the importer writes later must
 * not arrive.
 *
 *     mpirun -n 2 rsm_job_stop unpublish|destroy put|map
 */
#include <signal.h>

#include "node.h"

#define SIZE     (64 * 1024u)
#define WORDS    (SIZE / sizeof(uint64_t))
#define BOUND_MS 4000 /* RSM_FENCE_TIMEOUT is 1 s by default */
#define CANARY   0xa5a5a5a5a5a5a5a5u

/* Words of the exporter's memory. */
enum { WORD_PID, WORD_COUNT, WORD_AREA = NODE_PAGE / sizeof(uint64_t) };

static char process_state(pid_t pid)
{
    char path[64];
    char state = '?';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*d %*s %c", &state) != 1) {
            state = '?';
        }
        fclose(file);
    }
    return state;
}

static void run_exporter(const char *way)
{
    rsm_memseg_id_t id = NODE_SEGMENT;
    node_export_t segment;
    int64_t start;
    pid_t importer;
    size_t i;

    node_export(&segment, NODE_SEGMENT, SIZE);
    NODE_WAIT(segment.words[WORD_COUNT] > 100);
    importer = (pid_t)segment.words[WORD_PID];
    NODE_CHECK(kill(importer, SIGSTOP) == 0);
    NODE_WAIT(process_state(importer) == 'T');

    start = node_clock_ms();
    if (strcmp(way, "unpublish") == 0) {
        NODE_OK(rsm_memseg_export_unpublish(segment.handle));
    } else {
        NODE_OK(rsm_memseg_export_destroy(segment.handle));
    }
    NODE_CHECK(node_clock_ms() - start < BOUND_MS);

    /* From here on nobody but us writes to this memory. */
    for (i = 0; i < WORDS; ++i) {
        segment.words[i] = CANARY;
    }
    NODE_CHECK(kill(importer, SIGCONT) == 0);
    for (start = node_clock_ms(); node_clock_ms() < start + 500;) {
        for (i = 0; i < WORDS; ++i) {
            NODE_CHECK(segment.words[i] == CANARY);
        }
    }

    /* The memory and, after unpublish, the segment are as good as before. */
    if (strcmp(way, "unpublish") == 0) {
        NODE_OK(rsm_memseg_export_publish(segment.handle, &id, NULL, 0));
        NODE_WAIT(segment.words[WORD_COUNT] == 1);
        NODE_WAIT(node_importers(&segment) == 0);
        node_unexport(&segment);
    }
    node_say("exporter ok");
}

static void run_importer(const char *way, const char *access)
{
    static uint64_t block[WORDS - WORD_AREA];
    volatile uint64_t *mapped = NULL;
    node_import_t control, import;
    uint64_t count = 0;
    int rc;

    node_connect(&control, 0, NODE_SEGMENT);
    node_connect(&import, 0, NODE_SEGMENT);
    node_put64(&control, WORD_PID, (uint64_t)getpid());
    if (strcmp(access, "map") == 0) {
        void *address = NULL;

        NODE_OK(rsm_memseg_import_map(import.handle, &address, RSM_MAP_NONE,
                                      RSM_PERM_RDWR, NODE_PAGE,
                                      SIZE - NODE_PAGE));
        mapped = address;
    }

    do {
        size_t i;

        for (i = 0; (mapped != NULL) && (i < WORDS - WORD_AREA); ++i) {
            mapped[i] = count;
        }
        rc = (mapped != NULL) ? RSM_SUCCESS
                              : rsm_memseg_import_put(import.handle, NODE_PAGE,
                                                      block, sizeof(block));
        if (rc == RSM_SUCCESS) {
            ++count;
            rc = rsm_memseg_import_put64(control.handle,
                                         WORD_COUNT * sizeof(count), &count, 1);
        }
    } while (rc == RSM_SUCCESS);
    NODE_CODE(rc, RSMERR_CONN_ABORTED);

    if (mapped != NULL) {
        mapped[0] = 1; /* goes nowhere, and does no harm */
        NODE_OK(rsm_memseg_import_unmap(import.handle));
    }
    NODE_CODE(rsm_memseg_import_put64(import.handle, 0, &count, 1),
              RSMERR_CONN_ABORTED);
    node_disconnect(&import);
    node_disconnect(&control);

    if (strcmp(way, "unpublish") == 0) {
        node_connect(&import, 0, NODE_SEGMENT);
        node_put64(&import, WORD_COUNT, 1);
        node_disconnect(&import);
    }
    node_say("importer ok");
}

int main(int argc, char **argv)
{
    NODE_CHECK(argc == 3);
    node_open();
    if (node.rank == 0) {
        run_exporter(argv[1]);
    } else {
        run_importer(argv[1], argv[2]);
    }
    node_close();
    return EXIT_SUCCESS;
}
