/* SPDX-License-Identifier: BSD-3-Clause */
/* What an exporter answers is checked as if a stranger had written it: with any
 * of its bytes changed, the importer gets an error, or a segment that can be
 * accessed, and goes on with other exporters. */
#include "fake_exporter.h"

#include <stddef.h>

/* The honest offer works before and after all lies. */
static void expect_access(void)
{
    rsm_memseg_import_handle_t import = NULL;
    rsmapi_barrier_t barrier;
    uint64_t value = 42, back = 0;

    fake.lie = FAKE_HONEST;
    fake_leave();
    cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
    cr_assert_eq(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier),
        RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_put64(import, FAKE_SIZE - 8, &value, 1),
                 RSM_SUCCESS);
    cr_assert_eq(pread(fake.pages, &back, 8, FAKE_SIZE - 8), 8);
    cr_assert_eq(back, 42);
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
    fake_leave();
}

static void start(void)
{
    fake_start();
    expect_access();
}

static void stop(void)
{
    expect_access();
    fake_stop();
}

TestSuite(hostile_exporter, .init = start, .fini = stop, .timeout = 120);

/* Every byte that the offer gives access to is there. */
static void access_all(rsm_memseg_import_handle_t import)
{
    static char bytes[2 * FAKE_SIZE];
    rsmapi_barrier_t barrier;
    size_t size;
    int rc;

    cr_assert_eq(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier),
        RSM_SUCCESS);
    cr_assert_eq(rsmx_import_get_size(import, &size), RSM_SUCCESS);
    cr_assert_leq(size, sizeof(bytes));
    rc = rsm_memseg_import_get(import, 0, bytes, size);
    cr_assert((rc == RSM_SUCCESS) || (rc == RSMERR_CONN_ABORTED), "%s",
              rsmx_error_name(rc));
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
}

static int connect_to_liar(fake_lie_t lie, size_t offset, int flip)
{
    rsm_memseg_import_handle_t import = NULL;
    int rc;

    fake.lie = lie;
    fake.offset = offset;
    fake.flip = (unsigned char)flip;
    rc = fake_connect(&import);
    cr_assert((rc >= 0) && (rc <= RSMERR_QUEUE_FULL),
              "byte %zu changed by 0x%x: %d", offset, flip, rc);
    if (rc == RSM_SUCCESS) {
        access_all(import);
    }
    fake_leave();
    return rc;
}

Test(hostile_exporter, every_changed_byte_of_a_welcome)
{
    size_t offset;
    int flip, rc;

    for (offset = 0; offset < sizeof(rsmi_wire_welcome_t); ++offset) {
        for (flip = 1; flip < 256; flip = 2 * flip + 1) {
            rc = connect_to_liar(FAKE_WELCOME, offset, flip);
            /* Nothing follows a welcome that was accepted. */
            cr_assert_eq(rc, RSMERR_REMOTE_NODE_UNREACHABLE,
                         "byte %zu changed by 0x%x: %s", offset, flip,
                         rsmx_error_name(rc));
        }
    }
}

Test(hostile_exporter, every_changed_bit_of_an_offer)
{
    size_t offset;
    int bit;

    for (offset = 0; offset < sizeof(fake_offer_t); ++offset) {
        for (bit = 0; bit < 8; ++bit) {
            (void)connect_to_liar(FAKE_OFFER, offset, 1 << bit);
        }
    }
}

/* Offers that are well formed and promise what is not there. */
static void expect_offer_refused(const fake_offer_t *offer)
{
    rsm_memseg_import_handle_t import = NULL;
    fake_offer_t good = fake.offer;
    int rc;

    fake.lie = FAKE_HONEST;
    fake.offer = *offer;
    rc = fake_connect(&import);
    cr_assert_neq(rc, RSM_SUCCESS);
    cr_assert_str_neq(rsmx_error_name(rc), "RSMERR_UNKNOWN");
    fake_leave();
    fake.offer = good;
}

Test(hostile_exporter, promises_that_cannot_be_kept)
{
    fake_offer_t offer = fake.offer;

    offer.pieces[1].offset = FAKE_SIZE; /* beyond the end of the file */
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.pieces[1].offset = 8; /* no page */
    expect_offer_refused(&offer);
    offer.pieces[1].offset = (uint64_t)-4096;
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.head.size = (uint64_t)1 << 40; /* more than the pieces */
    expect_offer_refused(&offer);
    offer.pieces[1].size = offer.head.size - FAKE_SIZE / 2;
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.pieces[0].size = 0;
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.head.size = 0;
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.head.slot = (uint32_t)rsmi_life_slots();
    expect_offer_refused(&offer);
    offer = fake.offer;
    offer.head.rc = -5; /* no result of this library */
    expect_offer_refused(&offer);
    offer.head.rc = 100000;
    expect_offer_refused(&offer);
}

/* --- news -------------------------------------------------------------------- */

static void tell(const void *message, size_t size, size_t offset, int flip)
{
    unsigned char bytes[RSMI_WIRE_SMALL];

    memcpy(bytes, message, size);
    bytes[offset] ^= (unsigned char)flip;
    (void)send(fake.sockets[1], bytes, size, MSG_NOSIGNAL);
}

/* Whether it is heard or cuts off the exporter, the import can be let go. */
static void check_news(const void *message, size_t size, size_t cookie_at)
{
    rsm_memseg_import_handle_t import = NULL;
    unsigned char bytes[RSMI_WIRE_SMALL];
    size_t offset;
    int bit, rc;

    for (offset = 0; offset < size; ++offset) {
        for (bit = 0; bit < 8; ++bit) {
            cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
            memcpy(bytes, message, size);
            memcpy(bytes + cookie_at, &fake.cookie, sizeof(fake.cookie));
            tell(bytes, size, offset, 1 << bit);
            rc = rsm_intr_signal_wait(import, 0);
            cr_assert((rc == RSM_SUCCESS) || (rc == RSMERR_TIMEOUT));
            access_all(import);
            fake_leave();
        }
    }
}

Test(hostile_exporter, every_changed_bit_of_a_withdrawal)
{
    rsmi_wire_withdraw_t withdraw;

    rsmi_frame_init(&withdraw.header, RSMI_WIRE_WITHDRAW, sizeof(withdraw), 0);
    check_news(&withdraw, sizeof(withdraw),
               offsetof(rsmi_wire_withdraw_t, cookie));
}

Test(hostile_exporter, every_changed_bit_of_a_notice)
{
    rsmi_wire_notify_t notify = {.events = 1};

    rsmi_frame_init(&notify.header, RSMI_WIRE_NOTIFY, sizeof(notify), 0);
    check_news(&notify, sizeof(notify), offsetof(rsmi_wire_notify_t, cookie));
}

/* Withdrawn by word: what is stored afterwards does not arrive. */
Test(hostile_exporter, a_withdrawal_by_word_is_obeyed)
{
    rsm_memseg_import_handle_t import = NULL;
    rsmi_wire_withdraw_t withdraw;
    rsmapi_barrier_t barrier;
    rsmi_time_t deadline = rsmi_deadline_in_ms(FAKE_PATIENCE);
    uint64_t value = 1;
    int rc;

    cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
    cr_assert_eq(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier),
        RSM_SUCCESS);
    rsmi_frame_init(&withdraw.header, RSMI_WIRE_WITHDRAW, sizeof(withdraw), 0);
    withdraw.cookie = fake.cookie;
    tell(&withdraw, sizeof(withdraw), 0, 0);
    do {
        rc = rsm_memseg_import_put64(import, 0, &value, 1);
        cr_assert(!rsmi_deadline_passed(deadline), "never obeyed");
    } while (rc == RSM_SUCCESS);
    cr_assert_eq(rc, RSMERR_CONN_ABORTED);
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
}

/* An answer to a question that was given up is not taken for that to the next,
 * though both come at once. */
Test(hostile_exporter, late_answers_are_passed_over)
{
    rsm_memseg_import_handle_t import = NULL;
    unsigned knocks;

    cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
    knocks = atomic_load(&fake.knocks);
    fake.lie = FAKE_LATE;
    rsmi_config.timeout = 200;
    cr_assert_eq(fake_connect_once(&import), RSMERR_REMOTE_NODE_UNREACHABLE);
    rsmi_config.timeout = FAKE_PATIENCE;
    cr_assert_eq(fake_connect_once(&import), RSM_SUCCESS);
    access_all(import);
    cr_assert_eq(atomic_load(&fake.knocks), knocks, "it took new sockets");
}

/* What nobody asked for is taken neither for an answer nor for a part of one. */
Test(hostile_exporter, answers_to_nothing_are_not_taken)
{
    rsm_memseg_import_handle_t import = NULL;
    unsigned tries;
    int rc;

    for (tries = 0; tries < 50; ++tries) {
        cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
        cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
        fake.lie = FAKE_TWICE;
        rc = fake_connect_once(&import);
        if (rc == RSM_SUCCESS) {
            access_all(import);
        } else {
            cr_assert_eq(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
        }
        fake.lie = FAKE_HONEST;
        fake_leave();
    }
}

/* An offer of a single piece, whose size is that of the segment. */
Test(hostile_exporter, one_piece_is_all_or_nothing)
{
    rsm_memseg_import_handle_t import = NULL;
    const fake_offer_t honest = fake.offer;

    fake.offer.head.pieces = 1;
    fake.offer.pieces[0].size = FAKE_SIZE;
    cr_assert_eq(fake_connect(&import), RSM_SUCCESS);
    access_all(import);
    fake.offer.pieces[0].size = FAKE_SIZE / 2;
    cr_assert_eq(fake_connect_once(&import), RSMERR_INTERNAL_ERROR);
    fake.offer.pieces[0].size = 2 * FAKE_SIZE;
    cr_assert_eq(fake_connect_once(&import), RSMERR_INTERNAL_ERROR);
    fake.offer.pieces[0].size = FAKE_SIZE;
    fake.offer.pieces[0].offset = FAKE_SIZE;
    cr_assert_eq(fake_connect_once(&import), RSMERR_INTERNAL_ERROR);
    fake.offer = honest;
}
