/* SPDX-License-Identifier: GPL-2.0 */
/* Step of the program behind the others: an ICMP error about media that left translated is told to its
 * sender in the addresses that it knows (RFC 5508 4.2). Whose it is, the flow of the other direction
 * says: what is quoted there, turned around, is how its packets arrive.
 *
 *             comes                                     goes on
 *   outer     router -> leaves_from                     router or arrives_at -> sender
 *   quoted    leaves_from -> receiver                   sender -> arrives_at
 *
 * What is about anything else is the host's. */
#ifndef RINGFENCE_BPF_ICMP_H
#define RINGFENCE_BPF_ICMP_H

#include "finish.h"
#include "pinhole.h"

#define ACTION_QUOTES 0x101             /* as ACTION_CROSS                            */
#define ICMP_BYTES 8                    /* in front of what is quoted, in both families */
#define ICMP_CHECKSUM 2                 /* offset, in both */

/* RFC 792; RFC 4443 2.1 (linux/icmp.h brings the C library with it) */
enum icmp_type {
	ICMP4_UNREACHABLE = 3,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_PARAMETER = 4,            /* and what is between: too big, time exceeded */
};

/* Where things are, and by what the sums change. */
struct quote {
	__u32 ip, udp;                  /* offsets of the quoted headers              */
	__u64 outer, quoted;            /* differences: of the addresses outside, of the message */
	__be16 ip_check, udp_check;     /* the new ones                               */
};

static __always_inline bool is_icmp(const struct packet *pkt)
{
	return !pkt->fragment && !pkt->tagged &&
	       ((pkt->key->family == FAMILY_IPV4 && pkt->key->protocol == IPPROTO_ICMP) ||
		(pkt->key->family == FAMILY_IPV6 && pkt->key->protocol == IPPROTO_ICMPV6));
}

static __always_inline bool is_error(const struct packet *pkt)
{
	const __u8 *type = packet_at(pkt, pkt->l4_offset, ICMP_BYTES);

	if (!type)
		return false;
	if (pkt->key->family == FAMILY_IPV6)
		return *type >= ICMP6_UNREACHABLE && *type <= ICMP6_PARAMETER;
	return *type == ICMP4_UNREACHABLE || *type == ICMP4_TIME_EXCEEDED ||
	       *type == ICMP4_PARAMETER;
}

static __always_inline bool read_quoted_ipv4(const struct packet *pkt, struct flow_key *ret,
					     struct quote *q)
{
	const struct iphdr *ip = packet_at(pkt, q->ip, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
	    ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET))
		return false;
	address_map_ipv4(&ret->source, ip->daddr);
	address_map_ipv4(&ret->destination, ip->saddr);
	q->ip_check = ip->check;
	q->udp = q->ip + sizeof(*ip);
	return true;
}

static __always_inline bool read_quoted_ipv6(const struct packet *pkt, struct flow_key *ret,
					     struct quote *q)
{
	const struct ipv6hdr *ip = packet_at(pkt, q->ip, sizeof(*ip));

	if (!ip || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return false;
	__builtin_memcpy(&ret->source, &ip->daddr, sizeof(ret->source));
	__builtin_memcpy(&ret->destination, &ip->saddr, sizeof(ret->destination));
	q->udp = q->ip + sizeof(*ip);
	return true;
}

/* The key of the other direction, as its packets arrive. */
static __always_inline bool read_quoted(const struct packet *pkt, struct flow_key *ret,
					struct quote *q)
{
	const struct udphdr *udp;

	ret->zone = pkt->key->zone;
	ret->protocol = IPPROTO_UDP;
	ret->family = pkt->key->family;
	q->ip = pkt->l4_offset + ICMP_BYTES;
	if (!(ret->family == FAMILY_IPV4 ? read_quoted_ipv4(pkt, ret, q) :
					   read_quoted_ipv6(pkt, ret, q)))
		return false;
	udp = packet_at(pkt, q->udp, sizeof(*udp));
	if (!udp)
		return false;
	ret->source_port = udp->dest;
	ret->destination_port = udp->source;
	q->udp_check = udp->check;
	return true;
}

/* The sums of what is quoted change with it, and the message's own sum with all of that. */
static __always_inline void change_quote(struct quote *q, const struct flow_key *arrives,
					 const struct flow_key *leaves)
{
	const struct difference d = difference_between(arrives, leaves);
	const __be16 ip_check = checksum_change(q->ip_check, d.addresses);
	const __be16 udp_check = udp_change(q->udp_check, d.addresses + d.ports);

	q->quoted = d.addresses + d.ports;
	if (arrives->family == FAMILY_IPV4)
		q->quoted = difference_of(q->quoted, q->ip_check, ip_check);
	q->quoted = difference_of(q->quoted, q->udp_check, udp_check);
	q->ip_check = ip_check;
	q->udp_check = udp_check;
}

static __always_inline bool store(const struct packet *pkt, __u32 at, const void *bytes,
				  __u32 count)
{
	return !bpf_skb_store_bytes(pkt->ctx, at, bytes, count, 0);
}

static __always_inline bool store_quoted(const struct packet *pkt, const struct quote *q,
					 const struct flow_key *leaves)
{
	const __be16 ports[2] = { leaves->destination_port, leaves->source_port };
	__be32 both[2];

	if (!store(pkt, q->udp, ports, sizeof(ports)) ||
	    !store(pkt, q->udp + offsetof(struct udphdr, check), &q->udp_check, 2))
		return false;
	if (leaves->family == FAMILY_IPV6)
		return store(pkt, q->ip + offsetof(struct ipv6hdr, saddr), &leaves->destination, 16) &&
		       store(pkt, q->ip + offsetof(struct ipv6hdr, daddr), &leaves->source, 16);
	__builtin_memcpy(&both[0], &leaves->destination.bytes[12], 4);
	__builtin_memcpy(&both[1], &leaves->source.bytes[12], 4);
	return store(pkt, q->ip + offsetof(struct iphdr, saddr), both, sizeof(both)) &&
	       store(pkt, q->ip + offsetof(struct iphdr, check), &q->ip_check, 2);
}

static __always_inline bool store_outer(const struct packet *pkt, const struct quote *q,
					const struct flow_key *out)
{
	const __u32 at = pkt->l4_offset + ICMP_CHECKSUM;
	const __u32 outer = difference_fold(q->outer);
	__be32 both[2];

	if (bpf_l4_csum_replace(pkt->ctx, at, 0, difference_fold(q->quoted), 0))
		return false;
	/* RFC 4443 2.3: its sum covers the addresses outside. */
	if (out->family == FAMILY_IPV6)
		return (!bpf_l4_csum_replace(pkt->ctx, at, 0, outer, BPF_F_PSEUDO_HDR | NAT_F_IPV6) ||
			!bpf_l4_csum_replace(pkt->ctx, at, 0, outer, BPF_F_PSEUDO_HDR)) &&
		       store(pkt, pkt->l3_offset + offsetof(struct ipv6hdr, saddr), out, 32);
	__builtin_memcpy(&both[0], &out->source.bytes[12], 4);
	__builtin_memcpy(&both[1], &out->destination.bytes[12], 4);
	return !bpf_l3_csum_replace(pkt->ctx, pkt->l3_offset + offsetof(struct iphdr, check), 0,
				    outer, 0) &&
	       store(pkt, pkt->l3_offset + offsetof(struct iphdr, saddr), both, sizeof(both));
}

/* How the flow of the other direction leaves; NULL where it is none of ours, or not translated. */
static __always_inline const struct translation *find_other(struct crossing *x,
							     struct flow_key *arrives)
{
	struct packet other = { .key = arrives, .pinhole = &x->pinhole };
	const struct permit *permit = flow_find(&other) ?: pinhole_find(&other);
	__u32 slot = other.slot;

	if (!permit || !(permit->flags & PERMIT_TRANSLATED) || permit->flags & PERMIT_CLOSED)
		return NULL;
	return bpf_map_lookup_elem(&translations, &slot);
}

/* In x: key is the message as it came, out as it goes on. */
static __always_inline bool route_error(struct packet *pkt, struct crossing *x,
					const struct flow_key *leaves, bool hides)
{
	long result;

	x->out = x->key;
	x->out.destination = leaves->destination;
	if (hides)
		x->out.source = leaves->source;
	__builtin_memset(&x->fib, 0, sizeof(x->fib));
	result = route_lookup(pkt, &x->out, &x->fib);
	if (result && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return false;
	send_by_neighbour(pkt, x);
	return true;
}

/* It must come to whom the quoted packet is from. */
static __always_inline bool is_for_its_sender(const struct packet *pkt, const struct flow_key *key)
{
	const __u64 *to = (const __u64 *)&pkt->key->destination;
	const __u64 *from = (const __u64 *)&key->destination;

	return to[0] == from[0] && to[1] == from[1];
}

static __always_inline int return_error(struct packet *pkt, struct crossing *x)
{
	struct flow_key arrives = {}, leaves;
	const struct translation *nat;
	struct quote q = {};

	if (pkt->ttl <= 1 || !is_error(pkt) || !read_quoted(pkt, &arrives, &q) ||
	    !is_for_its_sender(pkt, &arrives))
		return TC_ACT_UNSPEC;
	nat = find_other(x, &arrives);
	if (!nat)
		return TC_ACT_UNSPEC;
	leaves = leaving(&arrives, nat);
	if (!route_error(pkt, x, &leaves, nat->source_port))
		return TC_ACT_UNSPEC;
	change_quote(&q, &arrives, &leaves);
	q.outer = difference_between(&x->key, &x->out).addresses;
	if (!store_quoted(pkt, &q, &leaves) || !store_outer(pkt, &q, &x->out) || !write_ttl(pkt))
		return TC_ACT_SHOT;
	count(COUNTER_errors_returned);
	return pkt->action;
}

__noinline int return_error_tc(struct __sk_buff *ctx)
{
	struct packet pkt = { .ctx = ctx, .tc = true };
	struct crossing *x = crossing_get();

	if (!x)
		return TC_ACT_UNSPEC;
	open_crossing(&pkt, x);
	return return_error(&pkt, x);
}

#endif
