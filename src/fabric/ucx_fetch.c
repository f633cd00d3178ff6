/* SPDX-License-Identifier: BSD-3-Clause */
/* Gets. Small ones where UCX would emulate them are letters that fetch, of which
 * several can be on their way: a target of ours bears it when one cannot be
 * answered. A message costs as much as some thousand bytes, so that one letter
 * asks for as many pieces of a vector as one answer has room for. */
#include "fabric/fabric_internal.h"

#include <string.h>

/* Letters of one caller on their way. */
#define FETCH_RUN 16

/* While all threads await fewer answers of a peer, a caller asks for a second one
 * before the first has come. */
#define FETCH_EASY 64

/* --- target: service thread ------------------------------------------------ */

bool rsmi_fabric_fetch_listed(const rsmi_fabric_ranges_t *ranges,
                              const rsmi_fabric_letter_t *letter,
                              const void *list, size_t length,
                              unsigned char into[FABRIC_BOUNCE_SIZE])
{
    size_t have = 0, count = length / sizeof(rsmi_fabric_part_t), idx;
    rsmi_fabric_part_t parts[FABRIC_PARTS_MOST];

    if ((length > sizeof(parts)) || (length % sizeof(parts[0]) != 0) ||
        (letter->fetch > FABRIC_BOUNCE_SIZE)) {
        return false;
    }
    memcpy(parts, list, length);
    for (idx = 0; idx < count; ++idx) {
        if ((parts[idx].size == 0) ||
            (parts[idx].size > letter->fetch - have) ||
            !rsmi_fabric_range_has(ranges, parts[idx].remote,
                                   parts[idx].size)) {
            return false;
        }
        memcpy(into + have, (const void *)(uintptr_t)parts[idx].remote,
               parts[idx].size);
        have += parts[idx].size;
    }
    return have == letter->fetch;
}

/* --- importer -------------------------------------------------------------- */

/* Whether the next one need not wait for those before. */
static bool fetch_may_ask(const rsmi_fabric_peer_t *peer, size_t asked)
{
    return (asked == 0) || ((peer->awaited < FETCH_EASY) && !peer->is_talking &&
                            !rsmi_fabric_peer_is_broken(peer));
}

/* The first one, and the next ones as far as one answer has room for them. */
static void fetch_bundle(const rsmi_fabric_peer_t *peer,
                         const rsmi_fabric_get_t *gets, size_t count,
                         rsmi_fabric_question_t *question)
{
    size_t size = gets[0].len, run = 1;

    while (
        (run < count) && (run < FABRIC_PARTS_MOST) &&
        rsmi_fabric_is_letter(peer, size + gets[run].len) &&
        rsmi_fabric_is_letter(peer, (run + 1) * sizeof(rsmi_fabric_part_t))) {
        size += gets[run].len;
        ++run;
    }
    *question = (rsmi_fabric_question_t){
        .letter.fetch = size, .gets = gets, .count = run};
}

static int fetch_ask(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                     rsmi_fabric_question_t *question)
    RSMI_REQUIRES(domain->lock)
{
    const rsmi_fabric_get_t *gets = question->gets;
    rsmi_fabric_part_t parts[FABRIC_PARTS_MOST];
    size_t listed = 0;

    question->letter.ticket = ++domain->last_ticket;
    if (question->count == 1) {
        question->letter.look_at = gets[0].remote;
    } else {
        for (; listed < question->count; ++listed) {
            parts[listed] =
                (rsmi_fabric_part_t){gets[listed].remote, gets[listed].len};
        }
    }
    rsmi_fabric_question_add(key->peer, question);
    return rsmi_fabric_mail_send(domain, key->peer, key, &question->letter,
                                 parts, listed * sizeof(parts[0]));
}

/* As many as may be asked for at once. */
static int fetch_run(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                     const rsmi_fabric_get_t *gets, size_t count,
                     const rsmi_fabric_wait_t *wait, size_t *done_p)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_question_t questions[FETCH_RUN];
    rsmi_fabric_peer_t *peer = key->peer;
    size_t taken = 0, asked = 0, answered = 0, idx;
    uint64_t vouched;
    int rc;

    *done_p = 0;
    rc = rsmi_fabric_mail_wait_turn(domain, peer, wait, &vouched);
    while ((rc == RSM_SUCCESS) && (taken < count) && (asked < FETCH_RUN) &&
           fetch_may_ask(peer, asked)) {
        fetch_bundle(peer, gets + taken, count - taken, &questions[asked]);
        rc = fetch_ask(domain, key, &questions[asked]);
        taken += questions[asked].count;
        ++asked;
    }
    vouched = rsmi_fabric_vouched(peer, vouched);
    while ((rc == RSM_SUCCESS) && (answered < asked)) {
        rc = rsmi_fabric_mail_wait_answer(domain, peer, &questions[answered],
                                          wait);
        if (rc == RSM_SUCCESS) {
            *done_p += questions[answered].count;
            ++answered;
        }
    }
    for (idx = 0; idx < asked; ++idx) {
        rsmi_fabric_question_remove(peer, &questions[idx]);
    }
    peer->is_wired |= answered > 0;
    if (rc == RSM_SUCCESS) {
        rsmi_fabric_flush_note(peer, vouched);
    }
    return rc;
}

int rsmi_fabric_fetch(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                      const rsmi_fabric_get_t *gets, size_t count,
                      const rsmi_fabric_wait_t *wait, size_t *done_p)
{
    size_t run;
    int rc = RSM_SUCCESS;

    *done_p = 0;
    while ((*done_p < count) && (rc == RSM_SUCCESS)) {
        rc = rsmi_fabric_peer_enter(domain, key->peer, wait);
        if (rc == RSM_SUCCESS) {
            rc = fetch_run(domain, key, gets + *done_p, count - *done_p, wait,
                           &run);
            *done_p += run;
        }
    }
    return rc;
}

/* How many of the next ones are letters; 0: the next one goes by itself. */
static size_t fetch_count(const rsmi_fabric_key_t *key,
                          const rsmi_fabric_get_t *gets, size_t count)
{
    size_t run = 0;

    while ((run < count) && !key->is_direct && (gets[run].len != 0) &&
           rsmi_fabric_is_letter(key->peer, gets[run].len)) {
        ++run;
    }
    return run;
}

int rsmi_fabric_getv(rsmi_fabric_key_t *key, const rsmi_fabric_get_t *gets,
                     size_t count, const rsmi_fabric_wait_t *wait,
                     size_t *done_p)
{
    rsmi_time_t patience = wait->deadline - rsmi_clock_now();
    rsmi_fabric_domain_t *domain = key->peer->domain;
    rsmi_fabric_wait_t left = *wait;
    size_t done = 0, run;
    int rc = RSM_SUCCESS;

    while ((done < count) && (rc == RSM_SUCCESS)) {
        run = fetch_count(key, gets + done, count - done);
        if (run == 0) {
            rc = rsmi_fabric_get(key, gets[done].remote, gets[done].dst,
                                 gets[done].len, &left);
            done += (rc == RSM_SUCCESS);
        } else {
            rsmi_fabric_lock(domain);
            rc = rsmi_fabric_fetch(domain, key, gets + done, run, &left, &run);
            rsmi_fabric_unlock(domain);
            done += run;
        }
        rsmi_fabric_wait_renew(&left, patience);
    }
    *done_p = done;
    return rc;
}
