/* SPDX-License-Identifier: MIT */
/* What a receiver would report of a stream (RFC 3550 6.4.1), and what a listener may think of it. */
#ifndef RINGFENCE_QUALITY_H
#define RINGFENCE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include <ringfence/row.h>

struct quality {
	bool measured;               /* the stream had RTP                              */
	uint32_t lost;               /* packets, of the present SSRC (A.3)              */
	double loss_percent;         /* of those expected                               */
	double jitter_ms;            /* interarrival jitter (A.8)                       */
	double mos;                  /* estimated; 0 where it would mean nothing        */
	const char *as;              /* as if it were this codec; NULL without mos      */
};

/* Of what the fast path counted before the gateway; `audio`: the call says so. */
struct quality quality_of(const struct activity *a, const struct door_row *door, bool audio);
/* Rating to mean opinion score (ITU-T G.107 Annex B). */
double quality_mos(double rating);

#endif
