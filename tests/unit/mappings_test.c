// SPDX-License-Identifier: MIT
/* Which endpoint is seen as which: counted by doors, found by either, given back with a rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "state/mappings.h"

#define SECOND 1000000000ull
#define OUT 2

static struct mappings *all;
static struct nat_view view;

static int set_up(void **state)
{
	static const struct hash_key key = { { 1, 2 } };

	(void)state;
	all = mappings_new(8, &key);
	view = mappings_view(all);
	mappings_clock(all, 1000 * SECOND);
	return all ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	mappings_free(all);
	return 0;
}

static struct endpoint at(uint8_t last, uint16_t port)
{
	const struct address a = { .bytes = { [10] = 0xff, 0xff, 10, 77, 0, last } };

	return (struct endpoint){ a, htons(port), 0 };
}

/* A door from outside towards a host, where its sender reaches it. */
static struct door_row towards(uint8_t host, uint16_t port, uint16_t outside)
{
	const struct endpoint inside = at(host, port);
	struct door_row d = { .arrives_at = at(1, outside) };

	d.key.destination = inside.address;
	d.key.destination_port = inside.port;
	d.key.zone = OUT;
	return d;
}

/* 0: it is seen as it is. */
static uint16_t seen(uint8_t host, uint16_t port)
{
	const struct endpoint inside = at(host, port);
	struct endpoint outside;

	return view.outside(view.state, &inside, OUT, &outside) ? ntohs(outside.port) : 0;
}

static bool is_free(uint16_t outside, uint8_t host, uint16_t port)
{
	const struct endpoint e = at(1, outside), inside = at(host, port);

	return view.is_free(view.state, &e, &inside);
}

static void a_mapping_lives_as_long_as_one_of_its_doors(void **state)
{
	const struct door_row d = towards(11, 16000, 20000);
	struct endpoint outside = at(1, 20000), inside;

	(void)state;
	mappings_change(all, NULL, &d);
	mappings_change(all, NULL, &d);
	mappings_change(all, &d, NULL);
	assert_int_equal(seen(11, 16000), 20000);
	assert_true(view.inside(view.state, &outside, &inside));
	assert_int_equal(ntohs(inside.port), 16000);
	mappings_change(all, &d, NULL);
	assert_int_equal(seen(11, 16000), 0);
	assert_false(view.inside(view.state, &outside, &inside));
	assert_int_equal(mappings_count(all), 0);
}

static void what_is_seen_of_a_sender_counts_like_a_receiver(void **state)
{
	const struct endpoint phone = at(11, 16000);
	struct door_row d = { .zone_out = OUT, .leaves_from = at(1, 20000) };

	(void)state;
	d.key.source = phone.address;
	mappings_change(all, NULL, &d);          /* from whatever port of it: nobody's */
	assert_int_equal(mappings_count(all), 0);
	d.key.source_port = phone.port;
	mappings_change(all, NULL, &d);
	assert_int_equal(seen(11, 16000), 20000);
}

static void nobody_gets_a_port_that_another_host_has(void **state)
{
	const struct door_row first = towards(11, 16000, 20000), second = towards(12, 16000, 20000);

	(void)state;
	mappings_change(all, NULL, &first);
	assert_false(mappings_fit(all, NULL, &second));
	assert_true(mappings_fit(all, NULL, &first));
	assert_true(mappings_fit(all, &first, &second));        /* it moves, and was its only door */
	mappings_change(all, NULL, &first);
	assert_false(mappings_fit(all, &first, &second));
}

/* Two members drew at once: whatever order the doors come in, the same one goes on. */
static void of_two_outside_endpoints_the_first_goes_on_everywhere(void **state)
{
	const struct door_row low = towards(11, 16000, 20002), high = towards(11, 16000, 20010);

	(void)state;
	mappings_change(all, NULL, &high);
	mappings_change(all, NULL, &low);
	mappings_change(all, NULL, &high);
	assert_int_equal(seen(11, 16000), 20002);
	mappings_change(all, &low, NULL);
	assert_int_equal(seen(11, 16000), 20010);
	mappings_change(all, &high, NULL);
	assert_int_equal(seen(11, 16000), 20010);
	mappings_change(all, &high, NULL);
	assert_int_equal(seen(11, 16000), 0);
}

static void a_port_rests_for_all_but_its_own_host(void **state)
{
	const struct door_row d = towards(11, 16000, 20000);

	(void)state;
	mappings_change(all, NULL, &d);
	assert_false(is_free(20000, 11, 16000));
	mappings_change(all, &d, NULL);
	assert_true(is_free(20000, 11, 16000));
	assert_false(is_free(20000, 12, 16000));
	mappings_clock(all, 1029 * SECOND);
	assert_false(is_free(20000, 12, 16000));
	mappings_clock(all, 1030 * SECOND);
	assert_true(is_free(20000, 12, 16000));
}

/* More rest than are kept: the oldest is given out early, and none is lost. */
static void more_ports_may_rest_than_are_remembered(void **state)
{
	(void)state;
	for (uint16_t n = 0; n < 100; n++) {
		const struct door_row d = towards(11, (uint16_t)(16000 + n), (uint16_t)(20000 + n));

		mappings_change(all, NULL, &d);
		assert_int_equal(seen(11, (uint16_t)(16000 + n)), 20000 + n);
		mappings_change(all, &d, NULL);
	}
	assert_true(is_free(20000, 12, 16000));
	assert_false(is_free(20099, 12, 16000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mapping_lives_as_long_as_one_of_its_doors),
		TEST(what_is_seen_of_a_sender_counts_like_a_receiver),
		TEST(nobody_gets_a_port_that_another_host_has),
		TEST(of_two_outside_endpoints_the_first_goes_on_everywhere),
		TEST(a_port_rests_for_all_but_its_own_host),
		TEST(more_ports_may_rest_than_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
