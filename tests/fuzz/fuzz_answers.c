/* SPDX-License-Identifier: BSD-3-Clause */
/* What an importer hears: welcomes, offers and events of an exporter that
 * keeps no rule but to send real descriptors. The importer must get an answer
 * to every call, and be whole when the exporter has gone. Ways through UCX are
 * not offered, because UCX believes what a key says. */
#include "boot/boot.h"
#include "core/import.h"
#include "core/node.h"
#include "core/path.h"
#include "core/service.h"
#include "ctrl/bell.h"
#include "ctrl/life.h"
#include "fuzz/fuzz.h"
#include "rsmx.h"
#include "util/config.h"
#include "util/log.h"
#include "util/signals.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FUZZ_SIZE ((size_t)8192)
#define FUZZ_FDS  3

typedef struct {
    rsmi_wire_offer_t head;
    rsmi_wire_piece_t pieces[2];
} offer_t;

/* The exporter: a thread of its own that plays the input of the moment. */
static struct {
    bool is_started;
    int listener;
    int stop[2];       /* a byte: hang up, and end */
    int sockets[2];    /* request, event */
    int fds[FUZZ_FDS]; /* pages, fewer pages, no pages at all */
    pthread_t thread;
    fuzz_input_t input;
    uint64_t cookie; /* of the connection asked for last */
    _Atomic unsigned knocks;
} exporter;

static void importer_start(void)
{
    rsmi_node_record_t *record = (rsmi_node_record_t *)rsmi_node_self();
    rsmi_boot_job_t job;

    FUZZ_REQUIRE(setenv("RSM_BOOT", "single", 1) == 0);
    FUZZ_REQUIRE(setenv("RSM_LOG_LEVEL", "error", 1) == 0);
    FUZZ_REQUIRE(setenv("RSM_TIMEOUT", "1s", 1) == 0);
    FUZZ_REQUIRE(rsmi_config_load(true) == RSM_SUCCESS);
    rsmi_log_open((rsmi_log_level_t)rsmi_config.log_level, NULL);
    FUZZ_REQUIRE(rsmi_boot_open(NULL, &job) == RSM_SUCCESS);
    rsmi_guard_open();
    FUZZ_REQUIRE(rsmi_fabric_open() == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_life_create() == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_bell_create() == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_node_describe() == RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_service_start() == RSM_SUCCESS);

    exporter.fds[0] = memfd_create("pages", MFD_CLOEXEC);
    FUZZ_REQUIRE(ftruncate(exporter.fds[0], (off_t)FUZZ_SIZE) == 0);
    exporter.fds[1] = memfd_create("fewer", MFD_CLOEXEC);
    FUZZ_REQUIRE(ftruncate(exporter.fds[1], (off_t)FUZZ_SIZE / 2) == 0);
    exporter.fds[2] = rsmi_socket_spare();

    (void)snprintf(record->name, sizeof(record->name), "librsm-fuzz/%d",
                   (int)getpid());
    FUZZ_REQUIRE(rsmi_socket_listen_unix(record->name, &exporter.listener) ==
                 RSM_SUCCESS);
    FUZZ_REQUIRE(rsmi_node_publish(0) == RSM_SUCCESS);
    FUZZ_REQUIRE(pipe(exporter.stop) == 0);
    exporter.sockets[0] = -1;
    exporter.sockets[1] = -1;
    exporter.is_started = true;
}

/* --- the exporter ------------------------------------------------------------ */

/* One message, changed, with descriptors as the input will have them; where it
 * has become longer, the rest never comes. */
static void answer(int fd, void *message, size_t size, const int honest[2],
                   unsigned fd_count)
{
    unsigned how = fuzz_byte(&exporter.input);
    struct iovec part = {message, size};
    int fds[FUZZ_FDS];
    size_t idx;

    for (idx = 0; idx < FUZZ_FDS; ++idx) {
        fds[idx] = honest[idx % 2];
    }
    if ((how & 1) != 0) {
        fuzz_change(&exporter.input, message, size);
    }
    if ((how & 2) != 0) {
        fd_count = fuzz_byte(&exporter.input) % (FUZZ_FDS + 1);
        idx = fuzz_byte(&exporter.input);
        fds[idx % 2] = exporter.fds[(idx / 2) % FUZZ_FDS];
    }
    (void)rsmi_frame_answer(fd, &part, 1, fds, fd_count);
    if ((how & 1) != 0) {
        (void)shutdown(fd, SHUT_WR);
    }
}

static void answer_question(int fd, const rsmi_wire_header_t *question)
{
    const int pages[2] = {exporter.fds[0], exporter.fds[0]};
    offer_t offer = {
        .head = {.path = RSMI_PATH_DIRECT,
                 .size = FUZZ_SIZE,
                 .slot = 9,
                 .pieces = 2},
        .pieces = {{0, FUZZ_SIZE / 2}, {FUZZ_SIZE / 2, FUZZ_SIZE / 2}}};

    if (question->type == RSMI_WIRE_CONNECT) {
        exporter.cookie = ((const rsmi_wire_connect_t *)question)->cookie;
        rsmi_frame_init(&offer.head.header, RSMI_WIRE_OFFER, sizeof(offer),
                        question->tag);
        answer(fd, &offer, sizeof(offer), pages, 2);
    }
}

static void say_event(int fd)
{
    unsigned how = fuzz_byte(&exporter.input);
    rsmi_wire_notify_t notify = {.cookie = exporter.cookie, .events = 1};
    size_t size = sizeof(notify);

    rsmi_frame_init(&notify.header, RSMI_WIRE_NOTIFY, size, 0);
    if ((how & 1) != 0) {
        size = sizeof(rsmi_wire_withdraw_t);
        rsmi_frame_init(&notify.header, RSMI_WIRE_WITHDRAW, size, 0);
    }
    fuzz_change(&exporter.input, &notify, sizeof(notify));
    (void)send(fd, &notify, ((how & 2) != 0) ? size / 2 : size,
               MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void greet(void)
{
    int fd =
        accept4(exporter.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int pages[2] = {rsmi_life_fd(), rsmi_bell_fd()};
    rsmi_wire_welcome_t welcome = {.rc = RSM_SUCCESS};
    rsmi_frame_t frame;
    int idx;

    FUZZ_REQUIRE(fd >= 0);
    FUZZ_REQUIRE(fuzz_hears(fd, &frame));
    idx =
        (((const rsmi_wire_hello_t *)frame.message)->role == RSMI_ROLE_REQUEST)
            ? 0
            : 1;
    rsmi_frame_clear(&frame);
    rsmi_frame_init(&welcome.header, RSMI_WIRE_WELCOME, sizeof(welcome), 0);
    answer(fd, &welcome, sizeof(welcome), pages, (idx == 0) ? 2 : 0);
    FUZZ_REQUIRE(exporter.sockets[idx] < 0);
    exporter.sockets[idx] = fd;
    atomic_fetch_add(&exporter.knocks, 1);
}

static void hang_up(void)
{
    int idx;

    for (idx = 0; idx < 2; ++idx) {
        if (exporter.sockets[idx] >= 0) {
            (void)close(exporter.sockets[idx]);
            exporter.sockets[idx] = -1;
        }
    }
}

/* What the importer says is answered; before and after it something is said
 * that nobody asked for. */
static void serve(void)
{
    rsmi_frame_t frame;

    if (!fuzz_hears(exporter.sockets[0], &frame)) {
        hang_up();
        return;
    }
    if (fuzz_byte(&exporter.input) == 1) {
        say_event(exporter.sockets[1]);
    }
    answer_question(exporter.sockets[0], frame.message);
    rsmi_frame_clear(&frame);
    if (exporter.input.left > 0) {
        say_event(exporter.sockets[1]);
    }
}

static void *exporter_main(void *arg)
{
    struct pollfd waits[3] = {{.events = POLLIN},
                              {.fd = exporter.listener, .events = POLLIN},
                              {.fd = exporter.stop[0], .events = POLLIN}};
    char byte;

    (void)arg;
    for (;;) {
        waits[0].fd = exporter.sockets[0];
        FUZZ_REQUIRE(poll(waits, 3, FUZZ_PATIENCE) > 0);
        if (waits[0].revents != 0) {
            serve();
        } else if (waits[1].revents != 0) {
            greet();
        } else {
            FUZZ_REQUIRE(read(exporter.stop[0], &byte, 1) == 1);
            hang_up();
            return NULL;
        }
    }
}

/* --- the importer ------------------------------------------------------------ */

/* Each call answers, whatever it is; the pages are where the offer put them. */
static void use(rsm_memseg_import_handle_t import)
{
    uint64_t values[4] = {0};
    rsmapi_barrier_t barrier;
    void *address = NULL;
    size_t size;

    FUZZ_REQUIRE(rsmx_import_get_size(import, &size) == RSM_SUCCESS);
    FUZZ_REQUIRE(size > 0);
    FUZZ_REQUIRE(rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT,
                                                &barrier) == RSM_SUCCESS);
    (void)rsm_memseg_import_put64(import, 0, values, 4);
    (void)rsm_memseg_import_get(import, (off_t)size - 1, values, 1);
    (void)rsm_intr_signal_post(import, 0);
    (void)rsm_intr_signal_wait(import, 0);
    if (rsm_memseg_import_map(import, &address, RSM_MAP_NONE, RSM_PERM_RDWR, 0,
                              size) == RSM_SUCCESS) {
        memset(address, 1, size);
        FUZZ_REQUIRE(rsm_memseg_import_unmap(import) == RSM_SUCCESS);
    }
    FUZZ_REQUIRE(rsm_memseg_import_disconnect(import) == RSM_SUCCESS);
}

/* Sockets to the exporter before, which has gone, may still be there. */
static bool meet(rsmi_import_t **import)
{
    unsigned before = atomic_load(&exporter.knocks);
    int rc;

    do {
        rc = rsmi_import_connect(RSMI_PATH_SAME_HOST, 0, RSM_HPC_ID_BASE,
                                 RSM_PERM_RDWR, import);
    } while (atomic_load(&exporter.knocks) == before);
    return rc == RSM_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    rsmi_import_t *import;
    sigset_t old;

    if (!exporter.is_started) {
        importer_start();
    }
    exporter.input = (fuzz_input_t){bytes, size};
    rsmi_signals_block(&old);
    FUZZ_REQUIRE(pthread_create(&exporter.thread, NULL, exporter_main, NULL) ==
                 0);
    rsmi_signals_restore(&old);
    if (meet(&import)) {
        use((rsm_memseg_import_handle_t)(uintptr_t)import->object.handle);
    } else {
        FUZZ_REQUIRE(size > 0); /* the honest exporter is believed */
    }
    FUZZ_REQUIRE(write(exporter.stop[1], "", 1) == 1);
    pthread_join(exporter.thread, NULL);
    fuzz_count_descriptors();
    return 0;
}
