// SPDX-License-Identifier: MIT
/* Flows and pinholes in pinned maps. What a message opens is written before it leaves, in one call
 * a map. Closing takes two steps, since a running program may still hold an entry: it is marked
 * closed, and deleted and its slot given back 100 ms later. */
#include "io/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/address.h"
#include "base/map.h"
#include "io/batch_write.h"
#include "io/loop.h"
#include "io/near.h"
#include "io/rows.h"
#include <ringfence/reason.h>

#define CLOSING_NS (100ull * 1000 * 1000)
#define WAITING 64

/* Entries of one map that are written together. */
struct waiting {
	uint32_t count;
	struct flow_key keys[WAITING];
	struct permit permits[WAITING];
};

struct closing {
	struct closing *next;
	struct flow_key key;
	struct permit permit;
	uint64_t due_ns;
	bool is_cancelled;           /* opened again meanwhile */
	bool is_slot;                /* its slot alone: the key has another one */
};

struct maps {
	const struct kernel_maps *fds;
	struct rows *rows;
	struct near *near;           /* NULL where there is none           */
	struct activity *activity;   /* mapped; NULL where it could not be */
	struct translation *translations; /* likewise, by slot */
	struct waiting flows, pinholes;
	struct map *closing_keys;    /* flow_key -> struct closing *       */
	struct closing *first, **last;
	struct closing *unmarked;    /* from here on not yet marked closed */
	uint32_t *free_slots;        /* a stack */
	uint32_t free_count;
	uint64_t counts[COUNTER_END]; /* of user space, since the last sweep */
	uint8_t used[LIMIT_SLOTS];
	int walk_map;                /* 0 flows, 1 pinholes, 2 the end */
	bool walk_begun;
	struct flow_key walk_key;
};

static bool is_exact(const struct flow_key *key)
{
	return key->source_port && !address_is_zero(&key->source);
}

static int map_of(const struct maps *m, const struct flow_key *key)
{
	return is_exact(key) ? m->fds->flows : m->fds->pinholes;
}

static struct translation translation_of(const struct maps *m, const struct permit *permit)
{
	const struct translation none = { .pad = 0 };

	return m->translations && permit->flags & PERMIT_TRANSLATED && permit->slot < LIMIT_SLOTS ?
	       m->translations[permit->slot] : none;
}

static bool walk_next(void *self, struct flow_key *ret_key, struct permit *ret_permit,
		      struct translation *ret_translation)
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
		*ret_translation = translation_of(m, ret_permit);
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
	struct translation translation;
	struct kernel_walk walk;
	struct flow_key key;
	struct permit permit;

	maps_walk(m, &walk);
	while (walk.next(m, &key, &permit, &translation))
		if (permit.slot < LIMIT_SLOTS)
			m->used[permit.slot] = 1;
	for (uint32_t slot = LIMIT_SLOTS; slot-- > 0;)
		if (!m->used[slot])
			m->free_slots[m->free_count++] = slot;
}

static void *map_memory(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct maps *maps_new(const struct kernel_maps *fds, const struct hash_key *key)
{
	struct maps *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->fds = fds;
	m->last = &m->first;
	m->rows = rows_new(fds);
	m->closing_keys = map_new(sizeof(struct flow_key), sizeof(struct closing *), LIMIT_SLOTS,
				  key);
	m->free_slots = calloc(LIMIT_SLOTS, sizeof(*m->free_slots));
	if (!m->free_slots || !m->rows || !m->closing_keys) {
		maps_free(m);
		return NULL;
	}
	m->activity = map_memory(fds->activity, LIMIT_SLOTS * sizeof(*m->activity));
	m->translations = map_memory(fds->translations, LIMIT_SLOTS * sizeof(*m->translations));
	find_slots(m);
	m->near = near_new(fds, loop_now_ns());
	return m;
}

void maps_free(struct maps *m)
{
	struct closing *c, *next;

	if (!m)
		return;
	if (m->rows) {
		maps_close(m);
		maps_sweep(m, UINT64_MAX);
	}
	for (c = m->first; c; c = next) {
		next = c->next;
		free(c);
	}
	if (m->activity)
		munmap(m->activity, LIMIT_SLOTS * sizeof(*m->activity));
	if (m->translations)
		munmap(m->translations, LIMIT_SLOTS * sizeof(*m->translations));
	rows_free(m->rows);
	near_free(m->near);
	map_free(m->closing_keys);
	free(m->free_slots);
	free(m);
}

static void count(void *self, uint32_t counter, uint64_t n)
{
	struct maps *m = self;

	if (counter < COUNTER_END)
		m->counts[counter] += n;
}

static void write_waiting(struct maps *m, struct waiting *w, int fd)
{
	const struct batch_write write = { fd, sizeof(*w->keys), sizeof(*w->permits), w->keys,
					   w->permits, w->count };

	if (w->count)
		count(m, COUNTER_kernel_errors, batch_write_put(&write));
	w->count = 0;
}

static void commit(void *self)
{
	struct maps *m = self;

	for (uint32_t i = 0; i < m->flows.count; i++)
		near_changing(m->near, &m->flows.keys[i], loop_now_ns());
	write_waiting(m, &m->flows, m->fds->flows);
	write_waiting(m, &m->pinholes, m->fds->pinholes);
}

static void wait_write(struct maps *m, const struct flow_key *key, const struct permit *permit)
{
	struct waiting *w = is_exact(key) ? &m->flows : &m->pinholes;

	if (w->count == WAITING)
		commit(m);
	w->keys[w->count] = *key;
	w->permits[w->count++] = *permit;
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

/* What programs may still read is given back when none runs any more that found it. */
static struct closing *close_later(struct maps *m, const struct flow_key *key,
				   const struct permit *permit)
{
	struct closing *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct closing){ .key = *key, .permit = *permit };
	*m->last = c;
	m->last = &c->next;
	if (!m->unmarked)
		m->unmarked = c;
	return c;
}

/* A translation is written where no open permit leads to. */
static bool fits_slot(const struct maps *m, uint32_t slot, const struct translation *translation)
{
	return slot < LIMIT_SLOTS &&
	       (!m->translations ||
		!memcmp(&m->translations[slot], translation, sizeof(*translation)));
}

/* A key that is opened again while it closes takes its slot along, where it leaves as before. */
static uint32_t cancel_closing(struct maps *m, const struct flow_key *key,
			       const struct translation *translation)
{
	struct closing **found = map_find(m->closing_keys, key);
	struct closing *c = found ? *found : NULL;

	if (!c)
		return SLOT_NONE;
	map_remove(m->closing_keys, key);
	c->is_slot = translation && !fits_slot(m, c->permit.slot, translation);
	c->is_cancelled = !c->is_slot;
	return c->is_slot ? SLOT_NONE : c->permit.slot;
}

/* The stream's figures go on. Its next hop is looked up anew, and what was learned of the former
 * door's sender is forgotten, as it is when a door moves. */
static void move_activity(struct maps *m, uint32_t from, uint32_t to)
{
	struct activity a = m->activity[from];

	memset(&a.hop, 0, sizeof(a.hop));
	a.lock = 0;
	a.told_second = 0;
	m->activity[to] = a;
}

/* An open key that is to leave otherwise: another slot, and the old one back later. */
static uint32_t change_slot(struct maps *m, const struct flow_key *key, const struct permit *permit)
{
	struct closing *c;
	uint32_t slot = take_slot(m);

	if (slot == SLOT_NONE)
		return SLOT_NONE;
	move_activity(m, permit->slot, slot);
	c = close_later(m, key, permit);
	if (c)
		c->is_slot = true;
	return slot;
}

static uint32_t slot_for(struct maps *m, const struct flow_key *key,
			 const struct translation *translation, const struct permit *permit)
{
	uint32_t slot = permit->slot;

	if (slot == SLOT_NONE)
		slot = cancel_closing(m, key, translation);
	else if (!fits_slot(m, slot, translation))
		return change_slot(m, key, permit);
	return slot == SLOT_NONE ? take_slot(m) : slot;
}

static int open_key(void *self, const struct flow_key *key, const struct translation *translation,
		    struct permit *permit)
{
	const struct permit before = *permit;
	struct maps *m = self;

	if (permit->flags & PERMIT_TRANSLATED && !m->translations)
		return -ENOTSUP;
	permit->slot = slot_for(m, key, translation, permit);
	if (permit->slot == SLOT_NONE) {
		/* Better nowhere than where it went before. */
		permit->slot = before.slot;
		permit->flags |= PERMIT_CLOSED;
		if (permit->slot != SLOT_NONE)
			wait_write(m, key, permit);
		return -ENOSPC;
	}
	if (m->translations)
		m->translations[permit->slot] = *translation;
	wait_write(m, key, permit);
	return 0;
}

static int close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	struct maps *m = self;
	struct closing **place, *c;

	cancel_closing(m, key, NULL);
	place = map_take(m->closing_keys, key);
	c = place ? close_later(m, key, permit) : NULL;
	if (!c) {
		if (place)
			map_remove(m->closing_keys, key);
		return -ENOMEM;
	}
	c->permit.flags |= PERMIT_CLOSED;
	*place = c;
	return 0;
}

static int store_row(void *self, enum row_type type, const struct row_key *key, const void *value,
		     bool is_new)
{
	struct maps *m = self;

	count(m, COUNTER_kernel_errors, rows_store(m->rows, type, key, value, is_new));
	return 0;
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

void maps_close(struct maps *m)
{
	uint64_t now_ns = loop_now_ns();

	for (; m->unmarked; m->unmarked = m->unmarked->next) {
		struct closing *c = m->unmarked;

		c->due_ns = now_ns + CLOSING_NS;
		if (!c->is_cancelled && !c->is_slot)
			wait_write(m, &c->key, &c->permit);
	}
	commit(m);
	if (rows_are_many(m->rows))
		count(m, COUNTER_kernel_errors, rows_settle(m->rows));
}

static void delete_waiting(struct waiting *w, int fd)
{
	const struct batch_write write = { .fd = fd, .key_bytes = sizeof(*w->keys),
					   .keys = w->keys, .count = w->count };

	if (w->count)
		batch_write_delete(&write);
	w->count = 0;
}

static void wait_delete(struct maps *m, const struct flow_key *key)
{
	struct waiting *w = is_exact(key) ? &m->flows : &m->pinholes;

	if (w->count == WAITING)
		delete_waiting(w, map_of(m, key));
	w->keys[w->count++] = *key;
}

static void end_closing(struct maps *m, const struct closing *c)
{
	if (c->is_cancelled)
		return;
	if (!c->is_slot) {
		wait_delete(m, &c->key);
		map_remove(m->closing_keys, &c->key);
	}
	if (c->permit.slot < LIMIT_SLOTS)
		m->free_slots[m->free_count++] = c->permit.slot;
}

/* What waited to be written is written: what waits from here on is to be deleted. */
static void end_closings(struct maps *m, uint64_t now_ns)
{
	struct closing *c;

	commit(m);
	while ((c = m->first) && c != m->unmarked && c->due_ns <= now_ns) {
		end_closing(m, c);
		m->first = c->next;
		if (!m->first)
			m->last = &m->first;
		free(c);
	}
	delete_waiting(&m->flows, m->fds->flows);
	delete_waiting(&m->pinholes, m->fds->pinholes);
}

void maps_sweep(struct maps *m, uint64_t now_ns)
{
	count(m, COUNTER_kernel_errors, rows_settle(m->rows));
	write_counts(m);
	near_sweep(m->near, now_ns);
	end_closings(m, now_ns);
}

void maps_projector(struct maps *m, struct projector_ops *ret)
{
	*ret = (struct projector_ops){ .open = open_key, .commit = commit, .close = close_key,
				       .store = store_row, .count = count, .self = m };
}

uint32_t maps_restore(struct maps *m, row_take_fn take, void *self)
{
	uint32_t unreadable, taken = rows_restore(m->rows, take, self, &unreadable);

	count(m, COUNTER_rows_unreadable, unreadable);
	return taken;
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
