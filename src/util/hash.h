/* SPDX-License-Identifier: BSD-3-Clause */
/* uthash, told to report a failed allocation instead of ending the process:
 * an element that could not be added has no table (hh.tbl is NULL). */
#ifndef RSMI_HASH_H
#define RSMI_HASH_H

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)
#include <uthash.h>

#endif
