/* SPDX-License-Identifier: BSD-3-Clause */
#include "topo/topo.h"
#include "topo/topo_kernel.h"

#include "rsmapi.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(topo, describes_this_host)
{
    rsmi_topo_t topo;

    cr_assert_eq(rsmi_topo_get(&topo), RSM_SUCCESS);
    cr_expect_eq(topo.processors, sysconf(_SC_NPROCESSORS_ONLN));
    cr_expect_geq(topo.processors, topo.cores);
    cr_expect_geq(topo.cores, 1);
    cr_expect_geq(topo.numa_nodes, 1);
    cr_expect_leq(topo.allowed, topo.processors);
    cr_expect_geq(topo.memory, (size_t)1 << 20);
    cr_expect_eq(topo.huge_page % 4096, 0);
    cr_expect_neq(topo.allowed_list[0], '\0');
    rsmi_topo_close();
}

Test(topo, returns_the_same_snapshot_again)
{
    rsmi_topo_t first, second;

    memset(&first, 1, sizeof(first));
    memset(&second, 2, sizeof(second));
    (void)rsmi_topo_get(&first);
    (void)rsmi_topo_get(&second);
    cr_expect_eq(first.processors, second.processors);
    cr_expect_str_eq(first.allowed_list, second.allowed_list);
    rsmi_topo_close();
    rsmi_topo_close();
}

Test(topo, allowed_processors_are_those_of_the_first_thread)
{
    cpu_set_t set;
    rsmi_topo_t topo;
    char expected[16];
    int cpu = 0;

    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    while (!CPU_ISSET(cpu, &set)) {
        cpu++;
    }
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
    (void)snprintf(expected, sizeof(expected), "%d", cpu);

    cr_assert_eq(rsmi_topo_get(&topo), RSM_SUCCESS);
    cr_expect_eq(topo.allowed, 1);
    cr_expect_str_eq(topo.allowed_list, expected);
    rsmi_topo_close();
}

Test(topo, kernel_tables_agree_with_hwloc)
{
    rsmi_topo_t topo, kernel;

    cr_assert_eq(rsmi_topo_get(&topo), RSM_SUCCESS);
    memset(&kernel, 0xa5, sizeof(kernel));
    rsmi_topo_read_kernel(&kernel);
    cr_expect_eq(kernel.processors, topo.processors);
    cr_expect_eq(kernel.cores, topo.cores);
    cr_expect_eq(kernel.allowed, topo.allowed);
    cr_expect_eq(kernel.numa_nodes, topo.numa_nodes);
    cr_expect_eq(kernel.core_cache, topo.core_cache);
    cr_expect_eq(kernel.shared_cache, topo.shared_cache);
    cr_expect_eq(kernel.huge_page, topo.huge_page);
    cr_expect_str_eq(kernel.allowed_list, topo.allowed_list);
    rsmi_topo_close();
}

Test(topo, binds_the_calling_thread)
{
    cpu_set_t before, after;
    rsmi_topo_t topo;
    char list[16];
    int cpu;

    cr_assert_eq(rsmi_topo_get(&topo), RSM_SUCCESS);
    cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    cpu = (int)strtol(topo.allowed_list, NULL, 10);
    (void)snprintf(list, sizeof(list), "%d", cpu);
    cr_assert_eq(rsmi_topo_bind_thread(list), RSM_SUCCESS);
    cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
    cr_expect_eq(CPU_COUNT(&after), 1);
    cr_expect(CPU_ISSET(cpu, &after));

    /* What the process was bound to before does not limit the next list. */
    cr_assert_eq(rsmi_topo_bind_thread(topo.allowed_list), RSM_SUCCESS);
    cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
    cr_expect(CPU_EQUAL(&before, &after));
    rsmi_topo_close();
}

Test(topo, processors_that_are_not_there_are_left_out_of_a_list)
{
    rsmi_topo_t topo;
    char list[300];

    cr_assert_eq(rsmi_topo_get(&topo), RSM_SUCCESS);
    (void)snprintf(list, sizeof(list), "%s,8191", topo.allowed_list);
    cr_expect_eq(rsmi_topo_bind_thread(list), RSM_SUCCESS);
    cr_expect_eq(rsmi_topo_bind_thread("8191"), RSMERR_BAD_CONF);
    rsmi_topo_close();
}

Test(topo, malformed_lists_are_refused)
{
    static const char *const lists[] = {
        "",   ",",    "0,",     ",0",    "0,,0",
        "-",  "-1",   "0-",     "1-0",   "a",
        "0 ", " 0",   "0x1",    "0-1-2", "0;1",
        "+0", "8192", "0-8192", "0:1",   "99999999999999999999999999",
    };
    cpu_set_t before, after;
    size_t i;

    cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        cr_expect_eq(rsmi_topo_bind_thread(lists[i]), RSMERR_BAD_CONF,
                     "list \"%s\"", lists[i]);
    }
    cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
    cr_expect(CPU_EQUAL(&before, &after), "a refused list bound the thread");
    rsmi_topo_close();
}

Test(topo, a_long_list_is_cut_short)
{
    char list[16] = "";

    rsmi_topo_append_range(list, sizeof(list), 0, 3);
    rsmi_topo_append_range(list, sizeof(list), 8, 8);
    cr_expect_str_eq(list, "0-3,8");
    rsmi_topo_append_range(list, sizeof(list), 10, 19);
    cr_expect_str_eq(list, "0-3,8,10-19");
    rsmi_topo_append_range(list, sizeof(list), 30, 39);
    cr_expect_str_eq(list, "0-3,8,10-19...");
    rsmi_topo_append_range(list, sizeof(list), 5, 5);
    cr_expect_str_eq(list, "0-3,8,10-19...");
}
