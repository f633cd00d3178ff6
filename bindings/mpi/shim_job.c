/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_job.h"

#include <rsmx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static rsmi_job_t job;
/* Pages are moved while they are exported or withdrawn, and small memory of the
 * program may share a page with what librsm writes in other calls: those of
 * this library come one after the other. None waits for another rank's
 * program. */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_once_t job_once = PTHREAD_ONCE_INIT;

static bool job_says(const char *variable, const char *const *words)
{
    const char *value = getenv(variable);
    size_t i;

    for (i = 0; (value != NULL) && (words[i] != NULL); ++i) {
        if (strcasecmp(value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The first rank alone says so: the variable is the same for all. */
static void job_complain(void)
{
    int rank = 0;

    (void)PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0) {
        (void)fprintf(stderr,
                      "rsm: RSM_MPI=%s is none of on, off and require; on is "
                      "in force\n",
                      getenv("RSM_MPI"));
    }
}

/* Ranks on this host, as mpirun says; else those of the job. */
static long job_neighbours(uint32_t count)
{
    const char *text = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    long local = (text == NULL) ? 0 : strtol(text, NULL, 10);

    return ((local > 0) && (local < (long)count)) ? local : (long)count;
}

static void job_start(void)
{
    static const char *const yes[] = {"y", "yes", "on", "true", "1", NULL};
    static const char *const off[] = {"n", "no", "off", "false", "0", NULL};
    static const char *const require[] = {"require", NULL};
    char name[] = "ucx0";
    uint32_t count = 1;

    job.page = (size_t)sysconf(_SC_PAGESIZE);
    job.is_talkative = job_says("RSM_INFO", yes);
    job.is_off = job_says("RSM_MPI", off);
    job.is_required = job_says("RSM_MPI", require);
    if ((getenv("RSM_MPI") != NULL) && !job.is_off && !job.is_required &&
        !job_says("RSM_MPI", yes)) {
        job_complain();
    }
    if (job.is_off) {
        job.rc = RSMERR_CTLR_NOT_PRESENT;
        return;
    }

    job.rc = rsm_get_controller(name, &job.controller);
    if (job.rc == RSM_SUCCESS) {
        job.rc = rsmx_get_node_id(&job.node);
    }
    if (job.rc == RSM_SUCCESS) {
        job.rc = rsmx_get_node_count(&count);
    }
    job.is_crowded = job_neighbours(count) > sysconf(_SC_NPROCESSORS_ONLN);
}

const rsmi_job_t *rsmi_job(void)
{
    (void)pthread_once(&job_once, job_start);
    return &job;
}

int rsmi_memory_export(void *addr, size_t size,
                       rsm_memseg_export_handle_t *export_p,
                       rsm_memseg_id_t *segment_p, size_t *head_p)
{
    size_t head = (uintptr_t)addr & (job.page - 1);
    size_t whole = (head + size + job.page - 1) & ~(job.page - 1);
    rsm_memseg_export_handle_t export;
    rsm_memseg_id_t segment = 0;
    int rc;

    if (whole < size) {
        return RSMERR_BAD_LENGTH;
    }
    pthread_mutex_lock(&memory_lock);
    rc = rsm_memseg_export_create(job.controller, &export, (char *)addr - head,
                                  whole, 0);
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_export_publish(export, &segment, NULL, 0);
        if (rc != RSM_SUCCESS) {
            (void)rsm_memseg_export_destroy(export);
        }
    }
    pthread_mutex_unlock(&memory_lock);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    *export_p = export;
    *segment_p = segment;
    *head_p = head;
    return RSM_SUCCESS;
}

void rsmi_memory_withdraw(rsm_memseg_export_handle_t export)
{
    pthread_mutex_lock(&memory_lock);
    (void)rsm_memseg_export_destroy(export);
    pthread_mutex_unlock(&memory_lock);
}

static int memory_import(rsm_node_id_t node, rsm_memseg_id_t segment,
                         rsm_memseg_import_handle_t *import_p, void **mapping_p)
{
    rsm_memseg_import_handle_t import;
    void *mapping = NULL;
    size_t size;
    int rc;

    do {
        rc = rsm_memseg_import_connect(job.controller, node, segment,
                                       RSM_PERM_RDWR, &import);
    } while (rc == RSMERR_INTERRUPTED);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmx_import_get_size(import, &size);
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_import_map(import, &mapping, RSM_MAP_NONE,
                                   RSM_PERM_RDWR, 0, size);
    }
    if (rc == RSM_SUCCESS) { /* what completes accesses is MPI's calls */
        rc = rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT);
    }
    if (rc == RSMERR_MAP_FAILED) {
        mapping = NULL;
        rc = RSM_SUCCESS;
    }
    if (rc != RSM_SUCCESS) {
        (void)rsm_memseg_import_disconnect(import);
        return rc;
    }
    *import_p = import;
    *mapping_p = mapping;
    return RSM_SUCCESS;
}

int rsmi_memory_import(rsm_node_id_t node, rsm_memseg_id_t segment,
                       rsm_memseg_import_handle_t *import_p, void **mapping_p)
{
    int rc;

    pthread_mutex_lock(&memory_lock);
    rc = memory_import(node, segment, import_p, mapping_p);
    pthread_mutex_unlock(&memory_lock);
    return rc;
}

void rsmi_memory_forget(rsm_memseg_import_handle_t import)
{
    pthread_mutex_lock(&memory_lock);
    (void)rsm_memseg_import_unmap(import);
    (void)rsm_memseg_import_disconnect(import);
    pthread_mutex_unlock(&memory_lock);
}
