/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has nothing to do does nothing. */
#include "multi.h"
#include "service.h"

#include <unistd.h>

#define PAGE    ((size_t)4096)
#define SECONDS 3

/* Connections stand on all ways, data have gone through them, somebody has a
 * poll descriptor: without traffic the service thread does not wake once. */
MULTI_TEST(idle, the_service_thread_sleeps, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    struct pollfd entry;
    long before;

    multi_publish(&segment, PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    multi_put64(&import, 0, 1);
    MULTI_OK(rsm_memseg_get_pollfd(segment.handle, &entry));
    MULTI_OK(rsm_intr_signal_post(import.handle, 0));
    MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    multi_sync();

    /* What is under way arrives within the first second; a thread that polls
     * wakes in every one. */
    (void)sleep(1);
    before = service_switches();
    cr_assert_gt(before, 0, "no service thread was found");
    (void)sleep(SECONDS);
    cr_assert_eq(service_switches(), before);

    multi_sync();
    MULTI_OK(rsm_memseg_release_pollfd(segment.handle));
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}
