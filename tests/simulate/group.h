/* SPDX-License-Identifier: MIT */
/* A group of simulated members and its clock; what must hold of them, whatever they did. */
#ifndef RINGFENCE_TEST_GROUP_H
#define RINGFENCE_TEST_GROUP_H

#include "state/door.h"
#include "member.h"

/* Who watches each millisecond; NULL: nobody. */
static void (*after_step)(void);

static inline void step(uint32_t hurry)
{
	sim.now_ns += MS;
	sim.engine.now_ns = sim.now_ns;
	for (int i = 0; i < NODES; i++) {
		struct member *m = &sim.members[i];

		if (!m->is_up && sim.now_ns >= m->starts_ns)
			member_up(m);
		if (m->is_stopped && sim.now_ns >= m->wakes_ns)
			m->is_stopped = false;
		if (!m->is_up || m->is_stopped)
			continue;
		for (uint64_t k = draw(hurry); k > 0 && member_deliver(m); k--)
			;
		if (sim.now_ns / MS % 100 == (uint64_t)i)
			member_tick(m);
	}
	if (after_step)
		after_step();
}

static inline void settle(void)
{
	sim.engine.is_busy = false;
	engine_heal(&sim.engine);
	for (int i = 0; i < NODES; i++) {
		sim.members[i].is_stopped = false;
		sim.members[i].starts_ns = 0;
	}
	for (int i = 0; i < 15000; i++)
		step(64);
}

/* the oracles */
static struct {
	uint64_t seed;
	bool failed;
} told;

static inline void complain(const char *what)
{
	if (!told.failed)
		printf("seed %lu: %s (simulate_test %lu tells it step by step)\n", told.seed, what,
		       told.seed);
	told.failed = true;
}

static const struct {
	enum row_type type;
	uint32_t at;
} times[] = {
#define ROW_TIME(row, field) { ROW_##row, offsetof(struct row##_row, field) },
#include <ringfence/row_time.def>
#undef ROW_TIME
};

/* Clocks differ, and a batch reaches each at another time: seconds are the same, not nanoseconds. */
static inline bool same_row(enum row_type type, const struct member *x, const uint8_t *a,
		     const struct member *y, const uint8_t *b)
{
	uint8_t one[ROW_BYTES_MOST], two[ROW_BYTES_MOST];

	memcpy(one, a, row_bytes(type));
	memcpy(two, b, row_bytes(type));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t s, t;

		if (times[i].type != type)
			continue;
		memcpy(&s, one + times[i].at, 8);
		memcpy(&t, two + times[i].at, 8);
		if (!s != !t)
			return false;
		if (!s)
			continue;
		s -= x->offset_ns;
		t -= y->offset_ns;
		if ((s > t ? s - t : t - s) > 20 * SECOND)
			return false;
		memset(one + times[i].at, 0, 8);
		memset(two + times[i].at, 0, 8);
	}
	return !memcmp(one, two, row_bytes(type));
}

static inline void print_row(enum row_type type, const struct member *x, const uint8_t *a,
		      const struct member *y, const uint8_t *b)
{
	printf("%s of node %d and %d:\n", row_name(type), x->index + 1, y->index + 1);
	for (uint32_t i = 0; b && i < row_bytes(type); i++)
		if (a[i] != b[i])
			printf("  byte %u: %02x %02x\n", i, a[i], b[i]);
}

static inline void check_same_rows(const struct member *x, const struct member *y)
{
	for (int type = 1; type < ROW_COUNT; type++) {
		struct row_view row;
		uint32_t cursor = 0;

		if (!row_is_replicated((enum row_type)type))
			continue;
		if (tables_count(x->tables, (enum row_type)type) !=
		    tables_count(y->tables, (enum row_type)type)) {
			if (sim.verbose)
				printf("%u and %u rows %s of node %d and %d\n",
				       tables_count(x->tables, (enum row_type)type),
				       tables_count(y->tables, (enum row_type)type),
				       row_name((enum row_type)type), x->index + 1, y->index + 1);
			complain("members hold different numbers of rows");
		}
		while (tables_next(x->tables, (enum row_type)type, &cursor, &row)) {
			const void *other = tables_find(y->tables, row.type, row.key);

			if (!other || !same_row(row.type, x, row.value, y, other)) {
				if (sim.verbose)
					print_row(row.type, x, row.value, y, other);
				complain(other ? "members hold different rows" :
						 "a row is with one member only");
			}
		}
	}
}

static inline void check_doors(const struct member *m)
{
	struct map *wanted = map_new(sizeof(struct flow_key), 1, 4096, &m->journey.key);
	struct row_view row;
	uint32_t cursor;

	for (cursor = 0; tables_next(m->tables, ROW_door, &cursor, &row);) {
		const struct door_row *door = row.value;
		struct row_view rows[64];
		uint32_t count = tables_of_owner(m->tables, &row.key->owner, rows, 64);
		bool ends = false;

		const struct flow_key flow = door_flow(door);
		const bool is_closed = door->flags & PERMIT_CLOSED;

		if (!is_closed)
			map_take(wanted, &flow);
		if (!is_closed && !map_find(m->open, &flow))
			complain("a door is not open");
		for (uint32_t i = 0; i < count && i < 64; i++)
			ends |= rows[i].type == ROW_timer;
		if (!ends && sim.verbose)
			printf("node %d: door of kind %d, part %x, sub %lx, version %u of %u, "
			       "among %u rows\n", m->index + 1, door->kind, row.key->part,
			       (unsigned long)row.key->sub, door->head.version,
			       door->head.author, count);
		if (!ends)
			complain("a door has no owner with a timer");
	}
	if (map_count(wanted) != map_count(m->open))
		complain("something is open that no row asks for");
	map_free(wanted);
}

static inline void check_members(void)
{
	for (int i = 0; i < NODES; i++) {
		struct cluster_status s;

		if (!sim.members[i].is_full) {
			complain("a member is not full");
			return;
		}
		cluster_status(sim.members[i].cluster, &s, clock_of(&sim.members[i]));
		if (s.in_flight || s.member_count != NODES)
			complain("the group has not come to rest");
		check_doors(&sim.members[i]);
		if (i)
			check_same_rows(&sim.members[0], &sim.members[i]);
		if (sim.members[i].counts[COUNTER_kernel_errors])
			complain("a kernel refused");
	}
}

static inline void check_nothing_is_left(void)
{
	for (int i = 0; i < NODES; i++)
		for (int type = 1; type < ROW_COUNT; type++)
			if (row_is_replicated((enum row_type)type) &&
			    tables_count(sim.members[i].tables, (enum row_type)type))
				complain("rows outlive every timer");
}

/* All members are down, and come up one after the other. */
static inline void group_begin(uint64_t seed, void (*sent)(struct member *m, struct slice payload))
{
	memset(&sim.members, 0, sizeof(sim.members));
	sim.random = seed * 2654435761u + 1;
	sim.now_ns = 1000 * SECOND;
	sim.sent = sent;
	told.seed = seed;
	told.failed = false;
	engine_open(&sim.engine);
	for (int i = 0; i < NODES; i++) {
		sim.members[i].index = i;
		sim.members[i].offset_ns = draw(100000) * SECOND;
		sim.members[i].starts_ns = sim.now_ns + draw(500) * MS;
	}
}

static inline void group_end(void)
{
	for (int i = 0; i < NODES; i++) {
		if (sim.members[i].is_up) {
			engine_leave(&sim.engine, i, false);
			member_down(&sim.members[i], true);
		}
		member_forget(&sim.members[i]);
	}
	engine_close(&sim.engine);
}

#endif
