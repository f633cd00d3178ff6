/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes whose UCX was given different settings: by hosts, by users, by one
 * command of several programs. */
#include "fabric_target.h"

#include "fabric/fabric_internal.h"

#define SIZE ((size_t)1 << 20)

TestSuite(fabric_settings, .init = target_forget_environment, .timeout = 60);

static void set_segments(const char *tx, const char *rx)
{
    tx != NULL ? setenv("UCX_TCP_TX_SEG_SIZE", tx, 1)
               : unsetenv("UCX_TCP_TX_SEG_SIZE");
    rx != NULL ? setenv("UCX_TCP_RX_SEG_SIZE", rx, 1)
               : unsetenv("UCX_TCP_RX_SEG_SIZE");
}

static void check_transfers(const target_t *target)
{
    static const size_t sizes[] = {1, 4000, 8192, 65536, 300000, SIZE};
    unsigned char *sent = malloc(SIZE), *got = malloc(SIZE);
    rsmi_fabric_wait_t wait = wait_ms(20000);
    uint64_t at = target->card.remote;
    size_t i, k;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        for (k = 0; k < SIZE; ++k) {
            sent[k] = (unsigned char)(k * 7 + k / 251 + i);
        }
        cr_assert_eq(rsmi_fabric_put(target->key, at, sent, sizes[i], &wait),
                     RSM_SUCCESS, "put of %zu bytes", sizes[i]);
        cr_assert_eq(rsmi_fabric_flush(target->peer, &wait), RSM_SUCCESS,
                     "flush after %zu bytes", sizes[i]);
        cr_assert_eq(memcmp(target->memory, sent, sizes[i]), 0);
        cr_assert_eq(rsmi_fabric_get(target->key, at, got, sizes[i], &wait),
                     RSM_SUCCESS, "get of %zu bytes", sizes[i]);
        cr_assert_eq(memcmp(got, sent, sizes[i]), 0);
    }
    free(sent);
    free(got);
}

static void check_segments(const char *tx, const char *rx, bool is_exporter)
{
    target_t target;

    if (is_exporter) {
        set_segments(tx, rx);
    }
    target_start(&target, &path_tcp, SIZE);
    set_segments(is_exporter ? NULL : tx, is_exporter ? NULL : rx);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(&target, &path_tcp);
    check_transfers(&target);
    target_end(&target);
}

/* UCX 1.13 ends a process that is sent longer messages than it receives. */
Test(fabric_settings, an_exporter_may_send_short_messages)
{
    check_segments("32k", NULL, true);
}

Test(fabric_settings, an_exporter_may_want_short_messages)
{
    check_segments(NULL, "64k", true);
}

Test(fabric_settings, an_exporter_may_want_and_send_short_messages)
{
    check_segments("8k", "8k", true);
}

Test(fabric_settings, an_importer_may_want_short_messages)
{
    check_segments(NULL, "8k", false);
}

Test(fabric_settings, an_importer_may_send_short_messages)
{
    check_segments("2000", NULL, false);
}

/* So short that UCX sends even a fetched word in parts. */
Test(fabric_settings, messages_may_be_very_short)
{
    check_segments("300", "300", true);
}

Test(fabric_settings, an_importer_may_send_long_messages)
{
    check_segments("1m", "1m", false);
}
