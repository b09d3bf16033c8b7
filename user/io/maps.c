// SPDX-License-Identifier: MIT
/* Flows, pinholes and rows in pinned maps. Closing takes two steps, since a running program may
 * still hold an entry: it is marked closed, and deleted and its slot given back 100 ms later. */
#include "io/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/address.h"
#include "io/loop.h"
#include <ringfence/reason.h>

#define CLOSING_NS (100ull * 1000 * 1000)
#define SLOT_NONE UINT32_MAX

struct closing {
	struct closing *next;
	struct flow_key key;
	uint64_t due_ns;
	uint32_t slot;
};

struct maps {
	const struct kernel_maps *fds;
	struct activity *activity;   /* mapped; NULL where it could not be */
	struct closing *first, **last;
	uint32_t *free_slots;        /* a stack */
	uint32_t free_count;
	uint64_t counts[COUNTER_END]; /* of user space, since the last sweep */
	uint8_t used[LIMIT_SLOTS];
	int walk_map;                /* 0 flows, 1 pinholes, 2 the end */
	bool walk_begun;
	struct flow_key walk_key;
};

static int map_of(const struct maps *m, const struct flow_key *key)
{
	bool exact = key->source_port && !address_is_zero(&key->source);

	return exact ? m->fds->flows : m->fds->pinholes;
}

static bool walk_next(void *self, struct flow_key *ret_key, struct permit *ret_permit)
{
	struct maps *m = self;

	while (m->walk_map < 2) {
		int fd = m->walk_map ? m->fds->pinholes : m->fds->flows;
		const void *from = m->walk_begun ? &m->walk_key : NULL;

		if (bpf_map_get_next_key(fd, from, &m->walk_key)) {
			m->walk_map++;
			m->walk_begun = false;
			continue;
		}
		m->walk_begun = true;
		if (bpf_map_lookup_elem(fd, &m->walk_key, ret_permit))
			continue;
		*ret_key = m->walk_key;
		return true;
	}
	return false;
}

void maps_walk(struct maps *m, struct kernel_walk *ret)
{
	m->walk_map = 0;
	m->walk_begun = false;
	*ret = (struct kernel_walk){ walk_next, m };
}

static void find_slots(struct maps *m)
{
	struct kernel_walk walk;
	struct flow_key key;
	struct permit permit;

	maps_walk(m, &walk);
	while (walk.next(m, &key, &permit))
		if (permit.slot < LIMIT_SLOTS)
			m->used[permit.slot] = 1;
	for (uint32_t slot = LIMIT_SLOTS; slot-- > 0;)
		if (!m->used[slot])
			m->free_slots[m->free_count++] = slot;
}

struct maps *maps_new(const struct kernel *k)
{
	struct maps *m = calloc(1, sizeof(*m));
	void *mapped;

	if (!m)
		return NULL;
	m->fds = kernel_maps(k);
	m->last = &m->first;
	m->free_slots = calloc(LIMIT_SLOTS, sizeof(*m->free_slots));
	if (!m->free_slots) {
		free(m);
		return NULL;
	}
	mapped = mmap(NULL, LIMIT_SLOTS * sizeof(struct activity), PROT_READ | PROT_WRITE,
		      MAP_SHARED, m->fds->activity, 0);
	m->activity = mapped == MAP_FAILED ? NULL : mapped;
	find_slots(m);
	return m;
}

void maps_free(struct maps *m)
{
	struct closing *c, *next;

	if (!m)
		return;
	maps_sweep(m, UINT64_MAX);
	for (c = m->first; c; c = next) {
		next = c->next;
		free(c);
	}
	if (m->activity)
		munmap(m->activity, LIMIT_SLOTS * sizeof(struct activity));
	free(m->free_slots);
	free(m);
}

/* A slot that nobody uses is ours to clear; from the moment it is handed out it is not. */
static uint32_t take_slot(struct maps *m)
{
	uint32_t slot;

	if (!m->free_count || !m->activity)
		return SLOT_NONE;
	slot = m->free_slots[--m->free_count];
	memset(&m->activity[slot], 0, sizeof(*m->activity));
	return slot;
}

/* A key that is opened again while it closes takes its slot along. */
static uint32_t cancel_closing(struct maps *m, const struct flow_key *key)
{
	for (struct closing **at = &m->first; *at; at = &(*at)->next) {
		struct closing *c = *at;
		uint32_t slot = c->slot;

		if (memcmp(&c->key, key, sizeof(*key)))
			continue;
		*at = c->next;
		if (!*at)
			m->last = at;
		free(c);
		return slot;
	}
	return SLOT_NONE;
}

static int open_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	struct maps *m = self;
	struct permit next = *permit, old;
	int fd = map_of(m, key);

	if (!bpf_map_lookup_elem(fd, key, &old)) {
		if (old.flags & PERMIT_CLOSED)
			cancel_closing(m, key);
		next.slot = old.slot;
	} else {
		next.slot = take_slot(m);
	}
	if (next.slot == SLOT_NONE)
		return -ENOSPC;
	return bpf_map_update_elem(fd, key, &next, BPF_ANY) ? -errno : 0;
}

static int close_key(void *self, const struct flow_key *key)
{
	struct maps *m = self;
	struct closing *c = calloc(1, sizeof(*c));
	struct permit old;
	int fd = map_of(m, key);

	if (!c)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, key, &old)) {
		free(c);
		return -errno;
	}
	if (old.flags & PERMIT_CLOSED)
		cancel_closing(m, key);
	*c = (struct closing){ .key = *key, .due_ns = loop_now_ns() + CLOSING_NS,
			       .slot = old.slot };
	*m->last = c;
	m->last = &c->next;
	old.flags |= PERMIT_CLOSED;
	return bpf_map_update_elem(fd, key, &old, BPF_EXIST) ? -errno : 0;
}

static int store_row(void *self, enum row_type type, const struct row_key *key, const void *value)
{
	const struct maps *m = self;
	int fd = m->fds->rows[type];

	if (value)
		return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	struct maps *m = self;

	if (counter < COUNTER_END)
		m->counts[counter] += n;
}

/* Counters that user space raises are raised by no program: there is one writer. Two calls into
 * the kernel a counter are too many for each message, so they are written once a sweep. */
static void write_counts(struct maps *m)
{
	uint64_t values[256];
	int cpus = libbpf_num_possible_cpus();

	for (uint32_t i = 0; i < COUNTER_END && cpus > 0 && cpus <= 256; i++) {
		if (!m->counts[i] || bpf_map_lookup_elem(m->fds->counters, &i, values))
			continue;
		values[0] += m->counts[i];
		if (!bpf_map_update_elem(m->fds->counters, &i, values, BPF_ANY))
			m->counts[i] = 0;
	}
}

void maps_sweep(struct maps *m, uint64_t now_ns)
{
	struct closing *c;

	write_counts(m);
	while ((c = m->first) && c->due_ns <= now_ns) {
		bpf_map_delete_elem(map_of(m, &c->key), &c->key);
		if (c->slot < LIMIT_SLOTS)
			m->free_slots[m->free_count++] = c->slot;
		m->first = c->next;
		if (!m->first)
			m->last = &m->first;
		free(c);
	}
}

int maps_counter(const struct maps *m, uint32_t index, uint64_t *ret)
{
	uint64_t values[256] = { 0 }, sum = index < COUNTER_END ? m->counts[index] : 0;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1 || cpus > 256)
		return -E2BIG;
	if (bpf_map_lookup_elem(m->fds->counters, &index, values))
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	*ret = sum;
	return 0;
}

void maps_projector(struct maps *m, struct projector_ops *ret)
{
	*ret = (struct projector_ops){ .open = open_key, .close = close_key, .store = store_row,
				       .count = count, .self = m };
}

int maps_restore(struct maps *m, row_take_fn take, void *self)
{
	static uint8_t value[2048];
	int count_read = 0;

	for (int type = 1; type < ROW_COUNT; type++) {
		struct row_key key, *from = NULL;
		int fd = m->fds->rows[type];

		while (fd >= 0 && !bpf_map_get_next_key(fd, from, &key)) {
			from = &key;
			if (bpf_map_lookup_elem(fd, &key, value) ||
			    take(self, (enum row_type)type, &key, value))
				count(m, COUNTER_rows_unreadable, 1);
			else
				count_read++;
		}
	}
	return count_read;
}

bool maps_activity(const struct maps *m, const struct flow_key *key, struct activity *ret)
{
	struct permit permit;

	if (!m->activity || bpf_map_lookup_elem(map_of(m, key), key, &permit) ||
	    permit.slot >= LIMIT_SLOTS)
		return false;
	*ret = m->activity[permit.slot];
	return true;
}
