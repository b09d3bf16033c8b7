/* SPDX-License-Identifier: MIT */
/* The doors that the media rows ask for, while they are listed. Private to proto/sdp. */
#ifndef RINGFENCE_SDP_WANTED_H
#define RINGFENCE_SDP_WANTED_H

#include "proto/sdp/doors.h"

#define WANTED_MOST 192
#define DISCARD_PORT 9               /* "no door" in old holds (RFC 863); RFC 8840 4.1.1 */

struct wanted {
	struct row_key keys[WANTED_MOST];
	struct door_row rows[WANTED_MOST];
	bool optional[WANTED_MOST];  /* RTCP elsewhere (RFC 3605), ICE: the guard may strike it */
	uint32_t count;
	bool overflow;
};

/* One direction of one component. */
struct passage {
	const struct media_side *to;   /* receiver                                 */
	const struct media_side *from; /* sender, NULL where nobody knows          */
	enum side side;                /* the receiver's                           */
	uint32_t line, pair, component;
	uint64_t sub;
	bool mux;
	bool early;                    /* before the answer                        */
	bool probes;
	bool muted;
};

/* Where this side receives one component of its m= line. */
struct endpoint media_receiver(const struct media_side *s, uint32_t pair, uint32_t component);
/* A door towards `to` in that place, its sender open; NULL where no more fit, and `overflow` set. */
struct door_row *want_door(const struct doors *d, struct wanted *w, const struct passage *p,
			   const struct endpoint *to, uint32_t part);
void want_sender(const struct doors *d, struct door_row *door, enum side receiver,
		 const struct address *host);
bool is_media_door(const struct doors *d, const struct row_view *row);

#endif
