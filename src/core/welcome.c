/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/welcome.h"

#include "core/node.h"
#include "core/runtime.h"
#include "ctrl/frame.h"
#include "ctrl/socket.h"
#include "rsmapi.h"
#include "util/config.h"
#include "util/log.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Tells our own sockets to one process apart. */
static _Atomic uint64_t welcome_sessions;

static int welcome_knock(const rsmi_node_record_t *record, bool is_local,
                         rsmi_time_t deadline, int *fd_p)
{
    if (is_local) {
        return rsmi_socket_connect_unix(record->name, deadline, fd_p);
    }
    return rsmi_socket_connect_tcp(record->addresses, record->port,
                                   rsmi_config.peer_timeout, deadline, fd_p);
}

/* Pages of the exporter that we look at from now on. */
static int welcome_take_pages(rsmi_frame_t *frame, rsmi_welcome_t *welcome)
{
    int rc = RSMERR_REMOTE_NODE_UNREACHABLE;

    if ((frame->fd_count == 1) || (frame->fd_count == 2)) {
        rc = rsmi_life_attach(frame->fds[0], &welcome->life);
    }
    if ((rc == RSM_SUCCESS) && (frame->fd_count == 2)) {
        rc = rsmi_bell_attach(frame->fds[1], &welcome->bells);
    }
    return rc;
}

/* A process of our own user, by the kernel's word, counts our events for us. */
static bool welcome_is_our_user(int fd)
{
    rsmi_identity_t identity;
    bool is_ours;

    if (rsmi_socket_identify(fd, true, &identity) != RSM_SUCCESS) {
        return false;
    }
    is_ours = identity.uid == geteuid();
    rsmi_identity_clear(&identity);
    return is_ours;
}

static int welcome_say(int fd, const rsmi_wire_hello_t *hello, bool is_local,
                       rsmi_time_t deadline)
{
    struct iovec part = {(void *)hello, sizeof(*hello)};
    int bells = rsmi_bell_fd();

    if (is_local && (hello->role == RSMI_ROLE_REQUEST) && (bells >= 0) &&
        welcome_is_our_user(fd)) {
        switch (rsmi_frame_answer(fd, &part, 1, &bells, 1)) {
        case RSMI_SEND_DONE:
            return RSM_SUCCESS;
        case RSMI_SEND_BROKEN:
            return RSMERR_CONN_ABORTED;
        case RSMI_SEND_FULL: /* or the kernel carries no descriptors now */
            break;
        }
    }
    return rsmi_frame_send(fd, hello, sizeof(*hello), deadline);
}

/* Says who we are and awaits the welcome. */
static int welcome_greet(int fd, const rsmi_node_record_t *record,
                         rsmi_wire_role_t role, uint64_t session,
                         rsmi_time_t deadline, rsmi_frame_t *frame_p)
{
    bool is_local = record->host == rsmi_node_self()->host;
    rsmi_wire_hello_t hello = {.version = RSMI_WIRE_VERSION,
                               .rank = rsmi_runtime_rank(),
                               .role = role,
                               .session = session};
    const rsmi_wire_welcome_t *welcome;
    int rc;

    rsmi_frame_init(&hello.header, RSMI_WIRE_HELLO, sizeof(hello), 0);
    memcpy(hello.secret, record->secret, sizeof(hello.secret));
    rc = welcome_say(fd, &hello, is_local, deadline);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_frame_receive(fd, sizeof(*welcome), deadline, frame_p);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    welcome = frame_p->message;
    if ((welcome->header.type != RSMI_WIRE_WELCOME) ||
        (welcome->header.size != sizeof(*welcome)) ||
        (welcome->rc != RSM_SUCCESS)) {
        rsmi_frame_clear(frame_p);
        return RSMERR_CONN_ABORTED;
    }
    return RSM_SUCCESS;
}

static int welcome_open(const rsmi_node_record_t *record, rsmi_wire_role_t role,
                        uint64_t session, rsmi_time_t deadline, int *fd_p,
                        rsmi_welcome_t *welcome)
{
    rsmi_frame_t frame;
    int rc;

    rc = welcome_knock(record, welcome->is_local, deadline, fd_p);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = welcome_greet(*fd_p, record, role, session, deadline, &frame);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    if (welcome->is_local && (role == RSMI_ROLE_REQUEST)) {
        rc = welcome_take_pages(&frame, welcome);
    }
    rsmi_frame_clear(&frame);
    return rc;
}

int rsmi_welcome_meet(uint32_t rank, rsmi_time_t deadline,
                      rsmi_welcome_t *welcome_p)
{
    uint64_t session = atomic_fetch_add(&welcome_sessions, 1) + 1;
    rsmi_node_record_t record;
    int rc;

    rc = rsmi_node_fetch(rank, deadline, &record);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    memset(welcome_p, 0, sizeof(*welcome_p));
    welcome_p->request_fd = -1;
    welcome_p->event_fd = -1;
    welcome_p->is_local = record.host == rsmi_node_self()->host;

    rc = welcome_open(&record, RSMI_ROLE_REQUEST, session, deadline,
                      &welcome_p->request_fd, welcome_p);
    if (rc == RSM_SUCCESS) {
        rc = welcome_open(&record, RSMI_ROLE_EVENT, session, deadline,
                          &welcome_p->event_fd, welcome_p);
    }
    if (rc != RSM_SUCCESS) {
        rsmi_debug("core", "meeting rank %u: result %d", rank, rc);
        rsmi_welcome_clear(welcome_p);
    }
    if ((rc == RSMERR_CONN_ABORTED) || (rc == RSMERR_TIMEOUT)) {
        rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    return rc;
}

void rsmi_welcome_clear(rsmi_welcome_t *welcome)
{
    rsmi_life_detach(&welcome->life);
    rsmi_bell_detach(&welcome->bells);
    if (welcome->request_fd >= 0) {
        (void)close(welcome->request_fd);
    }
    if (welcome->event_fd >= 0) {
        (void)close(welcome->event_fd);
    }
}
