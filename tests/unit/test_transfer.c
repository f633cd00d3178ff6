/* SPDX-License-Identifier: BSD-3-Clause */
/* What an import over the network says about itself when it ends: whether
 * something of it can still be under way to the exporter. The fabric's part is
 * played here, so that answers come when the test wants them. */
#include "core/import.h"

#include "rsmapi.h"
#include "util/config.h"

#include <criterion/criterion.h>

#define SEAL 0x5ea1

static rsmi_life_word_t alive = 1;
static rsmi_peer_t peer;
static rsmi_far_t far;
static rsmi_import_t import;
static int fabric_rc;
static void (*fabric_meanwhile)(void); /* what another thread does */

static int fabric_plays(rsmi_fabric_look_t *look)
{
    void (*meanwhile)(void) = fabric_meanwhile;

    fabric_meanwhile = NULL;
    if (meanwhile != NULL) {
        meanwhile();
    }
    look->word = SEAL;
    return fabric_rc;
}

/* The library's calls come here: see tests/CMakeLists.txt. */
int __wrap_rsmi_fabric_put_through(rsmi_fabric_key_t *key, uint64_t remote,
                                   const void *src, size_t len,
                                   rsmi_fabric_look_t *look,
                                   const rsmi_fabric_wait_t *wait);
int __wrap_rsmi_fabric_flush_and_get(rsmi_fabric_key_t *key, uint64_t remote,
                                     uint64_t *word_p,
                                     const rsmi_fabric_wait_t *wait);

int __wrap_rsmi_fabric_put_through(rsmi_fabric_key_t *key, uint64_t remote,
                                   const void *src, size_t len,
                                   rsmi_fabric_look_t *look,
                                   const rsmi_fabric_wait_t *wait)
{
    (void)key;
    (void)remote;
    (void)src;
    (void)len;
    (void)wait;
    return fabric_plays(look);
}

int __wrap_rsmi_fabric_flush_and_get(rsmi_fabric_key_t *key, uint64_t remote,
                                     uint64_t *word_p,
                                     const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_look_t look = {.remote = remote};
    int rc = fabric_plays(&look);

    (void)key;
    (void)wait;
    *word_p = look.word;
    return rc;
}

/* An import of another host, over which no message has gone yet. */
static void start(void)
{
    cr_assert_eq(rsmi_config_load(true), RSM_SUCCESS);
    import.peer = &peer;
    import.far = &far;
    import.path = RSMI_PATH_TCP;
    import.size = 4096;
    import.door.life = &alive;
    atomic_init(&import.door.generation_at, &rsmi_import_stands_far);
    far.seal = SEAL;
    cr_assert(rsmi_import_stands(&import));
    cr_assert(rsmi_transfer_is_idle(&far));
}

TestSuite(transfer, .init = start, .timeout = 30);

static int put(void)
{
    return rsmi_transfer_put(&import, 0, "12345678", 8, true);
}

static void flush_well(void)
{
    int rc = fabric_rc;

    fabric_rc = RSM_SUCCESS;
    cr_assert_eq(rsmi_transfer_flush(&import), RSM_SUCCESS);
    fabric_rc = rc;
}

Test(transfer, what_has_been_answered_is_not_under_way)
{
    cr_assert_eq(put(), RSM_SUCCESS);
    cr_assert(rsmi_transfer_is_idle(&far));
    cr_assert_eq(rsmi_transfer_flush(&import), RSM_SUCCESS);
    cr_assert(rsmi_transfer_is_idle(&far));
}

Test(transfer, a_put_without_answer_is_under_way)
{
    fabric_rc = RSMERR_BARRIER_FAILURE;
    cr_assert_eq(put(), RSMERR_BARRIER_FAILURE);
    cr_assert_not(rsmi_transfer_is_idle(&far));
    flush_well();
    cr_assert(rsmi_transfer_is_idle(&far));
}

/* It looks at the segment, whose addresses may not go to others before. */
Test(transfer, a_question_without_answer_is_under_way)
{
    fabric_rc = RSMERR_BARRIER_FAILURE;
    cr_assert_eq(rsmi_transfer_flush(&import), RSMERR_BARRIER_FAILURE);
    cr_assert_not(rsmi_transfer_is_idle(&far));
    flush_well();
    cr_assert(rsmi_transfer_is_idle(&far));
}

/* The withdrawal is noticed before the answer comes. */
Test(transfer, a_question_that_is_given_up_is_under_way)
{
    fabric_rc = RSMERR_CONN_ABORTED;
    cr_assert_eq(rsmi_transfer_flush(&import), RSMERR_CONN_ABORTED);
    cr_assert_not(rsmi_transfer_is_idle(&far));
}

/* Another thread's flush was sent after a put was counted and before it was
 * sent itself. */
Test(transfer, a_flush_does_not_speak_for_a_put_that_follows)
{
    fabric_meanwhile = flush_well;
    fabric_rc = RSMERR_BARRIER_FAILURE;
    cr_assert_eq(put(), RSMERR_BARRIER_FAILURE);
    cr_assert_not(rsmi_transfer_is_idle(&far));
}
