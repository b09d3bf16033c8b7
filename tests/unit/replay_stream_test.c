// SPDX-License-Identifier: MIT
/* Segments of a capture in any order become the bytes that were sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/replay_stream.h"

#define SYN 0x02

static struct replay_streams *streams;
static struct replay_direction *d;
static const struct flow_key key = {
	.source = { { [15] = 1 } }, .destination = { { [15] = 2 } }, .source_port = 1,
	.destination_port = 2, .protocol = 6,
};

static int setup(void **state)
{
	(void)state;
	streams = replay_streams_new();
	assert_non_null(streams);
	d = replay_direction_begin(streams, &key, 1, false);
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	replay_streams_free(streams);
	return 0;
}

static bool take(uint32_t sequence, const char *bytes, uint8_t flags)
{
	const struct frame f = { .sequence = sequence, .tcp_flags = flags,
				 .payload = slice_make(bytes, strlen(bytes)) };

	return replay_direction_take(d, &f);
}

static void expect(const char *bytes)
{
	struct slice rest = channel_rest(&d->channel);

	assert_int_equal(rest.length, strlen(bytes));
	assert_memory_equal(rest.length ? (const char *)rest.bytes : "", bytes, rest.length);
}

static void segments_are_put_in_order(void **state)
{
	(void)state;
	take(99, "", SYN);
	take(106, "ghi", 0);
	take(103, "def", 0);
	expect("");
	take(100, "abc", 0);
	expect("abcdefghi");
}

static void what_comes_twice_is_taken_once(void **state)
{
	(void)state;
	take(100, "abc", 0);
	take(100, "abc", 0);
	take(101, "XXde", 0);
	expect("abcde");
}

static void numbers_wrap(void **state)
{
	(void)state;
	take(UINT32_MAX - 1, "abc", 0);
	take(1, "de", 0);
	expect("abcde");
}

static void gap_that_never_fills_is_given_up(void **state)
{
	bool followed = true;

	(void)state;
	take(100, "a", 0);
	for (uint32_t i = 0; i < 64 && followed; i++)
		followed = take(200 + 2 * i, "x", 0);
	assert_false(followed);
	expect("a");
}

static void both_directions_are_known_whatever_the_zone(void **state)
{
	struct flow_key back = key;

	(void)state;
	back.source = key.destination;
	back.destination = key.source;
	back.source_port = key.destination_port;
	back.destination_port = key.source_port;
	back.zone = 3;
	assert_non_null(replay_direction_of(streams, &back));
	back.source_port = 9;
	assert_null(replay_direction_of(streams, &back));
}

static void connection_that_begins_anew_forgets_the_old_one(void **state)
{
	(void)state;
	take(100, "abc", 0);
	take(300, "x", 0);
	d = replay_direction_begin(streams, &key, 1, false);
	take(499, "", SYN);
	take(500, "new", 0);
	expect("new");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segments_are_put_in_order),
		TEST(what_comes_twice_is_taken_once),
		TEST(numbers_wrap),
		TEST(gap_that_never_fills_is_given_up),
		TEST(both_directions_are_known_whatever_the_zone),
		TEST(connection_that_begins_anew_forgets_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
