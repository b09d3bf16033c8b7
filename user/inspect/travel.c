// SPDX-License-Identifier: MIT
/* What a datagram carries along: its own bytes once it waits, what of it goes on, and the way of
 * its batch to the executor and back. */
#include "inspect/travel.h"

#include <errno.h>
#include <stdlib.h>

#include "inspect/translate.h"
#include "state/apply.h"
#include "state/mappings.h"

/* An edit puts no more than "[IPv6 address]:port" where something else stood. */
#define EDIT_GROWTH 64

int journey_init(struct journey *j)
{
	j->arena = (struct arena){ malloc(LIMIT_ARENA_BYTES), LIMIT_ARENA_BYTES, 0 };
	j->edited = malloc(LIMIT_MESSAGE_BYTES);
	j->travels = calloc(LIMIT_PENDING, sizeof(*j->travels));
	j->pending = pending_new(LIMIT_PENDING, &j->key);
	j->around.nat = mappings_view(apply_mappings(j->apply));
	if (j->arena.bytes && j->edited && j->travels && j->pending)
		return 0;
	journey_close(j);
	return -ENOMEM;
}

void journey_close(struct journey *j)
{
	for (uint32_t i = 0; j->travels && i < j->travels_begun; i++) {
		free(j->travels[i].bytes);
		free(j->travels[i].pieces);
		free(j->travels[i].edited);
	}
	free(j->travels);
	free(j->arena.bytes);
	free(j->edited);
	pending_free(j->pending);
	j->travels = j->idle = NULL;
	j->travels_begun = 0;
	j->arena.bytes = NULL;
	j->edited = NULL;
	j->pending = NULL;
}

static void tally(const struct travel *t, uint32_t counter)
{
	t->j->hands.count(t->j->hands.self, counter, 1);
}

struct travel *travel_new(struct journey *j, uint8_t speaks)
{
	const struct protocol_ops *ops = speaks < protocol_count ? protocols[speaks] : NULL;
	struct travel *t = j->idle;

	if (!ops)
		return NULL;
	if (t)
		j->idle = t->next_idle;
	else if (j->travels_begun < LIMIT_PENDING)
		t = &j->travels[j->travels_begun++];
	if (!t) {
		j->hands.count(j->hands.self, REASON_queue_full, 1);
		return NULL;
	}
	memset(t, 0, offsetof(struct travel, out));
	outcome_clear(&t->out);
	t->j = j;
	t->ops = ops;
	return t;
}

void travel_free(struct travel *t)
{
	struct journey *j = t->j;

	free(t->bytes);
	free(t->pieces);
	free(t->edited);
	t->bytes = t->pieces = t->edited = NULL;
	t->next_idle = j->idle;
	j->idle = t;
}

void travel_begin(struct travel *t)
{
	struct journey *j = t->j;

	arena_reset(&j->arena);
	mappings_clock(apply_mappings(j->apply), j->now_ns);
	t->in = (struct inspect_in){ .raw = t->raw, .flow = t->a ? &t->a->flow : NULL,
				     .policy = j->policy, .around = &j->around, .key = &j->key,
				     .now_ns = j->now_ns, .arena = &j->arena };
}

static int parse(struct travel *t, struct fault *reterr)
{
	t->message = NULL;
	return t->ops->parse(t->in.raw, &t->j->arena, &t->message, reterr);
}

static bool list_mentions(struct travel *t)
{
	t->mentions = arena_take(&t->j->arena, sizeof(*t->mentions));
	if (t->mentions)
		t->ops->mentions(t->message, &t->in, t->mentions);
	return t->mentions != NULL;
}

/* Outside endpoints that are mapped give way to the inside ones. */
static int read_inward(struct travel *t, struct fault *reterr)
{
	struct edits *edits = arena_take(&t->j->arena, sizeof(*edits));
	int64_t length = -ENOMEM;
	uint8_t *inside;

	*reterr = (struct fault){ REASON_message_limit, 0 };
	translate_flow(&t->in, &t->flow);
	if (!edits || !list_mentions(t))
		return -ENOMEM;
	reterr->reason = translate_inward(&t->in, t->mentions, edits);
	if (reterr->reason)
		return -EBADMSG;
	if (!edits->count)
		return 0;
	inside = arena_take_raw(&t->j->arena, t->raw.length + edits->count * EDIT_GROWTH);
	if (inside)
		length = edits_apply(edits, t->raw, inside,
				     t->raw.length + edits->count * EDIT_GROWTH);
	if (length < 0) {
		reterr->reason = REASON_message_limit;
		return (int)length;
	}
	t->in.raw = slice_make(inside, (size_t)length);
	t->is_inward = true;
	reterr->reason = REASON_message_limit;
	return parse(t, reterr) ?: list_mentions(t) ? 0 : -ENOMEM;
}

int travel_read(struct travel *t, struct fault *reterr)
{
	struct journey *j = t->j;
	int error;

	travel_begin(t);
	t->mentions = NULL;
	t->is_inward = false;
	t->flow = t->leaves = t->a->flow;
	t->in.flow = &t->flow;
	error = parse(t, reterr);
	if (error || !j->policy->nat_count || !t->ops->mentions)
		return error;
	j->drawn++;
	t->in.random = hash64(&j->key, slice_make(&j->drawn, sizeof(j->drawn)));
	error = read_inward(t, reterr);
	t->leaves = t->flow;
	return error;
}

static struct slice moved(const struct travel *t, struct slice s)
{
	return slice_make(t->bytes + (s.bytes - t->a->record.bytes), s.length);
}

bool travel_keep(struct travel *t)
{
	if (t->bytes || !t->a)
		return true;
	t->bytes = malloc(t->a->record.length);
	if (!t->bytes)
		return false;
	memcpy(t->bytes, t->a->record.bytes, t->a->record.length);
	t->kept = *t->a;
	t->kept.payload = moved(t, t->a->payload);
	if (t->a->packet.length)
		t->kept.packet = moved(t, t->a->packet);
	t->raw = moved(t, t->raw);
	t->kept.record = slice_make(t->bytes, t->a->record.length);
	t->a = &t->kept;
	return true;
}

/* Edits lie in the arena, which does not wait with us. */
static bool keep_edits(struct travel *t)
{
	const struct edits *e = &t->out.edits;
	int64_t length;

	free(t->edited);
	t->edited = NULL;
	if (!e->count && !t->is_inward)
		return true;
	t->edited = malloc(LIMIT_MESSAGE_BYTES);
	length = t->edited ? edits_apply(e, t->raw, t->edited, LIMIT_MESSAGE_BYTES) : -ENOMEM;
	t->edited_bytes = length < 0 ? 0 : (size_t)length;
	return length >= 0;
}

static bool is_twin(const struct pending_item *a, const struct pending_item *b)
{
	const struct travel *x = (const struct travel *)a, *y = (const struct travel *)b;

	return x->a && x->raw.length == y->raw.length &&
	       !memcmp(x->raw.bytes, y->raw.bytes, x->raw.length) &&
	       address_equal(&x->a->flow.source.address, &y->a->flow.source.address) &&
	       x->a->flow.source.port == y->a->flow.source.port;
}

bool travel_has_twin(const struct travel *t)
{
	return pending_holds(t->j->pending, &t->item, is_twin);
}

/* What became of the batch, as the way from there. */
static enum stride after_batch(struct travel *t)
{
	bool only_looked = t->out.judgement == JUDGEMENT_REFUSE;

	if (t->applied == REASON_none)
		return only_looked ? STRIDE_AGAIN : STRIDE_ON;
	if (t->applied == REASON_batch_void && ++t->tries < LIMIT_REJUDGE)
		return STRIDE_AGAIN;
	t->out = (struct outcome){ .reason = t->applied, .owner = t->out.owner };
	return STRIDE_OVER;
}

static void on_applied(void *context, enum reason reason)
{
	struct travel *t = context;

	t->applied = reason;
	t->is_under_way = false;
	tally(t, reason == REASON_none ? COUNTER_batches_held : COUNTER_batches_void);
	if (!t->is_submitting)
		travel_resume(t, after_batch(t));
}

enum stride travel_submit(struct travel *t, const struct batch *batch)
{
	t->is_under_way = t->is_submitting = true;
	apply_submit(t->j->apply, batch, on_applied, t);
	t->is_submitting = false;
	if (!t->is_under_way)
		return after_batch(t);
	/* The batch is away and cannot be called back: without memory the message alone is lost. */
	if (!travel_keep(t) || !keep_edits(t)) {
		tally(t, REASON_queue_full);
		if (t->a->ticket)
			t->j->hands.send(t->j->hands.self, t->a, &t->leaves, slice_make(NULL, 0));
		t->a = NULL;
	}
	t->out.edits.count = 0;
	memset(&t->out.batch, 0, sizeof(t->out.batch));
	/* Nobody was before us in these lanes, and there is a place for each traveller. */
	if (!t->item.entered)
		pending_enter(t->j->pending, &t->item);
	return STRIDE_WAITS;
}

static void gather_piece(struct travel *t, struct slice bytes)
{
	uint8_t *room = realloc(t->pieces, t->pieces_bytes + bytes.length);

	if (!room || t->pieces_bytes + bytes.length > LIMIT_MESSAGE_BYTES) {
		t->pieces = room ?: t->pieces;
		tally(t, COUNTER_messages_send_failed);
		return;
	}
	memcpy(room + t->pieces_bytes, bytes.bytes, bytes.length);
	t->pieces = room;
	t->pieces_bytes += bytes.length;
}

void travel_pass(struct travel *t, struct slice bytes)
{
	if (t->ops->several && bytes.length)
		gather_piece(t, bytes);
	else
		t->whole = bytes;
}

void travel_pass_edited(struct travel *t)
{
	int64_t length;

	if (t->edited) {
		travel_pass(t, slice_make(t->edited, t->edited_bytes));
		return;
	}
	if (!t->out.edits.count) {
		travel_pass(t, t->in.raw);
		return;
	}
	length = edits_apply(&t->out.edits, t->in.raw, t->j->edited, LIMIT_MESSAGE_BYTES);
	if (length < 0)
		tally(t, COUNTER_messages_send_failed);
	else
		travel_pass(t, slice_make(t->j->edited, (size_t)length));
}

struct slice travel_payload(const struct travel *t)
{
	struct slice pieces = slice_make(t->pieces, t->pieces_bytes);

	if (!t->pieces)
		return t->whole;
	return t->is_left_out && t->ops->close ? t->ops->close(pieces) : pieces;
}
