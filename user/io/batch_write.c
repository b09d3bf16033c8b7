// SPDX-License-Identifier: MIT
/* bpf_map_*_batch stops at the first entry that fails and tells how many it did before. */
#include "io/batch_write.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>

static int write_some(const struct batch_write *w, bool deletes, uint32_t from, uint32_t *ret_done)
{
	const uint8_t *keys = (const uint8_t *)w->keys + from * w->key_bytes;
	const uint8_t *values = (const uint8_t *)w->values + from * w->value_bytes;
	int error;

	*ret_done = w->count - from;
	error = deletes ? bpf_map_delete_batch(w->fd, keys, ret_done, NULL) :
			  bpf_map_update_batch(w->fd, keys, values, ret_done, NULL);
	/* Not begun at all: the count is as it was handed in. */
	if (error && *ret_done >= w->count - from)
		*ret_done = 0;
	return error ? -errno : 0;
}

static uint32_t write_all(const struct batch_write *w, bool deletes)
{
	uint32_t failed = 0, done;

	for (uint32_t at = 0; at < w->count; at += done) {
		int error = write_some(w, deletes, at, &done);

		if (!error)
			continue;
		failed += !deletes || error != -ENOENT;
		done++;
	}
	return failed;
}

uint32_t batch_write_put(const struct batch_write *w)
{
	return write_all(w, false);
}

uint32_t batch_write_delete(const struct batch_write *w)
{
	return write_all(w, true);
}
