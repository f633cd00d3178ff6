/* SPDX-License-Identifier: BSD-3-Clause */
/* Gets. Small ones where UCX would emulate them are letters that fetch, of which
 * several can be on their way: a target of ours bears it when one cannot be
 * answered. */
#include "fabric/fabric_internal.h"

#include <string.h>

/* Fetches of one caller on their way. */
#define FETCH_RUN 16

/* While all threads await fewer answers of a peer, a caller asks for a second one
 * before the first has come. */
#define FETCH_EASY 64

/* Whether the next one need not wait for those before. */
static bool fetch_may_ask(const rsmi_fabric_peer_t *peer, size_t asked)
{
    return (asked == 0) || ((peer->awaited < FETCH_EASY) && !peer->is_talking &&
                            !rsmi_fabric_peer_is_broken(peer));
}

static int fetch_ask(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                     const rsmi_fabric_get_t *get,
                     rsmi_fabric_question_t *question)
    RSMI_REQUIRES(domain->lock)
{
    *question = (rsmi_fabric_question_t){
        .letter = {.look_at = get->remote,
                   .fetch = get->len,
                   .ticket = ++domain->last_ticket},
        .dst = get->dst,
    };
    rsmi_fabric_question_add(key->peer, question);
    return rsmi_fabric_mail_send(domain, key->peer, key, &question->letter,
                                 NULL, 0);
}

/* As many as may be asked for at once. */
static int fetch_run(rsmi_fabric_domain_t *domain, rsmi_fabric_key_t *key,
                     const rsmi_fabric_get_t *gets, size_t count,
                     const rsmi_fabric_wait_t *wait, size_t *done_p)
    RSMI_REQUIRES(domain->lock)
{
    rsmi_fabric_question_t questions[FETCH_RUN];
    rsmi_fabric_peer_t *peer = key->peer;
    size_t asked = 0, done = 0, idx;
    uint64_t started;
    int rc;

    rc = rsmi_fabric_mail_wait_turn(domain, peer, wait);
    while ((rc == RSM_SUCCESS) && (asked < count) && (asked < FETCH_RUN) &&
           fetch_may_ask(peer, asked)) {
        rc = fetch_ask(domain, key, &gets[asked], &questions[asked]);
        ++asked;
    }
    started = peer->started;
    while ((rc == RSM_SUCCESS) && (done < asked)) {
        rc = rsmi_fabric_mail_wait_answer(domain, peer, &questions[done], wait);
        done += (rc == RSM_SUCCESS);
    }
    for (idx = 0; idx < asked; ++idx) {
        rsmi_fabric_question_remove(peer, &questions[idx]);
    }
    peer->is_wired |= done > 0;
    if (rc == RSM_SUCCESS) {
        rsmi_fabric_flush_note(peer, started);
    }
    *done_p = done;
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

/* One that is done gives the next ones as long again. */
static void fetch_renew(rsmi_fabric_wait_t *wait, rsmi_time_t patience)
{
    if (wait->deadline != RSMI_NEVER) {
        wait->deadline = rsmi_clock_now() + patience;
    }
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
        fetch_renew(&left, patience);
    }
    *done_p = done;
    return rc;
}
