/* SPDX-License-Identifier: MIT */
/* Who waits for whom: a lane an owner (a call, a registration), in order of arrival. Who only reads
 * an owner's rows shares its lane with others that do, and waits for those before him that do not.
 * What is free in all its lanes may go on; the others wait and hold back nobody else. */
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
	uint32_t shared;             /* bit i: owners[i] is only read                     */
	bool entered, goes;          /* it has its places; nobody is before it            */
	struct {
		struct pending_item *before, *behind;
	} places[LIMIT_WANTS];       /* in the lane of owners[i]                          */
	struct pending_item *next_ready;
};

/* `most` items at once. NULL: out of memory. */
struct pending *pending_new(uint32_t most, const struct hash_key *key);
void pending_free(struct pending *p);
/* Takes a place in each lane. 1: free everywhere; 0: waits; -ENOBUFS: there are too many, or too
 * many in a lane that do not share it (LIMIT_CALL_QUEUE), and no place was taken. */
int pending_enter(struct pending *p, struct pending_item *item);
/* Gives its places back; those behind it that are now free everywhere become ready. */
void pending_leave(struct pending *p, struct pending_item *item);
/* Takes the next that became ready, in order; NULL: none. */
struct pending_item *pending_ready(struct pending *p);
/* Would it have to wait? */
bool pending_is_busy(const struct pending *p, const struct pending_item *item);
/* Does `same` find the like of `item` in one of the lanes that it does not share? */
bool pending_holds(const struct pending *p, const struct pending_item *item,
		   bool (*same)(const struct pending_item *a, const struct pending_item *b));
/* Items that have a place. */
uint32_t pending_count(const struct pending *p);

#endif
