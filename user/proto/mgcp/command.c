// SPDX-License-Identifier: MIT
/* Judgement of commands. What is asked of a gateway is carried out by its answer; what a gateway
 * tells of itself (RSIP, its own DLCX) has happened already. */
#include "proto/mgcp/judge.h"

/* RFC 3435 3.5.1: the same bytes again are answered again, and done once. */
static bool is_repeat(const struct mgcp_judge *j)
{
	return j->transaction->digest == mgcp_hash(j->in, mgcp_own_bytes(j->m));
}

/* The answer goes back whence the command came, where that is no service's port. */
static void open_response(const struct mgcp_judge *j, uint64_t expires_ns)
{
	const struct flow_info *f = j->in->flow;
	const struct doors d = { .in = j->in, .batch = j->batch, .owner = j->transaction_owner,
				 .zones = { j->zones[0], j->zones[1] }, .protocol = MGCP_PROTOCOL };
	struct row_key key = row_key_make(&j->transaction_owner, 0, PART_RESPONSE);
	const struct flow_key flow = { .source = f->destination.address,
				       .destination = f->source.address,
				       .source_port = f->destination.port,
				       .destination_port = f->source.port,
				       .zone = f->zones[1],
				       .protocol = f->transport,
				       .family = f->family };

	doors_signalling(&d, &key, &flow, expires_ns);
}

/* RFC 3435 2.3.5: Z2: makes a second connection, on another endpoint of the gateway. */
static void put_second(const struct mgcp_judge *j)
{
	struct row_key key = row_key_make(&j->transaction_owner, SUB_SECOND, 0);
	struct connection_row c = j->about;

	c.endpoint = (struct owner){ { 0 } };
	if (!j->m->second.is_wild)
		c.endpoint = mgcp_endpoint_owner(j->in, &j->gateway.address, &j->m->second);
	mgcp_name_take(&c, &j->m->second);
	c.media = mgcp_second_owner(j->in, &j->about.media);
	batch_put(j->batch, ROW_connection, &key, &c);
}

static void put_transaction(const struct mgcp_judge *j)
{
	const struct flow_info *f = j->in->flow;
	const struct transaction_row row = {
		.peers = { f->source, f->destination },
		.digest = mgcp_hash(j->in, mgcp_own_bytes(j->m)),
		.ends_ns = j->in->now_ns + MGCP_TRANSACTION_NS,
		.cseq = j->m->transaction,
		.zones = { f->zones[0], f->zones[1] },
		.method = j->m->verb,
		.from_side = j->from,
		.offers = j->m->body_count > 0,
	};

	batch_expect(j->batch, ROW_transaction, &j->transaction_key, 0);
	batch_put(j->batch, ROW_transaction, &j->transaction_key, &row);
	if (mgcp_is_of_media(j->m->verb))
		batch_put(j->batch, ROW_connection, &j->transaction_key, &j->about);
	if (j->m->verb == MGCP_VERB_crcx && j->m->has_second)
		put_second(j);
	mgcp_timer(j, &j->transaction_owner, TIMER_TRANSACTION, MGCP_TRANSACTION_NS);
	open_response(j, row.ends_ns);
}

/* RFC 3435 3.2.2.19: who confirms an answer has it: the same command again is a replay. */
static void confirm_others(const struct mgcp_judge *j)
{
	for (uint32_t i = 0; i < j->m->confirmed_count; i++) {
		struct row_key key = mgcp_confirmed_key(j->m, j->in, i);
		const struct transaction_row *t =
			subjects_value(j->in->subjects, ROW_transaction, &key);
		struct transaction_row next;

		if (!t || t->status < 200 || t->tag || t->cseq == j->m->transaction)
			continue;
		next = *t;
		next.tag = 1;
		batch_expect(j->batch, ROW_transaction, &key, t->head.version);
		batch_put(j->batch, ROW_transaction, &key, &next);
	}
}

static void set_about(struct mgcp_judge *j)
{
	const struct mgcp_message *m = j->m;
	struct connection_row *c = &j->about;

	c->gateway = j->gateway_owner;
	c->index = j->index_owner;
	if (!m->endpoint.is_wild)
		c->endpoint = mgcp_endpoint_owner(j->in, &j->gateway.address, &m->endpoint);
	if (m->call.length)
		c->call = mgcp_hash(j->in, m->call);
	if (m->connection.length)
		c->connection = mgcp_hash(j->in, m->connection);
	c->since_ns = j->in->now_ns;
	c->mode = (uint8_t)m->mode;
	mgcp_name_take(c, &m->endpoint);
}

/* Whose rows hold the connections that the command speaks of. */
static const struct owner *holder(const struct mgcp_judge *j)
{
	return mgcp_owner_is_zero(&j->about.endpoint) ? &j->about.index : &j->about.endpoint;
}

/* The gateway deleted it, whatever its agent says. */
static bool judge_delete(struct mgcp_judge *j)
{
	if (j->from == FROM_GATEWAY)
		connections_sweep(j->in, j->batch, holder(j), &j->about);
	return true;
}

/* RFC 3435 2.4.9: after a restart there are no connections; a forced one ends them. The others say
 * nothing of what runs. */
static bool judge_restart(struct mgcp_judge *j)
{
	if (!mgcp_take_restart(j))
		return false;
	if (j->m->restart == MGCP_RESTART_restart || j->m->restart == MGCP_RESTART_forced)
		connections_sweep(j->in, j->batch, &j->index_owner, &j->about);
	return true;
}

static bool act(struct mgcp_judge *j)
{
	switch (j->m->verb) {
	case MGCP_VERB_crcx:
		j->about.connection = 0; /* the answer's to say */
		return mgcp_is_in_service(j) && connection_open(j);
	case MGCP_VERB_mdcx:
		return connection_modify(j);
	case MGCP_VERB_dlcx:
		return judge_delete(j);
	case MGCP_VERB_rsip:
		return judge_restart(j);
	case MGCP_VERB_ntfy:
		return mgcp_take_notify(j);
	default:
		return true;
	}
}

/* Known already: false; another command with the same number is odd, one that is done too. */
static bool is_new(struct mgcp_judge *j)
{
	if (!j->transaction)
		return true;
	if (!is_repeat(j))
		mgcp_anomaly(j, MGCP_ANOMALY_reused_id, j->m->transaction_text);
	else if (j->transaction->tag)
		mgcp_anomaly(j, MGCP_ANOMALY_replay, j->m->transaction_text);
	return false;
}

void mgcp_judge_command(struct mgcp_judge *j)
{
	if (j->in->policy->protocols[MGCP_PROTOCOL].denied_methods & 1ull << j->m->verb) {
		mgcp_judge_refuse(j, REASON_mgcp_command_denied, j->m->verb_text);
		return;
	}
	if (!mgcp_may_command(j) || !mgcp_in_rate(j) || !is_new(j))
		return;
	set_about(j);
	if (j->from == FROM_AGENT && !mgcp_take_notified(j))
		return;
	if (!act(j))
		return;
	put_transaction(j);
	mgcp_note_request(j);
	confirm_others(j);
	mgcp_store_gateway(j);
}
