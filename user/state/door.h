/* SPDX-License-Identifier: MIT */
/* What a door asks of the fast path. A door speaks of both ends as they are; on the wire the sender
 * may know another address of the receiver, and the receiver another one of the sender. */
#ifndef RINGFENCE_DOOR_H
#define RINGFENCE_DOOR_H

#include <string.h>

#include "base/address.h"
#include <ringfence/nat.h>
#include <ringfence/row.h>

/* The key of the door's packets as they arrive: what every look-up in the fast path's tables wants. */
static inline struct flow_key door_flow(const struct door_row *door)
{
	struct flow_key flow = door->key;

	if (!door->arrives_at.port)
		return flow;
	flow.destination = door->arrives_at.address;
	flow.destination_port = door->arrives_at.port;
	flow.family = address_is_ipv4(&flow.destination) ? FAMILY_IPV4 : FAMILY_IPV6;
	return flow;
}

/* How they leave; zero where nothing changes. Signalling is translated by the daemon. */
static inline struct translation door_translation(const struct door_row *door)
{
	struct translation t;

	memset(&t, 0, sizeof(t));
	if (door->flags & PERMIT_SIGNALLING)
		return t;
	if (door->leaves_from.port) {
		t.source = door->leaves_from.address;
		t.source_port = door->leaves_from.port;
	}
	if (door->arrives_at.port) {
		t.destination = door->key.destination;
		t.destination_port = door->key.destination_port;
	}
	return t;
}

static inline bool translation_is_none(const struct translation *t)
{
	return !t->source_port && !t->destination_port;
}

#endif
