// SPDX-License-Identifier: MIT
/* Subscriptions outside of calls (RFC 6665; REFER's of RFC 3515): nothing is kept of them but the
 * doors to the ports of both sides' Contacts, as long as NOTIFY and refreshes may go there. */
#include "proto/sip/judge.h"

bool sip_moves_target(enum sip_method method)
{
	return method == SIP_METHOD_invite || method == SIP_METHOD_update ||
	       method == SIP_METHOD_subscribe || method == SIP_METHOD_notify ||
	       method == SIP_METHOD_refer;
}

/* The subscription of these two tags' dialog: one timer ends all of it. */
static uint64_t subscription_sub(const struct judge *j)
{
	return sip_hash(j->in, SLICE("subscription"));
}

/* When it ends as far as is known; 0: there is none. */
static uint64_t due_ns(const struct judge *j)
{
	const struct row_key key = sip_key(&j->owner, subscription_sub(j), TIMER_TRANSACTION);
	const struct timer_row *timer = judge_row(j, ROW_timer, &key);

	return timer ? timer->due_ns : 0;
}

/* RFC 6665 3.1.1, 4.2.1.1: granted by the 2xx; a request outlives its transaction. REFER tells no
 * time: as long as what it began may ring. */
static uint64_t until_ns(const struct judge *j)
{
	const struct timers *t = &j->in->policy->timers;
	uint64_t life_ns = j->m->has_expires ? j->m->expires * SECOND_NS : t->early_media_ns;
	uint64_t now_ns = j->in->now_ns, due = due_ns(j);

	if (j->m->is_request)
		return due > now_ns + TRANSACTION_NS ? due : now_ns + TRANSACTION_NS;
	if (life_ns < TRANSACTION_NS)
		return now_ns + TRANSACTION_NS;
	return now_ns + (life_ns < t->binding_longest_ns ? life_ns : t->binding_longest_ns);
}

/* What was opened before for this side lasts as long. */
static void extend(struct judge *j, uint64_t expires_ns)
{
	for (uint32_t i = 0; i < j->in->subjects->count; i++) {
		const struct row_view *row = &j->in->subjects->rows[i];
		struct door_row next;

		if (row->type != ROW_door || row->key->sub != subscription_sub(j) ||
		    memcmp(&row->key->owner, &j->owner, sizeof(j->owner)))
			continue;
		next = *(const struct door_row *)row->value;
		next.expires_ns = expires_ns;
		batch_put_optional(j->batch, ROW_door, row->key, &next);
	}
}

static void hold(struct judge *j, uint64_t until)
{
	bool is_known = due_ns(j) != 0;

	if (is_known && !j->m->is_request)
		extend(j, until);
	if (door_targets(j, subscription_sub(j), until) || is_known)
		judge_timer(j, subscription_sub(j), TIMER_TRANSACTION, until - j->in->now_ns);
}

void judge_subscription(struct judge *j)
{
	const enum sip_method method = j->m->cseq_method;

	/* A NOTIFY tells where its sender is, and grants nothing. */
	if (method == SIP_METHOD_notify && j->m->is_request && due_ns(j) > j->in->now_ns)
		door_targets(j, subscription_sub(j), due_ns(j));
	if (method != SIP_METHOD_subscribe && method != SIP_METHOD_refer)
		return;
	if (j->m->is_request || j->m->status / 100 == 2)
		hold(j, until_ns(j));
}
