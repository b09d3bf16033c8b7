/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Flows once more, where a running stream finds them first: beside the table `flows`, which stays the
 * truth, a small index and an array by slot.
 *
 *   key -> hash -> near_index: a set of four entries, tag and slot -> near_flows[slot]: key, permit
 *                                                                 -> activity[slot]
 *
 * What is not found there is asked of the table. Whoever makes keys collide only makes them slower. */
#ifndef RINGFENCE_NEAR_H
#define RINGFENCE_NEAR_H

#include "flow.h"
#include "limits.h"

#define NEAR_WAYS 4
#define NEAR_SLOT_BITS 19
#define NEAR_SLOT_MASK ((1u << NEAR_SLOT_BITS) - 1)
#define NEAR_KEY_WORDS (sizeof(struct flow_key) / sizeof(__u64))

_Static_assert(LIMIT_SLOTS <= NEAR_SLOT_MASK, "an entry has room for each slot");

/* All are written by user space alone. An entry is a tag above a slot; 0 is none. */
struct near_set {
	__u32 entries[NEAR_WAYS];
};

/* The index is as large as its flows need, so that those of a small host stay in a small cache. */
struct near_shape {
	__u32 bits;                 /* sets, as a power of two; 0: nothing is in the index */
	__u32 pad;
};

struct near_flow {                  /* two cache lines                                   */
	struct flow_key key;
	struct permit permit;
	__u64 pad[5];
};

/* Ports to family as one word, put together in registers: read back whole from where they were just
 * written one by one, it would wait until they are all in the cache. */
static inline __attribute__((always_inline)) __u64 near_tail(const struct flow_key *key)
{
	const struct {
		__be16 source_port, destination_port;
		__u16 zone;
		__u8 protocol, family;
	} tail = { key->source_port, key->destination_port, key->zone, key->protocol, key->family };
	__u64 word;

	__builtin_memcpy(&word, &tail, sizeof(word));
	return word;
}

/* Each word times an odd number (of the digits of e, pi and the golden ratio); the sum's upper bits
 * are the ones that depend on all of them. */
static inline __attribute__((always_inline)) __u64 near_hash(const __u64 words[NEAR_KEY_WORDS])
{
	return words[0] * 0x9e3779b97f4a7c15ull + words[1] * 0x243f6a8885a308d3ull +
	       words[2] * 0xb7e151628aed2a6bull + words[3] * 0x13198a2e03707345ull +
	       words[4] * 0xbf7158809cf4f3c7ull;
}

/* bits: of the shape, 1 and more. */
static inline __attribute__((always_inline)) __u32 near_set_of(__u64 hash, __u32 bits)
{
	return hash >> (64 - bits);
}

/* An entry without its slot; never 0. Of bits that do not choose the set. */
static inline __attribute__((always_inline)) __u32 near_tag(__u64 hash)
{
	return (__u32)(hash >> (64 - LIMIT_NEAR_BITS - (32 - NEAR_SLOT_BITS)))
		       << NEAR_SLOT_BITS | 1u << 31;
}

#endif
