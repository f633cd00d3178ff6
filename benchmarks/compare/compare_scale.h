/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of compare_scale. */
#ifndef CMP_COMPARE_SCALE_H
#define CMP_COMPARE_SCALE_H

#include "common_rsm.h"

#define SCALE_PAGE 4096
#define SCALE_GATE 0x400200 /* segment where the processes meet */
#define SCALE_ID   0x400300 /* and from here on those that are counted */

/* What a process takes up. */
typedef struct {
    double memory; /* bytes of its own that are really there */
    double shared; /* bytes of shared pages that it has touched */
    double tables; /* bytes of page tables */
    double mappings;
    double descriptors;
    double sockets; /* of these */
} scale_use_t;

typedef struct {
    cmp_t cmp;
    cmp_job_t job;
    rsm_memseg_import_handle_t gate;
    uint64_t passed; /* how often everybody has met */
} scale_t;

scale_use_t scale_use(void);

/* All processes have called it. */
void scale_meet(scale_t *scale);

/* Private pages, touched. */
unsigned char *scale_pages(size_t size);

/* A row of process 0; the others' are dropped. */
void scale_print(const scale_t *scale, const char *what, const char *unit,
                 size_t size, double value);

/* What was added since @p before, for each of @p count. */
void scale_print_use(const scale_t *scale, const char *what, size_t size,
                     const scale_use_t *before, double count);

/* Two processes: segments, imports, sizes, silence. */
void scale_run_pair(scale_t *scale);

#endif
