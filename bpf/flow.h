/* SPDX-License-Identifier: GPL-2.0 */
/* Step: a known flow? The only look-up of permits that a running stream pays; it needs no other
 * table. Media of a flow or a pinhole goes on from here: well-formed, in budget, counted, sent. */
#ifndef RINGFENCE_BPF_FLOW_H
#define RINGFENCE_BPF_FLOW_H

#include "forward.h"
#include "police.h"
#include "rtp.h"

static __always_inline const struct permit *flow_find(const struct flow_key *key)
{
	return bpf_map_lookup_elem(&flows, key);
}

static __always_inline struct activity *activity_of(const struct permit *permit)
{
	__u32 slot = permit->slot;

	return bpf_map_lookup_elem(&activity, &slot);
}

static __always_inline bool permit_is_over(const struct packet *pkt, const struct permit *permit)
{
	return permit->flags & PERMIT_CLOSED ||
	       (permit->expires_ns && pkt->now_ns >= permit->expires_ns);
}

/* May it go, by its permit? Learns nothing yet: garbage must not lock a pinhole. */
static __always_inline enum verdict check_media(struct packet *pkt, struct activity *act)
{
	const struct permit *permit = pkt->permit;
	enum verdict v;

	if (permit_is_over(pkt, permit))
		return refuse(pkt, REASON_media_expired);
	v = check_shape(pkt, permit);
	if (!v)
		v = police(pkt, permit, act);
	if (v)
		act->dropped++;
	return v;
}

/* Plain additions: a flow meets one CPU as long as receive queues are chosen by addresses. */
static __always_inline enum verdict carry_media(struct packet *pkt, struct activity *act)
{
	act->packets++;
	act->bytes += pkt->l3_bytes;
	act->seen_ns = pkt->now_ns;
	if (pkt->rtp)
		count_rtp(pkt, pkt->permit, act);
	return forward_packet(pkt, act);
}

/* A signalling flow or door: the steps of signalling do the rest. */
static __always_inline enum verdict enter_door(struct packet *pkt)
{
	if (permit_is_over(pkt, pkt->permit))
		return refuse(pkt, REASON_media_expired);
	pkt->kind = KIND_SIGNALLING;
	pkt->door = true;
	pkt->speaks = pkt->permit->speaks;
	return NEXT;
}

static __always_inline enum verdict pass_known_flow(struct packet *pkt)
{
	const struct permit *permit = flow_find(pkt->key);
	struct activity *act;

	if (!permit)
		return NEXT;
	pkt->permit = permit;
	if (packet_is_ours(pkt, KIND_MEDIA))
		return DROP;
	if (permit->flags & PERMIT_SIGNALLING)
		return enter_door(pkt);
	act = activity_of(permit);
	if (!act)
		return refuse(pkt, REASON_media_no_pinhole);
	if (check_media(pkt, act))
		return DROP;
	pkt->counter = COUNTER_media_forwarded;
	return carry_media(pkt, act);
}

#endif
