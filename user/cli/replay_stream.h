/* SPDX-License-Identifier: MIT */
/* TCP of a capture put in order: what the kernel does for the daemon. */
#ifndef RINGFENCE_REPLAY_STREAM_H
#define RINGFENCE_REPLAY_STREAM_H

#include "cli/replay_frame.h"
#include "io/channel.h"

struct replay_streams;

/* One direction of a connection. */
struct replay_direction {
	struct channel channel;
	uint8_t speaks;
	bool by_door;
	bool is_lost;                /* what comes is read no more                     */
	bool has_begun;
	uint32_t next;               /* sequence number that is awaited                */
	struct {
		uint8_t *bytes;
		uint32_t sequence, length;
	} early[32];                 /* came before what is awaited                    */
};

/* NULL: out of memory. */
struct replay_streams *replay_streams_new(void);
void replay_streams_free(struct replay_streams *s);
/* The direction that this packet is of; NULL where it is of none that is known, or of none more than
 * are kept. */
struct replay_direction *replay_direction_of(struct replay_streams *s, const struct flow_key *key);
/* A connection begins, or is seen for the first time: both its directions are known from now on. */
struct replay_direction *replay_direction_begin(struct replay_streams *s,
						const struct flow_key *key, uint8_t speaks,
						bool by_door);
/* Takes the segment's bytes as far as they are in order. False: the direction cannot be followed. */
bool replay_direction_take(struct replay_direction *d, const struct frame *f);

#endif
