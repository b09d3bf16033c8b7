/* SPDX-License-Identifier: MIT */
/* A batch: bounded row changes with the versions they were decided on. It holds whole or is void
 * whole. Values live in the message's arena until the batch is submitted, which copies them. */
#ifndef RINGFENCE_BATCH_H
#define RINGFENCE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include <ringfence/row.h>

/* One row as a reader sees it; `value` begins with struct row_head. */
struct row_view {
	enum row_type type;
	const struct row_key *key;
	const void *value;
};

static inline struct row_key row_key_make(const struct owner *owner, uint64_t sub, uint32_t part)
{
	return (struct row_key){ .owner = *owner, .sub = sub, .part = part };
}

static inline uint32_t row_version(const struct row_view *row)
{
	return row ? ((const struct row_head *)row->value)->version : 0;
}

/* Size of a row's value; 0 for no type. */
uint32_t row_bytes(enum row_type type);
const char *row_name(enum row_type type);
/* Every member has it; what is not replicated is the member's own and never travels. */
bool row_is_replicated(enum row_type type);

/* A row may be kept under several keys, each where somebody looks for it. */
#define ROW_PLACES 3
/* All keys of a row with this value; 0: of its type each has one. */
uint32_t row_places(enum row_type type, const void *value, struct row_key ret[ROW_PLACES]);
/* An owner, as the sub of another one's row. */
uint64_t owner_sub(const struct owner *o);

enum verb {
	VERB_PUT = 1,                /* write the row, raise its version      */
	VERB_END,                    /* the row goes; absent is no error      */
	VERB_END_SET,                /* rows of an owner by type and sub      */
	VERB_CLAIM,                  /* n of a limit: of the table, or of an owner's rows */
	VERB_TELL,                   /* a record or alarm, if the batch holds */
};

#define SUB_ANY UINT64_MAX           /* END_SET: whatever the sub is        */
#define PART_MEDIA_DOORS 1u          /* END_SET of doors: those of media    */

struct change {
	enum verb verb;
	enum row_type type;          /* END_SET: ROW_NONE is every type       */
	bool optional;               /* the guard may strike it alone         */
	struct row_key key;          /* END_SET: owner and sub; CLAIM: owner, sub: how many
					of the type it may have, 0: as many as there is room */
	const void *value;           /* PUT                                   */
	uint32_t number;             /* CLAIM: how many; TELL: enum tell      */
};

struct precondition {
	enum row_type type;
	struct row_key key;
	uint32_t version;            /* 0: absent                             */
};

struct batch {
	struct arena *arena;
	struct change *changes;      /* LIMIT_CHANGES                         */
	struct precondition *preconditions; /* LIMIT_PRECONDITIONS            */
	uint32_t change_count;
	uint32_t precondition_count;
	uint32_t author;             /* member that decided it; 0 alone       */
	bool overflow;               /* something did not fit: the batch is void and refused */
};

void batch_init(struct batch *b, struct arena *arena);
/* The value is copied into the arena. */
void batch_put(struct batch *b, enum row_type type, const struct row_key *key, const void *value);
void batch_put_optional(struct batch *b, enum row_type type, const struct row_key *key,
			const void *value);
void batch_end(struct batch *b, enum row_type type, const struct row_key *key);
void batch_end_set(struct batch *b, enum row_type type, const struct owner *owner, uint64_t sub);
/* Of a call with many forks that is one change and not hundreds. */
void batch_end_media_doors(struct batch *b, const struct owner *owner, uint64_t sub);
void batch_claim(struct batch *b, enum row_type type, uint32_t count);
/* So many more, where the owner then has `most` of the type (their part 0) or fewer; else the batch is void, and who
 * decides again sees why. Nobody can have taken them meanwhile. */
void batch_claim_of(struct batch *b, enum row_type type, const struct owner *owner, uint32_t count,
		    uint32_t most);
void batch_tell(struct batch *b, enum tell tell, const struct owner *owner);
void batch_expect(struct batch *b, enum row_type type, const struct row_key *key,
		  uint32_t version);

#endif
