/* SPDX-License-Identifier: MIT */
/* Rows in memory: one table a type, an index by owner, counts. Changed by apply.c alone. */
#ifndef RINGFENCE_TABLES_H
#define RINGFENCE_TABLES_H

#include "base/hash.h"
#include "inspect/batch.h"

struct tables;

/* Capacities are those of row.def, divided by `shrink` (tests; 1 in the daemon). */
struct tables *tables_new(const struct hash_key *key, uint32_t shrink);
void tables_free(struct tables *t);
/* See map_warm; the others likewise. */
void tables_warm(struct tables *t);

/* The row's value, or NULL. Valid until the next change. */
const void *tables_find(const struct tables *t, enum row_type type, const struct row_key *key);
/* The row is soon asked for or written, the owner's rows are. */
void tables_prefetch(const struct tables *t, enum row_type type, const struct row_key *key);
void tables_prefetch_owner(const struct tables *t, const struct owner *owner);
/* All rows of an owner: at most `most` into ret, returns how many there are. */
uint32_t tables_of_owner(const struct tables *t, const struct owner *owner, struct row_view *ret,
			 uint32_t most);
/* Walks one type; *cursor starts at 0; false at the end. */
bool tables_next(const struct tables *t, enum row_type type, uint32_t *cursor,
		 struct row_view *ret);
uint32_t tables_count(const struct tables *t, enum row_type type);
uint32_t tables_capacity(const struct tables *t, enum row_type type);
/* The batch that is executed from now on: rows remember which one made and which changed them. */
void tables_set_number(struct tables *t, uint64_t number);
uint64_t tables_born(const struct row_view *row);
uint64_t tables_changed(const struct row_view *row);
/* The row is as old as this batch. */
void tables_settle(struct tables *t, const struct row_view *row, uint64_t number);
/* Has a walk with this cursor passed the row? */
bool tables_passed(const struct tables *t, const struct row_view *row, uint32_t cursor);
/* Guard's question: does a live DOOR row say that this host itself (door.named_by has its address)
 * named this endpoint as its receiver? */
bool tables_named(const void *tables, const struct endpoint *e, uint16_t zone);

/* For apply.c and the start-up's reading of pinned rows. `value` NULL ends the row. 1: there was no
 * such row before; 0: there was, or it ended; -ENOSPC. */
int tables_set(struct tables *t, enum row_type type, const struct row_key *key, const void *value);

#endif
