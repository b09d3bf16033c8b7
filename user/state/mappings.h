/* SPDX-License-Identifier: MIT */
/* Which inside endpoint is seen as which: what the DOOR rows say of it, found by either. A mapping
 * lives as long as a door claims it, and its port is given to nobody for a while after that. */
#ifndef RINGFENCE_MAPPINGS_H
#define RINGFENCE_MAPPINGS_H

#include "base/hash.h"
#include "inspect/inspect.h"

struct mappings;

/* Of so many doors at most. NULL: no memory. */
struct mappings *mappings_new(uint32_t most, const struct hash_key *key);
void mappings_free(struct mappings *m);
/* The caller's clock: what is given back from now on rests from then. */
void mappings_clock(struct mappings *m, uint64_t now_ns);
/* A DOOR row changed; NULL: there was none, there is none. */
void mappings_change(struct mappings *m, const struct door_row *old, const struct door_row *now);
/* False where another host has what this door claims. `old`: the row that it replaces, NULL: none. */
bool mappings_fit(const struct mappings *m, const struct door_row *old,
		  const struct door_row *now);
/* What judgement asks (inspect.h). */
struct nat_view mappings_view(const struct mappings *m);
/* Walks all; *cursor starts at 0. */
bool mappings_next(const struct mappings *m, uint32_t *cursor, struct nat_mapping *ret);
uint32_t mappings_count(const struct mappings *m);

#endif
