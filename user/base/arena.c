/* SPDX-License-Identifier: MIT */
/* Memory of one message: a mark that moves up. */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

void *arena_take_raw(struct arena *a, size_t size)
{
	const uintptr_t mask = alignof(max_align_t) - 1;
	uintptr_t at = (uintptr_t)a->bytes + a->used;
	size_t pad = (size_t)((mask + 1 - (at & mask)) & mask);
	void *bytes;

	if (pad > a->size - a->used || size > a->size - a->used - pad)
		return NULL;
	bytes = a->bytes + a->used + pad;
	a->used += pad + size;
	return bytes;
}

void *arena_take(struct arena *a, size_t size)
{
	void *bytes = arena_take_raw(a, size);

	if (bytes)
		memset(bytes, 0, size);
	return bytes;
}
