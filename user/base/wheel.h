/* SPDX-License-Identifier: MIT */
/* Timer wheel: many timers of coarse grain, started and stopped in constant time. Knows nothing
 * of clocks: the caller says what time it is. */
#ifndef RINGFENCE_WHEEL_H
#define RINGFENCE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

struct wheel;

/* Embedded in the caller's record; zeroed is "not running". */
struct wheel_timer {
	struct wheel_timer *next, **previous;
	uint64_t due_ns;
};

struct wheel *wheel_new(uint64_t now_ns, uint64_t grain_ns);
void wheel_free(struct wheel *w);
void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t due_ns);
void wheel_stop(struct wheel *w, struct wheel_timer *t);
/* Takes one timer that is due out of the wheel, NULL where none is. */
struct wheel_timer *wheel_due(struct wheel *w, uint64_t now_ns);

#endif
