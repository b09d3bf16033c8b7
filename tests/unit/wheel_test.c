/* SPDX-License-Identifier: MIT */
/* Timer wheel, against a plain array as model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/wheel.h"

#define KEYS 512

/* A small generator: the same numbers in every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void timer_is_never_early_and_at_most_a_grain_late(void **state)
{
	struct wheel *w = wheel_new(1000, 10);
	struct wheel_timer t = {0};

	(void)state;
	wheel_start(w, &t, 1015);
	assert_null(wheel_due(w, 1015));
	assert_ptr_equal(wheel_due(w, 1020), &t);
	assert_null(wheel_due(w, 5000));
	wheel_start(w, &t, 10);
	assert_ptr_equal(wheel_due(w, 5000), &t);
	wheel_free(w);
}

static void stopped_timer_does_not_fire(void **state)
{
	struct wheel *w = wheel_new(0, 1);
	struct wheel_timer t[3] = {{0}};

	(void)state;
	wheel_stop(w, &t[0]);
	for (int i = 0; i < 3; i++)
		wheel_start(w, &t[i], 70000);
	wheel_stop(w, &t[1]);
	wheel_stop(w, &t[1]);
	assert_non_null(wheel_due(w, 100000));
	assert_non_null(wheel_due(w, 100000));
	assert_null(wheel_due(w, 100000));
	wheel_free(w);
}

static void far_future_is_reached_at_once(void **state)
{
	struct wheel *w = wheel_new(0, 1);
	struct wheel_timer t = {0};

	(void)state;
	wheel_start(w, &t, 1ULL << 62);
	assert_null(wheel_due(w, (1ULL << 62) - 1));
	assert_ptr_equal(wheel_due(w, 1ULL << 62), &t);
	assert_null(wheel_due(w, UINT64_MAX));
	wheel_start(w, &t, UINT64_MAX);
	assert_ptr_equal(wheel_due(w, UINT64_MAX), &t);
	wheel_free(w);
}

static void wheel_agrees_with_an_array(void **state)
{
	static struct wheel_timer timers[KEYS];
	static uint64_t due[KEYS];
	struct wheel *w = wheel_new(0, 1);
	uint32_t seed = 3;
	uint64_t now = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t k = next_random(&seed) % KEYS;
		struct wheel_timer *t;

		due[k] = now + 1 + next_random(&seed) % (1u << (next_random(&seed) % 24));
		wheel_start(w, &timers[k], due[k]);
		k = next_random(&seed) % KEYS;
		due[k] = 0;
		wheel_stop(w, &timers[k]);
		now += next_random(&seed) % 300;
		while ((t = wheel_due(w, now))) {
			assert_true(due[t - timers] && due[t - timers] <= now);
			due[t - timers] = 0;
		}
		for (k = 0; k < KEYS; k++)
			assert_true(due[k] == 0 || due[k] > now);
	}
	wheel_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timer_is_never_early_and_at_most_a_grain_late),
		cmocka_unit_test(stopped_timer_does_not_fire),
		cmocka_unit_test(far_future_is_reached_at_once),
		cmocka_unit_test(wheel_agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
