/* SPDX-License-Identifier: GPL-2.0 */
/* Step: is it whole? A fragment of UDP towards a zone or this host goes to the daemon, which puts
 * the datagram together, judges what is signalling and puts back what is none of ours: only the first
 * piece bears ports, and pieces may come in any order. TCP without its first fragment is nothing, so
 * its later ones pass.
 *
 * Without a daemon a first fragment goes on, to be refused if it is ours, and a later one is refused
 * between two zones, where it could belong to anything. */
#ifndef RINGFENCE_BPF_FRAGMENT_H
#define RINGFENCE_BPF_FRAGMENT_H

#include "punt.h"

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
	bool local;

	if (!pkt->fragment)
		return NEXT;
	if (pkt->key->protocol != IPPROTO_UDP)
		return pkt->has_ports ? NEXT : pass(pkt, COUNTER_packets_passed);
	local = destination_is_local(pkt);
	if (!local && destination_zone(pkt) == ZONE_NONE) {
		pkt->defect = REASON_packet_fragment;
		return pkt->has_ports ? NEXT : pass(pkt, COUNTER_packets_passed);
	}
	if (packet_is_ours(pkt, KIND_SIGNALLING))
		return DROP;
	if (daemon_listens(pkt)) {
		pkt->for_reassembly = true;
		return NEXT;
	}
	pkt->kind = KIND_UNKNOWN;
	pkt->defect = REASON_packet_fragment;
	if (pkt->has_ports)
		return NEXT;
	return local || !crosses_zones(pkt) ? pass(pkt, COUNTER_packets_passed) :
					      refuse(pkt, REASON_packet_fragment);
}

#endif
