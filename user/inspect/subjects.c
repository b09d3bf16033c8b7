/* SPDX-License-Identifier: MIT */
/* Looks a row up among those handed to a judgement. */
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
