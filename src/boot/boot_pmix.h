/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the PMIx provider. */
#ifndef RSMI_BOOT_PMIX_H
#define RSMI_BOOT_PMIX_H

#include <pmix.h>
#include <stdbool.h>
#include <stdint.h>

/* The launcher's table of processes (boot_table.c), for the one question that
 * PMIx_Get() does not answer: late, or dead? */
void rsmi_boot_table_open(const pmix_proc_t *self, uint32_t size);
void rsmi_boot_table_close(void);

/* False too when the launcher does not tell, or not soon. */
bool rsmi_boot_table_has_ended(uint32_t rank, bool is_local);

#endif
