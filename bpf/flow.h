/* SPDX-License-Identifier: GPL-2.0 */
/* Step: a known flow? The only look-up of permits that a running stream pays; it needs no other
 * table. Media of a flow or a pinhole goes on from here: well-formed, in budget, counted, sent. */
#ifndef RINGFENCE_BPF_FLOW_H
#define RINGFENCE_BPF_FLOW_H

#include "forward.h"
#include "police.h"
#include "rtp.h"

/* The slot that the index tells for a hash; a slot that is none where it tells nothing. Without a
 * branch: which way of a set it is nobody could foretell. */
static __always_inline __u32 near_slot(__u64 hash)
{
	__u32 zero = 0, tag = near_tag(hash), place;
	const struct near_shape *shape = bpf_map_lookup_elem(&near_shape, &zero);
	const struct near_set *set;
	__s64 slot = 0, found = 0;

	if (!shape || !shape->bits)
		return NEAR_SLOT_MASK;
	place = near_set_of(hash, shape->bits);
	set = bpf_map_lookup_elem(&near_index, &place);
	if (!set)
		return NEAR_SLOT_MASK;
#pragma unroll
	for (int way = 0; way < NEAR_WAYS; way++) {
		__s64 rest = set->entries[way] ^ tag;
		__s64 same = (rest - (NEAR_SLOT_MASK + 1ll)) >> 63;

		slot |= rest & same;
		found |= same;
	}
	return slot | (~found & NEAR_SLOT_MASK);
}

static __always_inline const struct permit *flow_find(struct packet *pkt)
{
	const __u64 *key = (const __u64 *)pkt->key;
	const __u64 words[NEAR_KEY_WORDS] = { key[0], key[1], key[2], key[3], near_tail(pkt->key) };
	__u32 slot = near_slot(near_hash(words));
	const struct near_flow *near = bpf_map_lookup_elem(&near_flows, &slot);
	const __u64 *held = (const __u64 *)near;
	const struct permit *permit;

	if (near && held[0] == words[0] && held[1] == words[1] && held[2] == words[2] &&
	    held[3] == words[3] && held[4] == words[4]) {
		pkt->slot = slot;
		return &near->permit;
	}
	permit = bpf_map_lookup_elem(&flows, pkt->key);
	if (permit)
		pkt->slot = permit->slot;
	return permit;
}

static __always_inline struct activity *activity_of(const struct packet *pkt)
{
	__u32 slot = pkt->slot;

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
	return pkt->permit->flags & PERMIT_TRANSLATED ? TRANSLATE : forward_packet(pkt, act);
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
	const struct permit *permit;
	struct activity *act;

	if (pkt->for_reassembly || pkt->key->protocol == IPPROTO_TCP)
		return NEXT;            /* TCP: the kernel's own table of sockets knows them */
	permit = flow_find(pkt);
	if (!permit)
		return NEXT;
	pkt->permit = permit;
	pkt->permitted = true;
	if (packet_is_ours(pkt, KIND_MEDIA))
		return DROP;
	if (permit->flags & PERMIT_SIGNALLING)
		return enter_door(pkt);
	act = activity_of(pkt);
	if (!act)
		return refuse(pkt, REASON_media_no_pinhole);
	if (check_media(pkt, act))
		return DROP;
	pkt->counter = COUNTER_media_forwarded;
	return carry_media(pkt, act);
}

#endif
