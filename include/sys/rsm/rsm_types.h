/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Base types that RSMAPI sources expect from the system and that glibc does
 * not have, or hides from programs compiled for strict ISO C.
 *
 * Included by the other RSMAPI headers; programs have no need to name it.
 *
 * Old sources often bring the same definitions along. They may do so before or
 * after this header and in any language standard: the pragma below makes the
 * compiler accept an equal typedef twice, which C did not allow before C11. A
 * program that means something else by one of these names defines
 * RSM_NO_BASE_TYPES first and provides all of them itself.
 */
#ifndef _SYS_RSM_RSM_TYPES_H
#define _SYS_RSM_RSM_TYPES_H

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/param.h>
#include <poll.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef RSM_NO_BASE_TYPES

#ifndef uint_t
typedef unsigned int uint_t;
#endif

#ifndef ulong_t
typedef unsigned long ulong_t;
#endif

#ifndef uchar_t
typedef unsigned char uchar_t;
#endif

/* Signed and 64 bits wide whatever the width of off_t is. */
#ifndef offset_t
typedef long long offset_t;
#endif

/* glibc has it, but not in strict ISO modes. */
#ifndef caddr_t
typedef char *caddr_t;
#endif

#endif /* RSM_NO_BASE_TYPES */

/* Room for a controller's name with its terminating NUL. */
#ifndef MAXNAMELEN
#define MAXNAMELEN 256
#endif

/* What poll() reports for an event; glibc hides the name in strict modes. */
#ifndef POLLRDNORM
#define POLLRDNORM 0x040
#endif

#ifdef __cplusplus
}
#endif

#endif /* _SYS_RSM_RSM_TYPES_H */
