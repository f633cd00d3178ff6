/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of other processes: what has come, what has been asked for, and who
 * waits for it.
 *
 * At most one question per process is with the launcher. A launcher may keep
 * a question for ever (PMIx does so between hosts when the process asked about
 * has never committed anything, or is dead), so a question outlives those who
 * wait for it, and its answer is noted whenever it comes.
 *
 * "Not published" is never remembered and never taken from a question that
 * was sent before the call: a program that has learned by its own messages
 * that a peer has published must find the record at its next call. */
#include "boot/boot_provider.h"

#include "rsmapi.h"
#include "util/lock.h"
#include "util/log.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* How long rsmi_boot_fetch() waits for an answer. On our host the server
 * always answers, in 0.2 ms if it is not busy. Between hosts an answer takes
 * 1 ms, if there is one. Once a process has kept us waiting, its question
 * stays with the launcher, which answers the moment the process publishes;
 * from then on only that answer's way here has to be allowed for. */
#define RECORDS_LOCAL_MS  1000
#define RECORDS_REMOTE_MS 100
#define RECORDS_PARKED_MS 20

/* How long closing waits for callers that are just leaving. */
#define RECORDS_CLOSE_MS 2000

typedef struct waiter {
    struct waiter *next;
    rsmi_boot_record_func_t func;
    void *arg;
} waiter_t;

typedef struct {
    /* Questions sent and answered; equal when none is with the launcher. */
    uint32_t sent;
    uint32_t answered;
    bool is_parked; /* the question has outlived a wait */
    bool has_ended;
    size_t size; /* of the record; 0: none so far */
    unsigned char *record;
    waiter_t *waiters; /* of rsmi_boot_fetch_nowait() */
} entry_t;

/* A leaf lock: only functions that do not block are called with it held. */
static rsmi_lock_t records_lock = RSMI_LOCK_INIT;
/* An answer, the loss, closing, or a caller left. */
static pthread_cond_t records_changed;

static struct {
    const rsmi_boot_provider_t *provider;
    uint32_t epoch; /* tells late answers from ours */
    uint32_t size;
    uint32_t callers; /* that close has to wait for */
    bool is_lost;
    entry_t **entries; /* by rank; NULL when closed */
} records RSMI_GUARDED_BY(records_lock);

static pthread_once_t records_once = PTHREAD_ONCE_INIT;

static void records_init(void)
{
    rsmi_cond_init(&records_changed);
}

int rsmi_boot_records_open(const rsmi_boot_provider_t *provider, uint32_t size)
{
    entry_t **entries;

    (void)pthread_once(&records_once, records_init);
    entries = calloc(size, sizeof(*entries)); /* untouched pages cost nothing */
    if (entries == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    rsmi_lock(&records_lock);
    records.provider = provider;
    records.epoch++;
    records.size = size;
    records.is_lost = false;
    records.entries = entries;
    rsmi_unlock(&records_lock);
    return RSM_SUCCESS;
}

/* NULL when closed, outside the job, or without memory. */
static entry_t *records_find(uint32_t rank) RSMI_REQUIRES(records_lock)
{
    if ((records.entries == NULL) || (rank >= records.size)) {
        return NULL;
    }
    if (records.entries[rank] == NULL) {
        records.entries[rank] = calloc(1, sizeof(entry_t));
    }
    return records.entries[rank];
}

static void records_tell(waiter_t *waiter, int rc, const void *record,
                         size_t size)
{
    waiter_t *next;

    for (; waiter != NULL; waiter = next) {
        next = waiter->next;
        waiter->func(rc, record, size, waiter->arg);
        free(waiter);
    }
}

/* Take all waiters of all entries. */
static waiter_t *records_take_waiters(void) RSMI_REQUIRES(records_lock)
{
    waiter_t *all = NULL, *waiter;
    uint32_t rank;

    for (rank = 0; rank < records.size; rank++) {
        entry_t *entry = records.entries[rank];

        while ((entry != NULL) && (entry->waiters != NULL)) {
            waiter = entry->waiters;
            entry->waiters = waiter->next;
            waiter->next = all;
            all = waiter;
        }
    }
    return all;
}

void rsmi_boot_records_close(void)
{
    const rsmi_time_t until = rsmi_deadline_in_ms(RECORDS_CLOSE_MS);
    entry_t **entries;
    waiter_t *waiters;
    uint32_t rank, size;

    rsmi_lock(&records_lock);
    if (records.entries == NULL) {
        rsmi_unlock(&records_lock);
        return;
    }
    waiters = records_take_waiters();
    entries = records.entries;
    size = records.size;
    records.entries = NULL;
    (void)pthread_cond_broadcast(&records_changed);
    while ((records.callers != 0) &&
           rsmi_cond_wait_until(&records_changed, &records_lock, until)) {
        /* they see that entries is NULL and leave */
    }
    size = (records.callers == 0) ? size : 0; /* better lost than dangling */
    rsmi_unlock(&records_lock);

    records_tell(waiters, RSMERR_REMOTE_NODE_UNREACHABLE, NULL, 0);
    for (rank = 0; rank < size; rank++) {
        if (entries[rank] != NULL) {
            free(entries[rank]->record);
            free(entries[rank]);
        }
    }
    free(entries);
}

static int records_store(entry_t *entry, const void *record, size_t size)
    RSMI_REQUIRES(records_lock)
{
    if (entry->size != 0) {
        return RSM_SUCCESS; /* a process publishes once */
    }
    if ((size == 0) || (size > RSMI_BOOT_RECORD_MAX)) {
        rsmi_warn("boot", "record of %zu bytes ignored", size);
        return RSMERR_SEG_NOT_PUBLISHED;
    }

    entry->record = malloc(size);
    if (entry->record == NULL) {
        return RSMERR_SEG_NOT_PUBLISHED;
    }
    memcpy(entry->record, record, size);
    entry->size = size;
    return RSM_SUCCESS;
}

int rsmi_boot_records_keep(uint32_t rank, const void *record, size_t size)
{
    int rc = RSMERR_INSUFFICIENT_MEM;
    entry_t *entry;

    rsmi_lock(&records_lock);
    entry = records_find(rank);
    if ((entry != NULL) &&
        (records_store(entry, record, size) == RSM_SUCCESS)) {
        rc = RSM_SUCCESS;
    }
    rsmi_unlock(&records_lock);
    return rc;
}

void rsmi_boot_records_answer(uint64_t question, int rc, const void *record,
                              size_t size)
{
    const uint32_t rank = (uint32_t)question;
    waiter_t *waiters;
    entry_t *entry;

    rsmi_lock(&records_lock);
    entry = records_find(rank);
    if ((entry == NULL) || ((uint32_t)(question >> 32) != records.epoch)) {
        rsmi_unlock(&records_lock);
        return;
    }
    if (rc == RSM_SUCCESS) {
        rc = records_store(entry, record, size);
    }
    entry->answered = entry->sent;
    entry->is_parked = false;
    waiters = entry->waiters;
    entry->waiters = NULL;
    (void)pthread_cond_broadcast(&records_changed);
    rsmi_unlock(&records_lock);

    records_tell(waiters, rc, record, size);
}

void rsmi_boot_records_lost(void)
{
    waiter_t *waiters = NULL;

    rsmi_lock(&records_lock);
    records.is_lost = true;
    if (records.entries != NULL) {
        waiters = records_take_waiters();
    }
    (void)pthread_cond_broadcast(&records_changed);
    rsmi_unlock(&records_lock);

    records_tell(waiters, RSMERR_REMOTE_NODE_UNREACHABLE, NULL, 0);
}

/* Send a question about @p rank. The lock is let go meanwhile, because the
 * answer may come from inside the call. */
static void records_ask(entry_t *entry, uint32_t rank)
    RSMI_REQUIRES(records_lock)
{
    const uint64_t question = ((uint64_t)records.epoch << 32) | rank;
    const rsmi_boot_provider_t *provider = records.provider;
    int rc;

    entry->sent++;
    rsmi_unlock(&records_lock);
    rc = provider->ask(rank, question);
    if (rc != RSM_SUCCESS) {
        rsmi_boot_records_answer(question, rc, NULL, 0);
    }
    rsmi_lock(&records_lock);
}

/* Counterpart of records.callers++; closing may be waiting for it. */
static void records_leave(void) RSMI_REQUIRES(records_lock)
{
    records.callers--;
    if (records.entries == NULL) {
        (void)pthread_cond_broadcast(&records_changed);
    }
}

/* What is known without asking: RSM_SUCCESS with the record in @p record_p,
 * RSMERR_REMOTE_NODE_UNREACHABLE, or RSMERR_SEG_NOT_PUBLISHED: ask. */
static int records_look(const entry_t *entry, void *record_p, size_t *size_p)
    RSMI_REQUIRES(records_lock)
{
    if (records.entries == NULL) {
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    if (entry->size != 0) {
        memcpy(record_p, entry->record, entry->size);
        *size_p = entry->size;
        return RSM_SUCCESS;
    }
    return (records.is_lost || entry->has_ended)
               ? RSMERR_REMOTE_NODE_UNREACHABLE
               : RSMERR_SEG_NOT_PUBLISHED;
}

static rsmi_time_t records_limit(const entry_t *entry, uint32_t rank,
                                 rsmi_time_t deadline)
    RSMI_REQUIRES(records_lock)
{
    const int64_t unparked_ms =
        records.provider->is_local(rank) ? RECORDS_LOCAL_MS : RECORDS_REMOTE_MS;
    const rsmi_time_t limit =
        rsmi_deadline_in_ms(entry->is_parked ? RECORDS_PARKED_MS : unparked_ms);

    return (limit < deadline) ? limit : deadline;
}

/* Wait until the record has come or a question sent after this call has been
 * answered. */
static int records_await(entry_t *entry, uint32_t rank, rsmi_time_t deadline,
                         void *record_p, size_t *size_p)
    RSMI_REQUIRES(records_lock)
{
    const uint32_t wanted = entry->sent + 1;
    const rsmi_time_t limit = records_limit(entry, rank, deadline);
    int rc;

    for (;;) {
        rc = records_look(entry, record_p, size_p);
        if (rc != RSMERR_SEG_NOT_PUBLISHED) {
            return rc;
        }
        if ((int32_t)(entry->answered - wanted) >= 0) {
            return rc;
        }
        if (entry->answered == entry->sent) {
            records_ask(entry, rank);
        } else if (!rsmi_cond_wait_until(&records_changed, &records_lock,
                                         limit)) {
            entry->is_parked = (limit != deadline);
            return records_look(entry, record_p, size_p);
        }
    }
}

/* A process that has published nothing may be late, or dead. */
static int records_check_alive(entry_t *entry, uint32_t rank)
    RSMI_REQUIRES(records_lock)
{
    const rsmi_boot_provider_t *provider = records.provider;
    bool has_ended;

    rsmi_unlock(&records_lock);
    has_ended = provider->has_ended(rank);
    rsmi_lock(&records_lock);
    if ((records.entries == NULL) || has_ended) {
        entry->has_ended = has_ended;
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    return RSMERR_SEG_NOT_PUBLISHED;
}

void rsmi_boot_fetch(uint32_t rank, rsmi_time_t deadline,
                     rsmi_boot_record_func_t func, void *arg)
{
    alignas(max_align_t) unsigned char record[RSMI_BOOT_RECORD_MAX];
    int rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    entry_t *entry;
    size_t size = 0;

    rsmi_lock(&records_lock);
    entry = records_find(rank);
    if (entry != NULL) {
        records.callers++;
        rc = records_await(entry, rank, deadline, record, &size);
        if ((rc == RSMERR_SEG_NOT_PUBLISHED) &&
            !rsmi_deadline_passed(deadline)) {
            rc = records_check_alive(entry, rank);
        }
        records_leave();
    }
    rsmi_unlock(&records_lock);

    func(rc, (rc == RSM_SUCCESS) ? record : NULL, size, arg);
}

void rsmi_boot_fetch_nowait(uint32_t rank, rsmi_boot_record_func_t func,
                            void *arg)
{
    alignas(max_align_t) unsigned char record[RSMI_BOOT_RECORD_MAX];
    waiter_t *waiter = malloc(sizeof(*waiter));
    int rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    entry_t *entry;
    size_t size = 0;

    rsmi_lock(&records_lock);
    entry = records_find(rank);
    if (entry != NULL) {
        rc = records_look(entry, record, &size);
    }
    if ((rc == RSMERR_SEG_NOT_PUBLISHED) && (waiter != NULL)) {
        *waiter = (waiter_t){entry->waiters, func, arg};
        entry->waiters = waiter;
        if (entry->answered == entry->sent) {
            records.callers++;
            records_ask(entry, rank);
            records_leave();
        }
        rsmi_unlock(&records_lock);
        return;
    }
    rsmi_unlock(&records_lock);

    free(waiter);
    func(rc, (rc == RSM_SUCCESS) ? record : NULL, size, arg);
}
