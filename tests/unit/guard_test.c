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
static struct arena arena;
static struct outcome outcome;
static struct address own;

static struct address address(const char *text)
{
	struct address a;

	assert_true(address_parse(slice_make(text, strlen(text)), &a));
	return a;
}

static void begin(enum judgement judgement)
{
	arena = (struct arena){ memory, sizeof(memory), 0 };
	outcome = (struct outcome){ .judgement = judgement };
	batch_init(&outcome.batch, &arena);
}

/* The guard's word on `outcome`, of a message of 100 bytes from 10.77.1.11. */
static enum reason end(uint32_t *ret_struck)
{
	static const uint8_t raw[100];
	struct flow_info flow = { .zones = { 1, 2 }, .speaks = 1 };
	struct subjects none = { NULL, 0 };
	struct surroundings around = { .own_addresses = &own, .own_count = 1 };
	struct inspect_in in = { .raw = { raw, sizeof(raw) }, .flow = &flow, .subjects = &none,
				 .policy = &policy, .around = &around, .now_ns = 1,
				 .arena = &arena };

	own = address("10.77.1.1");
	flow.source.address = address("10.77.1.11");
	*ret_struck = guard_outcome(&in, &outcome);
	if (outcome.judgement == JUDGEMENT_REFUSE) {
		assert_int_equal(outcome.batch.change_count, 0);
		assert_int_equal(outcome.edits.count, 0);
		assert_int_equal(outcome.sends.count, 0);
	}
	return outcome.reason;
}

static struct door_row door_to(const char *host, uint16_t port, uint16_t zone_out)
{
	return (struct door_row){
		.key = { .destination = address(host), .destination_port = htons(port),
			 .zone = 3 },
		.named_by = { .address = address("10.77.1.11") },
		.expires_ns = 500, .kind = DOOR_MEDIA, .zone_out = zone_out,
	};
}

static enum reason judged_door(const struct door_row *door, bool optional, uint32_t *ret_struck)
{
	struct row_key key = { .sub = 1 };

	begin(JUDGEMENT_ACCEPT);
	if (optional)
		batch_put_optional(&outcome.batch, ROW_door, &key, door);
	else
		batch_put(&outcome.batch, ROW_door, &key, door);
	return end(ret_struck);
}

/* What the guard says of one door towards 10.77.<zone>.<host>:<port>, named by 10.77.1.11. */
static enum reason judged(const char *host, uint16_t port, uint16_t zone_out, bool optional,
			  uint32_t *ret_struck)
{
	struct door_row door = door_to(host, port, zone_out);

	return judged_door(&door, optional, ret_struck);
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

static void low_and_service_ports_and_hosts_that_are_none_are_forbidden(void **state)
{
	static const char *const never[] = { "127.0.0.1", "::1", "224.0.0.1", "ff02::1", "0.0.0.0",
					     "::", "10.77.1.1" };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	assert_int_equal(judged("10.77.1.11", 53, 1, false, &struck), REASON_guard_forbidden_port);
	assert_int_equal(judged("10.77.1.11", 5060, 1, false, &struck),
			 REASON_guard_forbidden_port);
	assert_int_equal(judged("10.77.1.11", 1023, 1, false, &struck),
			 REASON_guard_forbidden_port);
	assert_int_equal(judged("10.77.1.11", 1024, 1, false, &struck), REASON_none);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (judged(never[i], 4000, 2, false, &struck) != REASON_guard_forbidden_address)
			fail_msg("%s", never[i]);
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

static void nobody_else_may_be_said_to_have_named_a_door(void **state)
{
	struct door_row door = door_to("10.77.1.11", 4000, 1);
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	door.named_by.address = address("10.77.1.12");
	assert_int_equal(judged_door(&door, false, &struck), REASON_guard_bad_outcome);
}

/* timers.call_longest is 1000 ns, now is 1. */
static void door_lives_no_longer_than_the_longest_call(void **state)
{
	struct door_row door = door_to("10.77.1.11", 4000, 1);
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	door.expires_ns = 1001;
	assert_int_equal(judged_door(&door, false, &struck), REASON_none);
	door.expires_ns = 1002;
	assert_int_equal(judged_door(&door, false, &struck), REASON_guard_limit);
	door.expires_ns = 0;
	assert_int_equal(judged_door(&door, false, &struck), REASON_guard_limit);
}

static void signalling_door_lives_as_long_as_a_binding(void **state)
{
	struct door_row door = door_to("10.77.1.11", 4000, 1);
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	policy.timers.binding_longest_ns = 2000;
	door.expires_ns = 2001;
	assert_int_equal(judged_door(&door, false, &struck), REASON_guard_limit);
	door.kind = DOOR_SIGNALLING;
	assert_int_equal(judged_door(&door, false, &struck), REASON_none);
	door.expires_ns = 2002;
	assert_int_equal(judged_door(&door, false, &struck), REASON_guard_limit);
}

static void door_within_one_zone_is_left_out_and_the_message_passes(void **state)
{
	struct door_row door = door_to("10.77.1.12", 4000, 1);
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	door.key.zone = 1;
	assert_int_equal(judged_door(&door, false, &struck), REASON_none);
	assert_int_equal(struck, 0);
	assert_int_equal(outcome.batch.change_count, 0);
	assert_int_equal(outcome.judgement, JUDGEMENT_ACCEPT);
}

static void batch_that_did_not_fit_is_refused_whole(void **state)
{
	struct row_key key = { .sub = 1 };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	begin(JUDGEMENT_ACCEPT);
	for (uint32_t i = 0; i <= LIMIT_CHANGES; i++)
		batch_end(&outcome.batch, ROW_text, &key);
	assert_int_equal(end(&struck), REASON_guard_limit);
}

static void one_refused_door_takes_the_whole_batch_along(void **state)
{
	struct door_row good = door_to("10.77.1.11", 4000, 1), bad = door_to("10.77.1.11", 22, 1);
	struct row_key key = { .sub = 1 };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	begin(JUDGEMENT_ACCEPT);
	batch_put(&outcome.batch, ROW_door, &key, &good);
	batch_put(&outcome.batch, ROW_door, &key, &bad);
	assert_int_equal(end(&struck), REASON_guard_forbidden_port);
	assert_int_equal(outcome.judgement, JUDGEMENT_REFUSE);
}

static void refusal_keeps_its_own_reason_and_opens_nothing(void **state)
{
	struct door_row door = door_to("10.77.1.11", 4000, 1);
	struct row_key key = { .sub = 1 };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	begin(JUDGEMENT_REFUSE);
	outcome.reason = REASON_sip_wrong_tag;
	batch_put(&outcome.batch, ROW_door, &key, &door);
	assert_int_equal(end(&struck), REASON_sip_wrong_tag);
}

static void edits_lie_inside_the_message_in_order(void **state)
{
	static const struct edit outside = { 100, 1, { NULL, 0 } }, last = { 99, 1, { NULL, 0 } },
				 first = { 0, 1, { NULL, 0 } };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	begin(JUDGEMENT_ACCEPT);
	outcome.edits = (struct edits){ .items = { first, last }, .count = 2 };
	assert_int_equal(end(&struck), REASON_none);
	outcome.edits = (struct edits){ .items = { last, first }, .count = 2 };
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
	begin(JUDGEMENT_ACCEPT);
	outcome.edits = (struct edits){ .items = { outside }, .count = 1 };
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
	begin(JUDGEMENT_ACCEPT);
	outcome.edits.count = LIMIT_EDITS + 1;
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
}

static void outcome_of_no_known_shape_is_refused(void **state)
{
	struct row_key key = { .sub = 1 };
	uint32_t struck;

	(void)state;
	set_up_policy(false);
	begin((enum judgement)(JUDGEMENT_NEED + 1));
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
	begin(JUDGEMENT_ACCEPT);
	outcome.sends.count = LIMIT_SENDS + 1;
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
	begin(JUDGEMENT_NEED);
	outcome.wants.count = LIMIT_WANTS + 1;
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
	/* Who asks for more rows has not decided yet. */
	begin(JUDGEMENT_NEED);
	batch_end(&outcome.batch, ROW_text, &key);
	assert_int_equal(end(&struck), REASON_guard_bad_outcome);
}

/* The status that is left of an answer of so many bytes to a request of 100. */
static uint16_t answered(const char *from, const char *to, size_t bytes)
{
	static const uint8_t text[200];
	const struct flow_info flow = { .source = { address("10.77.1.11"), 1, 0 },
					.destination = { address("10.77.2.10"), 2, 0 } };
	const struct inspect_in in = { .raw = { text, 100 }, .flow = &flow };

	outcome = (struct outcome){ .answer = 403, .sends = { .count = 1 } };
	outcome.sends.items[0].from = (struct endpoint){ address(from), 2, 0 };
	outcome.sends.items[0].to = (struct endpoint){ address(to), 3, 0 };
	outcome.sends.items[0].bytes = slice_make(text, bytes);
	guard_answer(&in, &outcome);
	assert_int_equal(outcome.sends.count, outcome.answer ? 1 : 0);
	return outcome.answer;
}

static void answer_goes_to_who_asked_and_is_no_longer(void **state)
{
	(void)state;
	assert_int_equal(answered("10.77.2.10", "10.77.1.11", 100), 403);
	assert_int_equal(answered("10.77.2.10", "10.77.1.12", 100), 0);
	assert_int_equal(answered("10.77.2.11", "10.77.1.11", 100), 0);
	assert_int_equal(answered("10.77.2.10", "10.77.1.11", 101), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_opens_a_door_to_itself_alone),
		cmocka_unit_test(optional_foreign_door_is_struck_and_the_message_passes),
		cmocka_unit_test(low_and_service_ports_and_hosts_that_are_none_are_forbidden),
		cmocka_unit_test(server_of_another_protocol_serves_nobody),
		cmocka_unit_test(zone_of_the_host_is_its_own_and_not_the_inspectors),
		cmocka_unit_test(nobody_else_may_be_said_to_have_named_a_door),
		cmocka_unit_test(door_lives_no_longer_than_the_longest_call),
		cmocka_unit_test(signalling_door_lives_as_long_as_a_binding),
		cmocka_unit_test(door_within_one_zone_is_left_out_and_the_message_passes),
		cmocka_unit_test(batch_that_did_not_fit_is_refused_whole),
		cmocka_unit_test(one_refused_door_takes_the_whole_batch_along),
		cmocka_unit_test(refusal_keeps_its_own_reason_and_opens_nothing),
		cmocka_unit_test(edits_lie_inside_the_message_in_order),
		cmocka_unit_test(outcome_of_no_known_shape_is_refused),
		cmocka_unit_test(answer_goes_to_who_asked_and_is_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
