// SPDX-License-Identifier: MIT
/* Doors are derived: what the media rows say should be open is listed, and what differs from the
 * door rows that are there is written. Nobody else opens a media door. */
#include "proto/sip/judge.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define DISCARD_PORT 9               /* "no door" in old holds (RFC 863) */
#define WANTED_MOST 192

struct wanted {
	struct row_key keys[WANTED_MOST];
	struct door_row rows[WANTED_MOST];
	bool optional[WANTED_MOST];  /* RTCP elsewhere (RFC 3605): the guard may strike it */
	uint32_t count;
	bool overflow;
};

static bool port_is_open(__be16 port)
{
	return port && ntohs(port) != DISCARD_PORT;
}

static uint16_t zone_of(const struct judge *j, const struct address *a, enum side side)
{
	uint16_t zone = policy_zone_of(j->in->policy, a);

	return zone == ZONE_NONE ? j->zones[side] : zone;
}

static bool is_media_door(const struct judge *j, const struct row_view *row)
{
	const struct door_row *door = row->value;

	return row->type == ROW_door && door->kind == DOOR_MEDIA &&
	       !memcmp(&row->key->owner, &j->owner, sizeof(j->owner));
}

static bool same_receiver(const struct flow_key *a, const struct flow_key *b)
{
	return a->destination_port == b->destination_port &&
	       address_equal(&a->destination, &b->destination);
}

/* Who named this receiver: the host that did so before, else the sender of this message. */
static struct endpoint namer(const struct judge *j, const struct flow_key *key)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct door_row *door = row->value;

		if (is_media_door(j, row) &&
		    same_receiver(&door->key, key))
			return door->named_by;
	}
	return j->in->flow->source;
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

static struct endpoint receiver(const struct media_side *s, uint32_t pair, uint32_t component)
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

struct passage {
	const struct media_side *to;   /* receiver                                 */
	const struct media_side *from; /* sender, NULL before the answer           */
	enum side side;                /* the receiver's                           */
	uint32_t line, pair, component;
	uint64_t sub;
	bool mux;
};

static struct door_row *want(const struct judge *j, struct wanted *w, const struct passage *p,
			     uint32_t place)
{
	uint32_t part = p->line << 16 | (2 * p->pair + p->component) << 8 | place |
			(p->side == SIDE_CALLEE ? PLACE_SIDE : 0);
	struct endpoint to = receiver(p->to, p->pair, p->component);
	struct door_row *d;

	if (w->count == WANTED_MOST) {
		w->overflow = true;
		return NULL;
	}
	w->keys[w->count] = sip_key(&j->owner, p->sub, part);
	w->optional[w->count] = !address_equal(&to.address, &p->to->address);
	d = &w->rows[w->count++];
	*d = (struct door_row){
		.key = { .destination = to.address, .destination_port = to.port,
			 .zone = j->zones[!p->side], .protocol = IPPROTO_UDP,
			 .family = address_family(&to.address) },
		.payload_types = { p->to->payload_types[0], p->to->payload_types[1] },
		.flags = shape_flags(p->to, p->component, p->mux),
		.packets_per_second = j->in->policy->media_rate,
		.clock_hz = p->to->clock_hz,
		.zone_out = zone_of(j, &to.address, p->side),
		.kind = DOOR_MEDIA,
		.side = p->side,
		.line = p->line,
		.component = p->component,
		.expires_ns = j->in->now_ns + j->in->policy->timers.call_longest_ns,
	};
	d->named_by = namer(j, &d->key);
	return d;
}

/* One direction of one component: from nobody yet, or from a host that is known. */
static void want_passage(const struct judge *j, struct wanted *w, const struct passage *p)
{
	struct endpoint to = receiver(p->to, p->pair, p->component), from;
	struct door_row *d;

	if (!port_is_open(to.port) || address_is_zero(&to.address) || p->to->flags & MEDIA_TCP)
		return;
	if (!p->from) {
		d = want(j, w, p, PLACE_EARLY);
		if (d) {
			d->flags |= PERMIT_EARLY;
			d->expires_ns = j->in->now_ns + j->in->policy->timers.early_media_ns;
		}
		return;
	}
	from = receiver(p->from, p->pair, p->component);
	if (!port_is_open(from.port) || address_is_zero(&from.address))
		return;
	d = want(j, w, p, PLACE_EXACT);
	if (d) {
		d->key.source = from.address;
		d->key.source_port = from.port;
		d->key.zone = zone_of(j, &from.address, (enum side)!p->side);
	}
	d = want(j, w, p, PLACE_HOST);
	if (d) {
		d->key.source = from.address;
		d->key.zone = zone_of(j, &from.address, (enum side)!p->side);
		d->flags |= PERMIT_LOCK;
	}
}

static void want_line(const struct judge *j, struct wanted *w, const struct lines *l, uint32_t line)
{
	const struct media_row *row = &l->rows[line];

	for (int side = 0; side < 2; side++) {
		const struct media_side *mine = &row->current[side], *other = &row->current[!side];
		const struct media_side *offered = &row->proposed[side];
		bool agreed = row->agreed_ns && mine->set && other->set;
		bool mux = agreed && mine->flags & other->flags & MEDIA_MUX;
		struct passage p = { .side = side, .line = line, .sub = l->sub };
		uint32_t pairs = mine->port_count < 8 ? mine->port_count : 8;

		for (p.pair = 0; agreed && p.pair < pairs; p.pair++)
			for (p.component = 0; p.component < 2; p.component++) {
				p.to = mine, p.from = other, p.mux = mux;
				if (p.component == 0 || (mine->flags & MEDIA_RTP && !mux))
					want_passage(j, w, &p);
			}
		pairs = offered->port_count < 8 ? offered->port_count : 8;
		p.to = offered, p.from = NULL, p.mux = offered->flags & MEDIA_MUX;
		for (p.pair = 0; offered->set && p.pair < pairs; p.pair++)
			for (p.component = 0; p.component < 2; p.component++)
				if (p.component == 0 || offered->flags & MEDIA_RTP)
					want_passage(j, w, &p);
	}
}

/* The expiry of an unchanged door stands: else each repeat would move it. */
static bool same_door(const struct door_row *old, struct door_row *now)
{
	struct door_row a = *old;

	if (old->expires_ns > 0)
		now->expires_ns = old->expires_ns;
	a.head = now->head;
	return !memcmp(&a, now, sizeof(a));
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
static void drain(struct judge *j, const struct row_view *row)
{
	const struct door_row *door = row->value;
	struct row_key key = *row->key;
	struct door_row old = *door;

	if (key.part & PLACE_DRAIN || door->flags & PERMIT_EARLY ||
	    j->next_call.state != CALL_CONFIRMED)
		return;
	key.part |= PLACE_DRAIN;
	old.expires_ns = j->in->now_ns + j->in->policy->timers.drain_ns;
	batch_put_optional(j->batch, ROW_door, &key, &old);
	judge_timer(j, key.sub, TIMER_DRAIN, j->in->policy->timers.drain_ns);
}

void doors_derive(struct judge *j, const struct lines *lines)
{
	struct wanted *w = arena_take_raw(j->in->arena, sizeof(*w));

	if (!w) {
		judge_refuse(j, REASON_message_limit, j->m->raw);
		return;
	}
	w->count = 0;
	w->overflow = false;
	for (uint32_t i = 0; i < lines->count; i++)
		want_line(j, w, lines, i);
	if (w->overflow) {
		judge_refuse(j, REASON_message_limit, j->m->body);
		return;
	}
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (!is_media_door(j, row) || row->key->sub != lines->sub ||
		    row->key->part & PLACE_DRAIN || is_wanted(w, row->key))
			continue;
		drain(j, row);
		batch_end(j->batch, ROW_door, row->key);
	}
	for (uint32_t i = 0; i < w->count; i++) {
		const struct row_view *row = subjects_find(j->in->subjects, ROW_door, &w->keys[i]);
		const struct door_row *old = row ? row->value : NULL;

		if (old && same_door(old, &w->rows[i]))
			continue;
		if (old && !same_receiver(&old->key, &w->rows[i].key))
			drain(j, row);
		if (w->optional[i])
			batch_put_optional(j->batch, ROW_door, &w->keys[i], &w->rows[i]);
		else
			batch_put(j->batch, ROW_door, &w->keys[i], &w->rows[i]);
	}
}

void doors_end(struct judge *j, uint64_t sub, uint64_t except)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (is_media_door(j, row) && (sub == SUB_ANY || row->key->sub == sub) &&
		    row->key->sub != except)
			batch_end(j->batch, ROW_door, row->key);
	}
}

void doors_end_places(struct judge *j, uint64_t sub, uint32_t place)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (is_media_door(j, row) && row->key->sub == sub && row->key->part & place)
			batch_end(j->batch, ROW_door, row->key);
	}
}

/* False: the service's own port is open anyway. */
static bool put_signalling(struct judge *j, const struct row_key *key, const struct flow_key *flow,
			   uint64_t expires_ns)
{
	struct door_row d = { .key = *flow, .flags = PERMIT_SIGNALLING, .speaks = SIP_PROTOCOL,
			      .kind = DOOR_SIGNALLING, .expires_ns = expires_ns,
			      .named_by = j->in->flow->source };
	const struct door_row *old = judge_row(j, ROW_door, key);

	if (policy_is_service_port(j->in->policy, ntohs(flow->destination_port)))
		return false;
	if (old && same_receiver(&old->key, flow))
		d.named_by = old->named_by;
	d.zone_out = policy_zone_of(j->in->policy, &flow->destination);
	if (d.zone_out == ZONE_NONE)
		d.zone_out = j->in->flow->zones[0];
	batch_put_optional(j->batch, ROW_door, key, &d);
	return true;
}

/* RFC 3261 18.2.2, RFC 3581: the answer goes back whence the request came, or to the port that its
 * Via names. */
void door_response(struct judge *j, uint64_t expires_ns)
{
	const struct flow_info *f = j->in->flow;
	const struct sip_via *via = &j->m->vias.at[0];
	uint16_t port = via->sent_by.port ? via->sent_by.port : 5060;
	struct row_key key = sip_key(&j->owner, j->transaction_key.sub, PART_RESPONSE);
	struct flow_key flow = { .source = f->destination.address,
				 .destination = f->source.address,
				 .source_port = f->destination.port,
				 .destination_port = f->source.port,
				 .zone = f->zones[1],
				 .protocol = f->transport,
				 .family = f->family };

	put_signalling(j, &key, &flow, expires_ns);
	if (htons(port) == f->source.port)
		return;
	key.part = PART_RESPONSE_VIA;
	flow.source_port = 0;
	flow.destination_port = htons(port);
	put_signalling(j, &key, &flow, expires_ns);
}

struct endpoint contact_endpoint(const struct sip_contact *c)
{
	const struct sip_host *host = &c->party.uri.host;
	struct endpoint e = { 0 };

	if (c->is_star || !host->is_address)
		return e;
	e.address = host->address;
	e.port = htons(host->port ? host->port : 5060);
	return e;
}

/* Requests inside the dialog go to the Contact, from whatever port of the other side. */
bool door_contact(struct judge *j, const struct owner *owner, uint64_t sub, uint64_t expires_ns)
{
	struct row_key key = sip_key(owner, sub, PART_CONTACT + j->sender);
	struct endpoint e;

	if (!j->m->contacts.count)
		return false;
	e = contact_endpoint(&j->m->contacts.at[0]);
	if (!e.port || address_is_zero(&e.address))
		return false;
	return put_signalling(j, &key,
			      &(struct flow_key){ .destination = e.address,
						  .destination_port = e.port,
						  .zone = j->in->flow->zones[1],
						  .protocol = j->in->flow->transport,
						  .family = address_family(&e.address) },
			      expires_ns);
}
