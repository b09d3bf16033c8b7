// SPDX-License-Identifier: MIT
/* A message's journey, top to bottom: frame, parse, wants, judgement, guard, batch, send. The one
 * file where pure judgement meets what acts. A message that waits, for its batch or behind another
 * of its call, is kept whole (travel.c) and goes on at the step where it stood. */
#include "inspect/travel.h"

#include <errno.h>

#include "inspect/guard.h"
#include "inspect/translate.h"
#include "state/apply.h"
#include "state/tables.h"

#define SECOND_NS (1000ull * 1000 * 1000)
#define STALE_NS SECOND_NS

static void tally(const struct travel *t, uint32_t counter)
{
	t->j->hands.count(t->j->hands.self, counter, 1);
}

static void refuse(struct travel *t, enum reason reason)
{
	outcome_clear(&t->out);
	t->out.reason = reason;
}

/* Rows of every owner that is wanted; false where there are more than a judgement may see. */
static bool gather(struct travel *t, const struct wants *wants)
{
	struct row_view *rows = arena_take_raw(&t->j->arena, LIMIT_SUBJECTS * sizeof(*rows));
	struct subjects *s = arena_take(&t->j->arena, sizeof(*s));
	uint32_t count = 0;

	if (!rows || !s || wants->count > LIMIT_WANTS)
		return false;
	for (uint32_t i = 0; i < wants->count; i++)
		tables_prefetch_owner(t->j->tables, &wants->owners[i]);
	for (uint32_t i = 0; i < wants->count; i++) {
		count += tables_of_owner(t->j->tables, &wants->owners[i], rows + count,
					 LIMIT_SUBJECTS - count);
		if (count > LIMIT_SUBJECTS)
			return false;
	}
	*s = (struct subjects){ rows, count };
	t->in.subjects = s;
	return true;
}

/* Step 1: the next message of the datagram; a protocol that knows of one only has its end there. */
static enum stride frame_message(struct travel *t)
{
	struct slice rest = slice_from(t->a->payload, t->at);
	size_t resume = 0;
	ssize_t length;

	if (t->at && (!t->ops->several || !rest.length))
		return STRIDE_ARRIVED;
	length = t->a->ticket ? (ssize_t)rest.length : t->ops->frame(rest, &resume);
	if (!length) {
		/* A keep-alive goes on unread. */
		t->out.judgement = JUDGEMENT_ACCEPT;
		travel_pass(t, rest);
		return STRIDE_ARRIVED;
	}
	t->raw = length > 0 ? slice_part(rest, 0, (size_t)length) : rest;
	t->at += t->raw.length;
	t->tries = 0;
	t->looked_again = false;
	tally(t, COUNTER_messages_read);
	return STRIDE_ON;
}

/* Step 2 */
static enum stride read_message(struct travel *t)
{
	struct fault fault = { REASON_none, 0 };

	if (!travel_read(t, &fault))
		return STRIDE_ON;
	refuse(t, fault.reason);
	t->out.at = fault.at;
	t->message = NULL;
	return STRIDE_OVER;
}

/* Step 3: messages of one call are judged one at a time, in order of arrival. */
static enum stride wait_turn(struct travel *t)
{
	struct wants *w = &t->wants;

	*w = (struct wants){ .count = 0 };
	t->ops->wants(t->message, &t->in, w);
	if (t->item.entered)
		return STRIDE_ON;
	memcpy(t->item.owners, w->owners, w->count * sizeof(*w->owners));
	t->item.owner_count = w->count;
	t->item.shared = w->shared;
	if (!pending_is_busy(t->j->pending, &t->item))
		return STRIDE_ON;
	if (travel_has_twin(t)) {
		tally(t, COUNTER_messages_collapsed);
		outcome_clear(&t->out);
		t->out.judgement = JUDGEMENT_CONSUME;
		return STRIDE_OVER;
	}
	if (!travel_keep(t) || pending_enter(t->j->pending, &t->item) < 0) {
		refuse(t, REASON_queue_full);
		return STRIDE_OVER;
	}
	return STRIDE_WAITS;
}

/* In at most two rounds, where the first one asks for more rows. A timer has no message. */
static void ask(struct travel *t, const struct row_view *timer)
{
	struct wants wants = t->wants;
	uint32_t round = 0;

	do {
		t->in.round = round;
		if (!gather(t, &wants)) {
			refuse(t, REASON_message_limit);
			return;
		}
		outcome_clear(&t->out);
		if (timer)
			t->ops->timeout(timer, &t->in, &t->out);
		else
			t->ops->inspect(t->message, &t->in, &t->out);
		wants = t->out.wants;
	} while (t->out.judgement == JUDGEMENT_NEED && ++round < LIMIT_WANT_ROUNDS);
	if (t->out.judgement == JUDGEMENT_NEED)
		refuse(t, REASON_wants_unmet);
}

/* Step 4 */
static enum stride judge(struct travel *t)
{
	enum reason reason;
	uint32_t struck;

	ask(t, NULL);
	if (t->mentions && t->out.judgement == JUDGEMENT_ACCEPT) {
		reason = translate_outward(&t->in, t->mentions, &t->out, &t->leaves);
		if (reason)
			refuse(t, reason);
	}
	struck = guard_outcome(&t->in, &t->out);
	if (struck)
		t->j->hands.count(t->j->hands.self, COUNTER_changes_struck, struck);
	return STRIDE_ON;
}

/* Step 5: the batch holds before the message goes on: doors are open before it announces them. Who
 * misses a row that the group may know lets what is under way arrive first, and looks again. */
static enum stride apply_outcome(struct travel *t)
{
	const struct batch *batch = &t->out.batch;

	if (t->out.judgement == JUDGEMENT_REFUSE) {
		if (!t->out.missing || t->looked_again || !apply_is_grouped(t->j->apply))
			return STRIDE_ON;
		t->looked_again = true;
		batch_init(&t->out.batch, &t->j->arena);
	} else if (!batch->change_count) {
		return STRIDE_ON;
	}
	return travel_submit(t, batch);
}

/* Made of the message as it came, not as it was judged: its sender knows no other. */
static void make_answer(struct travel *t)
{
	struct journey *j = t->j;
	const void *message = t->message;
	struct inspect_in in = t->in;
	struct fault fault;

	if (!j->hands.originate || !t->ops->answer || !message || !t->a->held || t->out.is_silent)
		return;
	in.raw = t->raw;
	in.flow = &t->a->flow;
	if (t->is_inward && t->ops->parse(in.raw, in.arena, &message, &fault))
		return;
	t->out.answer = t->ops->answer(message, &in, t->out.reason, &t->out.sends);
	guard_answer(&in, &t->out);
}

/* However many are refused, not more than so many answers leave in a second. */
static bool may_answer(struct journey *j)
{
	if (j->now_ns - j->answers_since_ns >= SECOND_NS) {
		j->answers_since_ns = j->now_ns;
		j->answers = 0;
	}
	if (j->answers >= LIMIT_ANSWERS)
		return false;
	j->answers++;
	return true;
}

static void send_answer(struct travel *t)
{
	const struct hands *h = &t->j->hands;

	if (!t->out.answer)
		return;
	if (may_answer(t->j) && !h->originate(h->self, t->a, &t->out.sends)) {
		tally(t, COUNTER_requests_answered);
		return;
	}
	tally(t, COUNTER_answers_withheld);
	t->out.answer = 0;
}

/* Step 6: policy may only watch what it would refuse: then the message goes on and opens nothing. */
static enum stride settle(struct travel *t)
{
	const struct verdict_report r = {
		.arrival = t->a, .outcome = &t->out, .ops = t->ops, .message = t->message,
		.raw = t->in.raw,
		.monitored = t->out.judgement == JUDGEMENT_REFUSE &&
			     policy_enforces(t->j->policy, t->out.reason) != ENFORCE_ON,
	};

	if (t->out.judgement == JUDGEMENT_REFUSE) {
		tally(t, t->out.reason);
		tally(t, r.monitored ? COUNTER_messages_monitored : COUNTER_messages_refused);
	} else {
		tally(t, COUNTER_messages_accepted);
		if (t->out.reason)
			tally(t, t->out.reason);
	}
	if (t->out.judgement == JUDGEMENT_REFUSE && !r.monitored) {
		make_answer(t);
		send_answer(t);
	}
	t->is_left_out = !r.monitored && t->out.judgement != JUDGEMENT_ACCEPT;
	if (r.monitored)
		travel_pass(t, t->in.raw);
	else if (!t->is_left_out)
		travel_pass_edited(t);
	t->j->hands.report(t->j->hands.self, &r);
	return STRIDE_ON;
}

/* The end: what passed leaves as it came, in one datagram. */
static void send_on(struct travel *t)
{
	struct slice payload = travel_payload(t);

	if (!t->a->held || (!payload.length && !t->a->ticket))
		return;
	/* The sender has repeated it by now; answering the old one would only confuse. Over TCP
	 * nobody repeats (RFC 3261 17.1.1.2). */
	if (t->bytes && !t->a->ticket && t->j->now_ns > t->a->time_ns + STALE_NS)
		tally(t, REASON_punt_stale);
	else if (t->j->hands.send(t->j->hands.self, t->a, &t->leaves, payload))
		tally(t, COUNTER_messages_send_failed);
	else if (payload.length)
		tally(t, COUNTER_messages_sent);
}

static enum stride (*const steps[STEP_COUNT])(struct travel *t) = {
	[STEP_FRAME] = frame_message, [STEP_READ] = read_message, [STEP_TURN] = wait_turn,
	[STEP_JUDGE] = judge,	      [STEP_APPLY] = apply_outcome, [STEP_SETTLE] = settle,
};

/* From where it stands until it waits or has arrived. */
static void walk(struct travel *t)
{
	enum stride stride;

	do {
		stride = steps[t->step](t);
		if (stride == STRIDE_ON)
			t->step = (enum travel_step)((t->step + 1) % STEP_COUNT);
		else if (stride == STRIDE_OVER)
			t->step = STEP_SETTLE;
		else if (stride == STRIDE_AGAIN)
			t->step = STEP_READ;
		if (t->step == STEP_FRAME)
			pending_leave(t->j->pending, &t->item);
	} while (stride != STRIDE_WAITS && stride != STRIDE_ARRIVED);
	if (stride == STRIDE_ARRIVED) {
		send_on(t);
		travel_free(t);
	}
}

static void bring_on(struct journey *j)
{
	struct pending_item *item;

	while ((item = pending_ready(j->pending))) {
		struct travel *t = (struct travel *)item;

		t->step = STEP_READ;
		walk(t);
	}
}

void journey_continue(struct journey *j, uint64_t now_ns)
{
	j->now_ns = now_ns;
	bring_on(j);
}

/* The batch of one that waited came back. What lay in the arena is gone: the message is read again,
 * for the report or for a new judgement. */
void travel_resume(struct travel *t, enum stride stride)
{
	const struct flow_info leaves = t->leaves;
	struct fault fault;

	if (!t->a) {
		pending_leave(t->j->pending, &t->item);
		travel_free(t);
		return;
	}
	t->step = STEP_READ;
	if (stride != STRIDE_AGAIN) {
		if (travel_read(t, &fault))
			t->message = NULL;
		t->leaves = leaves;
		t->step = STEP_SETTLE;
	}
	walk(t);
}

int journey_arrival(struct journey *j, const struct arrival *a, uint64_t now_ns)
{
	struct travel *t;

	j->now_ns = now_ns;
	t = travel_new(j, a->speaks);
	if (!t)
		return -ENOBUFS;
	t->a = a;
	walk(t);
	bring_on(j);
	return 0;
}

/* A judgement with a clock in place of a message: what it decides takes the same road. */
int journey_timeout(struct journey *j, const struct row_view *timer, uint64_t now_ns)
{
	const struct timer_row *row = timer->value;
	const struct pending_item item = { .owners = { timer->key->owner }, .owner_count = 1 };
	struct travel *t;

	j->now_ns = now_ns;
	if (pending_is_busy(j->pending, &item))
		return -EBUSY;
	t = travel_new(j, row->protocol);
	if (!t)
		return -EBUSY;
	t->wants = (struct wants){ .owners = { timer->key->owner }, .count = 1 };
	t->item = item;
	travel_begin(t);
	ask(t, timer);
	guard_outcome(&t->in, &t->out);
	if (t->out.judgement != JUDGEMENT_REFUSE && t->out.batch.change_count &&
	    travel_submit(t, &t->out.batch) == STRIDE_WAITS)
		return 0;
	travel_free(t);
	bring_on(j);
	return 0;
}
