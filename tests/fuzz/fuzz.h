/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzzers share. An input is a string of bytes that is eaten from
 * the front; where it ends, zeros follow. Messages are honest ones with some
 * bytes changed, so that an input of zeros is a peer that follows the rules,
 * and every input is a short way from one. */
#ifndef FUZZ_H
#define FUZZ_H

#include "ctrl/frame.h"
#include "rsmapi.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* ms until silence counts as a hang. */
#define FUZZ_PATIENCE 10000

/* Inputs between two looks at the number of open descriptors. */
#define FUZZ_ROUND 512

/* Ends the process as the fuzzer expects it: the input is kept. */
#define FUZZ_REQUIRE(condition)                                             \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_input_t;

static inline uint8_t fuzz_byte(fuzz_input_t *input)
{
    if (input->left == 0) {
        return 0;
    }
    --input->left;
    return *input->at++;
}

/* Some bytes of a message are changed: how many, then where and how. */
static inline void fuzz_change(fuzz_input_t *input, void *message, size_t size)
{
    unsigned count = fuzz_byte(input) % 8;
    size_t offset;

    while (count-- > 0) {
        offset = fuzz_byte(input) % size;
        ((uint8_t *)message)[offset] ^= fuzz_byte(input);
    }
}

/* As much as the other end takes; it may hang up meanwhile. libFuzzer's own
 * timer ends waits that a handler may end. */
static inline void fuzz_say(int fd, const void *bytes, size_t size)
{
    int rc;

    do {
        rc = rsmi_frame_send(fd, bytes, size,
                             rsmi_deadline_in_ms(FUZZ_PATIENCE));
    } while (rc == RSMERR_INTERRUPTED);
    FUZZ_REQUIRE((rc == RSM_SUCCESS) || (rc == RSMERR_CONN_ABORTED));
}

/* Whether a message came, to be cleared; otherwise the socket was closed. */
static inline bool fuzz_hears(int fd, rsmi_frame_t *frame)
{
    int rc;

    do {
        rc = rsmi_frame_receive(fd, 1 << 20, rsmi_deadline_in_ms(FUZZ_PATIENCE),
                                frame);
    } while (rc == RSMERR_INTERRUPTED);
    FUZZ_REQUIRE((rc == RSM_SUCCESS) || (rc == RSMERR_CONN_ABORTED));
    return rc == RSM_SUCCESS;
}

/* Descriptors that nobody closes add up from round to round. */
static inline void fuzz_count_descriptors(void)
{
    static size_t first, inputs;
    size_t count = 0;
    DIR *dir;

    if (++inputs % FUZZ_ROUND != 0) {
        return;
    }
    dir = opendir("/proc/self/fd");
    FUZZ_REQUIRE(dir != NULL);
    while (readdir(dir) != NULL) {
        ++count;
    }
    (void)closedir(dir);
    if (first == 0) {
        first = count;
    }
    FUZZ_REQUIRE(count < first + FUZZ_ROUND / 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
