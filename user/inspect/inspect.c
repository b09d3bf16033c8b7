// SPDX-License-Identifier: MIT
/* A message's journey, top to bottom: frame, parse, wants, judgement, guard, batch, send. The one
 * file where pure judgement meets what acts. */
#include "inspect/journey.h"

#include <errno.h>
#include <stdlib.h>

#include "inspect/guard.h"
#include "state/apply.h"
#include "state/tables.h"

static const uint8_t reason_protection[REASON_COUNT] = {
#define REASON(name, protection, sentence) [REASON_##name] = protection,
#include <ringfence/reason.def>
#undef REASON
};

/* One message on its way. */
struct travel {
	struct journey *j;
	const struct arrival *a;     /* NULL: a timer */
	const struct protocol_ops *ops;
	const void *message;
	struct slice raw;
	struct inspect_in in;
	struct outcome out;
	bool monitored;
	enum reason applied;
};

int journey_init(struct journey *j)
{
	j->arena = (struct arena){ malloc(LIMIT_ARENA_BYTES), LIMIT_ARENA_BYTES, 0 };
	j->edited = malloc(LIMIT_MESSAGE_BYTES);
	if (j->arena.bytes && j->edited)
		return 0;
	journey_close(j);
	return -ENOMEM;
}

void journey_close(struct journey *j)
{
	free(j->arena.bytes);
	free(j->edited);
	j->arena.bytes = NULL;
	j->edited = NULL;
}

static void tally(struct travel *t, uint32_t counter)
{
	t->j->hands.count(t->j->hands.self, counter, 1);
}

static const struct protocol_ops *ops_of(uint32_t number)
{
	return number < protocol_count ? protocols[number] : NULL;
}

/* Rows of every owner that is wanted; false where there are more than a judgement may see. */
static bool gather(struct travel *t, const struct wants *wants)
{
	struct row_view *rows = arena_take_raw(&t->j->arena, LIMIT_SUBJECTS * sizeof(*rows));
	struct subjects *s = arena_take(&t->j->arena, sizeof(*s));
	uint32_t count = 0;

	if (!rows || !s || wants->count > LIMIT_WANTS)
		return false;
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

static void refuse(struct travel *t, enum reason reason)
{
	memset(&t->out, 0, sizeof(t->out));
	t->out.reason = reason;
}

static bool read_message(struct travel *t)
{
	struct fault fault = { REASON_none, 0 };
	int error = t->ops->parse(t->raw, &t->j->arena, &t->message, &fault);

	if (!error)
		return true;
	refuse(t, fault.reason);
	t->out.at = fault.at;
	t->message = NULL;
	return false;
}

/* Judges, in at most two rounds where the first one asks for more rows. */
static void judge(struct travel *t)
{
	struct wants wants = { .count = 0 };

	t->ops->wants(t->message, &t->in, &wants);
	for (int round = 0; round < LIMIT_WANT_ROUNDS; round++) {
		if (!gather(t, &wants)) {
			refuse(t, REASON_message_limit);
			return;
		}
		memset(&t->out, 0, sizeof(t->out));
		t->ops->inspect(t->message, &t->in, &t->out);
		if (t->out.judgement != JUDGEMENT_NEED)
			return;
		wants = t->out.wants;
	}
	refuse(t, REASON_wants_unmet);
}

static void on_applied(void *context, enum reason reason)
{
	struct travel *t = context;

	t->applied = reason;
}

/* The batch holds before the message goes on: doors are open before it announces them. */
static void apply_outcome(struct travel *t)
{
	t->applied = REASON_none;
	if (t->out.judgement == JUDGEMENT_REFUSE || !t->out.batch.change_count)
		return;
	apply_submit(t->j->apply, &t->out.batch, on_applied, t);
	tally(t, t->applied == REASON_none ? COUNTER_batches_held : COUNTER_batches_void);
}

static void guard(struct travel *t)
{
	uint32_t struck = guard_outcome(&t->in, &t->out);

	if (struck)
		t->j->hands.count(t->j->hands.self, COUNTER_changes_struck, struck);
}

static void decide(struct travel *t)
{
	size_t mark = t->j->arena.used;

	for (int again = 0; again < LIMIT_REJUDGE; again++) {
		t->j->arena.used = mark;
		judge(t);
		guard(t);
		apply_outcome(t);
		if (t->applied != REASON_batch_void)
			break;
	}
	if (t->applied != REASON_none)
		refuse(t, t->applied);
}

/* Policy may only watch what it would refuse: then the message goes on and opens nothing. */
static void weaken(struct travel *t)
{
	enum protection class = reason_protection[t->out.reason];

	if (t->out.judgement != JUDGEMENT_REFUSE)
		return;
	tally(t, t->out.reason);
	t->monitored = policy_enforcement(t->j->policy, class) != ENFORCE_ON;
	tally(t, t->monitored ? COUNTER_messages_monitored : COUNTER_messages_refused);
}

static void send_on(struct travel *t)
{
	struct slice payload = t->raw;
	int64_t length;

	if (!t->a->held || t->out.judgement == JUDGEMENT_CONSUME ||
	    (t->out.judgement == JUDGEMENT_REFUSE && !t->monitored))
		return;
	if (t->out.edits.count) {
		length = edits_apply(&t->out.edits, t->raw, t->j->edited, LIMIT_MESSAGE_BYTES);
		if (length < 0) {
			tally(t, COUNTER_messages_send_failed);
			return;
		}
		payload = slice_make(t->j->edited, (size_t)length);
	}
	if (t->j->hands.send(t->j->hands.self, t->a, payload))
		tally(t, COUNTER_messages_send_failed);
	else
		tally(t, COUNTER_messages_sent);
}

static void report(struct travel *t)
{
	const struct verdict_report r = { t->a, &t->out, t->ops, t->message, t->raw, t->monitored };

	if (t->out.judgement != JUDGEMENT_REFUSE)
		tally(t, COUNTER_messages_accepted);
	t->j->hands.report(t->j->hands.self, &r);
}

/* Only the framed message is judged, so nothing behind it is sent on. */
static bool frame_message(struct travel *t)
{
	size_t resume = 0;
	ssize_t length = t->ops->frame(t->a->payload, &resume);

	t->raw = length > 0 ? slice_part(t->a->payload, 0, (size_t)length) : t->a->payload;
	return length != 0;
}

static void begin(struct travel *t, uint64_t now_ns)
{
	arena_reset(&t->j->arena);
	t->in = (struct inspect_in){ .raw = t->raw, .flow = t->a ? &t->a->flow : NULL,
				     .policy = t->j->policy, .around = &t->j->around,
				     .key = &t->j->key, .now_ns = now_ns,
				     .arena = &t->j->arena };
}

void journey_arrival(struct journey *j, const struct arrival *a, uint64_t now_ns)
{
	struct travel t = { .j = j, .a = a, .ops = ops_of(a->speaks) };

	if (!t.ops)
		return;
	if (!frame_message(&t)) {
		t.out.judgement = JUDGEMENT_ACCEPT;
		send_on(&t);
		return;
	}
	begin(&t, now_ns);
	tally(&t, COUNTER_messages_read);
	if (read_message(&t))
		decide(&t);
	weaken(&t);
	send_on(&t);
	report(&t);
}

void journey_timeout(struct journey *j, const struct row_view *timer, uint64_t now_ns)
{
	const struct timer_row *row = timer->value;
	struct travel t = { .j = j, .ops = ops_of(row->protocol) };
	struct wants wants = { .owners = { timer->key->owner }, .count = 1 };

	if (!t.ops)
		return;
	begin(&t, now_ns);
	if (!gather(&t, &wants))
		return;
	t.ops->timeout(timer, &t.in, &t.out);
	guard(&t);
	apply_outcome(&t);
}
