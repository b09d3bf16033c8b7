// SPDX-License-Identifier: MIT
/* Which servers and trunks answer: seen from what they are asked anyway, OPTIONS and calls alike. */
#include "inspect/health.h"
#include "proto/sip/judge.h"

struct owner sip_health_owner(const struct inspect_in *in, const struct address *host)
{
	const struct slice parts[] = { SLICE("sip health"), slice_make(host, sizeof(*host)) };

	return owner_named(in->key, parts, 2);
}

static struct health_note note_of(const struct inspect_in *in, const struct transaction_row *t)
{
	uint64_t life_ns = t->method == SIP_METHOD_invite ? sip_invite_life(in) : TRANSACTION_NS;

	return (struct health_note){ .owner = sip_health_owner(in, &t->peers[1].address),
				     .asked = t, .protocol = SIP_PROTOCOL,
				     .sent_ns = t->ends_ns > life_ns ? t->ends_ns - life_ns : 0 };
}

void sip_answered(const struct judge *j)
{
	const struct transaction_row *t = j->transaction;
	struct health_note note;

	/* Only the first answer tells how long it took. */
	if (t->status || !sip_is_server(j->in, &t->peers[1].address) ||
	    !address_equal(&t->peers[1].address, &j->in->flow->source.address))
		return;
	note = note_of(j->in, t);
	note.failed = j->m->status / 100 == 5;
	host_answered(j->in, j->batch, &note);
}

void sip_ran_out(const struct judge *j, const struct transaction_row *t)
{
	const struct health_note note = note_of(j->in, t);

	host_ran_out(j->in, j->batch, &note);
}

/* An hour without a word; else once more. */
void sip_health_expire(const struct judge *j, const struct row_key *timer)
{
	struct row_key key = sip_key(&timer->owner, 0, 0);
	const struct health_row *h = judge_row(j, ROW_health, &key);
	uint64_t last_ns = 0;
	struct timer_row next = { .kind = TIMER_GATEWAY, .protocol = SIP_PROTOCOL };

	if (h)
		last_ns = h->answered_ns > h->ran_out_ns ? h->answered_ns : h->ran_out_ns;
	if (!last_ns || last_ns + HEALTH_LIFE_NS <= j->in->now_ns) {
		batch_end_set(j->batch, ROW_NONE, &timer->owner, SUB_ANY);
		return;
	}
	next.due_ns = last_ns + HEALTH_LIFE_NS;
	batch_put(j->batch, ROW_timer, timer, &next);
}
