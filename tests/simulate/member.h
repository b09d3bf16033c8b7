/* SPDX-License-Identifier: MIT */
/* One simulated member: the real tables, executor, journey, alarms and cluster, over a kernel that
 * only remembers what is open. */
#ifndef RINGFENCE_TEST_MEMBER_H
#define RINGFENCE_TEST_MEMBER_H

#include <errno.h>
#include <stdio.h>

#include "base/map.h"
#include "cluster/cluster.h"
#include "engine.h"
#include "inspect/journey.h"
#include "state/alarms.h"
#include "state/apply.h"
#include "state/tables.h"

#define SHRINK 256
#define MS 1000000ull
#define SECOND (1000 * MS)

struct member {
	int index;
	bool is_up, is_stopped, is_full;
	uint64_t offset_ns;          /* of its clock */
	uint64_t wakes_ns, starts_ns;
	uint32_t incarnation;
	struct tables *tables;
	struct apply *apply;
	struct alarms *alarms;
	struct cluster *cluster;
	struct journey journey;
	struct map *open;            /* flow_key -> permit: outlives a crash */
	uint32_t cursor;
	uint64_t counts[COUNTER_END];
};

/* Of the whole simulation. */
struct simulation {
	struct policy *policy;
	struct engine engine;
	struct member members[NODES];
	uint64_t now_ns;
	uint64_t random;
	void (*sent)(struct member *m, struct slice payload);
	bool verbose;
};
static struct simulation sim;

static uint64_t draw(uint64_t below)
{
	/* xorshift64* (Marsaglia; Vigna) */
	sim.random ^= sim.random >> 12;
	sim.random ^= sim.random << 25;
	sim.random ^= sim.random >> 27;
	return (sim.random * 2685821657736338717ull >> 33) % below;
}

static uint64_t clock_of(const struct member *m)
{
	return sim.now_ns + m->offset_ns;
}

/* the kernel */
struct opened {
	struct permit permit;
	struct translation translation;
};

static int kernel_open_key(void *self, const struct flow_key *key,
			   const struct translation *translation, struct permit *permit)
{
	struct opened *at = map_take(((struct member *)self)->open, key);

	assert(at);
	permit->slot = 0;
	at->permit = *permit;
	at->translation = *translation;
	return 0;
}

static int kernel_close_key(void *self, const struct flow_key *key, const struct permit *permit)
{
	(void)permit;
	return map_remove(((struct member *)self)->open, key);
}

static int kernel_store(void *self, enum row_type type, const struct row_key *key,
			const void *value, bool is_new)
{
	(void)self, (void)type, (void)key, (void)value, (void)is_new;
	return 0;
}

static void kernel_count(void *self, uint32_t counter, uint64_t n)
{
	((struct member *)self)->counts[counter] += n;
}

static void kernel_timer(void *self, const struct row_key *key, const struct timer_row *value)
{
	alarms_changed(((struct member *)self)->alarms, key, value);
}

static bool kernel_next(void *self, struct flow_key *ret_key, struct permit *ret_permit,
			struct translation *ret_translation)
{
	struct member *m = self;
	const void *key;
	void *value;

	if (!map_next(m->open, &m->cursor, &key, &value))
		return false;
	memcpy(ret_key, key, sizeof(*ret_key));
	*ret_permit = ((const struct opened *)value)->permit;
	*ret_translation = ((const struct opened *)value)->translation;
	return true;
}

/* hands of the journey, the alarms and the cluster */
static int member_send(void *self, const struct arrival *a, const struct flow_info *leaves,
		       struct slice payload)
{
	(void)a, (void)leaves;
	sim.sent(self, payload);
	return 0;
}

/* Who asked is told at once; the simulated phones try again whatever they hear. */
static int member_originate(void *self, const struct arrival *a, const struct sends *s)
{
	(void)self;
	assert(address_equal(&s->items[0].to.address, &a->flow.source.address));
	return 0;
}

static void member_report(void *self, const struct verdict_report *r)
{
	const struct member *m = self;

	if (sim.verbose && r->outcome->judgement == JUDGEMENT_REFUSE)
		printf("%8.3f node %d refuses reason %d: %.*s\n", (double)sim.now_ns / 1e9,
		       m->index + 1, (int)r->outcome->reason,
		       (int)(r->raw.length < 30 ? r->raw.length : 30), (const char *)r->raw.bytes);
}

static uint64_t media_never(void *self, const struct flow_key *key)
{
	(void)self, (void)key;
	return 0;
}

static int seen_elsewhere(void *self, const struct owner *owner, uint64_t now_ns, uint64_t *ret)
{
	return cluster_media_seen(((struct member *)self)->cluster, owner, now_ns, ret);
}

static void timer_due(void *self, const struct row_view *timer, uint64_t now_ns)
{
	struct member *m = self;
	const struct row_head *head = timer->value;

	if (cluster_may_expire(m->cluster, head->author))
		journey_timeout(&m->journey, timer, now_ns);
}

static void set_full(void *self, bool is_full)
{
	struct member *m = self;

	m->is_full = is_full;
	if (sim.verbose)
		printf("%8.3f node %d is %sfull\n", (double)sim.now_ns / 1e9, m->index + 1,
		       is_full ? "" : "not ");
}

static void set_key(void *self, const struct hash_key *key)
{
	((struct member *)self)->journey.key = *key;
}

static void take_zones(void *self, const struct zone_name *zones)
{
	(void)self, (void)zones;
}

static uint64_t media_seen(void *self, const struct owner *owner)
{
	(void)self, (void)owner;
	return 0;
}

static void alarm_text(void *self, const char *text)
{
	if (sim.verbose)
		printf("%8.3f node %d: %s\n", (double)sim.now_ns / 1e9,
		       ((struct member *)self)->index + 1, text);
}

static int group_send(void *self, const void *bytes, size_t length)
{
	return engine_send(&sim.engine, ((struct member *)self)->index, bytes, length) ? -EAGAIN :
											 0;
}

static int group_join(void *self)
{
	struct member *m = self;

	engine_join(&sim.engine, m->index,
		    (struct wire_member){ (uint32_t)m->index + 1, m->incarnation });
	return 0;
}

static void group_leave(void *self)
{
	engine_leave(&sim.engine, ((struct member *)self)->index, false);
}

static void member_start_cluster(struct member *m)
{
	const struct cluster_settings settings = {
		.self = { (uint32_t)m->index + 1, ++m->incarnation }, .version = "test",
		.policy = 1, .slice_rows = 2, .key = m->journey.key,
	};
	const struct cluster_hands hands = { set_full, set_key, take_zones, media_seen, kernel_count,
					     alarm_text, m };
	const struct group_ops group = { group_send, group_join, group_leave, m };

	m->is_full = true;
	m->cluster = cluster_new(m->tables, m->apply, &settings, &hands);
	assert(m->cluster);
	cluster_start(m->cluster, &group, clock_of(m));
	group_join(m);
}

/* As if they had just been read back from their maps. */
static void rows_are_old(struct tables *t)
{
	tables_set_number(t, 0);
	for (int type = 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		while (tables_next(t, (enum row_type)type, &cursor, &row))
			tables_settle(t, &row, 0);
	}
}

/* A daemon begins; rows that a killed one left in its maps are still there. */
static void member_up(struct member *m)
{
	const struct projector_ops ops = { .open = kernel_open_key, .close = kernel_close_key,
					   .store = kernel_store, .count = kernel_count,
					   .timer = kernel_timer, .self = m, .follower = m };
	const struct alarms_ops alarms = { .seen_ns = media_never, .due = timer_due,
					   .seen_elsewhere = seen_elsewhere, .self = m };
	const struct kernel_walk held = { kernel_next, m };

	m->journey.key = (struct hash_key){ { (uint64_t)m->index + 7, 2 } };
	if (!m->tables)
		m->tables = tables_new(&m->journey.key, SHRINK);
	if (!m->open)
		m->open = map_new(sizeof(struct flow_key), sizeof(struct opened), 4096,
				  &m->journey.key);
	rows_are_old(m->tables);
	m->alarms = alarms_new(m->tables, &m->journey.key, &alarms, clock_of(m));
	m->apply = apply_new(m->tables, &ops);
	assert(m->alarms && m->apply);
	m->cursor = 0;
	apply_reconcile(m->apply, &held);
	alarms_restore(m->alarms);
	m->journey.policy = sim.policy;
	m->journey.tables = m->tables;
	m->journey.apply = m->apply;
	m->journey.around = (struct surroundings){ .named = tables_named, .state = m->tables,
						   .slice = (uint32_t)m->index,
						   .slices = NODES };
	m->journey.hands = (struct hands){ member_send, member_report, kernel_count, m,
					      member_originate };
	assert(!journey_init(&m->journey));
	m->is_up = true;
	m->is_stopped = false;
	member_start_cluster(m);
}

/* What its kernel still held goes too. */
static void member_forget(struct member *m)
{
	tables_free(m->tables);
	map_free(m->open);
	m->tables = NULL;
	m->open = NULL;
}

/* Killed: what is in the kernel stays, and the rows with it where they were pinned. */
static void member_down(struct member *m, bool loses_rows)
{
	m->is_up = m->is_full = false;
	cluster_free(m->cluster);
	journey_close(&m->journey);
	memset(&m->journey, 0, sizeof(m->journey));
	apply_free(m->apply);
	alarms_free(m->alarms);
	if (loses_rows)
		member_forget(m);
}

/* One event of its inbox; false where there is none. */
static bool member_deliver(struct member *m)
{
	struct letter *l = inbox_take(&sim.engine.inboxes[m->index]);

	if (!l)
		return false;
	if (l->bytes)
		cluster_deliver(m->cluster, l->from, slice_make(l->bytes, l->length), clock_of(m));
	else
		cluster_view(m->cluster, l->members, l->member_count, clock_of(m));
	journey_continue(&m->journey, clock_of(m));
	cluster_flush(m->cluster);
	free(l->bytes);
	free(l);
	return true;
}

static void member_tick(struct member *m)
{
	cluster_clock(m->cluster, clock_of(m));
	alarms_run(m->alarms, clock_of(m), sim.policy->timers.call_idle_ns, 256);
	cluster_tick(m->cluster, clock_of(m));
}

#endif
