/* SPDX-License-Identifier: BSD-3-Clause */
/* What travels over tcp besides UCX's own messages: letters, fetches and orders
 * to an exporter, answers to an importer, from a process that knows both
 * addresses and keeps no rule. Nothing may be written or told but memory that is
 * registered, and honest ones are carried out as before. All three are in this
 * process. */
#include "fabric/fabric_internal.h"

#include "fuzz/fuzz.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_SIZE   ((size_t)8192)
#define FUZZ_MARGIN ((size_t)65536) /* of memory that is not registered */
#define FUZZ_CANARY 0x5a

/* Bits of the byte that comes before a message. */
#define SAY_KIND  0x07
#define SAY_REPLY 0x08
#define SAY_SIZE  0x10 /* the header has another size */
#define SAY_RNDV  0x20 /* the bytes are to be fetched */

/* Kinds; the others are letters. */
enum { SAY_FETCH = 1, SAY_ORDER, SAY_ANSWER, SAY_NOISE, SAY_PIECES, SAY_LIST };

/* Fetches and orders of one input, each of more than one byte. */
#define FUZZ_PROMISES 512
#define FUZZ_TICKET   (UINT64_C(1) << 40)

static struct {
    unsigned char *memory;
    uint64_t remote;
    int fd;
    pthread_mutex_t lock; /* the service thread's */
} exporter = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
    rsmi_fabric_peer_t *peer;
    rsmi_fabric_key_t *key;
    uint64_t word;
} importer;

/* What the answer to a fetch or an order brings. */
typedef struct {
    bool is_due; /* else there must be none */
    size_t length;
} promise_t;

static struct {
    ucp_worker_h worker;
    promise_t promises[FUZZ_PROMISES];
    size_t promise_count;
    ucp_ep_h to_exporter;
    ucp_ep_h to_importer;
    uint64_t last_ticket; /* that it asked and was answered by rights */
    bool is_answered;
} stranger;

static rsmi_fabric_wait_t patience(void)
{
    return (rsmi_fabric_wait_t){.deadline = rsmi_deadline_in_ms(FUZZ_PATIENCE)};
}

/* --- the exporter ------------------------------------------------------------ */

static void *exporter_main(void *arg)
{
    struct pollfd wait = {.fd = exporter.fd, .events = POLLIN};

    for (;;) {
        (void)poll(&wait, 1, -1);
        (void)pthread_mutex_lock(&exporter.lock);
        rsmi_fabric_service_progress(RSMI_FABRIC_TCP);
        (void)pthread_mutex_unlock(&exporter.lock);
    }
    return arg;
}

static int exporter_greet(const rsmi_fabric_card_t *card, void *arg)
{
    int rc;

    (void)arg;
    (void)pthread_mutex_lock(&exporter.lock);
    rc = rsmi_fabric_service_greet(RSMI_FABRIC_TCP, card);
    rsmi_fabric_service_progress(RSMI_FABRIC_TCP);
    (void)pthread_mutex_unlock(&exporter.lock);
    return rc;
}

static void exporter_start(rsmi_fabric_mem_t **mem_p, const void **address_p,
                           size_t *size_p)
{
    unsigned char *memory =
        mmap(NULL, FUZZ_SIZE + 2 * FUZZ_MARGIN, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;

    FUZZ_REQUIRE((void *)memory != MAP_FAILED);
    memset(memory, FUZZ_CANARY, FUZZ_SIZE + 2 * FUZZ_MARGIN);
    exporter.memory = memory + FUZZ_MARGIN;
    exporter.remote = (uintptr_t)exporter.memory;
    FUZZ_REQUIRE(rsmi_fabric_open() == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_service_open(RSMI_FABRIC_TCP, address_p, size_p,
                                          &exporter.fd) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_register(RSMI_FABRIC_TCP, exporter.memory,
                                      FUZZ_SIZE, mem_p) == RSM_SUCCESS);
    FUZZ_REQUIRE(pthread_create(&thread, NULL, exporter_main, NULL) == 0);
}

static void exporter_check(void)
{
    const unsigned char *before = exporter.memory - FUZZ_MARGIN;
    size_t i;

    for (i = 0; i < FUZZ_MARGIN; ++i) {
        FUZZ_REQUIRE(before[i] == FUZZ_CANARY);
        FUZZ_REQUIRE(exporter.memory[FUZZ_SIZE + i] == FUZZ_CANARY);
    }
}

/* --- the stranger ------------------------------------------------------------ */

static ucs_status_t stranger_hears(void *arg, const void *header,
                                   size_t header_len, void *data, size_t length,
                                   const ucp_am_recv_param_t *param)
{
    const promise_t *promise;
    rsmi_fabric_answer_t answer;

    (void)arg;
    (void)data;
    (void)param;
    FUZZ_REQUIRE(header_len == sizeof(answer));
    FUZZ_REQUIRE(length <= FABRIC_BOUNCE_SIZE);
    memcpy(&answer, header, sizeof(answer));
    stranger.is_answered |= (answer.ticket == stranger.last_ticket);
    if (answer.ticket - FUZZ_TICKET < stranger.promise_count) {
        promise = &stranger.promises[answer.ticket - FUZZ_TICKET];
        FUZZ_REQUIRE(promise->is_due && (promise->length == length));
    }
    return UCS_OK;
}

static uint64_t stranger_expects(bool is_due, size_t length)
{
    FUZZ_REQUIRE(stranger.promise_count < FUZZ_PROMISES);
    stranger.promises[stranger.promise_count] = (promise_t){is_due, length};
    return FUZZ_TICKET + stranger.promise_count++;
}

static void stranger_knock(const void *address, ucp_ep_h *ep_p)
{
    const ucp_ep_params_t params = {
        .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS,
        .address = address,
    };

    FUZZ_REQUIRE(ucp_ep_create(stranger.worker, &params, ep_p) == UCS_OK);
}

static void stranger_start(const void *exporters_address)
{
    const ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES,
                                 .features = UCP_FEATURE_AM};
    const ucp_worker_params_t worker_params = {0};
    rsmi_fabric_domain_t *domain = importer.peer->domain;
    ucp_context_h context;
    ucp_config_t *config;
    ucp_address_t *address;
    size_t size;

    FUZZ_REQUIRE(ucp_config_read(NULL, NULL, &config) == UCS_OK);
    FUZZ_REQUIRE(ucp_config_modify(config, "TLS", "tcp") == UCS_OK);
    FUZZ_REQUIRE(ucp_init(&params, config, &context) == UCS_OK);
    ucp_config_release(config);
    FUZZ_REQUIRE(ucp_worker_create(context, &worker_params, &stranger.worker) ==
                 UCS_OK);
    FUZZ_REQUIRE(rsmi_fabric_worker_handle(stranger.worker, FABRIC_ANSWER_ID,
                                           stranger_hears, NULL) == UCS_OK);
    stranger_knock(exporters_address, &stranger.to_exporter);
    FUZZ_REQUIRE(ucp_worker_get_address(domain->data, &address, &size) ==
                 UCS_OK);
    stranger_knock(address, &stranger.to_importer);
    ucp_worker_release_address(domain->data, address);
}

static void stranger_progress(void)
{
    rsmi_fabric_lock(importer.peer->domain);
    (void)rsmi_fabric_worker_progress(importer.peer->domain);
    rsmi_fabric_unlock(importer.peer->domain);
    (void)ucp_worker_progress(stranger.worker);
}

static void stranger_sends(ucp_ep_h ep, unsigned number, unsigned say,
                           const void *header, size_t size, const void *data,
                           size_t bytes)
{
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = (((say & SAY_REPLY) != 0) ? UCP_AM_SEND_FLAG_REPLY : 0) |
                 (((say & SAY_RNDV) != 0) ? UCP_AM_SEND_FLAG_RNDV
                                          : UCP_AM_SEND_FLAG_EAGER),
    };
    rsmi_time_t deadline = rsmi_deadline_in_ms(FUZZ_PATIENCE);
    ucs_status_ptr_t request =
        ucp_am_send_nbx(ep, number, header, size, data, bytes, &param);

    FUZZ_REQUIRE(!UCS_PTR_IS_ERR(request));
    if (!UCS_PTR_IS_PTR(request)) {
        return;
    }
    while (ucp_request_check_status(request) == UCS_INPROGRESS) {
        FUZZ_REQUIRE(!rsmi_deadline_passed(deadline));
        stranger_progress();
    }
    ucp_request_free(request);
}

static void stranger_says(ucp_ep_h ep, unsigned number, unsigned say,
                          const void *header, size_t size, size_t bytes)
{
    static const unsigned char data[2 * FUZZ_SIZE];

    stranger_sends(ep, number, say, header, size, data, bytes);
}

/* Until all that it said to the exporter has been carried out. */
static void stranger_waits(void)
{
    rsmi_fabric_letter_t letter = {.look_at = exporter.remote};
    rsmi_time_t deadline = rsmi_deadline_in_ms(FUZZ_PATIENCE);

    /* No ticket that another letter can have got by a few changed bytes. */
    letter.ticket = stranger.last_ticket += UINT64_C(0x9e3779b97f4a7c15);
    stranger.is_answered = false;
    stranger_says(stranger.to_exporter, FABRIC_LETTER_ID, SAY_REPLY, &letter,
                  sizeof(letter), 0);
    while (!stranger.is_answered) {
        FUZZ_REQUIRE(!rsmi_deadline_passed(deadline));
        stranger_progress();
    }
    stranger.promise_count = 0;
}

/* From nothing to twice as many bytes as there are to write to. */
static size_t how_many(fuzz_input_t *input)
{
    return (((size_t)fuzz_byte(input) << 8) | fuzz_byte(input)) %
           (2 * FUZZ_SIZE + 1);
}

static void say_letter(unsigned say, fuzz_input_t *input)
{
    rsmi_fabric_letter_t letters[4];
    size_t size = sizeof(letters[0]);

    memset(letters, 0, sizeof(letters));
    letters[0].remote = exporter.remote + 8 * (uint64_t)fuzz_byte(input);
    if ((say & SAY_REPLY) != 0) {
        letters[0].look_at = exporter.remote + FUZZ_SIZE - 8;
        letters[0].ticket = 1;
    }
    fuzz_change(input, letters, sizeof(letters[0]));
    if ((say & SAY_SIZE) != 0) {
        size = fuzz_byte(input) % (sizeof(letters) + 1);
    }
    stranger_says(stranger.to_exporter, FABRIC_LETTER_ID, say, letters, size,
                  how_many(input));
}

static bool is_registered(uint64_t remote, uint64_t size)
{
    return (remote >= exporter.remote) &&
           (remote - exporter.remote <= FUZZ_SIZE) &&
           (size <= FUZZ_SIZE - (remote - exporter.remote));
}

/* A letter that asks for bytes, and may bring some. */
static void say_fetch(unsigned say, fuzz_input_t *input)
{
    rsmi_fabric_letter_t letters[4];
    size_t size = sizeof(letters[0]), bytes;
    uint64_t wanted;

    memset(letters, 0, sizeof(letters));
    letters[0].remote = exporter.remote;
    letters[0].look_at = exporter.remote + 8 * (uint64_t)fuzz_byte(input);
    letters[0].fetch = how_many(input);
    fuzz_change(input, letters, sizeof(letters[0]));
    if ((say & SAY_SIZE) != 0) {
        size = fuzz_byte(input) % (sizeof(letters) + 1);
    }
    bytes = ((fuzz_byte(input) % 2) == 0) ? 0 : how_many(input);
    wanted = (letters[0].fetch != 0) ? letters[0].fetch : sizeof(uint64_t);
    letters[0].ticket = stranger_expects(
        (size == sizeof(letters[0])) && (letters[0].fetch <= FUZZ_SIZE) &&
            (((letters[0].look_at == 0) && (letters[0].fetch == 0)) ||
             is_registered(letters[0].look_at, wanted)) &&
            ((bytes == 0) || is_registered(letters[0].remote, bytes)),
        letters[0].fetch);
    stranger_says(stranger.to_exporter, FABRIC_LETTER_ID, say, letters, size,
                  bytes);
}

/* Parts that are good but for a few changed bytes. */
static size_t make_parts(rsmi_fabric_part_t parts[FABRIC_PARTS_MOST + 1],
                         fuzz_input_t *input)
{
    size_t count = fuzz_byte(input) % (FABRIC_PARTS_MOST + 2), i;

    for (i = 0; i < count; ++i) {
        parts[i].remote = exporter.remote + 32 * (uint64_t)fuzz_byte(input);
        parts[i].size = 1 + fuzz_byte(input);
    }
    if (count != 0) {
        fuzz_change(input, parts, count * sizeof(parts[0]));
    }
    return count;
}

/* A letter with a list of what is to be fetched. */
static void say_list(unsigned say, fuzz_input_t *input)
{
    rsmi_fabric_part_t parts[FABRIC_PARTS_MOST + 1];
    rsmi_fabric_letter_t letter = {.fetch = 0};
    size_t count = make_parts(parts, input), i;
    bool is_good = count <= FABRIC_PARTS_MOST;

    for (i = 0; i < count; ++i) {
        is_good = is_good && (parts[i].size != 0) &&
                  is_registered(parts[i].remote, parts[i].size);
        letter.fetch += parts[i].size;
    }
    if ((fuzz_byte(input) % 4) == 3) {
        letter.fetch += 1 + fuzz_byte(input);
        is_good = false;
    }
    is_good = is_good && (letter.fetch <= FABRIC_BOUNCE_SIZE);
    if (letter.fetch == 0) {
        return; /* then the bytes are no list */
    }
    letter.ticket = stranger_expects(is_good, letter.fetch);
    stranger_sends(stranger.to_exporter, FABRIC_LETTER_ID, say, &letter,
                   sizeof(letter), parts, count * sizeof(parts[0]));
}

/* A letter of several pieces, of which some are cut short or go elsewhere. */
static void say_pieces(unsigned say, fuzz_input_t *input)
{
    static unsigned char pieces[2 * FUZZ_SIZE];
    rsmi_fabric_part_t parts[FABRIC_PARTS_MOST + 1];
    const rsmi_fabric_letter_t letter = {.remote = 0};
    size_t count = make_parts(parts, input), at = 0, i;

    for (i = 0; i < count; ++i) {
        memcpy(pieces + at, &parts[i], sizeof(parts[i]));
        at += sizeof(parts[i]) + (parts[i].size & 0xff);
    }
    at -= (at < 256) ? 0 : fuzz_byte(input) % 4;
    stranger_sends(stranger.to_exporter, FABRIC_LETTER_ID, say, &letter,
                   sizeof(letter), pieces, at);
}

static void say_order(unsigned say, fuzz_input_t *input)
{
    rsmi_fabric_order_t orders[4];
    size_t size = sizeof(orders[0]), bytes;

    memset(orders, 0, sizeof(orders));
    orders[0].remote = exporter.remote + 8 * (uint64_t)fuzz_byte(input);
    orders[0].what = fuzz_byte(input) % (RSMI_ATOMIC_XOR + 2);
    orders[0].width = ((fuzz_byte(input) % 2) == 0) ? 8 : 4;
    orders[0].operand = fuzz_byte(input);
    orders[0].compare = fuzz_byte(input);
    fuzz_change(input, orders, sizeof(orders[0]));
    if ((say & SAY_SIZE) != 0) {
        size = fuzz_byte(input) % (sizeof(orders) + 1);
    }
    bytes = ((fuzz_byte(input) % 4) != 3) ? 0 : how_many(input);
    orders[0].ticket = stranger_expects(
        (size == sizeof(orders[0])) && (bytes == 0) &&
            (orders[0].what <= RSMI_ATOMIC_XOR) &&
            ((orders[0].width == 4) || (orders[0].width == 8)) &&
            (orders[0].remote % orders[0].width == 0) &&
            is_registered(orders[0].remote, orders[0].width),
        0);
    stranger_says(stranger.to_exporter, FABRIC_ORDER_ID, say, orders, size,
                  bytes);
}

/* To a question that has been asked: a ticket of the future is a forgery that
 * only UCX could tell, which believes more than that. */
static void say_answer(unsigned say, fuzz_input_t *input)
{
    uint64_t last = importer.peer->domain->last_ticket;
    uint64_t ago = fuzz_byte(input);
    rsmi_fabric_answer_t answers[4];
    size_t size = sizeof(answers[0]);

    memset(answers, 0, sizeof(answers));
    answers[0].ticket = (ago <= last) ? last - ago : UINT64_MAX - ago;
    answers[0].word = fuzz_byte(input);
    if ((say & SAY_SIZE) != 0) {
        size = fuzz_byte(input) % (sizeof(answers) + 1);
    }
    stranger_says(stranger.to_importer, FABRIC_ANSWER_ID, say & ~SAY_RNDV,
                  answers, size, how_many(input));
}

/* Messages that have no meaning where they go, hellos among them. */
static void say_noise(unsigned say, fuzz_input_t *input)
{
    unsigned number = fuzz_byte(input) % 2;
    unsigned char bytes[64] = {0};

    fuzz_change(input, bytes, sizeof(bytes));
    stranger_says(stranger.to_importer,
                  (number == 0) ? FABRIC_HELLO_ID : FABRIC_ANSWER_ID,
                  say & ~SAY_RNDV, bytes, fuzz_byte(input) % 8,
                  how_many(input));
}

/* --- the importer ------------------------------------------------------------ */

static void importer_start(void)
{
    rsmi_fabric_wait_t wait = patience();
    rsmi_fabric_mem_t *mem;
    const void *address;
    size_t size;
    void *key;

    exporter_start(&mem, &address, &size);
    FUZZ_REQUIRE(rsmi_fabric_connect(RSMI_FABRIC_TCP, address, size,
                                     &importer.peer) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_wire(importer.peer, exporter_greet, NULL, &wait) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_pack(mem, &key, &size) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_key_open(importer.peer, key, size,
                                      &importer.key) == RSM_SUCCESS);
    free(key);
    stranger_start(address);
}

/* A letter, a question that brings back what it wrote, a fetch-and-add on that,
 * and vectors of both words. */
static void importer_check(void)
{
    rsmi_fabric_wait_t wait = patience();
    rsmi_fabric_look_t look = {.remote = exporter.remote + FUZZ_SIZE - 8};
    uint64_t old, words[2] = {0};
    const rsmi_fabric_get_t gets[] = {{exporter.remote, &words[0], 8},
                                      {look.remote, &words[1], 8}};
    const rsmi_fabric_put_t puts[] = {{exporter.remote, &words[1], 8},
                                      {look.remote, &words[0], 8}};
    size_t done;

    ++importer.word;
    FUZZ_REQUIRE(rsmi_fabric_put(importer.key, exporter.remote, &importer.word,
                                 8, &wait) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_put_through(importer.key, look.remote,
                                         &importer.word, 8, &look,
                                         &wait) == RSM_SUCCESS);
    FUZZ_REQUIRE(look.word == importer.word);
    FUZZ_REQUIRE(memcmp(exporter.memory, &importer.word, 8) == 0);
    FUZZ_REQUIRE(rsmi_fabric_atomic(importer.key, RSMI_ATOMIC_ADD, 8,
                                    exporter.remote, 1, 0, &old,
                                    &wait) == RSM_SUCCESS);
    FUZZ_REQUIRE(old == importer.word);
    FUZZ_REQUIRE(rsmi_fabric_getv(importer.key, gets, 2, &wait, &done) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(words[0] == importer.word + 1);
    FUZZ_REQUIRE(words[1] == importer.word);
    FUZZ_REQUIRE(rsmi_fabric_putv(importer.key, puts, 2, true, &wait, &done) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_fabric_getv(importer.key, gets, 2, &wait, &done) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(words[0] == importer.word);
    FUZZ_REQUIRE(words[1] == importer.word + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input_t input = {bytes, size};
    unsigned say;

    if (importer.key == NULL) {
        importer_start();
    }
    while (input.left > 0) {
        say = fuzz_byte(&input);
        switch (say & SAY_KIND) {
        case SAY_FETCH:
            say_fetch(say, &input);
            break;
        case SAY_ORDER:
            say_order(say, &input);
            break;
        case SAY_ANSWER:
            say_answer(say, &input);
            break;
        case SAY_NOISE:
            say_noise(say, &input);
            break;
        case SAY_PIECES:
            say_pieces(say, &input);
            break;
        case SAY_LIST:
            say_list(say, &input);
            break;
        default:
            say_letter(say, &input);
            break;
        }
    }
    stranger_waits();
    importer_check();
    exporter_check();
    fuzz_count_descriptors();
    return 0;
}
