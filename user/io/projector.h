/* SPDX-License-Identifier: MIT */
/* What the executor of batches asks of whoever holds the kernel's tables: the running gateway
 * (maps.c), or tables of their own in tests. */
#ifndef RINGFENCE_PROJECTOR_H
#define RINGFENCE_PROJECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <ringfence/nat.h>
#include <ringfence/row.h>

/* The kernel's side of a projection; the daemon's is io/maps, replay and tests bring tables of
 * their own. Each returns 0 or negative errno. */
struct projector_ops {
	/* Opens or rewrites: an exact key is a flow, else a pinhole. permit->slot is that of the
	 * entry that is rewritten, else SLOT_NONE, and then written. The translation is zero where
	 * the permit is not PERMIT_TRANSLATED; where it changed, the entry gets another slot. */
	int (*open)(void *self, const struct flow_key *key, const struct translation *translation,
		    struct permit *permit);
	/* What was opened holds when this returns. NULL: it does so at once. */
	void (*commit)(void *self);
	/* Two steps, both later: marks closed, deletes at least 100 ms after that. */
	int (*close)(void *self, const struct flow_key *key, const struct permit *permit);
	/* The pinned copy of a row, which may be written later. value NULL ends it; is_new: no row
	 * of that key was there before. */
	int (*store)(void *self, enum row_type type, const struct row_key *key, const void *value,
		     bool is_new);
	void (*count)(void *self, uint32_t counter, uint64_t n);
	void *self;

	/* Who follows the rows; each may be NULL. */
	/* Next hops of both ends will be needed (netlink). */
	void (*resolve)(void *follower, const struct address *a);
	void (*told)(void *follower, enum tell tell, const struct owner *owner);
	/* A TIMER row came, moved or went (value NULL). */
	void (*timer)(void *follower, const struct row_key *key, const struct timer_row *value);
	/* A SOURCE row came, changed or went. */
	void (*source)(void *follower, const struct row_key *key);
	void *follower;
};

/* A walk over what the kernel holds. */
struct kernel_walk {
	bool (*next)(void *self, struct flow_key *ret_key, struct permit *ret_permit,
		     struct translation *ret_translation);
	void *self;
};

/* Takes one row that was read back; 0 or negative errno. */
typedef int (*row_take_fn)(void *self, enum row_type type, const struct row_key *key,
			   const void *value);

#endif
