/* SPDX-License-Identifier: BSD-3-Clause */
/* What processes say to each other by UCX's active messages: their numbers and
 * their layouts, which belong to RSMI_WIRE_VERSION. */
#ifndef RSMI_UCX_LETTER_H
#define RSMI_UCX_LETTER_H

#include <stdint.h>

/* Active messages: the target's hello (ucx_wire.c), an importer's letter and
 * the target's answer (ucx_mail.c). */
#define FABRIC_HELLO_ID  1
#define FABRIC_LETTER_ID 2
#define FABRIC_ANSWER_ID 3
#define FABRIC_ORDER_ID  4 /* ucx_order.c */
#define FABRIC_IDS       6 /* UCX makes room for an even number of them */

/* A letter's header. Bytes for @p remote follow, or several pieces, each behind
 * the part that says where it goes, or a list of parts that are to be fetched. */
typedef struct {
    uint64_t remote;  /* 0: of pieces */
    uint64_t look_at; /* 0: at nothing, or what is listed */
    uint64_t fetch;   /* bytes to be brought; 0: the word is looked at */
    uint64_t ticket;  /* comes back with the answer; 0: none is wanted */
} rsmi_fabric_letter_t;

typedef struct {
    uint64_t remote;
    uint64_t size; /* bytes, not 0 */
} rsmi_fabric_part_t;

#define FABRIC_PARTS_MOST 16 /* in a list */

/* An atomic operation; its answer's word is the old value. */
typedef struct {
    uint64_t remote;
    uint64_t operand;
    uint64_t compare;
    uint64_t ticket;
    uint32_t what;  /* rsmi_atomic_op_t */
    uint32_t width; /* bytes */
} rsmi_fabric_order_t;

/* An answer's header; what was fetched follows. */
typedef struct {
    uint64_t ticket;
    uint64_t word; /* what stood at look_at when the bytes were there */
} rsmi_fabric_answer_t;

#endif
