// SPDX-License-Identifier: MIT
/* Which endpoint stands for which, and the edits that follow. A mapping begins with a door that needs
 * one, so that nothing is named outside that nobody would let in. */
#include "inspect/translate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

/* What one message begins: its doors agree before any of them is a row. */
struct outward {
	const struct inspect_in *in;
	struct outcome *o;
	struct nat_mapping begun[LIMIT_NAT_NEW];
	uint32_t begun_count;
	enum reason reason;
};

void mentions_add(struct mentions *ret, const struct mention *m)
{
	if (address_is_zero(&m->endpoint.address))
		return;
	if (ret->count == LIMIT_MENTIONS)
		ret->overflow = true;
	else
		ret->items[ret->count++] = *m;
}

void translate_flow(const struct inspect_in *in, struct flow_info *flow)
{
	const struct nat_view *nat = &in->around->nat;
	struct endpoint inside;

	if (!policy_nat_is_outside(in->policy, &flow->destination.address))
		return;
	if (!policy_nat_inside(in->policy, &flow->destination, &inside) &&
	    !nat->inside(nat->state, &flow->destination, &inside))
		return;
	flow->destination = inside;
	flow->zones[1] = policy_zone_of(in->policy, &inside.address);
	flow->family = address_family(&inside.address);
}

/* The same place may be named twice (a session's address serves all its lines): then both must want
 * the same there. */
static enum reason put_edit(const struct inspect_in *in, struct edits *e, struct slice place,
			    struct slice text)
{
	uint32_t at = slice_offset(in->raw, place), length = (uint32_t)place.length;

	for (uint32_t i = 0; i < e->count; i++)
		if (e->items[i].at == at && e->items[i].remove == length)
			return slice_equal(e->items[i].insert, text) ? REASON_none :
								       REASON_nat_contradiction;
	if (edits_add(e, at, length, text) == -E2BIG)
		return REASON_message_limit;
	return REASON_none;
}

static struct slice arena_text(const struct inspect_in *in, const struct text *t)
{
	char *copy = arena_take_raw(in->arena, t->length);

	if (!copy)
		return slice_make(NULL, 0);
	memcpy(copy, t->bytes, t->length);
	return slice_make(copy, t->length);
}

static struct slice host_text(const struct inspect_in *in, const struct mention *m,
			      const struct endpoint *to)
{
	bool brackets = m->is_bracketed ||
			(!m->is_bare && address_family(&to->address) == FAMILY_IPV6);
	char buffer[64];
	struct text t = text_make(buffer, sizeof(buffer));

	if (brackets)
		text_char(&t, '[');
	text_address(&t, &to->address);
	if (brackets)
		text_char(&t, ']');
	if (!m->port.length && m->endpoint.port && !m->is_fixed && to->port != m->endpoint.port) {
		text_char(&t, ':');
		text_number(&t, ntohs(to->port));
	}
	return arena_text(in, &t);
}

static enum reason rewrite(const struct inspect_in *in, struct edits *e, const struct mention *m,
			   const struct endpoint *to)
{
	enum reason reason = REASON_none;
	enum family family = address_family(&to->address);
	char buffer[16];
	struct text t = text_make(buffer, sizeof(buffer));

	if (m->host.length)
		reason = put_edit(in, e, m->host, host_text(in, m, to));
	if (!reason && m->type.length && family != address_family(&m->endpoint.address))
		reason = put_edit(in, e, m->type,
				  family == FAMILY_IPV6 ? SLICE("IP6") : SLICE("IP4"));
	if (reason || !m->port.length || m->endpoint.port == to->port)
		return reason;
	text_number(&t, ntohs(to->port));
	return put_edit(in, e, m->port, arena_text(in, &t));
}

/* RFC 3261 20.14 and its like: what the edits of the body add. */
static enum reason rewrite_length(const struct inspect_in *in, struct edits *e,
				  const struct mentions *m)
{
	uint32_t from = slice_offset(in->raw, m->body);
	int64_t more = 0;
	char buffer[24];
	struct text t = text_make(buffer, sizeof(buffer));

	for (uint32_t i = 0; i < e->count; i++)
		if (m->body.length && e->items[i].at >= from)
			more += (int64_t)e->items[i].insert.length - e->items[i].remove;
	if (!more || !m->length.length)
		return REASON_none;
	text_number(&t, (uint64_t)((int64_t)m->body.length + more));
	return put_edit(in, e, m->length, arena_text(in, &t));
}

/* An address alone says who somebody is: of those behind it, the one that the message is about. */
static bool party_behind(const struct inspect_in *in, const struct address *outside,
			 struct endpoint *ret)
{
	const struct flow_info *f = in->flow;
	const struct address *parties[2] = { &f->destination.address, &f->source.address };
	struct address seen;

	for (int i = 0; i < 2; i++) {
		if (!policy_nat_host(in->policy, f->zones[!i], f->zones[i], parties[i], &seen) ||
		    !address_equal(&seen, outside))
			continue;
		*ret = (struct endpoint){ .address = *parties[i] };
		return true;
	}
	return false;
}

static bool inside_of(const struct inspect_in *in, const struct endpoint *outside,
		      struct endpoint *ret)
{
	const struct nat_view *nat = &in->around->nat;

	return policy_nat_is_outside(in->policy, &outside->address) &&
	       (policy_nat_inside(in->policy, outside, ret) ||
		(outside->port && nat->inside(nat->state, outside, ret)));
}

/* Who is behind an address that a description names alone: whose port it names beside it. */
static bool described_behind(const struct inspect_in *in, const struct mentions *m,
			     const struct address *outside, struct endpoint *ret)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct mention *other = &m->items[i];

		if (!other->is_bare || !other->endpoint.port ||
		    !address_equal(&other->endpoint.address, outside) ||
		    !inside_of(in, &other->endpoint, ret))
			continue;
		ret->port = 0;
		return true;
	}
	return false;
}

static bool mention_inside(const struct inspect_in *in, const struct mentions *all,
			   const struct mention *m, struct endpoint *ret)
{
	const struct address *outside = &m->endpoint.address;

	if (inside_of(in, &m->endpoint, ret))
		return true;
	if (m->endpoint.port || !policy_nat_is_outside(in->policy, outside))
		return false;
	return m->is_bare ? described_behind(in, all, outside, ret) :
			    party_behind(in, outside, ret);
}

enum reason translate_inward(const struct inspect_in *in, const struct mentions *m,
			     struct edits *ret)
{
	enum reason reason = m->overflow ? REASON_message_limit : REASON_none;
	struct endpoint inside;

	for (uint32_t i = 0; i < m->count && !reason; i++)
		if (mention_inside(in, m, &m->items[i], &inside))
			reason = rewrite(in, ret, &m->items[i], &inside);
	return reason ?: rewrite_length(in, ret, m);
}

static bool has_begun(const struct outward *t, const struct endpoint *inside, uint16_t seen_from,
		      struct endpoint *ret)
{
	for (uint32_t i = 0; i < t->begun_count; i++) {
		const struct nat_mapping *b = &t->begun[i];

		if (b->seen_from != seen_from || memcmp(&b->inside, inside, sizeof(*inside)))
			continue;
		*ret = b->outside;
		return true;
	}
	return false;
}

/* As a zone sees it by what is mapped already. */
static bool seen_as(const struct outward *t, const struct nat_rule *r,
		    const struct endpoint *inside, struct endpoint *ret)
{
	const struct nat_view *nat = &t->in->around->nat;

	if (r->kind == NAT_STATIC) {
		policy_nat_static(r, inside, ret);
		return true;
	}
	return nat->outside(nat->state, inside, r->seen_from, ret) ||
	       has_begun(t, inside, r->seen_from, ret);
}

static bool is_free(const struct outward *t, const struct endpoint *e,
		    const struct endpoint *inside)
{
	const struct nat_view *nat = &t->in->around->nat;

	for (uint32_t i = 0; i < t->begun_count; i++)
		if (!memcmp(&t->begun[i].outside, e, sizeof(*e)))
			return false;
	return nat->is_free(nat->state, e, inside);
}

static struct endpoint endpoint_beside(const struct endpoint *e, int step)
{
	return (struct endpoint){ e->address, htons((uint16_t)(ntohs(e->port) + step)), 0 };
}

/* RTCP's port stays behind that of its RTP (RFC 3550 11), whichever is mapped already. */
static bool draw_beside(const struct outward *t, const struct nat_rule *r,
			const struct endpoint *inside, struct endpoint *ret)
{
	for (int step = -1; step <= 1; step += 2) {
		const struct endpoint neighbour = endpoint_beside(inside, step);

		if (!seen_as(t, r, &neighbour, ret))
			continue;
		*ret = endpoint_beside(ret, -step);
		if (ntohs(ret->port) >= r->port_low && ntohs(ret->port) <= r->port_high &&
		    is_free(t, ret, inside))
			return true;
	}
	return false;
}

/* Pairs of an even and an odd port, in random order (RFC 6056 3.3); both free, so that a neighbour
 * finds its place. */
static bool draw_pair(const struct outward *t, const struct nat_rule *r,
		      const struct endpoint *inside, struct endpoint *ret)
{
	const struct surroundings *around = t->in->around;
	uint32_t slices = around->slices ?: 1, low = (r->port_low + 1u) & ~1u;
	uint32_t pairs = r->port_high > low ? (r->port_high - low + 1u) / 2 / slices : 0;
	uint64_t at = t->in->random * (2 * t->begun_count + 1);

	*ret = (struct endpoint){ .address = *policy_nat_address(r, &inside->address) };
	for (uint32_t i = 0; i < LIMIT_NAT_PROBES && i < pairs; i++) {
		uint32_t pair = (uint32_t)((at + i) % pairs) * slices + around->slice % slices;
		struct endpoint other = *ret;

		ret->port = htons((uint16_t)(low + 2 * pair + (ntohs(inside->port) & 1)));
		other.port = ret->port ^ htons(1);
		if (is_free(t, ret, inside) && is_free(t, &other, inside))
			return true;
	}
	return false;
}

/* As a zone is to see it from now on. */
static bool map_to(struct outward *t, const struct nat_rule *r, const struct endpoint *inside,
		   struct endpoint *ret)
{
	if (seen_as(t, r, inside, ret))
		return true;
	if (t->begun_count == LIMIT_NAT_NEW ||
	    (!draw_beside(t, r, inside, ret) && !draw_pair(t, r, inside, ret))) {
		t->reason = REASON_nat_exhausted;
		return false;
	}
	t->begun[t->begun_count++] = (struct nat_mapping){ .inside = *inside, .outside = *ret,
							   .seen_from = r->seen_from };
	return true;
}

/* The same stream's door whose sender is named with its port. */
static bool is_sibling(const struct row_key *a, const struct door_row *x, const struct row_key *b,
		       const struct door_row *y)
{
	return !memcmp(&a->owner, &b->owner, sizeof(a->owner)) && a->sub == b->sub &&
	       x->side == y->side && x->line == y->line && x->component == y->component &&
	       x->kind == y->kind && y->key.source_port &&
	       address_equal(&x->key.source, &y->key.source);
}

/* Who is meant to send: what is seen of him does not hang on the port that he will take. */
static bool find_sender(const struct outward *t, const struct change *c, struct endpoint *ret)
{
	const struct subjects *s = t->in->subjects;
	const struct door_row *door = c->value, *found = door->key.source_port ? door : NULL;

	for (uint32_t i = 0; i < t->o->batch.change_count && !found; i++) {
		const struct change *other = &t->o->batch.changes[i];

		if (other->verb == VERB_PUT && other->type == ROW_door &&
		    is_sibling(&c->key, door, &other->key, other->value))
			found = other->value;
	}
	for (uint32_t i = 0; i < s->count && !found; i++)
		if (s->rows[i].type == ROW_door &&
		    is_sibling(&c->key, door, s->rows[i].key, s->rows[i].value))
			found = s->rows[i].value;
	if (found)
		*ret = (struct endpoint){ found->key.source, found->key.source_port, 0 };
	return found != NULL;
}

static bool hides_any(const struct policy *p, uint16_t zone, uint16_t seen_from)
{
	for (uint32_t i = 0; i < p->nat_count; i++)
		if (p->nat[i].zone == zone && p->nat[i].seen_from == seen_from &&
		    p->nat[i].kind != NAT_NONE)
			return true;
	return false;
}

/* False: the door stays closed, for its sender would be seen as he is. That its receiver was named is
 * remembered all the same. */
static bool map_sender(struct outward *t, const struct change *c, struct door_row *door)
{
	const struct policy *p = t->in->policy;
	const struct nat_rule *r;
	struct endpoint sender;

	if (door->kind == DOOR_SIGNALLING || !hides_any(p, door->key.zone, door->zone_out))
		return true;
	if (!find_sender(t, c, &sender))
		return false;
	r = policy_nat_of(p, door->key.zone, door->zone_out, &sender);
	return !r || map_to(t, r, &sender, &door->leaves_from);
}

static bool map_receiver(struct outward *t, struct door_row *door)
{
	const struct endpoint receiver = { door->key.destination, door->key.destination_port, 0 };
	const struct nat_rule *r = policy_nat_of(t->in->policy, door->zone_out, door->key.zone,
						 &receiver);

	return !r || map_to(t, r, &receiver, &door->arrives_at);
}

static void map_doors(struct outward *t)
{
	struct batch *b = &t->o->batch;
	struct door_row *door;

	for (uint32_t i = 0; i < b->change_count && !t->reason; i++) {
		struct change *c = &b->changes[i];

		if (c->verb != VERB_PUT || c->type != ROW_door)
			continue;
		door = arena_take_raw(t->in->arena, sizeof(*door));
		if (!door) {
			t->reason = REASON_message_limit;
			return;
		}
		memcpy(door, c->value, sizeof(*door));
		door->arrives_at = door->leaves_from = (struct endpoint){ .port = 0 };
		if (!map_receiver(t, door) || !map_sender(t, c, door))
			door->flags |= PERMIT_CLOSED;
		c->value = door;
	}
}

static enum reason rewrite_outward(const struct outward *t, const struct mention *m)
{
	const struct policy *p = t->in->policy;
	uint16_t zone = policy_zone_of(p, &m->endpoint.address), seen_from = t->in->flow->zones[1];
	const struct nat_rule *r = policy_nat_of(p, zone, seen_from, &m->endpoint);
	struct endpoint outside = { .port = 0 };

	if (!r)
		return REASON_none;
	if (!m->endpoint.port)
		policy_nat_host(p, zone, seen_from, &m->endpoint.address, &outside.address);
	else if (!seen_as(t, r, &m->endpoint, &outside))
		return REASON_none;
	return rewrite(t->in, &t->o->edits, m, &outside);
}

/* The sender as the receiver's zone sees him; who has no mapping would be seen as he is. */
static enum reason leave_from(const struct outward *t, struct flow_info *leaves)
{
	const struct nat_rule *r = policy_nat_of(t->in->policy, leaves->zones[0], leaves->zones[1],
						 &leaves->source);

	/* Its connection was made from where it is seen. */
	if (!r || leaves->transport == IPPROTO_TCP ||
	    seen_as(t, r, &leaves->source, &leaves->source))
		return REASON_none;
	return REASON_nat_unmapped;
}

enum reason translate_outward(const struct inspect_in *in, const struct mentions *m,
			      struct outcome *o, struct flow_info *ret_leaves)
{
	struct outward *t = arena_take(in->arena, sizeof(*t));
	enum reason reason;

	*ret_leaves = *in->flow;
	if (!t || m->overflow)
		return REASON_message_limit;
	t->in = in;
	t->o = o;
	map_doors(t);
	reason = t->reason;
	/* First what has a port of its own: an address alone follows where they share a place. */
	for (uint32_t i = 0; i < 2 * m->count && !reason; i++) {
		const struct mention *one = &m->items[i % m->count];

		if ((i < m->count) == (one->endpoint.port != 0))
			reason = rewrite_outward(t, one);
	}
	reason = reason ?: rewrite_length(in, &o->edits, m);
	return reason ?: leave_from(t, ret_leaves);
}
