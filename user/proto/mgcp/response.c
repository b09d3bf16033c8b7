// SPDX-License-Identifier: MIT
/* Judgement of responses. One bears a number and nothing else: the transaction tells what was asked
 * for, and of whom. A repeat changes nothing. */
#include "proto/mgcp/judge.h"

static void put_transaction(struct mgcp_judge *j, uint16_t status, bool confirmed)
{
	struct transaction_row row = *j->transaction;

	row.status = status;
	row.tag = confirmed;
	batch_expect(j->batch, ROW_transaction, &j->transaction_key, j->transaction->head.version);
	batch_put(j->batch, ROW_transaction, &j->transaction_key, &row);
}

static bool succeeded(const struct mgcp_judge *j)
{
	return j->m->code / 100 == 2;
}

/* RFC 3435 2.4: the endpoint or the connection does not exist there (any more). */
static bool is_gone(const struct mgcp_judge *j)
{
	return j->m->code == 500 || j->m->code == 515;
}

static void judge_connection(struct mgcp_judge *j)
{
	if (j->m->code < 200 && !j->m->connection.length)
		return;
	if (j->m->several_connections)
		mgcp_judge_refuse(j, REASON_mgcp_duplicate_parameter, j->m->connection);
	else if (j->m->code < 200 || succeeded(j))
		connection_establish(j);
	else
		connection_roll_back(j);
}

static const struct owner *holder(const struct mgcp_judge *j)
{
	return mgcp_owner_is_zero(&j->about.endpoint) ? &j->index_owner : &j->about.endpoint;
}

static void judge_deletion(struct mgcp_judge *j)
{
	if (j->m->code >= 200 && (succeeded(j) || is_gone(j)))
		connections_sweep(j->in, j->batch, holder(j), &j->about);
}

/* RFC 3435 2.4.9: the agent may send the gateway to another one. */
static void judge_restart(struct mgcp_judge *j)
{
	if (!j->m->has_notified)
		return;
	j->next_gateway = *j->gateway_row;
	if (mgcp_take_notified(j))
		mgcp_store_gateway(j);
}

/* More rows than those of the transaction; where the gateway's are there, they have come. */
static bool has_all(struct mgcp_judge *j)
{
	struct wants *w = &j->out->wants;
	const struct connection_row *second;
	struct owner endpoint = j->about.endpoint;

	if (j->gateway_row)
		return true;
	j->out->judgement = JUDGEMENT_NEED;
	w->owners[w->count++] = j->transaction_owner;
	w->owners[w->count++] = j->answerer;
	w->owners[w->count++] = j->gateway_owner;
	if (j->transaction->method == MGCP_VERB_rsip)
		return false;
	if (j->m->has_specific)
		endpoint = mgcp_endpoint_owner(j->in, &j->gateway.address, &j->m->specific);
	if (!mgcp_owner_is_zero(&endpoint))
		w->owners[w->count++] = endpoint;
	else if (j->transaction->method == MGCP_VERB_dlcx)
		w->owners[w->count++] = j->index_owner;
	if (!mgcp_owner_is_zero(&j->about.media))
		w->owners[w->count++] = j->about.media;
	second = connection_at(j->in->subjects, &j->transaction_owner, SUB_SECOND);
	if (second && j->m->has_second)
		w->owners[w->count++] = mgcp_endpoint_owner(j->in, &j->gateway.address,
							    &j->m->second);
	else if (second && !mgcp_owner_is_zero(&second->endpoint))
		w->owners[w->count++] = second->endpoint;
	return false;
}

static void carry_out(struct mgcp_judge *j)
{
	enum mgcp_verb verb = (enum mgcp_verb)j->transaction->method;
	bool is_media = (verb == MGCP_VERB_crcx || verb == MGCP_VERB_mdcx) &&
			!mgcp_owner_is_zero(&j->about.media);
	bool is_deletion = verb == MGCP_VERB_dlcx && j->from == FROM_AGENT;

	if (!is_media && !is_deletion && verb != MGCP_VERB_rsip)
		return;
	if (verb == MGCP_VERB_rsip && !j->m->has_notified)
		return;
	if (!has_all(j))
		return;
	if (is_media) {
		j->out->owner = j->about.media;
		judge_connection(j);
	} else if (is_deletion) {
		judge_deletion(j);
	} else {
		judge_restart(j);
	}
}

/* RFC 3435 3.5.6: the asker has the answer; who repeats the command now did not ask. */
static void judge_confirmation(struct mgcp_judge *j)
{
	if (j->transaction->status >= 200 && !j->transaction->tag)
		put_transaction(j, j->transaction->status, true);
}

/* Only from the zone that the command went to. */
static bool zones_fit(const struct mgcp_judge *j)
{
	const uint16_t *zones = j->in->flow->zones, *asked = j->transaction->zones;

	if (j->m->code == 0)
		return zones[0] == asked[0] && zones[1] == asked[1];
	return zones[0] == asked[1] && zones[1] == asked[0];
}

/* What concerns no media may be done twice: such numbers need not be remembered for T-HIST. */
static bool is_harmless(const struct mgcp_judge *j)
{
	enum mgcp_verb verb = (enum mgcp_verb)j->transaction->method;

	return !mgcp_is_of_media(verb) && verb != MGCP_VERB_rsip;
}

void mgcp_judge_response(struct mgcp_judge *j)
{
	const struct connection_row *about;

	if (!j->transaction || !zones_fit(j)) {
		mgcp_anomaly(j, MGCP_ANOMALY_stray_response, j->m->transaction_text);
		return;
	}
	if (j->m->code == 0) {
		judge_confirmation(j);
		return;
	}
	/* Answered once: what comes after is the same, or means nothing to who asked. */
	if (j->transaction->status >= 200 || j->transaction->status == j->m->code)
		return;
	about = connection_at(j->in->subjects, &j->transaction_owner, 0);
	if (about)
		j->about = *about;
	carry_out(j);
	if (j->out->judgement != JUDGEMENT_ACCEPT)
		return;
	put_transaction(j, j->m->code, false);
	health_answered(j);
	/* RFC 3435 3.5.5: the final answer to a long transaction comes when it is done. */
	if (j->m->code < 200)
		mgcp_timer(j, &j->transaction_owner, TIMER_TRANSACTION, MGCP_TRANSACTION_NS);
	else if (is_harmless(j))
		mgcp_timer(j, &j->transaction_owner, TIMER_TRANSACTION, ANSWERED_NS);
}
