// SPDX-License-Identifier: MIT
/* Does a host answer? Noted once a second where all is well; a request that ran out makes its receiver
 * lost until it answers anything again. */
#include "inspect/health.h"

/* RFC 6298 2.3: an eighth of what is new. */
static uint32_t smooth(uint32_t old_us, uint64_t ns)
{
	uint64_t us = ns / 1000;

	us = us < UINT32_MAX ? us : UINT32_MAX;
	return (uint32_t)(old_us ? old_us - old_us / 8 + us / 8 : us);
}

static struct health_row health_of(const struct inspect_in *in, const struct row_key *key,
				   const struct health_note *n)
{
	const struct health_row *old = subjects_value(in->subjects, ROW_health, key);
	struct health_row row = { .host = n->asked->peers[1].address, .zone = n->asked->zones[1],
				  .protocol = n->protocol };

	return old ? *old : row;
}

static void put_health(const struct inspect_in *in, struct batch *batch, const struct row_key *key,
		       const struct health_row *row)
{
	struct row_key timer_key = row_key_make(&key->owner, 0, TIMER_GATEWAY);
	const struct timer_row timer = { .due_ns = in->now_ns + HEALTH_LIFE_NS,
					 .kind = TIMER_GATEWAY, .protocol = row->protocol };

	batch_put(batch, ROW_health, key, row);
	if (!row->head.version)
		batch_put(batch, ROW_timer, &timer_key, &timer);
}

void host_answered(const struct inspect_in *in, struct batch *batch, const struct health_note *n)
{
	struct row_key key = row_key_make(&n->owner, 0, 0);
	struct health_row row = health_of(in, &key, n);
	uint64_t now_ns = in->now_ns;

	if (row.answered_ns && !row.silent_ns && !n->failed &&
	    now_ns - row.answered_ns < HEALTH_GRAIN_NS)
		return;
	if (row.silent_ns)
		batch_tell(batch, TELL_HOST_BACK, &n->owner);
	row.silent_ns = 0;
	row.answered_ns = now_ns;
	row.answer_us = smooth(row.answer_us, now_ns - n->sent_ns);
	row.refused += n->failed;
	put_health(in, batch, &key, &row);
}

void host_ran_out(const struct inspect_in *in, struct batch *batch, const struct health_note *n)
{
	struct row_key key = row_key_make(&n->owner, 0, 0);
	struct health_row row = health_of(in, &key, n);

	row.unanswered++;
	row.ran_out_ns = in->now_ns;
	/* It may have answered others meanwhile: then this one was lost on the way. */
	if (!row.silent_ns && row.answered_ns < n->sent_ns) {
		row.silent_ns = n->sent_ns;
		batch_tell(batch, TELL_HOST_LOST, &n->owner);
	}
	put_health(in, batch, &key, &row);
}
