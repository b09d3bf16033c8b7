// SPDX-License-Identifier: MIT
/* Rows to kernel entries. Which doors claim which key is kept in two tables; what the kernel should
 * hold for a key is always computed anew from the doors themselves. */
#include "state/project.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/map.h"
#include "state/door.h"

#define TOUCHED_MOST 4096
/* Claims of one key that are always added up anew. Where calls by the thousand share a port, what ends
 * is taken out of the sum only once half of what was added up is gone: a call stays cheap. */
#define EXACT_CLAIMS 32

struct claim_key {
	struct row_key row;
	uint32_t type;               /* ROW_door or ROW_lock */
	uint32_t pad;
};

struct claim {
	struct claim *next, **link;  /* next is an older one; next first: see claim_newer */
	struct opening *opening;
	struct claim_key key;
	struct flow_key flow;
};

struct opening {
	struct claim *claims, *oldest;
	struct claim *holder;        /* whose translation holds; NULL: to be chosen */
	struct permit permit;
	struct translation translation;
	uint32_t count;              /* claims */
	uint32_t gone;               /* since they were added up */
	uint32_t is_open;
	uint32_t pad;
};

struct touched {
	struct flow_key flow;
	struct claim_key by;
};

struct projection {
	const struct tables *tables;
	struct projector_ops ops;
	struct map *claims;          /* claim_key -> struct claim    */
	struct map *openings;        /* flow_key  -> struct opening  */
	struct touched touched[TOUCHED_MOST];
	uint32_t touched_count;
};

struct projection *projection_new(const struct tables *tables, const struct hash_key *key,
				  const struct projector_ops *ops)
{
	uint32_t most = tables_capacity(tables, ROW_door) + tables_capacity(tables, ROW_lock);
	struct projection *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->tables = tables;
	p->ops = *ops;
	p->claims = map_new(sizeof(struct claim_key), sizeof(struct claim), most, key);
	/* A key that is touched lives until projection_close, beside the one that replaces it. */
	p->openings = map_new(sizeof(struct flow_key), sizeof(struct opening),
			      most + TOUCHED_MOST, key);
	if (p->claims && p->openings)
		return p;
	projection_free(p);
	return NULL;
}

void projection_free(struct projection *p)
{
	if (!p)
		return;
	map_free(p->claims);
	map_free(p->openings);
	free(p);
}

void projection_warm(struct projection *p)
{
	map_warm(p->claims);
	map_warm(p->openings);
}

/* What the row asks for; false where it asks for nothing. A lock asks for its door's permission. */
static bool row_flow(const struct projection *p, const struct claim_key *key, struct flow_key *ret)
{
	const struct door_row *door = tables_find(p->tables, ROW_door, &key->row);
	const struct lock_row *lock;

	if (!door || door->flags & PERMIT_CLOSED)
		return false;
	if (key->type == ROW_door) {
		*ret = door_flow(door);
		return true;
	}
	lock = tables_find(p->tables, ROW_lock, &key->row);
	if (lock)
		*ret = lock->key;
	return lock != NULL;
}

static void merge(struct permit *permit, const struct door_row *door, bool first)
{
	uint32_t early = PERMIT_EARLY;

	/* One claim that is answered makes the whole no longer early. */
	if (!first)
		early &= permit->flags & door->flags;
	else
		early &= door->flags;
	permit->flags = ((permit->flags | door->flags) & ~(uint32_t)PERMIT_EARLY) | early;
	permit->payload_types[0] |= door->payload_types[0];
	permit->payload_types[1] |= door->payload_types[1];
	if (first || door->expires_ns > permit->expires_ns)
		permit->expires_ns = door->expires_ns;
	if (first || (permit->packets_per_second && door->packets_per_second >
		      permit->packets_per_second) || !door->packets_per_second)
		permit->packets_per_second = door->packets_per_second;
	permit->clock_hz = door->clock_hz;
	permit->zone_out = door->zone_out;
	permit->speaks = door->speaks;
}

/* False where its door is no more. */
static bool add_up(const struct projection *p, const struct claim_key *key, bool first,
		   struct permit *permit)
{
	const struct door_row *door = tables_find(p->tables, ROW_door, &key->row);

	if (!door)
		return false;
	merge(permit, door, first);
	if (key->type == ROW_lock)
		permit->flags &= ~(uint32_t)PERMIT_LOCK;
	return true;
}

static bool want_all(const struct projection *p, struct opening *o, struct permit *ret)
{
	bool first = true;

	memset(ret, 0, sizeof(*ret));
	for (const struct claim *c = o->claims; c; c = c->next)
		if (add_up(p, &c->key, first, ret))
			first = false;
	o->gone = 0;
	return !first;
}

/* What the claims ask for together, now that `by` came, changed or went. */
static bool want(const struct projection *p, struct opening *o, const struct claim_key *by,
		 struct permit *ret)
{
	const struct claim *c = by ? map_find(p->claims, by) : NULL;

	if (!by || !o->is_open || o->count <= EXACT_CLAIMS || o->gone > o->count / 2)
		return want_all(p, o, ret);
	*ret = o->permit;
	if (c && c->opening == o)
		add_up(p, by, false, ret);
	return true;
}

/* The claim that came after this one; NULL: none. */
static struct claim *claim_newer(const struct claim *c)
{
	_Static_assert(offsetof(struct claim, next) == 0, "a link to `next` is a claim");
	return c->link == &c->opening->claims ? NULL : (struct claim *)c->link;
}

/* One packet has one way to leave. The oldest claim says which, so that no later call turns a running
 * stream to itself; but what is answered goes before what is only offered. */
static bool claim_is_firm(const struct projection *p, const struct claim *c)
{
	const struct door_row *door = tables_find(p->tables, ROW_door, &c->key.row);

	return door && !(door->flags & PERMIT_EARLY);
}

static struct translation claim_translation(const struct projection *p, const struct claim *c)
{
	const struct door_row *door = tables_find(p->tables, ROW_door, &c->key.row);

	return door ? door_translation(door) : (struct translation){ .pad = 0 };
}

static struct claim *choose_holder(const struct projection *p, const struct opening *o)
{
	struct claim *c = o->oldest;

	for (int i = 0; c && i < EXACT_CLAIMS; i++, c = claim_newer(c))
		if (claim_is_firm(p, c))
			return c;
	return o->oldest;
}

/* How packets leave, now that `by` came, changed or went. */
static struct translation want_translation(struct projection *p, struct opening *o,
					   const struct claim_key *by)
{
	struct claim *c = by ? map_find(p->claims, by) : NULL;
	struct translation held, other;

	if (c && c->opening != o)
		c = NULL;
	if (!o->holder || (c == o->holder && !claim_is_firm(p, c)))
		o->holder = choose_holder(p, o);
	else if (c && claim_is_firm(p, c) && !claim_is_firm(p, o->holder))
		o->holder = c;
	held = claim_translation(p, o->holder);
	if (!c || c == o->holder)
		return held;
	other = claim_translation(p, c);
	if (memcmp(&held, &other, sizeof(held)))
		p->ops.count(p->ops.self, COUNTER_translations_contested, 1);
	return held;
}

static void drop_claim(struct projection *p, struct claim *c)
{
	c->opening->count--;
	c->opening->gone++;
	if (c->opening->oldest == c)
		c->opening->oldest = claim_newer(c);
	if (c->opening->holder == c)
		c->opening->holder = NULL;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	map_remove(p->claims, &c->key);
}

static void add_claim(struct projection *p, const struct claim_key *key, const struct flow_key *f)
{
	struct opening *o = map_take(p->openings, f);
	struct claim *c = o ? map_take(p->claims, key) : NULL;

	if (!c) {
		p->ops.count(p->ops.self, COUNTER_kernel_errors, 1);
		return;
	}
	c->key = *key;
	c->flow = *f;
	c->opening = o;
	o->count++;
	c->next = o->claims;
	c->link = &o->claims;
	if (c->next)
		c->next->link = &c->next;
	else
		o->oldest = c;
	o->claims = c;
}

static void note(struct projection *p, const struct flow_key *flow, const struct claim_key *by)
{
	if (p->touched_count == TOUCHED_MOST) {
		projection_open(p);
		projection_close(p);
	}
	p->touched[p->touched_count++] = (struct touched){ *flow, *by };
}

static void touch_claim(struct projection *p, enum row_type type, const struct row_key *row)
{
	struct claim_key key = { .row = *row, .type = type };
	struct claim *c = map_find(p->claims, &key);
	struct flow_key flow;
	bool wanted = row_flow(p, &key, &flow);

	if (c && wanted && !memcmp(&c->flow, &flow, sizeof(flow))) {
		c->opening->gone++;          /* what it asked for before */
		note(p, &flow, &key);
		return;
	}
	if (c) {
		note(p, &c->flow, &key);
		drop_claim(p, c);
	}
	if (wanted) {
		add_claim(p, &key, &flow);
		note(p, &flow, &key);
	}
}

void projection_touch(struct projection *p, enum row_type type, const struct row_key *key)
{
	if (type == ROW_door || type == ROW_lock)
		touch_claim(p, type, key);
	if (type == ROW_door)
		touch_claim(p, ROW_lock, key);
}

static void kernel_failed(struct projection *p, int error)
{
	if (error)
		p->ops.count(p->ops.self, COUNTER_kernel_errors, 1);
}

static void resolve_ends(struct projection *p, const struct flow_key *key,
			 const struct translation *translation)
{
	if (!p->ops.resolve)
		return;
	p->ops.resolve(p->ops.follower, translation->destination_port ? &translation->destination :
								       &key->destination);
	if (!address_is_zero(&key->source))
		p->ops.resolve(p->ops.follower, &key->source);
}

static void open_key(struct projection *p, const struct flow_key *key, const struct claim_key *by)
{
	struct opening *o = map_find(p->openings, key);
	struct translation translation;
	struct permit permit;
	bool moved;

	if (!o || !o->claims || !want(p, o, by, &permit))
		return;
	translation = want_translation(p, o, by);
	permit.flags &= ~(uint32_t)PERMIT_TRANSLATED;
	if (!translation_is_none(&translation))
		permit.flags |= PERMIT_TRANSLATED;
	permit.slot = o->is_open ? o->permit.slot : SLOT_NONE;
	moved = memcmp(&translation, &o->translation, sizeof(translation)) != 0;
	if (o->is_open && !moved && !memcmp(&permit, &o->permit, sizeof(permit)))
		return;
	kernel_failed(p, p->ops.open(p->ops.self, key, &translation, &permit));
	if (!o->is_open)
		p->ops.count(p->ops.self, COUNTER_doors_opened, 1);
	if (!o->is_open || moved)
		resolve_ends(p, key, &translation);
	o->translation = translation;
	o->permit = permit;
	o->is_open = 1;
}

void projection_open(struct projection *p)
{
	for (uint32_t i = 0; i < p->touched_count; i++)
		open_key(p, &p->touched[i].flow, &p->touched[i].by);
	if (p->touched_count && p->ops.commit)
		p->ops.commit(p->ops.self);
}

void projection_close(struct projection *p)
{
	for (uint32_t i = 0; i < p->touched_count; i++) {
		const struct flow_key *key = &p->touched[i].flow;
		struct opening *o = map_find(p->openings, key);

		if (!o || o->claims)
			continue;
		if (o->is_open) {
			kernel_failed(p, p->ops.close(p->ops.self, key, &o->permit));
			p->ops.count(p->ops.self, COUNTER_doors_closed, 1);
		}
		map_remove(p->openings, key);
	}
	p->touched_count = 0;
}

bool projection_claimant(const struct projection *p, const struct flow_key *key,
			 struct row_key *ret)
{
	const struct opening *o = map_find(p->openings, key);

	if (!o || !o->claims)
		return false;
	*ret = o->claims->key.row;
	return true;
}

/* Rows are read back in any order: of firm claims that differ, the one that held goes on. */
static void adopt_holder(const struct projection *p, struct opening *o)
{
	struct claim *c = o->oldest;

	for (int i = 0; c && !o->holder && i < EXACT_CLAIMS; i++, c = claim_newer(c)) {
		struct translation t = claim_translation(p, c);

		if (claim_is_firm(p, c) && !memcmp(&t, &o->translation, sizeof(t)))
			o->holder = c;
	}
}

/* Entries of the kernel's that a door claims keep their slot; the others close. */
static uint32_t adopt(struct projection *p, const struct kernel_walk *held)
{
	uint32_t closed = 0;
	struct flow_key key;
	struct permit permit;
	struct translation translation;

	while (held->next(held->self, &key, &permit, &translation)) {
		struct opening *o = map_find(p->openings, &key);

		if (o) {
			o->translation = translation;
			adopt_holder(p, o);
			o->permit = permit;
			o->is_open = 1;
			continue;
		}
		kernel_failed(p, p->ops.close(p->ops.self, &key, &permit));
		closed++;
	}
	return closed;
}

/* Rows to claims; then what the kernel holds beside them, or otherwise, is mended. */
uint32_t projection_reconcile(struct projection *p, const struct kernel_walk *held)
{
	uint32_t cursor, mended;
	struct row_view row;
	const void *at;
	void *value;

	for (cursor = 0; tables_next(p->tables, ROW_door, &cursor, &row);)
		projection_touch(p, ROW_door, row.key);
	p->touched_count = 0;
	for (cursor = 0; map_next(p->openings, &cursor, &at, &value);)
		((struct opening *)value)->is_open = 0;
	mended = adopt(p, held);
	for (cursor = 0; map_next(p->openings, &cursor, &at, &value);) {
		const struct opening *o = value;
		const struct opening before = *o;

		open_key(p, at, NULL);
		mended += !before.is_open ||
			  memcmp(&before.permit, &o->permit, sizeof(o->permit)) != 0 ||
			  memcmp(&before.translation, &o->translation, sizeof(o->translation)) != 0;
	}
	if (p->ops.commit)
		p->ops.commit(p->ops.self);
	return mended;
}
