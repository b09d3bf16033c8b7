// SPDX-License-Identifier: MIT
/* Zones keep their numbers from file to file: calls and interfaces know them by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/load.h"

#define SERVER "servers:\n  pbx: { addresses: [10.2.0.10], zone: b, speaks: [sip], serves: [a, c] }\n"
#define RULES                                                                                    \
	"rules:\n  - { from: a, to: [b, c], allow: [sip] }\n  - { from: any, to: a, allow: [sip] }\n"
#define A "  a: { networks: [10.1.0.0/16] }\n"
#define B "  b: { networks: [10.2.0.0/16] }\n"
#define C "  c: { networks: [10.3.0.0/16] }\n"
#define REST "  rest: {}\n"

static struct policy *p;
static struct zone_name names[LIMIT_ZONES + 1];

static void load(const char *text)
{
	struct policy_errors errors;
	struct settings settings;

	policy_free(p);
	p = NULL;
	assert_int_equal(policy_load_text(text, strlen(text), &p, &settings, &errors), 0);
	policy_keep_numbers(p, names);
	/* as kernel_configure keeps them */
	for (uint16_t z = 1; z <= p->zone_count; z++)
		if (policy_has_zone(p, z))
			strcpy(names[z].name, p->zones[z].name);
}

static uint16_t zone_of(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return policy_zone_of(p, &a);
}

static int begin(void **state)
{
	(void)state;
	memset(names, 0, sizeof(names));
	return 0;
}

static int end(void **state)
{
	(void)state;
	policy_free(p);
	p = NULL;
	return 0;
}

static void the_first_file_numbers_in_its_order(void **state)
{
	(void)state;
	load("zones:\n" A B C);
	assert_int_equal(zone_of("10.1.0.1"), 1);
	assert_int_equal(zone_of("10.2.0.1"), 2);
	assert_int_equal(zone_of("10.3.0.1"), 3);
	assert_int_equal(p->zone_count, 3);
}

static void another_order_moves_no_number(void **state)
{
	(void)state;
	load("zones:\n" A B C SERVER RULES);
	load("zones:\n" C A B SERVER RULES);
	assert_int_equal(zone_of("10.1.0.1"), 1);
	assert_int_equal(zone_of("10.2.0.1"), 2);
	assert_int_equal(zone_of("10.3.0.1"), 3);
	assert_string_equal(p->zones[1].name, "a");
	/* what the file says by name follows */
	assert_int_equal(p->servers[0].zone, 2);
	assert_int_equal(p->servers[0].serves_zones, 1u << 1 | 1u << 3);
	assert_int_equal(p->rules[0].from, 1u << 1);
	assert_int_equal(p->rules[0].to, 1u << 2 | 1u << 3);
	assert_int_equal(p->rules[1].from, ~1u);
}

static void a_zone_that_left_leaves_a_gap(void **state)
{
	(void)state;
	load("zones:\n" A B C);
	load("zones:\n" A C REST);
	assert_int_equal(zone_of("10.3.0.1"), 3);
	assert_false(policy_has_zone(p, 2));
	assert_true(policy_has_zone(p, 3));
	/* A new name takes a number that no name had. */
	assert_int_equal(zone_of("192.0.2.1"), 4);
	/* It comes back to its own. */
	load("zones:\n" B REST A C);
	assert_int_equal(zone_of("10.2.0.1"), 2);
	assert_int_equal(zone_of("192.0.2.1"), 4);
}

static void a_gap_is_not_the_zone_of_the_rest(void **state)
{
	(void)state;
	load("zones:\n" REST B C);
	load("zones:\n" REST C);
	assert_int_equal(zone_of("10.3.0.1"), 3);
	assert_int_equal(zone_of("10.2.0.1"), 1);
}

/* When each number has borne a name, one of a zone that left is given again. */
static void numbers_are_given_again_when_none_is_left(void **state)
{
	char text[2048] = "zones:\n";

	(void)state;
	for (uint32_t i = 0; i < LIMIT_ZONES; i++) {
		char line[64];

		snprintf(line, sizeof(line), "  z%u: { networks: [10.%u.0.0/16] }\n", i, 100 + i);
		strcat(text, line);
	}
	load(text);
	load("zones:\n" A "  z1: { networks: [10.101.0.0/16] }\n" B);
	assert_int_equal(zone_of("10.101.0.1"), 2);
	assert_int_equal(zone_of("10.1.0.1"), 1);
	assert_int_equal(zone_of("10.2.0.1"), 3);
	assert_int_equal(p->zone_count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_file_numbers_in_its_order, begin, end),
		cmocka_unit_test_setup_teardown(another_order_moves_no_number, begin, end),
		cmocka_unit_test_setup_teardown(a_zone_that_left_leaves_a_gap, begin, end),
		cmocka_unit_test_setup_teardown(a_gap_is_not_the_zone_of_the_rest, begin, end),
		cmocka_unit_test_setup_teardown(numbers_are_given_again_when_none_is_left, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
