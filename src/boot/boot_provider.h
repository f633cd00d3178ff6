/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/boot. A *provider* knows the job and can ask for a record;
 * boot_records.c keeps what has come and does all the waiting, so that a
 * provider never waits for another process. */
#ifndef RSMI_BOOT_PROVIDER_H
#define RSMI_BOOT_PROVIDER_H

#include "boot/boot.h"

typedef struct {
    const char *name;
    int (*open)(rsmi_boot_lost_func_t lost, rsmi_boot_job_t *job_p);
    /* No answer and no loss is reported once it has returned. */
    void (*close)(void);
    bool (*is_local)(uint32_t rank);
    int (*publish)(const void *record, size_t size);
    /* Send the question and return. The answer comes by
     * rsmi_boot_records_answer(), from here or from another thread; anything
     * but RSM_SUCCESS means that none will come. */
    int (*ask)(uint32_t rank, uint64_t question);
    /* Whether the process is known to have ended. May take a millisecond;
     * is only called for a process that has published nothing. */
    bool (*has_ended)(uint32_t rank);
} rsmi_boot_provider_t;

extern const rsmi_boot_provider_t rsmi_boot_pmix;
extern const rsmi_boot_provider_t rsmi_boot_single;

/* Who started this process, by the environment. RSM_SUCCESS with the provider;
 * RSMERR_REMOTE_NODE_UNREACHABLE after a help message. Looks at nothing but
 * the environment and RSM_BOOT. */
int rsmi_boot_detect(const rsmi_boot_provider_t **provider_p);

int rsmi_boot_records_open(const rsmi_boot_provider_t *provider, uint32_t size);
/* Answers every open question with RSMERR_REMOTE_NODE_UNREACHABLE. Answers
 * that come later are dropped. */
void rsmi_boot_records_close(void);

/* A record that needs no question: the process's own. */
int rsmi_boot_records_keep(uint32_t rank, const void *record, size_t size);

/* The answer to @p question, with RSM_SUCCESS and a record, or one of the two
 * errors of rsmi_boot_record_func_t. */
void rsmi_boot_records_answer(uint64_t question, int rc, const void *record,
                              size_t size);

/* The launcher has gone: what has not come will not come. */
void rsmi_boot_records_lost(void);

#endif
