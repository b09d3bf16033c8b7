/* SPDX-License-Identifier: MIT */
/* What slices need beyond their header: comparison without case, search, numbers. ASCII alone. */
#include "base/slice.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	return a.length == b.length && slice_starts_nocase(a, b);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	if (s.length < prefix.length)
		return false;
	for (size_t i = 0; i < prefix.length; i++) {
		if (lower(s.bytes[i]) != lower(prefix.bytes[i]))
			return false;
	}
	return true;
}

size_t slice_find(struct slice s, uint8_t byte)
{
	const uint8_t *hit = s.length ? memchr(s.bytes, byte, s.length) : NULL;

	return hit ? (size_t)(hit - s.bytes) : s.length;
}

static bool is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.length && is_white(s.bytes[0])) {
		s.bytes++;
		s.length--;
	}
	while (s.length && is_white(s.bytes[s.length - 1]))
		s.length--;
	return s;
}

bool slice_number(struct slice s, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (s.length == 0)
		return false;
	for (size_t i = 0; i < s.length; i++) {
		uint8_t digit = (uint8_t)(s.bytes[i] - '0');

		/* Asked before it is computed: an overflow must never look like a small number. */
		if (digit > 9 || digit > most || number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}
