/* SPDX-License-Identifier: BSD-3-Clause */
/* The launcher's table of processes: which have ended.
 *
 * mpirun of Open MPI 4.1 sends no event when a process ends, but its table
 * shows those that were killed or exited without leaving PMIx. One that ended
 * in good order is shown with a state of zero, as are some that live, so that
 * the kernel is asked about those of our host.
 *
 * The table is as long as the job, so it is asked for once a second at most
 * and only while some process is looked for that has published nothing.
 * Launchers without a table say so once. */
#include "boot/boot_pmix.h"

#include "util/lock.h"
#include "util/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define TABLE_INTERVAL_MS 1000
#define TABLE_WAIT_MS     50 /* an answer takes 0.5 ms */

typedef struct {
    pid_t pid; /* as the launcher sees it; 0 unknown */
    bool has_ended;
} row_t;

static rsmi_lock_t table_lock = RSMI_LOCK_INIT;
static pthread_cond_t table_changed;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static struct {
    pmix_proc_t self;
    uint32_t size;
    row_t *rows;      /* NULL when closed, and until the first question */
    bool is_asked;    /* a question is with the launcher */
    bool is_refused;  /* there is no table here */
    rsmi_time_t next; /* earliest time of the next question */
} table RSMI_GUARDED_BY(table_lock);

/* PMIx keeps their addresses until it has answered. */
static pmix_query_t table_query;
static char *table_keys[] = {(char[]){PMIX_QUERY_PROC_TABLE}, NULL};
static pmix_info_t table_nspace;

static void table_init(void)
{
    rsmi_cond_init(&table_changed);
}

void rsmi_boot_table_open(const pmix_proc_t *self, uint32_t size)
{
    (void)pthread_once(&table_once, table_init);
    rsmi_lock(&table_lock);
    table.self = *self;
    table.size = size;
    table.is_refused = false;
    table.next = 0;
    if (table_query.nqual == 0) {
        PMIX_INFO_LOAD(&table_nspace, PMIX_NSPACE, self->nspace, PMIX_STRING);
        table_query.keys = table_keys;
        table_query.qualifiers = &table_nspace;
        table_query.nqual = 1;
    }
    rsmi_unlock(&table_lock);
}

void rsmi_boot_table_close(void)
{
    rsmi_lock(&table_lock);
    free(table.rows);
    table.rows = NULL;
    table.size = 0;
    rsmi_unlock(&table_lock);
}

static void table_note(const pmix_proc_info_t *process)
    RSMI_REQUIRES(table_lock)
{
    const uint32_t rank = process->proc.rank;

    if ((rank < table.size) &&
        PMIX_CHECK_NSPACE(process->proc.nspace, table.self.nspace)) {
        table.rows[rank].pid = process->pid;
        table.rows[rank].has_ended =
            (process->state > PMIX_PROC_STATE_UNTERMINATED);
    }
}

/* PMIx documents an array of pmix_proc_info_t; Open MPI 4 sends an array of
 * pmix_info_t with one of them in each. */
static void table_read(const pmix_data_array_t *array) RSMI_REQUIRES(table_lock)
{
    size_t i;

    for (i = 0; i < array->size; i++) {
        if (array->type == PMIX_PROC_INFO) {
            table_note((const pmix_proc_info_t *)array->array + i);
        } else if (array->type == PMIX_INFO) {
            const pmix_info_t *info = (const pmix_info_t *)array->array + i;

            if ((info->value.type == PMIX_PROC_INFO) &&
                (info->value.data.pinfo != NULL)) {
                table_note(info->value.data.pinfo);
            }
        }
    }
}

static void table_answered(pmix_status_t status, pmix_info_t *info,
                           size_t infos, void *arg RSMI_UNUSED,
                           pmix_release_cbfunc_t release, void *release_arg)
{
    size_t i;

    rsmi_lock(&table_lock);
    table.is_asked = false;
    if (status != PMIX_SUCCESS) {
        rsmi_debug("boot", "launcher has no table of processes: %s",
                   PMIx_Error_string(status));
        table.is_refused = true;
    }
    for (i = 0; (status == PMIX_SUCCESS) && (table.rows != NULL) && (i < infos);
         i++) {
        if ((info[i].value.type == PMIX_DATA_ARRAY) &&
            (info[i].value.data.darray != NULL)) {
            table_read(info[i].value.data.darray);
        }
    }
    (void)pthread_cond_broadcast(&table_changed);
    rsmi_unlock(&table_lock);

    if (release != NULL) {
        release(release_arg);
    }
}

static void table_ask(void) RSMI_REQUIRES(table_lock)
{
    pmix_status_t status;

    table.is_asked = true;
    table.next = rsmi_deadline_in_ms(TABLE_INTERVAL_MS);

    rsmi_unlock(&table_lock);
    status = PMIx_Query_info_nb(&table_query, 1, table_answered, NULL);
    rsmi_lock(&table_lock);
    if (status != PMIX_SUCCESS) {
        table.is_asked = false;
        table.is_refused = true;
    }
}

static void table_wait(void) RSMI_REQUIRES(table_lock)
{
    const rsmi_time_t until = rsmi_deadline_in_ms(TABLE_WAIT_MS);

    while (table.is_asked &&
           rsmi_cond_wait_until(&table_changed, &table_lock, until)) {
        /* until the answer or the time has come */
    }
}

/* A number in the table means something here only if ours does: a launcher
 * may see other numbers, and a shell between it and us has one of its own. */
static bool table_is_gone(uint32_t rank) RSMI_REQUIRES(table_lock)
{
    const pid_t pid = table.rows[rank].pid;

    return (pid > 0) && (table.rows[table.self.rank].pid == getpid()) &&
           (kill(pid, 0) != 0) && (errno == ESRCH);
}

bool rsmi_boot_table_has_ended(uint32_t rank, bool is_local)
{
    bool has_ended = false;

    rsmi_lock(&table_lock);
    if ((table.rows == NULL) && (table.size != 0)) {
        table.rows = calloc(table.size, sizeof(*table.rows));
    }
    if ((table.rows == NULL) || table.is_refused || (rank >= table.size)) {
        goto out_unlock;
    }
    if (!table.is_asked && rsmi_deadline_passed(table.next)) {
        table_ask();
        table_wait();
    }
    if (table.rows != NULL) {
        has_ended =
            table.rows[rank].has_ended || (is_local && table_is_gone(rank));
    }

out_unlock:
    rsmi_unlock(&table_lock);
    return has_ended;
}
