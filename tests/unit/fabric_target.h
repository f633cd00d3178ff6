/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of the fabric's tests: a forked process that exports memory
 * and serves it the way the service thread does, asleep unless spoken to. */
#ifndef FABRIC_TARGET_H
#define FABRIC_TARGET_H

#include "fabric/fabric.h"

#include <sys/rsm/rsm_common.h>

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory that UCX allocated (puts are copies by the processor), or memory
 * shared with the test's own process and registered where it is (the target
 * carries puts out). */
typedef struct {
    rsmi_fabric_kind_t kind;
    bool is_allocated;
} path_t;

static const path_t path_direct = {RSMI_FABRIC_SHM, true};
static const path_t path_shm = {RSMI_FABRIC_SHM, false};
static const path_t path_tcp = {RSMI_FABRIC_TCP, false};

/* What the target tells. */
typedef struct {
    size_t address_size;
    size_t key_size;
    uint64_t remote;
    int fd;
    unsigned char address[2048];
    unsigned char key[1024];
} target_card_t;

/* An importer's card on its way to the target. */
typedef struct {
    rsmi_fabric_card_t card; /* its address follows */
    unsigned char address[2048];
} target_message_t;

typedef struct {
    pid_t pid;
    int socket;
    size_t size;
    unsigned char *memory; /* the target's memory, seen from here */
    target_card_t card;
    rsmi_fabric_peer_t *peer;
    rsmi_fabric_key_t *key;
} target_t;

static inline void target_forget_environment(void)
{
    unsetenv("UCX_TLS");
    unsetenv("UCX_NET_DEVICES");
}

static inline rsmi_fabric_wait_t wait_ms(int ms)
{
    return (rsmi_fabric_wait_t){.deadline = rsmi_deadline_in_ms(ms)};
}

/* False: nobody is there any more. */
static inline bool target_listen(const path_t *path, int socket)
{
    target_message_t message;

    if (read(socket, &message, sizeof(message)) <= 0) {
        return false;
    }
    message.card.address = message.address;
    (void)rsmi_fabric_service_greet(path->kind, &message.card);
    return true;
}

/* The target's life: until the test closes the socket or kills it. */
static inline void target_serve(const path_t *path, size_t size, void *shared,
                                int socket)
{
    target_card_t card = {.fd = -1};
    rsmi_fabric_mem_t *mem;
    struct pollfd pollfds[2];
    const void *address;
    void *memory = shared;
    void *blob;
    int fd;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((rsmi_fabric_open() != RSM_SUCCESS) ||
        (rsmi_fabric_service_open(path->kind, &address, &card.address_size,
                                  &fd) != RSM_SUCCESS) ||
        ((path->is_allocated ? rsmi_fabric_alloc(size, &mem, &memory, &card.fd)
                             : rsmi_fabric_register(path->kind, memory, size,
                                                    &mem)) != RSM_SUCCESS) ||
        (rsmi_fabric_pack(mem, &blob, &card.key_size) != RSM_SUCCESS) ||
        (card.address_size > sizeof(card.address)) ||
        (card.key_size > sizeof(card.key))) {
        _exit(1);
    }

    memcpy(card.address, address, card.address_size);
    memcpy(card.key, blob, card.key_size);
    card.remote = (uintptr_t)memory;
    free(blob);
    if (write(socket, &card, sizeof(card)) != (ssize_t)sizeof(card)) {
        _exit(1);
    }

    pollfds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    pollfds[1] = (struct pollfd){.fd = socket, .events = POLLIN};
    do {
        (void)poll(pollfds, 2, -1);
        if ((pollfds[1].revents != 0) && !target_listen(path, socket)) {
            break;
        }
        rsmi_fabric_service_progress(path->kind);
    } while (true);

    rsmi_fabric_close();
    _exit(0);
}

/* Start a target with @p size bytes. The fabric must never have been open here:
 * UCX's thread for events does not come along with fork(), and UCX in the child
 * does not notice. */
static inline void target_start(target_t *target, const path_t *path,
                                size_t size)
{
    char name[64];
    int sockets[2];
    int fd;

    memset(target, 0, sizeof(*target));
    target->size = size;
    target->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)target->memory, MAP_FAILED);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);

    target->pid = fork();
    cr_assert_geq(target->pid, 0);
    if (target->pid == 0) {
        close(sockets[0]);
        target_serve(path, size, target->memory, sockets[1]);
    }

    close(sockets[1]);
    target->socket = sockets[0];
    cr_assert_eq(read(target->socket, &target->card, sizeof(target->card)),
                 (ssize_t)sizeof(target->card), "the target did not start");

    if (path->is_allocated) {
        snprintf(name, sizeof(name), "/proc/%d/fd/%d", target->pid,
                 target->card.fd);
        fd = open(name, O_RDWR);
        cr_assert_geq(fd, 0);
        cr_assert_neq((void *)mmap(target->memory, size, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_FIXED, fd, 0),
                      MAP_FAILED);
        close(fd);
    }
}

/* Shows a card to the target. */
static inline int target_tell(const rsmi_fabric_card_t *card, void *arg)
{
    const target_t *target = arg;
    target_message_t message = {.card = *card};
    size_t size = offsetof(target_message_t, address) + card->size;

    memcpy(message.address, card->address, card->size);
    return (send(target->socket, &message, size, MSG_NOSIGNAL) == (ssize_t)size)
               ? RSM_SUCCESS
               : RSMERR_CONN_ABORTED;
}

static inline void target_connect(target_t *target, const path_t *path)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    int rc;

    rc = rsmi_fabric_connect(path->kind, target->card.address,
                             target->card.address_size, &target->peer);
    cr_assert_eq(rc, RSM_SUCCESS, "connect %d", rc);
    rc = rsmi_fabric_wire(target->peer, target_tell, target, &wait);
    cr_assert_eq(rc, RSM_SUCCESS, "wire %d", rc);
    rc = rsmi_fabric_key_open(target->peer, target->card.key,
                              target->card.key_size, &target->key);
    cr_assert_eq(rc, RSM_SUCCESS, "key_open %d", rc);
}

static inline void target_begin(target_t *target, const path_t *path,
                                size_t size)
{
    target_start(target, path, size);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(target, path);
}

/* Connected for sure: lanes are up and a first answer came. */
static inline void target_warm_up(target_t *target)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    uint64_t word = 1;

    cr_assert_eq(rsmi_fabric_put(target->key, target->card.remote, &word,
                                 sizeof(word), &wait),
                 RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_flush(target->peer, &wait), RSM_SUCCESS);
}

/* Nobody is waited for that a test has stopped. */
static inline void target_kill(target_t *target)
{
    (void)kill(target->pid, SIGKILL);
    (void)waitpid(target->pid, NULL, 0);
}

static inline void target_stop(target_t *target)
{
    int status;

    (void)kill(target->pid, SIGSTOP);
    (void)waitpid(target->pid, &status, WUNTRACED);
}

static inline void target_end(target_t *target)
{
    int status = -1;

    rsmi_fabric_key_close(target->key);
    rsmi_fabric_disconnect(target->peer);
    rsmi_fabric_close();
    close(target->socket);
    cr_assert_eq(waitpid(target->pid, &status, 0), target->pid);
    cr_assert_eq(status, 0);
    munmap(target->memory, target->size);
}

/* The same when the target is gone already. */
static inline void target_end_dead(target_t *target)
{
    rsmi_fabric_key_close(target->key);
    rsmi_fabric_disconnect(target->peer);
    rsmi_fabric_close();
    close(target->socket);
    munmap(target->memory, target->size);
}

#endif
