// SPDX-License-Identifier: MIT
/* Loss and jitter as RFC 3550 counts them, ratings as ITU-T G.107 does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "cli/quality.h"

static const struct door_row g711 = { .payload_types = { 1 << 8 }, .clock_hz = 8000 };

static void near(double is, double should, double by)
{
	if (fabs(is - should) > by)
		fail_msg("%f is not %f", is, should);
}

/* ITU-T G.107 Annex B: the bounds of the categories, as its table rounds them. */
static void ratings_become_scores(void **state)
{
	(void)state;
	near(quality_mos(90), 4.34, 0.01);
	near(quality_mos(80), 4.03, 0.01);
	near(quality_mos(70), 3.60, 0.01);
	near(quality_mos(60), 3.10, 0.01);
	near(quality_mos(50), 2.58, 0.01);
	near(quality_mos(-1), 1.0, 0);
	near(quality_mos(101), 4.5, 0);
}

/* G.107 7.7: with all defaults R is 93.2, which is a score of 4.41. */
static void an_unharmed_stream_has_the_default(void **state)
{
	const struct activity a = { .expected = 100, .received = 100 };
	struct quality q = quality_of(&a, &g711, true);

	(void)state;
	assert_true(q.measured);
	assert_int_equal(q.lost, 0);
	near(q.mos, 4.41, 0.005);
	assert_string_equal(q.as, "G.711");
}

/* RFC 3550 A.3: expected less received; A.8 keeps sixteenths of the timestamp unit. */
static void loss_and_jitter_are_those_of_the_rfc(void **state)
{
	const struct activity a = { .expected = 200, .received = 190, .jitter = 16 * 80 };
	struct quality q = quality_of(&a, &g711, true);

	(void)state;
	assert_int_equal(q.lost, 10);
	near(q.loss_percent, 5.0, 0);
	/* 80 units of 1/8000 s */
	near(q.jitter_ms, 10.0, 1e-9);
	/* G.107 7-29: 95 * 5 / (5 + 25.1) off the rating */
	near(q.mos, quality_mos(93.2 - 15.78), 0.001);
}

static void packets_that_came_twice_are_no_loss(void **state)
{
	const struct activity a = { .expected = 100, .received = 103 };

	(void)state;
	assert_int_equal(quality_of(&a, &g711, true).lost, 0);
}

/* 100 ms of jitter make a buffer of 200: log2(2) = 1, so G.107 7-27 gives 25 (2^(1/6) - 3 (1 +
 * 3^-6)^(1/6) + 2) = 3.04. */
static void a_long_jitter_buffer_is_a_delay(void **state)
{
	const struct activity a = { .expected = 9, .received = 9, .jitter = 16 * 800 };

	(void)state;
	near(quality_of(&a, &g711, true).mos, quality_mos(93.2 - 3.04), 0.001);
}

static void other_codecs_have_their_own_impairment(void **state)
{
	const struct activity a = { .expected = 9, .received = 9 };
	const struct door_row g729 = { .payload_types = { 1 << 18 } };
	struct quality q = quality_of(&a, &g729, true);

	(void)state;
	assert_string_equal(q.as, "G.729A");
	near(q.mos, quality_mos(82.2), 1e-9);
}

static void what_is_no_voice_has_no_score(void **state)
{
	const struct activity a = { .expected = 9, .received = 9 }, none = { .packets = 3 };

	(void)state;
	assert_true(quality_of(&a, &g711, false).mos == 0);
	assert_false(quality_of(&none, &g711, true).measured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratings_become_scores),
		cmocka_unit_test(an_unharmed_stream_has_the_default),
		cmocka_unit_test(loss_and_jitter_are_those_of_the_rfc),
		cmocka_unit_test(packets_that_came_twice_are_no_loss),
		cmocka_unit_test(a_long_jitter_buffer_is_a_delay),
		cmocka_unit_test(other_codecs_have_their_own_impairment),
		cmocka_unit_test(what_is_no_voice_has_no_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
