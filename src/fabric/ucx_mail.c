/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and small gets where UCX would emulate them. Its own emulation
 * acknowledges each put with a message, which is as dear as the put, and needs a
 * second exchange to say that all are there; and it ends a target that cannot
 * send an answer or an acknowledgement, as is the second one to a process that
 * has just died. Here the bytes travel in a *letter*, without any
 * acknowledgement, and one that asks is *answered* when its bytes and those of
 * all letters before have been written: what UCX emulates, and letters, are
 * carried out in the order in which they were sent, by the target's service
 * thread. So a put that has to be complete takes one message each way.
 *
 * The target writes where the letter says, as UCX's emulation does, and looks
 * at no key either; core/landing.h tells why that harms nobody. But a letter is
 * ours, so that one to memory which has not been registered is dropped. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Answers that may wait for room in one importer's socket. His library awaits
 * fewer, so that who has so many takes nothing in, nor means to. */
#define MAIL_REPLIES_MOST 256
#define MAIL_AWAITED_MOST 192

/* --- target: service thread, callbacks inside its progress ----------------- */

void rsmi_fabric_reply_put(rsmi_fabric_reply_t *reply)
{
    reply->ep = NULL;
    --reply->service->replies_sent;
    reply->next = reply->service->free_replies;
    reply->service->free_replies = reply;
}

static void mail_replied(void *request, ucs_status_t status, void *arg)
{
    (void)status; /* who asked has gone, and everybody learns that elsewhere */
    ucp_request_free(request);
    rsmi_fabric_reply_put(arg);
}

static bool mail_is_flooded(const rsmi_fabric_service_t *service, ucp_ep_h ep)
{
    const rsmi_fabric_reply_t *reply;
    unsigned count = 0;

    if (rsmi_likely(service->replies_sent < MAIL_REPLIES_MOST)) {
        return false;
    }
    for (reply = service->all_replies; reply != NULL; reply = reply->all) {
        count += (reply->ep == ep);
    }
    return count >= MAIL_REPLIES_MOST;
}

static rsmi_fabric_reply_t *mail_reply_make(rsmi_fabric_service_t *service)
{
    rsmi_fabric_reply_t *reply = malloc(sizeof(*reply));

    if (reply != NULL) {
        reply->service = service;
        reply->all = service->all_replies;
        service->all_replies = reply;
    }
    return reply;
}

rsmi_fabric_reply_t *rsmi_fabric_reply_get(rsmi_fabric_service_t *service,
                                           ucp_ep_h ep)
{
    rsmi_fabric_reply_t *reply = service->free_replies;

    if (rsmi_unlikely(mail_is_flooded(service, ep))) {
        return NULL;
    }
    if (rsmi_likely(reply != NULL)) {
        service->free_replies = reply->next;
    } else {
        reply = mail_reply_make(service);
    }
    if (rsmi_likely(reply != NULL)) {
        reply->ep = ep;
        reply->answer.word = 0;
        ++service->replies_sent;
    }
    return reply;
}

/* What a letter without a list looks at; no more than an answer has room for. */
static bool mail_may_look(const rsmi_fabric_ranges_t *ranges,
                          const rsmi_fabric_letter_t *letter)
    RSMI_REQUIRES(ranges->lock)
{
    size_t size = (letter->fetch != 0) ? letter->fetch : sizeof(uint64_t);

    return (letter->look_at == 0) ||
           ((letter->fetch <= FABRIC_BOUNCE_SIZE) &&
            rsmi_fabric_range_has(ranges, letter->look_at, size));
}

static bool mail_write(const rsmi_fabric_ranges_t *ranges,
                       const rsmi_fabric_letter_t *letter, const void *data,
                       size_t length) RSMI_REQUIRES(ranges->lock)
{
    if (length == 0) {
        return true;
    }
    if (letter->remote == 0) {
        return rsmi_fabric_write_pieces(ranges, data, length);
    }
    if (!rsmi_fabric_range_has(ranges, letter->remote, length)) {
        return false;
    }
    memcpy((void *)(uintptr_t)letter->remote, data, length);
    return true;
}

static void mail_look(const rsmi_fabric_letter_t *letter,
                      rsmi_fabric_reply_t *reply)
{
    const void *from = (const void *)(uintptr_t)letter->look_at;

    if (letter->fetch != 0) {
        memcpy(reply->fetched, from, letter->fetch);
    } else if (letter->look_at != 0) {
        memcpy(&reply->answer.word, from, sizeof(reply->answer.word));
    }
}

/* Do what a letter says; @p reply takes what it looks at, or is NULL. False: it
 * names memory that is not, or no more, anybody's to reach. */
static bool mail_carry_out(rsmi_fabric_ranges_t *ranges,
                           const rsmi_fabric_letter_t *letter, const void *data,
                           size_t length, rsmi_fabric_reply_t *reply)
{
    bool is_list = (letter->look_at == 0) && (letter->fetch != 0);
    bool is_good;

    rsmi_lock(&ranges->lock);
    if (is_list) {
        is_good =
            (reply == NULL) || rsmi_fabric_fetch_listed(ranges, letter, data,
                                                        length, reply->fetched);
    } else {
        is_good = mail_may_look(ranges, letter) &&
                  mail_write(ranges, letter, data, length);
        atomic_thread_fence(memory_order_seq_cst);
        if (is_good && (reply != NULL)) {
            mail_look(letter, reply);
        }
    }
    rsmi_unlock(&ranges->lock);
    return is_good;
}

void rsmi_fabric_reply_send(rsmi_fabric_reply_t *reply, size_t fetched)
{
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK |
                        UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS,
        .flags = UCP_AM_SEND_FLAG_EAGER,
        .cb.send = mail_replied,
        .user_data = reply,
    };

    if (!UCS_PTR_IS_PTR(ucp_am_send_nbx(reply->ep, FABRIC_ANSWER_ID,
                                        &reply->answer, sizeof(reply->answer),
                                        reply->fetched, fetched, &param))) {
        rsmi_fabric_reply_put(reply);
    }
}

/* Who is not answered waits until its deadline, and may ask again. */
static ucs_status_t mail_letter(void *arg, const void *header,
                                size_t header_len, void *data, size_t length,
                                const ucp_am_recv_param_t *param)
{
    rsmi_fabric_domain_t *domain = arg;
    rsmi_fabric_reply_t *reply = NULL;
    rsmi_fabric_letter_t letter;
    bool is_asked;

    if ((header_len != sizeof(letter)) ||
        ((param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0)) {
        return UCS_OK;
    }
    memcpy(&letter, header, sizeof(letter));
    is_asked = (letter.ticket != 0) &&
               ((param->recv_attr & UCP_AM_RECV_ATTR_FIELD_REPLY_EP) != 0);
    if (is_asked) {
        reply = rsmi_fabric_reply_get(&domain->service, param->reply_ep);
    }
    if (!mail_carry_out(&domain->ranges, &letter, data, length, reply)) {
        rsmi_debug("fabric", "a letter to memory that is not there is dropped");
        if (reply != NULL) {
            rsmi_fabric_reply_put(reply);
        }
    } else if (reply != NULL) {
        reply->answer.ticket = letter.ticket;
        rsmi_fabric_reply_send(reply, letter.fetch);
    } else if (is_asked) {
        rsmi_debug("fabric", "a question stays without an answer");
    }
    return UCS_OK;
}

ucs_status_t rsmi_fabric_mail_serve(rsmi_fabric_domain_t *domain)
{
    ucs_status_t status;

    status = rsmi_fabric_worker_handle(domain->service.worker, FABRIC_LETTER_ID,
                                       mail_letter, domain);
    return (status == UCS_OK) ? rsmi_fabric_order_serve(domain) : status;
}

/* The worker is gone, and with it what was on its way. */
void rsmi_fabric_mail_close(rsmi_fabric_service_t *service)
{
    rsmi_fabric_reply_t *reply;

    while ((reply = service->all_replies) != NULL) {
        service->all_replies = reply->all;
        free(reply);
    }
    service->free_replies = NULL;
    service->replies_sent = 0;
}

/* --- importer -------------------------------------------------------------- */

/* In the order of the gets: of two with the same destination the later one
 * stays. */
static void mail_take(const rsmi_fabric_question_t *question, const char *data)
{
    size_t idx;

    for (idx = 0; idx < question->count; ++idx) {
        memcpy(question->gets[idx].dst, data, question->gets[idx].len);
        data += question->gets[idx].len;
    }
}

/* Called by UCX inside progress, so the domain's lock is held. */
static ucs_status_t mail_answered(
    void *arg, const void *header, size_t header_len, void *data, size_t length,
    const ucp_am_recv_param_t *param) RSMI_NO_ANALYSIS
{
    rsmi_fabric_domain_t *domain = arg;
    rsmi_fabric_question_t *question;
    rsmi_fabric_answer_t answer;

    if ((header_len != sizeof(answer)) ||
        ((param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0)) {
        return UCS_OK;
    }
    memcpy(&answer, header, sizeof(answer));
    DL_FOREACH(domain->questions, question)
    {
        if ((question->letter.ticket == answer.ticket) &&
            (question->letter.fetch == length)) {
            mail_take(question, data);
            question->word = answer.word;
            question->is_answered = true;
        }
    }
    return UCS_OK;
}

ucs_status_t rsmi_fabric_mail_listen(rsmi_fabric_domain_t *domain)
{
    return rsmi_fabric_worker_handle(domain->data, FABRIC_ANSWER_ID,
                                     mail_answered, domain);
}

int rsmi_fabric_mail_send(rsmi_fabric_domain_t *domain,
                          rsmi_fabric_peer_t *peer, rsmi_fabric_key_t *key,
                          const rsmi_fabric_letter_t *letter, const void *src,
                          size_t len)
{
    ucp_request_param_t param;
    rsmi_fabric_op_t *op = rsmi_fabric_op_get(domain, peer, key);

    if (rsmi_unlikely(op == NULL)) {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    op->letter = *letter;
    if (len != 0) {
        memcpy(op->bounce, src, len);
    }
    rsmi_fabric_op_param(op, &param);
    param.op_attr_mask |= UCP_OP_ATTR_FIELD_FLAGS;
    param.flags = UCP_AM_SEND_FLAG_EAGER;
    if (letter->ticket != 0) {
        param.flags |= UCP_AM_SEND_FLAG_REPLY;
    }
    rsmi_fabric_op_started(op, ucp_am_send_nbx(peer->ep, FABRIC_LETTER_ID,
                                               &op->letter, sizeof(op->letter),
                                               op->bounce, len, &param));
    rsmi_fabric_peer_note(peer);
    return rsmi_fabric_op_leave_put(domain, op);
}

int rsmi_fabric_mail_put(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                         uint64_t remote, const void *src, size_t len,
                         const rsmi_fabric_wait_t *wait)
{
    const rsmi_fabric_letter_t letter = {.remote = remote};
    rsmi_fabric_peer_t *peer = key->peer;
    int rc = rsmi_fabric_put_wait_turn(domain, peer, wait);

    return (rc == RSM_SUCCESS)
               ? rsmi_fabric_mail_send(domain, peer, key, &letter, src, len)
               : rc;
}

void rsmi_fabric_question_add(rsmi_fabric_peer_t *peer,
                              rsmi_fabric_question_t *question) RSMI_NO_ANALYSIS
{
    DL_APPEND(peer->domain->questions, question);
    ++peer->awaited;
}

void rsmi_fabric_question_remove(
    rsmi_fabric_peer_t *peer, rsmi_fabric_question_t *question) RSMI_NO_ANALYSIS
{
    DL_DELETE(peer->domain->questions, question);
    --peer->awaited;
}

int rsmi_fabric_mail_wait_turn(rsmi_fabric_domain_t *domain,
                               rsmi_fabric_peer_t *peer,
                               const rsmi_fabric_wait_t *wait,
                               uint64_t *before_p)
{
    uint64_t started = peer->started;
    uint64_t upto = peer->puts_ended + peer->puts_in_flight;
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while (
        ((peer->puts_ended < upto) || (peer->awaited >= MAIL_AWAITED_MOST)) &&
        (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
        if (rc == RSM_SUCCESS) {
            rc = rsmi_fabric_peer_enter(domain, peer, wait);
        }
    }
    *before_p = (peer->puts_in_flight == 0) ? UINT64_MAX : started;
    return rc;
}

int rsmi_fabric_mail_wait_answer(rsmi_fabric_domain_t *domain,
                                 rsmi_fabric_peer_t *peer,
                                 const rsmi_fabric_question_t *question,
                                 const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_pause_t pause = {0, 0};
    int rc = RSM_SUCCESS;

    while (!question->is_answered && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_worker_wait(domain, &pause, wait);
        if (rsmi_fabric_peer_is_broken(peer)) {
            rc = RSMERR_CONN_ABORTED;
        }
    }
    /* What came with the deadline has come. */
    return (question->is_answered && (rc == RSMERR_BARRIER_FAILURE))
               ? RSM_SUCCESS
               : rc;
}

static int mail_ask(rsmi_fabric_domain_t *domain, rsmi_fabric_peer_t *peer,
                    rsmi_fabric_question_t *question, const void *src,
                    size_t len, const rsmi_fabric_wait_t *wait)
    RSMI_REQUIRES(domain->lock)
{
    uint64_t vouched;
    int rc;

    rc = rsmi_fabric_mail_wait_turn(domain, peer, wait, &vouched);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    question->letter.ticket = ++domain->last_ticket;
    rsmi_fabric_question_add(peer, question);
    rc = rsmi_fabric_mail_send(domain, peer, NULL, &question->letter, src, len);
    vouched = rsmi_fabric_vouched(peer, vouched);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_mail_wait_answer(domain, peer, question, wait);
    }
    rsmi_fabric_question_remove(peer, question);
    if (rc == RSM_SUCCESS) {
        peer->is_wired = true;
        rsmi_fabric_flush_note(peer, vouched);
    }
    return rc;
}

int rsmi_fabric_mail_ask(rsmi_fabric_peer_t *peer,
                         const rsmi_fabric_letter_t *letter, const void *src,
                         size_t len, uint64_t *word_p,
                         const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = peer->domain;
    rsmi_fabric_question_t question = {.letter = *letter};
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, peer, wait);
    if (rc == RSM_SUCCESS) {
        rc = mail_ask(domain, peer, &question, src, len, wait);
    }
    if (rc == RSM_SUCCESS) {
        *word_p = question.word;
    }
    rsmi_fabric_unlock(domain);
    return rc;
}
