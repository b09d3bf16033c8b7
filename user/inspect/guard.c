/* SPDX-License-Identifier: MIT */
/* The guard reads what a judgement would open and asks who named it. It trusts no inspector: a door
 * that nobody with a right to it named is struck where optional, else the message is refused. */
#include "inspect/guard.h"

#include <arpa/inet.h>

static void refuse(struct outcome *o, enum reason reason)
{
	o->judgement = JUDGEMENT_REFUSE;
	o->reason = reason;
	o->batch.change_count = 0;
	o->batch.precondition_count = 0;
	o->edits.count = 0;
	o->sends.count = 0;
}

/* The same receiver, named by the same host, in a row of the same owner. */
static bool door_lives(const struct inspect_in *in, const struct change *c)
{
	const struct door_row *door = c->value;

	for (uint32_t i = 0; i < in->subjects->count; i++) {
		const struct row_view *row = &in->subjects->rows[i];
		const struct door_row *live = row->value;

		if (row->type == ROW_door &&
		    memcmp(&row->key->owner, &c->key.owner, sizeof(c->key.owner)) == 0 &&
		    address_equal(&live->key.destination, &door->key.destination) &&
		    live->key.destination_port == door->key.destination_port &&
		    live->zone_out == door->zone_out &&
		    address_equal(&live->named_by.address, &door->named_by.address))
			return true;
	}
	return false;
}

static bool address_forbidden(const struct inspect_in *in, const struct address *a)
{
	if (address_is_zero(a) || address_is_loopback(a) || address_is_multicast(a) ||
	    policy_nat_is_outside(in->policy, a))
		return true;
	for (uint32_t i = 0; i < in->around->own_count; i++)
		if (address_equal(&in->around->own_addresses[i], a))
			return true;
	return false;
}

static enum reason host_reason(const struct inspect_in *in, const struct change *c)
{
	const struct door_row *door = c->value;
	const struct address *host = &door->key.destination;
	struct endpoint e = { .address = *host, .port = door->key.destination_port };
	uint16_t zone = policy_zone_of(in->policy, host);
	const struct server *server;

	if (zone != ZONE_NONE && zone != door->zone_out)
		return REASON_guard_bad_outcome;
	if (door_lives(in, c))
		return REASON_none;
	if (!in->flow || !address_equal(&door->named_by.address, &in->flow->source.address))
		return REASON_guard_bad_outcome;
	if (address_equal(host, &in->flow->source.address))
		return REASON_none;
	server = policy_server_at(in->policy, &in->flow->source.address, in->flow->speaks);
	if (server && policy_serves(in->policy, server, host, zone))
		return REASON_none;
	if (in->around->named && in->around->named(in->around->state, &e, door->zone_out))
		return REASON_none;
	return REASON_guard_foreign_host;
}

/* Where the sender reaches the door is no low port and no service; a signalling door may lead to one
 * from there. */
static bool port_forbidden(const struct inspect_in *in, const struct door_row *door)
{
	bool may_serve = door->arrives_at.port && door->kind == DOOR_SIGNALLING;
	uint16_t own = ntohs(door->key.destination_port);
	uint16_t reached = door->arrives_at.port ? ntohs(door->arrives_at.port) : own;

	return own < 1024 || reached < 1024 || policy_service_at(in->policy, reached) ||
	       (!may_serve && policy_service_at(in->policy, own));
}

/* Nobody is seen as anything but what the rules say. */
static bool translation_forbidden(const struct inspect_in *in, const struct door_row *door)
{
	return (door->arrives_at.port &&
		!policy_nat_is_outside(in->policy, &door->arrives_at.address)) ||
	       (door->leaves_from.port &&
		!policy_nat_is_outside(in->policy, &door->leaves_from.address));
}

static enum reason door_reason(const struct inspect_in *in, const struct change *c)
{
	const struct door_row *door = c->value;
	const struct timers *t = &in->policy->timers;
	uint64_t longest = t->call_longest_ns;

	if (door->kind == DOOR_SIGNALLING && t->binding_longest_ns > longest)
		longest = t->binding_longest_ns;
	if (address_forbidden(in, &door->key.destination))
		return REASON_guard_forbidden_address;
	if (port_forbidden(in, door))
		return REASON_guard_forbidden_port;
	if (translation_forbidden(in, door))
		return REASON_guard_bad_outcome;
	/* 0 would be a door without a backstop */
	if (door->expires_ns == 0 ||
	    (door->expires_ns > in->now_ns && door->expires_ns - in->now_ns > longest))
		return REASON_guard_limit;
	return host_reason(in, c);
}

static bool edits_fit(const struct edits *e, struct slice raw)
{
	uint64_t from = 0;

	if (e->count > LIMIT_EDITS)
		return false;
	for (uint32_t i = 0; i < e->count; i++) {
		if (e->items[i].at < from)
			return false;
		from = (uint64_t)e->items[i].at + e->items[i].remove;
		if (from > raw.length)
			return false;
	}
	return true;
}

static enum reason shape_reason(const struct inspect_in *in, const struct outcome *o)
{
	if (o->judgement > JUDGEMENT_NEED || o->wants.count > LIMIT_WANTS ||
	    o->sends.count > LIMIT_SENDS || !edits_fit(&o->edits, in->raw))
		return REASON_guard_bad_outcome;
	if (o->judgement == JUDGEMENT_NEED && o->batch.change_count)
		return REASON_guard_bad_outcome;
	if (o->batch.overflow || o->batch.change_count > LIMIT_CHANGES ||
	    o->batch.precondition_count > LIMIT_PRECONDITIONS)
		return REASON_guard_limit;
	return REASON_none;
}

uint32_t guard_outcome(const struct inspect_in *in, struct outcome *outcome)
{
	struct batch *b = &outcome->batch;
	enum reason reason = shape_reason(in, outcome);
	uint32_t kept = 0, struck = 0;

	if (outcome->judgement == JUDGEMENT_REFUSE)
		reason = outcome->reason;
	if (outcome->judgement == JUDGEMENT_REFUSE || reason != REASON_none) {
		refuse(outcome, reason);
		return 0;
	}
	for (uint32_t i = 0; i < b->change_count; i++) {
		struct change *c = &b->changes[i];
		const struct door_row *door = c->value;

		if (c->verb == VERB_PUT && c->type == ROW_door) {
			bool is_ours = policy_nat_is_outside(in->policy,
							     &door->key.destination);

			/* within one zone nothing passes here: no door is needed */
			if (door->zone_out == door->key.zone && !is_ours)
				continue;
			reason = door_reason(in, c);
			if (reason != REASON_none && !c->optional) {
				refuse(outcome, reason);
				return struck;
			}
			if (reason != REASON_none) {
				struck++;
				continue;
			}
		}
		b->changes[kept++] = *c;
	}
	b->change_count = kept;
	return struck;
}

void guard_answer(const struct inspect_in *in, struct outcome *outcome)
{
	const struct flow_info *f = in->flow;
	const struct sends *s = &outcome->sends;

	if (outcome->answer && s->count == 1 && !address_is_multicast(&f->destination.address) &&
	    s->items[0].bytes.length <= in->raw.length &&
	    address_equal(&s->items[0].to.address, &f->source.address) &&
	    !memcmp(&s->items[0].from, &f->destination, sizeof(f->destination)))
		return;
	outcome->answer = 0;
	outcome->sends.count = 0;
}
