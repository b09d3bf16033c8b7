/* SPDX-License-Identifier: MIT */
/* The daemon's control socket: a stream of JSON lines on a UNIX socket that root alone may open.
 * Request: {"command":"flows","address":"10.1.0.10"}; answer: one document a line; `events` streams. */
#ifndef RINGFENCE_CONTROL_H
#define RINGFENCE_CONTROL_H

#include "inspect/journey.h"
#include <ringfence/punt.h>

struct daemon;
struct control_server;

/* NULL with errno set. */
struct control_server *control_open(struct daemon *d);
void control_close(struct control_server *c);
/* What an operator did, for those who follow: "attached", "guest0". */
void control_operated(struct control_server *c, const char *event, const char *what);
/* Judgements and tells go to those who follow `events`; who does not read is hung up on. */
void control_report(struct control_server *c, const struct verdict_report *r);
void control_event(struct control_server *c, const struct event *e);
void control_tell(struct control_server *c, enum tell tell, const struct owner *owner);

/* A sentence for those who follow events. */
void control_alarm(struct control_server *s, const char *text);

#endif
