/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_next.h"

#include <dlfcn.h>

rsmi_next_t rsmi_next;

/* Behind this library, or in front of it when the program has been linked in
 * that order; nothing is taken over then. */
static void *next_find(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    return (function != NULL) ? function : dlsym(RTLD_DEFAULT, name);
}

#define RSMI_NEXT(name)                                \
    {                                                  \
        union {                                        \
            void *object;                              \
            __typeof__(MPI_##name) *function;          \
        } next = {.object = next_find("PMPI_" #name)}; \
        rsmi_next.name = next.function;                \
    }

__attribute__((constructor)) static void next_start(void)
{
#include "shim_next.def"
}
