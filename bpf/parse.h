/* SPDX-License-Identifier: GPL-2.0 */
/* Step: what is it? Ethernet, up to two VLAN tags, IPv4 or IPv6, UDP or TCP ports.
 *
 * The outer tag and the interface name the zone; a second tag is walked and ignored. What is in no
 * zone or is not IP passes. An IP header that cannot be read is refused at once; what is merely
 * odd (options, a UDP length that lies) is noted as a defect and refused if the packet is ours. */
#ifndef RINGFENCE_BPF_PARSE_H
#define RINGFENCE_BPF_PARSE_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "report.h"

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

struct extension {
	__u8 next;
	__u8 bytes;             /* in units of 8 without the first; AH: of 4 without two      */
	__be16 offset;          /* fragment header: offset and flags (RFC 8200 4.5)           */
};

#define TCP_FLAGS_AT 13
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001

static __always_inline bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* Zone of the packet, by interface and outer tag. */
static __always_inline bool find_zone(struct packet *pkt)
{
	struct attachment_key key = { .interface = pkt->interface, .vlan = pkt->vlan };
	__u32 place = pkt->interface & (LIMIT_INTERFACE_ZONES - 1);
	const struct interface_zone *here = bpf_map_lookup_elem(&interfaces, &place);
	const struct attachment *attachment;

	if (here && here->interface == pkt->interface && !pkt->vlan) {
		pkt->zone = here->zone;
	} else {
		attachment = bpf_map_lookup_elem(&attachments, &key);
		if (!attachment)
			return false;
		pkt->zone = attachment->zone;
	}
	pkt->key->zone = pkt->zone;
	return true;
}

/* Takes one tag off the front. False: the frame ends within it. */
static __always_inline bool parse_tag(struct packet *pkt, __u16 *ret_identifier)
{
	const struct vlan_tag *tag = packet_at(pkt, pkt->l3_offset, sizeof(*tag));

	if (!tag)
		return false;
	*ret_identifier = bpf_ntohs(tag->tci) & 0x0fff;
	pkt->ethertype = tag->ethertype;
	pkt->l3_offset += sizeof(*tag);
	pkt->tagged = true;
	return true;
}

static __always_inline enum verdict parse_ethernet(struct packet *pkt)
{
	const struct ethhdr *eth;
	__u16 inner;

	context_open(pkt);
	eth = packet_at(pkt, 0, sizeof(*eth));
	if (!eth)
		return pass(pkt, COUNTER_packets_passed);
	pkt->ethertype = eth->h_proto;
	pkt->l3_offset = sizeof(*eth);

	if (context_has_tag(pkt)) {
		pkt->vlan = context_tag(pkt);
		pkt->tagged = true;
	} else if (is_vlan(pkt->ethertype) && !parse_tag(pkt, &pkt->vlan)) {
		return refuse(pkt, REASON_packet_truncated);
	}
	if (!find_zone(pkt))
		return pass(pkt, COUNTER_packets_passed);

	if (is_vlan(pkt->ethertype) && !parse_tag(pkt, &inner))
		return refuse(pkt, REASON_packet_truncated);
	if (is_vlan(pkt->ethertype))
		return refuse(pkt, REASON_packet_too_many_vlans);
	return NEXT;
}

static __always_inline void address_map_ipv4(struct address *ret, __be32 ipv4)
{
	const struct {
		__u64 zero;
		__be32 mapped, ipv4;
	} whole = { .mapped = bpf_htonl(0xffff), .ipv4 = ipv4 };

	__builtin_memcpy(ret, &whole, sizeof(*ret));
}

static __always_inline enum verdict parse_ipv4(struct packet *pkt)
{
	const struct iphdr *ip = packet_at(pkt, pkt->l3_offset, sizeof(*ip));
	__u32 header_bytes, room = pkt->frame_bytes - pkt->l3_offset;
	__u16 fragment;

	if (!ip)
		return refuse(pkt, REASON_packet_truncated);
	header_bytes = ip->ihl * 4;
	if (ip->version != 4 || header_bytes < sizeof(*ip))
		return refuse(pkt, REASON_packet_bad_header);
	/* The length word of a bundle may be zero: it can exceed 16 bits. */
	pkt->l3_bytes = context_is_bundle(pkt) ? room : bpf_ntohs(ip->tot_len);
	if (pkt->l3_bytes < header_bytes || pkt->l3_bytes > room)
		return refuse(pkt, REASON_packet_bad_length);
	if (header_bytes > sizeof(*ip))
		pkt->defect = REASON_packet_ip_options;

	address_map_ipv4(&pkt->key->source, ip->saddr);
	address_map_ipv4(&pkt->key->destination, ip->daddr);
	pkt->key->protocol = ip->protocol;
	pkt->key->family = FAMILY_IPV4;
	pkt->ttl = ip->ttl;
	pkt->tos = ip->tos;
	pkt->l4_offset = pkt->l3_offset + header_bytes;
	pkt->l4_bytes = pkt->l3_bytes - header_bytes;

	fragment = bpf_ntohs(ip->frag_off);
	pkt->fragment = fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET);
	pkt->has_ports = !(fragment & IPV4_FRAGMENT_OFFSET);
	return NEXT;
}

/* RFC 4291 2.5.5.2: ::ffff:0:0/96 stands for an IPv4 node and has no business on the wire. */
static __always_inline bool address_is_mapped(const struct address *address)
{
	const __u32 *words = (const __u32 *)address->bytes;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff);
}

/* What the walk over extension headers knows. Apart from the notebook, because a global function is
 * given its address. */
struct extension_walk {
	__u32 offset;           /* of the header that `protocol` names                        */
	__u32 bytes;            /* from there to the packet's end                             */
	__u32 walked;           /* from the IP header to there                                */
	__u32 defect;           /* enum reason                                                */
	__u32 fragment;         /* of any kind                                                */
	__u32 later_fragment;   /* without the headers that follow                            */
	__u32 protocol;
};

static __always_inline bool is_extension(__u32 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH;
}

/* One extension header (RFC 8200 4). A reason, or zero: walked, protocol is what follows. */
static __always_inline enum reason walk_extension(const struct packet *pkt,
						  struct extension_walk *walk)
{
	const struct extension *ext = packet_at(pkt, walk->offset, 8);
	__u32 bytes;

	if (!ext)
		return REASON_packet_truncated;
	bytes = ext->bytes * 8 + 8;
	if (walk->protocol == IPPROTO_AH)
		bytes = ext->bytes * 4 + 8;
	if (walk->protocol == IPPROTO_ROUTING)
		walk->defect = REASON_packet_bad_header;
	if (walk->protocol == IPPROTO_FRAGMENT) {
		__u16 offset = bpf_ntohs(ext->offset);

		bytes = 8;
		walk->fragment = offset & (IPV6_FRAGMENT_OFFSET | IPV6_MORE_FRAGMENTS);
		walk->later_fragment = offset & IPV6_FRAGMENT_OFFSET;
	}
	if (bytes > walk->bytes)
		return REASON_packet_bad_length;
	walk->protocol = ext->next;
	walk->offset += bytes;
	walk->bytes -= bytes;
	walk->walked += bytes;
	return walk->walked > LIMIT_HEADER_BYTES ? REASON_packet_too_many_headers : 0;
}

static __always_inline int walk_extensions(const struct packet *pkt, struct extension_walk *walk)
{
	for (int i = 0; i < LIMIT_IPV6_EXTENSIONS; i++) {
		enum reason reason;

		if (!is_extension(walk->protocol) || walk->later_fragment)
			return 0;
		reason = walk_extension(pkt, walk);
		if (reason)
			return reason;
	}
	if (is_extension(walk->protocol) && !walk->later_fragment)
		return REASON_packet_too_many_headers;
	return 0;
}

/* Global, so that the verifier walks the loop once and not again for each path that leads to it
 * and from it; one for each kind of context, which it knows by the argument's type. A reason, or
 * zero. */
__noinline int walk_extensions_xdp(struct xdp_md *ctx, struct extension_walk *walk)
{
	const struct packet pkt = { .ctx = ctx };

	return walk ? walk_extensions(&pkt, walk) : REASON_packet_bad_header;
}

__noinline int walk_extensions_tc(struct __sk_buff *ctx, struct extension_walk *walk)
{
	const struct packet pkt = { .ctx = ctx, .tc = true };

	return walk ? walk_extensions(&pkt, walk) : REASON_packet_bad_header;
}

static __always_inline enum verdict parse_extensions(struct packet *pkt, __u8 protocol)
{
	struct extension_walk walk = {
		.offset = pkt->l4_offset,
		.bytes = pkt->l4_bytes,
		.walked = pkt->l4_offset - pkt->l3_offset,
		.protocol = protocol,
	};
	int reason;

	reason = pkt->tc ? walk_extensions_tc(context_skb(pkt), &walk) :
			   walk_extensions_xdp(context_xdp(pkt), &walk);
	if (reason)
		return refuse(pkt, reason);
	pkt->l4_offset = walk.offset;
	pkt->l4_bytes = walk.bytes;
	pkt->defect = walk.defect;
	pkt->fragment = walk.fragment;
	pkt->has_ports = !walk.later_fragment;
	pkt->key->protocol = walk.protocol;
	return NEXT;
}

static __always_inline enum verdict parse_ipv6(struct packet *pkt)
{
	const struct ipv6hdr *ip = packet_at(pkt, pkt->l3_offset, sizeof(*ip));
	__u32 room = pkt->frame_bytes - pkt->l3_offset;

	if (!ip)
		return refuse(pkt, REASON_packet_truncated);
	if (ip->version != 6)
		return refuse(pkt, REASON_packet_bad_header);
	pkt->l3_bytes = context_is_bundle(pkt) ? room :
						 sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (pkt->l3_bytes > room)
		return refuse(pkt, REASON_packet_bad_length);

	__builtin_memcpy(&pkt->key->source, &ip->saddr, sizeof(struct address));
	__builtin_memcpy(&pkt->key->destination, &ip->daddr, sizeof(struct address));
	if (address_is_mapped(&pkt->key->source) || address_is_mapped(&pkt->key->destination))
		return refuse(pkt, REASON_packet_mapped_address);
	pkt->key->family = FAMILY_IPV6;
	pkt->ttl = ip->hop_limit;
	pkt->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	pkt->l4_offset = pkt->l3_offset + sizeof(*ip);
	pkt->l4_bytes = pkt->l3_bytes - sizeof(*ip);
	pkt->has_ports = true;
	pkt->key->protocol = ip->nexthdr;
	return is_extension(ip->nexthdr) ? parse_extensions(pkt, ip->nexthdr) : NEXT;
}

/* Both at once: so they are read again (near_tail). */
static __always_inline void take_ports(struct packet *pkt, const void *ports)
{
	_Static_assert(offsetof(struct flow_key, source_port) % 4 == 0 &&
		       offsetof(struct flow_key, destination_port) ==
		       offsetof(struct flow_key, source_port) + 2, "ports lie as on the wire");

	*(__u32 *)&pkt->key->source_port = *(const __u32 *)ports;
}

static __always_inline enum verdict parse_udp(struct packet *pkt)
{
	const struct udphdr *udp = packet_at(pkt, pkt->l4_offset, sizeof(*udp));
	__u32 bytes;

	if (!udp || pkt->l4_bytes < sizeof(*udp))
		return refuse(pkt, REASON_packet_truncated);
	take_ports(pkt, udp);
	pkt->payload_offset = pkt->l4_offset + sizeof(*udp);
	pkt->payload_bytes = pkt->l4_bytes - sizeof(*udp);
	bytes = bpf_ntohs(udp->len);
	if (context_is_bundle(pkt))
		pkt->defect = REASON_packet_too_big;
	else if (bytes != pkt->l4_bytes && !pkt->fragment)
		pkt->defect = REASON_packet_bad_length;
	return NEXT;
}

/* A header that ends before its flags (RFC 1858 3) is odd, and so is a segment in pieces. */
static __always_inline enum verdict parse_tcp(struct packet *pkt)
{
	const __be16 *ports = packet_at(pkt, pkt->l4_offset, 2 * sizeof(*ports));
	const struct tcphdr *tcp;
	__u32 header_bytes;

	if (!ports || pkt->l4_bytes < 2 * sizeof(*ports))
		return refuse(pkt, REASON_packet_truncated);
	take_ports(pkt, ports);
	tcp = packet_at(pkt, pkt->l4_offset, sizeof(*tcp));
	if (pkt->fragment) {
		pkt->defect = REASON_packet_fragment;
	} else if (!tcp || pkt->l4_bytes < sizeof(*tcp)) {
		pkt->defect = REASON_packet_truncated;
	} else {
		header_bytes = tcp->doff * 4;
		pkt->tcp_flags = ((const __u8 *)tcp)[TCP_FLAGS_AT];
		pkt->tcp_empty = header_bytes >= pkt->l4_bytes;
	}
	return NEXT;
}

static __always_inline enum verdict parse_packet(struct packet *pkt)
{
	enum verdict v = parse_ethernet(pkt);

	if (v)
		return v;
	if (pkt->ethertype == bpf_htons(ETH_P_IP))
		v = parse_ipv4(pkt);
	else if (pkt->ethertype == bpf_htons(ETH_P_IPV6))
		v = parse_ipv6(pkt);
	else
		return pass(pkt, COUNTER_packets_passed);
	if (v)
		return v;
	if (pkt->key->protocol != IPPROTO_UDP && pkt->key->protocol != IPPROTO_TCP)
		return pass(pkt, COUNTER_packets_passed);
	if (!pkt->has_ports)
		return NEXT;
	return pkt->key->protocol == IPPROTO_UDP ? parse_udp(pkt) : parse_tcp(pkt);
}

#endif
