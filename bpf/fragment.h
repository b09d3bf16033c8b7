/* SPDX-License-Identifier: GPL-2.0 */
/* Step: is it whole? A first fragment bears ports and goes on, to be refused if it is ours. A
 * later fragment of UDP bears none: between two zones it could belong to anything and is refused,
 * elsewhere it passes. TCP without its first fragment is nothing, so its later ones pass. */
#ifndef RINGFENCE_BPF_FRAGMENT_H
#define RINGFENCE_BPF_FRAGMENT_H

#include "parse.h"

/* Zone that the destination lies in, ZONE_NONE where it lies in none. */
static __always_inline __u16 destination_zone(const struct packet *pkt)
{
	struct network_key key = { .prefix_bits = 128, .address = pkt->key->destination };
	const struct network_zone *network = bpf_map_lookup_elem(&networks, &key);

	return network ? network->zone : ZONE_NONE;
}

static __always_inline bool destination_is_local(const struct packet *pkt)
{
	struct address address = pkt->key->destination;

	return bpf_map_lookup_elem(&local_addresses, &address);
}

static __always_inline bool crosses_zones(const struct packet *pkt)
{
	__u16 zone = destination_zone(pkt);

	return zone != ZONE_NONE && zone != pkt->zone;
}

static __always_inline enum verdict check_fragment(struct packet *pkt)
{
	if (!pkt->fragment)
		return NEXT;
	if (pkt->has_ports) {
		if (pkt->key->protocol == IPPROTO_UDP)
			pkt->defect = REASON_packet_fragment;
		return NEXT;
	}
	if (pkt->key->protocol == IPPROTO_UDP && !destination_is_local(pkt) && crosses_zones(pkt))
		return refuse(pkt, REASON_packet_fragment);
	return pass(pkt, COUNTER_packets_passed);
}

#endif
