/* SPDX-License-Identifier: MIT */
/* Cursor over bytes: each read checks before it moves. */
#include "base/reader.h"

struct slice reader_take(struct reader *r, size_t length)
{
	struct slice taken = {r->whole.bytes, 0};

	if (r->failed || length > r->whole.length - r->at) {
		r->failed = true;
		return taken;
	}
	taken = slice_part(r->whole, r->at, length);
	r->at += length;
	return taken;
}

void reader_skip(struct reader *r, size_t length)
{
	(void)reader_take(r, length);
}

bool reader_accept(struct reader *r, uint8_t byte)
{
	if (reader_peek(r) != byte)
		return false;
	r->at++;
	return true;
}

void reader_expect(struct reader *r, uint8_t byte)
{
	if (!reader_accept(r, byte))
		r->failed = true;
}

struct slice reader_rest(struct reader *r)
{
	return reader_take(r, reader_left(r));
}

struct slice reader_until(struct reader *r, uint8_t byte)
{
	size_t left = reader_left(r);
	size_t found = slice_find(slice_part(r->whole, r->at, left), byte);
	struct slice taken;

	if (found == left) {
		r->failed = true;
		return (struct slice){r->whole.bytes, 0};
	}
	taken = reader_take(r, found);
	reader_skip(r, 1);
	return taken;
}

static uint32_t read_bytes(struct reader *r, size_t count)
{
	struct slice s = reader_take(r, count);
	uint32_t value = 0;

	for (size_t i = 0; i < s.length; i++)
		value = value << 8 | s.bytes[i];
	return value;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)read_bytes(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)read_bytes(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return read_bytes(r, 4);
}
