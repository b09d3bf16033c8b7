// SPDX-License-Identifier: MIT
/* The operator's hand on the sources: SOURCE rows, and what the fast path makes of them in each
 * zone. A row that ends gives a server its standing back. */
#include <errno.h>
#include <string.h>

#include "cli/control.h"
#include "cli/show.h"
#include "daemon.h"
#include "io/log.h"

#define ZONE_BITS 32             /* zone and padding, before the address */
#define TAKEN_MOST 64            /* rows that end in one batch */

/* key: owner.bytes is the address, sub the zone (0: all), part the prefix length */
static struct row_key row_of(const struct network *n, uint16_t zone)
{
	struct row_key key = { .sub = zone, .part = n->prefix_bits };

	memcpy(key.owner.bytes, n->address.bytes, sizeof(key.owner.bytes));
	return key;
}

static struct source_key entry_of(const struct row_key *row, uint16_t zone)
{
	struct source_key key = { .prefix_bits = ZONE_BITS + row->part, .zone = zone };

	memcpy(key.address.bytes, row->owner.bytes, sizeof(key.address.bytes));
	return key;
}

/* What the fast path should hold there: the word on this zone, that on all, the server's. */
static bool is_wanted(const struct daemon *d, const struct source_key *key, struct source *ret)
{
	struct network n = { key->address, (uint8_t)(key->prefix_bits - ZONE_BITS) };
	struct row_key own = row_of(&n, key->zone), all = row_of(&n, ZONE_NONE);
	const struct source_row *row = tables_find(d->tables, ROW_source, &own) ?:
				       tables_find(d->tables, ROW_source, &all);

	if (!policy_has_zone(d->policy, key->zone))
		return false;
	if (!row)
		return kernel_server_entry(d->policy, key, ret);
	*ret = (struct source){
		.standing = (uint16_t)row->conclusion.standing,
		.origin = row->conclusion.reason ? SOURCE_BY_JUDGEMENT : SOURCE_BY_OPERATOR,
		.until_ns = row->conclusion.until_ns,
	};
	return true;
}

static void project_zone(struct daemon *d, const struct row_key *row, uint16_t zone)
{
	struct source_key key = entry_of(row, zone);
	struct source value;
	bool wanted = is_wanted(d, &key, &value);

	if (kernel_set_source(d->kernel, &key, wanted ? &value : NULL))
		d->projector.count(d->projector.self, COUNTER_kernel_errors, 1);
}

void daemon_source_changed(struct daemon *d, const struct row_key *row)
{
	for (uint16_t zone = 1; zone <= LIMIT_ZONES; zone++)
		if (!row->sub || row->sub == zone)
			project_zone(d, row, zone);
}

/* What no row asks for any more, and what a policy without that zone had. */
static void take_unwanted(struct daemon *d)
{
	struct source_key key, kept, *after = NULL;
	struct source value, wanted;

	for (uint32_t i = 0; i < 2 * LIMIT_SOURCES &&
			     kernel_source_next(d->kernel, after, &key, &value); i++) {
		bool is_ours = value.origin == SOURCE_BY_OPERATOR ||
			       value.origin == SOURCE_BY_JUDGEMENT;

		if (is_ours && !is_wanted(d, &key, &wanted)) {
			kernel_set_source(d->kernel, &key, NULL);
			continue;        /* the walk goes on behind the last that stays */
		}
		kept = key;
		after = &kept;
	}
}

void daemon_sources_project(struct daemon *d)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(d->tables, ROW_source, &cursor, &row))
		daemon_source_changed(d, row.key);
	take_unwanted(d);
}

static void submit(struct daemon *d, struct batch *b)
{
	if (b->change_count)
		apply_submit(d->apply, b, NULL, NULL);
	daemon_messages_done(d);
}

void daemon_sources_expire(struct daemon *d, uint64_t now_ns)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct row_view row;
	uint32_t cursor = 0;
	struct batch b;

	batch_init(&b, &arena);
	while (b.change_count < TAKEN_MOST && tables_next(d->tables, ROW_source, &cursor, &row)) {
		const struct source_row *s = row.value;

		if (s->conclusion.until_ns && s->conclusion.until_ns <= now_ns)
			batch_end(&b, ROW_source, row.key);
	}
	submit(d, &b);
}

/* A running flow is asked nothing by the fast path: whoever denies its sender ends it. A server has
 * an entry of its own, which a wider block does not touch. */
static bool sends_by_flow(const struct daemon *d, const struct row_view *row,
			  const struct network *n)
{
	const struct flow_key *key = row->type == ROW_door ?
					     &((const struct door_row *)row->value)->key :
					     &((const struct lock_row *)row->value)->key;

	return key->source_port && !address_is_zero(&key->source) &&
	       network_contains(n, &key->source) &&
	       (n->prefix_bits == 128 || !policy_server_at(d->policy, &key->source, 0));
}

/* A batch of the walk; *cursor goes on, since in a group the rows go only when the batch came back. */
static uint32_t end_some(struct daemon *d, enum row_type type, const struct network *n,
			 uint32_t *cursor)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct row_view row;
	uint32_t count;
	struct batch b;

	batch_init(&b, &arena);
	while (b.change_count < TAKEN_MOST && tables_next(d->tables, type, cursor, &row))
		if (sends_by_flow(d, &row, n))
			batch_end(&b, type, row.key);
	count = b.change_count;
	submit(d, &b);
	return count;
}

static uint32_t end_flows(struct daemon *d, const struct network *n)
{
	static const enum row_type types[] = { ROW_lock, ROW_door };
	uint32_t ended = 0, some;

	for (int i = 0; i < 2; i++) {
		uint32_t cursor = 0;

		while ((some = end_some(d, types[i], n, &cursor)))
			ended += some;
	}
	return ended;
}

static uint32_t blocks(const struct daemon *d)
{
	uint32_t cursor = 0, count = 0;
	struct row_view row;

	while (tables_next(d->tables, ROW_source, &cursor, &row))
		count += !((const struct source_row *)row.value)->conclusion.reason;
	return count;
}

int daemon_block(struct daemon *d, const struct network *n, uint64_t for_ns, uint32_t *ret_flows)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct row_key key = row_of(n, ZONE_NONE);
	struct source_row row = {
		.conclusion = { .standing = SOURCE_DENIED,
				.until_ns = for_ns ? loop_now_ns() + for_ns : 0 },
	};
	struct batch b;

	if (!tables_find(d->tables, ROW_source, &key) && blocks(d) >= LIMIT_BLOCKS)
		return -ENOSPC;
	batch_init(&b, &arena);
	batch_put(&b, ROW_source, &key, &row);
	submit(d, &b);
	*ret_flows = end_flows(d, n) + proxy_end(d->proxy, n);
	return 0;
}

/* By what a message was refused for. A server keeps its standing: whoever forges its address would
 * have it denied. Rows are left for operators. */
void daemon_deny(struct daemon *d, const struct flow_info *flow, enum reason reason)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	const struct network n = { flow->source.address, 128 };
	struct row_key key = row_of(&n, flow->zones[0]);
	struct source_row row = {
		.conclusion = { .standing = SOURCE_DENIED, .reason = reason,
				.until_ns = loop_now_ns() + d->policy->timers.denied_ns },
	};
	char buffer[64];
	struct text text = text_make(buffer, sizeof(buffer));
	struct batch b;

	if (policy_server_at(d->policy, &n.address, 0) ||
	    tables_find(d->tables, ROW_source, &key) ||
	    tables_count(d->tables, ROW_source) >= LIMIT_SOURCES / 2)
		return;
	batch_init(&b, &arena);
	batch_put(&b, ROW_source, &key, &row);
	apply_submit(d->apply, &b, NULL, NULL);
	text_address(&text, &n.address);
	log_warning("%.*s: denied for a while: %s (ringfence sources shows it, unblock lets it in)",
		    (int)text.length, buffer, show_meaning(reason));
}

int daemon_unblock(struct daemon *d, const struct network *n)
{
	static uint8_t bytes[LIMIT_ARENA_BYTES];
	struct arena arena = { bytes, sizeof(bytes), 0 };
	struct batch b;

	batch_init(&b, &arena);
	for (uint16_t zone = ZONE_NONE; zone <= LIMIT_ZONES; zone++) {
		struct row_key key = row_of(n, zone);
		const struct source_row *row = tables_find(d->tables, ROW_source, &key);

		if (row && row->conclusion.standing == SOURCE_DENIED)
			batch_end(&b, ROW_source, &key);
	}
	if (!b.change_count)
		return -ENOENT;
	submit(d, &b);
	return 0;
}

bool daemon_is_blocked(const struct daemon *d, const struct address *a, struct network *ret)
{
	uint32_t cursor = 0;
	struct row_view row;

	while (tables_next(d->tables, ROW_source, &cursor, &row)) {
		const struct source_row *s = row.value;
		struct network n = { .prefix_bits = (uint8_t)row.key->part };

		memcpy(n.address.bytes, row.key->owner.bytes, sizeof(n.address.bytes));
		if (s->conclusion.standing != SOURCE_DENIED || !network_contains(&n, a))
			continue;
		*ret = n;
		return true;
	}
	return false;
}
