// SPDX-License-Identifier: MIT
/* Executes batches, whole or not at all: everything that can fail is asked before anything is
 * changed. What the kernel does afterwards undoes no row. */
#include "state/apply.h"

#include <stdlib.h>
#include <string.h>

#include "state/project.h"

struct apply {
	struct tables *tables;
	struct projector_ops ops;
	struct projection *projection;
	struct apply_group group;    /* submit NULL: alone */
};

struct apply *apply_new(struct tables *tables, const struct projector_ops *ops)
{
	static const struct hash_key projection_key = { { 0x72696e6766656e63, 0x70726f6a65637421 } };
	struct apply *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->tables = tables;
	a->ops = *ops;
	a->projection = projection_new(tables, &projection_key, ops);
	if (a->projection)
		return a;
	free(a);
	return NULL;
}

void apply_free(struct apply *a)
{
	if (!a)
		return;
	projection_free(a->projection);
	free(a);
}

static uint32_t version_of(const struct apply *a, enum row_type type, const struct row_key *key)
{
	const struct row_head *head = tables_find(a->tables, type, key);

	return head ? head->version : 0;
}

/* New rows, counted by type; a batch that ends rows frees nothing for itself. */
static bool fits(const struct apply *a, const struct batch *b)
{
	uint32_t fresh[ROW_COUNT] = { 0 };

	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if ((uint32_t)c->type >= ROW_COUNT)
			return false;
		if (c->verb == VERB_PUT && !tables_find(a->tables, c->type, &c->key))
			fresh[c->type]++;
		else if (c->verb == VERB_CLAIM)
			fresh[c->type] += c->number;
	}
	for (int type = 1; type < ROW_COUNT; type++)
		if (fresh[type] > tables_capacity(a->tables, (enum row_type)type) -
				  tables_count(a->tables, (enum row_type)type))
			return false;
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
	return fits(a, b) ? REASON_none : REASON_table_full;
}

static void set_row(struct apply *a, enum row_type type, const struct row_key *key,
		    const void *value)
{
	uint8_t copy[ROW_BYTES_MOST];
	struct row_head head = { .version = version_of(a, type, key) + 1 };
	struct row_key kept = *key;

	if (!value && head.version == 1)
		return;
	if (value) {
		memcpy(copy, value, row_bytes(type));
		memcpy(copy, &head, sizeof(head));
		value = copy;
	}
	if (tables_set(a->tables, type, &kept, value))
		return;
	if (a->ops.store(a->ops.self, type, &kept, value))
		a->ops.count(a->ops.self, COUNTER_kernel_errors, 1);
	if (type == ROW_timer && a->ops.timer)
		a->ops.timer(a->ops.self, &kept, value);
	projection_touch(a->projection, type, &kept);
	/* A lock without its door is nothing. */
	if (type == ROW_door && !value)
		set_row(a, ROW_lock, &kept, NULL);
}

static void end_set(struct apply *a, const struct change *c)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	static struct row_key keys[LIMIT_SUBJECTS];
	static enum row_type types[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(a->tables, &c->key.owner, rows, LIMIT_SUBJECTS), ended = 0;

	if (count > LIMIT_SUBJECTS)
		count = LIMIT_SUBJECTS;
	for (uint32_t i = 0; i < count; i++) {
		if ((c->type != ROW_NONE && rows[i].type != c->type) ||
		    (c->key.sub != SUB_ANY && rows[i].key->sub != c->key.sub))
			continue;
		types[ended] = rows[i].type;
		keys[ended++] = *rows[i].key;
	}
	for (uint32_t i = 0; i < ended; i++)
		set_row(a, types[i], &keys[i], NULL);
}

static void change_rows(struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++) {
		const struct change *c = &b->changes[i];

		if (c->verb == VERB_PUT)
			set_row(a, c->type, &c->key, c->value);
		else if (c->verb == VERB_END)
			set_row(a, c->type, &c->key, NULL);
		else if (c->verb == VERB_END_SET)
			end_set(a, c);
	}
}

static void tell(struct apply *a, const struct batch *b)
{
	for (uint32_t i = 0; i < b->change_count; i++)
		if (b->changes[i].verb == VERB_TELL && a->ops.told)
			a->ops.told(a->ops.self, (enum tell)b->changes[i].number,
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
	enum reason reason = check(a, batch);

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

uint32_t apply_reconcile(struct apply *a, const struct kernel_walk *held)
{
	return projection_reconcile(a->projection, held);
}

bool apply_claimant(const struct apply *a, const struct flow_key *key, struct row_key *ret)
{
	return projection_claimant(a->projection, key, ret);
}
