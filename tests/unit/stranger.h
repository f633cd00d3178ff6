/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that speaks the wire by hand to the library in this very process:
 * a job of one node, its control socket known, and its secret too. */
#ifndef STRANGER_H
#define STRANGER_H

#include "core/node.h"
#include "core/path.h"
#include "ctrl/frame.h"
#include "rsmapi.h"
#include "rsmx.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGER_SEGMENT  ((rsm_memseg_id_t)RSM_HPC_ID_BASE)
#define STRANGER_SIZE     ((size_t)8192)
#define STRANGER_PATIENCE 20000 /* ms until silence counts as a hang */
#define STRANGER_TAG      0x7a671234u

static struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    char *memory;
    uint64_t last_session;
} stranger;

/* The library with one segment that anybody may import. */
static inline void stranger_start(void)
{
    rsm_memseg_id_t id = STRANGER_SEGMENT;

    cr_assert_eq(setenv("RSM_BOOT", "single", 1), 0);
    cr_assert_eq(setenv("RSM_LOG_LEVEL", "error", 1), 0);
    cr_assert_eq(rsm_get_controller("ucx0", &stranger.controller), RSM_SUCCESS);
    stranger.memory = mmap(NULL, STRANGER_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)stranger.memory, MAP_FAILED);
    cr_assert_eq(rsm_memseg_export_create(stranger.controller,
                                          &stranger.segment, stranger.memory,
                                          STRANGER_SIZE, 0),
                 RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_export_publish(stranger.segment, &id, NULL, 0),
                 RSM_SUCCESS);
    stranger.last_session = 1000;
}

static inline int stranger_knock(void)
{
    int fd = -1;

    cr_assert_eq(
        rsmi_socket_connect_unix(rsmi_node_self()->name,
                                 rsmi_deadline_in_ms(STRANGER_PATIENCE), &fd),
        RSM_SUCCESS);
    return fd;
}

/* As much as the other end takes; it may hang up meanwhile. */
static inline void stranger_say(int fd, const void *bytes, size_t size)
{
    (void)rsmi_frame_send(fd, bytes, size,
                          rsmi_deadline_in_ms(STRANGER_PATIENCE));
}

/* Whether a message came; otherwise the socket has been closed. */
static inline bool stranger_hears(int fd, rsmi_frame_t *frame)
{
    int rc = rsmi_frame_receive(fd, 1 << 20,
                                rsmi_deadline_in_ms(STRANGER_PATIENCE), frame);

    cr_assert((rc == RSM_SUCCESS) || (rc == RSMERR_CONN_ABORTED),
              "neither answer nor hang-up: %s", rsmx_error_name(rc));
    return rc == RSM_SUCCESS;
}

static inline bool stranger_is_answered(int fd)
{
    rsmi_frame_t frame;
    bool is_answered = stranger_hears(fd, &frame);

    if (is_answered) {
        rsmi_frame_clear(&frame);
    }
    return is_answered;
}

static inline rsmi_wire_hello_t stranger_hello(rsmi_wire_role_t role,
                                               uint64_t session)
{
    rsmi_wire_hello_t hello = {.version = RSMI_WIRE_VERSION,
                               .rank = 0,
                               .role = role,
                               .session = session};

    rsmi_frame_init(&hello.header, RSMI_WIRE_HELLO, sizeof(hello), 0);
    memcpy(hello.secret, rsmi_node_self()->secret, sizeof(hello.secret));
    return hello;
}

static inline rsmi_wire_connect_t stranger_question(uint64_t cookie)
{
    rsmi_wire_connect_t question = {.cookie = cookie,
                                    .segment = STRANGER_SEGMENT,
                                    .perm = RSM_PERM_RDWR,
                                    .paths = RSMI_PATH_ALL};

    rsmi_frame_init(&question.header, RSMI_WIRE_CONNECT, sizeof(question),
                    STRANGER_TAG);
    return question;
}

/* A socket that has been let in. */
static inline int stranger_enter(rsmi_wire_role_t role, uint64_t session)
{
    rsmi_wire_hello_t hello = stranger_hello(role, session);
    const rsmi_wire_welcome_t *welcome;
    rsmi_frame_t frame;
    int fd = stranger_knock();

    stranger_say(fd, &hello, sizeof(hello));
    cr_assert(stranger_hears(fd, &frame), "an honest process is turned away");
    welcome = frame.message;
    cr_assert_eq(welcome->header.type, RSMI_WIRE_WELCOME);
    cr_assert_eq(welcome->header.size, sizeof(*welcome));
    cr_assert_eq(welcome->rc, RSM_SUCCESS);
    cr_assert_eq(frame.fd_count, (role == RSMI_ROLE_REQUEST) ? 2 : 0);
    rsmi_frame_clear(&frame);
    return fd;
}

/* Ask as told; the exporter's result, or -1 when it hung up. */
static inline int stranger_ask(int fd, const rsmi_wire_connect_t *question)
{
    const rsmi_wire_offer_t *offer;
    rsmi_frame_t frame;
    int rc;

    stranger_say(fd, question, sizeof(*question));
    if (!stranger_hears(fd, &frame)) {
        return -1;
    }
    offer = frame.message;
    cr_assert_eq(offer->header.type, RSMI_WIRE_OFFER);
    cr_assert_eq(offer->header.tag, question->header.tag);
    cr_assert_eq(offer->header.size,
                 sizeof(*offer) + offer->pieces * sizeof(rsmi_wire_piece_t) +
                     offer->key_size + offer->address_size);
    rc = offer->rc;
    if (rc == RSM_SUCCESS) {
        cr_assert_eq(offer->size, STRANGER_SIZE);
    } else {
        cr_assert_eq(offer->header.size, sizeof(*offer));
        cr_assert_eq(frame.fd_count, 0, "pages for one who was refused");
    }
    rsmi_frame_clear(&frame);
    return rc;
}

static inline size_t stranger_count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    cr_assert_not_null(dir);
    while (readdir(dir) != NULL) {
        ++count;
    }
    (void)closedir(dir);
    return count;
}

/* Those who follow the rules are served as before: new ones, and importers
 * that use the library. */
static inline void stranger_expect_service(void)
{
    rsmi_wire_connect_t question = stranger_question(1);
    uint64_t session = ++stranger.last_session;
    int requests = stranger_enter(RSMI_ROLE_REQUEST, session);
    int events = stranger_enter(RSMI_ROLE_EVENT, session);
    rsm_memseg_import_handle_t import;
    uint64_t value = session, back = 0;
    rsmapi_barrier_t barrier;

    cr_assert_eq(stranger_ask(requests, &question), RSM_SUCCESS);
    (void)close(requests);
    (void)close(events);

    cr_assert_eq(
        rsm_memseg_import_connect(stranger.controller, rsmi_node_of_rank(0),
                                  STRANGER_SEGMENT, RSM_PERM_RDWR, &import),
        RSM_SUCCESS);
    cr_assert_eq(
        rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT, &barrier),
        RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_put64(import, 64, &value, 1), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_get64(import, 64, &back, 1), RSM_SUCCESS);
    cr_assert_eq(back, session);
    cr_assert_eq(memcmp(stranger.memory + 64, &value, sizeof(value)), 0);
    cr_assert_eq(rsm_intr_signal_post(stranger.segment, 0), RSM_SUCCESS);
    cr_assert_eq(rsm_intr_signal_wait(import, STRANGER_PATIENCE), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_destroy_barrier(&barrier), RSM_SUCCESS);
    cr_assert_eq(rsm_memseg_import_disconnect(import), RSM_SUCCESS);
}

#endif
