/* SPDX-License-Identifier: BSD-3-Clause */
/* Endpoints of the service worker back to importers; why they are ours to make
 * is told in ucx_wire.c. Service thread only, callbacks included: UCX calls
 * them inside the worker's progress. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <string.h>

/* Cards of one importer that may have been lost on their way, with the socket
 * that carried them. */
#define GUEST_MISSED_MOST 64

static void guest_failed(void *arg, ucp_ep_h ep, ucs_status_t status)
{
    rsmi_fabric_known_t *guest = arg;

    (void)ep;
    rsmi_debug("fabric", "an importer's endpoint is lost: %s",
               ucs_status_string(status));
    guest->is_failed = true;
    guest->service->has_news = true;
}

static void guest_reached(void *request, ucs_status_t status, void *arg)
{
    rsmi_fabric_known_t *guest = arg;

    ucp_request_free(request);
    if (status == UCS_OK) {
        guest->is_reached = true;
        guest->service->has_news = true;
    }
}

/* UCX still completes what hangs on the endpoint, and calls nobody about the
 * endpoint itself any more. */
static void guest_close(rsmi_fabric_known_t *guest)
{
    const ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
        .flags = UCP_EP_CLOSE_FLAG_FORCE,
    };
    ucs_status_ptr_t request;

    if (guest->ep == NULL) {
        return;
    }
    request = ucp_ep_close_nbx(guest->ep, &param);
    if (UCS_PTR_IS_PTR(request)) {
        ucp_request_free(request);
    }
    guest->ep = NULL;
    guest->is_reached = false;
    guest->is_failed = false;
}

static int guest_create(rsmi_fabric_service_t *service,
                        rsmi_fabric_known_t *guest)
{
    const ucp_ep_params_t params = {
        .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS |
                      UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                      UCP_EP_PARAM_FIELD_ERR_HANDLER,
        .address = (const ucp_address_t *)guest->address,
        .err_mode = UCP_ERR_HANDLING_MODE_PEER,
        .err_handler = {.cb = guest_failed, .arg = guest},
    };
    ucs_status_t status;

    guest_close(guest);
    ++guest->count;
    status = ucp_ep_create(service->worker, &params, &guest->ep);
    if (status != UCS_OK) {
        rsmi_debug("fabric", "no way back to an importer: %s",
                   ucs_status_string(status));
        guest->ep = NULL;
    }
    return rsmi_fabric_setup_error(status);
}

/* The connection has been taken up at the other end: what is sent over it
 * leaves at once. */
static void guest_say_hello(rsmi_fabric_known_t *guest)
{
    static const ucp_request_param_t no_param;
    ucs_status_ptr_t request;

    guest->is_reached = false;
    if (guest->ep == NULL) {
        return;
    }
    request = ucp_am_send_nbx(guest->ep, FABRIC_HELLO_ID, &guest->token,
                              sizeof(guest->token), NULL, 0, &no_param);
    if (UCS_PTR_IS_PTR(request)) {
        ucp_request_free(request);
    } else if (UCS_PTR_IS_ERR(request)) {
        rsmi_debug("fabric", "hello to an importer: %s",
                   ucs_status_string(UCS_PTR_STATUS(request)));
    }
}

static void guest_reach(rsmi_fabric_known_t *guest)
{
    const ucp_request_param_t param = {
        .op_attr_mask =
            UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA,
        .cb.send = guest_reached,
        .user_data = guest,
    };

    if (ucp_ep_flush_nbx(guest->ep, &param) == NULL) {
        guest_say_hello(guest);
    }
}

void rsmi_fabric_guests_look(rsmi_fabric_service_t *service)
{
    rsmi_fabric_known_t *guest, *next;

    service->has_news = false;
    HASH_ITER(hh, service->guests, guest, next)
    {
        if (guest->is_failed) {
            guest_close(guest);
        } else if (guest->is_reached) {
            guest_say_hello(guest);
        }
    }
}

int rsmi_fabric_service_greet(rsmi_fabric_kind_t kind,
                              const rsmi_fabric_card_t *card)
{
    rsmi_fabric_service_t *service = &rsmi_fabric_domain_peek(kind)->service;
    rsmi_fabric_known_t *guest;
    int rc = RSM_SUCCESS;

    if ((service->worker == NULL) ||
        !rsmi_fabric_address_is_sound(card->size)) {
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    guest = rsmi_fabric_known_get(&service->guests, card->address, card->size);
    if (guest == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if ((card->number + 1 < guest->count) ||
        (card->number > guest->count + GUEST_MISSED_MOST)) {
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    guest->service = service;
    guest->token = card->token;
    while ((guest->count <= card->number) && (rc == RSM_SUCCESS)) {
        rc = guest_create(service, guest);
    }
    if ((rc == RSM_SUCCESS) && (guest->ep != NULL)) {
        guest_reach(guest);
    }
    return rc;
}
