// SPDX-License-Identifier: MIT
/* A running program keeps what it found for as long as it runs, so a slot's key and permit are
 * written only when the index has not led there for 100 ms. An entry of the index is one word: it
 * leads to a whole flow or nowhere. What is to be put in waits equally long each: the list is in
 * the order of time. */
#include "io/near.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ringfence/near.h>

#define QUIET_NS (100ull * 1000 * 1000)
#define SETS_MOST (1u << LIMIT_NEAR_BITS)
#define BITS_LEAST 8

struct entering {
	struct entering *next;
	struct flow_key key;
	uint64_t due_ns;
};

struct near {
	int table;
	struct near_shape *shape;    /* all three mapped */
	struct near_set *index;
	struct near_flow *flows;
	uint32_t count;              /* entries in use */
	struct entering *first, **last;
	uint64_t quiet_ns[LIMIT_SLOTS]; /* no program looks at the slot from here on */
};

static uint64_t hash_of(const struct flow_key *key)
{
	uint64_t words[NEAR_KEY_WORDS];

	memcpy(words, key, sizeof(words));
	return near_hash((const __u64 *)words);
}

static struct near_set *set_of(const struct near *n, uint64_t hash)
{
	return &n->index[near_set_of(hash, n->shape->bits)];
}

static bool is_tagged(uint32_t entry, uint32_t tag)
{
	return (entry & ~NEAR_SLOT_MASK) == tag;
}

/* The entry with the tag of this hash, as programs find it; NULL none. */
static uint32_t *entry_of(const struct near *n, uint64_t hash)
{
	struct near_set *set = set_of(n, hash);

	for (int way = 0; way < NEAR_WAYS; way++)
		if (is_tagged(set->entries[way], near_tag(hash)))
			return &set->entries[way];
	return NULL;
}

static bool leads_to(const struct near *n, const uint32_t *entry, const struct flow_key *key)
{
	uint32_t slot = *entry & NEAR_SLOT_MASK;

	return slot < LIMIT_SLOTS && !memcmp(&n->flows[slot].key, key, sizeof(*key));
}

static bool is_in(const struct near *n, const struct flow_key *key)
{
	const uint32_t *entry = entry_of(n, hash_of(key));

	return entry && leads_to(n, entry, key);
}

static void take_out(struct near *n, uint32_t *entry, uint64_t now_ns)
{
	uint32_t slot = *entry & NEAR_SLOT_MASK;

	__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
	n->count--;
	if (slot < LIMIT_SLOTS)
		n->quiet_ns[slot] = now_ns + QUIET_NS;
}

static void enter_later(struct near *n, const struct flow_key *key, uint64_t now_ns)
{
	struct entering *e = calloc(1, sizeof(*e));

	if (!e)
		return;
	e->key = *key;
	e->due_ns = now_ns + QUIET_NS;
	*n->last = e;
	n->last = &e->next;
}

static bool table_says(const struct near *n, const struct flow_key *key, struct permit *ret)
{
	return !bpf_map_lookup_elem(n->table, key, ret) && !(ret->flags & PERMIT_CLOSED) &&
	       ret->slot < LIMIT_SLOTS;
}

/* Whether an entry of the earlier daemon is as the table says. */
static bool is_true(const struct near *n, const uint32_t *entry)
{
	uint32_t slot = *entry & NEAR_SLOT_MASK;
	const struct near_flow *flow = &n->flows[slot];
	struct permit permit;

	return slot < LIMIT_SLOTS && entry_of(n, hash_of(&flow->key)) == entry &&
	       table_says(n, &flow->key, &permit) && permit.slot == slot &&
	       !memcmp(&permit, &flow->permit, sizeof(permit));
}

static uint32_t *entry_at(const struct near *n, uint32_t i)
{
	return &n->index[i / NEAR_WAYS].entries[i % NEAR_WAYS];
}

static void adopt(struct near *n, uint64_t now_ns)
{
	struct flow_key key, *from = NULL;

	for (uint32_t slot = 0; slot < LIMIT_SLOTS; slot++)
		n->quiet_ns[slot] = now_ns + QUIET_NS;
	if (n->shape->bits < BITS_LEAST || n->shape->bits > LIMIT_NEAR_BITS)
		n->shape->bits = BITS_LEAST;
	for (uint32_t i = 0; i < SETS_MOST * NEAR_WAYS; i++) {
		uint32_t *entry = entry_at(n, i);

		n->count += *entry != 0;
		if (*entry && !is_true(n, entry))
			take_out(n, entry, now_ns);
	}
	while (!bpf_map_get_next_key(n->table, from, &key)) {
		from = &key;
		if (!is_in(n, &key))
			enter_later(n, &key, now_ns);
	}
}

static void *map_memory(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct near *near_new(const struct kernel_maps *fds, uint64_t now_ns)
{
	struct near *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->table = fds->flows;
	n->last = &n->first;
	n->shape = map_memory(fds->near_shape, sizeof(*n->shape));
	n->index = map_memory(fds->near_index, SETS_MOST * sizeof(*n->index));
	n->flows = map_memory(fds->near_flows, LIMIT_SLOTS * sizeof(*n->flows));
	if (!n->shape || !n->index || !n->flows) {
		near_free(n);
		return NULL;
	}
	adopt(n, now_ns);
	return n;
}

void near_free(struct near *n)
{
	struct entering *e, *next;

	if (!n)
		return;
	for (e = n->first; e; e = next) {
		next = e->next;
		free(e);
	}
	if (n->shape)
		munmap(n->shape, sizeof(*n->shape));
	if (n->index)
		munmap(n->index, SETS_MOST * sizeof(*n->index));
	if (n->flows)
		munmap(n->flows, LIMIT_SLOTS * sizeof(*n->flows));
	free(n);
}

void near_changing(struct near *n, const struct flow_key *key, uint64_t now_ns)
{
	uint32_t *entry;

	if (!n)
		return;
	entry = entry_of(n, hash_of(key));
	if (entry && leads_to(n, entry, key))
		take_out(n, entry, now_ns);
	enter_later(n, key, now_ns);
}

/* A free entry of the key's set; NULL where all are in use, or one has the same tag. */
static uint32_t *free_entry(const struct near *n, uint64_t hash)
{
	struct near_set *set = set_of(n, hash);

	for (int way = 0; !entry_of(n, hash) && way < NEAR_WAYS; way++)
		if (!set->entries[way])
			return &set->entries[way];
	return NULL;
}

static void lead_to(struct near *n, uint32_t slot)
{
	uint64_t hash = hash_of(&n->flows[slot].key);
	uint32_t *entry = free_entry(n, hash);

	if (!entry)
		return;
	__atomic_store_n(entry, near_tag(hash) | slot, __ATOMIC_RELEASE);
	n->count++;
}

/* Twice as many sets. What the slots hold is not touched, so nothing has to rest; programs ask the
 * table for the moment. Without memory the index stays as it is, and fills up. */
static void grow(struct near *n)
{
	uint32_t sets = 1u << n->shape->bits, count = 0;
	uint32_t *slots = calloc(sets * NEAR_WAYS, sizeof(*slots));

	if (!slots)
		return;
	for (uint32_t i = 0; i < sets * NEAR_WAYS; i++) {
		uint32_t *entry = entry_at(n, i);

		if (*entry)
			slots[count++] = *entry & NEAR_SLOT_MASK;
		__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
	}
	n->count = 0;
	__atomic_store_n(&n->shape->bits, n->shape->bits + 1, __ATOMIC_RELEASE);
	while (count)
		lead_to(n, slots[--count]);
	free(slots);
}

/* Where there is no entry for it the flow stays in the table. Where its slot has to rest it changed
 * again, and comes again. */
static void put_in(struct near *n, const struct flow_key *key, uint64_t now_ns)
{
	struct permit permit;

	if (is_in(n, key) || !table_says(n, key, &permit) || now_ns < n->quiet_ns[permit.slot])
		return;
	if (n->count >= (NEAR_WAYS / 2u) << n->shape->bits && n->shape->bits < LIMIT_NEAR_BITS)
		grow(n);
	n->flows[permit.slot] = (struct near_flow){ .key = *key, .permit = permit };
	lead_to(n, permit.slot);
}

void near_sweep(struct near *n, uint64_t now_ns)
{
	struct entering *e;

	while (n && (e = n->first) && e->due_ns <= now_ns) {
		n->first = e->next;
		if (!n->first)
			n->last = &n->first;
		put_in(n, &e->key, now_ns);
		free(e);
	}
}
