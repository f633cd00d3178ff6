/* SPDX-License-Identifier: BSD-3-Clause */
/* What processes say to each other. Every message begins with a header and has
 * a fixed layout in the byte order of the machine; the header's magic number
 * tells other versions and other byte orders apart; what is said by UCX
 * (fabric/ucx_letter.h) belongs to the version, too. Receivers check every
 * field as if a stranger had written it.
 *
 *   request socket   importer's threads -> exporter's service thread
 *     HELLO, CONNECT  are answered;  RELEASE, POST, CARD  are not
 *   event socket     exporter -> importer's service thread
 *     HELLO (the other way, answered), WITHDRAW (answered by WITHDRAWN),
 *     NOTIFY
 */
#ifndef RSMI_WIRE_H
#define RSMI_WIRE_H

#include <stdint.h>

#define RSMI_WIRE_MAGIC   0x52534d33u /* "RSM3"; the digit is the version */
#define RSMI_WIRE_VERSION 3u

#define RSMI_SECRET_SIZE 16

/* Pieces whose pages one answer can carry: the kernel passes up to 253
 * descriptors with a message. */
#define RSMI_WIRE_PIECES_MAX 128
/* Largest packed key and worker address that are believed, bytes. */
#define RSMI_WIRE_BLOB_MAX 8192

typedef enum {
    RSMI_WIRE_HELLO = 1,
    RSMI_WIRE_WELCOME,
    RSMI_WIRE_CONNECT,
    RSMI_WIRE_OFFER,
    RSMI_WIRE_RELEASE,
    RSMI_WIRE_POST,
    RSMI_WIRE_WITHDRAW,
    RSMI_WIRE_WITHDRAWN,
    RSMI_WIRE_NOTIFY,
    RSMI_WIRE_CARD
} rsmi_wire_type_t;

typedef struct {
    uint32_t magic;
    uint32_t type;
    uint32_t size; /* of the whole message, header included */
    uint32_t tag;  /* an answer carries the tag of its question */
} rsmi_wire_header_t;

typedef enum { RSMI_ROLE_REQUEST = 1, RSMI_ROLE_EVENT } rsmi_wire_role_t;

/* With the descriptor of the importer's page of bells on a request socket
 * between processes of one user. */

typedef struct {
    rsmi_wire_header_t header;
    uint32_t version;
    uint32_t rank; /* who speaks, to be verified */
    uint32_t role; /* rsmi_wire_role_t */
    uint32_t pad;
    uint64_t session; /* joins the two sockets of one importer */
    uint8_t
        secret[RSMI_SECRET_SIZE]; /* the listener's, known to its job only */
} rsmi_wire_hello_t;

/* With the life page's descriptor on a request socket between processes of
 * one host, and that of the page of bells if their user is the same. */
typedef struct {
    rsmi_wire_header_t header;
    int32_t rc;
    uint32_t pad;
} rsmi_wire_welcome_t;

typedef struct {
    rsmi_wire_header_t header;
    uint64_t cookie; /* the importer's name for the connection */
    uint32_t segment;
    uint32_t perm;
    uint32_t paths; /* RSMI_PATH_* bits that the importer can use */
    uint32_t bell;  /* slot of its event counter, or all bits */
    uint32_t bell_generation;
    uint32_t pad;
} rsmi_wire_connect_t;

/* Followed by the pieces (direct path; one descriptor each), the packed key
 * and the service worker's address (other paths). */
typedef struct {
    rsmi_wire_header_t header;
    int32_t rc;
    uint32_t path;       /* one RSMI_PATH_* bit */
    uint64_t size;       /* of the segment, bytes */
    uint64_t generation; /* of the publication */
    uint64_t remote;     /* address that the key is for */
    uint64_t seal;       /* word behind the segment there, while it stands */
    uint32_t slot;       /* of the publication in the life page */
    uint32_t pieces;
    uint32_t key_size;
    uint32_t address_size;
    uint32_t bell; /* slot of the segment's event counter, or all bits */
    uint32_t bell_generation;
} rsmi_wire_offer_t;

typedef struct {
    uint64_t offset; /* in the piece's file */
    uint64_t size;
} rsmi_wire_piece_t;

/* RELEASE, WITHDRAWN: is_clean says that nothing the importer has started can
 * still be under way. */
typedef struct {
    rsmi_wire_header_t header;
    uint64_t cookie;
    uint32_t is_clean;
    uint32_t pad;
} rsmi_wire_release_t;

typedef struct {
    rsmi_wire_header_t header;
    uint64_t cookie;
    uint32_t flags;    /* as given to rsm_intr_signal_post */
    uint32_t is_nudge; /* counted already; the poll descriptor has to follow */
} rsmi_wire_post_t;

typedef struct {
    rsmi_wire_header_t header;
    uint64_t cookie;
} rsmi_wire_withdraw_t;

/* Without any events: the importer's poll descriptor has to follow its counter,
 * which the exporter has changed itself. */
typedef struct {
    rsmi_wire_header_t header;
    uint64_t cookie;
    uint32_t events;      /* that accumulate */
    uint32_t is_optional; /* one more, unless one is pending already */
} rsmi_wire_notify_t;

/* Bytes of an address that one CARD carries: no message is longer. */
#define RSMI_WIRE_CARD_BYTES 16

/* Where the importer's data worker is reached; UCX's address comes in pieces, in
 * order, for it may be longer than what a service thread receives at once. */
typedef struct {
    rsmi_wire_header_t header;
    uint64_t number; /* rsmi_fabric_card_t */
    uint64_t token;
    uint32_t kind;   /* rsmi_fabric_kind_t of the offer's path */
    uint32_t size;   /* of the whole address */
    uint32_t offset; /* of this piece */
    uint32_t pad;
    uint8_t bytes[RSMI_WIRE_CARD_BYTES]; /* the last one is filled up */
} rsmi_wire_card_t;

/* Longest message a service thread receives, bytes. */
#define RSMI_WIRE_SMALL 64

#endif
