/* SPDX-License-Identifier: GPL-2.0 */
/* Step: signalling over UDP goes to the daemon, whole from its IP header on, and the original is
 * held back. Where nobody listens it is dropped, or passes unread if policy says so. Signalling over a
 * transport that its service does not have is dropped whatever policy says. */
#ifndef RINGFENCE_BPF_PUNT_H
#define RINGFENCE_BPF_PUNT_H

#include "parse.h"

_Static_assert(offsetof(struct punt, data) == sizeof(struct punt), "data follows the header");

static __always_inline enum verdict unread(struct packet *pkt, enum reason reason)
{
	const struct control *word = control_get();

	if (word && word->pass_when_down)
		return pass(pkt, COUNTER_signalling_unread);
	return refuse(pkt, reason);
}

static __always_inline bool daemon_listens(const struct packet *pkt)
{
	const struct control *word = control_get();

	/* Signed: the daemon may have written its word after we read the clock. */
	return word && word->heartbeat_ns &&
	       (__s64)(pkt->now_ns - word->heartbeat_ns) <= (__s64)word->heartbeat_limit_ns;
}

static __always_inline void punt_describe(const struct packet *pkt, struct punt *punt)
{
	const struct ethhdr *eth = packet_at(pkt, 0, sizeof(*eth));

	punt->time_ns = pkt->now_ns;
	punt->interface = pkt->interface;
	punt->vlan = pkt->vlan;
	punt->zone = pkt->zone;
	punt->key = *pkt->key;
	punt->flags = PUNT_HELD | (pkt->door ? PUNT_DOOR : 0) |
		      (pkt->for_reassembly ? PUNT_FRAGMENT : 0);
	punt->l3_bytes = pkt->l3_bytes;
	punt->payload_offset = pkt->for_reassembly ? 0 : pkt->payload_offset - pkt->l3_offset;
	punt->speaks = pkt->speaks;
	if (!eth)
		return;
	__builtin_memcpy(punt->source_mac, eth->h_source, 6);
	__builtin_memcpy(punt->destination_mac, eth->h_dest, 6);
}

static __always_inline enum verdict punt_signalling(struct packet *pkt)
{
	__u32 zero = 0, bytes = pkt->l3_bytes;
	struct punt_scratch *scratch;
	long full;

	if (pkt->kind != KIND_SIGNALLING)
		return NEXT;
	if (pkt->unread)
		return refuse(pkt, REASON_transport_unread);
	if (!daemon_listens(pkt))
		return unread(pkt, REASON_daemon_down);

	scratch = bpf_map_lookup_elem(&punt_scratches, &zero);
	asm volatile("" : "+r"(bytes));
	if (!scratch || bytes == 0 || bytes > LIMIT_PUNT_BYTES)
		return refuse(pkt, REASON_punt_too_big);
	punt_describe(pkt, (struct punt *)scratch->bytes);
	if (context_load(pkt, pkt->l3_offset, scratch->bytes + sizeof(struct punt), bytes))
		return refuse(pkt, REASON_packet_truncated);
	bytes += sizeof(struct punt);
	full = pkt->trusted ? bpf_ringbuf_output(&punt_trusted, scratch, bytes, 0) :
			      bpf_ringbuf_output(&punt_other, scratch, bytes, 0);
	if (full)
		return refuse(pkt, REASON_punt_ring_full);
	pkt->counter = COUNTER_signalling_punted;
	return PUNT;
}

#endif
