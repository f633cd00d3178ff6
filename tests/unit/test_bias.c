/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/bias.h"

#include "util/lock.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>

#define ROUNDS     20000
#define OFTEN      5000 /* more than a bias costs at first */
#define FOR_A_WAIT 20   /* milliseconds */

static rsmi_lock_t lock = RSMI_LOCK_INIT;
static rsmi_bias_t bias;
static sem_t is_inside, may_leave;
static _Atomic bool has_left;

TestSuite(bias, .timeout = 30);

/* As users of the lock do; true: by the bias. */
static bool enter(void) RSMI_NO_ANALYSIS
{
    if (rsmi_bias_enter(&bias)) {
        return true;
    }
    rsmi_lock(&lock);
    rsmi_bias_revoke(&bias);
    rsmi_bias_ask(&bias);
    return false;
}

static void leave(bool is_biased) RSMI_NO_ANALYSIS
{
    if (is_biased) {
        rsmi_bias_leave(&bias);
    } else {
        rsmi_unlock(&lock);
    }
}

/* Until the calling thread has the bias. */
static void earn(void)
{
    int round;

    for (round = 0; round < OFTEN; ++round) {
        leave(enter());
    }
}

static void lock_it(void)
{
    rsmi_lock(&lock);
    rsmi_bias_revoke(&bias);
    rsmi_unlock(&lock);
}

Test(bias, comes_with_use)
{
    cr_assert_not(rsmi_bias_enter(&bias));
    earn();
    cr_assert(rsmi_bias_enter(&bias));
    rsmi_bias_leave(&bias);
}

Test(bias, stays_where_its_owner_takes_the_lock)
{
    earn();
    lock_it();
    cr_assert(rsmi_bias_enter(&bias));
    rsmi_bias_leave(&bias);
}

static void *owner(void *arg)
{
    earn();
    cr_expect(rsmi_bias_enter(&bias));
    sem_post(&is_inside);
    sem_wait(&may_leave);
    (void)poll(NULL, 0, FOR_A_WAIT);
    atomic_store(&has_left, true);
    rsmi_bias_leave(&bias);
    sem_wait(&may_leave);
    cr_expect_not(rsmi_bias_enter(&bias), "it was taken away");
    return arg;
}

Test(bias, is_taken_away_once_its_owner_is_outside)
{
    pthread_t thread;

    sem_init(&is_inside, 0, 0);
    sem_init(&may_leave, 0, 0);
    cr_assert_eq(pthread_create(&thread, NULL, owner, NULL), 0);
    sem_wait(&is_inside);
    cr_assert_not(rsmi_bias_enter(&bias));
    sem_post(&may_leave);
    lock_it();
    cr_assert(atomic_load(&has_left));
    sem_post(&may_leave);
    pthread_join(thread, NULL);
}

/* Not atomic on purpose: exclusion keeps it right. */
static unsigned long counter;
static unsigned long by_bias[2];

static void *worker(void *arg)
{
    unsigned long *by_bias_p = arg;
    bool is_biased;
    int round;

    for (round = 0; round < ROUNDS; ++round) {
        is_biased = enter();
        ++counter;
        *by_bias_p += is_biased;
        leave(is_biased);
        /* Long runs of one thread, so that the bias comes and goes. */
        if ((round % OFTEN) == 0) {
            (void)sched_yield();
        }
    }
    return NULL;
}

Test(bias, excludes)
{
    unsigned long done = 0, most = 0;
    pthread_t threads[2];
    int idx, round;

    for (round = 0; round < 20; ++round) {
        for (idx = 0; idx < 2; ++idx) {
            cr_assert_eq(
                pthread_create(&threads[idx], NULL, worker, &by_bias[idx]), 0);
        }
        for (idx = 0; idx < 2; ++idx) {
            pthread_join(threads[idx], NULL);
        }
        done += 2 * ROUNDS;
        cr_assert_eq(counter, done);
        most = by_bias[0] + by_bias[1];
    }
    cr_assert_gt(most, 0, "nobody ever had the bias");
}

Test(bias, is_dearer_the_next_time)
{
    rsmi_bias_t *own = &bias;
    unsigned price;

    earn();
    price = own->price;
    atomic_store(&own->owner, (const char *)own); /* some other thread */
    lock_it();
    cr_assert_gt(own->price, price);
    earn();
    cr_assert(rsmi_bias_enter(own));
    rsmi_bias_leave(own);
}
