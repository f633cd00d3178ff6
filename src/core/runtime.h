/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and stop of the library in this process, and what holds everywhere.
 *
 * Threads: those of the application, and one service thread that serves other
 * processes. The service thread never waits for another process, and for no
 * lock that is held by one who does.
 *
 * Locks, outermost first:
 *   runtime    start and stop
 *   export     one segment: publish, rebind, destroy
 *   memory     backings: which of the application's pages are shared
 *   directory  published segments and their importers (service thread too)
 *   request    one peer's request socket; held across a question and its
 *              answer, so never taken by the service thread
 *   peers      the table of peers and the imports of each (service thread too)
 *   import     the view and mapping of one import (service thread too)
 *   event      one event counter (service thread too)
 * Below them are leaves: handle table, guard, service queue, a peer's ways,
 * fabric domains. */
#ifndef RSMI_RUNTIME_H
#define RSMI_RUNTIME_H

#include "util/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* Start the library unless it runs. RSMERR_BAD_CONF, a malformed variable;
 * RSMERR_REMOTE_NODE_UNREACHABLE, a launcher we cannot talk to;
 * RSMERR_INSUFFICIENT_MEM, RSMERR_INSUFFICIENT_RESOURCES;
 * RSMERR_INTERNAL_ERROR, in the child of a fork or after exit has begun. A
 * start that failed may be tried again. */
int rsmi_runtime_start(void);

/* The part of it that reads the variables: enough for calls that need nobody
 * else. RSMERR_BAD_CONF. */
int rsmi_runtime_configure(void);

/* This process is the child of one that used the library. */
bool rsmi_runtime_is_forked(void);

/* Own place in the job; valid once started. */
uint32_t rsmi_runtime_rank(void);
uint32_t rsmi_runtime_size(void);

#endif
