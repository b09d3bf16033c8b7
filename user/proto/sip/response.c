// SPDX-License-Identifier: MIT
/* Judgement of responses: each answers a transaction that is known, and changes what that one
 * began. A repeat changes nothing. */
#include "proto/sip/judge.h"

static bool is_challenge(uint16_t status)
{
	return status == 401 || status == 407;
}

static void end_doors(struct judge *j, uint64_t sub, uint64_t except)
{
	struct doors d = judge_doors(j);

	doors_end(&d, sub, except);
}

static void put_status(struct judge *j)
{
	struct transaction_row row = *j->transaction;

	row.status = j->m->status;
	auth_response(j, &row);
	batch_put(j->batch, ROW_transaction, &j->transaction_key, &row);
}

/* A far tag that is new makes a dialog of its own (RFC 3261 12.1, 13.2.2.4). */
static bool open_dialog(struct judge *j)
{
	const struct transaction_row *t = j->transaction;

	if (!j->tag || !j->call)
		return false;
	if (j->dialog)
		return true;
	if (j->call->dialogs >= LIMIT_DIALOGS_PER_CALL) {
		judge_refuse(j, REASON_message_limit, j->m->to.tag);
		return false;
	}
	j->next_dialog = (struct dialog_row){ .state = CALL_EARLY };
	j->next_dialog.cseq[SIDE_CALLER] = t->cseq;
	j->next_dialog.offer = t->offers ? OFFER_CALLER : OFFER_NONE;
	j->next_dialog.offer_cseq = t->cseq;
	j->next_call.dialogs++;
	j->dialog_changed = true;
	return true;
}

/* Answer to what the request offered, else an offer of its own (RFC 3261 13.2.1, RFC 3262 5). */
static void take_body(struct judge *j)
{
	const struct transaction_row *t = j->transaction;

	if (!j->sdp || j->m->status <= 100 || j->m->status >= 300)
		return;
	if (t->offers) {
		if (j->dialog && j->dialog->answer_digest == j->sdp_digest &&
		    j->dialog->offer == OFFER_STABLE)
			return;
		j->next_dialog.offer = OFFER_STABLE;
		j->next_dialog.answered = 1;
		j->next_dialog.answer_digest = j->sdp_digest;
		j->dialog_changed = true;
		answer_take(j, j->sender, t->tag, j->tag);
		return;
	}
	if (j->dialog && j->dialog->offer_digest == j->sdp_digest)
		return;
	offer_open(j);
}

/* RFC 3261 13.2.2.4: forks that lost may still answer with 2xx, for 64 T1. */
static void let_losers_go(struct judge *j)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct dialog_row *d = row->value;

		if (row->type == ROW_dialog && row->key->sub != j->tag &&
		    !memcmp(&row->key->owner, &j->owner, sizeof(j->owner)) &&
		    d->state == CALL_EARLY)
			judge_timer(j, row->key->sub, TIMER_TRANSACTION, TIMEOUT_NS);
	}
}

static void confirm(struct judge *j)
{
	const struct timers *t = &j->in->policy->timers;

	j->next_dialog.state = CALL_CONFIRMED;
	j->dialog_changed = true;
	judge_timer_off(j, j->tag, TIMER_TRANSACTION);
	if (j->call->state == CALL_CONFIRMED)
		return;
	let_losers_go(j);
	j->next_call.state = CALL_CONFIRMED;
	j->next_call.answered_ns = j->in->now_ns;
	j->call_changed = true;
	judge_timer_off(j, 0, TIMER_CALL_EARLY);
	judge_timer(j, 0, TIMER_CALL_IDLE, t->call_idle_ns);
	judge_timer(j, 0, TIMER_CALL_LONGEST, t->call_longest_ns);
	batch_tell(j->batch, TELL_CALL_ANSWERED, &j->owner);
	/* The losers' media, and what the offer alone had opened. */
	end_doors(j, SUB_ANY, j->tag);
}

/* RFC 3261 13.3.1.1: a provisional answer asks for more time, up to that of the longest call. The way
 * for the final one stays open; what any host may send to does not. */
static void extend_ringing(struct judge *j)
{
	const struct timers *t = &j->in->policy->timers;
	struct row_key key = sip_key(&j->owner, 0, TIMER_CALL_EARLY);
	const struct timer_row *timer = judge_row(j, ROW_timer, &key);

	if (j->m->status <= 100 || j->m->status >= 200 || !j->call || !timer ||
	    timer->due_ns > j->in->now_ns + t->early_media_ns / 2 ||
	    j->in->now_ns >= j->call->started_ns + t->call_longest_ns)
		return;
	judge_timer(j, 0, TIMER_CALL_EARLY, t->early_media_ns);
	door_response_extend(j, j->in->now_ns + t->early_media_ns + TRANSACTION_NS);
}

/* A server that takes a call unasked is not what the rule is for. */
static bool judge_credentials(struct judge *j)
{
	const struct transaction_row *t = j->transaction;
	const struct rule *rule =
		policy_match(j->in->policy, t->zones[0], t->zones[1], SIP_PROTOCOL);

	if (auth_is_taken(j)) {
		j->next_call.authenticated = 1;
		return true;
	}
	if (j->m->status <= 100 || !rule || !(rule->authenticated & 1u << DEMAND_CALLS))
		return true;
	judge_refuse(j, REASON_sip_not_authenticated, j->m->start_line);
	return false;
}

static void judge_invite_response(struct judge *j)
{
	uint16_t status = j->m->status;

	if (status >= 300) {
		judge_call_over(j, status);
		if (status < 400)
			door_redirects(j, j->in->now_ns + j->in->policy->timers.linger_ns);
		return;
	}
	if (!judge_credentials(j) || status <= 100 || !open_dialog(j))
		return;
	if (j->call->state == CALL_COMPLETED)
		return;
	if (j->m->contacts.count)
		j->next_dialog.targets[j->sender] = contact_endpoint(&j->m->contacts.at[0]);
	door_targets(j, j->tag, j->in->now_ns + j->in->policy->timers.call_longest_ns);
	j->dialog_changed = true;
	if (status >= 200)
		confirm(j);
	else if (j->call->state == CALL_TRYING)
		j->next_call.state = CALL_EARLY;
	else if (j->call->state == CALL_CONFIRMED && !j->dialog)
		judge_timer(j, j->tag, TIMER_TRANSACTION, TIMEOUT_NS);
	take_body(j);
}

/* Other dialogs of a forked call may still live: then only this one ends. */
static bool others_live(const struct judge *j)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct dialog_row *d = row->value;

		if (row->type == ROW_dialog && row->key->sub != j->tag &&
		    !memcmp(&row->key->owner, &j->owner, sizeof(j->owner)) &&
		    d->state == CALL_CONFIRMED)
			return true;
	}
	return false;
}

static void judge_bye_response(struct judge *j)
{
	if (j->m->status < 200 || !j->dialog || j->call->state == CALL_COMPLETED)
		return;
	judge_timer_off(j, 0, TIMER_ENDING);
	j->call_changed = true;
	if (is_challenge(j->m->status)) {
		j->next_call.state = CALL_CONFIRMED;
		return;
	}
	j->next_dialog.state = CALL_COMPLETED;
	j->dialog_changed = true;
	if (others_live(j)) {
		j->next_call.state = CALL_CONFIRMED;
		end_doors(j, j->tag, 0);
		return;
	}
	judge_call_over(j, j->m->status);
}

/* RFC 3261 12.2.1.2, RFC 6141 3.4: nobody is there any more. To other usages of the dialog the same
 * words end those alone (RFC 5057 5.1). */
static bool ends_dialog(const struct judge *j)
{
	return (j->m->status == 408 || j->m->status == 481) && j->dialog && j->call &&
	       j->dialog->state == CALL_CONFIRMED && j->call->state == CALL_CONFIRMED &&
	       (j->transaction->method == SIP_METHOD_invite ||
		j->transaction->method == SIP_METHOD_update);
}

static void end_dialog(struct judge *j)
{
	j->next_dialog.state = CALL_COMPLETED;
	j->dialog_changed = true;
	if (others_live(j))
		end_doors(j, j->tag, 0);
	else
		judge_call_over(j, j->m->status);
}

static void judge_dialog_response(struct judge *j)
{
	if (ends_dialog(j)) {
		end_dialog(j);
		return;
	}
	if (j->m->status >= 300 && j->dialog && j->transaction->offers &&
	    offer_is_open(j->dialog, j->transaction)) {
		offer_roll_back(j, (enum side)j->transaction->from_side);
		return;
	}
	if (!j->call)
		judge_subscription(j);
	if (j->dialog && sip_moves_target(j->m->cseq_method) && j->m->status / 100 == 2 &&
	    j->m->contacts.count) {
		j->next_dialog.targets[j->sender] = contact_endpoint(&j->m->contacts.at[0]);
		j->dialog_changed = true;
		door_targets(j, j->tag, j->in->now_ns + j->in->policy->timers.call_longest_ns);
	}
	if (j->dialog)
		take_body(j);
}

/* The call is over for its media; its record stays for ACK and repeats (64 T1), and for a new
 * INVITE with credentials. */
void judge_call_over(struct judge *j, uint16_t status)
{
	static const enum timer_kind ended[] = { TIMER_CALL_EARLY, TIMER_CALL_IDLE,
						 TIMER_CALL_LONGEST, TIMER_ENDING };

	if (!j->call)
		return;
	for (unsigned int i = 0; i < sizeof(ended) / sizeof(*ended); i++)
		judge_timer_off(j, 0, ended[i]);
	j->next_call.state = CALL_COMPLETED;
	j->next_call.ended_ns = j->in->now_ns;
	j->next_call.end_status = status;
	j->call_changed = true;
	judge_timer(j, 0, TIMER_CALL_LINGER, j->in->policy->timers.linger_ns);
	end_doors(j, SUB_ANY, SUB_ANY);
	if (!is_challenge(status))
		batch_tell(j->batch, TELL_CALL_ENDED, &j->owner);
}

void judge_response(struct judge *j)
{
	const struct transaction_row *t = j->transaction;

	if (!t) {
		judge_refuse(j, REASON_sip_unknown_transaction, j->m->start_line);
		return;
	}
	/* Only from where the request went (RFC 3261 18.1.2 has nobody else answer), or by a server
	 * of that zone. */
	if (!address_equal(&j->in->flow->source.address, &t->peers[1].address) &&
	    !sip_is_server(j->in, &j->in->flow->source.address)) {
		judge_refuse(j, REASON_sip_wrong_side, j->m->start_line);
		return;
	}
	sip_answered(j);
	if (t->method == SIP_METHOD_invite && !t->tag)
		extend_ringing(j);
	/* A repeat; but forks answer with one status and several tags. */
	if (t->status == j->m->status && (!j->tag || j->dialog || !j->call))
		return;
	put_status(j);
	if (t->method == SIP_METHOD_invite && !t->tag)
		judge_invite_response(j);
	else if (t->method == SIP_METHOD_bye)
		judge_bye_response(j);
	else if (t->method == SIP_METHOD_register)
		judge_register_response(j);
	else
		judge_dialog_response(j);
}
