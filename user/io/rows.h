/* SPDX-License-Identifier: MIT */
/* The pinned copies of the rows. A change is first a line in a journal that lies in shared memory
 * and outlives us; the maps that people read are written from it in batches, after the messages
 * have left. A daemon that was killed in between finds the rest in the journal. */
#ifndef RINGFENCE_ROWS_H
#define RINGFENCE_ROWS_H

#include "io/kernel.h"
#include "io/projector.h"

struct rows;

/* Writes what a predecessor's journal still holds. NULL: out of memory. */
struct rows *rows_new(const struct kernel_maps *m);
void rows_free(struct rows *r);
/* value NULL ends the row; is_new: none was there before. Returns how many earlier rows the kernel
 * refused, 0 for none. */
uint32_t rows_store(struct rows *r, enum row_type type, const struct row_key *key,
		    const void *value, bool is_new);
/* Not much room is left: a settling now keeps one from a message's way. */
bool rows_are_many(const struct rows *r);
/* The maps now hold all that was stored. Returns how many rows the kernel refused. */
uint32_t rows_settle(struct rows *r);
/* Hands every pinned row to `take`; returns how many it took. */
uint32_t rows_restore(struct rows *r, row_take_fn take, void *self, uint32_t *ret_unreadable);
/* The same for whoever only reads, a daemon beside it or not: maps first, then what the journal still
 * holds, by which a value of NULL ends a row. Writes nothing. -EAGAIN: the journal was settled
 * meanwhile, so that a change may have been missed; what was taken is to be thrown away, and the whole
 * read again. */
int rows_read(const struct kernel_maps *m, row_take_fn take, void *self, uint32_t *ret_unreadable);

#endif
