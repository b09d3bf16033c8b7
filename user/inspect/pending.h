/* SPDX-License-Identifier: MIT */
/* Who waits for whom: a lane an owner (a call, a registration), in order of arrival. What is first
 * in all its lanes may go on; the others wait behind it and hold back nobody else. */
#ifndef RINGFENCE_PENDING_H
#define RINGFENCE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include <ringfence/row.h>

struct pending;

/* Part of what waits; the bytes are the waiter's own. */
struct pending_item {
	struct owner owners[LIMIT_WANTS];
	uint32_t owner_count;
	bool entered;
	struct pending_item *behind[LIMIT_WANTS]; /* next in the lane of owners[i] */
	struct pending_item *next_ready;
};

/* `most` items at once. NULL: out of memory. */
struct pending *pending_new(uint32_t most, const struct hash_key *key);
void pending_free(struct pending *p);
/* Takes a place in each lane. 1: first everywhere; 0: waits; -ENOBUFS: a lane is full
 * (LIMIT_CALL_QUEUE), and no place was taken. */
int pending_enter(struct pending *p, struct pending_item *item);
/* Gives its places back; those behind it that are now first everywhere become ready. */
void pending_leave(struct pending *p, struct pending_item *item);
/* Takes the next that became ready, in order; NULL: none. */
struct pending_item *pending_ready(struct pending *p);
/* Is any of these lanes taken? */
bool pending_is_busy(const struct pending *p, const struct owner *owners, uint32_t count);
/* Does `same` find the like of `item` in one of its lanes? */
bool pending_holds(const struct pending *p, const struct pending_item *item,
		   bool (*same)(const struct pending_item *a, const struct pending_item *b));
/* Items that have a place. */
uint32_t pending_count(const struct pending *p);

#endif
