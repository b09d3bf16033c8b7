/* SPDX-License-Identifier: GPL-2.0 */
/* Part of the known flow's step: send on what is translated. Decided here to the end: after its
 * addresses changed a packet is a stranger to the host's stack, and before, it is addressed to us.
 *
 *              arrives              leaves
 *   source     S:s                  translation.source, where set
 *   dest.      arrives_at           translation.destination, where set
 *
 * In a global function, so that what is not translated pays for none of it; what the two tell each
 * other lies in a map, for the stack of both together is 512 bytes. */
#ifndef RINGFENCE_BPF_NAT_H
#define RINGFENCE_BPF_NAT_H

#include "forward.h"

#define NAT_F_IPV6 (1ull << 7)          /* BPF_F_IPV6 of Linux 6.16; older headers lack it */

/* What the function needs of the notebook, and what it answers: no pointers. */
struct crossing {
	struct flow_key key;            /* as it arrived                              */
	struct flow_key out;            /* as it leaves                               */
	struct bpf_fib_lookup fib;
	__u64 now_ns;
	__u32 slot;
	__u32 interface;
	__u32 l3_offset, l3_bytes, l4_offset;
	__u32 tagged;
	__u32 ttl, tos;
	__u32 reason;                   /* the answer: enum reason of a drop          */
	__s32 action;                   /* the answer: what the program returns       */
	__u8 destination_mac[6], source_mac[6];
	__u32 by_neighbour;             /* the kernel writes the MACs                 */
};

/* Local to the programs, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct crossing);
} crossings SEC(".maps");

static __always_inline struct crossing *crossing_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&crossings, &zero);
}

/* By what words it differs: addresses, and ports. */
struct difference {
	__u64 addresses, ports;
};

static __always_inline void set_leaving(struct crossing *x, const struct translation *nat)
{
	x->out = x->key;
	if (nat->source_port) {
		x->out.source = nat->source;
		x->out.source_port = nat->source_port;
	}
	if (nat->destination_port) {
		x->out.destination = nat->destination;
		x->out.destination_port = nat->destination_port;
	}
}

static __always_inline struct difference difference_between(const struct flow_key *old,
							    const struct flow_key *new)
{
	const __u32 *was = (const __u32 *)old, *is = (const __u32 *)new;
	struct difference d = {};

	_Static_assert(offsetof(struct flow_key, source_port) == 32, "two addresses, then ports");
#pragma unroll
	for (int i = 0; i < 8; i++)
		d.addresses = difference_of(d.addresses, was[i], is[i]);
	d.ports = difference_of(0, was[8], is[8]);
	return d;
}

static __always_inline __u32 ports_of(const struct flow_key *key)
{
	return *(const __u32 *)&key->source_port;
}

/* RFC 768: zero says that there is none, a sum of zero is sent as its other form. */
static __always_inline __be16 udp_change(__be16 sum, __u64 difference)
{
	__be16 changed = checksum_change(sum, difference);

	return !sum ? 0 : changed ? changed : 0xffff;
}

static __always_inline bool rewrite_xdp(struct packet *pkt, const struct flow_key *out,
					const struct difference *d)
{
	struct udphdr *udp = packet_at(pkt, pkt->l4_offset, sizeof(*udp));
	struct ipv6hdr *ip6;
	struct iphdr *ip;

	if (!udp)
		return false;
	udp->check = udp_change(udp->check, d->addresses + d->ports);
	*(__u32 *)udp = ports_of(out);
	if (out->family == FAMILY_IPV4) {
		ip = packet_at(pkt, pkt->l3_offset, sizeof(*ip));
		if (!ip)
			return false;
		ip->check = checksum_change(ip->check, d->addresses);
		__builtin_memcpy(&ip->saddr, &out->source.bytes[12], 4);
		__builtin_memcpy(&ip->daddr, &out->destination.bytes[12], 4);
		return true;
	}
	ip6 = packet_at(pkt, pkt->l3_offset, sizeof(*ip6));
	if (!ip6)
		return false;
	__builtin_memcpy(&ip6->saddr, &out->source, 16);
	__builtin_memcpy(&ip6->daddr, &out->destination, 16);
	return true;
}

/* The kernel knows what BPF does not: whether the sum is finished (a sender of this machine leaves
 * the pseudo-header's there), and whether a card summed the whole packet. */
static __always_inline bool rewrite_tc_sums(const struct packet *pkt, const struct flow_key *key,
					    const struct flow_key *out, const struct difference *d)
{
	const __u32 at = pkt->l4_offset + offsetof(struct udphdr, check);
	const __u64 pseudo = BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0;
	const __u32 addresses = difference_fold(d->addresses);

	if (bpf_l4_csum_replace(pkt->ctx, at, ports_of(key), ports_of(out),
				BPF_F_MARK_MANGLED_0 | 4))
		return false;
	if (out->family == FAMILY_IPV4)
		return !bpf_l4_csum_replace(pkt->ctx, at, 0, addresses, pseudo) &&
		       !bpf_l3_csum_replace(pkt->ctx,
					    pkt->l3_offset + offsetof(struct iphdr, check), 0,
					    addresses, 0);
	return !bpf_l4_csum_replace(pkt->ctx, at, 0, addresses, pseudo | NAT_F_IPV6) ||
	       !bpf_l4_csum_replace(pkt->ctx, at, 0, addresses, pseudo);
}

static __always_inline bool rewrite_tc(const struct packet *pkt, const struct flow_key *key,
				       const struct flow_key *out, const struct difference *d)
{
	const __u32 ports = ports_of(out);
	__be32 short_ones[2];

	if (!rewrite_tc_sums(pkt, key, out, d) ||
	    bpf_skb_store_bytes(pkt->ctx, pkt->l4_offset, &ports, sizeof(ports), 0))
		return false;
	if (out->family == FAMILY_IPV6)
		return !bpf_skb_store_bytes(pkt->ctx,
					    pkt->l3_offset + offsetof(struct ipv6hdr, saddr), out,
					    32, 0);
	__builtin_memcpy(&short_ones[0], &out->source.bytes[12], 4);
	__builtin_memcpy(&short_ones[1], &out->destination.bytes[12], 4);
	return !bpf_skb_store_bytes(pkt->ctx, pkt->l3_offset + offsetof(struct iphdr, saddr),
				    short_ones, sizeof(short_ones), 0);
}

/* RFC 8200 8.1: a receiver discards IPv6 UDP without a sum, and there is none to change. */
static __always_inline bool lacks_sum(const struct packet *pkt, const struct flow_key *out)
{
	const struct udphdr *udp = packet_at(pkt, pkt->l4_offset, sizeof(*udp));

	return out->family == FAMILY_IPV6 && udp && !udp->check;
}

static __always_inline enum verdict rewrite(struct packet *pkt, const struct crossing *x)
{
	struct difference d = difference_between(&x->key, &x->out);

	if (lacks_sum(pkt, &x->out))
		return refuse(pkt, REASON_translated_checksum);
	if (pkt->tc ? rewrite_tc(pkt, &x->key, &x->out, &d) : rewrite_xdp(pkt, &x->out, &d))
		return NEXT;
	return refuse(pkt, REASON_packet_truncated);
}

/* The egress has its own tag or none. Only TC can take one off, and one is what it takes. */
static __always_inline bool take_tag(struct packet *pkt)
{
	const __u32 in_frame = pkt->l3_offset - ETH_HLEN;

	if (!pkt->tc || in_frame != (context_has_tag(pkt) ? 0 : sizeof(struct vlan_tag)) ||
	    bpf_skb_vlan_pop(pkt->ctx))
		return false;
	pkt->l3_offset -= in_frame;
	pkt->l4_offset -= in_frame;
	return true;
}

static __always_inline enum verdict no_way(struct packet *pkt, long result)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return refuse(pkt, REASON_translated_no_neighbour);
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return refuse(pkt, REASON_packet_too_big);
	default:
		return refuse(pkt, REASON_media_no_route);
	}
}

/* TC only. The kernel finds the neighbour's address, asks for it, and keeps it alive: no packet need
 * go by the stack for it. */
static __always_inline void send_by_neighbour(struct packet *pkt, const struct bpf_fib_lookup *fib)
{
	struct bpf_redir_neigh next = { .nh_family = fib->family };

	__builtin_memcpy(next.ipv6_nh, fib->ipv6_dst, sizeof(next.ipv6_nh));
	pkt->action = bpf_redirect_neigh(fib->ifindex, &next, sizeof(next), 0);
}

/* The first packet of each second in TC; each that finds no fresh next hop in XDP. */
static __always_inline enum verdict find_hop(struct packet *pkt, struct crossing *x,
					     struct next_hop *hop)
{
	__u32 generation = route_generation();
	long result;

	if (!hop_is_old(pkt, hop, generation))
		return NEXT;
	__builtin_memset(&x->fib, 0, sizeof(x->fib));
	result = route_lookup(pkt, &x->out, &x->fib);
	hop->interface = 0;
	if (result && !(pkt->tc && result == BPF_FIB_LKUP_RET_NO_NEIGH))
		return no_way(pkt, result);
	if (!result)
		keep_hop(pkt, hop, &x->fib, generation);
	if (pkt->tc) {
		send_by_neighbour(pkt, &x->fib);
		x->by_neighbour = 1;
	}
	return NEXT;
}

/* Where to, and whether at all: nothing of the frame is changed yet but its tag. */
static __always_inline enum verdict route_translated(struct packet *pkt, struct crossing *x)
{
	const struct translation *nat = bpf_map_lookup_elem(&translations, &x->slot);
	struct activity *act = bpf_map_lookup_elem(&activity, &x->slot);
	enum verdict v;

	if (!nat || !act)
		return refuse(pkt, REASON_media_no_pinhole);
	if (pkt->ttl <= 1)
		return refuse(pkt, REASON_translated_ttl);
	if (x->tagged && !take_tag(pkt))
		return refuse(pkt, REASON_translated_tagged);
	set_leaving(x, nat);
	v = find_hop(pkt, x, &act->hop);
	if (v || x->by_neighbour)
		return v;
	if (pkt->l3_bytes > act->hop.mtu)
		return refuse(pkt, REASON_packet_too_big);
	if (!context_redirect(pkt, act->hop.interface))
		return refuse(pkt, REASON_translated_egress);
	__builtin_memcpy(x->destination_mac, act->hop.destination_mac, 6);
	__builtin_memcpy(x->source_mac, act->hop.source_mac, 6);
	return NEXT;
}

static __always_inline enum verdict write_translated(struct packet *pkt, struct crossing *x)
{
	enum verdict v = rewrite(pkt, x);
	struct ethhdr *eth;

	if (v)
		return v;
	if (!write_ttl(pkt))
		return refuse(pkt, REASON_packet_truncated);
	eth = packet_at(pkt, 0, sizeof(*eth));
	if (!eth)
		return refuse(pkt, REASON_packet_truncated);
	if (x->by_neighbour)
		return NEXT;
	__builtin_memcpy(eth->h_dest, x->destination_mac, 6);
	__builtin_memcpy(eth->h_source, x->source_mac, 6);
	return NEXT;
}

static __always_inline void open_crossing(struct packet *pkt, struct crossing *x)
{
	pkt->key = &x->key;
	pkt->now_ns = x->now_ns;
	pkt->interface = x->interface;
	pkt->l3_offset = x->l3_offset;
	pkt->l3_bytes = x->l3_bytes;
	pkt->l4_offset = x->l4_offset;
	pkt->ttl = x->ttl;
	pkt->tos = x->tos;
}

static __always_inline int route_step(struct packet *pkt)
{
	struct crossing *x = crossing_get();
	enum verdict v;

	if (!x)
		return DROP;
	open_crossing(pkt, x);
	x->by_neighbour = 0;
	v = route_translated(pkt, x);
	x->l3_offset = pkt->l3_offset;
	x->l4_offset = pkt->l4_offset;
	x->reason = pkt->reason;
	x->action = pkt->action;
	return v;
}

static __always_inline int write_step(struct packet *pkt)
{
	struct crossing *x = crossing_get();
	enum verdict v;

	if (!x)
		return DROP;
	open_crossing(pkt, x);
	v = write_translated(pkt, x);
	x->reason = pkt->reason;
	return v;
}

/* Each returns DROP for crossing.reason, or NEXT; at the end it is sent by crossing.action. */
__noinline int route_xdp(struct xdp_md *ctx)
{
	struct packet pkt = { .ctx = ctx };

	return route_step(&pkt);
}

__noinline int route_tc(struct __sk_buff *ctx)
{
	struct packet pkt = { .ctx = ctx, .tc = true };

	return route_step(&pkt);
}

__noinline int write_xdp(struct xdp_md *ctx)
{
	struct packet pkt = { .ctx = ctx };

	return write_step(&pkt);
}

__noinline int write_tc(struct __sk_buff *ctx)
{
	struct packet pkt = { .ctx = ctx, .tc = true };

	return write_step(&pkt);
}

static __always_inline int cross(const struct packet *pkt)
{
	if (pkt->tc)
		return route_tc(context_skb(pkt)) || write_tc(context_skb(pkt));
	return route_xdp(context_xdp(pkt)) || write_xdp(context_xdp(pkt));
}

/* The daemon resolves what XDP cannot; told once a second and flow, since an event may be lost. */
static __always_inline void tell_unresolved(struct packet *pkt, struct activity *act)
{
	if (act->told_second == coarse_second(pkt))
		return;
	act->told_second = coarse_second(pkt);
	report(pkt, EVENT_UNRESOLVED);
}

static __always_inline void describe_crossing(const struct packet *pkt, struct crossing *x)
{
	x->key = *pkt->key;
	x->now_ns = pkt->now_ns;
	x->slot = pkt->slot;
	x->interface = pkt->interface;
	x->l3_offset = pkt->l3_offset;
	x->l3_bytes = pkt->l3_bytes;
	x->l4_offset = pkt->l4_offset;
	x->tagged = pkt->tagged;
	x->ttl = pkt->ttl;
	x->tos = pkt->tos;
}

static __always_inline enum verdict translate_packet(struct packet *pkt, struct activity *act)
{
	struct crossing *x = crossing_get();

	if (!x || pkt->key->protocol != IPPROTO_UDP)
		return refuse(pkt, REASON_media_not_rtp);
	describe_crossing(pkt, x);
	if (!cross(pkt)) {
		count(COUNTER_media_translated);
		pkt->action = x->action;
		return FORWARD;
	}
	pkt->reason = x->reason;
	if (pkt->reason == REASON_translated_no_neighbour)
		tell_unresolved(pkt, act);
	return DROP;
}

#endif
