/* SPDX-License-Identifier: MIT */
/* Keyed hashes of strangers' bytes (SipHash-2-4, 64 and 128 bits of output). The key is drawn once
 * for a group and shared with it, so that all members name a call alike. */
#ifndef RINGFENCE_HASH_H
#define RINGFENCE_HASH_H

#include <stdint.h>

#include "slice.h"

struct hash_key {
	uint64_t words[2];
};

struct hash128 {
	uint64_t words[2];
};

/* Running state, so that several slices make one hash; each slice is framed by its length, thus
 * ("ab", "c") and ("a", "bc") differ. */
struct hasher {
	uint64_t v[4];
	uint64_t tail;
	uint64_t total;
};

void hash_begin(struct hasher *h, const struct hash_key *key);
void hash_add(struct hasher *h, struct slice part);
struct hash128 hash_end(struct hasher *h);

/* That of all parts, each framed by its length. Short ones are laid side by side first: one pass over
 * many small pieces costs a third. */
struct hash128 hash_parts(const struct hash_key *key, const struct slice *parts, uint32_t count);

uint64_t hash64(const struct hash_key *key, struct slice bytes);

#endif
