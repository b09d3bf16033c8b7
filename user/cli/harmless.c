// SPDX-License-Identifier: MIT
/* UTF-8 by RFC 3629 4: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "cli/harmless.h"

/* Bytes of the character that the first byte promises, 0 for none; *ret_bits are its own. */
static size_t promised(uint8_t first, uint32_t *ret_bits)
{
	if (first < 0x80) {
		*ret_bits = first;
		return 1;
	}
	if (first >= 0xc2 && first < 0xe0) {
		*ret_bits = first & 0x1f;
		return 2;
	}
	if (first >= 0xe0 && first < 0xf0) {
		*ret_bits = first & 0x0f;
		return 3;
	}
	*ret_bits = first & 0x07;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

static bool may_show(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Marks that turn the direction of writing, and those that end lines. */
	return !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069) && c != 0x061c;
}

/* Length of the harmless character that the bytes begin with, 0 where they begin with none. */
static size_t character(struct slice s)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = 0;
	size_t length = promised(s.bytes[0], &c);

	if (!length || length > s.length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s.bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s.bytes[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return may_show(c) ? length : 0;
}

size_t harmless_copy(char *to, size_t size, struct slice bytes)
{
	size_t used = 0;

	while (bytes.length) {
		size_t length = character(bytes);

		if (used + (length ?: 1) >= size)
			break;
		if (length)
			memcpy(to + used, bytes.bytes, length);
		else
			to[used] = '?';
		used += length ?: 1;
		bytes = slice_from(bytes, length ?: 1);
	}
	to[used] = '\0';
	return used;
}
