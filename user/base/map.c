/* SPDX-License-Identifier: MIT */
/* Keyed table: an index of buckets (linear probing, at most half full) over entries that never
 * move. Removal shifts the buckets behind it back, so that no tombstones gather. A bucket bears
 * part of its key's hash: at scale a look-up costs what its cache and TLB misses cost, and so it
 * touches one bucket and one entry. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NOWHERE UINT32_MAX
#define HUGE_PAGE ((size_t)2 << 20)
#define PAGE ((size_t)4 << 10)
#define WARM_BYTES ((size_t)512 << 10)

struct bucket {
	uint32_t entry;    /* + 1, 0 empty       */
	uint32_t hash;     /* low half           */
};

struct entry_meta {
	uint32_t next_free;
	bool is_used;
};

struct map {
	size_t key_bytes;
	size_t value_bytes;
	size_t value_offset;
	size_t stride;
	uint32_t capacity;
	uint32_t count;
	uint32_t fresh;	   /* entries from here on were never used: pages untouched */
	uint32_t free;	   /* first of the entries given back, or NOWHERE        */
	uint32_t warm;	   /* entries before this one have their pages           */
	uint32_t mask;	   /* buckets - 1                                        */
	struct bucket *buckets;
	struct entry_meta *meta;
	uint8_t *entries;
	struct hash_key key;
};

static size_t round_up(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* Large pages where the kernel has them: a keyed hash goes anywhere in the index, and each page that
 * it meets costs a walk through the page tables. All are there from now on: no message waits for one.
 * Entries are used in order, and come page by page. */
static struct bucket *buckets_new(size_t count)
{
	size_t bytes = count * sizeof(struct bucket);
	struct bucket *buckets;

	if (bytes < HUGE_PAGE)
		return calloc(count, sizeof(*buckets));
	buckets = aligned_alloc(HUGE_PAGE, bytes);
	if (!buckets)
		return NULL;
	madvise(buckets, bytes, MADV_HUGEPAGE);
	memset(buckets, 0, bytes);
	return buckets;
}

struct map *map_new(size_t key_bytes, size_t value_bytes, uint32_t capacity,
		    const struct hash_key *key)
{
	struct map *m;
	uint32_t buckets = 4;

	if (capacity == 0 || capacity > 1u << 30 || key_bytes == 0 || key_bytes > 65536 ||
	    value_bytes > 65536) {
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	while (buckets < 2 * capacity)
		buckets *= 2;
	m->key_bytes = key_bytes;
	m->value_bytes = value_bytes;
	m->value_offset = round_up(key_bytes);
	m->stride = m->value_offset + round_up(value_bytes);
	m->capacity = capacity;
	m->free = NOWHERE;
	m->mask = buckets - 1;
	m->key = *key;
	m->buckets = buckets_new(buckets);
	m->meta = calloc(capacity, sizeof(*m->meta));
	m->entries = calloc(capacity, m->stride);
	if (!m->buckets || !m->meta || !m->entries) {
		map_free(m);
		return NULL;
	}
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	free(m->buckets);
	free(m->meta);
	free(m->entries);
	free(m);
}

static uint8_t *entry_key(const struct map *m, uint32_t entry)
{
	return m->entries + entry * m->stride;
}

static void *entry_value(const struct map *m, uint32_t entry)
{
	return entry_key(m, entry) + m->value_offset;
}

/* The bucket that holds `key`, or the empty one where it would go; one is always empty. */
static uint32_t bucket_of(const struct map *m, const void *key, uint64_t hash)
{
	uint32_t b = (uint32_t)hash & m->mask;

	while (m->buckets[b].entry) {
		if (m->buckets[b].hash == (uint32_t)hash &&
		    memcmp(entry_key(m, m->buckets[b].entry - 1), key, m->key_bytes) == 0)
			break;
		b = (b + 1) & m->mask;
	}
	return b;
}

uint64_t map_hash(const struct map *m, const void *key)
{
	return hash64(&m->key, slice_make(key, m->key_bytes));
}

void *map_find_hashed(const struct map *m, const void *key, uint64_t hash)
{
	uint32_t b = bucket_of(m, key, hash);

	return m->buckets[b].entry ? entry_value(m, m->buckets[b].entry - 1) : NULL;
}

void *map_find(const struct map *m, const void *key)
{
	return map_find_hashed(m, key, map_hash(m, key));
}

void map_prefetch_hashed(const struct map *m, uint64_t hash)
{
	__builtin_prefetch(&m->buckets[(uint32_t)hash & m->mask]);
}

void map_prefetch(const struct map *m, const void *key)
{
	map_prefetch_hashed(m, map_hash(m, key));
}

static uint32_t entry_take(struct map *m)
{
	uint32_t entry = m->free;

	if (entry != NOWHERE) {
		m->free = m->meta[entry].next_free;
		return entry;
	}
	return m->fresh < m->capacity ? m->fresh++ : NOWHERE;
}

/* Nothing is in these entries yet. */
void map_warm(struct map *m)
{
	const uint32_t ahead = (uint32_t)(WARM_BYTES / m->stride) + 1;
	uint32_t until = m->fresh + ahead < m->capacity ? m->fresh + ahead : m->capacity;

	if (m->warm < m->fresh)
		m->warm = m->fresh;
	if (until <= m->warm)
		return;
	for (size_t at = m->warm * m->stride; at < until * m->stride; at += PAGE)
		m->entries[at] = 0;
	for (; m->warm < until; m->warm++)
		m->meta[m->warm].is_used = false;
}

void *map_take_hashed(struct map *m, const void *key, uint64_t hash)
{
	uint32_t b = bucket_of(m, key, hash);
	uint32_t entry;

	if (m->buckets[b].entry)
		return entry_value(m, m->buckets[b].entry - 1);
	entry = entry_take(m);
	if (entry == NOWHERE)
		return NULL;
	m->buckets[b] = (struct bucket){entry + 1, (uint32_t)hash};
	m->meta[entry] = (struct entry_meta){.is_used = true};
	memcpy(entry_key(m, entry), key, m->key_bytes);
	memset(entry_value(m, entry), 0, m->value_bytes);
	m->count++;
	return entry_value(m, entry);
}

void *map_take(struct map *m, const void *key)
{
	return map_take_hashed(m, key, map_hash(m, key));
}

/* Fills the hole with the next bucket whose own place does not lie behind the hole. */
static void close_hole(struct map *m, uint32_t hole)
{
	uint32_t b = hole;

	for (;;) {
		uint32_t home;

		b = (b + 1) & m->mask;
		if (!m->buckets[b].entry)
			break;
		home = m->buckets[b].hash & m->mask;
		if (((b - home) & m->mask) < ((b - hole) & m->mask))
			continue;
		m->buckets[hole] = m->buckets[b];
		hole = b;
	}
	m->buckets[hole].entry = 0;
}

int map_remove_hashed(struct map *m, const void *key, uint64_t hash)
{
	uint32_t b = bucket_of(m, key, hash);
	uint32_t entry;

	if (!m->buckets[b].entry)
		return -ENOENT;
	entry = m->buckets[b].entry - 1;
	close_hole(m, b);
	m->meta[entry] = (struct entry_meta){.next_free = m->free};
	m->free = entry;
	m->count--;
	return 0;
}

int map_remove(struct map *m, const void *key)
{
	return map_remove_hashed(m, key, map_hash(m, key));
}

const void *map_key(const struct map *m, const void *value)
{
	return (const uint8_t *)value - m->value_offset;
}

uint32_t map_place(const struct map *m, const void *value)
{
	return (uint32_t)((size_t)((const uint8_t *)map_key(m, value) - m->entries) / m->stride);
}

uint32_t map_count(const struct map *m)
{
	return m->count;
}

uint32_t map_capacity(const struct map *m)
{
	return m->capacity;
}

bool map_next(const struct map *m, uint32_t *cursor, const void **ret_key, void **ret_value)
{
	for (uint32_t entry = *cursor; entry < m->fresh; entry++) {
		if (!m->meta[entry].is_used)
			continue;
		*cursor = entry + 1;
		*ret_key = entry_key(m, entry);
		*ret_value = entry_value(m, entry);
		return true;
	}
	*cursor = m->fresh;
	return false;
}
