// SPDX-License-Identifier: MIT
/* Batches out, batches in. A batch of ours waits in a ring until the group gives it back; what the
 * engine does not take is offered again, and what does not come back makes the member leave. */
#include "cluster/member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (512u << 10)
#define REJOIN_NS (1000ull * 1000 * 1000)
/* Without a slice for so long a joiner begins anew. */
#define FILL_NS (5000ull * 1000 * 1000)

bool heap_add(struct heap *h, const void *bytes, size_t length)
{
	size_t need = h->used + length, size = h->size ?: 4096;
	uint8_t *room;

	if (need > h->most)
		return false;
	while (size < need)
		size *= 2;
	if (size != h->size) {
		room = realloc(h->bytes, size);
		if (!room)
			return false;
		h->bytes = room;
		h->size = size;
	}
	memcpy(h->bytes + h->used, bytes, length);
	h->used = need;
	return true;
}

void heap_free(struct heap *h)
{
	free(h->bytes);
	*h = (struct heap){ .most = h->most };
}

static void submit(void *self, const struct batch *b, apply_done_fn done, void *context);

struct cluster *cluster_new(struct tables *tables, struct apply *apply,
			    const struct cluster_settings *settings,
			    const struct cluster_hands *hands)
{
	const struct apply_group group = { submit, NULL };
	struct cluster *c = calloc(1, sizeof(*c));
	struct apply_group to = group;

	if (!c)
		return NULL;
	c->tables = tables;
	c->apply = apply;
	c->settings = *settings;
	c->hands = *hands;
	c->out.most = LIMIT_GROUP_QUEUE;
	c->slices.most = LIMIT_JOIN_BYTES;
	c->waiting.most = LIMIT_JOIN_BYTES;
	c->apart.most = LIMIT_JOIN_BYTES;
	c->flights = calloc(LIMIT_IN_FLIGHT, sizeof(*c->flights));
	c->ended = calloc(ENDED_MOST, sizeof(*c->ended));
	c->asked = calloc(ASKED_MOST, sizeof(*c->asked));
	c->record = malloc(WIRE_BATCH_MOST);
	c->arena = (struct arena){ malloc(ARENA_BYTES), ARENA_BYTES, 0 };
	c->donor_arena = (struct arena){ malloc(ARENA_BYTES), ARENA_BYTES, 0 };
	if (!c->flights || !c->ended || !c->asked || !c->record || !c->arena.bytes ||
	    !c->donor_arena.bytes) {
		cluster_free(c);
		return NULL;
	}
	/* Alone it has all rows that there are. */
	c->state = MEMBER_FULL;
	to.self = c;
	apply_set_group(apply, &to);
	return c;
}

void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	cluster_lose_flights(c, REASON_group_lost);
	apply_set_group(c->apply, NULL);
	apply_watch_rows(c->apply, NULL);
	heap_free(&c->out);
	heap_free(&c->slices);
	heap_free(&c->waiting);
	heap_free(&c->apart);
	free(c->flights);
	free(c->ended);
	free(c->asked);
	free(c->record);
	free(c->arena.bytes);
	free(c->donor_arena.bytes);
	free(c);
}

bool cluster_is_self(const struct cluster *c, struct wire_member m)
{
	return m.node == c->settings.self.node && m.incarnation == c->settings.self.incarnation;
}

void cluster_set_state(struct cluster *c, enum member_state state)
{
	bool was_full = c->state == MEMBER_FULL, is_full = state == MEMBER_FULL;

	c->state = state;
	if (was_full != is_full)
		c->hands.full(c->hands.self, is_full);
}

void cluster_clock(struct cluster *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
}

void cluster_rename(struct cluster *c, struct wire_member self)
{
	c->settings.self = self;
}

void cluster_policy(struct cluster *c, uint64_t policy, const struct zone_name *zones)
{
	c->settings.policy = policy;
	memcpy(c->settings.zones, zones, sizeof(c->settings.zones));
}

static struct wire_head head_of(const struct cluster *c, enum wire_kind kind, uint64_t number)
{
	return (struct wire_head){ .kind = (uint16_t)kind, .from = c->settings.self,
				   .number = number, .part = c->part };
}

bool cluster_say(struct cluster *c, enum wire_kind kind, const void *body, size_t length)
{
	struct wire_head head = head_of(c, kind, c->donor.number);
	int64_t bytes = wire_write(&head, slice_make(body, length), c->record, WIRE_BATCH_MOST);

	return bytes > 0 && heap_add(&c->out, c->record, (size_t)bytes);
}

bool cluster_say_batch(struct cluster *c, enum wire_kind kind, uint64_t number,
		       const struct batch *b)
{
	struct wire_head head = head_of(c, kind, number);
	int64_t bytes = wire_write_batch(&head, b, c->now_ns, c->record, WIRE_BATCH_MOST);

	return bytes > 0 && heap_add(&c->out, c->record, (size_t)bytes);
}

static struct flight *flight_at(struct cluster *c, uint32_t index)
{
	return &c->flights[(c->flight_first + index) % LIMIT_IN_FLIGHT];
}

static void land(const struct flight *f, enum reason reason)
{
	if (f->done)
		f->done(f->context, reason);
}

void cluster_lose_flights(struct cluster *c, enum reason reason)
{
	uint32_t count = c->flight_count;

	/* What is submitted meanwhile (a message judged again) stands behind these. */
	while (count-- && c->flight_count) {
		struct flight f = *flight_at(c, 0);

		c->flight_first = (c->flight_first + 1) % LIMIT_IN_FLIGHT;
		c->flight_count--;
		land(&f, reason);
	}
}

/* What is left of it without the member's own rows. */
static bool travels(const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++)
		if (row_is_replicated(b->changes[i].type))
			return true;
	return b->precondition_count || !b->change_count;
}

static void submit(void *self, const struct batch *b, apply_done_fn done, void *context)
{
	struct cluster *c = self;
	struct flight *f;

	if (!c->group.send && c->state == MEMBER_FULL) {
		apply_execute(c->apply, b, done, context);
		return;
	}
	apply_own(c->apply, b);
	if (!b->overflow && !travels(b)) {
		land(&(struct flight){ .done = done, .context = context }, REASON_none);
		return;
	}
	if (b->overflow || c->state != MEMBER_FULL || c->flight_count == LIMIT_IN_FLIGHT ||
	    !cluster_say_batch(c, WIRE_BATCH, ++c->number, b)) {
		land(&(struct flight){ .done = done, .context = context },
		     b->overflow ? REASON_message_limit : REASON_group_lost);
		return;
	}
	f = flight_at(c, c->flight_count++);
	*f = (struct flight){ c->number, c->now_ns, done, context };
}

/* Ours come back in the order in which they went; one that is skipped was lost on the way. */
static struct flight take_flight(struct cluster *c, uint64_t number)
{
	struct flight none = { 0 };

	while (c->flight_count) {
		struct flight f = *flight_at(c, 0);

		if (f.number > number)
			break;
		c->flight_first = (c->flight_first + 1) % LIMIT_IN_FLIGHT;
		c->flight_count--;
		if (f.number == number)
			return f;
		land(&f, REASON_batch_void);
	}
	return none;
}

void cluster_execute(struct cluster *c, const struct wire_head *head, struct slice body)
{
	bool is_own = cluster_is_self(c, head->from);
	struct flight f = { 0 };
	struct batch batch;

	arena_reset(&c->arena);
	if (is_own)
		f = take_flight(c, head->number);
	if (f.number)
		c->round_ns += (c->now_ns - f.sent_ns) / 16 - c->round_ns / 16;
	if (wire_read_batch(body, c->now_ns, &c->arena, &batch)) {
		c->foreign++;
		land(&f, REASON_group_lost);
		return;
	}
	/* From the other side of a partition, or from before one: nobody executes it. */
	if (head->part != c->part) {
		land(&f, REASON_batch_void);
		return;
	}
	batch.author = head->from.node;
	if (apply_execute(c->apply, &batch, f.done, f.context) == REASON_none && c->is_split)
		apart_note(c, &batch);
}

static void deliver_batch(struct cluster *c, const struct wire_head *head, struct slice body)
{
	if (c->state == MEMBER_FULL)
		cluster_execute(c, head, body);
	else if (fill_waits(c))
		fill_keep(c, head, body);
}

static void deliver_record(struct cluster *c, const struct wire_head *head, struct slice body)
{
	struct wire_hello hello;
	struct wire_start start;

	switch (head->kind) {
	case WIRE_BATCH:
		deliver_batch(c, head, body);
		break;
	case WIRE_VIEW:
		view_nonce(c, head->from, body);
		break;
	case WIRE_HELLO:
		if (body.length != sizeof(hello))
			break;
		memcpy(&hello, body.bytes, sizeof(hello));
		view_hello(c, head->from, head->part, &hello);
		break;
	case WIRE_START:
	case WIRE_END:
		if (body.length != sizeof(start))
			break;
		memcpy(&start, body.bytes, sizeof(start));
		if (start.count > LIMIT_MEMBERS)
			break;
		if (head->kind == WIRE_START)
			fill_start(c, head, &start);
		else
			fill_end(c, head, &start);
		break;
	case WIRE_SLICE:
		fill_slice(c, head, body);
		break;
	case WIRE_ASK:
		media_ask(c, body);
		break;
	case WIRE_SEEN:
		media_answer(c, body);
		break;
	}
}

static void refuse_record(struct cluster *c, struct wire_member from)
{
	struct peer *p = cluster_peer(c, from);

	c->foreign++;
	if (!p || p->state == MEMBER_FOREIGN)
		return;
	p->state = MEMBER_FOREIGN;
	view_settle(c);
	c->hands.alarm(c->hands.self, "cluster: a member speaks another version, it is not heard "
		       "(run one version on all members)");
}

void cluster_deliver(struct cluster *c, struct wire_member from, struct slice bytes,
		     uint64_t now_ns)
{
	struct wire_head head;
	struct slice body;

	c->now_ns = now_ns;
	while (bytes.length) {
		int error = wire_read(bytes, &head, &body);

		if (error == -EBADMSG || head.from.node != from.node ||
		    head.from.incarnation != from.incarnation) {
			c->foreign++;
			return;
		}
		if (error)
			refuse_record(c, from);
		else
			deliver_record(c, &head, body);
		bytes = slice_from(bytes, head.bytes);
	}
}

/* As many whole records as one message to the group may bear; at least one. */
static size_t next_chunk(const struct cluster *c)
{
	struct slice rest = slice_make(c->out.bytes + c->out_from, c->out.used - c->out_from);
	struct wire_head head;
	struct slice body;
	size_t length = 0;

	while (rest.length && !wire_read(rest, &head, &body) &&
	       (!length || length + head.bytes <= LIMIT_GROUP_BYTES)) {
		length += head.bytes;
		rest = slice_from(rest, head.bytes);
	}
	return length;
}

void cluster_flush(struct cluster *c)
{
	while (c->group.send && c->out_from < c->out.used) {
		size_t length = next_chunk(c);
		int error = c->group.send(c->group.self, c->out.bytes + c->out_from, length);

		if (error)
			break;
		c->out_from += length;
	}
	if (c->out_from == c->out.used)
		c->out_from = c->out.used = 0;
}

void cluster_start(struct cluster *c, const struct group_ops *group, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->out.used = c->out_from = 0;
	c->left_ns = 0;
	fill_abandon(c);
	if (group) {
		c->group = *group;
		/* A daemon that begins asks first; one that lost its group keeps what it has. */
		if (!c->part)
			cluster_set_state(c, MEMBER_JOINING);
		return;
	}
	c->group = (struct group_ops){ .send = NULL };
	cluster_view(c, &c->settings.self, 1, now_ns);
	/* Alone again: what was under way is judged anew and executed here. */
	cluster_set_state(c, MEMBER_FULL);
	cluster_lose_flights(c, REASON_batch_void);
}

void cluster_leave(struct cluster *c, const char *why)
{
	c->hands.alarm(c->hands.self, why);
	c->stalls++;
	c->left_ns = c->now_ns;
	c->out.used = c->out_from = 0;
	fill_abandon(c);
	c->peer_count = 0;
	c->is_split = false;
	c->group.leave(c->group.self);
	cluster_set_state(c, MEMBER_JOINING);
	cluster_lose_flights(c, REASON_group_lost);
}

void cluster_tick(struct cluster *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	if (c->left_ns && now_ns - c->left_ns >= REJOIN_NS && c->group.send &&
	    !c->group.join(c->group.self))
		c->left_ns = 0;
	if (c->group.send && !c->left_ns)
		fill_begin(c);
	if (c->group.send && !c->left_ns && c->state != MEMBER_FULL && c->peer_count > 1 &&
	    now_ns - c->progress_ns > FILL_NS)
		cluster_leave(c, "cluster: nobody fills our rows, we leave and join again (does "
				 "ringfence cluster on another member show it as full?)");
	if (c->flight_count && now_ns - flight_at(c, 0)->sent_ns > LAG_NS)
		cluster_leave(c, "cluster: our batches do not come back, we leave and join again "
				 "(is the link between the members overloaded?)");
	cluster_flush(c);
}

bool cluster_may_expire(const struct cluster *c, uint32_t author)
{
	const struct peer *oldest = NULL;

	if (c->state != MEMBER_FULL)
		return false;
	if (!c->group.send || author == c->settings.self.node)
		return true;
	for (uint32_t i = 0; i < c->peer_count; i++) {
		const struct peer *p = &c->peers[i];

		if (p->state != MEMBER_FULL)
			continue;
		if (p->id.node == author)
			return false;
		if (!oldest || p->id.node < oldest->id.node)
			oldest = p;
	}
	return oldest && cluster_is_self(c, oldest->id);
}

void cluster_status(const struct cluster *c, struct cluster_status *ret, uint64_t now_ns)
{
	const struct peer *donor = view_donor((struct cluster *)c);

	*ret = (struct cluster_status){
		.has_group = c->group.send != NULL, .is_full = c->state == MEMBER_FULL,
		.member_count = c->peer_count, .in_flight = c->flight_count,
		.round_ns = c->round_ns, .filled_rows = c->filled_rows,
		.batches = apply_number(c->apply), .stalls = c->stalls, .foreign = c->foreign,
	};
	if (c->flight_count)
		ret->lag_ns = now_ns - c->flights[c->flight_first].sent_ns;
	for (uint32_t i = 0; i < c->peer_count; i++) {
		const struct peer *p = &c->peers[i];
		struct cluster_member *m = &ret->members[i];

		*m = (struct cluster_member){ .id = p->id, .state = p->state,
					      .is_self = cluster_is_self(c, p->id),
					      .is_donor = p == donor,
					      .same_policy = p->hello.policy ==
							     c->settings.policy,
					      .rows = p->hello.rows };
		memcpy(m->version, p->hello.version, sizeof(m->version));
		m->version[sizeof(m->version) - 1] = '\0';
	}
}
