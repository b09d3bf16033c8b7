/* SPDX-License-Identifier: MIT */
/* What members say to each other: records one behind the other, each with a head that tells kind,
 * size and the layout of the rows. Who gets a record of another layout refuses it. Times travel as
 * durations and are put on the receiver's clock. Both ends have one byte order. */
#ifndef RINGFENCE_WIRE_H
#define RINGFENCE_WIRE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/slice.h"
#include "inspect/batch.h"
#include <ringfence/punt.h>

#define WIRE_MAGIC 0x52464331u       /* "RFC1", and the byte order */
#define WIRE_VERSION 1

enum wire_kind {
	WIRE_BATCH = 1,              /* a decision: executed by every member                 */
	WIRE_VIEW,                   /* I saw the group change: a number used once           */
	WIRE_HELLO,                  /* who I am; bears the numbers of all, so it is no older */
	WIRE_START,                  /* the donor's rows as of here will follow              */
	WIRE_SLICE,                  /* some of them                                         */
	WIRE_END,                    /* that was all: who waited for them is a member        */
	WIRE_ASK,                    /* who has seen media of these calls lately?            */
	WIRE_SEEN,                   /* I have, so long ago                                  */
};

/* Who speaks. An incarnation is one life of a daemon. */
struct wire_member {
	uint32_t node;
	uint32_t incarnation;
};

struct wire_head {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t layout;             /* of all row types                                     */
	uint32_t bytes;              /* of the record, head included                         */
	struct wire_member from;
	uint64_t number;             /* the author's own count: of batches, or of fillings   */
	uint64_t part;               /* of the group that the author belongs to              */
};

/* HELLO */
struct wire_hello {
	uint64_t view;               /* hash of all members' numbers                         */
	uint64_t age_ns;             /* how long its part has been without a loss            */
	uint64_t policy;             /* hash of zones and rules: should be one in the group  */
	uint32_t is_full;
	uint32_t rows;
	char version[16];            /* of the program                                       */
};

/* START and END: who is filled. The key names owners, so that all members name them alike. */
struct wire_start {
	uint64_t key[2];
	uint64_t number;             /* batches executed by the donor                        */
	uint64_t part;
	uint64_t view;               /* in which it was said                                 */
	uint64_t age_ns;
	uint32_t count;
	uint32_t pad;
	struct wire_member joiners[LIMIT_MEMBERS];
	struct zone_name zones[LIMIT_ZONES + 1]; /* rows know zones by these numbers         */
};

/* SEEN */
struct wire_seen {
	struct owner owner;
	uint64_t ago_ns;
};

uint32_t wire_layout(void);
/* The largest record that a batch can become. */
#define WIRE_BATCH_MOST                                                                            \
	(sizeof(struct wire_head) + 16 + LIMIT_PRECONDITIONS * sizeof(struct precondition) +       \
	 LIMIT_CHANGES * (64 + ROW_BYTES_MOST))

/* Writes one record; returns its size, -ENOSPC where it does not fit. head: kind, from, number and
 * part are the caller's, the rest is filled. */
int64_t wire_write(struct wire_head *head, struct slice body, uint8_t *out, size_t room);
int64_t wire_write_batch(struct wire_head *head, const struct batch *b, uint64_t now_ns,
			 uint8_t *out, size_t room);
/* The first record of bytes. -EBADMSG: not ours, or cut; -EPROTO: of another version or layout. */
int wire_read(struct slice bytes, struct wire_head *ret_head, struct slice *ret_body);
/* Values lie in the arena. -EBADMSG where anything in it is out of bounds. */
int wire_read_batch(struct slice body, uint64_t now_ns, struct arena *arena, struct batch *ret);

#endif
