/* SPDX-License-Identifier: MIT */
/* Descriptions laid over media rows, and the doors that follow from those rows and from nothing
 * else. What a description means (offer, answer, command) is the signalling protocol's to say; what
 * is open then is said here, once for all of them. */
#ifndef RINGFENCE_SDP_DOORS_H
#define RINGFENCE_SDP_DOORS_H

#include "inspect/inspect.h"
#include "proto/sdp/sdp.h"

/* DOOR parts. Media: line << 16 | component << 8 | place; the place tells side and kind. What lies
 * above (1 << 24) is the protocol's own signalling. Components: 0 RTP, 1 RTCP, + 2 for each further
 * pair of ports; from COMPONENT_ICE on the doors of ICE candidates, which nothing else remembers. */
enum door_place {
	PLACE_EXACT = 0,             /* both ends named                      */
	PLACE_HOST,                  /* the sender's port is open            */
	PLACE_EARLY,                 /* no answer yet: the sender is open    */
	PLACE_SIDE = 4,              /* + 4: towards side 1                  */
	PLACE_DRAIN = 8,             /* + 8: a moved stream's old door       */
};

#define COMPONENT_ICE 0x40u

/* Media lines as they are and as they will be. */
struct lines {
	uint64_t sub;                /* of their MEDIA rows' keys                   */
	uint32_t count;
	bool muted[2];               /* of RTP and its like nothing goes to this side */
	bool steady;                 /* before an answer its sender stays where it is */
	bool probes[2];              /* before an answer any shape goes to this side */
	const struct sdp *said;      /* whose ICE candidates are new; NULL: nobody's   */
	enum side said_by;
	bool answers;                /* said answers the offer of `offer_sub`          */
	uint64_t offer_sub;
	struct media_row rows[LIMIT_SDP_MEDIA];
	bool changed[LIMIT_SDP_MEDIA];
};

/* Whose media it is, and what is decided on. */
struct doors {
	const struct inspect_in *in;
	struct batch *batch;
	struct owner owner;
	uint16_t zones[2];           /* by side, for hosts that lie in no zone's network */
	uint8_t protocol;            /* speaks in signalling doors, owns the timers */
	bool drains;                 /* media runs: what moves keeps its old doors for a while */
};

/* What one side announces of a line. A reason where a line that should carry media says no address
 * (RFC 8866 5.7). Names are not resolved: what a name means to us is not what it means to the peer. */
enum reason media_side_read(const struct sdp_media *m, struct media_side *ret);

/* The owner's MEDIA rows under `sub`, zeroed where there are none yet; at least `count` lines. */
void lines_load(const struct doors *d, struct lines *l, uint64_t sub, uint32_t count);
/* Writes what changed, and derives the doors. REASON_message_limit where they are too many. */
enum reason lines_store(const struct doors *d, const struct lines *l);
enum reason doors_derive(const struct doors *d, const struct lines *l);
/* ice.c: adds to `wanted`, or spares, what ICE candidates ask for (RFC 8839). */
struct wanted;
void doors_want_ice(const struct doors *d, struct wanted *w, const struct lines *l);
/* Ends media doors: of one sub, or of all (SUB_ANY); `except` is spared. */
void doors_end(const struct doors *d, uint64_t sub, uint64_t except);
/* Those of one place (EARLY or DRAIN, with PLACE_SIDE of one side) alone. */
void doors_end_places(const struct doors *d, uint64_t sub, uint32_t place);
/* A door for signalling, which the guard may strike. False: the service's own port is open anyway. */
bool doors_signalling(const struct doors *d, const struct row_key *key,
		      const struct flow_key *flow, uint64_t expires_ns);

#endif
