/* SPDX-License-Identifier: BSD-3-Clause */
/* Letters, questions and answers as nobody's library would write them: the one
 * who gets them stays alive, loses nothing, and serves others as before. */
#include "fabric/fabric_internal.h"

#include "ctrl/wire.h"
#include "fabric_target.h"
#include "util/compiler.h"

#define SIZE 8192

TestSuite(fabric_mail, .init = target_forget_environment, .timeout = 60);

/* --- to a target ------------------------------------------------------------ */

static target_t target;

/* Send what is no business of the library's by its own endpoint, and take the
 * request back when it is done. */
static void send_by_hand(unsigned number, const void *header, size_t header_len,
                         const void *data, size_t len, uint32_t flags)
{
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = flags,
    };
    rsmi_fabric_domain_t *domain = target.peer->domain;
    ucs_status_ptr_t request;

    rsmi_fabric_lock(domain);
    request = ucp_am_send_nbx(target.peer->ep, number, header, header_len, data,
                              len, &param);
    cr_assert_not(UCS_PTR_IS_ERR(request));
    if (UCS_PTR_IS_PTR(request)) {
        while (ucp_request_check_status(request) == UCS_INPROGRESS) {
            (void)rsmi_fabric_worker_progress(domain);
        }
        ucp_request_free(request);
    }
    rsmi_fabric_unlock(domain);
}

static void send_letter(uint64_t remote, uint64_t look_at, uint64_t ticket,
                        const void *data, size_t len)
{
    const rsmi_fabric_letter_t letter = {
        .remote = remote, .look_at = look_at, .ticket = ticket};

    send_by_hand(FABRIC_LETTER_ID, &letter, sizeof(letter), data, len,
                 UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY);
}

static void begin(void)
{
    target_begin(&target, &path_tcp, SIZE);
    target_warm_up(&target);
    memset(target.memory, 7, SIZE);
}

/* Nothing but the last word has changed. */
static void end(void)
{
    rsmi_fabric_wait_t wait = wait_ms(20000);
    rsmi_fabric_look_t look = {.remote = target.card.remote + SIZE - 8};
    uint64_t word = 12345;
    size_t i;

    cr_assert_eq(rsmi_fabric_put_through(target.key, look.remote, &word,
                                         sizeof(word), &look, &wait),
                 RSM_SUCCESS);
    cr_assert_eq(look.word, word);
    for (i = 0; i < SIZE - 8; ++i) {
        cr_assert_eq(target.memory[i], 7, "byte %zu", i);
    }
    target_end(&target);
}

Test(fabric_mail, nothing_is_written_outside_of_registered_memory)
{
    static const unsigned char data[FABRIC_BOUNCE_SIZE] = {1};
    uint64_t from, to, wrong[9];
    size_t i;

    begin();
    from = target.card.remote;
    to = from + SIZE;
    memcpy(wrong,
           (uint64_t[]){0, 8, from - 8, from - 1, to - 7, to, to + 4096,
                        UINT64_MAX - 3, from ^ ((uint64_t)1 << 63)},
           sizeof(wrong));
    for (i = 0; i < RSMI_COUNT_OF(wrong); ++i) {
        send_letter(wrong[i], 0, 0, data, 8);
        send_letter(wrong[i], from, 1000 + i, data, 8);
        send_letter(wrong[i], 0, 0, data, sizeof(data));
    }
    send_letter(from + 1, 0, 0, data, SIZE);
    end();
}

Test(fabric_mail, nothing_is_read_outside_of_registered_memory)
{
    uint64_t from, to, wrong[7];
    size_t i;

    begin();
    from = target.card.remote;
    to = from + SIZE;
    memcpy(wrong,
           (uint64_t[]){1, from - 1, from - 8, to - 7, to, UINT64_MAX,
                        from ^ ((uint64_t)1 << 63)},
           sizeof(wrong));
    for (i = 0; i < RSMI_COUNT_OF(wrong); ++i) {
        send_letter(0, wrong[i], 1000 + i, NULL, 0);
        /* All of a letter is good, or nothing of it is done. */
        send_letter(from, wrong[i], 2000 + i, "12345678", 8);
    }
    end();
}

Test(fabric_mail, nothing_is_fetched_outside_of_registered_memory)
{
    const uint64_t most = FABRIC_BOUNCE_SIZE;
    uint64_t from, to;
    size_t i;

    begin();
    from = target.card.remote;
    to = from + SIZE;
    const uint64_t wrong[][2] = {{0, 1},
                                 {0, most},
                                 {1, 8},
                                 {from - 1, 2},
                                 {to - 7, 8},
                                 {to, 1},
                                 {to - most, most + 1},
                                 {from, most + 1},
                                 {from, SIZE},
                                 {from, UINT64_MAX},
                                 {from + 8, UINT64_MAX - 7},
                                 {UINT64_MAX, 1}};
    for (i = 0; i < RSMI_COUNT_OF(wrong); ++i) {
        const rsmi_fabric_letter_t letter = {
            .look_at = wrong[i][0], .fetch = wrong[i][1], .ticket = 1000 + i};

        send_by_hand(FABRIC_LETTER_ID, &letter, sizeof(letter), NULL, 0,
                     UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY);
    }
    end();
}

/* Elsewhere, across words, of no width, of no kind, and for nobody. */
Test(fabric_mail, malformed_orders_are_not_carried_out)
{
    rsmi_fabric_order_t good, orders[10];
    size_t i;

    begin();
    good = (rsmi_fabric_order_t){.remote = target.card.remote,
                                 .operand = 1,
                                 .ticket = 1000,
                                 .what = RSMI_ATOMIC_ADD,
                                 .width = 8};
    for (i = 0; i < RSMI_COUNT_OF(orders); ++i) {
        orders[i] = good;
    }
    orders[0].remote -= 8;
    orders[1].remote += SIZE;
    orders[2].remote += 4;
    orders[3].remote = 0;
    orders[4].width = 0;
    orders[5].width = 2;
    orders[6].width = UINT32_MAX;
    orders[7].what = RSMI_ATOMIC_XOR + 1;
    orders[8].what = UINT32_MAX;
    orders[9].ticket = 0;
    for (i = 0; i < RSMI_COUNT_OF(orders); ++i) {
        send_by_hand(FABRIC_ORDER_ID, &orders[i], sizeof(orders[i]), NULL, 0,
                     UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY);
    }
    send_by_hand(FABRIC_ORDER_ID, &good, sizeof(good), NULL, 0,
                 UCP_AM_SEND_FLAG_EAGER);
    send_by_hand(FABRIC_ORDER_ID, &good, sizeof(good) - 1, NULL, 0,
                 UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY);
    send_by_hand(FABRIC_ORDER_ID, &good, sizeof(good), "12345678", 8,
                 UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY);
    end();
}

Test(fabric_mail, malformed_letters_are_dropped)
{
    static const size_t sizes[] = {0, 1, 8, 16, 24, 31, 33, 40, 1000};
    static unsigned char data[100000];
    rsmi_fabric_letter_t letters[50];
    size_t i;

    begin();
    memset(letters, 0, sizeof(letters));
    letters[0].remote = target.card.remote;
    for (i = 0; i < RSMI_COUNT_OF(sizes); ++i) {
        send_by_hand(FABRIC_LETTER_ID, letters, sizes[i], data, 8,
                     UCP_AM_SEND_FLAG_EAGER);
        send_by_hand(FABRIC_LETTER_ID, letters, sizes[i], NULL, 0,
                     UCP_AM_SEND_FLAG_REPLY);
    }
    /* A question that names nobody to answer. */
    letters[0].ticket = 1000;
    send_by_hand(FABRIC_LETTER_ID, letters, sizeof(letters[0]), NULL, 0,
                 UCP_AM_SEND_FLAG_EAGER);
    /* More bytes than there is memory, and bytes that are not sent along. */
    send_by_hand(FABRIC_LETTER_ID, letters, sizeof(letters[0]), data,
                 sizeof(data), UCP_AM_SEND_FLAG_EAGER);
    end();
}

Test(fabric_mail, messages_of_no_kind_are_dropped)
{
    static const unsigned numbers[] = {
        0, FABRIC_HELLO_ID, FABRIC_ANSWER_ID, 5, 6, 7, 8, 77};
    rsmi_fabric_letter_t letter = {0};
    size_t i;

    begin();
    letter.remote = target.card.remote;
    for (i = 0; i < RSMI_COUNT_OF(numbers); ++i) {
        send_by_hand(numbers[i], &letter, sizeof(letter), "12345678", 8,
                     UCP_AM_SEND_FLAG_EAGER);
        send_by_hand(numbers[i], &letter, sizeof(letter), NULL, 0,
                     UCP_AM_SEND_FLAG_REPLY);
    }
    end();
}

/* Bytes that the target would have to fetch belong to nobody's letter. */
Test(fabric_mail, letters_bring_their_bytes_along)
{
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = UCP_AM_SEND_FLAG_RNDV,
    };
    static unsigned char data[4096];
    rsmi_fabric_letter_t letter = {0};
    rsmi_time_t deadline;
    void *request;

    begin();
    letter.remote = target.card.remote;
    rsmi_fabric_lock(target.peer->domain);
    request = ucp_am_send_nbx(target.peer->ep, FABRIC_LETTER_ID, &letter,
                              sizeof(letter), data, sizeof(data), &param);
    cr_assert(UCS_PTR_IS_PTR(request));
    deadline = rsmi_deadline_in_ms(100);
    while (!rsmi_deadline_passed(deadline)) {
        (void)rsmi_fabric_worker_progress(target.peer->domain);
    }
    ucp_request_free(request);
    rsmi_fabric_unlock(target.peer->domain);
    end();
}

static size_t resident(pid_t pid)
{
    char path[64];
    size_t all, pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    cr_assert(file != NULL);
    cr_assert_eq(fscanf(file, "%zu %zu", &all, &pages), 2);
    fclose(file);
    return pages * (size_t)getpagesize();
}

/* Take in what has come, until nothing does any more. */
static void listen_to_target(void)
{
    rsmi_fabric_domain_t *domain = target.peer->domain;
    rsmi_time_t deadline = rsmi_deadline_in_ms(200);

    rsmi_fabric_lock(domain);
    while (!rsmi_deadline_passed(deadline)) {
        if (rsmi_fabric_worker_progress(domain) != 0) {
            deadline = rsmi_deadline_in_ms(200);
        }
    }
    rsmi_fabric_unlock(domain);
}

/* Who asks without end and takes no answer in costs the target no memory. */
Test(fabric_mail, a_flood_of_questions_is_not_kept)
{
    enum { QUESTIONS = 400000, SLACK = 4 << 20 };
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY,
    };
    static rsmi_fabric_letter_t letter = {.ticket = 1};
    ucs_status_ptr_t request = NULL;
    size_t before, after;
    int i;

    begin();
    before = resident(target.pid);
    rsmi_fabric_lock(target.peer->domain);
    for (i = 0; (i < QUESTIONS) && (request == NULL); ++i) {
        request = ucp_am_send_nbx(target.peer->ep, FABRIC_LETTER_ID, &letter,
                                  sizeof(letter), NULL, 0, &param);
    }
    rsmi_fabric_unlock(target.peer->domain);
    after = resident(target.pid);
    cr_assert_not(UCS_PTR_IS_ERR(request));
    /* Far more than the answers that a socket has room for. */
    cr_assert_gt(i, QUESTIONS / 10, "only %d questions got out", i);
    cr_assert_lt(after, before + SLACK, "%zu bytes more", after - before);
    if (request != NULL) {
        ucp_request_free(request);
    }
    listen_to_target();
    end();
}

/* --- to an importer --------------------------------------------------------- */

/* A worker that is no target of ours and knows our address. */
static struct {
    ucp_context_h context;
    ucp_worker_h worker;
    ucp_ep_h ep;
} other;

static void other_open(void)
{
    const ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES,
                                 .features = UCP_FEATURE_AM};
    const ucp_worker_params_t worker_params = {0};
    rsmi_fabric_domain_t *domain = target.peer->domain;
    ucp_ep_params_t ep_params = {.field_mask =
                                     UCP_EP_PARAM_FIELD_REMOTE_ADDRESS};
    ucp_config_t *config;
    ucp_address_t *address;
    size_t size;

    cr_assert_eq(ucp_config_read(NULL, NULL, &config), UCS_OK);
    cr_assert_eq(ucp_config_modify(config, "TLS", "tcp"), UCS_OK);
    cr_assert_eq(ucp_init(&params, config, &other.context), UCS_OK);
    ucp_config_release(config);
    cr_assert_eq(
        ucp_worker_create(other.context, &worker_params, &other.worker),
        UCS_OK);
    cr_assert_eq(ucp_worker_get_address(domain->data, &address, &size), UCS_OK);
    ep_params.address = address;
    cr_assert_eq(ucp_ep_create(other.worker, &ep_params, &other.ep), UCS_OK);
    ucp_worker_release_address(domain->data, address);
}

static void other_says(unsigned number, const void *header, size_t size)
{
    static const ucp_request_param_t no_param;
    ucs_status_ptr_t request =
        ucp_am_send_nbx(other.ep, number, header, size, NULL, 0, &no_param);

    cr_assert_not(UCS_PTR_IS_ERR(request));
    if (UCS_PTR_IS_PTR(request)) {
        while (ucp_request_check_status(request) == UCS_INPROGRESS) {
            (void)ucp_worker_progress(other.worker);
            rsmi_fabric_lock(target.peer->domain);
            (void)rsmi_fabric_worker_progress(target.peer->domain);
            rsmi_fabric_unlock(target.peer->domain);
        }
        ucp_request_free(request);
    }
}

/* Answers of every size, to questions that were answered, given up or never
 * asked, while one waits. */
Test(fabric_mail, answers_that_nobody_asked_for_are_dropped)
{
    rsmi_fabric_look_t look = {0};
    rsmi_fabric_answer_t answers[8];
    rsmi_fabric_wait_t wait;
    uint64_t ticket, word = 1;
    size_t size;

    begin();
    other_open();
    memset(answers, 0, sizeof(answers));
    look.remote = target.card.remote + SIZE - 8;
    target_stop(&target);
    wait = wait_ms(20);
    cr_assert_eq(rsmi_fabric_put_through(target.key, look.remote, &word,
                                         sizeof(word), &look, &wait),
                 RSMERR_BARRIER_FAILURE);
    for (ticket = 0; ticket < 10; ++ticket) {
        answers[0] = (rsmi_fabric_answer_t){.ticket = ticket, .word = 99};
        for (size = 0; size <= sizeof(answers); size += 8) {
            if ((size != sizeof(answers[0])) ||
                (ticket <= target.peer->domain->last_ticket)) {
                other_says(FABRIC_ANSWER_ID, answers, size);
            }
        }
    }
    answers[0].ticket = UINT64_MAX;
    other_says(FABRIC_ANSWER_ID, answers, sizeof(answers[0]));
    other_says(FABRIC_LETTER_ID, answers, sizeof(answers[0]));
    other_says(FABRIC_HELLO_ID, answers, 8);
    wait = wait_ms(20);
    cr_assert_eq(
        rsmi_fabric_flush_and_get(target.key, look.remote, &look.word, &wait),
        RSMERR_BARRIER_FAILURE);
    kill(target.pid, SIGCONT);
    end();
}

static rsmi_fabric_question_t late;

static bool answer_comes(const void *arg)
{
    (void)arg;
    late.is_answered = true;
    return false;
}

/* An operation that was carried out, and whose result is here, has not failed. */
Test(fabric_mail, an_answer_that_comes_with_the_deadline_counts)
{
    rsmi_fabric_wait_t wait = {.deadline = rsmi_clock_now(),
                               .is_lost = answer_comes};
    rsmi_fabric_domain_t *domain;
    int rc;

    begin();
    domain = target.peer->domain;
    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_mail_wait_answer(domain, target.peer, &late, &wait);
    rsmi_fabric_unlock(domain);
    cr_assert_eq(rc, RSM_SUCCESS);
    end();
}

/* Who changes them has to change the version, by which processes of another one
 * are turned away: they would drop each other's letters and wait. */
Test(fabric_mail, layouts_belong_to_the_version)
{
    cr_assert_eq(RSMI_WIRE_VERSION, 3);
    cr_assert_eq(RSMI_WIRE_MAGIC & 0xff, '0' + RSMI_WIRE_VERSION);
    cr_assert_eq(sizeof(rsmi_fabric_letter_t), 32);
    cr_assert_eq(sizeof(rsmi_fabric_order_t), 40);
    cr_assert_eq(sizeof(rsmi_fabric_answer_t), 16);
}

/* --- ranges ----------------------------------------------------------------- */

Test(fabric_mail, ranges_come_and_go_in_any_order) RSMI_NO_ANALYSIS
{
    enum { MANY = 500 };
    rsmi_fabric_ranges_t ranges = {.lock = RSMI_LOCK_INIT};
    uint64_t i, at;

    cr_assert_not(rsmi_fabric_range_has(&ranges, 0, 0));
    for (i = 0; i < MANY; ++i) {
        at = (1 + (i * 7) % MANY) * 4096;
        cr_assert(rsmi_fabric_range_add(&ranges, at, 1000));
    }
    for (i = 0; i < MANY; i += 2) {
        rsmi_fabric_range_remove(&ranges, (1 + i) * 4096);
        rsmi_fabric_range_remove(&ranges, (1 + i) * 4096 + 8);
    }
    cr_assert_eq(ranges.count, MANY / 2);
    for (i = 0; i < MANY; ++i) {
        at = (1 + i) * 4096;
        cr_assert_eq(rsmi_fabric_range_has(&ranges, at, 1000), i % 2);
        cr_assert_eq(rsmi_fabric_range_has(&ranges, at + 999, 1), i % 2);
        cr_assert_not(rsmi_fabric_range_has(&ranges, at, 1001));
        cr_assert_not(rsmi_fabric_range_has(&ranges, at + 1, SIZE_MAX));
        cr_assert_not(rsmi_fabric_range_has(&ranges, at + 1000, 1));
        cr_assert_not(rsmi_fabric_range_has(&ranges, at - 1, 2));
    }
    rsmi_fabric_range_clear(&ranges);
    cr_assert_not(rsmi_fabric_range_has(&ranges, 8192, 1));
}
