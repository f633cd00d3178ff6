/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share. One domain per kind; its lock guards
 * the data worker and everything that hangs on it: peers, keys, operations.
 * UCX calls the callbacks inside a progress call of ours, hence with the lock
 * held. The service worker needs no lock: one thread uses it.
 *
 * Lock order: setup lock (contexts, memory), then a domain's lock; the lock of a
 * domain's ranges is the last. */
#ifndef RSMI_FABRIC_INTERNAL_H
#define RSMI_FABRIC_INTERNAL_H

#include "fabric/fabric.h"
#include "fabric/ucx_inner.h"
#include "fabric/ucx_letter.h"
#include "sys/rsm/rsm_common.h"
#include "util/bias.h"
#include "util/compiler.h"
#include "util/hash.h"
#include "util/lock.h"

#include <ucp/api/ucp.h>

#include <stdatomic.h>

/* Room for the copy of a small put or get: an operation of at most this size
 * never touches the caller's memory after the call. */
#define FABRIC_BOUNCE_SIZE 8192

/* The same as pieces of a vector. */
#define FABRIC_PIECES_SIZE \
    (FABRIC_BOUNCE_SIZE + FABRIC_PARTS_MOST * sizeof(rsmi_fabric_part_t))

/* Puts that may be on their way to one peer before put waits for some. */
#define FABRIC_PUTS_IN_FLIGHT 64

/* Operations of a domain at one time, abandoned ones included. */
#define FABRIC_OPS_MOST 2048

/* How long a forced close may take before its operations are left alone. */
#define FABRIC_CLOSE_MS 500

/* A worker's address carries no length and UCX reads on as its bytes tell it,
 * so what is read lies in so many zeros. */
#define FABRIC_ADDRESS_MARGIN ((size_t)4 << 10)

typedef struct rsmi_fabric_domain rsmi_fabric_domain_t;
typedef struct rsmi_fabric_service rsmi_fabric_service_t;

/* An answer on its way; the service thread's. */
typedef struct rsmi_fabric_reply {
    rsmi_fabric_answer_t answer;
    ucp_ep_h ep; /* NULL: a free one */
    rsmi_fabric_service_t *service;
    struct rsmi_fabric_reply *next; /* of the free ones */
    struct rsmi_fabric_reply *all;  /* of all ever made */
    unsigned char fetched[FABRIC_BOUNCE_SIZE];
} rsmi_fabric_reply_t;

/* A thread that waits for an answer. */
typedef struct rsmi_fabric_question {
    rsmi_fabric_letter_t letter;
    const rsmi_fabric_get_t *gets; /* what is fetched, one behind the other */
    size_t count;
    uint64_t word; /* valid once is_answered */
    bool is_answered;
    struct rsmi_fabric_question *prev; /* of the domain's */
    struct rsmi_fabric_question *next;
} rsmi_fabric_question_t;

/* One UCX request and the memory that it may touch. An operation that nobody
 * waits for any more is *parked*: its completion gives it back. */
typedef struct rsmi_fabric_op {
    struct rsmi_fabric_op *next; /* of the free ones */
    struct rsmi_fabric_op *all;  /* of all ever made */
    rsmi_fabric_peer_t *peer;
    rsmi_fabric_key_t *key; /* NULL for flush and close */
    ucs_status_t status;    /* valid once is_done */
    bool is_done;
    bool is_parked;
    bool is_put;      /* parked from the start, counted in puts_in_flight */
    uint64_t operand; /* of atomics; in the byte order and width of memory */
    uint64_t reply;
    union {
        rsmi_fabric_letter_t letter;
        rsmi_fabric_order_t order;
    };
    unsigned char bounce[FABRIC_PIECES_SIZE];
} rsmi_fabric_op_t;

/* One endpoint for each remote worker, shared by all who connect to it. Lives
 * until the last of: domain's reference, keys, operations. */
struct rsmi_fabric_peer {
    rsmi_fabric_domain_t *domain;
    ucp_ep_h ep;     /* NULL once closed */
    ucp_rkey_h home; /* home_key as long as it is good for transfers */
    void *address;   /* of the remote worker */
    size_t address_size;
    unsigned users; /* connected and not disconnected */
    unsigned references;
    unsigned puts_in_flight;
    unsigned awaited;    /* answers, by all threads */
    uint64_t puts_ended; /* of those that were in flight, ever */
    uint64_t number;     /* of our endpoints to that worker, from 0 */
    uint64_t token;      /* names it in the target's hello */
    bool is_greeted;     /* hello came, or is not needed */
    bool is_wired;       /* an answer came, so the lanes are up both ways */
    bool is_talking;     /* a long answer is on its way: start nothing else */

    /* Only of the peer that is this process: what home is made of, a key to all
     * memory of it; the mask of UCX's parameters for atomic operations. */
    uint32_t atomic_mask;
    ucp_rkey_h home_key;
    ucp_mem_h home_mem;
    rsmi_fabric_inner_t inner;

    /* Written under the lock, read also without it. */
    _Atomic bool has_direct; /* some key of it ever was direct */
    _Atomic bool has_emulated;
    _Atomic bool is_broken;   /* for good: all answers are CONN_ABORTED */
    _Atomic uint64_t started; /* operations that only a flush can vouch for */
    _Atomic uint64_t flushed; /* how many of them one has vouched for */

    rsmi_fabric_peer_t *prev; /* of the domain's peers */
    rsmi_fabric_peer_t *next;
};

struct rsmi_fabric_key {
    rsmi_fabric_peer_t *peer;
    ucp_rkey_h rkey;
    unsigned references; /* user's and operations' */
    bool is_direct;      /* UCX copies by itself: done when the call returns */
    rsmi_fabric_key_t *prev; /* of the domain's keys */
    rsmi_fabric_key_t *next;
};

struct rsmi_fabric_mem {
    rsmi_fabric_domain_t *domain;
    ucp_mem_h memh;
    void *addr;              /* NULL: memory that UCX allocated */
    rsmi_fabric_mem_t *prev; /* of the domain's memory, under the setup lock */
    rsmi_fabric_mem_t *next;
};

typedef struct {
    uint64_t start;
    uint64_t size;
} rsmi_fabric_range_t;

/* In the order of their addresses. Application threads change them, the service
 * thread reads. */
typedef struct {
    rsmi_lock_t lock;
    rsmi_fabric_range_t *ranges;
    size_t count;
    size_t room;
} rsmi_fabric_ranges_t;

/* A worker of another process that we have met. Kept for good: UCX counts the
 * endpoints between two workers, and so must we. */
typedef struct rsmi_fabric_known {
    uint64_t count; /* of endpoints to it, made so far */

    /* Guests of a service worker only. */
    rsmi_fabric_service_t *service;
    ucp_ep_h ep; /* the last of them; NULL once closed */
    uint64_t token;
    bool is_reached; /* and hello has yet to be said */
    bool is_failed;  /* and has yet to be closed */

    UT_hash_handle hh;
    size_t size;
    unsigned char address[]; /* and FABRIC_ADDRESS_MARGIN zeros */
} rsmi_fabric_known_t;

/* The service worker; the service thread's alone. */
struct rsmi_fabric_service {
    ucp_worker_h worker; /* NULL until first need */
    ucp_address_t *address;
    size_t address_size;
    int fd; /* epoll around UCX's descriptor and the timer */
    int timer_fd;
    long delay_ns;             /* the timer's, 0 when it is off */
    rsmi_time_t last_event;    /* when the worker last did something */
    rsmi_time_t crowded_until; /* others want our processor so long */
    rsmi_time_t crowded_ns;    /* and wanted it for so long */
    rsmi_time_t linger_ns;     /* it is polled so long after that */
    rsmi_time_t next_yield;    /* ns after that */
    rsmi_fabric_known_t *guests;
    bool has_news; /* some guest was reached or has failed */
    rsmi_fabric_reply_t *free_replies;
    rsmi_fabric_reply_t *all_replies;
    unsigned replies_sent; /* and not done yet */
};

struct rsmi_fabric_domain {
    rsmi_fabric_kind_t kind;
    rsmi_fabric_info_t info;        /* constant after open */
    char tls[256];                  /* this domain's value of UCX_TLS */
    _Atomic(ucp_context_h) context; /* made under the setup lock */
    rsmi_fabric_mem_t *mems;        /* under the setup lock */
    rsmi_fabric_ranges_t ranges;    /* of mems; where letters come */
    size_t get_piece; /* most bytes that an emulating target is asked for, or
                       * sent by letter, at once: they fit into one message */
    size_t key_size;  /* of keys to allocated memory, constant with context */

    rsmi_lock_t lock; /* guards from here to op_count */
    ucp_worker_h data;
    int data_fd;
    ucp_address_t *address; /* of the data worker; NULL until first need */
    size_t address_size;
    uint64_t last_token;
    uint64_t last_ticket;
    rsmi_fabric_question_t *questions;
    rsmi_fabric_known_t *hosts; /* service workers we have endpoints to */
    rsmi_fabric_peer_t *peers;
    rsmi_fabric_key_t *keys;
    unsigned dead_keys; /* in keys, to be destroyed */
    rsmi_fabric_op_t *free_ops;
    rsmi_fabric_op_t *all_ops;
    unsigned op_count;

    rsmi_fabric_service_t service;
};

/* The bias of the lock of RSMI_FABRIC_SELF, the only one that has one. */
extern rsmi_bias_t rsmi_fabric_self_bias RSMI_HIDDEN;

static inline void rsmi_fabric_lock(rsmi_fabric_domain_t *domain)
    RSMI_ACQUIRE(domain->lock)
{
    rsmi_lock(&domain->lock);
    if (rsmi_unlikely(domain->kind == RSMI_FABRIC_SELF)) {
        rsmi_bias_revoke(&rsmi_fabric_self_bias);
    }
}

static inline void rsmi_fabric_unlock(rsmi_fabric_domain_t *domain)
    RSMI_RELEASE(domain->lock)
{
    rsmi_unlock(&domain->lock);
}

/* --- ucx_status.c -------------------------------------------------------- */

/* RSMERR of a failed call that sets something up. */
int rsmi_fabric_setup_error(ucs_status_t status);

/* RSMERR of a failed transfer; only what fabric.h lists for transfers. */
int rsmi_fabric_transfer_error(ucs_status_t status);

/* --- ucx_tls.c ----------------------------------------------------------- */

typedef enum {
    FABRIC_TL_DENIED,
    FABRIC_TL_AUXILIARY, /* for connecting others only */
    FABRIC_TL_ALLOWED
} rsmi_fabric_allowance_t;

/* What UCX_TLS=@p list says about transport @p tl, by UCX's own rules. */
rsmi_fabric_allowance_t rsmi_fabric_tls_allow(const char *list, const char *tl);

/* Whether a comma-separated list of devices names @p device, or all. */
bool rsmi_fabric_tls_has_device(const char *list, const char *device);

/* Whether transports of family @p kind include @p tl. */
bool rsmi_fabric_tls_in_kind(rsmi_fabric_kind_t kind, const char *tl);

/* Whether @p tl is served by the CPU alone, without pinned pages. */
bool rsmi_fabric_tls_is_software(const char *tl);

/* --- ucx_discover.c ------------------------------------------------------ */

/* Fill in info and tls of all domains. RSMERR_INSUFFICIENT_RESOURCES when
 * there is nothing, help message printed. */
int rsmi_fabric_discover(rsmi_fabric_domain_t *domains);

/* --- ucx_context.c ------------------------------------------------------- */

/* The domain with its context. */
int rsmi_fabric_domain_get(rsmi_fabric_kind_t kind,
                           rsmi_fabric_domain_t **domain_p);

/* The domain as it is. */
rsmi_fabric_domain_t *rsmi_fabric_domain_peek(rsmi_fabric_kind_t kind);

void rsmi_fabric_setup_lock(void);
void rsmi_fabric_setup_unlock(void);

/* Whether a new context or worker would find the descriptors that it wants;
 * help message if not. */
bool rsmi_fabric_has_descriptors(void);

/* --- ucx_worker.c -------------------------------------------------------- */

int rsmi_fabric_worker_create(rsmi_fabric_domain_t *domain,
                              ucs_thread_mode_t mode, ucp_worker_h *worker_p,
                              int *fd_p);

/* Make the data worker unless it is there. */
int rsmi_fabric_worker_open(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);
void rsmi_fabric_worker_close(rsmi_fabric_domain_t *domain);

/* One round of progress; the number of events UCX handled. */
unsigned rsmi_fabric_worker_progress(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);

/* State of one wait between its rounds. */
typedef struct {
    rsmi_time_t idle_since; /* 0: the last round did something */
    unsigned rounds;
} rsmi_fabric_pause_t;

/* One round of waiting: progress, and when that keeps doing nothing give the
 * processor, the lock and finally the time slice away. RSM_SUCCESS: look
 * again; RSMERR_CONN_ABORTED or RSMERR_BARRIER_FAILURE: stop waiting. */
int rsmi_fabric_worker_wait(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_pause_t *pause,
                            const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* Have @p callback take the active messages of this number. */
ucs_status_t rsmi_fabric_worker_handle(ucp_worker_h worker, unsigned number,
                                       ucp_am_recv_callback_t callback,
                                       void *arg);

/* --- ucx_service.c ------------------------------------------------------- */

void rsmi_fabric_service_close(rsmi_fabric_domain_t *domain);

/* --- ucx_wire.c, ucx_guest.c --------------------------------------------- */

/* Whether transfers of @p domain have to be preceded by rsmi_fabric_wire(). */
bool rsmi_fabric_must_wire(const rsmi_fabric_domain_t *domain);

/* Find or note a worker; NULL without memory. */
rsmi_fabric_known_t *rsmi_fabric_known_get(rsmi_fabric_known_t **all,
                                           const void *address, size_t size);
void rsmi_fabric_known_free_all(rsmi_fabric_known_t **all);

/* Have the data worker take hellos. */
ucs_status_t rsmi_fabric_wire_listen(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);

/* Do what callbacks have left to do. Service thread. */
void rsmi_fabric_guests_look(rsmi_fabric_service_t *service);

/* --- ucx_rma.c, ucx_flush.c ----------------------------------------------- */

/* Keep the number of puts on their way to the peer within bounds. */
int rsmi_fabric_put_wait_turn(rsmi_fabric_domain_t *domain,
                              rsmi_fabric_peer_t *peer,
                              const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* What was started up to @p started is complete there. */
void rsmi_fabric_flush_note(rsmi_fabric_peer_t *peer, uint64_t started);

/* --- ucx_mail.c ----------------------------------------------------------- */

/* Whether puts go by letter, and questions tell what is complete. */
static inline bool rsmi_fabric_has_mail(const rsmi_fabric_peer_t *peer)
{
    return peer->token != 0;
}

ucs_status_t rsmi_fabric_mail_listen(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);
ucs_status_t rsmi_fabric_mail_serve(rsmi_fabric_domain_t *domain);
void rsmi_fabric_mail_close(rsmi_fabric_service_t *service);

/* Whether a put of @p len bytes goes by letter. One that UCX would have to send
 * in parts does not: they may take other lanes, and a question overtake them. */
static inline bool rsmi_fabric_is_letter(const rsmi_fabric_peer_t *peer,
                                         size_t len)
{
    return rsmi_fabric_has_mail(peer) && (len <= FABRIC_BOUNCE_SIZE) &&
           (len <= peer->domain->get_piece);
}

/* What rsmi_fabric_is_letter() says is one; @p src may be reused. */
int rsmi_fabric_mail_put(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                         uint64_t remote, const void *src, size_t len,
                         const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* The same as a question, the lock not held: when it is answered, that put and
 * everything before it on the peer is complete there. @p len may be 0. */
int rsmi_fabric_mail_ask(rsmi_fabric_peer_t *peer,
                         const rsmi_fabric_letter_t *letter, const void *src,
                         size_t len, uint64_t *word_p,
                         const rsmi_fabric_wait_t *wait);

/* Send a letter that lies in an operation until it has gone. */
int rsmi_fabric_mail_send(rsmi_fabric_domain_t *domain,
                          rsmi_fabric_peer_t *peer, rsmi_fabric_key_t *key,
                          const rsmi_fabric_letter_t *letter, const void *src,
                          size_t len) RSMI_REQUIRES(domain->lock);

/* Before a question: wait until those letters that wait for room in the socket
 * have gone, which it must not overtake, and until the target keeps room for one
 * more answer. Only the first *@p before_p of the operations on the peer are sure
 * to come before the question, if letters of other threads wait since then. */
int rsmi_fabric_mail_wait_turn(rsmi_fabric_domain_t *domain,
                               rsmi_fabric_peer_t *peer,
                               const rsmi_fabric_wait_t *wait,
                               uint64_t *before_p) RSMI_REQUIRES(domain->lock);

/* How many operations the answer to a question vouches for that has been sent
 * now, itself among them. */
uint64_t rsmi_fabric_vouched(const rsmi_fabric_peer_t *peer, uint64_t before);

/* From before it is sent until nobody waits for its answer any more. */
void rsmi_fabric_question_add(rsmi_fabric_peer_t *peer,
                              rsmi_fabric_question_t *question);
void rsmi_fabric_question_remove(rsmi_fabric_peer_t *peer,
                                 rsmi_fabric_question_t *question);
int rsmi_fabric_mail_wait_answer(rsmi_fabric_domain_t *domain,
                                 rsmi_fabric_peer_t *peer,
                                 const rsmi_fabric_question_t *question,
                                 const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* For a question of the process that @p ep leads to; NULL: it asks too much, or
 * there is no memory. Sent with so many bytes of what was fetched, or given
 * back. Service thread. */
rsmi_fabric_reply_t *rsmi_fabric_reply_get(rsmi_fabric_service_t *service,
                                           ucp_ep_h ep);
void rsmi_fabric_reply_send(rsmi_fabric_reply_t *reply, size_t fetched);
void rsmi_fabric_reply_put(rsmi_fabric_reply_t *reply);

/* --- ucx_order.c --------------------------------------------------------- */

ucs_status_t rsmi_fabric_order_serve(rsmi_fabric_domain_t *domain);

/* What rsmi_fabric_atomic() says, to a peer that has mail. */
int rsmi_fabric_order(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                      const rsmi_fabric_order_t *order, uint64_t *old_p,
                      const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* --- ucx_vector.c -------------------------------------------------------- */

/* One piece that is done gives the next ones as long again. */
static inline void rsmi_fabric_wait_renew(rsmi_fabric_wait_t *wait,
                                          rsmi_time_t patience)
{
    if (wait->deadline != RSMI_NEVER) {
        wait->deadline = rsmi_clock_now() + patience;
    }
}

/* What several puts brought in one letter. False: it is no such letter, or from
 * there on it names memory that is not anybody's to reach. Service thread. */
bool rsmi_fabric_write_pieces(const rsmi_fabric_ranges_t *ranges,
                              const void *pieces, size_t length)
    RSMI_REQUIRES(ranges->lock);

/* --- ucx_fetch.c --------------------------------------------------------- */

/* Gets that rsmi_fabric_is_letter() says are letters, as rsmi_fabric_getv(). */
int rsmi_fabric_fetch(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                      const rsmi_fabric_get_t *gets, size_t count,
                      const rsmi_fabric_wait_t *wait, size_t *done_p)
    RSMI_REQUIRES(domain->lock);

/* What the list of a letter names comes to @p into. False: it is no such list,
 * or names memory that is not anybody's to reach. Service thread. */
bool rsmi_fabric_fetch_listed(const rsmi_fabric_ranges_t *ranges,
                              const rsmi_fabric_letter_t *letter,
                              const void *list, size_t length,
                              unsigned char into[FABRIC_BOUNCE_SIZE])
    RSMI_REQUIRES(ranges->lock);

/* --- ucx_range.c --------------------------------------------------------- */

bool rsmi_fabric_range_has(const rsmi_fabric_ranges_t *ranges, uint64_t start,
                           size_t size) RSMI_REQUIRES(ranges->lock);

/* False without memory. */
bool rsmi_fabric_range_add(rsmi_fabric_ranges_t *ranges, uint64_t start,
                           size_t size);
void rsmi_fabric_range_remove(rsmi_fabric_ranges_t *ranges, uint64_t start);
void rsmi_fabric_range_clear(rsmi_fabric_ranges_t *ranges);

/* --- ucx_op.c ------------------------------------------------------------ */

/* An operation of @p peer; NULL when there are too many or no memory. */
rsmi_fabric_op_t *rsmi_fabric_op_get(rsmi_fabric_domain_t *domain,
                                     rsmi_fabric_peer_t *peer,
                                     rsmi_fabric_key_t *key)
    RSMI_REQUIRES(domain->lock);
void rsmi_fabric_op_put(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
    RSMI_REQUIRES(domain->lock);

/* Parameters for the UCX call that starts @p op. */
void rsmi_fabric_op_param(rsmi_fabric_op_t *op, ucp_request_param_t *param_p);

/* Take over what that call returned. */
void rsmi_fabric_op_started(rsmi_fabric_op_t *op, ucs_status_ptr_t request);

/* Leave @p op to its completion; it touches nothing but its own memory. */
void rsmi_fabric_op_park(rsmi_fabric_op_t *op);

/* A small put that was started: its result if it is done, else it is left to
 * its completion, as one in flight. */
int rsmi_fabric_op_leave_put(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op)
    RSMI_REQUIRES(domain->lock);

/* Wait for @p op, which uses its own memory only, and give it back: done or
 * parked. The result is the transfer's. */
int rsmi_fabric_op_finish(rsmi_fabric_domain_t *domain, rsmi_fabric_op_t *op,
                          const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* The same for @p op that uses the caller's memory: if its end cannot be
 * awaited the endpoint is closed by force, which ends it. */
int rsmi_fabric_op_finish_in_place(rsmi_fabric_domain_t *domain,
                                   rsmi_fabric_op_t *op,
                                   const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* For operations through a direct key, which UCX carries out before its call
 * returns: turn that into a result. An operation that is on its way after all
 * is waited for, or cut off together with the endpoint. */
int rsmi_fabric_op_settle(rsmi_fabric_domain_t *domain,
                          rsmi_fabric_peer_t *peer, ucs_status_ptr_t request,
                          const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* The same for a request that is not UCX's to free, and on its way. */
RSMI_COLD int rsmi_fabric_op_await(rsmi_fabric_domain_t *domain,
                                   rsmi_fabric_peer_t *peer, void *request,
                                   const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* Free the memory of all; the worker is gone. */
void rsmi_fabric_op_free_all(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);

/* --- ucx_peer.c, ucx_key.c ----------------------------------------------- */

/* Whether a worker's address can have so many bytes. */
bool rsmi_fabric_address_is_sound(size_t size);

/* Close the endpoint by force; the peer is broken from now on. */
void rsmi_fabric_peer_abort(rsmi_fabric_domain_t *domain,
                            rsmi_fabric_peer_t *peer)
    RSMI_REQUIRES(domain->lock);

/* What every operation asks first: is the peer there, and is it our turn. */
int rsmi_fabric_peer_enter(rsmi_fabric_domain_t *domain,
                           rsmi_fabric_peer_t *peer,
                           const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock);

/* Count an operation that is not done by the time its call returns. */
void rsmi_fabric_peer_note(rsmi_fabric_peer_t *peer);

static inline bool rsmi_fabric_peer_is_broken(const rsmi_fabric_peer_t *peer)
{
    return rsmi_unlikely(
        atomic_load_explicit(&peer->is_broken, memory_order_relaxed));
}

/* Drop one reference. May be called inside UCX's callbacks. */
void rsmi_fabric_peer_unref(rsmi_fabric_peer_t *peer);
void rsmi_fabric_key_unref(rsmi_fabric_key_t *key);

/* Destroy the keys that lost their last reference. Never inside a callback:
 * UCX may still look at the key whose operation it completes. */
void rsmi_fabric_key_reap(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);

/* Free all keys (the worker still there) and all peers (the worker gone),
 * whoever holds them. */
void rsmi_fabric_key_free_all(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);
void rsmi_fabric_peer_free_all(rsmi_fabric_domain_t *domain)
    RSMI_REQUIRES(domain->lock);

/* --- ucx_memory.c -------------------------------------------------------- */

/* Whether /dev/shm has room for @p size bytes; help message if not. */
bool rsmi_fabric_memory_has_room(size_t size);

/* The setup lock is held. */
void rsmi_fabric_memory_free_all(rsmi_fabric_domain_t *domain);

/* What size a key to memory allocated in @p context has; 0: not known. */
size_t rsmi_fabric_memory_key_size(ucp_context_h context);

#endif
