// SPDX-License-Identifier: MIT
/* Signalling connections: who may have one, and their messages on the journey. */
#include <netinet/in.h>

#include "cli/control.h"
#include "daemon.h"
#include "io/log.h"

static void count(void *daemon, uint32_t counter)
{
	struct daemon *d = daemon;

	d->projector.count(d->projector.self, counter, 1);
}

static struct flow_key key_of(const struct daemon *d, const struct proxy_ends *e, int from)
{
	return (struct flow_key){
		.source = e->at[from].address, .source_port = e->at[from].port,
		.destination = e->at[!from].address, .destination_port = e->at[!from].port,
		.zone = policy_zone_of(d->policy, &e->at[from].address),
		.protocol = IPPROTO_TCP, .family = e->family,
	};
}

/* Both ways are asked: a server may speak first on a connection that its phone opened. */
static bool is_allowed(const struct policy *p, uint16_t from, uint16_t to, uint8_t speaks)
{
	return from == to || policy_match(p, from, to, speaks) || policy_match(p, to, from, speaks);
}

/* A connection has a port of its own: of those to hide behind none is drawn for it. */
static void see_caller(const struct policy *p, const struct flow_key *key, uint16_t to,
		       struct endpoint *ret)
{
	const struct endpoint caller = { key->source, key->source_port, 0 };
	const struct nat_rule *r = policy_nat_of(p, key->zone, to, &caller);

	if (r && r->kind == NAT_STATIC)
		policy_nat_static(r, &caller, ret);
	else if (r)
		ret->address = *policy_nat_address(r, &caller.address);
}

static void meet(void *daemon, const struct proxy_ends *ends, struct proxy_terms *ret)
{
	struct daemon *d = daemon;
	const struct flow_key key = key_of(d, ends, PROXY_CALLER);
	uint16_t port = ntohs(key.destination_port);
	uint16_t to = policy_zone_of(d->policy, &key.destination);
	const struct door_row *door;

	if (policy_is_carried(d->policy, port, CARRIED_TCP)) {
		ret->speaks = policy_service_at(d->policy, port);
	} else {
		door = daemon_door_of(d, &key);
		ret->speaks = door && door->flags & PERMIT_SIGNALLING ? door->speaks : 0;
		ret->by_door = true;
	}
	if (!ret->speaks || ret->speaks >= protocol_count || !protocols[ret->speaks] ||
	    !protocols[ret->speaks]->streams || daemon_is_own(d, &key.destination))
		ret->reason = REASON_transport_unread;
	else if (key.zone == ZONE_NONE || to == ZONE_NONE)
		ret->reason = REASON_message_no_zone;
	else if (!is_allowed(d->policy, key.zone, to, ret->speaks))
		ret->reason = REASON_message_no_rule;
	else if (!d->is_full)
		ret->reason = REASON_group_lost;
	if (ret->reason)
		return;
	ret->frame = protocols[ret->speaks]->frame;
	see_caller(d->policy, &key, to, &ret->seen_as);
	for (int side = 0; side < 2; side++)
		ret->trusted[side] = policy_server_at(d->policy, &ends->at[side].address,
						      ret->speaks);
}

static int take_message(void *daemon, const struct proxy_message *m)
{
	struct daemon *d = daemon;
	const struct flow_key key = key_of(d, m->ends, m->from);
	const struct arrival a = {
		.flow = {
			.source = m->ends->at[m->from],
			.destination = m->ends->at[!m->from],
			.zones = { key.zone, policy_zone_of(d->policy, &key.destination) },
			.transport = IPPROTO_TCP,
			.speaks = m->terms->speaks,
			.family = m->ends->family,
			.by_door = m->terms->by_door,
		},
		.payload = m->bytes,
		.time_ns = loop_now_ns(),
		.speaks = m->terms->speaks,
		.held = true,
		.ticket = m->ticket,
		.record = m->bytes,
	};

	return journey_arrival(&d->journey, &a, a.time_ns);
}

int daemon_stream_settle(struct daemon *d, const struct arrival *a, struct slice payload)
{
	proxy_settle(d->proxy, a->ticket, payload);
	return 0;
}

int daemon_stream_answer(struct daemon *d, const struct arrival *a, struct slice message)
{
	return proxy_answer(d->proxy, a->ticket, message);
}

static void refused(void *daemon, const struct proxy_ends *ends, int from, enum reason reason)
{
	struct daemon *d = daemon;
	const struct event e = { .time_ns = loop_now_ns(), .key = key_of(d, ends, from),
				 .kind = EVENT_REFUSED, .reason = reason };

	count(d, reason);
	control_event(d->control, &e);
}

static bool only_watched(void *daemon, enum reason reason)
{
	struct daemon *d = daemon;

	return policy_enforces(d->policy, reason) != ENFORCE_ON;
}

static void done(void *daemon)
{
	daemon_messages_done(daemon);
}

int daemon_streams_open(struct daemon *d)
{
	const struct proxy_hands hands = { meet, take_message, refused, only_watched, count, done,
					   d };
	struct kernel_error error = { .text = "" };
	int failed = proxy_open(d->loop, d->kernel, &hands, &d->proxy, &error);

	if (failed)
		log_error("%s", error.text);
	else
		proxy_take_policy(d->proxy, d->policy);
	return failed;
}
