/* SPDX-License-Identifier: BSD-3-Clause */
/* Bootstrap under a launcher with a PMIx server.
 *
 * Which question to ask was found by trying (Open MPI 4.1.4 with PMIx 4.2.2):
 *  - about a process of our host, PMIX_IMMEDIATE: the server that holds its
 *    data answers 0.2 ms later, whether the process has committed this key,
 *    other keys or nothing, runs or is dead. Without it a missing key
 *    costs the server's time-out of 2 s, or for ever if the process is dead.
 *  - about a process of another host, nothing: PMIX_IMMEDIATE would keep our
 *    server from asking the other one. The answer takes 1 ms when the
 *    process has committed anything (MPI_Init() does); otherwise the question
 *    stays with the other server, which answers when the process commits.
 * PMIX_TIMEOUT and PMIX_GET_REFRESH_CACHE are of no use: they do not help with
 * dead processes, and the latter blocks.
 *
 * Callbacks run in PMIx's progress thread: they take a lock for moments and
 * never call PMIx. */
#include "boot/boot_provider.h"
#include "boot/boot_pmix.h"

#include "rsmapi.h"
#include "util/compiler.h"
#include "util/help.h"
#include "util/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The number is the layout's; a record of another layout has another key. */
#define PMIX_RECORD_KEY "librsm.record.1"

#define PMIX_NO_HANDLER SIZE_MAX

static struct {
    pmix_proc_t self;
    uint32_t size;
    unsigned char *local;  /* one bit for each process of this host */
    pmix_info_t immediate; /* PMIx keeps the address until it has answered */
    rsmi_boot_lost_func_t lost;
    _Atomic size_t handler; /* of the event, once PMIx has told */
    atomic_bool is_open;    /* events are for us */
    atomic_bool is_lost;
} client = {.handler = PMIX_NO_HANDLER};

static_assert(sizeof(void *) >= sizeof(uint64_t),
              "a question travels through PMIx in a pointer");

static int client_translate(pmix_status_t status)
{
    switch (status) {
    case PMIX_SUCCESS:
    case PMIX_OPERATION_SUCCEEDED:
        return RSM_SUCCESS;
    case PMIX_ERR_NOMEM:
    case PMIX_ERR_OUT_OF_RESOURCE:
        return RSMERR_INSUFFICIENT_MEM;
    case PMIX_ERR_INIT:
    case PMIX_ERR_UNREACH:
    case PMIX_ERR_LOST_CONNECTION:
    case PMIX_ERR_COMM_FAILURE:
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    default:
        return RSMERR_SEG_NOT_PUBLISHED;
    }
}

/* What every process of the job is told alike. These keys come with
 * PMIx_Init(), but not when the process has left PMIx before (a first call of
 * ours after MPI_Finalize()): then the server has to be asked. */
static pmix_value_t *client_get_of_job(const char *key)
{
    pmix_value_t *value = NULL;
    pmix_status_t status;
    pmix_proc_t all;

    PMIX_LOAD_PROCID(&all, client.self.nspace, PMIX_RANK_WILDCARD);
    status = PMIx_Get(&all, key, &client.immediate, 1, &value);
    if (status != PMIX_SUCCESS) {
        rsmi_debug("boot", "PMIx_Get key %s: %s", key,
                   PMIx_Error_string(status));
        return NULL;
    }
    return value;
}

static void client_add_local(uint32_t first, uint32_t last,
                             rsmi_boot_job_t *job_p)
{
    uint32_t rank;

    for (rank = first; (rank <= last) && (rank < client.size); rank++) {
        const unsigned char bit = (unsigned char)(1U << (rank % 8));

        if ((client.local[rank / 8] & bit) == 0) {
            client.local[rank / 8] |= bit;
            job_p->local_size++;
            job_p->local_rank += (rank < client.self.rank);
        }
    }
}

/* "0,1,4" or "0-3,8": the processes of this host. The place in the list is
 * our local rank; PMIX_LOCAL_RANK is lost when PMIx is entered again. */
static void client_read_peers(const char *list, rsmi_boot_job_t *job_p)
{
    unsigned long first, last;
    char *end;

    job_p->local_rank = 0;
    job_p->local_size = 0;
    while (*list != '\0') {
        first = strtoul(list, &end, 10);
        if (end == list) {
            break;
        }
        last = first;
        if (*end == '-') {
            list = end + 1;
            last = strtoul(list, &end, 10);
        }
        client_add_local((uint32_t)first, (uint32_t)last, job_p);
        list = (*end == ',') ? end + 1 : end;
    }
    client_add_local(client.self.rank, client.self.rank, job_p);
}

static int client_read_job(rsmi_boot_job_t *job_p)
{
    pmix_value_t *value;

    value = client_get_of_job(PMIX_JOB_SIZE);
    if ((value == NULL) || (value->type != PMIX_UINT32) ||
        (value->data.uint32 <= client.self.rank)) {
        rsmi_help(RSMI_HELP_PMIX_FAILED, "it does not know the job's size");
        if (value != NULL) {
            PMIX_VALUE_RELEASE(value);
        }
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    client.size = value->data.uint32;
    PMIX_VALUE_RELEASE(value);

    *job_p = (rsmi_boot_job_t){.rank = client.self.rank, .size = client.size};
    client.local = calloc(client.size / 8 + 1, 1);
    if (client.local == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    value = client_get_of_job(PMIX_LOCAL_PEERS);
    client_read_peers(((value != NULL) && (value->type == PMIX_STRING) &&
                       (value->data.string != NULL))
                          ? value->data.string
                          : "",
                      job_p);
    if (value != NULL) {
        PMIX_VALUE_RELEASE(value);
    }
    return RSM_SUCCESS;
}

/* The launcher has gone. Others have handlers for this too (Open MPI), so
 * the event is passed on. */
static void client_event(size_t handler RSMI_UNUSED, pmix_status_t status,
                         const pmix_proc_t *source RSMI_UNUSED,
                         pmix_info_t *info RSMI_UNUSED,
                         size_t infos RSMI_UNUSED,
                         pmix_info_t *results RSMI_UNUSED,
                         size_t results_count RSMI_UNUSED,
                         pmix_event_notification_cbfunc_fn_t done, void *arg)
{
    if (atomic_load(&client.is_open) &&
        !atomic_exchange(&client.is_lost, true)) {
        rsmi_debug("boot", "launcher lost: %s", PMIx_Error_string(status));
        rsmi_boot_records_lost();
        client.lost();
    }
    if (done != NULL) {
        done(PMIX_EVENT_NO_ACTION_TAKEN, NULL, 0, NULL, NULL, arg);
    }
}

static void client_event_registered(pmix_status_t status, size_t handler,
                                    void *arg RSMI_UNUSED)
{
    if (status == PMIX_SUCCESS) {
        atomic_store(&client.handler, handler);
    } else {
        rsmi_debug("boot", "PMIx_Register_event_handler: %s",
                   PMIx_Error_string(status));
    }
}

static void client_event_forgotten(pmix_status_t status RSMI_UNUSED,
                                   void *arg RSMI_UNUSED)
{
}

static void client_watch(rsmi_boot_lost_func_t lost)
{
    static pmix_status_t code = PMIX_ERR_LOST_CONNECTION;

    client.lost = lost;
    atomic_store(&client.is_lost, false);
    atomic_store(&client.is_open, true);
    if (lost != NULL) {
        (void)PMIx_Register_event_handler(&code, 1, NULL, 0, client_event,
                                          client_event_registered, NULL);
    }
}

static void client_close(void)
{
    size_t handler;

    atomic_store(&client.is_open, false);
    handler = atomic_exchange(&client.handler, PMIX_NO_HANDLER);
    if (handler != PMIX_NO_HANDLER) {
        (void)PMIx_Deregister_event_handler(handler, client_event_forgotten,
                                            NULL);
    }
    (void)PMIx_Finalize(NULL, 0);
    rsmi_boot_table_close();
    free(client.local);
    client.local = NULL;
}

static int client_open(rsmi_boot_lost_func_t lost, rsmi_boot_job_t *job_p)
{
    static bool yes = true;
    pmix_status_t status;
    int rc;

    /* PMIx counts: MPI may have entered before and may leave before us. */
    status = PMIx_Init(&client.self, NULL, 0);
    if (status != PMIX_SUCCESS) {
        rsmi_help(RSMI_HELP_PMIX_FAILED, PMIx_Error_string(status));
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }

    PMIX_INFO_LOAD(&client.immediate, PMIX_IMMEDIATE, &yes, PMIX_BOOL);
    rc = client_read_job(job_p);
    if (rc != RSM_SUCCESS) {
        client_close();
        return rc;
    }
    rsmi_boot_table_open(&client.self, client.size);
    client_watch(lost);
    return RSM_SUCCESS;
}

static bool client_is_local(uint32_t rank)
{
    return (rank < client.size) &&
           ((client.local[rank / 8] & (1U << (rank % 8))) != 0);
}

static int client_publish(const void *record, size_t size)
{
    pmix_value_t value;
    pmix_status_t status;
    const char *call = "PMIx_Put";

    if (atomic_load(&client.is_lost)) {
        return RSMERR_REMOTE_NODE_UNREACHABLE; /* a commit would never end */
    }
    PMIX_VALUE_CONSTRUCT(&value);
    value.type = PMIX_BYTE_OBJECT;
    value.data.bo.bytes = (char *)(uintptr_t)record; /* copied by PMIx */
    value.data.bo.size = size;
    status = PMIx_Put(PMIX_GLOBAL, PMIX_RECORD_KEY, &value);
    if (status == PMIX_SUCCESS) {
        call = "PMIx_Commit";
        status = PMIx_Commit();
    }
    if (client_translate(status) == RSM_SUCCESS) {
        return RSM_SUCCESS;
    }
    rsmi_error("boot", "%s: %s", call, PMIx_Error_string(status));
    return (client_translate(status) == RSMERR_INSUFFICIENT_MEM)
               ? RSMERR_INSUFFICIENT_MEM
               : RSMERR_REMOTE_NODE_UNREACHABLE;
}

static void client_answered(pmix_status_t status, pmix_value_t *value,
                            void *arg)
{
    const uint64_t question = (uint64_t)(uintptr_t)arg;
    int rc = client_translate(status);

    if ((rc == RSM_SUCCESS) && (value != NULL) &&
        (value->type == PMIX_BYTE_OBJECT)) {
        rsmi_boot_records_answer(question, RSM_SUCCESS, value->data.bo.bytes,
                                 value->data.bo.size);
        return;
    }
    rsmi_trace("boot", "rank %u has no record: %s", (unsigned)question,
               PMIx_Error_string(status));
    rsmi_boot_records_answer(
        question,
        (rc == RSMERR_REMOTE_NODE_UNREACHABLE) ? rc : RSMERR_SEG_NOT_PUBLISHED,
        NULL, 0);
}

static int client_ask(uint32_t rank, uint64_t question)
{
    const bool is_local = client_is_local(rank);
    pmix_status_t status;
    pmix_proc_t process;

    if (atomic_load(&client.is_lost)) {
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    PMIX_LOAD_PROCID(&process, client.self.nspace, rank);
    status = PMIx_Get_nb(&process, PMIX_RECORD_KEY,
                         is_local ? &client.immediate : NULL, is_local ? 1 : 0,
                         client_answered, (void *)(uintptr_t)question);
    return client_translate(status);
}

static bool client_has_ended(uint32_t rank)
{
    return !atomic_load(&client.is_lost) &&
           rsmi_boot_table_has_ended(rank, client_is_local(rank));
}

const rsmi_boot_provider_t rsmi_boot_pmix = {
    .name = "pmix",
    .open = client_open,
    .close = client_close,
    .is_local = client_is_local,
    .publish = client_publish,
    .ask = client_ask,
    .has_ended = client_has_ended,
};
