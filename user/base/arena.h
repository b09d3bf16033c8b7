/* SPDX-License-Identifier: MIT */
/* Memory of one message: given out in order, given back all at once. The bytes belong to whoever
 * made the arena; an arena never grows. */
#ifndef RINGFENCE_ARENA_H
#define RINGFENCE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *bytes;
	size_t size;
	size_t used;
};

static inline void arena_reset(struct arena *a)
{
	a->used = 0;
}

/* Zeroed memory aligned for any type, or NULL where the arena is exhausted. */
void *arena_take(struct arena *a, size_t size);
/* The same, with the bytes of an earlier message in it: for arrays whose entries are each written
 * before they are counted. */
void *arena_take_raw(struct arena *a, size_t size);

#endif
