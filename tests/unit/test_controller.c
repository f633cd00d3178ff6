/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/controller.h"

#include "core/limits.h"
#include "rsmx.h"
#include "util/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A job of one node with tcp and no shared memory. */
static void start_tcp(void)
{
    rsm_node_id_t node;

    cr_assert_eq(setenv("RSM_BOOT", "single", 1), 0);
    cr_assert_eq(setenv("UCX_TLS", "tcp,self", 1), 0);
    cr_assert_eq(setenv("RSM_CONTROLLER_ALIAS",
                        "sci0=ucx0,wrsm1=LOOPBACK,dead0=nothing0", 1),
                 0);
    cr_assert_eq(rsmx_get_node_id(&node), RSM_SUCCESS);
}

TestSuite(controller, .init = start_tcp);

static bool is_named(const char *name, const char *expected)
{
    const rsmi_controller_t *controller = rsmi_controller_find(name);

    return (expected == NULL) ? (controller == NULL)
                              : ((controller != NULL) &&
                                 (strcmp(controller->name, expected) == 0));
}

Test(controller, those_that_are_here_come_in_order)
{
    cr_assert_str_eq(rsmi_controller_at(0)->name, "loopback");
    cr_assert_str_eq(rsmi_controller_at(1)->name, "ucx0");
    cr_assert_str_eq(rsmi_controller_at(2)->name, "tcp0", "shm0 is not here");
    cr_assert_null(rsmi_controller_at(5));
    cr_assert_null(rsmi_controller_at((size_t)-1));
}

Test(controller, names)
{
    cr_assert(is_named(NULL, "loopback"));
    cr_assert(is_named("loopback", "loopback"));
    cr_assert(is_named("LoopBack", "loopback"));
    cr_assert(is_named("loopback0", "loopback"));
    cr_assert(is_named("loopback17", "loopback"));
    cr_assert(is_named("loopbackx", NULL));
    cr_assert(is_named("loop", NULL));
    cr_assert(is_named("ucx0", "ucx0"));
    cr_assert(is_named("UCX0", "ucx0"));
    cr_assert(is_named("ucx", "ucx0"));
    cr_assert(is_named("ucx1", NULL));
    cr_assert(is_named("ucx00", NULL));
    cr_assert(is_named("tcp", "tcp0"));
    cr_assert(is_named("shm0", NULL));
    cr_assert(is_named("", NULL));
}

Test(controller, aliases)
{
    cr_assert(is_named("sci0", "ucx0"));
    cr_assert(is_named("SCI0", "ucx0"));
    cr_assert(is_named("sci", NULL), "an alias is taken by the letter");
    cr_assert(is_named("wrsm1", "loopback"));
    cr_assert(is_named("dead0", NULL));
    cr_assert(is_named("sci0=ucx0", NULL));
}

Test(controller, one_handle_while_anybody_has_it)
{
    const rsmi_controller_t *controller = rsmi_controller_at(0);
    rsmapi_controller_handle_t first, second, other;

    cr_assert_eq(rsmi_controller_open(controller, &first), RSM_SUCCESS);
    cr_assert_eq(rsmi_controller_open(controller, &second), RSM_SUCCESS);
    cr_assert_eq(rsmi_controller_open(rsmi_controller_at(1), &other),
                 RSM_SUCCESS);
    cr_assert_eq(first, second);
    cr_assert_neq(first, other);
    cr_assert_eq(rsmi_controller_of(first), controller);
    cr_assert_eq(rsmi_controller_of(other), rsmi_controller_at(1));

    cr_assert_eq(rsmi_controller_close(first), RSM_SUCCESS);
    cr_assert_eq(rsmi_controller_of(first), controller);
    cr_assert_eq(rsmi_controller_close(first), RSM_SUCCESS);
    cr_assert_null(rsmi_controller_of(first));
    cr_assert_eq(rsmi_controller_close(first), RSMERR_BAD_CTLR_HNDL);
    cr_assert_eq(rsmi_controller_of(other), rsmi_controller_at(1));

    cr_assert_eq(rsmi_controller_open(controller, &second), RSM_SUCCESS);
    cr_assert_neq(first, second, "a stale handle came to life");
    cr_assert_null(rsmi_controller_of(first));
    cr_assert_null(rsmi_controller_of(NULL));
    cr_assert_eq(rsmi_controller_close(NULL), RSMERR_BAD_CTLR_HNDL);
}

Test(controller, addresses_differ)
{
    const rsmi_controller_t *one, *other;
    size_t idx, at;

    for (idx = 0; (one = rsmi_controller_at(idx)) != NULL; ++idx) {
        for (at = idx + 1; (other = rsmi_controller_at(at)) != NULL; ++at) {
            cr_assert_neq(rsmi_controller_address(one, 0),
                          rsmi_controller_address(other, 0));
            cr_assert_neq(rsmi_controller_address(one, 1),
                          rsmi_controller_address(other, 0));
        }
        cr_assert_neq(rsmi_controller_address(one, 1),
                      rsmi_controller_address(one, 0));
        cr_assert(rsmi_controller_reaches(one, 0), "the own node");
    }
    cr_assert(!rsmi_controller_reaches(rsmi_controller_at(0), 1));
    cr_assert(rsmi_controller_reaches(rsmi_controller_at(1), 1));
}

Test(controller, attributes_are_plausible)
{
    rsmapi_controller_attr_t attr;

    rsmi_limits_get(rsmi_controller_at(1), &attr);
    cr_assert_eq(attr.attr_page_size, rsmi_limits_page_size());
    cr_assert_gt(attr.attr_max_export_segment_size, 0);
    cr_assert_eq(attr.attr_max_export_segment_size % attr.attr_page_size, 0);
    cr_assert_geq(attr.attr_tot_export_segment_size,
                  attr.attr_max_export_segment_size);
    cr_assert_gt(attr.attr_max_export_segments, 0);
    cr_assert_gt(attr.attr_max_import_segments, 0);
    cr_assert_geq(attr.attr_max_import_map_size,
                  attr.attr_max_export_segment_size);
}
