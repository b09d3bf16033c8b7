// SPDX-License-Identifier: MIT
/* Does a host answer? Gateways are asked by agents, agents by gateways. Noted once a second where
 * all is well; a command that ran out makes its receiver lost until it answers anything again. */
#include "proto/mgcp/judge.h"

static uint64_t sent_ns(const struct transaction_row *t)
{
	return t->ends_ns - MGCP_TRANSACTION_NS;
}

/* RFC 6298 2.3: an eighth of what is new. */
static uint32_t smooth(uint32_t old_us, uint64_t ns)
{
	uint64_t us = ns / 1000;

	us = us < UINT32_MAX ? us : UINT32_MAX;
	return (uint32_t)(old_us ? old_us - old_us / 8 + us / 8 : us);
}

static struct health_row health_of(const struct inspect_in *in, const struct row_key *key,
				   const struct transaction_row *t)
{
	const struct health_row *old = subjects_value(in->subjects, ROW_health, key);
	struct health_row row = { .host = t->peers[1].address, .zone = t->zones[1] };

	return old ? *old : row;
}

static void put_health(const struct inspect_in *in, struct batch *batch, const struct row_key *key,
		       const struct health_row *row)
{
	struct row_key timer_key = row_key_make(&key->owner, 0, TIMER_GATEWAY);
	const struct timer_row timer = { .due_ns = in->now_ns + GATEWAY_LIFE_NS,
					 .kind = TIMER_GATEWAY, .protocol = MGCP_PROTOCOL };

	batch_put(batch, ROW_health, key, row);
	if (!row->head.version)
		batch_put(batch, ROW_timer, &timer_key, &timer);
}

void health_answered(struct mgcp_judge *j)
{
	struct row_key key = row_key_make(&j->answerer, 0, 0);
	struct health_row row = health_of(j->in, &key, j->transaction);
	uint64_t now_ns = j->in->now_ns;

	if (row.answered_ns && !row.silent_ns && now_ns - row.answered_ns < HEALTH_GRAIN_NS)
		return;
	if (row.silent_ns)
		batch_tell(j->batch, TELL_HOST_BACK, &j->answerer);
	row.silent_ns = 0;
	row.answered_ns = now_ns;
	row.answer_us = smooth(row.answer_us, now_ns - sent_ns(j->transaction));
	put_health(j->in, j->batch, &key, &row);
}

void health_ran_out(const struct inspect_in *in, struct batch *batch,
		    const struct transaction_row *t)
{
	const struct owner owner = mgcp_health_owner(in, &t->peers[1].address);
	struct row_key key = row_key_make(&owner, 0, 0);
	struct health_row row = health_of(in, &key, t);

	row.unanswered++;
	row.ran_out_ns = in->now_ns;
	/* It may have answered others meanwhile: then this one was lost on the way. */
	if (!row.silent_ns && row.answered_ns < sent_ns(t)) {
		row.silent_ns = sent_ns(t);
		batch_tell(batch, TELL_HOST_LOST, &owner);
	}
	put_health(in, batch, &key, &row);
}
