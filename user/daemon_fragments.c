// SPDX-License-Identifier: MIT
/* Fragments of the ring: put together, and then asked once more what the fast path asks of whole
 * packets. Signalling is judged, media in pieces is refused, the rest goes back as it came. */
#include <netinet/in.h>
#include <string.h>

#include "daemon.h"

_Static_assert(sizeof(struct punt) <= REASM_ROOM, "a record's header fits in front of a packet");

static void count(struct daemon *d, uint32_t counter, uint64_t n)
{
	if (n)
		d->projector.count(d->projector.self, counter, n);
}

/* The door that admits it, from the most to the least that is known of the sender (bpf/pinhole.h). */
const struct door_row *daemon_door_of(const struct daemon *d, const struct flow_key *packet)
{
	struct flow_key key = *packet;
	struct row_key row;

	for (int step = 0; step < 3; step++) {
		if (step == 1)
			key.source_port = 0;
		if (step == 2)
			memset(&key.source, 0, sizeof(key.source));
		if (apply_claimant(d->apply, &key, &row))
			return tables_find(d->tables, ROW_door, &row);
	}
	return NULL;
}

bool daemon_is_own(const struct daemon *d, const struct address *a)
{
	for (uint32_t i = 0; i < d->journey.around.own_count; i++)
		if (address_equal(&d->own[i], a))
			return true;
	return false;
}

static bool is_media(const struct daemon *d, const struct flow_key *key)
{
	uint16_t to = policy_zone_of(d->policy, &key->destination);

	return to != ZONE_NONE && to != key->zone && !daemon_is_own(d, &key->destination) &&
	       policy_is_media(&d->policy->zones[to], ntohs(key->source_port),
			       ntohs(key->destination_port));
}

static void judge_whole(struct daemon *d, struct punt *p, uint32_t bytes)
{
	const struct door_row *door = daemon_door_of(d, &p->key);
	struct slice packet = slice_make(p->data, p->l3_bytes);

	p->speaks = policy_service_at(d->policy, ntohs(p->key.destination_port));
	if (!p->speaks && door && door->flags & PERMIT_SIGNALLING) {
		p->speaks = door->speaks;
		p->flags |= PUNT_DOOR;
	}
	if (p->speaks)
		daemon_take_datagram(d, p, bytes);
	else if (door || is_media(d, &p->key))
		count(d, REASON_packet_fragment, 1);
	else if (reinject_send(d->reinject, p, slice_from(packet, p->payload_offset)))
		count(d, COUNTER_messages_send_failed, 1);
}

void daemon_take_fragment(struct daemon *d, const struct punt *p, uint64_t now_ns)
{
	struct fragment f;
	struct datagram whole;
	struct punt *record;
	bool is_whole = false, trusted = policy_server_at(d->policy, &p->key.source, 0);
	enum reason reason = fragment_read(slice_make(p->data, p->l3_bytes), &f);

	if (!reason) {
		f.key.zone = p->zone;
		reason = reasm_take(d->reasm, &f, trusted, now_ns, &whole, &is_whole);
	}
	count(d, REASON_fragment_flood, reasm_evicted(d->reasm));
	if (reason)
		count(d, reason, 1);
	if (!is_whole)
		return;
	record = (struct punt *)(whole.packet - sizeof(*record));
	*record = *p;
	record->key.source_port = whole.ports[0];
	record->key.destination_port = whole.ports[1];
	record->flags &= ~(uint32_t)PUNT_FRAGMENT;
	record->l3_bytes = (uint16_t)whole.l3_bytes;
	record->payload_offset = (uint16_t)whole.payload_at;
	record->fragment_bytes = (uint16_t)whole.largest;
	judge_whole(d, record, (uint32_t)sizeof(*record) + whole.l3_bytes);
}

void daemon_fragments_expire(struct daemon *d, uint64_t now_ns)
{
	count(d, REASON_fragment_timeout, reasm_expire(d->reasm, now_ns));
}
