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

static uint32_t place_in(const struct pending_item *item, const struct owner *owner)
{
	uint32_t i = 0;

	while (i < item->owner_count && memcmp(&item->owners[i], owner, sizeof(*owner)))
		i++;
	return i;
}

static struct pending_item *after(const struct pending_item *item, const struct owner *owner)
{
	return item->behind[place_in(item, owner)];
}

/* One owner named twice has one lane. */
static void name_once(struct pending_item *item)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct owner owner = item->owners[i];
		uint32_t named = item->owner_count;

		item->owner_count = kept;
		if (place_in(item, &owner) == kept)
			item->owners[kept++] = owner;
		item->owner_count = named;
	}
	item->owner_count = kept;
}

static bool has_room(const struct pending *p, const struct pending_item *item)
{
	if (p->count == p->most)
		return false;
	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct lane *lane = map_find(p->lanes, &item->owners[i]);

		if (lane && lane->count >= LIMIT_CALL_QUEUE)
			return false;
	}
	return true;
}

static bool is_first(const struct pending *p, const struct pending_item *item)
{
	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct lane *lane = map_find(p->lanes, &item->owners[i]);

		if (lane && lane->first != item)
			return false;
	}
	return true;
}

int pending_enter(struct pending *p, struct pending_item *item)
{
	name_once(item);
	if (!has_room(p, item))
		return -ENOBUFS;
	for (uint32_t i = 0; i < item->owner_count; i++) {
		struct lane *lane = map_take(p->lanes, &item->owners[i]);

		item->behind[i] = NULL;
		if (!lane->first)
			lane->first = item;
		else
			lane->last->behind[place_in(lane->last, &item->owners[i])] = item;
		lane->last = item;
		lane->count++;
	}
	item->entered = true;
	p->count++;
	return is_first(p, item);
}

static void make_ready(struct pending *p, struct pending_item *item)
{
	item->next_ready = NULL;
	*p->ready_end = item;
	p->ready_end = &item->next_ready;
}

/* Only what is first leaves: the others wait. */
void pending_leave(struct pending *p, struct pending_item *item)
{
	if (!item->entered)
		return;
	item->entered = false;
	p->count--;
	for (uint32_t i = 0; i < item->owner_count; i++) {
		struct lane *lane = map_find(p->lanes, &item->owners[i]);

		lane->first = item->behind[i];
		if (--lane->count == 0)
			map_remove(p->lanes, &item->owners[i]);
		else if (is_first(p, lane->first))
			make_ready(p, lane->first);
	}
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

bool pending_is_busy(const struct pending *p, const struct owner *owners, uint32_t count)
{
	for (uint32_t i = 0; p->count && i < count; i++)
		if (map_find(p->lanes, &owners[i]))
			return true;
	return false;
}

bool pending_holds(const struct pending *p, const struct pending_item *item,
		   bool (*same)(const struct pending_item *a, const struct pending_item *b))
{
	for (uint32_t i = 0; i < item->owner_count; i++) {
		const struct lane *lane = map_find(p->lanes, &item->owners[i]);

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
