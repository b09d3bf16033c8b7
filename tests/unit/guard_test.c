/* SPDX-License-Identifier: MIT */
/* The guard against an inspector that believes everything. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspect/guard.h"

static struct policy policy;

/* Zone 1 is 10.77.1.0/24, zone 2 everything else; the sender is a server of zone 1, or nobody. */
static void set_up_policy(bool serves)
{
	policy = (struct policy){ .zone_count = 2, .timers = { .call_longest_ns = 1000 } };
	assert_true(network_parse(SLICE("10.77.1.0/24"), &policy.zones[1].networks[0]));
	policy.zones[1].network_count = 1;
	policy.protocols[1].ports[0] = 5060;
	policy.servers[0] = (struct server){ .address_count = 1, .zone = 1, .speaks = 1 << 1,
					     .serves_zones = 1 << 1 };
	assert_true(address_parse(SLICE("10.77.1.11"), &policy.servers[0].addresses[0]));
	policy.server_count = serves ? 1 : 0;
}

static uint8_t memory[LIMIT_ARENA_BYTES];

/* What the guard says of one door towards 10.77.<zone>.<host>:<port>, named by 10.77.1.11. */
static enum reason judged(const char *host, uint16_t port, uint16_t zone_out, bool optional,
			  uint32_t *ret_struck)
{
	struct arena arena = { memory, sizeof(memory), 0 };
	struct flow_info flow = { .zones = { 1, 2 }, .speaks = 1 };
	struct subjects none = { NULL, 0 };
	struct surroundings around = { 0 };
	struct inspect_in in = { .flow = &flow, .subjects = &none, .policy = &policy,
				 .around = &around, .now_ns = 1, .arena = &arena };
	struct outcome o = { .judgement = JUDGEMENT_ACCEPT };
	struct door_row door = { .expires_ns = 500, .kind = DOOR_MEDIA, .zone_out = zone_out };
	struct row_key key = { .sub = 1 };

	assert_true(address_parse(SLICE("10.77.1.11"), &flow.source.address));
	assert_true(address_parse(slice_make(host, strlen(host)), &door.key.destination));
	door.key.destination_port = htons(port);
	door.key.zone = 3;
	door.named_by = flow.source;
	batch_init(&o.batch, &arena);
	if (optional)
		batch_put_optional(&o.batch, ROW_door, &key, &door);
	else
		batch_put(&o.batch, ROW_door, &key, &door);
	*ret_struck = guard_outcome(&in, &o);
	if (o.judgement == JUDGEMENT_REFUSE)
		assert_int_equal(o.batch.change_count, 0);
	return o.reason;
}

static void sender_opens_a_door_to_itself_alone(void **state)
{
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	assert_int_equal(judged("10.77.1.11", 4000, 1, false, &struck), REASON_none);
	assert_int_equal(judged("10.77.1.12", 4000, 1, false, &struck), REASON_guard_foreign_host);
	set_up_policy(true);
	assert_int_equal(judged("10.77.1.12", 4000, 1, false, &struck), REASON_none);
}

static void optional_foreign_door_is_struck_and_the_message_passes(void **state)
{
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	assert_int_equal(judged("10.77.1.12", 4000, 1, true, &struck), REASON_none);
	assert_int_equal(struck, 1);
}

static void low_and_service_ports_and_loopback_are_forbidden(void **state)
{
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	assert_int_equal(judged("10.77.1.11", 53, 1, false, &struck), REASON_guard_forbidden_port);
	assert_int_equal(judged("10.77.1.11", 5060, 1, false, &struck),
			 REASON_guard_forbidden_port);
	assert_int_equal(judged("127.0.0.1", 4000, 2, false, &struck),
			 REASON_guard_forbidden_address);
}

static void server_of_another_protocol_serves_nobody(void **state)
{
	uint32_t struck;

	(void)state;
	set_up_policy(true);
	policy.servers[0].speaks = 1 << 2;
	assert_int_equal(judged("10.77.1.12", 4000, 1, false, &struck), REASON_guard_foreign_host);
}

static void zone_of_the_host_is_its_own_and_not_the_inspectors(void **state)
{
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	assert_int_equal(judged("10.77.1.11", 4000, 2, false, &struck), REASON_guard_bad_outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_opens_a_door_to_itself_alone),
		cmocka_unit_test(optional_foreign_door_is_struck_and_the_message_passes),
		cmocka_unit_test(low_and_service_ports_and_loopback_are_forbidden),
		cmocka_unit_test(server_of_another_protocol_serves_nobody),
		cmocka_unit_test(zone_of_the_host_is_its_own_and_not_the_inspectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
