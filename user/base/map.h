/* SPDX-License-Identifier: MIT */
/* Keyed table of fixed capacity: keys are strangers' bytes, thus a keyed hash; memory is taken
 * once. Keys and values are plain records of fixed size, padding zeroed. Open addressing with
 * back-shift deletion over an index of entries; an entry's address is stable while it lives. */
#ifndef RINGFENCE_MAP_H
#define RINGFENCE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "hash.h"

struct map;

/* NULL where memory is short or a size is out of bounds. Ownership: the caller, until map_free. */
struct map *map_new(size_t key_bytes, size_t value_bytes, uint32_t capacity,
		    const struct hash_key *key);
void map_free(struct map *m);

void *map_find(const struct map *m, const void *key);
/* It is soon asked for: what a look-up waits for is fetched meanwhile. */
void map_prefetch(const struct map *m, const void *key);
/* The value of `key`, zeroed where it is new; NULL where the table is full. */
void *map_take(struct map *m, const void *key);
/* 0, or -ENOENT. */
int map_remove(struct map *m, const void *key);
/* The key of a value that map_find, map_take or map_next gave. */
const void *map_key(const struct map *m, const void *value);
/* Place of that value's entry: map_next has passed it once its cursor is larger. */
uint32_t map_place(const struct map *m, const void *value);
uint32_t map_count(const struct map *m);
uint32_t map_capacity(const struct map *m);

/* Brings the pages of the entries that come next, so that no map_take waits for one. Cheap where they
 * are there: to be called again and again, when nobody waits. */
void map_warm(struct map *m);

/* The same with the key's hash, for who asks for one key several times: maps of one hash key and key
 * size have the same. */
uint64_t map_hash(const struct map *m, const void *key);
void *map_find_hashed(const struct map *m, const void *key, uint64_t hash);
void map_prefetch_hashed(const struct map *m, uint64_t hash);
void *map_take_hashed(struct map *m, const void *key, uint64_t hash);
int map_remove_hashed(struct map *m, const void *key, uint64_t hash);

/* Walks all entries; start with *cursor 0. False at the end. The entry just returned may be
 * removed on the way. */
bool map_next(const struct map *m, uint32_t *cursor, const void **ret_key, void **ret_value);

#endif
