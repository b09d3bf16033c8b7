/* SPDX-License-Identifier: MIT */
/* Bytes in memory of their own that ends where they end, so that a sanitizer sees a reader that
 * goes one too far. Kept until EXACT_KEPT more have come. */
#ifndef RINGFENCE_TESTS_EXACT_H
#define RINGFENCE_TESTS_EXACT_H

#include <stdlib.h>

#include "base/slice.h"

#define EXACT_KEPT 8

static inline struct slice exact(struct slice s)
{
	static void *kept[EXACT_KEPT];
	static unsigned int next;
	void **place = &kept[next++ % EXACT_KEPT];

	free(*place);
	*place = malloc(s.length);
	if (s.length && !*place)
		abort();
	if (s.length)
		memcpy(*place, s.bytes, s.length);
	return slice_make(*place, s.length);
}

#endif
