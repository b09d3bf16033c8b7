/* SPDX-License-Identifier: MIT */
/* Real maps of the kernel for the tests of io/maps, and how they are asked. */
#ifndef RINGFENCE_TESTS_UNIT_MAPS_H
#define RINGFENCE_TESTS_UNIT_MAPS_H

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "inspect/batch.h"
#include "io/loop.h"
#include "io/maps.h"
#include <ringfence/reason.h>

#define ROOM 100                     /* flows; pinholes alike    */
#define LATER 1000000000ull          /* more than the 100 ms     */

static const struct hash_key hash_key = { { 1, 2 } };
static struct kernel_maps fds;
static struct maps *maps;
static void *volatile killed;
static struct projector_ops ops;
static struct activity *activity;
static struct translation *translations;
static const struct translation none;

static inline int make(const char *name, enum bpf_map_type type, uint32_t key, uint32_t value,
		uint32_t most, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return bpf_map_create(type, name, key, value, most, &options);
}

static inline int set_up(void **state)
{
	(void)state;
	memset(&fds, 0xff, sizeof(fds));
	fds.flows = make("flows", BPF_MAP_TYPE_HASH, sizeof(struct flow_key),
			 sizeof(struct permit), ROOM, 0);
	if (fds.flows < 0)
		return 0;
	fds.pinholes = make("pinholes", BPF_MAP_TYPE_HASH, sizeof(struct flow_key),
			    sizeof(struct permit), ROOM, 0);
	fds.activity = make("activity", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct activity), LIMIT_SLOTS,
			    BPF_F_MMAPABLE);
	fds.translations = make("translations", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct translation),
				LIMIT_SLOTS, BPF_F_MMAPABLE);
	fds.counters = make("counters", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, COUNTER_END, 0);
	fds.rows[ROW_timer] = make("rows", BPF_MAP_TYPE_HASH, sizeof(struct row_key),
				   sizeof(struct timer_row), ROOM, 0);
	activity = mmap(NULL, LIMIT_SLOTS * sizeof(*activity), PROT_READ | PROT_WRITE, MAP_SHARED,
			fds.activity, 0);
	translations = mmap(NULL, LIMIT_SLOTS * sizeof(*translations), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fds.translations, 0);
	maps = maps_new(&fds, &hash_key);
	if (activity == MAP_FAILED || translations == MAP_FAILED || !maps)
		return -1;
	maps_projector(maps, &ops);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	maps_free(maps);
	maps = NULL;
	if (activity)
		munmap(activity, LIMIT_SLOTS * sizeof(*activity));
	activity = NULL;
	if (translations)
		munmap(translations, LIMIT_SLOTS * sizeof(*translations));
	translations = NULL;
	for (int *fd = (int *)&fds; fd < (int *)(&fds + 1); fd++)
		if (*fd >= 0)
			close(*fd);
	return 0;
}

static inline void need_maps(void)
{
	if (fds.flows < 0) {
		print_message("SKIP: no BPF maps can be made here (run as root)\n");
		skip();
	}
}

/* An exact flow towards this port, or a pinhole where the source's port is open. */
static inline struct flow_key key_of(uint16_t port, bool exact)
{
	return (struct flow_key){ .source = { { [15] = 1 } }, .destination = { { [15] = 2 } },
				  .destination_port = htons(port),
				  .source_port = exact ? htons(4000) : 0, .zone = 1 };
}

static inline int open_one(uint16_t port, bool exact, uint32_t flags, struct permit *ret)
{
	struct flow_key key = key_of(port, exact);

	*ret = (struct permit){ .slot = SLOT_NONE, .flags = flags };
	return ops.open(ops.self, &key, &none, ret);
}

static inline void close_one(uint16_t port, bool exact, const struct permit *permit)
{
	struct flow_key key = key_of(port, exact);

	assert_int_equal(ops.close(ops.self, &key, permit), 0);
}

/* What the fast path would find; false where there is nothing. */
static inline bool found(uint16_t port, bool exact, struct permit *ret)
{
	struct flow_key key = key_of(port, exact);

	return !bpf_map_lookup_elem(exact ? fds.flows : fds.pinholes, &key, ret);
}

static inline uint64_t counted(uint32_t counter)
{
	uint64_t values[256] = { 0 }, sum = 0;

	assert_int_equal(bpf_map_lookup_elem(fds.counters, &counter, values), 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += values[i];
	return sum;
}

#endif
