/* SPDX-License-Identifier: MIT */
/* Looks a row up among those handed to a judgement; names owners. */
#include "inspect/inspect.h"

const struct row_view *subjects_find(const struct subjects *s, enum row_type type,
				     const struct row_key *key)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct row_view *row = &s->rows[i];

		if (row->type == type && memcmp(row->key, key, sizeof(*key)) == 0)
			return row;
	}
	return NULL;
}

const void *subjects_value(const struct subjects *s, enum row_type type,
			   const struct row_key *key)
{
	const struct row_view *row = subjects_find(s, type, key);

	return row ? row->value : NULL;
}

struct owner owner_named(const struct hash_key *key, const struct slice *parts, uint32_t count)
{
	struct hash128 hash = hash_parts(key, parts, count);
	struct owner owner;

	memcpy(owner.bytes, &hash, sizeof(owner.bytes));
	return owner;
}
