// SPDX-License-Identifier: MIT
/* Two tables, one a direction. Doors are counted in both; a port that nobody claims any more stays in
 * the second one until its rest is over, so that late packets meet no stranger's call. */
#include "state/mappings.h"

#include <stdlib.h>

#include "base/map.h"

struct inside_key {
	struct endpoint inside;
	uint16_t seen_from;
	uint16_t pad;
};

struct outside_value {
	struct endpoint inside;
	uint32_t claims;
	uint16_t seen_from;
	uint16_t pad;
	uint64_t freed_ns;           /* claims 0: since when it rests */
};

struct inside_value {
	struct endpoint outside;     /* the one that goes on                         */
	uint32_t claims;             /* of all that it has                           */
};

struct resting {
	struct endpoint outside;
	uint64_t freed_ns;
};

struct mappings {
	struct map *inside;          /* inside_key -> inside_value  */
	struct map *outside;         /* endpoint   -> outside_value */
	struct resting *resting;     /* ring, the oldest first      */
	uint32_t first, count, most;
	uint64_t now_ns;
};

/* What one door claims: at most one mapping of its receiver and one of its sender. */
struct claims {
	struct {
		struct inside_key inside;
		struct endpoint outside;
	} items[2];
	uint32_t count;
};

static void claim(struct claims *c, const struct address *a, __be16 port, uint16_t seen_from,
		  const struct endpoint *outside)
{
	if (!outside->port || !port)
		return;
	c->items[c->count].inside = (struct inside_key){ { *a, port, 0 }, seen_from, 0 };
	c->items[c->count++].outside = *outside;
}

static struct claims claims_of(const struct door_row *door)
{
	struct claims c = { .count = 0 };

	if (!door)
		return c;
	claim(&c, &door->key.destination, door->key.destination_port, door->key.zone,
	      &door->arrives_at);
	claim(&c, &door->key.source, door->key.source_port, door->zone_out, &door->leaves_from);
	return c;
}

struct mappings *mappings_new(uint32_t most, const struct hash_key *key)
{
	struct mappings *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->most = most;
	/* A door claims two at most; what rests comes on top. */
	m->inside = map_new(sizeof(struct inside_key), sizeof(struct inside_value), 2 * most, key);
	m->outside = map_new(sizeof(struct endpoint), sizeof(struct outside_value), 3 * most, key);
	m->resting = malloc(most * sizeof(*m->resting));
	if (m->inside && m->outside && m->resting)
		return m;
	mappings_free(m);
	return NULL;
}

void mappings_free(struct mappings *m)
{
	if (!m)
		return;
	map_free(m->inside);
	map_free(m->outside);
	free(m->resting);
	free(m);
}

static void wake_oldest(struct mappings *m)
{
	const struct resting *r = &m->resting[m->first];
	const struct outside_value *v = map_find(m->outside, &r->outside);

	if (v && !v->claims && v->freed_ns == r->freed_ns)
		map_remove(m->outside, &r->outside);
	m->first = (m->first + 1) % m->most;
	m->count--;
}

void mappings_clock(struct mappings *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	while (m->count && m->resting[m->first].freed_ns + LIMIT_NAT_QUARANTINE_NS <= now_ns)
		wake_oldest(m);
}

static void let_rest(struct mappings *m, const struct endpoint *outside, struct outside_value *v)
{
	if (m->count == m->most)
		wake_oldest(m);
	v->freed_ns = m->now_ns;
	m->resting[(m->first + m->count++) % m->most] = (struct resting){ *outside, m->now_ns };
}

static bool is_before(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a, b, sizeof(*a)) < 0;
}

/* Members that drew for one host at once gave it two outside endpoints, and both hold. The first of
 * them by its bytes is the one that goes on: on every member the same. */
static void choose_again(struct mappings *m, const struct inside_key *key, struct inside_value *in)
{
	bool found = false;
	uint32_t cursor = 0;
	const void *at;
	void *value;

	while (map_next(m->outside, &cursor, &at, &value)) {
		const struct outside_value *v = value;

		if (!v->claims || v->seen_from != key->seen_from ||
		    memcmp(&v->inside, &key->inside, sizeof(v->inside)) ||
		    (found && !is_before(at, &in->outside)))
			continue;
		memcpy(&in->outside, at, sizeof(in->outside));
		found = true;
	}
}

static void drop(struct mappings *m, const struct inside_key *key, const struct endpoint *outside)
{
	struct inside_value *in = map_find(m->inside, key);
	struct outside_value *out = map_find(m->outside, outside);
	bool is_last = out && out->claims && !--out->claims;

	if (is_last)
		let_rest(m, outside, out);
	if (in && !--in->claims)
		map_remove(m->inside, key);
	else if (in && is_last && !memcmp(&in->outside, outside, sizeof(*outside)))
		choose_again(m, key, in);
}

static void add(struct mappings *m, const struct inside_key *key, const struct endpoint *outside)
{
	struct inside_value *in = map_take(m->inside, key);
	struct outside_value *out = map_take(m->outside, outside);

	if (in && (!in->claims++ || is_before(outside, &in->outside)))
		in->outside = *outside;
	if (out) {
		out->inside = key->inside;
		out->seen_from = key->seen_from;
		out->claims++;
	}
}

void mappings_change(struct mappings *m, const struct door_row *old, const struct door_row *now)
{
	const struct claims before = claims_of(old), after = claims_of(now);

	/* First what comes: what stays must not rest in between. */
	for (uint32_t i = 0; i < after.count; i++)
		add(m, &after.items[i].inside, &after.items[i].outside);
	for (uint32_t i = 0; i < before.count; i++)
		drop(m, &before.items[i].inside, &before.items[i].outside);
}

/* Those of the claims that hold this outside endpoint. */
static uint32_t held_by(const struct claims *c, const struct endpoint *outside)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < c->count; i++)
		held += !memcmp(&c->items[i].outside, outside, sizeof(*outside));
	return held;
}

bool mappings_fit(const struct mappings *m, const struct door_row *old, const struct door_row *now)
{
	const struct claims before = claims_of(old), after = claims_of(now);

	for (uint32_t i = 0; i < after.count; i++) {
		const struct endpoint *outside = &after.items[i].outside;
		const struct outside_value *v = map_find(m->outside, outside);

		if (v && v->claims > held_by(&before, outside) &&
		    memcmp(&v->inside, &after.items[i].inside.inside, sizeof(v->inside)))
			return false;
	}
	return true;
}

static bool find_outside(const void *state, const struct endpoint *inside, uint16_t seen_from,
			 struct endpoint *ret)
{
	const struct mappings *m = state;
	const struct inside_key key = { *inside, seen_from, 0 };
	const struct inside_value *v = map_find(m->inside, &key);

	if (v)
		*ret = v->outside;
	return v != NULL;
}

static bool find_inside(const void *state, const struct endpoint *outside, struct endpoint *ret)
{
	const struct mappings *m = state;
	const struct outside_value *v = map_find(m->outside, outside);

	if (!v || !v->claims)
		return false;
	*ret = v->inside;
	return true;
}

static bool is_free(const void *state, const struct endpoint *outside,
		    const struct endpoint *inside)
{
	const struct mappings *m = state;
	const struct outside_value *v = map_find(m->outside, outside);

	return !v || (!v->claims && !memcmp(&v->inside, inside, sizeof(*inside)));
}

struct nat_view mappings_view(const struct mappings *m)
{
	return (struct nat_view){ find_outside, find_inside, is_free, m };
}

bool mappings_next(const struct mappings *m, uint32_t *cursor, struct nat_mapping *ret)
{
	const void *key;
	void *value;

	while (map_next(m->outside, cursor, &key, &value)) {
		const struct outside_value *v = value;

		if (!v->claims)
			continue;
		*ret = (struct nat_mapping){ .inside = v->inside, .seen_from = v->seen_from,
					     .claims = v->claims };
		memcpy(&ret->outside, key, sizeof(ret->outside));
		return true;
	}
	return false;
}

uint32_t mappings_count(const struct mappings *m)
{
	return map_count(m->inside);
}
