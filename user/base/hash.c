/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), 64 and 128 bits out. */
#include "base/hash.h"

#define FLAT_BYTES 256

/* Tables hash several keys a row: the state shall live in registers, thus no loop over rounds whose
 * number is not known where it is written. */
static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline __attribute__((always_inline)) void rounds_last(uint64_t v[4])
{
	round_once(v);
	round_once(v);
	round_once(v);
	round_once(v);
}

static inline __attribute__((always_inline)) void absorb_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round_once(v);
	round_once(v);
	v[0] ^= word;
}

static inline uint64_t load_le64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static void absorb(struct hasher *h, const uint8_t *bytes, size_t length)
{
	uint64_t v[4] = { h->v[0], h->v[1], h->v[2], h->v[3] };
	unsigned int fill = h->total & 7;
	size_t i = 0;

	h->total += length;
	for (; length - i >= 8; i += 8) {
		uint64_t word = load_le64(bytes + i);

		absorb_word(v, h->tail | word << 8 * fill);
		h->tail = fill ? word >> (64 - 8 * fill) : 0;
	}
	for (; i < length; i++) {
		h->tail |= (uint64_t)bytes[i] << 8 * fill++;
		if (fill < 8)
			continue;
		absorb_word(v, h->tail);
		h->tail = fill = 0;
	}
	memcpy(h->v, v, sizeof(v));
}

static inline __attribute__((always_inline)) void begin_state(uint64_t v[4],
							      const struct hash_key *key)
{
	v[0] = key->words[0] ^ 0x736f6d6570736575ULL;
	v[1] = key->words[1] ^ 0x646f72616e646f6dULL;
	v[2] = key->words[0] ^ 0x6c7967656e657261ULL;
	v[3] = key->words[1] ^ 0x7465646279746573ULL;
}

static uint64_t fold(const uint64_t v[4])
{
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hash_begin(struct hasher *h, const struct hash_key *key)
{
	begin_state(h->v, key);
	h->v[1] ^= 0xee;
	h->tail = h->total = 0;
}

static void write_le64(uint8_t *out, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(out, &word, sizeof(word));
}

void hash_add(struct hasher *h, struct slice part)
{
	uint8_t frame[8];

	write_le64(frame, part.length);
	absorb(h, frame, sizeof(frame));
	absorb(h, part.bytes, part.length);
}

struct hash128 hash_end(struct hasher *h)
{
	struct hash128 hash;

	absorb_word(h->v, h->tail | h->total << 56);
	h->v[2] ^= 0xee;
	rounds_last(h->v);
	hash.words[0] = fold(h->v);
	h->v[1] ^= 0xdd;
	rounds_last(h->v);
	hash.words[1] = fold(h->v);
	return hash;
}

struct hash128 hash_parts(const struct hash_key *key, const struct slice *parts, uint32_t count)
{
	uint8_t flat[FLAT_BYTES];
	struct hasher h;
	size_t used = 0;

	hash_begin(&h, key);
	for (uint32_t i = 0; i < count; i++) {
		if (used + 8 + parts[i].length > sizeof(flat)) {
			absorb(&h, flat, used);
			used = 0;
		}
		if (8 + parts[i].length > sizeof(flat)) {
			hash_add(&h, parts[i]);
			continue;
		}
		write_le64(flat + used, parts[i].length);
		if (parts[i].length)
			memcpy(flat + used + 8, parts[i].bytes, parts[i].length);
		used += 8 + parts[i].length;
	}
	absorb(&h, flat, used);
	return hash_end(&h);
}

uint64_t hash64(const struct hash_key *key, struct slice bytes)
{
	uint64_t v[4], tail = (uint64_t)bytes.length << 56;
	size_t i = 0;

	begin_state(v, key);
	for (; bytes.length - i >= 8; i += 8)
		absorb_word(v, load_le64(bytes.bytes + i));
	for (size_t k = i; k < bytes.length; k++)
		tail |= (uint64_t)bytes.bytes[k] << 8 * (k - i);
	absorb_word(v, tail);
	v[2] ^= 0xff;
	rounds_last(v);
	return fold(v);
}
