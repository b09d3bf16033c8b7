// SPDX-License-Identifier: MIT
/* Rows in memory. A keyed table a type; rows of one owner are chained, so that all that belongs to
 * a call is found at once; receivers that a host named itself are counted for the guard. */
#include "state/tables.h"

#include <errno.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/map.h"

/* Head of what the table keeps for each row; the row's value follows. */
struct entry {
	struct entry *next, **link;  /* chain of the owner, in order of arrival reversed */
	const struct row_key *key;
	uint64_t born, changed;      /* numbers of batches */
	uint32_t type;
	bool is_head;                /* of the chain                                      */
};

struct named_key {
	struct address address;
	__be16 port;
	uint16_t zone;
	uint32_t pad;
};

/* One decision asks for its few keys again and again: they are hashed once. */
#define MEMO 64

struct memo {
	struct memo_row {
		struct row_key key;
		uint64_t hash;
	} rows[MEMO];
	struct memo_owner {
		struct owner owner;
		uint64_t hash;
	} owners[MEMO];
};

struct tables {
	struct map *rows[ROW_COUNT];
	struct map *owners;          /* owner -> struct entry *  */
	struct map *named;           /* named_key -> uint32_t    */
	struct memo *memo;
	uint64_t number;
};

static const uint32_t capacities[ROW_COUNT] = {
#define ROW(name, capacity, replicated, sentence) [ROW_##name] = capacity,
#include <ringfence/row.def>
#undef ROW
};

/* The projection cannot refuse: the kernel's maps hold what the rows can ask for. */
enum {
#define ROW(name, capacity, replicated, sentence) CAPACITY_##name = capacity,
#include <ringfence/row.def>
#undef ROW
};
_Static_assert(LIMIT_FLOWS >= CAPACITY_door + CAPACITY_lock, "a flow for each door and lock");
_Static_assert(LIMIT_PINHOLES >= CAPACITY_door, "a pinhole for each door");

/* Zeros are a key like any other. */
static bool memo_open(struct tables *t)
{
	static const struct row_key key;

	t->memo = calloc(1, sizeof(*t->memo));
	for (int i = 0; t->memo && i < MEMO; i++) {
		t->memo->rows[i].hash = map_hash(t->rows[ROW_NONE + 1], &key);
		t->memo->owners[i].hash = map_hash(t->owners, &key.owner);
	}
	return t->memo != NULL;
}

/* Rows of all types are hashed alike. */
static uint64_t hash_of(const struct tables *t, const struct row_key *key)
{
	uint64_t start, place;
	struct memo_row *m;

	memcpy(&start, key->owner.bytes, sizeof(start));
	place = start ^ key->sub ^ key->part;
	m = &t->memo->rows[(place ^ place >> 32 ^ key->part >> 16) % MEMO];
	if (memcmp(&m->key, key, sizeof(*key))) {
		m->key = *key;
		m->hash = map_hash(t->rows[ROW_NONE + 1], key);
	}
	return m->hash;
}

static uint64_t hash_of_owner(const struct tables *t, const struct owner *owner)
{
	struct memo_owner *m = &t->memo->owners[(owner->bytes[0] ^ owner->bytes[15]) % MEMO];

	if (memcmp(&m->owner, owner, sizeof(*owner))) {
		m->owner = *owner;
		m->hash = map_hash(t->owners, owner);
	}
	return m->hash;
}

struct tables *tables_new(const struct hash_key *key, uint32_t shrink)
{
	struct tables *t = calloc(1, sizeof(*t));
	uint32_t owners = 0;

	if (!t)
		return NULL;
	for (int type = 1; type < ROW_COUNT; type++) {
		uint32_t capacity = capacities[type] / shrink;

		owners += capacity;
		t->rows[type] = map_new(sizeof(struct row_key),
					sizeof(struct entry) + row_bytes(type), capacity, key);
		if (!t->rows[type])
			goto fail;
	}
	t->owners = map_new(sizeof(struct owner), sizeof(struct entry *), owners, key);
	t->named = map_new(sizeof(struct named_key), sizeof(uint32_t),
			   capacities[ROW_door] / shrink, key);
	if (t->owners && t->named && memo_open(t))
		return t;
fail:
	tables_free(t);
	errno = ENOMEM;
	return NULL;
}

void tables_free(struct tables *t)
{
	if (!t)
		return;
	for (int type = 1; type < ROW_COUNT; type++)
		map_free(t->rows[type]);
	map_free(t->owners);
	map_free(t->named);
	free(t->memo);
	free(t);
}

void tables_warm(struct tables *t)
{
	for (int type = 1; type < ROW_COUNT; type++)
		map_warm(t->rows[type]);
	map_warm(t->owners);
	map_warm(t->named);
}

static bool type_is_known(enum row_type type)
{
	return type > ROW_NONE && type < ROW_COUNT;
}

const void *tables_find(const struct tables *t, enum row_type type, const struct row_key *key)
{
	const struct entry *e = type_is_known(type) ?
					map_find_hashed(t->rows[type], key, hash_of(t, key)) : NULL;

	return e ? e + 1 : NULL;
}

void tables_prefetch(const struct tables *t, enum row_type type, const struct row_key *key)
{
	if (type_is_known(type))
		map_prefetch_hashed(t->rows[type], hash_of(t, key));
}

void tables_prefetch_owner(const struct tables *t, const struct owner *owner)
{
	map_prefetch_hashed(t->owners, hash_of_owner(t, owner));
}

uint32_t tables_of_owner(const struct tables *t, const struct owner *owner, struct row_view *ret,
			 uint32_t most)
{
	struct entry *const *head = map_find_hashed(t->owners, owner, hash_of_owner(t, owner));
	uint32_t count = 0;

	for (const struct entry *e = head ? *head : NULL; e; e = e->next, count++)
		if (count < most)
			ret[count] = (struct row_view){ (enum row_type)e->type, e->key, e + 1 };
	return count;
}

bool tables_next(const struct tables *t, enum row_type type, uint32_t *cursor, struct row_view *ret)
{
	const void *key;
	void *entry;

	if (!type_is_known(type) || !map_next(t->rows[type], cursor, &key, &entry))
		return false;
	*ret = (struct row_view){ type, key, (const struct entry *)entry + 1 };
	return true;
}

uint32_t tables_count(const struct tables *t, enum row_type type)
{
	return type_is_known(type) ? map_count(t->rows[type]) : 0;
}

uint32_t tables_capacity(const struct tables *t, enum row_type type)
{
	return type_is_known(type) ? map_capacity(t->rows[type]) : 0;
}

void tables_set_number(struct tables *t, uint64_t number)
{
	t->number = number;
}

static const struct entry *entry_of(const struct row_view *row)
{
	return (const struct entry *)row->value - 1;
}

uint64_t tables_born(const struct row_view *row)
{
	return entry_of(row)->born;
}

uint64_t tables_changed(const struct row_view *row)
{
	return entry_of(row)->changed;
}

void tables_settle(struct tables *t, const struct row_view *row, uint64_t number)
{
	struct entry *e = map_find(t->rows[row->type], row->key);

	e->born = e->changed = number;
}

bool tables_passed(const struct tables *t, const struct row_view *row, uint32_t cursor)
{
	return map_place(t->rows[row->type], entry_of(row)) < cursor;
}

static struct named_key name_key(const struct address *a, __be16 port, uint16_t zone)
{
	return (struct named_key){ .address = *a, .port = port, .zone = zone };
}

bool tables_named(const void *tables, const struct endpoint *e, uint16_t zone)
{
	const struct tables *t = tables;
	struct named_key key = name_key(&e->address, e->port, zone);

	return map_find(t->named, &key) != NULL;
}

static void count_named(struct tables *t, const struct door_row *door, int step)
{
	struct named_key key = name_key(&door->key.destination, door->key.destination_port,
					door->zone_out);
	uint32_t *count;

	if (!address_equal(&door->key.destination, &door->named_by.address))
		return;
	count = map_take(t->named, &key);
	if (!count)
		return;
	*count += (uint32_t)step;
	if (!*count)
		map_remove(t->named, &key);
}

static void unchain(struct tables *t, struct entry *e)
{
	*e->link = e->next;
	if (e->next) {
		e->next->link = e->link;
		e->next->is_head = e->is_head;
	} else if (e->is_head) {
		map_remove_hashed(t->owners, &e->key->owner,
				  hash_of_owner(t, &e->key->owner));
	}
}

/* The head lies in the owners' table, whose entries keep their place while they live. */
static int chain(struct tables *t, struct entry *e, const struct row_key *key)
{
	struct entry **head = map_take_hashed(t->owners, &key->owner,
						hash_of_owner(t, &key->owner));

	if (!head)
		return -ENOSPC;
	e->next = *head;
	e->link = head;
	e->is_head = true;
	if (e->next) {
		e->next->link = &e->next;
		e->next->is_head = false;
	}
	*head = e;
	return 0;
}

static void end_row(struct tables *t, enum row_type type, const struct row_key *key)
{
	struct entry *e = map_find_hashed(t->rows[type], key, hash_of(t, key));

	if (!e)
		return;
	if (type == ROW_door)
		count_named(t, (const struct door_row *)(e + 1), -1);
	unchain(t, e);
	map_remove_hashed(t->rows[type], key, hash_of(t, key));
}

int tables_set(struct tables *t, enum row_type type, const struct row_key *key, const void *value)
{
	struct entry *e;
	bool is_new;

	if (!type_is_known(type))
		return -EINVAL;
	if (!value) {
		end_row(t, type, key);
		return 0;
	}
	e = map_take_hashed(t->rows[type], key, hash_of(t, key));
	if (!e)
		return -ENOSPC;
	/* A row that is there names its key. */
	is_new = !e->key;
	e->changed = t->number;
	if (is_new) {
		e->born = t->number;
		e->type = type;
		e->key = map_key(t->rows[type], e);
		if (chain(t, e, key)) {
			map_remove(t->rows[type], key);
			return -ENOSPC;
		}
	} else if (type == ROW_door) {
		count_named(t, (const struct door_row *)(e + 1), -1);
	}
	memcpy(e + 1, value, row_bytes(type));
	if (type == ROW_door)
		count_named(t, value, 1);
	return is_new;
}
