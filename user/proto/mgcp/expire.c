// SPDX-License-Identifier: MIT
/* Judgements with a clock in place of a message. */
#include "proto/mgcp/judge.h"

static struct doors doors_of(const struct inspect_in *in, struct batch *batch,
			     const struct owner *owner)
{
	return (struct doors){ .in = in, .batch = batch, .owner = *owner,
			       .protocol = MGCP_PROTOCOL };
}

/* A DLCX that nobody answered: the agent wants it gone, so it goes. */
static void end_transaction(const struct inspect_in *in, struct outcome *out,
			    const struct owner *owner)
{
	struct batch *batch = &out->batch;
	struct row_key key = row_key_make(owner, 0, 0);
	const struct transaction_row *t = subjects_value(in->subjects, ROW_transaction, &key);
	const struct connection_row *about = connection_at(in->subjects, owner, 0);
	const struct owner *holder;

	if (t && t->status < 200 && !in->round) {
		out->judgement = JUDGEMENT_NEED;
		out->wants.owners[0] = *owner;
		out->wants.owners[1] = mgcp_health_owner(in, &t->peers[1].address);
		out->wants.count = 2;
		return;
	}
	batch_end_set(batch, ROW_NONE, owner, SUB_ANY);
	if (t && t->status < 200)
		health_ran_out(in, batch, t);
	if (!t || !about || t->method != MGCP_VERB_dlcx || t->from_side != FROM_AGENT ||
	    t->status >= 200)
		return;
	holder = mgcp_owner_is_zero(&about->endpoint) ? &about->index : &about->endpoint;
	connections_sweep_later(in, batch, holder, about);
}

/* A change that nobody answered did not happen; a connection that nobody answered is none. */
static void end_early(const struct inspect_in *in, struct batch *batch, const struct row_key *timer)
{
	const struct connection_row *c = connection_at(in->subjects, &timer->owner, 0);
	const struct doors d = doors_of(in, batch, &timer->owner);

	batch_end(batch, ROW_timer, timer);
	if (!c)
		return;
	if (!connection_is_up(in->subjects, &timer->owner)) {
		connection_end(batch, c);
		return;
	}
	for (uint32_t i = 0; i < LIMIT_SDP_MEDIA; i++) {
		struct row_key key = row_key_make(&timer->owner, 0, i);
		const struct media_row *row = subjects_value(in->subjects, ROW_media, &key);
		struct media_row next;

		if (!row)
			continue;
		next = *row;
		memset(&next.proposed[SIDE_REMOTE], 0, sizeof(next.proposed[SIDE_REMOTE]));
		batch_put(batch, ROW_media, &key, &next);
	}
	doors_end_places(&d, 0, PLACE_EARLY | PLACE_SIDE);
}

/* When something of it was last written; 0: there is nothing. */
static uint64_t last_ns(const struct inspect_in *in, const struct owner *owner)
{
	struct row_key key = row_key_make(owner, 0, 0);
	const struct gateway_row *g = subjects_value(in->subjects, ROW_gateway, &key);
	const struct health_row *h = subjects_value(in->subjects, ROW_health, &key);
	const struct request_row *r = subjects_value(in->subjects, ROW_request, &key);

	if (r)
		return r->asked_ns;
	if (h)
		return h->answered_ns > h->ran_out_ns ? h->answered_ns : h->ran_out_ns;
	return g ? g->heard_ns : 0;
}

static void end_gateway(const struct inspect_in *in, struct batch *batch,
			const struct row_key *timer)
{
	uint64_t last = last_ns(in, &timer->owner);
	struct timer_row next = { .kind = TIMER_GATEWAY, .protocol = MGCP_PROTOCOL };

	if (!last || last + GATEWAY_LIFE_NS <= in->now_ns) {
		batch_end_set(batch, ROW_NONE, &timer->owner, SUB_ANY);
		return;
	}
	next.due_ns = last + GATEWAY_LIFE_NS;
	batch_put(batch, ROW_timer, timer, &next);
}

static void go_on_sweeping(const struct inspect_in *in, struct batch *batch,
			   const struct row_key *timer)
{
	struct row_key key = row_key_make(&timer->owner, timer->sub, PART_SWEEP);
	const struct connection_row *which = subjects_value(in->subjects, ROW_connection, &key);

	batch_end(batch, ROW_timer, timer);
	batch_end(batch, ROW_connection, &key);
	/* What is left over is written anew, behind these ends. */
	if (which)
		connections_sweep(in, batch, &timer->owner, which);
}

void mgcp_timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret)
{
	const struct timer_row *row = timer->value;
	const struct owner *owner = &timer->key->owner;
	struct batch *batch = &ret->batch;
	const struct connection_row *c = connection_at(in->subjects, owner, 0);
	const struct doors d = doors_of(in, batch, owner);

	batch_init(batch, in->arena);
	ret->judgement = JUDGEMENT_ACCEPT;
	ret->owner = *owner;
	switch ((enum timer_kind)row->kind) {
	case TIMER_TRANSACTION:
		end_transaction(in, ret, owner);
		break;
	case TIMER_CALL_EARLY:
		end_early(in, batch, timer->key);
		break;
	case TIMER_GATEWAY:
		end_gateway(in, batch, timer->key);
		break;
	case TIMER_SWEEP:
		go_on_sweeping(in, batch, timer->key);
		break;
	case TIMER_DRAIN:
		batch_end(batch, ROW_timer, timer->key);
		doors_end_places(&d, 0, PLACE_DRAIN);
		break;
	default:
		batch_end(batch, ROW_timer, timer->key);
		if (c)
			connection_end(batch, c);
	}
}
