/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/membarrier.h"

#include "util/valgrind.h"

#include <linux/membarrier.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static long membarrier_call(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

/* Under valgrind, which has no such call, threads take turns: whatever one has
 * stored is visible to the next. */
bool rsmi_membarrier_open(void)
{
    return (membarrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0) ||
           rsmi_is_valgrind();
}

void rsmi_membarrier(void)
{
    (void)membarrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    atomic_thread_fence(memory_order_seq_cst);
}
