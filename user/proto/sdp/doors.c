// SPDX-License-Identifier: MIT
/* Doors are derived: what the media rows say should be open is listed, and what differs from the
 * door rows that are there is written. Nobody else opens a media door. */
#include "proto/sdp/wanted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>

#define PAIRS_MOST 8                 /* of "port/n" (RFC 8866 5.14) */

static bool port_is_open(__be16 port)
{
	return port && ntohs(port) != DISCARD_PORT;
}

static uint16_t zone_of(const struct doors *d, const struct address *a, enum side side)
{
	uint16_t zone = policy_zone_of(d->in->policy, a);

	return zone == ZONE_NONE ? d->zones[side] : zone;
}

bool is_media_door(const struct doors *d, const struct row_view *row)
{
	const struct door_row *door = row->value;

	return row->type == ROW_door && door->kind == DOOR_MEDIA &&
	       !memcmp(&row->key->owner, &d->owner, sizeof(d->owner));
}

static bool same_receiver(const struct flow_key *a, const struct flow_key *b)
{
	return a->destination_port == b->destination_port &&
	       address_equal(&a->destination, &b->destination);
}

/* Who named this receiver: the host that did so before, else the sender of this message. */
static struct endpoint namer(const struct doors *d, const struct flow_key *key)
{
	for (uint32_t i = 0; i < d->in->subjects->count; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];
		const struct door_row *door = row->value;

		if (is_media_door(d, row) &&
		    same_receiver(&door->key, key))
			return door->named_by;
	}
	return d->in->flow->source;
}

static uint32_t shape_flags(const struct media_side *s, uint32_t component, bool mux)
{
	uint32_t flags = PERMIT_STUN;

	if (!(s->flags & MEDIA_RTP))
		return PERMIT_ANY;
	if (s->flags & MEDIA_DTLS)
		flags |= PERMIT_DTLS;
	if (component == 0)
		return flags | PERMIT_RTP | (mux ? PERMIT_RTCP : 0);
	return flags | PERMIT_RTCP;
}

struct endpoint media_receiver(const struct media_side *s, uint32_t pair, uint32_t component)
{
	struct endpoint e = { .address = s->address };

	if (component && s->rtcp_port) {
		e.address = s->rtcp_address;
		e.port = htons((uint16_t)(ntohs(s->rtcp_port) + 2 * pair));
	} else if (s->port) {
		e.port = htons((uint16_t)(ntohs(s->port) + 2 * pair + component));
	}
	return e;
}

struct door_row *want_door(const struct doors *d, struct wanted *w, const struct passage *p,
			   const struct endpoint *to, uint32_t part)
{
	struct door_row *door;

	if (w->count == WANTED_MOST) {
		w->overflow = true;
		return NULL;
	}
	w->keys[w->count] = row_key_make(&d->owner, p->sub, part);
	w->optional[w->count] = !address_equal(&to->address, &p->to->address);
	door = &w->rows[w->count++];
	*door = (struct door_row){
		.key = { .destination = to->address, .destination_port = to->port,
			 .zone = d->zones[!p->side], .protocol = IPPROTO_UDP,
			 .family = address_family(&to->address) },
		.payload_types = { p->to->payload_types[0], p->to->payload_types[1] },
		.flags = shape_flags(p->to, p->component, p->mux),
		.packets_per_second = d->in->policy->media_rate,
		.clock_hz = p->to->clock_hz,
		.zone_out = zone_of(d, &to->address, p->side),
		.kind = DOOR_MEDIA,
		.side = p->side,
		.line = p->line,
		.component = p->component,
		.expires_ns = d->in->now_ns + d->in->policy->timers.call_longest_ns,
	};
	if (p->muted)
		door->flags &= ~(uint32_t)PERMIT_RTP;
	door->named_by = namer(d, &door->key);
	return door;
}

static struct door_row *want(const struct doors *d, struct wanted *w, const struct passage *p,
			     uint32_t place)
{
	struct endpoint to = media_receiver(p->to, p->pair, p->component);

	return want_door(d, w, p, &to,
			 p->line << 16 | (2 * p->pair + p->component) << 8 | place |
				 (p->side == SIDE_CALLEE ? PLACE_SIDE : 0));
}

void want_sender(const struct doors *d, struct door_row *door, enum side to,
		 const struct address *host)
{
	door->key.source = *host;
	door->key.zone = zone_of(d, host, (enum side)!to);
}

static void want_early(const struct doors *d, struct wanted *w, const struct passage *p)
{
	struct door_row *door = want(d, w, p, PLACE_EARLY);
	struct endpoint from;

	if (!door)
		return;
	door->flags |= PERMIT_EARLY | (p->probes ? PERMIT_ANY : 0);
	door->expires_ns = d->in->now_ns + d->in->policy->timers.early_media_ns;
	if (!p->from)
		return;
	from = media_receiver(p->from, p->pair, p->component);
	if (!address_is_zero(&from.address))
		want_sender(d, door, p->side, &from.address);
}

/* One direction of one component: from nobody yet, or from a host that is known. */
static void want_passage(const struct doors *d, struct wanted *w, const struct passage *p)
{
	struct endpoint to = media_receiver(p->to, p->pair, p->component), from;
	struct door_row *door;

	if (!port_is_open(to.port) || address_is_zero(&to.address) || p->to->flags & MEDIA_TCP)
		return;
	if (p->muted && p->component == 0 && !p->mux)
		return;
	if (p->early) {
		want_early(d, w, p);
		return;
	}
	from = media_receiver(p->from, p->pair, p->component);
	if (!port_is_open(from.port) || address_is_zero(&from.address))
		return;
	door = want(d, w, p, PLACE_EXACT);
	if (door) {
		want_sender(d, door, p->side, &from.address);
		door->key.source_port = from.port;
	}
	door = want(d, w, p, PLACE_HOST);
	if (door) {
		want_sender(d, door, p->side, &from.address);
		door->flags |= PERMIT_LOCK;
	}
}

static void want_components(const struct doors *d, struct wanted *w, struct passage *p)
{
	uint32_t pairs = p->to->port_count < PAIRS_MOST ? p->to->port_count : PAIRS_MOST;
	bool own_rtcp = p->to->flags & MEDIA_RTP && (p->early || !p->mux);

	for (p->pair = 0; p->pair < pairs; p->pair++)
		for (p->component = 0; p->component < 2; p->component++)
			if (p->component == 0 || own_rtcp)
				want_passage(d, w, p);
}

static void want_line(const struct doors *d, struct wanted *w, const struct lines *l, uint32_t line)
{
	const struct media_row *row = &l->rows[line];

	for (int side = 0; side < 2; side++) {
		const struct media_side *mine = &row->current[side], *other = &row->current[!side];
		const struct media_side *offered = &row->proposed[side];
		struct passage p = { .side = side, .line = line, .sub = l->sub,
				     .muted = l->muted[side] };

		if (row->agreed_ns && mine->set && other->set) {
			p.to = mine, p.from = other;
			p.mux = mine->flags & other->flags & MEDIA_MUX;
			want_components(d, w, &p);
		}
		if (offered->set) {
			p.to = offered, p.from = l->steady && other->set ? other : NULL;
			p.mux = offered->flags & MEDIA_MUX;
			p.early = true, p.probes = l->probes[side];
			want_components(d, w, &p);
		}
	}
}

/* The expiry of an unchanged door stands: else each repeat would move it. */
static bool same_door(const struct door_row *old, struct door_row *now)
{
	struct door_row a = *old;

	if (old->expires_ns > 0)
		now->expires_ns = old->expires_ns;
	a.head = now->head;
	/* Translation follows from the rest, and is not said yet. */
	return !memcmp(&a, now, offsetof(struct door_row, arrives_at));
}

static bool is_wanted(const struct wanted *w, const struct row_key *key)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (!memcmp(&w->keys[i], key, sizeof(*key)))
			return true;
	return false;
}

/* A moved stream's peer goes on to the old port for a while: its door stays, apart, and closes by
 * a timer. Early doors are not kept: their answer has come. */
static void drain(const struct doors *d, const struct row_view *row)
{
	const struct door_row *door = row->value;
	struct row_key key = *row->key, timer_key = row_key_make(&d->owner, key.sub, TIMER_DRAIN);
	struct timer_row timer = { .due_ns = d->in->now_ns + d->in->policy->timers.drain_ns,
				   .kind = TIMER_DRAIN, .protocol = d->protocol };
	struct door_row old = *door;

	if (key.part & PLACE_DRAIN || door->flags & PERMIT_EARLY || !d->drains ||
	    (key.part >> 8 & 0xff) >= COMPONENT_ICE)
		return;
	key.part |= PLACE_DRAIN;
	old.expires_ns = timer.due_ns;
	batch_put_optional(d->batch, ROW_door, &key, &old);
	batch_put(d->batch, ROW_timer, &timer_key, &timer);
}

static void end_unwanted(const struct doors *d, const struct wanted *w, uint64_t sub)
{
	for (uint32_t i = 0; i < d->in->subjects->count; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];

		if (!is_media_door(d, row) || row->key->sub != sub ||
		    row->key->part & PLACE_DRAIN || is_wanted(w, row->key))
			continue;
		drain(d, row);
		batch_end(d->batch, ROW_door, row->key);
	}
}

enum reason doors_derive(const struct doors *d, const struct lines *lines)
{
	struct wanted *w = arena_take_raw(d->in->arena, sizeof(*w));

	if (!w)
		return REASON_message_limit;
	w->count = 0;
	w->overflow = false;
	for (uint32_t i = 0; i < lines->count; i++)
		want_line(d, w, lines, i);
	if (w->overflow)
		return REASON_message_limit;
	doors_want_ice(d, w, lines);
	end_unwanted(d, w, lines->sub);
	for (uint32_t i = 0; i < w->count; i++) {
		const struct row_view *row = subjects_find(d->in->subjects, ROW_door, &w->keys[i]);
		const struct door_row *old = row ? row->value : NULL;

		if (old && same_door(old, &w->rows[i]))
			continue;
		if (old && !same_receiver(&old->key, &w->rows[i].key))
			drain(d, row);
		if (w->optional[i])
			batch_put_optional(d->batch, ROW_door, &w->keys[i], &w->rows[i]);
		else
			batch_put(d->batch, ROW_door, &w->keys[i], &w->rows[i]);
	}
	return REASON_none;
}

/* Has an earlier row of the walk the same sub? */
static bool is_seen(const struct doors *d, uint32_t before, uint64_t sub)
{
	for (uint32_t i = 0; i < before; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];

		if (is_media_door(d, row) && row->key->sub == sub)
			return true;
	}
	return false;
}

void doors_end(const struct doors *d, uint64_t sub, uint64_t except)
{
	for (uint32_t i = 0; i < d->in->subjects->count; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];

		if (is_media_door(d, row) && (sub == SUB_ANY || row->key->sub == sub) &&
		    row->key->sub != except && !is_seen(d, i, row->key->sub))
			batch_end_media_doors(d->batch, &d->owner, row->key->sub);
	}
}

void doors_end_places(const struct doors *d, uint64_t sub, uint32_t place)
{
	for (uint32_t i = 0; i < d->in->subjects->count; i++) {
		const struct row_view *row = &d->in->subjects->rows[i];

		if (is_media_door(d, row) && row->key->sub == sub &&
		    (row->key->part & place) == place)
			batch_end(d->batch, ROW_door, row->key);
	}
}

/* The service's port lets everything in, but where the receiver is seen at another one. */
static bool is_served(const struct doors *d, const struct flow_key *flow)
{
	const struct policy *p = d->in->policy;
	const struct endpoint receiver = { flow->destination, flow->destination_port, 0 };
	const struct nat_rule *r = policy_nat_of(p, policy_zone_of(p, &flow->destination),
						 flow->zone, &receiver);
	struct endpoint outside = receiver;

	if (r && r->kind == NAT_HIDE)
		return false;
	if (r)
		policy_nat_static(r, &receiver, &outside);
	return policy_service_at(p, ntohs(outside.port));
}

bool doors_signalling(const struct doors *d, const struct row_key *key,
		      const struct flow_key *flow, uint64_t expires_ns)
{
	struct door_row door = { .key = *flow, .flags = PERMIT_SIGNALLING, .speaks = d->protocol,
				 .kind = DOOR_SIGNALLING, .expires_ns = expires_ns,
				 .named_by = d->in->flow->source };
	const struct door_row *old = subjects_value(d->in->subjects, ROW_door, key);

	if (is_served(d, flow))
		return false;
	if (old && same_receiver(&old->key, flow))
		door.named_by = old->named_by;
	door.zone_out = policy_zone_of(d->in->policy, &flow->destination);
	if (door.zone_out == ZONE_NONE)
		door.zone_out = d->in->flow->zones[0];
	batch_put_optional(d->batch, ROW_door, key, &door);
	return true;
}
