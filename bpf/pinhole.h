/* SPDX-License-Identifier: GPL-2.0 */
/* Step: media, was it promised? A pinhole names the receiver and leaves open what no message has
 * told yet. Its first packet may fix the source port by one compare-and-swap; the daemon is told
 * and opens the exact flow, and until then packets take this path. Nothing is inserted here. */
#ifndef RINGFENCE_BPF_PINHOLE_H
#define RINGFENCE_BPF_PINHOLE_H

#include "flow.h"

#define PINHOLE_LOCKED (1ull << 16)

/* From the most to the least that is known of the sender. */
static __always_inline const struct permit *pinhole_look_up(struct flow_key *key)
{
	const struct permit *permit = bpf_map_lookup_elem(&pinholes, key);

	if (permit)
		return permit;
	key->source_port = 0;
	permit = bpf_map_lookup_elem(&pinholes, key);
	if (permit)
		return permit;
	__builtin_memset(&key->source, 0, sizeof(key->source));
	return bpf_map_lookup_elem(&pinholes, key);
}

/* pkt->pinhole keeps what matched. */
static __always_inline const struct permit *pinhole_find(struct packet *pkt)
{
	const struct permit *permit;

	*pkt->pinhole = *pkt->key;
	permit = pinhole_look_up(pkt->pinhole);
	if (permit) {
		pkt->slot = permit->slot;
		pkt->permitted = true;
	}
	return permit;
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
	act = activity_of(pkt);
	if (!act)
		return refuse(pkt, REASON_media_no_pinhole);
	if (check_media(pkt, act) || lock_source(pkt, act))
		return DROP;
	pkt->counter = COUNTER_media_pinhole;
	return carry_media(pkt, act);
}

/* Behind native XDP: is it translated, and thus handed up? XDP has checked and counted it. */
static __always_inline bool take_handed_up(struct packet *pkt)
{
	const struct permit *permit;

	if (pkt->fragment || pkt->defect)
		return false;
	permit = flow_find(pkt);
	if (permit)
		pkt->counter = COUNTER_media_forwarded;
	else if ((permit = pinhole_find(pkt)))
		pkt->counter = COUNTER_media_pinhole;
	if (!permit || !(permit->flags & PERMIT_TRANSLATED) || permit->flags & PERMIT_SIGNALLING)
		return false;
	pkt->now_ns = bpf_ktime_get_coarse_ns();
	return true;
}

#endif
