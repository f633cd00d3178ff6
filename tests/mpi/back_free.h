/* SPDX-License-Identifier: BSD-3-Clause */
/* What back_free.c found when a window was freed. */
#ifndef RSM_TESTS_BACK_FREE_H
#define RSM_TESTS_BACK_FREE_H

extern int back_count; /* handles that came back at once */
extern int back_wrong; /* of these, what led to the window that had ended */

#endif
