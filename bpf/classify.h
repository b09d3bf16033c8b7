/* SPDX-License-Identifier: GPL-2.0 */
/* Step: signalling, media, or neither of ours? Asked only of what is no known flow.
 *
 *   signalling  the destination port is a service of the zone it comes from, wherever it goes
 *   a door      a pinhole was promised: signalling or media, as its permit says
 *   media       UDP into another zone's media range, but for answers of the services named there
 *   passes      everything else
 */
#ifndef RINGFENCE_BPF_CLASSIFY_H
#define RINGFENCE_BPF_CLASSIFY_H

#include "fragment.h"
#include "pinhole.h"
#include "stream.h"

static __always_inline bool is_service(struct packet *pkt)
{
	struct service_key key = {
		.zone = pkt->zone,
		.port = pkt->key->destination_port,
		.protocol = pkt->key->protocol,
	};
	const struct service *service = bpf_map_lookup_elem(&services, &key);

	if (!service)
		return false;
	pkt->speaks = service->speaks;
	pkt->unread = service->unread;
	return true;
}

static __always_inline bool is_media(const struct packet *pkt, __u32 zone)
{
	const struct zone_ports *ports = bpf_map_lookup_elem(&zones, &zone);
	__u16 port = bpf_ntohs(pkt->key->destination_port);
	__u16 from = bpf_ntohs(pkt->key->source_port);

	if (!ports || !ports->media_low || port < ports->media_low || port > ports->media_high)
		return false;
	if (!from)
		return true;            /* zeros in the list are no services */
#pragma unroll
	for (int i = 0; i < 8; i++)
		if (ports->services[i] == from)
			return false;
	return true;
}

/* TCP to a port that is no service: a connection may begin at a door, and what the far end of one of
 * ours sends is known by its socket. */
static __always_inline enum verdict classify_stream(struct packet *pkt)
{
	if (destination_is_local(pkt))
		return pass(pkt, COUNTER_packets_passed);
	if (stream_begins(pkt)) {
		if (!crosses_zones(pkt))
			return pass(pkt, COUNTER_packets_passed);
		pkt->permit = pinhole_find(pkt);
		if (!pkt->permit || !(pkt->permit->flags & PERMIT_SIGNALLING))
			return pass(pkt, COUNTER_packets_passed);
		return packet_is_ours(pkt, KIND_SIGNALLING) ?: enter_door(pkt);
	}
	if (!stream_answers(pkt))
		return pass(pkt, COUNTER_packets_passed);
	return packet_is_ours(pkt, KIND_SIGNALLING);
}

static __always_inline enum verdict classify(struct packet *pkt)
{
	bool local;
	__u16 zone;

	if (pkt->kind)
		return NEXT;
	if (is_service(pkt))
		return packet_is_ours(pkt, KIND_SIGNALLING);
	if (pkt->key->protocol == IPPROTO_TCP)
		return classify_stream(pkt);
	if (pkt->key->protocol != IPPROTO_UDP)
		return pass(pkt, COUNTER_packets_passed);

	local = destination_is_local(pkt);
	zone = destination_zone(pkt);
	if (!local && (zone == ZONE_NONE || zone == pkt->zone))
		return pass(pkt, COUNTER_packets_passed);
	pkt->permit = pinhole_find(pkt);
	if (pkt->permit) {
		if (packet_is_ours(pkt, KIND_MEDIA))
			return DROP;
		return pkt->permit->flags & PERMIT_SIGNALLING ? enter_door(pkt) : NEXT;
	}
	if (local || !is_media(pkt, zone))
		return pass(pkt, COUNTER_packets_passed);
	return packet_is_ours(pkt, KIND_MEDIA);
}

#endif
