/* SPDX-License-Identifier: BSD-3-Clause */
/* An exporter that speaks the wire by hand, for the library in this process to
 * import from: the record of our own node leads to it. It can be told to
 * change one byte of what it says. */
#ifndef FAKE_EXPORTER_H
#define FAKE_EXPORTER_H

#include "boot/boot.h"
#include "core/import.h"
#include "core/node.h"
#include "core/path.h"
#include "core/service.h"
#include "ctrl/frame.h"
#include "ctrl/life.h"
#include "rsmapi.h"
#include "rsmx.h"
#include "util/config.h"
#include "util/log.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_SIZE     ((size_t)8192)
#define FAKE_PATIENCE 20000 /* ms */

/* An offer of one segment of two pieces. */
typedef struct {
    rsmi_wire_offer_t head;
    rsmi_wire_piece_t pieces[2];
} fake_offer_t;

typedef enum {
    FAKE_HONEST,
    FAKE_WELCOME,
    FAKE_OFFER,
    FAKE_LATE, /* answers a question only when the next one comes */
    FAKE_TWICE /* answers each one twice */
} fake_lie_t;

static struct {
    int listener;
    int sockets[2]; /* request, event */
    int pages;
    int commands[2]; /* a byte: hang up */
    pthread_t thread;
    fake_offer_t offer;
    fake_lie_t lie; /* which message has a changed byte */
    size_t offset;
    unsigned char flip;
    uint64_t cookie;     /* of the connection asked for last */
    uint32_t unanswered; /* FAKE_LATE: tag of that question */
    _Atomic unsigned knocks;
    _Atomic unsigned hang_ups;
} fake;

static inline void fake_change(fake_lie_t what, void *message)
{
    if (fake.lie == what) {
        ((unsigned char *)message)[fake.offset] ^= fake.flip;
    }
}

static inline void fake_hang_up(void)
{
    int idx;

    for (idx = 0; idx < 2; ++idx) {
        if (fake.sockets[idx] >= 0) {
            (void)close(fake.sockets[idx]);
            fake.sockets[idx] = -1;
        }
    }
    atomic_fetch_add(&fake.hang_ups, 1);
}

static inline void fake_greet(void)
{
    rsmi_wire_welcome_t welcome = {.rc = RSM_SUCCESS};
    struct iovec part = {&welcome, sizeof(welcome)};
    int life = rsmi_life_fd(), fd = accept(fake.listener, NULL, NULL);
    const rsmi_wire_hello_t *hello;
    rsmi_frame_t frame;
    size_t idx;

    atomic_fetch_add(&fake.knocks, 1);
    if (rsmi_frame_receive(fd, RSMI_WIRE_SMALL,
                           rsmi_deadline_in_ms(FAKE_PATIENCE),
                           &frame) != RSM_SUCCESS) {
        (void)close(fd);
        return;
    }
    hello = frame.message;
    idx = (hello->role == RSMI_ROLE_REQUEST) ? 0 : 1;
    rsmi_frame_clear(&frame);
    rsmi_frame_init(&welcome.header, RSMI_WIRE_WELCOME, sizeof(welcome), 0);
    fake_change(FAKE_WELCOME, &welcome);
    (void)rsmi_frame_answer(fd, &part, 1, &life, (idx == 0) ? 1 : 0);
    if (fake.lie == FAKE_WELCOME) {
        (void)shutdown(fd, SHUT_WR);
    }
    if (fake.sockets[idx] >= 0) {
        (void)close(fake.sockets[idx]);
    }
    fake.sockets[idx] = fd;
}

static inline void fake_offer(uint32_t tag)
{
    int fds[2] = {fake.pages, fake.pages};
    fake_offer_t offer = fake.offer;
    size_t pieces = offer.head.pieces;
    struct iovec part = {&offer,
                         sizeof(offer.head) + pieces * sizeof(offer.pieces[0])};

    rsmi_frame_init(&offer.head.header, RSMI_WIRE_OFFER, part.iov_len, tag);
    fake_change(FAKE_OFFER, &offer);
    (void)rsmi_frame_answer(fake.sockets[0], &part, 1, fds, pieces);
}

static inline void fake_reply(const rsmi_wire_connect_t *question)
{
    fake.cookie = question->cookie;
    if ((fake.lie == FAKE_LATE) && (fake.unanswered == 0)) {
        fake.unanswered = question->header.tag;
        return;
    }
    if (fake.unanswered != 0) {
        fake_offer(fake.unanswered);
        fake.unanswered = 0;
    }
    fake_offer(question->header.tag);
    if (fake.lie == FAKE_TWICE) {
        fake_offer(question->header.tag);
    } else if (fake.lie == FAKE_OFFER) {
        (void)shutdown(fake.sockets[0],
                       SHUT_WR); /* nobody waits for the rest */
    }
}

/* One question is answered; what is told is taken and forgotten. */
static inline void fake_answer(void)
{
    int fd = fake.sockets[0];
    const rsmi_wire_connect_t *question;
    rsmi_frame_t frame;

    if (rsmi_frame_receive(fd, RSMI_WIRE_SMALL,
                           rsmi_deadline_in_ms(FAKE_PATIENCE),
                           &frame) != RSM_SUCCESS) {
        (void)close(fd);
        fake.sockets[0] = -1;
        return;
    }
    question = frame.message;
    if (question->header.type == RSMI_WIRE_CONNECT) {
        fake_reply(question);
    }
    rsmi_frame_clear(&frame);
}

static inline void *fake_main(void *arg)
{
    struct pollfd entries[3];
    char byte;

    (void)arg;
    for (;;) {
        entries[0] = (struct pollfd){.fd = fake.listener, .events = POLLIN};
        entries[1] = (struct pollfd){.fd = fake.sockets[0], .events = POLLIN};
        entries[2] = (struct pollfd){.fd = fake.commands[0], .events = POLLIN};
        (void)poll(entries, 3, -1);
        if (entries[2].revents != 0) {
            if (read(fake.commands[0], &byte, 1) != 1) {
                return NULL;
            }
            fake_hang_up();
        } else if (entries[1].revents != 0) {
            fake_answer();
        } else if (entries[0].revents != 0) {
            fake_greet();
        }
    }
}

/* The library without its exporting half: what an importer needs of it, and
 * a record that names the fake exporter instead of the library's own door. */
static inline void fake_start(void)
{
    rsmi_node_record_t *record = (rsmi_node_record_t *)rsmi_node_self();
    rsmi_boot_job_t job;

    cr_assert_eq(setenv("RSM_BOOT", "single", 1), 0);
    cr_assert_eq(setenv("RSM_LOG_LEVEL", "error", 1), 0);
    cr_assert_eq(rsmi_config_load(true), RSM_SUCCESS);
    rsmi_log_open((rsmi_log_level_t)rsmi_config.log_level, NULL);
    cr_assert_eq(rsmi_boot_open(NULL, &job), RSM_SUCCESS);
    rsmi_guard_open();
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    cr_assert_eq(rsmi_life_create(), RSM_SUCCESS);
    cr_assert_eq(rsmi_node_describe(), RSM_SUCCESS);
    cr_assert_eq(rsmi_service_start(), RSM_SUCCESS);

    fake.pages = memfd_create("pages", MFD_CLOEXEC);
    cr_assert_eq(ftruncate(fake.pages, (off_t)FAKE_SIZE), 0);
    fake.offer.head = (rsmi_wire_offer_t){
        .path = RSMI_PATH_DIRECT, .size = FAKE_SIZE, .slot = 9, .pieces = 2};
    fake.offer.pieces[0].size = FAKE_SIZE / 2;
    fake.offer.pieces[1].offset = FAKE_SIZE / 2;
    fake.offer.pieces[1].size = FAKE_SIZE / 2;
    fake.sockets[0] = -1;
    fake.sockets[1] = -1;

    (void)snprintf(record->name, sizeof(record->name), "librsm-fake/%d",
                   (int)getpid());
    cr_assert_eq(rsmi_socket_listen_unix(record->name, &fake.listener),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_node_publish(0), RSM_SUCCESS);
    cr_assert_eq(pipe(fake.commands), 0);
    cr_assert_eq(pthread_create(&fake.thread, NULL, fake_main, NULL), 0);
}

/* Whoever was connected hears that the exporter has gone. */
static inline void fake_leave(void)
{
    unsigned before = atomic_load(&fake.hang_ups);

    cr_assert_eq(write(fake.commands[1], "", 1), 1);
    while (atomic_load(&fake.hang_ups) == before) {
        (void)poll(NULL, 0, 0);
    }
}

static inline void fake_stop(void)
{
    (void)close(fake.commands[1]);
    pthread_join(fake.thread, NULL);
}

static inline int fake_connect_once(rsm_memseg_import_handle_t *import)
{
    rsmi_import_t *object;
    int rc;

    rc = rsmi_import_connect(RSMI_PATH_ALL, 0, RSM_HPC_ID_BASE, RSM_PERM_RDWR,
                             &object);
    if (rc == RSM_SUCCESS) {
        *import = (rsm_memseg_import_handle_t)(uintptr_t)object->object.handle;
    }
    return rc;
}

/* Connects through new sockets: those of the exporter that left are of no use,
 * which the library may not have noticed when it is asked the first time. */
static inline int fake_connect(rsm_memseg_import_handle_t *import)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(FAKE_PATIENCE);
    unsigned before = atomic_load(&fake.knocks);
    int rc;

    do {
        cr_assert(!rsmi_deadline_passed(deadline), "never knocked");
        rc = fake_connect_once(import);
    } while (atomic_load(&fake.knocks) == before);
    return rc;
}

#endif
