/* SPDX-License-Identifier: MIT */
/* The projection of doors and locks: which flows and pinholes the kernel should hold. A door is a
 * claim; several may ask for one key, the permit is their union, the last one closes it. */
#ifndef RINGFENCE_PROJECT_H
#define RINGFENCE_PROJECT_H

#include "state/apply.h"

struct projection;

struct projection *projection_new(const struct tables *tables, const struct hash_key *key,
				  const struct projector_ops *ops);
void projection_free(struct projection *p);
void projection_warm(struct projection *p);
/* A DOOR or LOCK row changed in the tables: notes which keys it touches. */
void projection_touch(struct projection *p, enum row_type type, const struct row_key *key);
/* Opens what the touched keys want open. */
void projection_open(struct projection *p);
/* Closes what nobody claims any more, and forgets what was touched. */
void projection_close(struct projection *p);
uint32_t projection_reconcile(struct projection *p, const struct kernel_walk *held);
bool projection_claimant(const struct projection *p, const struct flow_key *key,
			 struct row_key *ret);

#endif
