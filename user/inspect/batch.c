/* SPDX-License-Identifier: MIT */
/* Batches are filled here and executed in state/apply.c. What does not fit marks the whole batch:
 * half a decision is none. */
#include "inspect/batch.h"

#include <string.h>

#include <ringfence/limits.h>

static const struct {
	const char *name;
	uint32_t bytes;
	bool replicated;
} rows[ROW_COUNT] = {
	[ROW_NONE] = { "none", 0, true },
#define ROW(name, capacity, replicated, sentence)                                                \
	[ROW_##name] = { #name, sizeof(struct name##_row), replicated },
#include <ringfence/row.def>
#undef ROW
};

uint32_t row_bytes(enum row_type type)
{
	return (uint32_t)type < ROW_COUNT ? rows[type].bytes : 0;
}

const char *row_name(enum row_type type)
{
	return (uint32_t)type < ROW_COUNT ? rows[type].name : "none";
}

void batch_init(struct batch *b, struct arena *arena)
{
	memset(b, 0, sizeof(*b));
	b->arena = arena;
	b->changes = arena_take_raw(arena, LIMIT_CHANGES * sizeof(*b->changes));
	b->preconditions =
		arena_take_raw(arena, LIMIT_PRECONDITIONS * sizeof(*b->preconditions));
	b->overflow = !b->changes || !b->preconditions;
}

bool row_is_replicated(enum row_type type)
{
	return (uint32_t)type < ROW_COUNT && rows[type].replicated;
}

uint64_t owner_sub(const struct owner *o)
{
	uint64_t sub;

	memcpy(&sub, o->bytes, sizeof(sub));
	return sub && sub != SUB_ANY ? sub : 1;
}

uint32_t row_places(enum row_type type, const void *value, struct row_key ret[ROW_PLACES])
{
	static const struct owner nobody;
	const struct connection_row *c = value;

	if (type != ROW_connection)
		return 0;
	ret[0] = row_key_make(&c->media, 0, 0);
	ret[1] = row_key_make(&c->index, owner_sub(&c->media), 0);
	if (!c->connection || !memcmp(&c->endpoint, &nobody, sizeof(nobody)))
		return 2;
	ret[2] = row_key_make(&c->endpoint, c->connection, 0);
	return 3;
}

static struct change *add(struct batch *b, enum verb verb, enum row_type type)
{
	struct change *c;

	if (b->overflow || b->change_count >= LIMIT_CHANGES) {
		b->overflow = true;
		return NULL;
	}
	c = &b->changes[b->change_count++];
	memset(c, 0, sizeof(*c));
	c->verb = verb;
	c->type = type;
	return c;
}

static void put(struct batch *b, enum row_type type, const struct row_key *key, const void *value,
		bool optional)
{
	uint32_t bytes = row_bytes(type);
	void *copy = bytes ? arena_take_raw(b->arena, bytes) : NULL;
	struct change *c;

	if (!copy) {
		b->overflow = true;
		return;
	}
	memcpy(copy, value, bytes);
	c = add(b, VERB_PUT, type);
	if (!c)
		return;
	c->optional = optional;
	c->key = *key;
	c->value = copy;
}

void batch_put(struct batch *b, enum row_type type, const struct row_key *key, const void *value)
{
	put(b, type, key, value, false);
}

void batch_put_optional(struct batch *b, enum row_type type, const struct row_key *key,
			const void *value)
{
	put(b, type, key, value, true);
}

void batch_end(struct batch *b, enum row_type type, const struct row_key *key)
{
	struct change *c = add(b, VERB_END, type);

	if (c)
		c->key = *key;
}

void batch_end_set(struct batch *b, enum row_type type, const struct owner *owner, uint64_t sub)
{
	struct change *c = add(b, VERB_END_SET, type);

	if (!c)
		return;
	c->key.owner = *owner;
	c->key.sub = sub;
}

void batch_end_media_doors(struct batch *b, const struct owner *owner, uint64_t sub)
{
	struct change *c = add(b, VERB_END_SET, ROW_door);

	if (!c)
		return;
	c->key.owner = *owner;
	c->key.sub = sub;
	c->key.part = PART_MEDIA_DOORS;
}

void batch_claim(struct batch *b, enum row_type type, uint32_t count)
{
	struct change *c = add(b, VERB_CLAIM, type);

	if (c)
		c->number = count;
}

void batch_claim_of(struct batch *b, enum row_type type, const struct owner *owner, uint32_t count,
		    uint32_t most)
{
	struct change *c = add(b, VERB_CLAIM, type);

	if (!c)
		return;
	c->key = row_key_make(owner, most, 0);
	c->number = count;
}

void batch_tell(struct batch *b, enum tell tell, const struct owner *owner)
{
	struct change *c = add(b, VERB_TELL, ROW_NONE);

	if (!c)
		return;
	c->key.owner = *owner;
	c->number = tell;
}

void batch_expect(struct batch *b, enum row_type type, const struct row_key *key,
		  uint32_t version)
{
	struct precondition *p;

	if (b->overflow || b->precondition_count >= LIMIT_PRECONDITIONS) {
		b->overflow = true;
		return;
	}
	p = &b->preconditions[b->precondition_count++];
	*p = (struct precondition){ .type = type, .key = *key, .version = version };
}
