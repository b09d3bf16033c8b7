/* SPDX-License-Identifier: MIT */
/* What a replay says: a line for each message, for the first packet of each media flow and each
 * change of its verdict, and a summary. As JSON objects, or for people. */
#ifndef RINGFENCE_REPLAY_TELL_H
#define RINGFENCE_REPLAY_TELL_H

#include <jansson.h>

#include "cli/replay_frame.h"
#include "inspect/journey.h"

struct map;

struct replay_tell {
	bool json;
	uint64_t frame;              /* number of the frame at hand, from 1       */
	uint64_t time_ns;            /* since the capture's first frame           */
	json_t *effects;             /* of the judgement at hand, told with it    */
	struct map *flows;           /* flow_key -> struct told_flow              */
	struct map *streams;         /* flow_key of TCP connections told of       */
	uint64_t messages, accepted, dropped, calls;
	uint64_t forwarded, refused; /* media packets                             */
	uint64_t passed;             /* packets that are none of ours             */
	uint64_t unjudged[REASON_COUNT]; /* packets refused before it was known what they are */
	uint64_t untold;             /* flows beyond what the table holds         */
};

/* 0, or -ENOMEM. */
int tell_init(struct replay_tell *t, bool json);
void tell_close(struct replay_tell *t);

void tell_effect(struct replay_tell *t, bool opens, const struct flow_key *key,
		 const struct permit *permit);
void tell_report(struct replay_tell *t, const struct verdict_report *r);
/* Signalling that was refused before anybody read it. */
void tell_unread(struct replay_tell *t, const struct frame *f, const char *protocol,
		 enum reason reason);
/* `monitored`: policy only watches, the packet passed. */
void tell_media(struct replay_tell *t, const struct frame *f, enum reason reason, bool monitored);
void tell_unjudged(struct replay_tell *t, enum reason reason);
/* Effects of a timer, if it had any. */
void tell_timer(struct replay_tell *t);
/* True where everything passed. */
bool tell_summary(struct replay_tell *t);

#endif
