/* SPDX-License-Identifier: BSD-3-Clause */
/* The only door to UCX. A *domain* is a UCX context limited to one family of
 * transports, with two workers that are made when first needed:
 *   - the service worker belongs to the service thread; remote processes
 *     address it, and it carries out transfers that UCX emulates;
 *   - the data worker belongs to the application's threads, which progress it
 *     only inside their own calls, one at a time (the domain's lock).
 * Nothing here waits without a deadline, and no call is made that UCX may
 * answer by never returning (worker flush, blocking close). */
#ifndef RSMI_FABRIC_H
#define RSMI_FABRIC_H

#include "rsmapi.h"
#include "util/clock.h"
#include "util/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RSMI_FABRIC_SHM,  /* posix and sysv shared memory */
    RSMI_FABRIC_NET,  /* everything UCX_TLS allows except shared memory */
    RSMI_FABRIC_TCP,  /* tcp alone */
    RSMI_FABRIC_IB,   /* InfiniBand and RoCE verbs transports alone */
    RSMI_FABRIC_SELF, /* memory of this process: what it has mapped of others */
    RSMI_FABRIC_KINDS
} rsmi_fabric_kind_t;

typedef struct rsmi_fabric_mem rsmi_fabric_mem_t; /* registered memory */
typedef struct rsmi_fabric_peer
    rsmi_fabric_peer_t; /* way to a remote service worker */
typedef struct rsmi_fabric_key
    rsmi_fabric_key_t; /* right to reach remote memory */

/* How long a call may wait, and how it learns that waiting has become
 * pointless. @p is_lost may be NULL; it is called often and must be cheap. */
typedef struct {
    rsmi_time_t deadline;
    bool (*is_lost)(const void *arg);
    const void *arg;
} rsmi_fabric_wait_t;

/* What one domain consists of, for topology, rsm_info and log. */
typedef struct {
    bool is_present;      /* some device serves it and UCX_TLS allows it */
    bool pins_memory;     /* registered pages are pinned by hardware */
    char transports[256]; /* "posix sysv", names as UCX prints them */
    char devices[256];
} rsmi_fabric_info_t;

/* Find out what UCX offers here. RSMERR_INSUFFICIENT_RESOURCES when there is
 * nothing at all (help message printed). Thread safe after it returned. */
int rsmi_fabric_open(void);

/* Frees everything, whatever state its endpoints are in, without waiting for
 * any peer. The caller guarantees that no thread is inside. */
void rsmi_fabric_close(void);

void rsmi_fabric_query(rsmi_fabric_kind_t kind, rsmi_fabric_info_t *info_p);

/* --- memory -------------------------------------------------------------- */

/* A fresh region of @p size bytes (whole pages) that UCX allocated in posix
 * shared memory, its pages reserved, contents zero; *@p fd_p is the descriptor
 * UCX keeps for it (not ours to close), or -1 when it cannot be found out.
 * RSMERR_INSUFFICIENT_MEM when /dev/shm has no room (help message printed),
 * RSMERR_INSUFFICIENT_RESOURCES without descriptors. */
int rsmi_fabric_alloc(size_t size, rsmi_fabric_mem_t **mem_p, void **addr_p,
                      int *fd_p);

/* Register [addr, addr+size) where it is. */
int rsmi_fabric_register(rsmi_fabric_kind_t kind, void *addr, size_t size,
                         rsmi_fabric_mem_t **mem_p);

/* Either kind. NULL is accepted. */
void rsmi_fabric_release(rsmi_fabric_mem_t *mem);

/* The packed key of registered memory; the caller frees *@p blob_p. */
int rsmi_fabric_pack(rsmi_fabric_mem_t *mem, void **blob_p, size_t *size_p);

/* --- target side: service thread only ------------------------------------ */

/* Make the service worker unless it is there. Its address (valid until close)
 * and the descriptor that becomes readable when it wants progress. */
int rsmi_fabric_service_open(rsmi_fabric_kind_t kind, const void **address_p,
                             size_t *size_p, int *fd_p);

/* Progress until there is nothing left to do and the descriptor is armed
 * again; does nothing for a domain without a service worker. */
void rsmi_fabric_service_progress(rsmi_fabric_kind_t kind);

/* What an importer shows before its first transfer, so that the target has a
 * way back to it by then (ucx_wire.c tells why). */
typedef struct {
    uint64_t number; /* of its endpoints to this target, from 0 */
    uint64_t token;  /* the target's hello carries it */
    const void *address;
    size_t size;
} rsmi_fabric_card_t;

/* Make the way back and say hello by it; progress must follow.
 * RSMERR_REMOTE_NODE_UNREACHABLE, there is no such way. */
int rsmi_fabric_service_greet(rsmi_fabric_kind_t kind,
                              const rsmi_fabric_card_t *card);

/* --- initiator side: any thread ------------------------------------------ */

/* RSMERR_REMOTE_NODE_UNREACHABLE when UCX finds no way there. */
int rsmi_fabric_connect(rsmi_fabric_kind_t kind, const void *address,
                        size_t size, rsmi_fabric_peer_t **peer_p);

/* Carries a card to the target, which gives it to rsmi_fabric_service_greet().
 * What it returns ends the wiring. */
typedef int (*rsmi_fabric_tell_func_t)(const rsmi_fabric_card_t *card,
                                       void *arg);

/* Has to come between connect and the first key; does nothing where it was done
 * or need not be. Results like those of transfers, or @p tell's. */
int rsmi_fabric_wire(rsmi_fabric_peer_t *peer, rsmi_fabric_tell_func_t tell,
                     void *arg, const rsmi_fabric_wait_t *wait);

/* The way to our own data worker; RSMI_FABRIC_SELF only. It cannot break. */
int rsmi_fabric_connect_self(rsmi_fabric_peer_t **peer_p);

/* Not broken, as far as UCX has said. */
bool rsmi_fabric_is_usable(const rsmi_fabric_peer_t *peer);

/* Forced; operations in flight are parked and their memory stays valid inside
 * UCX's own buffers only. NULL is accepted. */
void rsmi_fabric_disconnect(rsmi_fabric_peer_t *peer);

int rsmi_fabric_key_open(rsmi_fabric_peer_t *peer, const void *blob,
                         size_t size, rsmi_fabric_key_t **key_p);
void rsmi_fabric_key_close(rsmi_fabric_key_t *key);

/* Returns once @p src may be reused; remote completion comes with flush. */
int rsmi_fabric_put(rsmi_fabric_key_t *key, uint64_t remote, const void *src,
                    size_t len, const rsmi_fabric_wait_t *wait);

/* Whether puts can arrive through @p key in the order of a vector. */
bool rsmi_fabric_has_order(const rsmi_fabric_key_t *key);

typedef struct {
    uint64_t remote;
    const void *src;
    size_t len;
} rsmi_fabric_put_t;

/* One after the other, small ones together; with @p in_order, where
 * rsmi_fabric_has_order(), none arrives before those before it. The first failure
 * ends it: *@p done_p were begun, and a flush completes them. Each may take as
 * long as @p wait says of the first. */
int rsmi_fabric_putv(rsmi_fabric_key_t *key, const rsmi_fabric_put_t *puts,
                     size_t count, bool in_order,
                     const rsmi_fabric_wait_t *wait, size_t *done_p);

/* Returns once @p dst holds the data. Does not order after earlier puts. */
int rsmi_fabric_get(rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                    size_t len, const rsmi_fabric_wait_t *wait);

typedef struct {
    uint64_t remote;
    void *dst;
    size_t len;
} rsmi_fabric_get_t;

/* One after the other, small ones together.
 * The first failure ends it: *@p done_p are complete. Each may take as long as
 * @p wait says of the first. */
int rsmi_fabric_getv(rsmi_fabric_key_t *key, const rsmi_fabric_get_t *gets,
                     size_t count, const rsmi_fabric_wait_t *wait,
                     size_t *done_p);

typedef enum {
    RSMI_ATOMIC_ADD,
    RSMI_ATOMIC_SWAP,
    RSMI_ATOMIC_CSWAP, /* operand: new value, compare: expected */
    RSMI_ATOMIC_AND,
    RSMI_ATOMIC_OR,
    RSMI_ATOMIC_XOR
} rsmi_atomic_op_t;

/* @p width 4 or 8. Returns once *@p old_p holds the former value. */
int rsmi_fabric_atomic(rsmi_fabric_key_t *key, rsmi_atomic_op_t op,
                       unsigned width, uint64_t remote, uint64_t operand,
                       uint64_t compare, uint64_t *old_p,
                       const rsmi_fabric_wait_t *wait);

/* Only UCP where UCT would serve RSMI_FABRIC_SELF: for those who test that, and
 * to be said before the first connection. */
extern bool rsmi_fabric_is_ucp_only RSMI_HIDDEN;

/* The same through keys of RSMI_FABRIC_SELF: the calling thread carries it out,
 * so that it is complete when they return, and waits for nobody. */
int rsmi_fabric_self_put(rsmi_fabric_key_t *key, uint64_t remote,
                         const void *src, size_t len);
int rsmi_fabric_self_get(rsmi_fabric_key_t *key, uint64_t remote, void *dst,
                         size_t len);
int rsmi_fabric_self_atomic(rsmi_fabric_key_t *key, rsmi_atomic_op_t op,
                            unsigned width, uint64_t remote, uint64_t operand,
                            uint64_t compare, uint64_t *old_p);

/* One for each atomic operation that UCX has, and width in bits: @p operand and
 * @p reply are words of that width. The reply takes the old value; of cswap the
 * operand is what is expected, and the reply has the value to be stored. */
typedef int rsmi_fabric_self_word_t(rsmi_fabric_key_t *key, uint64_t remote,
                                    const void *operand, void *reply);
rsmi_fabric_self_word_t rsmi_fabric_self_add32, rsmi_fabric_self_add64;
rsmi_fabric_self_word_t rsmi_fabric_self_swap32, rsmi_fabric_self_swap64;
rsmi_fabric_self_word_t rsmi_fabric_self_cswap32, rsmi_fabric_self_cswap64;

/* Pieces of a vector, all of type RSM_VA_TYPE. */
typedef struct {
    const rsm_iovec_t *next; /* the first that is not complete */
    const rsm_iovec_t *end;
    uint64_t remote; /* where their offsets begin */
    size_t size;     /* bytes that they may reach from there */
} rsmi_fabric_vector_t;

/* The same for all of them, in their order. RSM_SUCCESS also when it came to
 * one that leaves the range or has no address. */
int rsmi_fabric_self_putv(rsmi_fabric_key_t *key, rsmi_fabric_vector_t *vector);
int rsmi_fabric_self_getv(rsmi_fabric_key_t *key, rsmi_fabric_vector_t *vector);

/* A word to be looked at. */
typedef struct {
    uint64_t remote; /* of its 8 bytes; 0: there is none */
    uint64_t word;   /* what stood there */
} rsmi_fabric_look_t;

/* A put that is complete there when this returns, with every operation on the
 * key's peer that was started before; @p look comes after that. One round trip
 * for small ones that UCX would emulate. */
int rsmi_fabric_put_through(rsmi_fabric_key_t *key, uint64_t remote,
                            const void *src, size_t len,
                            rsmi_fabric_look_t *look,
                            const rsmi_fabric_wait_t *wait);

/* Every operation on the peer started so far is complete there.
 * Results of put, get, atomic and flush: RSM_SUCCESS;
 * RSMERR_CONN_ABORTED, the peer is lost (UCX says so or is_lost does);
 * RSMERR_BARRIER_FAILURE, an operation failed or its end could not be awaited
 * in time; RSMERR_INSUFFICIENT_RESOURCES. */
int rsmi_fabric_flush(rsmi_fabric_peer_t *peer, const rsmi_fabric_wait_t *wait);

/* The same for the key's peer, and what stood at @p remote (8 bytes) after that:
 * one round trip where operations are carried out in order. */
int rsmi_fabric_flush_and_get(rsmi_fabric_key_t *key, uint64_t remote,
                              uint64_t *word_p, const rsmi_fabric_wait_t *wait);

#endif
