/* SPDX-License-Identifier: GPL-2.0 */
/* Step: media, was it promised? A pinhole names the receiver and leaves open what no message has
 * told yet. Its first packet may fix the source port by one compare-and-swap; the daemon is told
 * and opens the exact flow, and until then packets take this path. Nothing is inserted here. */
#ifndef RINGFENCE_BPF_PINHOLE_H
#define RINGFENCE_BPF_PINHOLE_H

#include "flow.h"

#define PINHOLE_LOCKED (1ull << 16)

/* From the most to the least that is known of the sender. pkt->pinhole keeps what matched. */
static __always_inline const struct permit *pinhole_find(struct packet *pkt)
{
	struct flow_key *key = pkt->pinhole;
	const struct permit *permit;

	*key = *pkt->key;
	permit = bpf_map_lookup_elem(&pinholes, key);
	if (permit)
		return permit;
	key->source_port = 0;
	permit = bpf_map_lookup_elem(&pinholes, key);
	if (permit)
		return permit;
	__builtin_memset(&key->source, 0, sizeof(key->source));
	return bpf_map_lookup_elem(&pinholes, key);
}

/* Only the port is learned: a pinhole that locks names its host. Told once a second until the
 * flow is open, since an event may be lost. */
static __always_inline enum verdict lock_source(struct packet *pkt, struct activity *act)
{
	__u64 wanted = pkt->key->source_port | PINHOLE_LOCKED;
	__u64 before;

	if (!(pkt->permit->flags & PERMIT_LOCK) || pkt->permit->flags & PERMIT_EARLY)
		return NEXT;
	before = act->lock;
	if (!before)
		before = __sync_val_compare_and_swap(&act->lock, 0, wanted);
	if (before && before != wanted) {
		act->dropped++;
		return refuse(pkt, REASON_media_wrong_source);
	}
	if (!before)
		count(COUNTER_sources_locked);
	if (!before || act->told_second != coarse_second(pkt)) {
		act->told_second = coarse_second(pkt);
		report(pkt, EVENT_LOCKED);
	}
	return NEXT;
}

static __always_inline enum verdict match_pinhole(struct packet *pkt)
{
	struct activity *act;

	if (!pkt->permit)
		return refuse(pkt, REASON_media_no_pinhole);
	pkt->slot = pkt->permit->slot;
	act = activity_of(pkt);
	if (!act)
		return refuse(pkt, REASON_media_no_pinhole);
	if (check_media(pkt, act) || lock_source(pkt, act))
		return DROP;
	pkt->counter = COUNTER_media_pinhole;
	return carry_media(pkt, act);
}

#endif
