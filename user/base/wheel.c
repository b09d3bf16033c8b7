/* SPDX-License-Identifier: MIT */
/* Timer wheel of eight levels, one for each byte of the tick: a timer hangs in the level of the
 * highest byte in which its tick differs from the current one. So its level can be told at any
 * time, nothing is ever out of range, and empty stretches are jumped over. */
#include "base/wheel.h"

#include <stdlib.h>

#define LEVELS 8
#define SLOTS 256

struct wheel {
	uint64_t grain_ns;
	uint64_t current;	 /* tick; all slots before it are empty                */
	uint64_t counts[LEVELS]; /* timers in each level                               */
	struct wheel_timer *slots[LEVELS][SLOTS];
};

struct wheel *wheel_new(uint64_t now_ns, uint64_t grain_ns)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->grain_ns = grain_ns ? grain_ns : 1;
	w->current = now_ns / w->grain_ns;
	return w;
}

void wheel_free(struct wheel *w)
{
	free(w);
}

/* Rounded up: a timer may be late by a grain, never early. */
static uint64_t tick_of(const struct wheel *w, const struct wheel_timer *t)
{
	uint64_t tick = t->due_ns / w->grain_ns + (t->due_ns % w->grain_ns != 0);

	return tick > w->current ? tick : w->current;
}

static int level_of(const struct wheel *w, uint64_t tick)
{
	uint64_t differs = tick ^ w->current;

	return differs ? (63 - __builtin_clzll(differs)) / 8 : 0;
}

static void hang(struct wheel *w, struct wheel_timer *t)
{
	uint64_t tick = tick_of(w, t);
	int level = level_of(w, tick);
	struct wheel_timer **slot = &w->slots[level][tick >> (8 * level) & (SLOTS - 1)];

	t->next = *slot;
	t->previous = slot;
	if (t->next)
		t->next->previous = &t->next;
	*slot = t;
	w->counts[level]++;
}

static void unhang(struct wheel_timer *t)
{
	*t->previous = t->next;
	if (t->next)
		t->next->previous = t->previous;
	t->next = NULL;
	t->previous = NULL;
}

void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t due_ns)
{
	wheel_stop(w, t);
	t->due_ns = due_ns;
	hang(w, t);
}

void wheel_stop(struct wheel *w, struct wheel_timer *t)
{
	if (!t->previous)
		return;
	w->counts[level_of(w, tick_of(w, t))]--;
	unhang(t);
}

/* Timers whose high bytes now equal the current tick's come down to the level they belong to. */
static void cascade(struct wheel *w)
{
	for (int level = 1; level < LEVELS; level++) {
		struct wheel_timer **slot =
			&w->slots[level][w->current >> (8 * level) & (SLOTS - 1)];

		while (*slot) {
			struct wheel_timer *t = *slot;

			unhang(t);
			w->counts[level]--;
			hang(w, t);
		}
	}
}

/* To the next tick that can hold a timer, at most to `target`. */
static void advance(struct wheel *w, uint64_t target)
{
	int level = 0;
	uint64_t next;

	while (level < LEVELS && w->counts[level] == 0)
		level++;
	if (level == LEVELS) {
		w->current = target;
		return;
	}
	next = ((w->current >> (8 * level)) + 1) << (8 * level);
	w->current = next > w->current && next < target ? next : target;
	cascade(w);
}

struct wheel_timer *wheel_due(struct wheel *w, uint64_t now_ns)
{
	uint64_t target = now_ns / w->grain_ns;

	while (w->current <= target) {
		struct wheel_timer *t = w->slots[0][w->current & (SLOTS - 1)];

		if (t) {
			w->counts[0]--;
			unhang(t);
			return t;
		}
		if (w->current == target)
			break;
		advance(w, target);
	}
	return NULL;
}
