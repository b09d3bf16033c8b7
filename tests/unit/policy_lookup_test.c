// SPDX-License-Identifier: MIT
/* Look-ups in a policy, on policies made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

static struct policy p;

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return a;
}

static void add_network(uint16_t zone, const char *text)
{
	struct zone *z = &p.zones[zone];

	if (zone > p.zone_count)
		p.zone_count = zone;
	if (text)
		assert_true(network_parse(slice_make(text, strlen(text)),
					  &z->networks[z->network_count++]));
}

static uint16_t zone_of(const char *host)
{
	struct address a = address(host);

	return policy_zone_of(&p, &a);
}

static int set_up(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	return 0;
}

static void longest_network_names_the_zone_in_whatever_order_they_stand(void **state)
{
	(void)state;
	add_network(1, "10.0.0.0/8");
	add_network(2, "10.1.0.0/16");
	add_network(3, "10.1.2.3/32");
	add_network(3, "fd00::/8");
	add_network(1, "fd00:1::/32");
	assert_int_equal(zone_of("10.2.0.1"), 1);
	assert_int_equal(zone_of("10.1.9.9"), 2);
	assert_int_equal(zone_of("10.1.2.3"), 3);
	assert_int_equal(zone_of("10.1.2.4"), 2);
	assert_int_equal(zone_of("fd00:1::1"), 1);
	assert_int_equal(zone_of("fd00:2::1"), 3);
}

static void host_in_no_network_lies_in_the_zone_without_networks_or_in_none(void **state)
{
	(void)state;
	add_network(1, "10.0.0.0/8");
	assert_int_equal(zone_of("192.0.2.1"), ZONE_NONE);
	assert_int_equal(zone_of("2001:db8::1"), ZONE_NONE);
	add_network(2, NULL);
	assert_int_equal(zone_of("192.0.2.1"), 2);
	assert_int_equal(zone_of("2001:db8::1"), 2);
	assert_int_equal(zone_of("10.0.0.1"), 1);
}

/* 0.0.0.0/0 is IPv4 alone: ::ffff:0:0/96. */
static void network_of_all_ipv4_holds_no_ipv6(void **state)
{
	(void)state;
	add_network(1, "0.0.0.0/0");
	assert_int_equal(zone_of("192.0.2.1"), 1);
	assert_int_equal(zone_of("2001:db8::1"), ZONE_NONE);
	add_network(2, "::/0");
	assert_int_equal(zone_of("192.0.2.1"), 1);
	assert_int_equal(zone_of("2001:db8::1"), 2);
}

static void first_rule_that_matches_decides_and_one_direction_alone(void **state)
{
	(void)state;
	p.rules[0] = (struct rule){ .name = "one", .from = 1 << 1, .to = 1 << 2, .allow = 1 << 1 };
	p.rules[1] = (struct rule){ .name = "two", .from = 1 << 1 | 1 << 2,
				    .to = 1 << 2 | 1 << 3, .allow = 1 << 1 | 1 << 2 };
	p.rule_count = 2;
	assert_ptr_equal(policy_match(&p, 1, 2, 1), &p.rules[0]);
	assert_ptr_equal(policy_match(&p, 1, 2, 2), &p.rules[1]);
	assert_ptr_equal(policy_match(&p, 2, 3, 1), &p.rules[1]);
	assert_null(policy_match(&p, 3, 2, 1));
	assert_null(policy_match(&p, 1, 2, 3));
	assert_null(policy_match(&p, ZONE_NONE, 2, 1));
	p.rule_count = 0;
	assert_null(policy_match(&p, 1, 2, 1));
}

static void server_is_one_at_its_address_and_in_what_it_speaks(void **state)
{
	struct address a = address("10.1.0.10"), other = address("10.1.0.11");

	(void)state;
	p.servers[0] = (struct server){ .addresses = { a }, .address_count = 1, .speaks = 1 << 2 };
	p.servers[1] = (struct server){ .addresses = { other, a }, .address_count = 2,
					.speaks = 1 << 1 };
	p.server_count = 2;
	assert_ptr_equal(policy_server_at(&p, &a, 1), &p.servers[1]);
	assert_ptr_equal(policy_server_at(&p, &a, 2), &p.servers[0]);
	assert_ptr_equal(policy_server_at(&p, &a, 0), &p.servers[0]);
	assert_null(policy_server_at(&p, &other, 2));
	assert_null(policy_server_at(&p, &a, 3));
}

static void server_serves_its_zones_its_networks_or_any(void **state)
{
	struct server s = { .serves_zones = 1 << 2 };
	struct address a = address("203.0.113.7");

	(void)state;
	assert_true(policy_serves(&p, &s, &a, 2));
	assert_false(policy_serves(&p, &s, &a, 1));
	assert_false(policy_serves(&p, &s, &a, ZONE_NONE));
	assert_true(network_parse(SLICE("203.0.113.0/24"), &s.serves[s.serves_count++]));
	assert_true(policy_serves(&p, &s, &a, 1));
	a = address("203.0.114.7");
	assert_false(policy_serves(&p, &s, &a, 1));
	s.serves_any = true;
	assert_true(policy_serves(&p, &s, &a, ZONE_NONE));
}

static void media_is_what_goes_into_the_range_and_answers_no_named_service(void **state)
{
	const struct zone z = { .media_low = 10000, .media_high = 20000, .services = { 53 },
				.service_count = 1 };
	const struct zone none = { .media_low = 0 };

	(void)state;
	assert_true(policy_is_media(&z, 4000, 10000));
	assert_true(policy_is_media(&z, 4000, 20000));
	assert_true(policy_is_media(&z, 0, 12000));
	assert_false(policy_is_media(&z, 4000, 9999));
	assert_false(policy_is_media(&z, 4000, 20001));
	assert_false(policy_is_media(&z, 53, 12000));
	assert_false(policy_is_media(&none, 4000, 12000));
}

static void service_ports_are_those_of_all_protocols(void **state)
{
	(void)state;
	p.protocols[1].ports[0] = 5060;
	p.protocols[3].ports[0] = 2427;
	p.protocols[3].ports[1] = 2727;
	assert_int_equal(policy_service_at(&p, 5060), 1);
	assert_int_equal(policy_service_at(&p, 2727), 3);
	assert_int_equal(policy_service_at(&p, 5061), 0);
	assert_int_equal(policy_service_at(&p, 0), 0);
}

/* What is not the operator's to weaken is always enforced. */
static void protection_without_a_choice_is_enforced_whatever_the_policy_says(void **state)
{
	(void)state;
	memset(p.enforcement, ENFORCE_OFF, sizeof(p.enforcement));
	assert_int_equal(policy_enforcement(&p, PROTECTION_ALWAYS), ENFORCE_ON);
	assert_int_equal(policy_enforcement(&p, PROTECTION_SIP), ENFORCE_OFF);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(longest_network_names_the_zone_in_whatever_order_they_stand),
		TEST(host_in_no_network_lies_in_the_zone_without_networks_or_in_none),
		TEST(network_of_all_ipv4_holds_no_ipv6),
		TEST(first_rule_that_matches_decides_and_one_direction_alone),
		TEST(server_is_one_at_its_address_and_in_what_it_speaks),
		TEST(server_serves_its_zones_its_networks_or_any),
		TEST(media_is_what_goes_into_the_range_and_answers_no_named_service),
		TEST(service_ports_are_those_of_all_protocols),
		TEST(protection_without_a_choice_is_enforced_whatever_the_policy_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
