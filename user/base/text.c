/* SPDX-License-Identifier: MIT */
/* Texts in buffers of fixed size: what does not fit is cut, and the text says so. */
#include "base/text.h"

#include "base/address.h"

void text_add(struct text *t, struct slice s)
{
	size_t room = t->size > t->length ? t->size - t->length - 1 : 0;
	size_t length = s.length;

	if (length > room) {
		length = room;
		t->cut = true;
	}
	if (length == 0)
		return;
	memcpy(t->bytes + t->length, s.bytes, length);
	t->length += length;
	t->bytes[t->length] = '\0';
}

void text_string(struct text *t, const char *s)
{
	/* By the byte: a loop that counts first would become strlen, which pure code has not. */
	for (; *s && !t->cut; s++)
		text_char(t, *s);
}

void text_char(struct text *t, char c)
{
	text_add(t, slice_make(&c, 1));
}

void text_number(struct text *t, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_add(t, slice_make(digits + at, sizeof(digits) - at));
}

static char hex_digit(unsigned int value)
{
	return (char)(value < 10 ? '0' + value : 'a' + value - 10);
}

void text_hex(struct text *t, struct slice bytes)
{
	for (size_t i = 0; i < bytes.length && !t->cut; i++) {
		text_char(t, hex_digit(bytes.bytes[i] >> 4));
		text_char(t, hex_digit(bytes.bytes[i] & 15));
	}
}

static void add_ipv4(struct text *t, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			text_char(t, '.');
		text_number(t, bytes[i]);
	}
}

static unsigned int group(const struct address *a, int i)
{
	return (unsigned int)a->bytes[2 * i] << 8 | a->bytes[2 * i + 1];
}

/* RFC 5952 4.2: the longest run of zero groups, two at least, the first of equal ones. */
static void find_gap(const struct address *a, int *ret_from, int *ret_length)
{
	int from = -1, length = 1;

	for (int i = 0; i < 8; i++) {
		int run = 0;

		while (i + run < 8 && group(a, i + run) == 0)
			run++;
		if (run > length) {
			from = i;
			length = run;
		}
		i += run;
	}
	*ret_from = from;
	*ret_length = length;
}

static void add_group(struct text *t, unsigned int value)
{
	bool begun = false;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned int digit = value >> shift & 15;

		begun = begun || digit || shift == 0;
		if (begun)
			text_char(t, hex_digit(digit));
	}
}

void text_address(struct text *t, const struct address *a)
{
	int from, length;

	if (address_is_ipv4(a)) {
		add_ipv4(t, a->bytes + 12);
		return;
	}
	find_gap(a, &from, &length);
	for (int i = 0; i < 8; i++) {
		if (i == from) {
			text_string(t, "::");
			i += length - 1;
			continue;
		}
		if (i && i != from + length)
			text_char(t, ':');
		add_group(t, group(a, i));
	}
}

void text_endpoint(struct text *t, const struct address *a, uint16_t port)
{
	uint8_t bytes[2];
	bool is_ipv4 = address_is_ipv4(a);

	memcpy(bytes, &port, sizeof(bytes));
	if (!is_ipv4)
		text_char(t, '[');
	text_address(t, a);
	if (!is_ipv4)
		text_char(t, ']');
	text_char(t, ':');
	text_number(t, (uint64_t)bytes[0] << 8 | bytes[1]);
}
