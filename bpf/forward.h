/* SPDX-License-Identifier: GPL-2.0 */
/* Part of the known flow's step: send it on. The next hop is kept in the flow's activity and looked
 * up again when the daemon says that routes moved, or after a second, so that it heals alone.
 *
 * By the stack, untouched, goes what the stack does better: a TTL that ends here (it answers), a
 * packet above the MTU (it fragments or answers), a neighbour not known yet (it asks), a tagged
 * frame or an egress without a port of ours (it has the VLAN devices), and one packet a second and
 * flow, so that the host keeps the neighbour alive. */
#ifndef RINGFENCE_BPF_FORWARD_H
#define RINGFENCE_BPF_FORWARD_H

#include "checksum.h"
#include "parse.h"

#define FORWARD_AF_INET 2
#define FORWARD_AF_INET6 10

static __always_inline __u32 coarse_second(const struct packet *pkt)
{
	return pkt->now_ns >> 30;
}

static __always_inline enum verdict pass_by_stack(struct packet *pkt)
{
	return pass(pkt, COUNTER_media_by_stack);
}

/* Towards the destination of `key`, which is the packet's or the one it leaves with. */
static __always_inline long route_lookup(const struct packet *pkt, const struct flow_key *key,
					 struct bpf_fib_lookup *fib)
{
	fib->l4_protocol = key->protocol;
	fib->sport = key->source_port;
	fib->dport = key->destination_port;
	fib->ifindex = pkt->interface;
	fib->tot_len = pkt->l3_bytes;
	if (key->family == FAMILY_IPV4) {
		fib->family = FORWARD_AF_INET;
		fib->tos = pkt->tos;
		__builtin_memcpy(&fib->ipv4_src, &key->source.bytes[12], 4);
		__builtin_memcpy(&fib->ipv4_dst, &key->destination.bytes[12], 4);
	} else {
		fib->family = FORWARD_AF_INET6;
		fib->flowinfo = bpf_htonl((__u32)pkt->tos << 20);
		__builtin_memcpy(fib->ipv6_src, &key->source, 16);
		__builtin_memcpy(fib->ipv6_dst, &key->destination, 16);
	}
	return bpf_fib_lookup(pkt->ctx, fib, sizeof(*fib), 0);
}

/* What the kernel itself would drop is refused here, so that it has a name. */
static __always_inline enum verdict route_failed(struct packet *pkt, long result)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return refuse(pkt, REASON_media_no_route);
	default:
		return pass_by_stack(pkt);
	}
}

static __always_inline void keep_hop(const struct packet *pkt, struct next_hop *hop,
				     const struct bpf_fib_lookup *fib, __u32 generation)
{
	__builtin_memcpy(hop->source_mac, fib->smac, 6);
	__builtin_memcpy(hop->destination_mac, fib->dmac, 6);
	hop->mtu = fib->mtu_result;
	hop->generation = generation;
	hop->until_ns = pkt->now_ns + SECOND_NS;
	hop->interface = fib->ifindex;
	count(COUNTER_route_refreshed);
}

static __always_inline bool hop_is_old(const struct packet *pkt, const struct next_hop *hop,
				       __u32 generation)
{
	return !hop->interface || hop->generation != generation || pkt->now_ns >= hop->until_ns;
}

static __always_inline enum verdict refresh_hop(struct packet *pkt, struct next_hop *hop,
						__u32 generation)
{
	struct bpf_fib_lookup fib = {};
	long result = route_lookup(pkt, pkt->key, &fib);

	hop->interface = 0;
	if (result)
		return route_failed(pkt, result);
	keep_hop(pkt, hop, &fib, generation);
	return NEXT;
}

static __always_inline __u32 route_generation(void)
{
	const struct control *word = control_get();

	return word ? word->route_generation : 0;
}

static __always_inline bool write_ttl(struct packet *pkt)
{
	__u8 ttl = pkt->ttl - 1;

	if (pkt->key->family == FAMILY_IPV4) {
		struct iphdr *ip = packet_at(pkt, pkt->l3_offset, sizeof(*ip));

		if (!ip)
			return false;
		ip->check = checksum_replace(ip->check, bpf_htons(pkt->ttl << 8),
					     bpf_htons(ttl << 8));
		ip->ttl = ttl;
		return true;
	}
	/* IPv6 has no sum of its own: one that a NIC took over the whole packet must follow. */
	if (pkt->tc)
		return !bpf_skb_store_bytes(pkt->ctx,
					    pkt->l3_offset + offsetof(struct ipv6hdr, hop_limit),
					    &ttl, 1, BPF_F_RECOMPUTE_CSUM);
	struct ipv6hdr *ip6 = packet_at(pkt, pkt->l3_offset, sizeof(*ip6));

	if (!ip6)
		return false;
	ip6->hop_limit = ttl;
	return true;
}

static __always_inline enum verdict send_frame(struct packet *pkt, const struct next_hop *hop)
{
	struct ethhdr *eth = packet_at(pkt, 0, sizeof(*eth));

	if (!eth || !context_redirect(pkt, hop->interface))
		return pass_by_stack(pkt);
	__builtin_memcpy(eth->h_dest, hop->destination_mac, 6);
	__builtin_memcpy(eth->h_source, hop->source_mac, 6);
	return write_ttl(pkt) ? FORWARD : refuse(pkt, REASON_packet_truncated);
}

static __always_inline enum verdict forward_packet(struct packet *pkt, struct activity *act)
{
	__u32 generation = route_generation();
	struct next_hop *hop = &act->hop;

	if (pkt->tagged || pkt->ttl <= 1)
		return pass_by_stack(pkt);
	if (hop_is_old(pkt, hop, generation)) {
		enum verdict v = refresh_hop(pkt, hop, generation);

		if (v)
			return v;
	}
	if (act->stack_second != coarse_second(pkt)) {
		act->stack_second = coarse_second(pkt);
		return pass_by_stack(pkt);
	}
	if (pkt->l3_bytes > hop->mtu)
		return pass_by_stack(pkt);
	return send_frame(pkt, hop);
}

#endif
