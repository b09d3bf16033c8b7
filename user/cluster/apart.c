// SPDX-License-Identifier: MIT
/* What a part of a split group did on its own. Calls that began there are proposed to the part that
 * goes on, calls that ended there end in it too; what both changed stays as the other has it. */
#include "cluster/member.h"

static void note_ended(struct cluster *c, const struct owner *owner)
{
	c->ended[c->ended_count++ % ENDED_MOST] = *owner;
}

static bool has_call(const struct cluster *c, const struct owner *owner)
{
	const struct row_key key = row_key_make(owner, 0, 0);

	return tables_find(c->tables, ROW_call, &key) != NULL;
}

/* A timer that ends a call ends itself with it: the other side may well have heard of that one. */
static bool is_by_timer(const struct batch *b, const struct owner *owner)
{
	for (uint32_t i = 0; i < b->change_count; i++)
		if (b->changes[i].verb == VERB_END && b->changes[i].type == ROW_timer &&
		    !memcmp(&b->changes[i].key.owner, owner, sizeof(*owner)))
			return true;
	return false;
}

void apart_note(struct cluster *c, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *change = &b->changes[i];
		const struct call_row *call = change->value;
		const struct owner *owner = &change->key.owner;

		if (change->verb == VERB_PUT && change->type == ROW_call &&
		    call->state == CALL_COMPLETED)
			note_ended(c, owner);
		/* where nothing of it stays */
		if (change->verb == VERB_TELL && change->number == TELL_CALL_ENDED &&
		    !has_call(c, owner) && !is_by_timer(b, owner))
			note_ended(c, owner);
	}
}

static void keep(struct cluster *c, const struct batch *b)
{
	struct wire_head head = { .kind = WIRE_BATCH, .from = c->settings.self };
	int64_t bytes = wire_write_batch(&head, b, c->apart_ns, c->record, WIRE_BATCH_MOST);

	if (bytes < 0 || !heap_add(&c->apart, c->record, (size_t)bytes))
		c->hands.alarm(c->hands.self, "cluster: not all calls of the split part could be "
			       "kept (they end with their next message)");
}

/* Where else it is looked for. */
static void put_places(struct batch *b, const struct row_view *row)
{
	struct row_key keys[ROW_PLACES];
	uint32_t count = row_places(row->type, row->value, keys);

	for (uint32_t i = 0; i < count; i++)
		if (memcmp(&keys[i], row->key, sizeof(*row->key)))
			batch_put(b, row->type, &keys[i], row->value);
}

/* The rows of a call that the other part still has. */
static void end_places(struct cluster *c, struct batch *b, const struct owner *owner)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(c->tables, owner, rows, LIMIT_SUBJECTS);

	for (uint32_t i = 0; i < count && i < LIMIT_SUBJECTS; i++) {
		struct row_key keys[ROW_PLACES];
		uint32_t places = row_places(rows[i].type, rows[i].value, keys);

		for (uint32_t k = 0; k < places; k++)
			batch_end(b, rows[i].type, &keys[k]);
	}
}

static void keep_call(struct cluster *c, const struct row_view *call)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(c->tables, &call->key->owner, rows, LIMIT_SUBJECTS);
	struct batch b;

	arena_reset(&c->arena);
	batch_init(&b, &c->arena);
	batch_expect(&b, ROW_call, call->key, 0);
	for (uint32_t i = 0; i < count && i < LIMIT_SUBJECTS; i++) {
		batch_put(&b, rows[i].type, rows[i].key, rows[i].value);
		put_places(&b, &rows[i]);
	}
	if (b.overflow)
		return;
	keep(c, &b);
}

static void keep_end(struct cluster *c, const struct owner *owner)
{
	struct batch b;

	arena_reset(&c->arena);
	batch_init(&b, &c->arena);
	batch_end_set(&b, ROW_NONE, owner, SUB_ANY);
	keep(c, &b);
}

/* The rows are still ours. */
void apart_collect(struct cluster *c)
{
	uint32_t cursor = 0, ended = c->ended_count < ENDED_MOST ? c->ended_count : ENDED_MOST;
	struct row_view row;

	heap_free(&c->apart);
	c->apart_ns = c->now_ns;
	if (!c->is_split)
		return;
	while (tables_next(c->tables, ROW_call, &cursor, &row))
		if (tables_born(&row) > c->split_number)
			keep_call(c, &row);
	for (uint32_t i = 0; i < ended; i++)
		keep_end(c, &c->ended[i]);
}

/* Filled: they are proposed like any decision, and hold where nobody else made the same. */
void apart_propose(struct cluster *c)
{
	struct slice rest = slice_make(c->apart.bytes, c->apart.used);
	struct wire_head head;
	struct slice body;
	struct batch b;

	for (; rest.length && !wire_read(rest, &head, &body);
	     rest = slice_from(rest, head.bytes)) {
		arena_reset(&c->arena);
		if (wire_read_batch(body, c->apart_ns, &c->arena, &b))
			continue;
		if (b.changes[0].verb == VERB_END_SET)
			end_places(c, &b, &b.changes[0].key.owner);
		apply_submit(c->apply, &b, NULL, NULL);
	}
	heap_free(&c->apart);
}
