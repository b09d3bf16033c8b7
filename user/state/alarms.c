// SPDX-License-Identifier: MIT
/* TIMER rows on a wheel: what is due is looked up in the tables, which alone say what is true. */
#include "state/alarms.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/wheel.h"
#include "state/door.h"

#define GRAIN_NS (100ull * 1000 * 1000)
/* What is due and did not happen (its owner was busy, its batch void) is tried again. */
#define RETRY_NS (1000ull * 1000 * 1000)

struct alarm {
	struct wheel_timer timer;    /* first: the wheel gives back its address */
	struct row_key key;
};

struct alarms {
	const struct tables *tables;
	struct alarms_ops ops;
	struct wheel *wheel;
	struct map *running;         /* row_key -> struct alarm */
	struct row_view rows[LIMIT_SUBJECTS];
};

struct alarms *alarms_new(const struct tables *tables, const struct hash_key *key,
			  const struct alarms_ops *ops, uint64_t now_ns)
{
	struct alarms *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->tables = tables;
	a->ops = *ops;
	a->wheel = wheel_new(now_ns, GRAIN_NS);
	a->running = map_new(sizeof(struct row_key), sizeof(struct alarm),
			     tables_capacity(tables, ROW_timer), key);
	if (a->wheel && a->running)
		return a;
	alarms_free(a);
	return NULL;
}

void alarms_free(struct alarms *a)
{
	if (!a)
		return;
	map_free(a->running);
	wheel_free(a->wheel);
	free(a);
}

void alarms_warm(struct alarms *a)
{
	map_warm(a->running);
}

void alarms_changed(struct alarms *a, const struct row_key *key, const struct timer_row *value)
{
	struct alarm *alarm = value ? map_take(a->running, key) : map_find(a->running, key);

	if (!alarm)
		return;
	wheel_stop(a->wheel, &alarm->timer);
	if (!value) {
		map_remove(a->running, key);
		return;
	}
	alarm->key = *key;
	wheel_start(a->wheel, &alarm->timer, value->due_ns);
}

void alarms_restore(struct alarms *a)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(a->tables, ROW_timer, &cursor, &row))
		alarms_changed(a, row.key, row.value);
}

uint64_t alarms_media_seen(struct alarms *a, const struct owner *owner)
{
	uint32_t count = tables_of_owner(a->tables, owner, a->rows, LIMIT_SUBJECTS);
	uint64_t seen = 0, at;

	for (uint32_t i = 0; i < count && i < LIMIT_SUBJECTS; i++) {
		const struct door_row *door = a->rows[i].value;
		const struct lock_row *lock = a->rows[i].value;
		struct flow_key flow;

		/* A locked stream runs on the lock's own flow. */
		if (a->rows[i].type == ROW_door && door->kind == DOOR_MEDIA)
			flow = door_flow(door);
		else if (a->rows[i].type == ROW_lock)
			flow = lock->key;
		else
			continue;
		at = a->ops.seen_ns(a->ops.self, &flow);
		if (at > seen)
			seen = at;
	}
	return seen;
}

static void alarm_due(struct alarms *a, struct alarm *alarm, uint64_t now_ns, uint64_t idle_ns)
{
	struct row_key key = alarm->key;
	const struct timer_row *timer = tables_find(a->tables, ROW_timer, &key);
	struct row_view view = { ROW_timer, &key, timer };
	uint64_t seen, at = alarm->timer.due_ns + GRAIN_NS;

	if (!timer)
		return;
	at = at < now_ns ? at : now_ns;
	seen = timer->kind == TIMER_CALL_IDLE ? alarms_media_seen(a, &key.owner) : 0;
	if (timer->kind == TIMER_CALL_IDLE && seen + idle_ns <= at && a->ops.seen_elsewhere &&
	    a->ops.seen_elsewhere(a->ops.self, &key.owner, now_ns, &seen)) {
		wheel_start(a->wheel, &alarm->timer, now_ns + RETRY_NS);
		return;
	}
	if (seen && seen + idle_ns > at) {
		wheel_start(a->wheel, &alarm->timer, seen + idle_ns);
		return;
	}
	/* Where it happens the row goes or moves, and this with it. */
	wheel_start(a->wheel, &alarm->timer, now_ns + RETRY_NS);
	a->ops.due(a->ops.self, &view, at);
}

void alarms_run(struct alarms *a, uint64_t now_ns, uint64_t idle_ns, uint32_t most)
{
	struct wheel_timer *due;

	while (most-- && (due = wheel_due(a->wheel, now_ns)))
		alarm_due(a, (struct alarm *)due, now_ns, idle_ns);
}
