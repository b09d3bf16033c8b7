/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), 64 and 128 bits out. */
#include "base/hash.h"

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
	while (count-- > 0) {
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
}

static void absorb_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

static uint64_t load_le64(const uint8_t *bytes)
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
	size_t i = 0;

	while (i < length) {
		unsigned int fill = h->total & 7;

		if (fill == 0 && length - i >= 8) {
			absorb_word(h->v, load_le64(bytes + i));
			h->total += 8;
			i += 8;
			continue;
		}
		h->tail |= (uint64_t)bytes[i] << (8 * fill);
		h->total++;
		i++;
		if (fill == 7) {
			absorb_word(h->v, h->tail);
			h->tail = 0;
		}
	}
}

static void begin(struct hasher *h, const struct hash_key *key)
{
	h->v[0] = key->words[0] ^ 0x736f6d6570736575ULL;
	h->v[1] = key->words[1] ^ 0x646f72616e646f6dULL;
	h->v[2] = key->words[0] ^ 0x6c7967656e657261ULL;
	h->v[3] = key->words[1] ^ 0x7465646279746573ULL;
	h->tail = 0;
	h->total = 0;
}

static uint64_t fold(const uint64_t v[4])
{
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hash_begin(struct hasher *h, const struct hash_key *key)
{
	begin(h, key);
	h->v[1] ^= 0xee;
}

void hash_add(struct hasher *h, struct slice part)
{
	uint8_t frame[8];

	for (int i = 0; i < 8; i++)
		frame[i] = (uint8_t)((uint64_t)part.length >> (8 * i));
	absorb(h, frame, sizeof(frame));
	absorb(h, part.bytes, part.length);
}

struct hash128 hash_end(struct hasher *h)
{
	struct hash128 hash;

	absorb_word(h->v, h->tail | h->total << 56);
	h->v[2] ^= 0xee;
	rounds(h->v, 4);
	hash.words[0] = fold(h->v);
	h->v[1] ^= 0xdd;
	rounds(h->v, 4);
	hash.words[1] = fold(h->v);
	return hash;
}

uint64_t hash64(const struct hash_key *key, struct slice bytes)
{
	struct hasher h;

	begin(&h, key);
	absorb(&h, bytes.bytes, bytes.length);
	absorb_word(h.v, h.tail | h.total << 56);
	h.v[2] ^= 0xff;
	rounds(h.v, 4);
	return fold(h.v);
}
