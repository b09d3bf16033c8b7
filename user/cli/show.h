/* SPDX-License-Identifier: MIT */
/* Rows and kernel entries as JSON, for the control socket. Each returns a new reference. */
#ifndef RINGFENCE_SHOW_H
#define RINGFENCE_SHOW_H

#include <jansson.h>

#include "daemon.h"

json_t *show_status(struct daemon *d);
json_t *show_calls(struct daemon *d);
json_t *show_pinholes(struct daemon *d);
json_t *show_flows(struct daemon *d);
json_t *show_bindings(struct daemon *d);
json_t *show_counters(struct daemon *d);
json_t *show_report(const struct verdict_report *r);
const char *show_reason(uint32_t reason);

#endif
