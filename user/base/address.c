/* SPDX-License-Identifier: MIT */
/* Addresses and networks: IPv4 lives mapped in ::ffff:0:0/96, so that one compare serves both. */
#include "base/address.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct address address_from_ipv4(const uint8_t bytes[4])
{
	struct address a;

	memcpy(a.bytes, mapped, sizeof(mapped));
	memcpy(a.bytes + 12, bytes, 4);
	return a;
}

bool address_is_ipv4(const struct address *a)
{
	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

enum family address_family(const struct address *a)
{
	return address_is_ipv4(a) ? FAMILY_IPV4 : FAMILY_IPV6;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

bool address_is_zero(const struct address *a)
{
	if (address_is_ipv4(a))
		return all_zero(a->bytes + 12, 4);
	return all_zero(a->bytes, 16);
}

bool address_is_loopback(const struct address *a)
{
	if (address_is_ipv4(a))
		return a->bytes[12] == 127;
	return all_zero(a->bytes, 15) && a->bytes[15] == 1;
}

bool address_is_multicast(const struct address *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (address_is_ipv4(a))
		return (a->bytes[12] & 0xf0) == 0xe0 || memcmp(a->bytes + 12, broadcast, 4) == 0;
	return a->bytes[0] == 0xff;
}

struct address address_source(const struct address *a)
{
	struct address source = *a;

	if (!address_is_ipv4(a))
		memset(&source.bytes[8], 0, 8);
	return source;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Leading zeros are refused: some readers take them for octal, and two readings are a hole. */
static bool parse_ipv4(struct slice text, uint8_t ret[4])
{
	uint8_t bytes[4];

	for (int i = 0; i < 4; i++) {
		size_t dot = slice_find(text, '.');
		struct slice part = slice_part(text, 0, dot);
		uint64_t number;

		if (part.length > 3 || (part.length > 1 && part.bytes[0] == '0') ||
		    !slice_number(part, 255, &number))
			return false;
		if ((i < 3) != (dot < text.length))
			return false;
		bytes[i] = (uint8_t)number;
		text = slice_from(text, dot + 1);
	}
	memcpy(ret, bytes, sizeof(bytes));
	return true;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_group(struct slice text, uint8_t ret[2])
{
	unsigned int value = 0;

	if (text.length == 0 || text.length > 4)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		int digit = hex_value(text.bytes[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned int)digit;
	}
	ret[0] = (uint8_t)(value >> 8);
	ret[1] = (uint8_t)value;
	return true;
}

/* Groups between colons, the last one maybe a dotted quad; returns the bytes written or -1. */
static int parse_groups(struct slice text, uint8_t ret[16])
{
	int used = 0;

	while (text.length) {
		size_t colon = slice_find(text, ':');
		struct slice part = slice_part(text, 0, colon);
		bool is_last = colon == text.length;

		if (is_last && slice_find(part, '.') < part.length) {
			if (used > 12 || !parse_ipv4(part, ret + used))
				return -1;
			return used + 4;
		}
		if (used > 14 || !parse_group(part, ret + used))
			return -1;
		used += 2;
		if (!is_last && colon + 1 == text.length)
			return -1;
		text = slice_from(text, colon + 1);
	}
	return used;
}

/* RFC 4291 2.2. No zone identifier: it means something on its sender alone. */
static bool parse_ipv6(struct slice text, struct address *ret)
{
	struct address a = {{0}};
	uint8_t tail[16];
	size_t gap = 0;
	int head_bytes, tail_bytes;

	while (gap + 1 < text.length && !(text.bytes[gap] == ':' && text.bytes[gap + 1] == ':'))
		gap++;
	if (gap + 1 >= text.length) {
		if (parse_groups(text, a.bytes) != 16)
			return false;
		*ret = a;
		return true;
	}
	head_bytes = parse_groups(slice_part(text, 0, gap), a.bytes);
	tail_bytes = parse_groups(slice_from(text, gap + 2), tail);
	/* "::" stands for one group at least; a dotted quad stands at the end alone. */
	if (head_bytes < 0 || tail_bytes < 0 || head_bytes + tail_bytes > 14)
		return false;
	if (slice_find(slice_part(text, 0, gap), '.') < gap)
		return false;
	memcpy(a.bytes + 16 - tail_bytes, tail, (size_t)tail_bytes);
	*ret = a;
	return true;
}

bool address_parse(struct slice text, struct address *ret)
{
	uint8_t quad[4];
	bool is_bracketed = text.length >= 2 && text.bytes[0] == '[';

	if (is_bracketed) {
		if (text.bytes[text.length - 1] != ']')
			return false;
		text = slice_part(text, 1, text.length - 2);
	}
	if (slice_find(text, ':') < text.length)
		return parse_ipv6(text, ret);
	if (is_bracketed || !parse_ipv4(text, quad))
		return false;
	*ret = address_from_ipv4(quad);
	return true;
}

/* Byte `i` of the mask of a prefix. */
static uint8_t mask_byte(uint8_t prefix_bits, int i)
{
	int bits = prefix_bits - 8 * i;

	if (bits >= 8)
		return 0xff;
	return bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
}

bool network_parse(struct slice text, struct network *ret)
{
	size_t slash = slice_find(text, '/');
	struct network n = {.prefix_bits = 128};
	uint64_t bits, most;

	if (!address_parse(slice_part(text, 0, slash), &n.address))
		return false;
	if (slash < text.length) {
		most = address_is_ipv4(&n.address) ? 32 : 128;
		if (!slice_number(slice_from(text, slash + 1), most, &bits))
			return false;
		n.prefix_bits = (uint8_t)(128 - most + bits);
	}
	for (int i = 0; i < 16; i++) {
		if (n.address.bytes[i] & ~mask_byte(n.prefix_bits, i))
			return false;
	}
	*ret = n;
	return true;
}

bool network_contains(const struct network *n, const struct address *a)
{
	for (int i = 0; i < 16; i++) {
		if ((a->bytes[i] ^ n->address.bytes[i]) & mask_byte(n->prefix_bits, i))
			return false;
	}
	return true;
}
