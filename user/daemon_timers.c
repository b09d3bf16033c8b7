// SPDX-License-Identifier: MIT
/* TIMER rows on a wheel. A due timer is a judgement with a clock in place of a message; a call that
 * still carries media is not idle, whatever its signalling says. */
#include <errno.h>
#include <stddef.h>

#include "base/map.h"
#include "daemon.h"

#define GRAIN_NS (100ull * 1000 * 1000)
#define ALARMS_PER_RUN 256

struct alarm {
	struct wheel_timer timer;    /* first: the wheel gives back its address */
	struct row_key key;
};

int daemon_timers_open(struct daemon *d)
{
	d->wheel = wheel_new(loop_now_ns(), GRAIN_NS);
	d->alarms = map_new(sizeof(struct row_key), sizeof(struct alarm),
			    tables_capacity(d->tables, ROW_timer), &d->journey.key);
	return d->wheel && d->alarms ? 0 : -ENOMEM;
}

void daemon_timers_close(struct daemon *d)
{
	map_free(d->alarms);
	wheel_free(d->wheel);
}

void daemon_timer_changed(void *daemon, const struct row_key *key, const struct timer_row *value)
{
	struct daemon *d = daemon;
	struct alarm *alarm = value ? map_take(d->alarms, key) : map_find(d->alarms, key);

	if (!alarm)
		return;
	wheel_stop(d->wheel, &alarm->timer);
	if (!value) {
		map_remove(d->alarms, key);
		return;
	}
	alarm->key = *key;
	wheel_start(d->wheel, &alarm->timer, value->due_ns);
}

void daemon_timers_restore(struct daemon *d)
{
	struct row_view row;
	uint32_t cursor = 0;

	while (tables_next(d->tables, ROW_timer, &cursor, &row))
		daemon_timer_changed(d, row.key, row.value);
}

/* When the youngest packet of the owner's media was seen; 0: never. */
static uint64_t media_seen(struct daemon *d, const struct owner *owner)
{
	static struct row_view rows[LIMIT_SUBJECTS];
	uint32_t count = tables_of_owner(d->tables, owner, rows, LIMIT_SUBJECTS);
	uint64_t seen = 0;

	if (count > LIMIT_SUBJECTS)
		count = LIMIT_SUBJECTS;
	for (uint32_t i = 0; i < count; i++) {
		const struct door_row *door = rows[i].value;
		const struct lock_row *lock = rows[i].value;
		const struct flow_key *key = NULL;
		struct activity act;

		/* A locked stream runs on the lock's own flow. */
		if (rows[i].type == ROW_door && door->kind == DOOR_MEDIA)
			key = &door->key;
		else if (rows[i].type == ROW_lock)
			key = &lock->key;
		if (key && maps_activity(d->maps, key, &act) && act.seen_ns > seen)
			seen = act.seen_ns;
	}
	return seen;
}

static void alarm_due(struct daemon *d, struct alarm *alarm, uint64_t now_ns)
{
	struct row_key key = alarm->key;
	const struct timer_row *timer = tables_find(d->tables, ROW_timer, &key);
	struct row_view view = { ROW_timer, &key, timer };
	uint64_t idle_ns = d->policy->timers.call_idle_ns, seen;

	if (!timer)
		return;
	seen = timer->kind == TIMER_CALL_IDLE ? media_seen(d, &key.owner) : 0;
	if (seen && seen + idle_ns > now_ns) {
		wheel_start(d->wheel, &alarm->timer, seen + idle_ns);
		return;
	}
	journey_timeout(&d->journey, &view, now_ns);
}

void daemon_timers_run(struct daemon *d, uint64_t now_ns)
{
	struct wheel_timer *due;
	int budget = ALARMS_PER_RUN;

	while (budget-- && (due = wheel_due(d->wheel, now_ns)))
		alarm_due(d, (struct alarm *)due, now_ns);
}
