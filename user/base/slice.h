/* SPDX-License-Identifier: MIT */
/* Borrowed bytes with their length. A slice owns nothing and never ends with a NUL. */
#ifndef RINGFENCE_SLICE_H
#define RINGFENCE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *bytes;
	size_t length;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static inline struct slice slice_make(const void *bytes, size_t length)
{
	return (struct slice){ bytes, length };
}

/* The part [from, from + length) of a slice, clipped to it. */
static inline struct slice slice_part(struct slice s, size_t from, size_t length)
{
	if (from > s.length)
		from = s.length;
	if (length > s.length - from)
		length = s.length - from;
	return (struct slice){ s.bytes ? s.bytes + from : NULL, length };
}

static inline struct slice slice_from(struct slice s, size_t from)
{
	return slice_part(s, from, SIZE_MAX);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* ASCII alone: header names, methods and tokens (RFC 3261 7.3.1). */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);

/* Index of the first `byte`, or s.length. */
size_t slice_find(struct slice s, uint8_t byte);

/* Without white space (SP, HTAB, CR, LF) at both ends. */
struct slice slice_trim(struct slice s);

/* A decimal number that fills the slice; false where it is none or above `most`. */
bool slice_number(struct slice s, uint64_t most, uint64_t *ret_number);

/* Where `part`, which must lie inside `whole`, begins. */
static inline uint32_t slice_offset(struct slice whole, struct slice part)
{
	return part.bytes >= whole.bytes ? (uint32_t)(part.bytes - whole.bytes) : 0;
}

#endif
