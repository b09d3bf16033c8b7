/* SPDX-License-Identifier: GPL-2.0 */
/* The step behind all others: send on what is translated. Decided here to the end: after its addresses
 * changed a packet is a stranger to the host's stack, and before, it is addressed to us.
 *
 *              arrives              leaves
 *   source     S:s                  translation.source, where set
 *   dest.      arrives_at           translation.destination, where set
 *
 * A function of its own, so that what is not translated pays for none of it, and called by the program
 * itself, so that there is room on the stack; what it is told lies in a map. What native XDP cannot
 * do it hands up as it came to gateway_steer, which is behind it before the stack is: a frame with a
 * tag, an egress that takes no frames, a neighbour to be asked for, and one packet a second and
 * flow, so that the kernel keeps the neighbour alive. */
#ifndef RINGFENCE_BPF_NAT_H
#define RINGFENCE_BPF_NAT_H

#include "forward.h"

#define ACTION_CROSS 0x100              /* no action of XDP's or TC's                 */
#define NAT_F_IPV6 (1ull << 7)          /* BPF_F_IPV6 of Linux 6.16; older headers lack it */

/* The notebook of a packet that is to be translated: no pointers. Local to the programs, per CPU. */
struct crossing {
	struct flow_key key;            /* as it arrived                              */
	struct flow_key out;            /* as it leaves                               */
	struct flow_key pinhole;
	struct bpf_fib_lookup fib;
	__u64 now_ns;
	__u32 slot;
	__u32 interface;
	__u32 l3_offset, l3_bytes, l4_offset;
	__u32 ttl, tos;
	__u32 counter;                  /* enum counter, once it is sent              */
	__u8 tagged;
	__u8 behind;                    /* native XDP has checked it and handed it up */
	__u8 by_neighbour;              /* the kernel writes the MACs                 */
	__u8 pad[5];
};

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

static __always_inline struct flow_key leaving(const struct flow_key *key,
						const struct translation *nat)
{
	struct flow_key out = *key;

	if (nat->source_port) {
		out.source = nat->source;
		out.source_port = nat->source_port;
	}
	if (nat->destination_port) {
		out.destination = nat->destination;
		out.destination_port = nat->destination_port;
	}
	return out;
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

	if (in_frame != (context_has_tag(pkt) ? 0 : sizeof(struct vlan_tag)) ||
	    bpf_skb_vlan_pop(pkt->ctx))
		return false;
	pkt->l3_offset -= in_frame;
	pkt->l4_offset -= in_frame;
	return true;
}

static __always_inline enum verdict hand_up(struct packet *pkt)
{
	return pass(pkt, COUNTER_media_handed_up);
}

/* The kernel finds the neighbour's address, asks for it, and keeps it alive. */
static __always_inline enum verdict send_by_neighbour(struct packet *pkt, struct crossing *x)
{
	struct bpf_redir_neigh next = { .nh_family = x->fib.family };

	__builtin_memcpy(next.ipv6_nh, x->fib.ipv6_dst, sizeof(next.ipv6_nh));
	pkt->action = bpf_redirect_neigh(x->fib.ifindex, &next, sizeof(next), 0);
	x->by_neighbour = true;
	return NEXT;
}

static __always_inline enum verdict find_hop(struct packet *pkt, struct crossing *x,
					     struct next_hop *hop)
{
	__u32 generation = route_generation();
	long result;

	if (!x->behind && !hop_is_old(pkt, hop, generation))
		return NEXT;
	__builtin_memset(&x->fib, 0, sizeof(x->fib));
	result = route_lookup(pkt, &x->out, &x->fib);
	hop->interface = 0;
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return refuse(pkt, REASON_packet_too_big);
	if (result && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return refuse(pkt, REASON_media_no_route);
	if (!result)
		keep_hop(pkt, hop, &x->fib, generation);
	return pkt->tc ? send_by_neighbour(pkt, x) : hand_up(pkt);
}

/* Where to, and whether at all: nothing of the frame is changed yet but its tag. */
static __always_inline enum verdict route_translated(struct packet *pkt, struct crossing *x,
						     struct next_hop *hop)
{
	enum verdict v;

	if (x->key.protocol != IPPROTO_UDP)
		return refuse(pkt, REASON_media_not_rtp);
	if (pkt->ttl <= 1)
		return refuse(pkt, REASON_translated_ttl);
	if (x->tagged && !pkt->tc)
		return hand_up(pkt);
	if (x->tagged && !take_tag(pkt))
		return refuse(pkt, REASON_translated_tagged);
	v = find_hop(pkt, x, hop);
	if (v || x->by_neighbour)
		return v;
	if (pkt->l3_bytes > hop->mtu)
		return refuse(pkt, REASON_packet_too_big);
	return context_redirect(pkt, hop->interface) ? NEXT : hand_up(pkt);
}

static __always_inline enum verdict write_translated(struct packet *pkt, const struct crossing *x,
						     const struct next_hop *hop)
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
		return FORWARD;
	__builtin_memcpy(eth->h_dest, hop->destination_mac, 6);
	__builtin_memcpy(eth->h_source, hop->source_mac, 6);
	return FORWARD;
}

static __always_inline void open_crossing(struct packet *pkt, struct crossing *x)
{
	pkt->key = &x->key;
	pkt->pinhole = &x->pinhole;
	pkt->kind = KIND_MEDIA;
	pkt->permitted = true;
	pkt->slot = x->slot;
	pkt->now_ns = x->now_ns;
	pkt->interface = x->interface;
	pkt->l3_offset = x->l3_offset;
	pkt->l3_bytes = x->l3_bytes;
	pkt->l4_offset = x->l4_offset;
	pkt->ttl = x->ttl;
	pkt->tos = x->tos;
	pkt->counter = x->counter;
	x->by_neighbour = false;
}

static __always_inline int cross(struct packet *pkt)
{
	struct crossing *x = crossing_get();
	const struct translation *nat;
	struct activity *act;
	enum verdict v;

	if (!x)
		return context_action(pkt, DROP);
	open_crossing(pkt, x);
	nat = bpf_map_lookup_elem(&translations, &x->slot);
	act = bpf_map_lookup_elem(&activity, &x->slot);
	if (!nat || !act)
		return context_action(pkt, DROP);
	x->out = leaving(&x->key, nat);
	v = route_translated(pkt, x, &act->hop) ?: write_translated(pkt, x, &act->hop);
	count(v == DROP ? pkt->reason : pkt->counter);
	if (v == FORWARD)
		count(COUNTER_media_translated);
	if (v == DROP)
		tell_refusal(pkt);
	return context_action(pkt, v);
}

__noinline int cross_xdp(struct xdp_md *ctx)
{
	struct packet pkt = { .ctx = ctx };

	return cross(&pkt);
}

__noinline int cross_tc(struct __sk_buff *ctx)
{
	struct packet pkt = { .ctx = ctx, .tc = true };

	return cross(&pkt);
}

/* What the function will need of the notebook. */
static __always_inline int begin_crossing(const struct packet *pkt)
{
	struct crossing *x = crossing_get();

	if (!x)
		return context_action(pkt, DROP);
	x->key = *pkt->key;
	x->pinhole = *pkt->pinhole;
	x->now_ns = pkt->now_ns;
	x->slot = pkt->slot;
	x->interface = pkt->interface;
	x->l3_offset = pkt->l3_offset;
	x->l3_bytes = pkt->l3_bytes;
	x->l4_offset = pkt->l4_offset;
	x->ttl = pkt->ttl;
	x->tos = pkt->tos;
	x->counter = pkt->counter;
	x->tagged = pkt->tagged;
	x->behind = pkt->steers;
	return ACTION_CROSS;
}

#endif
