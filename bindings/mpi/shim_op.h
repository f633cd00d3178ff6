/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on elements. */
#ifndef RSMI_SHIM_OP_H
#define RSMI_SHIM_OP_H

#include "shim_type.h"

/* MPI_SUCCESS; MPI_ERR_OP: not predefined, or not for this type. MPI_NO_OP
 * only where @p can_be_nothing. */
int rsmi_op_check(MPI_Op op, const rsmi_type_t *type, bool can_be_nothing);

/* @p size bytes of elements that lie side by side. */
void rsmi_op_apply(MPI_Op op, const rsmi_type_t *type, char *to,
                   const char *from, size_t size);

#endif
