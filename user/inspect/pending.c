// SPDX-License-Identifier: MIT
/* Lanes in a keyed table; an item is linked into each of its lanes. */
#include "inspect/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct lane {
	struct pending_item *first, *last;
	uint32_t count;
	uint32_t alone;              /* of them: those that do not share it */
};

struct pending {
	struct map *lanes;           /* owner -> struct lane */
	struct pending_item *ready, **ready_end;
	uint32_t count, most;
};

struct pending *pending_new(uint32_t most, const struct hash_key *key)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->most = most;
	p->ready_end = &p->ready;
	p->lanes = map_new(sizeof(struct owner), sizeof(struct lane), most * LIMIT_WANTS, key);
	if (p->lanes)
		return p;
	free(p);
	return NULL;
}

void pending_free(struct pending *p)
{
	if (!p)
		return;
	map_free(p->lanes);
	free(p);
}

static bool shares(const struct pending_item *item, uint32_t i)
{
	return item->shared >> i & 1;
}

static uint32_t place_in(const struct pending_item *item, const struct owner *owner)
{
	uint32_t i = 0;

	while (i < item->owner_count && memcmp(&item->owners[i], owner, sizeof(*owner)))
		i++;
	return i;
}

static struct pending_item *after(const struct pending_item *item, const struct owner *owner)
{
	return item->places[place_in(item, owner)].behind;
}

/* One owner named twice has one lane, shared where both would share it. */
static void name_once(struct pending_item *item)
{
	uint32_t kept = 0, shared = 0, named = item->owner_count;

	for (uint32_t i = 0; i < named; i++) {
		const struct owner owner = item->owners[i];
		uint32_t at;

		item->owner_count = kept;
		at = place_in(item, &owner);
		if (at == kept) {
			item->owners[kept++] = owner;
			shared |= (uint32_t)shares(item, i) << at;
		} else if (!shares(item, i)) {
			shared &= ~(1u << at);
		}
	}
	item->owner_count = kept;
	item->shared = shared;
}

static bool has_room(const struct pending *p, const struct pending_item *item)
{
	if (p->count == p->most)
		return false;
	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct lane *lane = map_find(p->lanes, &item->owners[i]);

		if (lane && !shares(item, i) && lane->alone >= LIMIT_CALL_QUEUE)
			return false;
	}
	return true;
}

/* Is nobody before it, or only who shares like it? */
static bool is_free_in(const struct lane *lane, const struct pending_item *item, uint32_t i)
{
	const struct pending_item *before = item->places[i].before;

	if (!shares(item, i))
		return lane->first == item;
	while (lane->alone && before) {
		uint32_t at = place_in(before, &item->owners[i]);

		if (!shares(before, at))
			return false;
		before = before->places[at].before;
	}
	return true;
}

static bool is_free(const struct pending *p, const struct pending_item *item)
{
	for (uint32_t i = 0; i < item->owner_count; i++)
		if (!is_free_in(map_find(p->lanes, &item->owners[i]), item, i))
			return false;
	return true;
}

static void take_place(struct lane *lane, struct pending_item *item, uint32_t i)
{
	struct pending_item *last = lane->last;

	item->places[i].behind = NULL;
	item->places[i].before = last;
	if (last)
		last->places[place_in(last, &item->owners[i])].behind = item;
	else
		lane->first = item;
	lane->last = item;
	lane->count++;
	lane->alone += !shares(item, i);
}

int pending_enter(struct pending *p, struct pending_item *item)
{
	name_once(item);
	if (!has_room(p, item))
		return -ENOBUFS;
	for (uint32_t i = 0; i < item->owner_count; i++)
		take_place(map_take(p->lanes, &item->owners[i]), item, i);
	item->entered = true;
	p->count++;
	item->goes = is_free(p, item);
	return item->goes;
}

static void make_ready(struct pending *p, struct pending_item *item)
{
	if (item->goes || !is_free(p, item))
		return;
	item->goes = true;
	item->next_ready = NULL;
	*p->ready_end = item;
	p->ready_end = &item->next_ready;
}

static void give_place(struct lane *lane, struct pending_item *item, uint32_t i)
{
	struct pending_item *before = item->places[i].before, *behind = item->places[i].behind;

	if (before)
		before->places[place_in(before, &item->owners[i])].behind = behind;
	else
		lane->first = behind;
	if (behind)
		behind->places[place_in(behind, &item->owners[i])].before = before;
	else
		lane->last = before;
	lane->count--;
	lane->alone -= !shares(item, i);
}

/* Whoever stands first, and all that share the lane with him. */
static void wake(struct pending *p, const struct lane *lane, const struct owner *owner)
{
	struct pending_item *item = lane->first;

	while (item) {
		bool shared = shares(item, place_in(item, owner));

		if (shared || item == lane->first)
			make_ready(p, item);
		item = shared ? after(item, owner) : NULL;
	}
}

/* Where all share a lane nobody waits in it, and who goes wakes nobody. */
static void leave_lane(struct pending *p, struct pending_item *item, uint32_t i)
{
	const struct owner *owner = &item->owners[i];
	struct lane *lane = map_find(p->lanes, owner);

	give_place(lane, item, i);
	if (!lane->count)
		map_remove(p->lanes, owner);
	else if (!shares(item, i))
		wake(p, lane, owner);
	else if (lane->alone)
		make_ready(p, lane->first);
}

void pending_leave(struct pending *p, struct pending_item *item)
{
	if (!item->entered)
		return;
	item->entered = item->goes = false;
	p->count--;
	for (uint32_t i = 0; i < item->owner_count; i++)
		leave_lane(p, item, i);
}

struct pending_item *pending_ready(struct pending *p)
{
	struct pending_item *item = p->ready;

	if (!item)
		return NULL;
	p->ready = item->next_ready;
	if (!p->ready)
		p->ready_end = &p->ready;
	return item;
}

bool pending_is_busy(const struct pending *p, const struct pending_item *item)
{
	for (uint32_t i = 0; p->count && i < item->owner_count; i++) {
		const struct lane *lane = map_find(p->lanes, &item->owners[i]);

		if (lane && (lane->alone || !shares(item, i)))
			return true;
	}
	return false;
}

bool pending_holds(const struct pending *p, const struct pending_item *item,
		   bool (*same)(const struct pending_item *a, const struct pending_item *b))
{
	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct lane *lane =
			shares(item, i) ? NULL : map_find(p->lanes, &item->owners[i]);

		for (const struct pending_item *at = lane ? lane->first : NULL; at;
		     at = after(at, &item->owners[i]))
			if (same(at, item))
				return true;
	}
	return false;
}

uint32_t pending_count(const struct pending *p)
{
	return p->count;
}
