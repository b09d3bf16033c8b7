/* SPDX-License-Identifier: MIT */
/* SipHash-2-4: the vectors published with its paper (64 and 128 bits), and values of the framed
 * form computed with OpenSSL's SIPHASH MAC. Key 00 01 .. 0f. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

static const struct hash_key key = {{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL}};

static void published_64_bit_vectors_hold(void **state)
{
	uint8_t in[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		in[i] = (uint8_t)i;
	assert_true(hash64(&key, slice_make(in, 0)) == 0x726fdb47dd0e0e31ULL);
	assert_true(hash64(&key, slice_make(in, 1)) == 0x74f839c593dc67fdULL);
	assert_true(hash64(&key, slice_make(in, 8)) == 0x93f5f5799a932462ULL);
	assert_true(hash64(&key, slice_make(in, 15)) == 0xa129ca6149be45e5ULL);
	assert_true(hash64(&key, slice_make(in, 63)) == 0x958a324ceb064572ULL);
}

static void published_128_bit_vector_holds_for_nothing(void **state)
{
	struct hasher h;
	struct hash128 out;

	(void)state;
	hash_begin(&h, &key);
	out = hash_end(&h);
	assert_true(out.words[0] == 0xe6a825ba047f81a3ULL);
	assert_true(out.words[1] == 0x930255c71472f66dULL);
}

static struct hash128 hash_two(struct slice a, struct slice b)
{
	struct hasher h;

	hash_begin(&h, &key);
	hash_add(&h, a);
	hash_add(&h, b);
	return hash_end(&h);
}

static void parts_are_framed_by_their_length(void **state)
{
	struct hash128 one = hash_two(SLICE("ab"), SLICE("c"));
	struct hash128 two = hash_two(SLICE("a"), SLICE("bc"));

	(void)state;
	assert_true(one.words[0] == 0x081b40fa029b24bcULL);
	assert_true(one.words[1] == 0x2008782657b9e654ULL);
	assert_true(two.words[0] == 0x0560e39744b44014ULL);
	assert_true(two.words[1] == 0x29a76c62d901e3f2ULL);
}

/* Whatever their lengths: around what is laid side by side, and far beyond it. */
static void parts_at_once_are_parts_one_by_one(void **state)
{
	static uint8_t bytes[600];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		const struct slice parts[] = { slice_make(bytes, n % 13), slice_make(bytes, n),
					       slice_make(bytes, 600 - n), { 0 },
					       slice_make(bytes, n / 3) };
		struct hash128 one, other = hash_parts(&key, parts, 5);
		struct hasher h;

		hash_begin(&h, &key);
		for (int i = 0; i < 5; i++)
			hash_add(&h, parts[i]);
		one = hash_end(&h);
		assert_memory_equal(&one, &other, sizeof(one));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_64_bit_vectors_hold),
		cmocka_unit_test(published_128_bit_vector_holds_for_nothing),
		cmocka_unit_test(parts_are_framed_by_their_length),
		cmocka_unit_test(parts_at_once_are_parts_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
