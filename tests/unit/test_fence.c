/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers that hear of the end of a publication and do not answer: they are
 * cut off without their help, and so is nobody else for good. */
#include "stranger.h"

#include <poll.h>

#define COOKIE 77u

static void start(void)
{
    cr_assert_eq(setenv("RSM_FENCE_TIMEOUT", "100ms", 1), 0);
    stranger_start();
}

TestSuite(fence, .init = start, .timeout = 60);

typedef struct {
    int requests;
    int events;
    char *pages; /* as mapped from the offer, NULL without */
} silent_t;

static void silent_connect(silent_t *silent, rsm_memseg_id_t id, uint32_t paths)
{
    rsmi_wire_connect_t question = stranger_question(COOKIE);
    const rsmi_wire_offer_t *offer;
    rsmi_frame_t frame;

    silent->requests = stranger_enter(RSMI_ROLE_REQUEST, id);
    silent->events = stranger_enter(RSMI_ROLE_EVENT, id);
    silent->pages = NULL;
    question.segment = id;
    question.paths = paths;
    stranger_say(silent->requests, &question, sizeof(question));
    cr_assert(stranger_hears(silent->requests, &frame));
    offer = frame.message;
    cr_assert_eq(offer->rc, RSM_SUCCESS);
    if (frame.fd_count > 0) {
        silent->pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                             frame.fds[0], 0);
        cr_assert_neq((void *)silent->pages, MAP_FAILED);
    }
    rsmi_frame_clear(&frame);
}

static void expect_told(const silent_t *silent)
{
    const rsmi_wire_withdraw_t *withdraw;
    rsmi_frame_t frame;

    cr_assert(stranger_hears(silent->events, &frame));
    withdraw = frame.message;
    cr_assert_eq(withdraw->header.type, RSMI_WIRE_WITHDRAW);
    cr_assert_eq(withdraw->cookie, COOKIE);
    rsmi_frame_clear(&frame);
}

static void unpublish_in_time(rsm_memseg_export_handle_t segment)
{
    rsmi_time_t begin = rsmi_clock_now();

    cr_assert_eq(rsm_memseg_export_unpublish(segment), RSM_SUCCESS);
    cr_assert_geq(rsmi_clock_now() - begin, 100000000, "nobody was waited for");
    cr_assert_lt(rsmi_clock_now() - begin, 10000000000);
}

static void publish_again(rsm_memseg_export_handle_t segment,
                          rsm_memseg_id_t id)
{
    cr_assert_eq(rsm_memseg_export_publish(segment, &id, NULL, 0), RSM_SUCCESS);
}

static void answer_late(const silent_t *silent)
{
    rsmi_wire_release_t message = {.cookie = COOKIE};

    rsmi_frame_init(&message.header, RSMI_WIRE_WITHDRAWN, sizeof(message), 0);
    stranger_say(silent->events, &message, sizeof(message));
    rsmi_frame_init(&message.header, RSMI_WIRE_RELEASE, sizeof(message), 0);
    stranger_say(silent->requests, &message, sizeof(message));
}

Test(fence, a_silent_importer_loses_the_pages)
{
    silent_t silent;

    silent_connect(&silent, STRANGER_SEGMENT, RSMI_PATH_DIRECT);
    silent.pages[0] = 1;
    cr_assert_eq(stranger.memory[0], 1);
    unpublish_in_time(stranger.segment);
    expect_told(&silent);
    silent.pages[0] = 2;
    cr_assert_eq(stranger.memory[0], 1, "it still reaches the memory");
    publish_again(stranger.segment, STRANGER_SEGMENT);
    silent.pages[0] = 3;
    cr_assert_eq(stranger.memory[0], 1, "it still reaches the memory");
    answer_late(&silent);
    stranger_expect_service();
}

Test(fence, a_silent_importer_through_ucx_is_left_behind)
{
    silent_t silent;

    silent_connect(&silent, STRANGER_SEGMENT, RSMI_PATH_NET);
    cr_assert_null(silent.pages);
    unpublish_in_time(stranger.segment);
    expect_told(&silent);
    publish_again(stranger.segment, STRANGER_SEGMENT);
    answer_late(&silent);
    stranger_expect_service();
}

Test(fence, destroying_waits_no_longer)
{
    silent_t silent;

    silent_connect(&silent, STRANGER_SEGMENT, RSMI_PATH_DIRECT);
    stranger.memory[5] = 5;
    cr_assert_eq(rsm_memseg_export_destroy(stranger.segment), RSM_SUCCESS);
    expect_told(&silent);
    silent.pages[5] = 6;
    cr_assert_eq(stranger.memory[5], 5);
}

/* --- segments that share pages ---------------------------------------------- */

static rsm_memseg_export_handle_t second_segment(uint_t flags)
{
    rsm_memseg_export_handle_t segment;

    cr_assert_eq(rsm_memseg_export_create(stranger.controller, &segment,
                                          stranger.memory + 4096,
                                          STRANGER_SIZE / 2, flags),
                 RSM_SUCCESS);
    publish_again(segment, STRANGER_SEGMENT + 1);
    return segment;
}

static rsm_memseg_import_handle_t connect_honest(rsmapi_barrier_t *barrier)
{
    rsm_memseg_import_handle_t import;

    cr_assert_eq(
        rsm_memseg_import_connect(stranger.controller, rsmi_node_of_rank(0),
                                  STRANGER_SEGMENT + 1, RSM_PERM_RDWR, &import),
        RSM_SUCCESS);
    cr_assert_eq(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, barrier),
        RSM_SUCCESS);
    return import;
}

/* Fresh pages take the place of those that the silent one has; whoever imports
 * another segment of the same pages is told, and may come again. */
Test(fence, importers_of_the_same_pages_connect_anew)
{
    rsm_memseg_export_handle_t other = second_segment(0);
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    uint64_t value = 9, back;
    silent_t silent;

    import = connect_honest(&barrier);
    cr_assert_eq(rsm_memseg_import_put64(import, 0, &value, 1), RSM_SUCCESS);
    silent_connect(&silent, STRANGER_SEGMENT, RSMI_PATH_DIRECT);
    unpublish_in_time(stranger.segment);
    cr_assert_eq(rsm_memseg_import_get64(import, 0, &back, 1),
                 RSMERR_CONN_ABORTED);
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);

    import = connect_honest(&barrier);
    cr_assert_eq(rsm_memseg_import_get64(import, 0, &back, 1), RSM_SUCCESS);
    cr_assert_eq(back, 9);
    value = 10;
    cr_assert_eq(rsm_memseg_import_put64(import, 0, &value, 1), RSM_SUCCESS);
    cr_assert_eq(memcmp(stranger.memory + 4096, &value, 8), 0);
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_export_destroy(other), RSM_SUCCESS);
}

/* Pages that belong to two segments cannot move along with one of them. */
Test(fence, rebind_of_shared_pages_needs_importers_through_ucx)
{
    rsm_memseg_export_handle_t other = second_segment(RSM_ALLOW_REBIND);
    char *fresh = mmap(NULL, 2 * STRANGER_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    silent_t silent;

    fresh[0] = 1;
    fresh[STRANGER_SIZE] = 2;
    cr_assert_eq(rsm_memseg_export_rebind(other, fresh, 0, STRANGER_SIZE / 2),
                 RSM_SUCCESS, "nobody imports it");
    cr_assert_eq(fresh[0], 1);

    cr_assert_eq(rsm_memseg_export_destroy(other), RSM_SUCCESS);
    other = second_segment(RSM_ALLOW_REBIND);
    silent_connect(&silent, STRANGER_SEGMENT + 1, RSMI_PATH_NET);
    cr_assert_eq(rsm_memseg_export_rebind(other, fresh, 0, STRANGER_SIZE / 2),
                 RSM_SUCCESS, "what lands, lands there");
    (void)close(silent.requests);
    (void)close(silent.events);

    cr_assert_eq(rsm_memseg_export_destroy(other), RSM_SUCCESS);
    other = second_segment(RSM_ALLOW_REBIND);
    silent_connect(&silent, STRANGER_SEGMENT + 1, RSMI_PATH_DIRECT);
    cr_assert_eq(rsm_memseg_export_rebind(other, fresh + STRANGER_SIZE, 0,
                                          STRANGER_SIZE / 2),
                 RSMERR_INSUFFICIENT_RESOURCES);
    silent.pages[0] = 7;
    cr_assert_neq(fresh[STRANGER_SIZE], 7);
    cr_assert_eq(fresh[STRANGER_SIZE], 2);
    cr_assert_eq(rsm_memseg_export_destroy(other), RSM_SUCCESS);
}
