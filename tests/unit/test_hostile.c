/* SPDX-License-Identifier: BSD-3-Clause */
/* What strangers and broken peers send must harm nobody but themselves: each
 * message with each of its bytes changed in every way, messages cut off, too
 * long, out of order, and noise. */
#include "fabric/fabric.h"

#include "stranger.h"

#include <stddef.h>

TestSuite(hostile, .init = stranger_start, .fini = stranger_expect_service,
          .timeout = 120);

/* Unsigned: an offset before the field is far behind it. */
#define IS_IN(offset, type, field) \
    ((offset)-offsetof(type, field) < sizeof(((type *)NULL)->field))

/* --- greeting -------------------------------------------------------------- */

/* Only what carries no meaning in this place may differ. */
static bool is_hello_still_good(size_t offset)
{
    return IS_IN(offset, rsmi_wire_hello_t, header.tag) ||
           IS_IN(offset, rsmi_wire_hello_t, pad) ||
           IS_IN(offset, rsmi_wire_hello_t, session);
}

Test(hostile, every_changed_byte_of_a_greeting)
{
    rsmi_wire_hello_t hello;
    size_t offset;
    int fd, flip;

    for (offset = 0; offset < sizeof(hello); ++offset) {
        for (flip = 1; flip < 256; ++flip) {
            hello = stranger_hello(RSMI_ROLE_REQUEST, 7);
            ((unsigned char *)&hello)[offset] ^= (unsigned char)flip;
            fd = stranger_knock();
            stranger_say(fd, &hello, sizeof(hello));
            /* So that nobody waits for the rest of a longer one. */
            (void)shutdown(fd, SHUT_WR);
            cr_assert_eq(stranger_is_answered(fd), is_hello_still_good(offset),
                         "byte %zu changed by 0x%x", offset, flip);
            (void)close(fd);
        }
    }
}

/* The second socket of a process has to name the first. */
Test(hostile, every_changed_bit_of_a_second_greeting)
{
    rsmi_wire_hello_t hello;
    int requests, events;
    size_t offset;
    int bit;

    for (offset = 0; offset < sizeof(hello); ++offset) {
        for (bit = 0; bit < 8; ++bit) {
            requests = stranger_enter(RSMI_ROLE_REQUEST, 7);
            hello = stranger_hello(RSMI_ROLE_EVENT, 7);
            ((unsigned char *)&hello)[offset] ^= (unsigned char)(1 << bit);
            events = stranger_knock();
            stranger_say(events, &hello, sizeof(hello));
            (void)shutdown(events, SHUT_WR);
            cr_assert_eq(stranger_is_answered(events),
                         is_hello_still_good(offset) &&
                             !IS_IN(offset, rsmi_wire_hello_t, session),
                         "bit %d of byte %zu changed", bit, offset);
            (void)close(events);
            (void)close(requests);
        }
    }
}

/* --- requests -------------------------------------------------------------- */

#define ANY_RESULT (-2)

static int expected_of_question(const rsmi_wire_connect_t *question)
{
    if (((question->perm & ~(uint32_t)RSM_PERM_RDWR) != 0) ||
        ((question->paths & ~(uint32_t)RSMI_PATH_ALL) != 0)) {
        return RSMERR_PERM_DENIED;
    }
    if (question->segment != STRANGER_SEGMENT) {
        return RSMERR_SEG_NOT_PUBLISHED;
    }
    if ((question->paths & (RSMI_PATH_DIRECT | RSMI_PATH_NET)) == 0) {
        return ANY_RESULT; /* what else is there depends on the machine */
    }
    return RSM_SUCCESS;
}

/* One session serves all questions that are well formed. */
Test(hostile, every_changed_byte_of_a_question)
{
    rsmi_wire_connect_t question;
    int fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    int expected, flip, rc;
    size_t offset;

    for (offset = offsetof(rsmi_wire_connect_t, header.tag);
         offset < sizeof(question); ++offset) {
        for (flip = 1; flip < 256; ++flip) {
            question = stranger_question(7);
            ((unsigned char *)&question)[offset] ^= (unsigned char)flip;
            rc = stranger_ask(fd, &question);
            expected = expected_of_question(&question);
            cr_assert((rc == expected) ||
                          ((expected == ANY_RESULT) && (rc >= 0)),
                      "byte %zu changed by 0x%x: %s", offset, flip,
                      rsmx_error_name(rc));
        }
    }
    (void)close(fd);
}

/* Questions, and what is only told; @p size is that of the message. */
static void check_headers(const void *message, size_t size)
{
    char bytes[RSMI_WIRE_SMALL];
    rsmi_wire_header_t header;
    size_t offset;
    int fd, flip;
    bool is_other;

    for (offset = 0; offset < offsetof(rsmi_wire_header_t, tag); ++offset) {
        for (flip = 1; flip < 256; ++flip) {
            memcpy(bytes, message, size);
            bytes[offset] = (char)(bytes[offset] ^ flip);
            memcpy(&header, bytes, sizeof(header));
            /* Messages of equal size can become each other. */
            is_other = (size == sizeof(rsmi_wire_release_t)) &&
                       ((header.type == RSMI_WIRE_RELEASE) ||
                        (header.type == RSMI_WIRE_POST) ||
                        (header.type == RSMI_WIRE_WITHDRAWN));
            fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
            stranger_say(fd, bytes, size);
            if (!is_other || IS_IN(offset, rsmi_wire_header_t, magic) ||
                IS_IN(offset, rsmi_wire_header_t, size)) {
                (void)shutdown(fd, SHUT_WR);
                cr_assert(!stranger_is_answered(fd), "byte %zu changed by 0x%x",
                          offset, flip);
            }
            (void)close(fd);
        }
    }
}

Test(hostile, every_changed_byte_of_a_header)
{
    rsmi_wire_connect_t question = stranger_question(7);
    rsmi_wire_release_t release = {.cookie = 7, .is_clean = 1};

    check_headers(&question, sizeof(question));
    rsmi_frame_init(&release.header, RSMI_WIRE_RELEASE, sizeof(release), 0);
    check_headers(&release, sizeof(release));
}

/* Told without an answer: what is said next on the same socket is heard. */
static void check_told(const void *message, size_t size)
{
    rsmi_wire_connect_t question = stranger_question(7);
    int fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    char bytes[RSMI_WIRE_SMALL];
    size_t offset;
    int flip;

    for (offset = sizeof(rsmi_wire_header_t); offset < size; ++offset) {
        cr_assert_eq(stranger_ask(fd, &question), RSM_SUCCESS);
        for (flip = 1; flip < 256; ++flip) {
            memcpy(bytes, message, size);
            bytes[offset] = (char)(bytes[offset] ^ flip);
            stranger_say(fd, bytes, size);
        }
    }
    cr_assert_eq(stranger_ask(fd, &question), RSM_SUCCESS);
    (void)close(fd);
}

Test(hostile, every_changed_byte_of_what_is_told)
{
    rsmi_wire_release_t release = {.cookie = 7, .is_clean = 1};
    rsmi_wire_post_t post = {.cookie = 7};

    rsmi_frame_init(&release.header, RSMI_WIRE_RELEASE, sizeof(release), 0);
    check_told(&release, sizeof(release));
    rsmi_frame_init(&release.header, RSMI_WIRE_WITHDRAWN, sizeof(release), 0);
    check_told(&release, sizeof(release));
    rsmi_frame_init(&post.header, RSMI_WIRE_POST, sizeof(post), 0);
    check_told(&post, sizeof(post));
}

/* --- cut off, glued together, drop by drop --------------------------------- */

Test(hostile, a_message_cut_off_anywhere)
{
    rsmi_wire_hello_t hello = stranger_hello(RSMI_ROLE_REQUEST, 7);
    rsmi_wire_connect_t question = stranger_question(7);
    size_t size;
    int fd;

    for (size = 0; size < sizeof(hello); ++size) {
        fd = stranger_knock();
        stranger_say(fd, &hello, size);
        (void)shutdown(fd, SHUT_WR);
        cr_assert(!stranger_is_answered(fd), "after %zu bytes", size);
        (void)close(fd);
    }
    for (size = 0; size < sizeof(question); ++size) {
        fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
        stranger_say(fd, &question, size);
        (void)shutdown(fd, SHUT_WR);
        cr_assert(!stranger_is_answered(fd), "after %zu bytes", size);
        (void)close(fd);
    }
}

Test(hostile, messages_in_one_piece_and_byte_by_byte)
{
    struct {
        rsmi_wire_hello_t hello;
        rsmi_wire_connect_t question;
    } both = {stranger_hello(RSMI_ROLE_REQUEST, 7), stranger_question(7)};
    size_t offset;
    int fd;

    fd = stranger_knock();
    stranger_say(fd, &both, sizeof(both));
    cr_assert(stranger_is_answered(fd), "greeted");
    cr_assert(stranger_is_answered(fd), "answered");
    (void)close(fd);

    fd = stranger_knock();
    for (offset = 0; offset < sizeof(both); ++offset) {
        stranger_say(fd, (const char *)&both + offset, 1);
    }
    cr_assert(stranger_is_answered(fd), "greeted");
    cr_assert(stranger_is_answered(fd), "answered");
    (void)close(fd);
}

/* --- out of order ---------------------------------------------------------- */

static void expect_cut_off(int fd, const void *message, size_t size)
{
    stranger_say(fd, message, size);
    cr_assert(!stranger_is_answered(fd));
    (void)close(fd);
}

Test(hostile, messages_out_of_order)
{
    rsmi_wire_hello_t hello = stranger_hello(RSMI_ROLE_REQUEST, 7);
    rsmi_wire_connect_t question = stranger_question(7);
    rsmi_wire_release_t release = {.cookie = 7};
    int requests, events;

    /* No greeting. */
    expect_cut_off(stranger_knock(), &question, sizeof(question));
    rsmi_frame_init(&release.header, RSMI_WIRE_RELEASE, sizeof(release), 0);
    expect_cut_off(stranger_knock(), &release, sizeof(release));

    /* Greeted already. */
    expect_cut_off(stranger_enter(RSMI_ROLE_REQUEST, 7), &hello, sizeof(hello));

    /* A second socket without a first, and a third. */
    hello = stranger_hello(RSMI_ROLE_EVENT, 8);
    expect_cut_off(stranger_knock(), &hello, sizeof(hello));
    requests = stranger_enter(RSMI_ROLE_REQUEST, 8);
    events = stranger_enter(RSMI_ROLE_EVENT, 8);
    expect_cut_off(stranger_knock(), &hello, sizeof(hello));
    cr_assert_eq(stranger_ask(requests, &question), RSM_SUCCESS);

    /* A question on the wrong one of the two ends both. */
    expect_cut_off(events, &question, sizeof(question));
    cr_assert(!stranger_is_answered(requests));
    (void)close(requests);
}

/* An answer of the exporter's kind is no request. */
Test(hostile, messages_of_the_other_side)
{
    char bytes[RSMI_WIRE_SMALL] = {0};
    rsmi_wire_header_t header;
    uint32_t type, size;

    for (type = 0; type < 16; ++type) {
        for (size = sizeof(header); size <= sizeof(bytes); ++size) {
            if (((type == RSMI_WIRE_CONNECT) &&
                 (size == sizeof(rsmi_wire_connect_t))) ||
                (((type == RSMI_WIRE_RELEASE) || (type == RSMI_WIRE_POST) ||
                  (type == RSMI_WIRE_WITHDRAWN)) &&
                 (size == sizeof(rsmi_wire_release_t)))) {
                continue;
            }
            rsmi_frame_init(&header, (rsmi_wire_type_t)type, size, 0);
            memcpy(bytes, &header, sizeof(header));
            expect_cut_off(stranger_enter(RSMI_ROLE_REQUEST, 7), bytes, size);
        }
    }
}

/* --- cards --------------------------------------------------------------------- */

static rsmi_wire_card_t card_piece(uint32_t kind, uint32_t size,
                                   uint32_t offset)
{
    rsmi_wire_card_t piece = {.kind = kind, .size = size, .offset = offset};

    rsmi_frame_init(&piece.header, RSMI_WIRE_CARD, sizeof(piece), 0);
    return piece;
}

/* No worker is reached by this kind, so a whole card does nothing. */
Test(hostile, a_card_whose_pieces_do_not_fit)
{
    static const uint32_t bad[][3] = {
        {RSMI_FABRIC_SHM, 0, 0},
        {RSMI_FABRIC_SHM, 20, 20},
        {RSMI_FABRIC_SHM, UINT32_MAX, 0},
        {RSMI_FABRIC_SHM, RSMI_WIRE_BLOB_MAX + 1, 0},
        {RSMI_FABRIC_KINDS, 20, 0},
        {UINT32_MAX, 20, 0},
    };
    rsmi_wire_card_t piece;
    size_t idx;
    int fd;

    for (idx = 0; idx < sizeof(bad) / sizeof(bad[0]); ++idx) {
        piece = card_piece(bad[idx][0], bad[idx][1], bad[idx][2]);
        expect_cut_off(stranger_enter(RSMI_ROLE_REQUEST, 7), &piece,
                       sizeof(piece));
    }

    /* A gap, and a card that grows on its way. */
    fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    piece = card_piece(RSMI_FABRIC_SHM, 64, 0);
    stranger_say(fd, &piece, sizeof(piece));
    piece = card_piece(RSMI_FABRIC_SHM, 64, 32);
    expect_cut_off(fd, &piece, sizeof(piece));
    fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    piece = card_piece(RSMI_FABRIC_SHM, 32, 0);
    stranger_say(fd, &piece, sizeof(piece));
    piece = card_piece(RSMI_FABRIC_SHM, 64, 16);
    expect_cut_off(fd, &piece, sizeof(piece));
}

Test(hostile, a_whole_card_for_a_worker_that_is_not_there)
{
    rsmi_wire_connect_t question = stranger_question(7);
    int fd = stranger_enter(RSMI_ROLE_REQUEST, 7);
    rsmi_wire_card_t piece;
    uint32_t at;

    for (at = 0; at < 40; at += RSMI_WIRE_CARD_BYTES) {
        piece = card_piece(RSMI_FABRIC_SHM, 40, at);
        stranger_say(fd, &piece, sizeof(piece));
    }
    cr_assert_eq(stranger_ask(fd, &question), RSM_SUCCESS);
    (void)close(fd);
}

/* --- noise ------------------------------------------------------------------ */

static uint64_t noise_state = 0x9e3779b97f4a7c15u;

static uint64_t noise(void)
{
    noise_state ^= noise_state << 13;
    noise_state ^= noise_state >> 7;
    noise_state ^= noise_state << 17;
    return noise_state;
}

/* Half of it begins like a message, a part of it comes from members. */
static void make_noise(unsigned char *bytes, size_t size)
{
    rsmi_wire_header_t header = {.magic = RSMI_WIRE_MAGIC};
    size_t idx;

    for (idx = 0; idx < size; ++idx) {
        bytes[idx] = (unsigned char)noise();
    }
    if ((size >= sizeof(header)) && (noise() % 2 == 0)) {
        header.type = (uint32_t)(noise() % 12);
        header.size = (uint32_t)(noise() % 80);
        memcpy(bytes, &header, sizeof(header));
    }
}

Test(hostile, ten_thousand_pieces_of_noise)
{
    unsigned char bytes[256];
    rsmi_frame_t frame;
    size_t size;
    int fd, round;

    for (round = 0; round < 10000; ++round) {
        fd = (noise() % 4 == 0) ? stranger_enter(RSMI_ROLE_REQUEST, noise())
                                : stranger_knock();
        size = noise() % sizeof(bytes);
        make_noise(bytes, size);
        stranger_say(fd, bytes, size);
        (void)shutdown(fd, SHUT_WR);
        while (stranger_hears(fd, &frame)) {
            rsmi_frame_clear(&frame);
        }
        (void)close(fd);
    }
}

/* A greeting may bring the page of bells. Anything else is no help and no
 * harm, however much of it comes. */
Test(hostile, a_greeting_with_other_descriptors)
{
    rsmi_wire_hello_t hello = stranger_hello(RSMI_ROLE_REQUEST, 4711);
    rsmi_wire_connect_t question = stranger_question(1);
    struct iovec part = {&hello, sizeof(hello)};
    int fds[3], fd = stranger_knock(), idx;
    rsmi_frame_t frame;

    for (idx = 0; idx < 3; ++idx) {
        fds[idx] = memfd_create("other", MFD_CLOEXEC);
        cr_assert_eq(ftruncate(fds[idx], 16 << 20), 0); /* can be cut off */
    }
    cr_assert_eq(rsmi_frame_answer(fd, &part, 1, fds, 3), RSMI_SEND_DONE);
    cr_assert(stranger_hears(fd, &frame), "turned away");
    rsmi_frame_clear(&frame);
    question.bell = 1;
    cr_assert_eq(stranger_ask(fd, &question), RSM_SUCCESS);
    cr_assert_eq(rsm_intr_signal_post(stranger.segment, 0), RSM_SUCCESS);
    (void)close(fd);
}
