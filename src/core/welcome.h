/* SPDX-License-Identifier: BSD-3-Clause */
/* The first meeting with another process: find its record, knock at its door,
 * say who we are, on both sockets. */
#ifndef RSMI_WELCOME_H
#define RSMI_WELCOME_H

#include "ctrl/bell.h"
#include "ctrl/life.h"
#include "util/clock.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int request_fd;
    int event_fd;
    bool is_local;
    rsmi_life_view_t life;  /* of a process of this host */
    rsmi_bell_view_t bells; /* of a process of our user, too */
} rsmi_welcome_t;

/* Results as those of rsmi_peer_get(). */
int rsmi_welcome_meet(uint32_t rank, rsmi_time_t deadline,
                      rsmi_welcome_t *welcome_p);
void rsmi_welcome_clear(rsmi_welcome_t *welcome);

#endif
