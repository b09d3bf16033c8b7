/* SPDX-License-Identifier: MIT */
/* Edits are kept in order as they come, so that applying them is one pass. */
#include "inspect/edit.h"

#include <errno.h>

int edits_add(struct edits *e, uint32_t at, uint32_t remove, struct slice insert)
{
	uint64_t end = (uint64_t)at + remove;
	uint32_t i = e->count;

	if (e->count >= LIMIT_EDITS)
		return -E2BIG;
	while (i > 0 && e->items[i - 1].at > at)
		i--;
	if (i > 0 && (uint64_t)e->items[i - 1].at + e->items[i - 1].remove > at)
		return -EINVAL;
	if (i < e->count && end > e->items[i].at)
		return -EINVAL;
	memmove(&e->items[i + 1], &e->items[i], (e->count - i) * sizeof(e->items[0]));
	e->items[i] = (struct edit){ at, remove, insert };
	e->count++;
	return 0;
}

static int append(uint8_t *out, size_t out_bytes, size_t *used, struct slice s)
{
	if (s.length > out_bytes - *used)
		return -ENOSPC;
	if (s.length)
		memcpy(out + *used, s.bytes, s.length);
	*used += s.length;
	return 0;
}

int64_t edits_apply(const struct edits *e, struct slice raw, uint8_t *out, size_t out_bytes)
{
	size_t used = 0, from = 0;

	for (uint32_t i = 0; i < e->count && i < LIMIT_EDITS; i++) {
		const struct edit *edit = &e->items[i];

		if (edit->at < from || edit->at > raw.length ||
		    edit->remove > raw.length - edit->at)
			return -EINVAL;
		if (append(out, out_bytes, &used, slice_part(raw, from, edit->at - from)) ||
		    append(out, out_bytes, &used, edit->insert))
			return -ENOSPC;
		from = (size_t)edit->at + edit->remove;
	}
	if (append(out, out_bytes, &used, slice_from(raw, from)))
		return -ENOSPC;
	return (int64_t)used;
}
