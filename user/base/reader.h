/* SPDX-License-Identifier: MIT */
/* A cursor over bytes with a sticky error: a production reads on and looks once at its end whether
 * all of it was there. After a failure nothing moves and all reads give zero. */
#ifndef RINGFENCE_READER_H
#define RINGFENCE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct reader {
	struct slice whole;
	size_t at;
	bool failed;
};

static inline struct reader reader_make(struct slice s)
{
	return (struct reader){.whole = s};
}

static inline size_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : r->whole.length - r->at;
}

static inline bool reader_is_end(const struct reader *r)
{
	return reader_left(r) == 0;
}

/* The next byte, not taken; -1 at the end. */
static inline int reader_peek(const struct reader *r)
{
	return reader_left(r) ? r->whole.bytes[r->at] : -1;
}

/* The next `length` bytes; fails where there are fewer, and gives an empty slice. */
struct slice reader_take(struct reader *r, size_t length);
void reader_skip(struct reader *r, size_t length);

/* Takes this byte; fails where another one, or none, is next. */
void reader_expect(struct reader *r, uint8_t byte);
/* Takes this byte where it is next; a miss is no failure. */
bool reader_accept(struct reader *r, uint8_t byte);

/* All that is left, taken. */
struct slice reader_rest(struct reader *r);
/* The bytes before `byte`, and `byte` itself, which is not part of the result; fails where it does
 * not occur. */
struct slice reader_until(struct reader *r, uint8_t byte);

/* Integers in network order. */
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);

#endif
