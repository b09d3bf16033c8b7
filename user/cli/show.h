/* SPDX-License-Identifier: MIT */
/* Rows and kernel entries as JSON, for the control socket and for commands without a daemon. Each
 * returns a new reference. */
#ifndef RINGFENCE_SHOW_H
#define RINGFENCE_SHOW_H

#include <jansson.h>

#include "cli/view.h"
#include "inspect/journey.h"

/* The document that answers a request for status or a table, an "error" in it where the request is
 * none; NULL where it asks for something else. */
json_t *show_answer(const struct view *v, const json_t *request);
bool show_answers(const char *command);
/* A table that may have thousands of rows. */
bool show_is_long(const json_t *request);

/* What happens, an object each (show_event.c). */
json_t *show_report(const struct view *v, const struct verdict_report *r);
json_t *show_event(const struct view *v, const struct event *e, const struct owner *owner);
json_t *show_tell(const struct view *v, enum tell tell, const struct owner *owner);
/* The line for the log, where it is one: what, why and what to do. */
bool show_alarm(const struct tables *tables, enum tell tell, const struct owner *owner,
		struct text *ret);

/* "10.1.0.0/16", or the address alone where it is one host's. */
void show_network(const struct network *n, char ret[64]);
const char *show_reason(uint32_t reason);
/* The one-sentence meaning. */
const char *show_meaning(uint32_t reason);

#endif
