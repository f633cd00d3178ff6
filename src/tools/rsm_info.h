/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to rsm_info. A *view* says one kind of thing about the library or
 * the host; it writes through info_*(), which makes text for people or JSON
 * for programs of it. */
#ifndef RSM_INFO_H
#define RSM_INFO_H

#include "util/compiler.h"

#include <rsmapi.h>
#include <rsmx.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* --- output (rsm_info_output.c) ------------------------------------------- */

#define INFO_DEPTH_MAX 8

typedef struct {
    FILE *stream;
    bool is_json;
    int indent;
    int depth; /* of what has begun and not ended; index of the following */
    bool is_list[INFO_DEPTH_MAX];
    bool is_indented[INFO_DEPTH_MAX];
    bool has_member[INFO_DEPTH_MAX]; /* the next one needs a comma before it */
} info_t;

void info_open(info_t *info, FILE *stream, bool is_json);

/* False when something could not be written. */
bool info_close(info_t *info);

/* An object that holds what is written up to info_end(). @p key is its name in
 * JSON (NULL inside of a list), @p title the line over it in text (NULL: no
 * line, and no further indent). */
void info_begin(info_t *info, const char *key, const char *title);

/* A list of objects; @p title as above. */
void info_begin_list(info_t *info, const char *key, const char *title);
void info_end(info_t *info);

void info_text(info_t *info, const char *key, const char *format, ...)
    RSMI_PRINTF(3, 4);
void info_number(info_t *info, const char *key, uint64_t value);
void info_flag(info_t *info, const char *key, bool value);

/* Number of bytes, with a unit in text. */
void info_bytes(info_t *info, const char *key, uint64_t bytes);

/* A number with @p unit after it in text. */
void info_measure(info_t *info, const char *key, double value,
                  const char *unit);

/* Text only: words up to the end of the line, the line being at @p column; the
 * lines after it begin there, too. */
void info_wrap(info_t *info, int column, const char *format, ...)
    RSMI_PRINTF(3, 4);

/* "24.0 GiB" */
void info_format_bytes(char *buffer, size_t size, uint64_t bytes);

/* --- the library (rsm_info_library.c) ------------------------------------- */

#define INFO_CONTROLLERS_MAX 16

typedef struct {
    char name[MAXNAMELEN];
    bool is_in_topology; /* loopback is not */
} info_controller_t;

/* The controllers that are there, loopback first. RSMERR_* when the library
 * does not start. */
int info_list_controllers(info_controller_t *list, size_t *count_p);

/* "RSMERR_TIMEOUT: time ran out" for a member or a check. */
void info_format_error(char *buffer, size_t size, const char *call, int rc);

typedef struct {
    double put_us;  /* 8 bytes, complete at the target */
    double get_us;  /* 8 bytes */
    double put_mbs; /* 10^6 bytes a second, large */
    double get_mbs;
} info_trip_t;

/* Offer memory of this process, then write, read, change and signal it through
 * the controller. On failure @p error says which call failed and how. */
int info_round_trip(char *name, info_trip_t *trip_p, char *error, size_t size);

/* --- checks (rsm_info_check.c, rsm_info_probe.c) -------------------------- */

typedef enum { CHECK_PASS, CHECK_WARN, CHECK_FAIL } check_status_t;

#define CHECK_TEXT_MAX 512

typedef struct {
    check_status_t status;
    char detail[CHECK_TEXT_MAX]; /* what was seen */
    char remedy[CHECK_TEXT_MAX]; /* what to do; empty when it passed */
} check_t;

void check_set(check_t *check, check_status_t status, const char *format, ...)
    RSMI_PRINTF(3, 4);
void check_advise(check_t *check, const char *format, ...) RSMI_PRINTF(2, 3);

/* The host and this process, without the library. */
void probe_variables(check_t *check);
void probe_shared_memory(check_t *check);
void probe_descriptors(check_t *check);
void probe_lockable_memory(check_t *check);
void probe_processors(check_t *check);
void probe_namespaces(check_t *check);
void probe_ptrace(check_t *check);
void probe_sysv(check_t *check);
void probe_membarrier(check_t *check);
void probe_userfault(check_t *check);

/* The library knows all launchers; @p start_rc is what it said at its start. */
void probe_launcher(check_t *check, int start_rc);

/* --- views: exit status of the program ------------------------------------ */

int view_version(info_t *info);
int view_build(info_t *info);
int view_config(info_t *info);
int view_devices(info_t *info);
int view_topology(info_t *info);
int view_check(info_t *info);

#endif
