// SPDX-License-Identifier: MIT
/* Judgements with a clock in place of a message. */
#include "proto/sip/registered.h"

/* An offer whose request got no final answer was never made (RFC 3261 14.1). */
static void forget_offer(struct judge *j, const struct transaction_row *t)
{
	struct row_key key = sip_key(&j->owner, t->tag, 0);

	j->dialog = t->offers && t->status < 200 ? judge_row(j, ROW_dialog, &key) : NULL;
	j->lines = arena_take(j->in->arena, sizeof(*j->lines));
	if (!j->call || !j->dialog || !j->lines || !offer_is_open(j->dialog, t))
		return;
	j->tag = t->tag;
	j->next_dialog = *j->dialog;
	offer_forget(j, (enum side)t->from_side);
}

static void expire_transaction(struct judge *j, uint64_t sub)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];

		if (row->type == ROW_transaction && row->key->sub == sub)
			forget_offer(j, row->value);
	}
	batch_end_set(j->batch, ROW_NONE, &j->owner, sub);
}

static void expire_binding(struct judge *j, uint64_t sub)
{
	struct row_key key = sip_key(&j->owner, sub, 0);
	const struct binding_row *row = judge_row(j, ROW_binding, &key);

	if (!row) {
		batch_end_set(j->batch, ROW_NONE, &j->owner, sub);
		return;
	}
	if (row->flags & BINDING_BOUND)
		batch_tell(j->batch, TELL_UNREGISTERED, &j->owner);
	binding_end(j->in, j->batch, &key, row);
}

static void expire(struct judge *j, const struct row_key *key, enum timer_kind kind)
{
	struct doors drained;

	switch (kind) {
	case TIMER_CALL_EARLY:
		judge_call_over(j, 408);
		break;
	case TIMER_CALL_IDLE:
	case TIMER_CALL_LONGEST:
	case TIMER_ENDING:
		judge_call_over(j, 0);
		break;
	case TIMER_CALL_LINGER:
		batch_end_set(j->batch, ROW_NONE, &j->owner, SUB_ANY);
		return;
	case TIMER_TRANSACTION:
		expire_transaction(j, key->sub);
		return;
	case TIMER_BINDING:
		expire_binding(j, key->sub);
		return;
	case TIMER_GATEWAY:
		sip_health_expire(j, key);
		return;
	case TIMER_SWEEP:
		break;       /* another protocol's */
	case TIMER_DRAIN:
		drained = judge_doors(j);
		doors_end_places(&drained, key->sub, PLACE_DRAIN);
		break;
	}
	batch_end(j->batch, ROW_timer, key);
}

/* What nobody answered of what this timer ends: a server's request, else NULL. */
static const struct transaction_row *unanswered(const struct judge *j, const struct row_key *timer,
						enum timer_kind kind)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		const struct transaction_row *t = row->value;

		if (row->type != ROW_transaction || t->status ||
		    !sip_is_server(j->in, &t->peers[1].address))
			continue;
		if (kind == TIMER_TRANSACTION ? row->key->sub == timer->sub :
		    kind == TIMER_CALL_EARLY && t->method == SIP_METHOD_invite && !t->tag)
			return t;
	}
	return NULL;
}

/* True: the rows of who did not answer are to be fetched first. */
static bool note_silence(struct judge *j, const struct row_key *timer, enum timer_kind kind)
{
	const struct transaction_row *t = unanswered(j, timer, kind);
	struct wants *w = &j->out->wants;

	if (!t)
		return false;
	if (j->in->round) {
		sip_ran_out(j, t);
		return false;
	}
	j->out->judgement = JUDGEMENT_NEED;
	w->owners[0] = j->owner;
	w->owners[1] = sip_health_owner(j->in, &t->peers[1].address);
	w->count = 2;
	return true;
}

void sip_timeout(const struct row_view *timer, const struct inspect_in *in, struct outcome *ret)
{
	const struct timer_row *row = timer->value;
	struct judge j = { .in = in, .out = ret, .batch = &ret->batch, .owner = timer->key->owner };
	struct row_key key = sip_key(&j.owner, 0, 0);

	batch_init(&ret->batch, in->arena);
	ret->judgement = JUDGEMENT_ACCEPT;
	ret->owner = j.owner;
	j.call = judge_row(&j, ROW_call, &key);
	if (j.call)
		j.next_call = *j.call;
	if (note_silence(&j, timer->key, (enum timer_kind)row->kind))
		return;
	expire(&j, timer->key, (enum timer_kind)row->kind);
	judge_finish(&j);
}
