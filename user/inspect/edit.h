/* SPDX-License-Identifier: MIT */
/* Edits: sorted, disjoint splices on a message. */
#ifndef RINGFENCE_EDIT_H
#define RINGFENCE_EDIT_H

#include <stdint.h>

#include "base/slice.h"
#include <ringfence/limits.h>

struct edit {
	uint32_t at;                 /* first byte replaced              */
	uint32_t remove;             /* bytes taken away                 */
	struct slice insert;         /* lives in the message's arena     */
};

struct edits {
	uint32_t count;
	struct edit items[LIMIT_EDITS];
};

/* Keeps the order. -E2BIG too many, -EINVAL where it overlaps one that is there. */
int edits_add(struct edits *e, uint32_t at, uint32_t remove, struct slice insert);
/* Writes the edited message; returns its length, -ENOSPC where it does not fit, -EINVAL where an
 * edit lies outside raw. */
int64_t edits_apply(const struct edits *e, struct slice raw, uint8_t *out, size_t out_bytes);

#endif
