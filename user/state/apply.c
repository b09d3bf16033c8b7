// SPDX-License-Identifier: MIT
/* Executes batches, whole or not at all: everything that can fail is asked before anything is
 * changed. What the kernel does afterwards undoes no row. */
#include "state/apply.h"

#include <stdlib.h>
#include <string.h>

#include "state/mappings.h"
#include "state/project.h"

struct apply {
	struct tables *tables;
	struct projector_ops ops;
	struct projection *projection;
	struct mappings *mappings;
	struct apply_group group;    /* submit NULL: alone */
	struct apply_watch watch;    /* before NULL: nobody watches */
	uint64_t number;             /* of the last batch executed  */
};

/* While rows are installed they bear a number that no batch has. */
#define NUMBER_INSTALLED UINT64_MAX

/* Rows that were there before we were. */
static void restore_mappings(struct apply *a)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(a->tables, ROW_door, &cursor, &row))
		mappings_change(a->mappings, NULL, row.value);
}

struct apply *apply_new(struct tables *tables, const struct projector_ops *ops)
{
	static const struct hash_key projection_key = { { 0x72696e6766656e63, 0x70726f6a65637421 } };
	struct apply *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->tables = tables;
	a->ops = *ops;
	a->projection = projection_new(tables, &projection_key, ops);
	a->mappings = mappings_new(tables_capacity(tables, ROW_door), &projection_key);
	if (a->projection && a->mappings) {
		restore_mappings(a);
		return a;
	}
	apply_free(a);
	return NULL;
}

void apply_free(struct apply *a)
{
	if (!a)
		return;
	projection_free(a->projection);
	mappings_free(a->mappings);
	free(a);
}

void apply_warm(struct apply *a)
{
	projection_warm(a->projection);
}

static uint32_t version_of(const struct apply *a, enum row_type type, const struct row_key *key)
{
	const struct row_head *head = tables_find(a->tables, type, key);

	return head ? head->version : 0;
}

static bool ended_before(const struct batch *b, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (b->changes[k].verb == VERB_END && b->changes[k].type == b->changes[i].type &&
		    !memcmp(&b->changes[k].key, &b->changes[i].key, sizeof(b->changes[i].key)))
			return true;
	return false;
}

/* How many rows of the type a change needs room for; -1 where it makes room. */
static int64_t needs(const struct apply *a, const struct batch *b, uint32_t i)
{
	const struct change *c = &b->changes[i];
	bool is_there = tables_find(a->tables, c->type, &c->key) && !ended_before(b, i);

	if (c->verb == VERB_PUT)
		return !is_there;
	if (c->verb == VERB_CLAIM)
		return c->key.sub ? 0 : c->number;
	return c->verb == VERB_END && is_there ? -1 : 0;
}

/* In a table that is all but full: what ends before makes room, or no call could end there. */
static bool fits_in_order(const struct apply *a, const struct batch *b, enum row_type type)
{
	int64_t room = (int64_t)tables_capacity(a->tables, type) - tables_count(a->tables, type);

	for (uint32_t i = 0; i < b->change_count; i++) {
		if (b->changes[i].type == type)
			room -= needs(a, b, i);
		if (room < 0)
			return false;
	}
	return true;
}

/* New rows, counted by type: as many as there may be, for most tables have room for them. */
static bool fits(const struct apply *a, const struct batch *b)
{
	uint32_t fresh[ROW_COUNT] = { 0 };

	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if ((uint32_t)c->type >= ROW_COUNT)
			return false;
		if (c->verb == VERB_PUT)
			fresh[c->type]++;
		else if (c->verb == VERB_CLAIM && !c->key.sub)
			fresh[c->type] += c->number;
	}
	for (int type = 1; type < ROW_COUNT; type++)
		if (fresh[type] > tables_capacity(a->tables, (enum row_type)type) -
				  tables_count(a->tables, (enum row_type)type) &&
		    !fits_in_order(a, b, (enum row_type)type))
			return false;
	return true;
}

static uint32_t rows_of(const struct apply *a, enum row_type type, const struct owner *owner)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(a->tables, owner, rows, LIMIT_SUBJECTS), found = 0;

	for (uint32_t i = 0; i < count && i < LIMIT_SUBJECTS; i++)
		found += rows[i].type == type && !rows[i].key->part;
	return found;
}

/* What was counted when it was decided may have become more. */
static bool claims_hold(const struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if (c->verb == VERB_CLAIM && c->key.sub &&
		    rows_of(a, c->type, &c->key.owner) + c->number > c->key.sub)
			return false;
	}
	return true;
}

/* Rows lie anywhere: fetched one behind the other they would be what a decision costs. */
static void prefetch(const struct apply *a, const struct batch *b)
{
	const struct owner *last = NULL;

	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if (c->verb == VERB_PUT || c->verb == VERB_END)
			tables_prefetch(a->tables, c->type, &c->key);
		if (c->verb != VERB_TELL && (!last || memcmp(last, &c->key.owner, sizeof(*last))))
			tables_prefetch_owner(a->tables, &c->key.owner);
		last = &c->key.owner;
	}
}

/* Nobody is behind an outside endpoint that somebody else is behind. */
static bool mappings_hold(const struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if (c->verb == VERB_PUT && c->type == ROW_door &&
		    !mappings_fit(a->mappings, tables_find(a->tables, ROW_door, &c->key),
				  c->value))
			return false;
	}
	return true;
}

static enum reason check(const struct apply *a, const struct batch *b)
{
	if (b->overflow)
		return REASON_message_limit;
	for (uint32_t i = 0; i < b->precondition_count; i++) {
		const struct precondition *p = &b->preconditions[i];

		if (version_of(a, p->type, &p->key) != p->version)
			return REASON_batch_void;
	}
	if (!claims_hold(a, b) || !mappings_hold(a, b))
		return REASON_batch_void;
	return fits(a, b) ? REASON_none : REASON_table_full;
}

/* A lock is learned of one place: it goes with its door, and when that door moves. */
static bool ends_lock(const struct apply *a, enum row_type type, const struct row_key *key,
		      const void *value)
{
	const struct door_row *old = type == ROW_door ? tables_find(a->tables, type, key) : NULL;
	const struct door_row *now = value;

	return old && (!now || memcmp(&old->key, &now->key, sizeof(old->key)) ||
		       memcmp(&old->arrives_at, &now->arrives_at, sizeof(old->arrives_at)) ||
		       memcmp(&old->leaves_from, &now->leaves_from, sizeof(old->leaves_from)));
}

/* The row as it is handed in, with its head; NULL ends it. */
static void write_row(struct apply *a, enum row_type type, const struct row_key *key,
		      const void *value)
{
	int set;

	if (type == ROW_door)
		mappings_change(a->mappings, tables_find(a->tables, type, key), value);
	set = tables_set(a->tables, type, key, value);
	if (set < 0)
		return;
	if (a->ops.store(a->ops.self, type, key, value, set))
		a->ops.count(a->ops.self, COUNTER_kernel_errors, 1);
	if (type == ROW_timer && a->ops.timer)
		a->ops.timer(a->ops.follower, key, value);
	if (type == ROW_source && a->ops.source)
		a->ops.source(a->ops.follower, key);
	projection_touch(a->projection, type, key);
}

static void set_row(struct apply *a, enum row_type type, const struct row_key *key,
		    const struct batch *b, const void *value)
{
	const struct row_key kept = *key;
	const struct row_head *old = tables_find(a->tables, type, &kept);
	const struct row_head head = { old ? old->version + 1 : 1, b->author };
	const bool unlocks = ends_lock(a, type, &kept, value);
	uint8_t copy[ROW_BYTES_MOST];

	if (!value && !old)
		return;
	if (old && a->watch.before)
		a->watch.before(a->watch.self, &(struct row_view){ type, &kept, old });
	if (value) {
		memcpy(copy, value, row_bytes(type));
		memcpy(copy, &head, sizeof(head));
		value = copy;
	}
	write_row(a, type, &kept, value);
	if (unlocks)
		set_row(a, ROW_lock, &kept, b, NULL);
}

static bool is_in_set(const struct change *c, const struct row_view *row)
{
	if ((c->type != ROW_NONE && row->type != c->type) ||
	    (c->key.sub != SUB_ANY && row->key->sub != c->key.sub))
		return false;
	return c->type != ROW_door || c->key.part != PART_MEDIA_DOORS ||
	       ((const struct door_row *)row->value)->kind == DOOR_MEDIA;
}

static void end_set(struct apply *a, const struct batch *b, const struct change *c)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	static struct row_key keys[LIMIT_SUBJECTS];
	static enum row_type types[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(a->tables, &c->key.owner, rows, LIMIT_SUBJECTS), ended = 0;

	if (count > LIMIT_SUBJECTS)
		count = LIMIT_SUBJECTS;
	for (uint32_t i = 0; i < count; i++) {
		if (!is_in_set(c, &rows[i]))
			continue;
		types[ended] = rows[i].type;
		keys[ended++] = *rows[i].key;
	}
	for (uint32_t i = 0; i < ended; i++)
		set_row(a, types[i], &keys[i], b, NULL);
}

static void change_rows(struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if (c->verb == VERB_PUT)
			set_row(a, c->type, &c->key, b, c->value);
		else if (c->verb == VERB_END)
			set_row(a, c->type, &c->key, b, NULL);
		else if (c->verb == VERB_END_SET)
			end_set(a, b, c);
	}
}

void apply_own(struct apply *a, const struct batch *batch)
{
	for (uint32_t i = 0; !batch->overflow && i < batch->change_count; i++) {
		const struct change *c = &batch->changes[i];

		if (row_is_replicated(c->type))
			continue;
		if (c->verb == VERB_PUT || c->verb == VERB_END)
			set_row(a, c->type, &c->key, batch,
				c->verb == VERB_PUT ? c->value : NULL);
	}
}

static void tell(struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++)
		if (b->changes[i].verb == VERB_TELL && a->ops.told)
			a->ops.told(a->ops.follower, (enum tell)b->changes[i].number,
				    &b->changes[i].key.owner);
}

void apply_set_group(struct apply *a, const struct apply_group *group)
{
	a->group = group ? *group : (struct apply_group){ NULL, NULL };
}

bool apply_is_grouped(const struct apply *a)
{
	return a->group.submit != NULL;
}

void apply_submit(struct apply *a, const struct batch *batch, apply_done_fn done, void *context)
{
	if (a->group.submit)
		a->group.submit(a->group.self, batch, done, context);
	else
		apply_execute(a, batch, done, context);
}

enum reason apply_execute(struct apply *a, const struct batch *batch, apply_done_fn done,
			  void *context)
{
	enum reason reason;

	prefetch(a, batch);
	reason = check(a, batch);
	tables_set_number(a->tables, ++a->number);
	if (reason == REASON_none) {
		change_rows(a, batch);
		projection_open(a->projection);
	}
	if (done)
		done(context, reason);
	if (reason != REASON_none)
		return reason;
	projection_close(a->projection);
	tell(a, batch);
	return REASON_none;
}

void apply_watch_rows(struct apply *a, const struct apply_watch *watch)
{
	a->watch = watch ? *watch : (struct apply_watch){ NULL, NULL };
}

uint64_t apply_number(const struct apply *a)
{
	return a->number;
}

static void settle_all(struct apply *a, uint64_t number)
{
	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		while (tables_next(a->tables, (enum row_type)type, &cursor, &row))
			tables_settle(a->tables, &row, number);
	}
}

void apply_install_begin(struct apply *a)
{
	/* What an earlier try installed counts no more. */
	settle_all(a, 0);
	tables_set_number(a->tables, NUMBER_INSTALLED);
}

/* What was installed is as old as batch `number`; the rest goes. */
static void drop_old(struct apply *a, enum row_type type)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(a->tables, type, &cursor, &row)) {
		const struct row_key key = *row.key;

		if (tables_changed(&row) != NUMBER_INSTALLED)
			write_row(a, type, &key, NULL);
	}
}

void apply_install(struct apply *a, enum row_type type, const struct row_key *key,
		   const void *value)
{
	/* Old rows make room at the end; earlier only where new ones need it. */
	if (!tables_find(a->tables, type, key) &&
	    tables_count(a->tables, type) == tables_capacity(a->tables, type))
		drop_old(a, type);
	write_row(a, type, key, value);
}

void apply_install_end(struct apply *a, uint64_t number)
{
	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++)
		drop_old(a, (enum row_type)type);
	settle_all(a, number);
	a->number = number;
	tables_set_number(a->tables, number);
	projection_open(a->projection);
	projection_close(a->projection);
}

struct mappings *apply_mappings(const struct apply *a)
{
	return a->mappings;
}

uint32_t apply_reconcile(struct apply *a, const struct kernel_walk *held)
{
	return projection_reconcile(a->projection, held);
}

bool apply_claimant(const struct apply *a, const struct flow_key *key, struct row_key *ret)
{
	return projection_claimant(a->projection, key, ret);
}
