// SPDX-License-Identifier: MIT
/* Judgement of requests: outside a dialog by rule, inside by the dialog's rows. */
#include "proto/sip/registered.h"

static bool same_text(const struct judge *j)
{
	return j->transaction && j->transaction->digest == sip_hash(j->in, j->m->raw);
}

/* Methods that make no sense without the call they belong to. */
static bool needs_call(enum sip_method method, bool has_tag)
{
	return method == SIP_METHOD_invite || method == SIP_METHOD_ack ||
	       method == SIP_METHOD_bye || method == SIP_METHOD_prack ||
	       method == SIP_METHOD_update || (method == SIP_METHOD_info && has_tag);
}

static void put_transaction(struct judge *j, uint64_t tag, uint64_t life_ns)
{
	const struct flow_info *f = j->in->flow;
	struct transaction_row row = {
		.peers = { f->source, f->destination },
		.digest = sip_hash(j->in, j->m->raw),
		.tag = tag,
		.ends_ns = j->in->now_ns + life_ns,
		.cseq = j->m->cseq,
		.zones = { f->zones[0], f->zones[1] },
		.method = j->m->method,
		.from_side = j->requester,
		.offers = j->sdp != NULL,
	};

	auth_request(j, &row);
	j->shows_credentials = row.auth == AUTH_SHOWN;
	batch_expect(j->batch, ROW_transaction, &j->transaction_key, 0);
	batch_put(j->batch, ROW_transaction, &j->transaction_key, &row);
	door_response(j, row.ends_ns);
}

uint64_t sip_invite_life(const struct inspect_in *in)
{
	return in->policy->timers.early_media_ns + TRANSACTION_NS;
}

/* May these two have a call by this rule? False: no, or their bindings are to be fetched first. */
static bool judge_parties(struct judge *j, const struct rule *rule)
{
	if (registered_wants_more(j, rule)) {
		j->out->judgement = JUDGEMENT_NEED;
		return false;
	}
	j->out->wants.count = 0;
	if ((rule->registered & 1u << SIDE_CALLER && !caller_is_registered(j)) ||
	    (rule->registered & 1u << SIDE_CALLEE && !callee_is_registered(j))) {
		judge_refuse(j, REASON_sip_not_registered, j->m->start_line);
		return false;
	}
	return true;
}

/* A new call, or a new try in the record of one that failed (after 401, 407, 3xx, 422). */
static void judge_invite(struct judge *j)
{
	const struct policy *p = j->in->policy;
	const struct flow_info *f = j->in->flow;
	const struct rule *rule = policy_match(p, f->zones[0], f->zones[1], SIP_PROTOCOL);

	if (!rule) {
		judge_refuse(j, REASON_message_no_rule, j->m->start_line);
		return;
	}
	if (!judge_parties(j, rule))
		return;
	j->next_call.protocol = SIP_PROTOCOL;
	j->next_call.transport = f->transport;
	j->next_call.rule = (uint16_t)(rule - p->rules);
	j->next_call.parties[SIDE_CALLER] = f->source;
	j->next_call.parties[SIDE_CALLEE] = f->destination;
	j->next_call.zones[SIDE_CALLER] = f->zones[0];
	j->next_call.zones[SIDE_CALLEE] = f->zones[1];
	j->next_call.state = CALL_TRYING;
	j->next_call.ended_ns = 0;
	j->next_call.topology = call_topology(j);
	if (!j->call) {
		j->next_call.started_ns = j->in->now_ns;
		judge_text(j, TEXT_CALL_ID, j->m->call_id);
		judge_text(j, TEXT_CALLER, j->m->from.uri.text);
		judge_text(j, TEXT_CALLEE, j->m->to.uri.text);
		batch_tell(j->batch, TELL_CALL_STARTED, &j->owner);
	}
	j->call_changed = true;
	put_transaction(j, 0, sip_invite_life(j->in));
	door_targets(j, 0, j->in->now_ns + p->timers.call_longest_ns);
	judge_timer_off(j, 0, TIMER_CALL_LINGER);
	judge_timer(j, 0, TIMER_CALL_EARLY, p->timers.early_media_ns);
	/* Who is to show credentials is to be asked for them first. */
	if (j->sdp && (j->shows_credentials || !(rule->authenticated & 1u << DEMAND_CALLS)))
		offer_take(j, SIDE_CALLER, 0);
}

/* No party of the call: neither the peers that set it up, nor a Contact of it, nor a server. */
static bool is_stranger(const struct judge *j)
{
	const struct address *a = &j->in->flow->source.address;

	if (address_equal(a, &j->call->parties[j->sender].address) ||
	    sip_is_server(j->in, a))
		return false;
	return !j->dialog || !address_equal(a, &j->dialog->targets[j->sender].address);
}

/* RFC 3261 15: nothing is negotiated in what has ended. Other requests may still belong to it (the
 * ACK, a crossing BYE, the NOTIFY of a transfer, RFC 3515). */
static bool is_over(const struct judge *j)
{
	return j->call->state == CALL_COMPLETED || j->dialog->state == CALL_COMPLETED;
}

/* The answer to the other side's open offer (RFC 3261 13.2.2.4, RFC 3262 5), or a new offer. */
static void take_body(struct judge *j)
{
	enum offer_state others = j->sender == SIDE_CALLER ? OFFER_CALLEE : OFFER_CALLER;

	if (!j->sdp || is_over(j))
		return;
	if (j->dialog->offer == others &&
	    (j->m->method == SIP_METHOD_ack || j->m->method == SIP_METHOD_prack)) {
		j->next_dialog.offer = OFFER_STABLE;
		j->next_dialog.answer_digest = j->sdp_digest;
		j->dialog_changed = true;
		answer_take(j, j->sender, j->tag, j->tag);
		return;
	}
	/* An ACK repeated after its answer was taken says nothing new. */
	if (j->m->method == SIP_METHOD_ack)
		return;
	offer_open(j);
}

static void judge_in_dialog(struct judge *j)
{
	uint64_t life_ns = j->m->method == SIP_METHOD_invite ? sip_invite_life(j->in) : TRANSACTION_NS;

	if (!j->dialog) {
		judge_refuse(j, REASON_sip_wrong_tag, j->m->to.text);
		return;
	}
	if (is_stranger(j)) {
		judge_refuse(j, REASON_sip_wrong_side, j->m->from.text);
		return;
	}
	if (is_over(j) &&
	    (j->m->method == SIP_METHOD_invite || j->m->method == SIP_METHOD_update)) {
		judge_refuse(j, REASON_sip_unknown_dialog, j->m->call_id);
		return;
	}
	if (j->m->method == SIP_METHOD_ack) {
		take_body(j);
		return;
	}
	/* RFC 3261 12.2.2: 0 says that this side has sent no request yet. */
	if (j->dialog->cseq[j->sender] && j->m->cseq < j->dialog->cseq[j->sender]) {
		judge_refuse(j, REASON_sip_old_cseq, j->m->cseq_method_text);
		return;
	}
	if (j->next_dialog.cseq[j->sender] != j->m->cseq) {
		j->next_dialog.cseq[j->sender] = j->m->cseq;
		j->dialog_changed = true;
	}
	put_transaction(j, j->tag, life_ns);
	judge_timer(j, j->transaction_key.sub, TIMER_TRANSACTION, life_ns);
	if (j->call->state == CALL_COMPLETED)
		return;
	if (j->m->method == SIP_METHOD_bye) {
		j->next_call.state = CALL_ENDING;
		j->call_changed = true;
		judge_timer(j, 0, TIMER_ENDING, TIMEOUT_NS);
		return;
	}
	/* A held call lives on its session's refreshes (RFC 4028). */
	if (j->call->state == CALL_CONFIRMED)
		judge_timer(j, 0, TIMER_CALL_IDLE, j->in->policy->timers.call_idle_ns);
	if (sip_moves_target(j->m->method))
		door_targets(j, j->tag, j->in->now_ns + j->in->policy->timers.call_longest_ns);
	take_body(j);
}

static void judge_alone(struct judge *j)
{
	const struct flow_info *f = j->in->flow;

	if (!policy_match(j->in->policy, f->zones[0], f->zones[1], SIP_PROTOCOL)) {
		judge_refuse(j, REASON_message_no_rule, j->m->start_line);
		return;
	}
	put_transaction(j, 0, TRANSACTION_NS);
	judge_timer(j, j->transaction_key.sub, TIMER_TRANSACTION, TRANSACTION_NS);
	if (j->m->method == SIP_METHOD_register)
		judge_register_request(j);
	else
		judge_subscription(j);
}

/* RFC 3261 9.1, 17.1.1.3: CANCEL and the ACK of a failure bear the branch of their INVITE. */
static bool follows_invite(const struct judge *j)
{
	struct row_key key = sip_transaction_key(j, SIP_METHOD_invite);

	return judge_row(j, ROW_transaction, &key) != NULL;
}

static void judge_cancel(struct judge *j)
{
	if (!follows_invite(j)) {
		judge_refuse(j, REASON_sip_unknown_transaction, j->m->start_line);
		return;
	}
	/* It closes nothing: the INVITE's own final response does. */
	put_transaction(j, 0, TRANSACTION_NS);
	judge_timer(j, j->transaction_key.sub, TIMER_TRANSACTION, TRANSACTION_NS);
}

void judge_request(struct judge *j)
{
	enum sip_method method = j->m->method;
	bool has_tag = j->m->to.tag.length > 0;

	if (j->in->policy->protocols[SIP_PROTOCOL].denied_methods & 1ull << method) {
		judge_refuse(j, REASON_sip_method_denied, j->m->method_text);
		return;
	}
	/* Some write a Request-URI without host, built of a Contact that they lost (RFC 3261 25.1). In
	 * a dialog it leads nobody astray: who is meant is known, and the peer would take it. */
	if (j->m->request_uri.lacks_host && !j->dialog) {
		judge_refuse(j, REASON_sip_bad_start_line, j->m->request_uri.text);
		return;
	}
	if (method != SIP_METHOD_ack && same_text(j))
		return;
	if (j->transaction && method != SIP_METHOD_ack)
		judge_refuse(j, REASON_sip_old_cseq, j->m->cseq_method_text);
	else if (method == SIP_METHOD_cancel)
		judge_cancel(j);
	else if (method == SIP_METHOD_ack && follows_invite(j))
		return;
	else if (j->call && has_tag)
		judge_in_dialog(j);
	else if (method == SIP_METHOD_invite && !has_tag)
		judge_invite(j);
	else if (needs_call(method, has_tag))
		judge_refuse(j, REASON_sip_unknown_dialog, j->m->call_id);
	else
		judge_alone(j);
}
