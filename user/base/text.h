/* SPDX-License-Identifier: MIT */
/* Builds a text in a buffer of fixed size. Too long a text is cut and says so; it always ends
 * with a NUL. No locale, no printf: usable from pure code. */
#ifndef RINGFENCE_TEXT_H
#define RINGFENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"
#include <ringfence/types.h>

struct text {
	char *bytes;
	size_t size;      /* of the buffer, NUL included */
	size_t length;
	bool cut;
};

static inline struct text text_make(char *buffer, size_t size)
{
	buffer[0] = '\0';
	return (struct text){ .bytes = buffer, .size = size };
}

void text_add(struct text *t, struct slice s);
void text_string(struct text *t, const char *s);
void text_char(struct text *t, char c);
void text_number(struct text *t, uint64_t number);
void text_hex(struct text *t, struct slice bytes);
/* "10.1.2.3" or "fd00::1" (RFC 5952). */
void text_address(struct text *t, const struct address *a);
/* "10.1.2.3:5060" or "[fd00::1]:5060"; port in network order. */
void text_endpoint(struct text *t, const struct address *a, uint16_t port);

#endif
