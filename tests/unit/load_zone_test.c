// SPDX-License-Identifier: MIT
/* Zones, servers and rules of a configuration: how many, under which names, and what contradicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "policy/load.h"

static struct policy_errors errors;
static char buffer[64 << 10];
static struct text text;

static struct policy *load(void)
{
	struct settings settings;
	struct policy *p = NULL;

	assert_false(text.cut);
	if (policy_load_text(text.bytes, text.length, &p, &settings, &errors))
		assert_null(p);
	return p;
}

static void begin(const char *s)
{
	text = text_make(buffer, sizeof(buffer));
	text_string(&text, s);
}

static void add(const char *format, int number)
{
	char line[256];

	snprintf(line, sizeof(line), format, number, number);
	text_string(&text, line);
}

static void is_taken(void)
{
	struct policy *p = load();

	if (!p)
		fail_msg("%u:%u: %s", errors.items[0].line, errors.items[0].column,
			 errors.items[0].text);
	policy_free(p);
}

static void is_refused(const char *says)
{
	bool found = false;

	assert_null(load());
	for (uint32_t i = 0; i < errors.count && i < POLICY_ERRORS; i++)
		found |= strstr(errors.items[i].text, says) != NULL;
	if (!found)
		fail_msg("%u:%u: %s", errors.items[0].line, errors.items[0].column,
			 errors.items[0].text);
}

static void as_many_zones_as_fit_and_no_more(void **state)
{
	(void)state;
	begin("zones:\n");
	for (int i = 1; i <= LIMIT_ZONES; i++)
		add("  z%d: { networks: [10.%d.0.0/16] }\n", i);
	is_taken();
	add("  z%d: { networks: [10.%d.0.0/16] }\n", LIMIT_ZONES + 1);
	is_refused("too many zones");
}

/* `%d` twice in each item. */
static void fill(const char *before, const char *item, int count, const char *after)
{
	begin(before);
	for (int i = 0; i < count; i++)
		add(item, i);
	text_string(&text, after);
}

static void each_list_takes_as_many_as_fit_and_no_more(void **state)
{
	static const struct {
		const char *before, *item, *after;
		int most;
	} lists[] = {
		{ "zones:\n  a: { networks: [", "10.%d.%d.0/24, ", "] }\n", LIMIT_ZONE_NETWORKS },
		{ "zones:\n  a: { interfaces: [", "e%d, ", "] }\n", LIMIT_ZONE_INTERFACES },
		{ "zones:\n  a: { services: [", "%d1, ", "] }\n", 8 },
		{ "zones:\n  a: { }\nservers:\n  s: { zone: a, speaks: [sip], addresses: [",
		  "10.0.%d.%d, ", "] }\n", LIMIT_SERVER_ADDRESSES },
		{ "zones:\n  a: { }\nservers:\n  s: { zone: a, speaks: [sip], addresses: [10.0.0.1], "
		  "serves: [", "10.%d.%d.0/24, ", "] }\n", LIMIT_SERVES },
		{ "zones:\n  a: { }\nservers:\n",
		  "  s%d: { addresses: [10.1.0.%d], zone: a, speaks: [sip] }\n", "", LIMIT_SERVERS },
		{ "zones:\n  a: { }\nrules:\n", "  - { name: r%d, from: a, to: a, allow: [sip] }\n", "",
		  LIMIT_RULES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		fill(lists[i].before, lists[i].item, lists[i].most, lists[i].after);
		/* Services begin with 01. */
		is_taken();
		fill(lists[i].before, lists[i].item, lists[i].most + 1, lists[i].after);
		if (load())
			fail_msg("one too many was taken: %s", lists[i].item);
	}
}

static void names_have_one_to_31_letters(void **state)
{
	char name[LIMIT_NAME_BYTES + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[LIMIT_NAME_BYTES - 1] = '\0';
	begin("zones:\n  ");
	text_string(&text, name);
	text_string(&text, ": { }\n");
	is_taken();
	name[LIMIT_NAME_BYTES - 1] = 'n';
	name[LIMIT_NAME_BYTES] = '\0';
	begin("zones:\n  ");
	text_string(&text, name);
	text_string(&text, ": { }\n");
	is_refused("a name has 1 to 31 letters");
	begin("zones:\n  \"\": { }\n");
	is_refused("a name has 1 to 31 letters");
	begin("zones:\n  a: { interfaces: [sixteen-letters-] }\n");
	is_refused("no interface name");
	begin("zones:\n  a: { interfaces: [fifteen-letters] }\n");
	is_taken();
}

/* The judgement would take the first of them, the fast path the last. */
static void network_of_two_zones_is_refused(void **state)
{
	(void)state;
	begin("zones:\n  a: { networks: [10.1.0.0/16] }\n  b: { networks: [10.2.0.0/16, "
	      "10.1.0.0/16] }\n");
	is_refused("10.1.0.0/16: stands in zone a too");
	assert_int_equal(errors.items[0].line, 3);
	begin("zones:\n  a: { networks: [10.1.0.0/16, 10.1.0.0/16] }\n");
	is_refused("stands in zone a too");
	begin("zones:\n  a: { networks: [10.1.0.0/16] }\n  b: { networks: [10.1.0.0/17] }\n");
	is_taken();
}

/* A packet comes from one zone: that of its interface and VLAN. */
static void interface_of_two_zones_is_refused_but_for_its_vlans(void **state)
{
	(void)state;
	begin("zones:\n  a: { interfaces: [eth1], networks: [10.1.0.0/16] }\n"
	      "  b: { interfaces: [eth2, eth1] }\n");
	is_refused("eth1: stands in zone a too");
	begin("zones:\n  a: { interfaces: [eth1], vlan: 20, networks: [10.1.0.0/16] }\n"
	      "  b: { vlan: 20, interfaces: [eth1] }\n");
	is_refused("eth1: stands in zone a too");
	begin("zones:\n  a: { interfaces: [eth1], networks: [10.1.0.0/16] }\n"
	      "  b: { interfaces: [eth1], vlan: 20 }\n");
	is_taken();
}

static void name_that_stands_twice_is_refused(void **state)
{
	(void)state;
	begin("zones:\n  a: { networks: [10.1.0.0/16] }\n  a: { }\n");
	is_refused("a zone of this name stands above");
	begin("zones:\n  a: { }\nservers:\n"
	      "  s: { addresses: [10.1.0.1], zone: a, speaks: [sip] }\n"
	      "  s: { addresses: [10.1.0.2], zone: a, speaks: [sip] }\n");
	is_refused("a server of this name stands above");
}

static void vlan_holds_for_all_interfaces_wherever_it_stands(void **state)
{
	struct policy *p;

	(void)state;
	begin("zones:\n  a: { vlan: 20, interfaces: [eth1, eth2] }\n");
	p = load();
	assert_non_null(p);
	assert_int_equal(p->zones[1].interfaces[0].vlan, 20);
	assert_int_equal(p->zones[1].interfaces[1].vlan, 20);
	policy_free(p);
}

static void zone_that_says_nothing_of_media_gets_every_unprivileged_port(void **state)
{
	struct policy *p;

	(void)state;
	begin("zones:\n  a: { }\n");
	p = load();
	assert_non_null(p);
	assert_int_equal(p->zones[1].media_low, 1024);
	assert_int_equal(p->zones[1].media_high, 65535);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_zones_as_fit_and_no_more),
		cmocka_unit_test(each_list_takes_as_many_as_fit_and_no_more),
		cmocka_unit_test(names_have_one_to_31_letters),
		cmocka_unit_test(network_of_two_zones_is_refused),
		cmocka_unit_test(interface_of_two_zones_is_refused_but_for_its_vlans),
		cmocka_unit_test(name_that_stands_twice_is_refused),
		cmocka_unit_test(vlan_holds_for_all_interfaces_wherever_it_stands),
		cmocka_unit_test(zone_that_says_nothing_of_media_gets_every_unprivileged_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
