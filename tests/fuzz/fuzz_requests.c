/* SPDX-License-Identifier: BSD-3-Clause */
/* What an exporter hears: greetings, requests and answers from a process that
 * knows the job's secret and keeps no other rule. The exporter must survive,
 * forget the process when it goes, and serve honest ones as before. */
#include "core/node.h"
#include "core/path.h"
#include "fuzz/fuzz.h"
#include "rsmx.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FUZZ_SEGMENT ((rsm_memseg_id_t)RSM_HPC_ID_BASE)
#define FUZZ_SIZE    ((size_t)8192)

/* Bits of the byte that comes before a message. */
#define SAY_KIND      0x0f
#define SAY_ON_EVENTS 0x10
#define SAY_HALF      0x20 /* the rest never comes */

/* Kinds that are no type of message. */
enum { SAY_NOISE = 12, SAY_EVENT, SAY_WITHDRAW };

static struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    uint64_t last_session;
} exporter;

typedef union {
    rsmi_wire_header_t header;
    rsmi_wire_hello_t hello;
    rsmi_wire_connect_t connect;
    rsmi_wire_release_t release;
    rsmi_wire_post_t post;
    rsmi_wire_card_t card;
    char bytes[RSMI_WIRE_SMALL];
} message_t;

static void exporter_publish(void)
{
    rsm_memseg_id_t id = FUZZ_SEGMENT;

    FUZZ_REQUIRE(rsm_memseg_export_publish(exporter.segment, &id, NULL, 0) ==
                 RSM_SUCCESS);
}

static void exporter_start(void)
{
    void *memory;

    FUZZ_REQUIRE(setenv("RSM_BOOT", "single", 1) == 0);
    FUZZ_REQUIRE(setenv("RSM_LOG_LEVEL", "error", 1) == 0);
    FUZZ_REQUIRE(setenv("RSM_FENCE_TIMEOUT", "1ms", 1) == 0);
    FUZZ_REQUIRE(rsm_get_controller("ucx0", &exporter.controller) ==
                 RSM_SUCCESS);
    memory = mmap(NULL, FUZZ_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FUZZ_REQUIRE(memory != MAP_FAILED);
    FUZZ_REQUIRE(rsm_memseg_export_create(exporter.controller,
                                          &exporter.segment, memory, FUZZ_SIZE,
                                          0) == RSM_SUCCESS);
    exporter_publish();
}

static int knock(void)
{
    int fd;

    FUZZ_REQUIRE(rsmi_socket_connect_unix(rsmi_node_self()->name,
                                          rsmi_deadline_in_ms(FUZZ_PATIENCE),
                                          &fd) == RSM_SUCCESS);
    return fd;
}

/* --- messages --------------------------------------------------------------- */

static void make_hello(message_t *message, rsmi_wire_role_t role,
                       uint64_t session)
{
    message->hello.version = RSMI_WIRE_VERSION;
    message->hello.role = role;
    message->hello.session = session;
    memcpy(message->hello.secret, rsmi_node_self()->secret,
           sizeof(message->hello.secret));
    rsmi_frame_init(&message->header, RSMI_WIRE_HELLO, sizeof(message->hello),
                    0);
}

/* An honest message of this type, or noise of a few bytes. */
static size_t make_message(message_t *message, unsigned kind,
                           fuzz_input_t *input)
{
    size_t size;

    memset(message, 0, sizeof(*message));
    switch (kind) {
    case RSMI_WIRE_HELLO:
        make_hello(message, RSMI_ROLE_REQUEST, exporter.last_session);
        return sizeof(message->hello);
    case RSMI_WIRE_CONNECT:
        message->connect.segment = FUZZ_SEGMENT;
        message->connect.perm = RSM_PERM_RDWR;
        message->connect.paths = RSMI_PATH_SAME_HOST;
        size = sizeof(message->connect);
        break;
    case RSMI_WIRE_RELEASE:
    case RSMI_WIRE_WITHDRAWN:
        size = sizeof(message->release);
        break;
    case RSMI_WIRE_POST:
        size = sizeof(message->post);
        break;
    case RSMI_WIRE_CARD:
        message->card.size = RSMI_WIRE_CARD_BYTES;
        size = sizeof(message->card);
        break;
    default:
        return fuzz_byte(input) % sizeof(message->bytes);
    }
    rsmi_frame_init(&message->header, (rsmi_wire_type_t)kind, size, 0);
    return size;
}

static void say_message(unsigned say, const int sockets[2], fuzz_input_t *input)
{
    int fd = sockets[((say & SAY_ON_EVENTS) != 0) ? 1 : 0];
    size_t size;
    message_t message;

    size = make_message(&message, say & SAY_KIND, input);
    fuzz_change(input, &message, sizeof(message));
    fuzz_say(fd, &message, ((say & SAY_HALF) != 0) ? size / 2 : size);
}

/* --- one visitor ------------------------------------------------------------ */

/* An importer that is let in, as far as the input wants it. */
static void enter(int sockets[2], fuzz_input_t *input)
{
    unsigned how = fuzz_byte(input);
    message_t message = {0};
    rsmi_frame_t frame;
    int idx;

    ++exporter.last_session;
    for (idx = 0; idx < 2; ++idx) {
        sockets[idx] = knock();
        if ((how & (1u << idx)) != 0) {
            continue;
        }
        make_hello(&message, (idx == 0) ? RSMI_ROLE_REQUEST : RSMI_ROLE_EVENT,
                   exporter.last_session);
        fuzz_say(sockets[idx], &message, sizeof(message.hello));
        if (fuzz_hears(sockets[idx], &frame)) {
            rsmi_frame_clear(&frame);
        }
    }
}

/* What is still said to the visitor is heard to its end. */
static void leave(const int sockets[2])
{
    rsmi_frame_t frame;
    int idx;

    for (idx = 0; idx < 2; ++idx) {
        (void)shutdown(sockets[idx], SHUT_WR);
    }
    for (idx = 0; idx < 2; ++idx) {
        while (fuzz_hears(sockets[idx], &frame)) {
            rsmi_frame_clear(&frame);
        }
        (void)close(sockets[idx]);
    }
}

static void expect_service(void)
{
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    uint64_t value = exporter.last_session;
    uint32_t importers;
    int rc;

    FUZZ_REQUIRE(rsmx_export_get_importer_count(exporter.segment, &importers) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(importers == 0);
    do {
        rc =
            rsm_memseg_import_connect(exporter.controller, rsmi_node_of_rank(0),
                                      FUZZ_SEGMENT, RSM_PERM_RDWR, &import);
    } while (rc == RSMERR_INTERRUPTED);
    FUZZ_REQUIRE(rc == RSM_SUCCESS);
    FUZZ_REQUIRE(rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT,
                                                &barrier) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsm_memseg_import_put64(import, 64, &value, 1) == RSM_SUCCESS);
    FUZZ_REQUIRE(rsm_memseg_import_disconnect(import) == RSM_SUCCESS);
    /* The exporter hears of a disconnect a little later. */
    do {
        FUZZ_REQUIRE(rsmx_export_get_importer_count(exporter.segment,
                                                    &importers) == RSM_SUCCESS);
    } while (importers > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input_t input = {bytes, size};
    int sockets[2];
    unsigned say;

    if (exporter.segment == NULL) {
        exporter_start();
    }
    enter(sockets, &input);
    while (input.left > 0) {
        say = fuzz_byte(&input);
        switch (say & SAY_KIND) {
        case SAY_EVENT:
            (void)rsm_intr_signal_post(exporter.segment, say >> 4);
            break;
        case SAY_WITHDRAW:
            FUZZ_REQUIRE(rsm_memseg_export_unpublish(exporter.segment) ==
                         RSM_SUCCESS);
            exporter_publish();
            break;
        default:
            say_message(say, sockets, &input);
            break;
        }
    }
    leave(sockets);
    expect_service();
    fuzz_count_descriptors();
    return 0;
}
