/* SPDX-License-Identifier: BSD-3-Clause */
/* Two processes without a launcher: for peers that bring none. */
#ifndef CMP_COMMON_TWO_H
#define CMP_COMMON_TWO_H

#include "common.h"

/* Becomes two processes, each on its core, and tells them apart by rank. */
void cmp_fork(cmp_t *cmp);

/* Ends both: the first process with the second one's status. */
_Noreturn void cmp_join(cmp_t *cmp);

/* Bytes to and from the other process; both sleep. */
void cmp_send(cmp_t *cmp, const void *bytes, size_t size);
void cmp_receive(cmp_t *cmp, void *bytes, size_t size);
bool cmp_has_received(cmp_t *cmp); /* does not wait */

/* Sleeps until such a byte has come or @p fd is readable, or for a second. */
void cmp_doze(cmp_t *cmp, int fd);

/* Each tells that it is here, and sleeps until the other one is. */
void cmp_meet(cmp_t *cmp);

#endif
