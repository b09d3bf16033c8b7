/* SPDX-License-Identifier: MIT */
/* Many entries of one BPF map in one system call. An entry that the kernel refuses costs itself
 * alone: the rest is written behind it. */
#ifndef RINGFENCE_BATCH_WRITE_H
#define RINGFENCE_BATCH_WRITE_H

#include <stddef.h>
#include <stdint.h>

/* Keys and values lie one behind the other, each of the map's own size. */
struct batch_write {
	int fd;
	size_t key_bytes, value_bytes;
	const void *keys, *values;
	uint32_t count;
};

/* Each returns how many entries failed; 0 is all well. */
uint32_t batch_write_put(const struct batch_write *w);
/* A key that is absent is no failure. */
uint32_t batch_write_delete(const struct batch_write *w);

#endif
