// SPDX-License-Identifier: MIT
/* The journal of row changes, and the maps that it is written to: the last change of a key counts,
 * and what a type has to put or to delete goes in one call. */
#include "io/rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "inspect/batch.h"
#include "io/batch_write.h"

#define JOURNAL_BYTES (LIMIT_JOURNAL * sizeof(struct journal_entry))

#define ROW(name, capacity, replicated, sentence)                                                  \
	_Static_assert(sizeof(struct name##_row) <= ROW_BYTES_MOST, "a " #name " row is too large");
#include <ringfence/row.def>
#undef ROW

struct rows {
	const struct kernel_maps *fds;
	struct journal_entry *journal;       /* shared with the kernel, or memory of our own */
	bool is_shared;
	uint32_t used;
	bool counts[LIMIT_JOURNAL];          /* changes its map                        */
	bool from_nothing[LIMIT_JOURNAL];    /* the map has no such row before its key's first */
	uint16_t latest[2 * LIMIT_JOURNAL];  /* by key: its last entry + 1, 0 empty    */
	struct row_key keys[LIMIT_JOURNAL];
	uint8_t values[LIMIT_JOURNAL * ROW_BYTES_MOST];
};

static bool open_journal(struct rows *r)
{
	void *mapped = MAP_FAILED;

	if (r->fds->journal >= 0)
		mapped = mmap(NULL, JOURNAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			      r->fds->journal, 0);
	r->is_shared = mapped != MAP_FAILED;
	r->journal = r->is_shared ? mapped : calloc(LIMIT_JOURNAL, sizeof(*r->journal));
	return r->journal != NULL;
}

struct rows *rows_new(const struct kernel_maps *m)
{
	struct rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fds = m;
	if (!open_journal(r)) {
		free(r);
		return NULL;
	}
	r->used = LIMIT_JOURNAL;
	rows_settle(r);
	return r;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	rows_settle(r);
	if (r->is_shared)
		munmap(r->journal, JOURNAL_BYTES);
	else
		free(r->journal);
	free(r);
}

bool rows_are_many(const struct rows *r)
{
	return r->used > LIMIT_JOURNAL / 2;
}

uint32_t rows_store(struct rows *r, enum row_type type, const struct row_key *key,
		    const void *value, bool is_new)
{
	uint32_t failed = r->used == LIMIT_JOURNAL ? rows_settle(r) : 0;
	struct journal_entry *e = &r->journal[r->used++];

	e->type = type;
	e->bytes = value ? row_bytes(type) : 0;
	e->is_new = is_new;
	e->key = *key;
	if (value)
		memcpy(e->value, value, e->bytes);
	/* Whoever finds the journal after us sees whole entries or none. */
	__atomic_store_n(&e->held, 1, __ATOMIC_RELEASE);
	return failed;
}

static bool is_valid(const struct journal_entry *e)
{
	return e->held && e->type > ROW_NONE && e->type < ROW_COUNT &&
	       (e->bytes == 0 || e->bytes == row_bytes((enum row_type)e->type));
}

/* Where the key's last entry so far is noted, or would be. Who chooses keys that meet makes a walk
 * of it, as long as the journal. */
static uint16_t *latest_of(struct rows *r, const struct journal_entry *e)
{
	static const struct hash_key any = { { 0 } };
	uint32_t at = (uint32_t)hash64(&any, slice_make(&e->key, sizeof(e->key))) + e->type;

	for (;; at++) {
		uint16_t *latest = &r->latest[at % (2 * LIMIT_JOURNAL)];
		const struct journal_entry *other = r->journal + (*latest ? *latest - 1 : 0);

		if (!*latest || (other->type == e->type &&
				 !memcmp(&other->key, &e->key, sizeof(e->key))))
			return latest;
	}
}

/* The last entry of a key counts, unless it ends what the map never held. */
static void find_effect(struct rows *r)
{
	memset(r->latest, 0, sizeof(r->latest));
	for (uint32_t i = 0; i < r->used; i++) {
		const struct journal_entry *e = &r->journal[i];
		uint16_t *latest;

		r->counts[i] = false;
		if (!is_valid(e))
			continue;
		latest = latest_of(r, e);
		r->from_nothing[i] = *latest ? r->from_nothing[*latest - 1] : e->is_new;
		if (*latest)
			r->counts[*latest - 1] = false;
		r->counts[i] = e->bytes || !r->from_nothing[i];
		*latest = (uint16_t)(i + 1);
	}
}

static uint32_t write_type(struct rows *r, enum row_type type, bool deletes)
{
	struct batch_write w = { .fd = r->fds->rows[type], .key_bytes = sizeof(*r->keys),
				 .value_bytes = row_bytes(type), .keys = r->keys,
				 .values = r->values };

	for (uint32_t i = 0; i < r->used; i++) {
		const struct journal_entry *e = &r->journal[i];

		if (!r->counts[i] || e->type != type || (e->bytes == 0) != deletes)
			continue;
		r->keys[w.count] = e->key;
		memcpy(r->values + w.count * w.value_bytes, e->value, e->bytes);
		w.count++;
	}
	if (!w.count || w.fd < 0)
		return 0;
	return deletes ? batch_write_delete(&w) : batch_write_put(&w);
}

uint32_t rows_settle(struct rows *r)
{
	uint32_t failed = 0;

	if (!r->used)
		return 0;
	find_effect(r);
	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		failed += write_type(r, (enum row_type)type, true);
		failed += write_type(r, (enum row_type)type, false);
	}
	/* In order: what is left of a journal, written again, ends where the whole would. */
	for (uint32_t i = 0; i < r->used; i++)
		__atomic_store_n(&r->journal[i].held, 0, __ATOMIC_RELEASE);
	r->used = 0;
	return failed;
}

static uint32_t read_maps(const struct kernel_maps *m, void *value, row_take_fn take, void *self,
			  uint32_t *ret_unreadable)
{
	uint32_t taken = 0;

	*ret_unreadable = 0;
	for (int type = ROW_NONE + 1; type < ROW_COUNT; type++) {
		struct row_key key, *from = NULL;
		int fd = m->rows[type];

		while (fd >= 0 && !bpf_map_get_next_key(fd, from, &key)) {
			from = &key;
			if (bpf_map_lookup_elem(fd, &key, value) ||
			    take(self, (enum row_type)type, &key, value))
				(*ret_unreadable)++;
			else
				taken++;
		}
	}
	return taken;
}

uint32_t rows_restore(struct rows *r, row_take_fn take, void *self, uint32_t *ret_unreadable)
{
	return read_maps(r->fds, r->values, take, self, ret_unreadable);
}

/* Entries are added behind and given up from the front: as long as the first one stays what it was,
 * all that were there are there. */
static bool was_settled(const struct journal_entry *before, const struct journal_entry *journal)
{
	return before->held && memcmp(before, journal, sizeof(*before));
}

int rows_read(const struct kernel_maps *m, row_take_fn take, void *self, uint32_t *ret_unreadable)
{
	static uint8_t value[ROW_BYTES_MOST];
	const struct journal_entry *journal = MAP_FAILED;
	struct journal_entry before;
	bool settled;

	if (m->journal >= 0)
		journal = mmap(NULL, JOURNAL_BYTES, PROT_READ, MAP_SHARED, m->journal, 0);
	if (journal == MAP_FAILED) {
		read_maps(m, value, take, self, ret_unreadable);
		return 0;
	}
	before = journal[0];
	read_maps(m, value, take, self, ret_unreadable);
	for (uint32_t i = 0; i < LIMIT_JOURNAL; i++) {
		const struct journal_entry *e = &journal[i];

		if (is_valid(e))
			take(self, (enum row_type)e->type, &e->key, e->bytes ? e->value : NULL);
	}
	settled = was_settled(&before, journal);
	munmap((void *)journal, JOURNAL_BYTES);
	return settled ? -EAGAIN : 0;
}
