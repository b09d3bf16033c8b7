// SPDX-License-Identifier: MIT
/* `ringfence gateways`: each gateway and call agent from its rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/show.h"

#define SECOND 1000000000ull
#define NOW (1000 * SECOND)
#define RUNS_OUT (35 * SECOND)       /* a command's row ends so long after it was sent */

static const struct hash_key hash_key = { { 1, 2 } };
static struct tables *tables;
static struct view view;
static uint8_t fresh;

static int set_up(void **state)
{
	(void)state;
	fresh = 100;
	tables = tables_new(&hash_key, 256);
	view = (struct view){ .tables = tables, .running = true, .mode = "single", .now_ns = NOW };
	strcpy(view.zones[1].name, "in");
	strcpy(view.zones[2].name, "out");
	return tables ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

/* 10.77.0.n */
static struct address host(uint8_t n)
{
	return (struct address){ { [10] = 0xff, 0xff, 10, 77, 0, n } };
}

static struct owner owner_of(uint8_t n)
{
	return (struct owner){ { n } };
}

static void put(enum row_type type, struct owner owner, uint64_t sub, uint32_t part,
		const void *value)
{
	struct row_key key = { .owner = owner, .sub = sub, .part = part };

	assert_true(tables_set(tables, type, &key, value) >= 0);
}

/* Gateway n, whose agent is `agent`. */
static void put_gateway(uint8_t n, uint8_t agent, enum gateway_state state)
{
	struct gateway_row row = { .gateway = { .address = host(n) }, .agent = host(agent),
				   .heard_ns = NOW - SECOND, .zones = { 2, 1 },
				   .state = (uint8_t)state };

	put(ROW_gateway, owner_of(n), 0, 0, &row);
}

/* Endpoint and gateway of a connection; rows where it is looked for, too. */
static void put_connection(uint8_t gateway, uint8_t endpoint)
{
	struct connection_row row = { .gateway = owner_of(gateway), .endpoint = owner_of(endpoint),
				      .media = owner_of(fresh++) };

	put(ROW_connection, row.media, 0, 0, &row);
	put(ROW_connection, row.endpoint, fresh, 0, &row);
	put(ROW_connection, owner_of(99), fresh, 0, &row);
}

static void put_command(uint8_t to, uint64_t sent_ns, uint16_t status, uint32_t protocol)
{
	struct transaction_row row = { .peers = { { .address = host(9) }, { .address = host(to) } },
				       .ends_ns = sent_ns + RUNS_OUT, .status = status };
	struct timer_row timer = { .kind = TIMER_TRANSACTION, .protocol = protocol };
	struct owner owner = owner_of(fresh++);

	put(ROW_transaction, owner, 0, 0, &row);
	put(ROW_timer, owner, 0, TIMER_TRANSACTION, &timer);
}

static void put_health(uint8_t n, struct health_row row)
{
	row.host = host(n);
	put(ROW_health, owner_of(fresh++), 0, 0, &row);
}

static json_t *ask(const char *address)
{
	json_t *request = json_pack("{s:s, s:s*}", "command", "gateways", "address", address);
	json_t *answer = show_answer(&view, request);

	json_decref(request);
	assert_non_null(answer);
	return answer;
}

static const json_t *row(const json_t *answer, const char *list, size_t i)
{
	return json_array_get(json_object_get(answer, list), i);
}

static const char *word(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	assert_non_null(text);
	return text;
}

static int number(const json_t *object, const char *name)
{
	return (int)json_number_value(json_object_get(object, name));
}

static void assert_state(const char *text)
{
	json_t *answer = ask(NULL);

	assert_int_equal(json_array_size(json_object_get(answer, "gateways")), 1);
	assert_string_equal(word(row(answer, "gateways", 0), "state"), text);
	json_decref(answer);
}

static void each_state_of_a_gateway_has_its_word(void **state)
{
	static const char *const words[] = {
		[GATEWAY_IN_SERVICE] = "in service",
		[GATEWAY_RESTARTING] = "restarting",
		[GATEWAY_OUT_OF_SERVICE] = "out of service",
		[GATEWAY_DISCONNECTED] = "disconnected",
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		put_gateway(1, 9, (enum gateway_state)i);
		assert_state(words[i]);
	}
}

static void connections_and_endpoints_are_counted_by_gateway(void **state)
{
	json_t *answer;

	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_connection(1, 50);
	put_connection(1, 50);
	put_connection(1, 51);
	put_connection(2, 52);
	answer = ask(NULL);
	assert_int_equal(number(row(answer, "gateways", 0), "connections"), 3);
	assert_int_equal(number(row(answer, "gateways", 0), "endpoints"), 2);
	assert_string_equal(word(row(answer, "gateways", 0), "gateway"), "10.77.0.1");
	assert_string_equal(word(row(answer, "gateways", 0), "agent"), "10.77.0.9");
	assert_string_equal(word(row(answer, "gateways", 0), "zone"), "out");
	assert_string_equal(word(row(answer, "gateways", 0), "version"), "1.0");
	json_decref(answer);
}

/* RFC 3435 4.3: T-MAX is 20 s. */
static void gateway_that_does_not_answer_for_t_max_is_lost(void **state)
{
	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_command(1, NOW - 19 * SECOND, 0, 2);
	assert_state("in service");
	put_command(1, NOW - 21 * SECOND, 0, 2);
	assert_state("lost");
}

static void gateway_that_answered_something_since_is_not_lost(void **state)
{
	(void)state;
	put_gateway(1, 9, GATEWAY_RESTARTING);
	put_command(1, NOW - 25 * SECOND, 0, 2);
	put_health(1, (struct health_row){ .answered_ns = NOW - 24 * SECOND });
	assert_state("restarting");
}

static void gateway_that_let_a_command_run_out_is_lost(void **state)
{
	json_t *answer;

	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_health(1, (struct health_row){ .answered_ns = NOW - 90 * SECOND, .unanswered = 7,
					   .answer_us = 12500, .silent_ns = NOW - 60 * SECOND });
	assert_state("lost");
	answer = ask(NULL);
	assert_int_equal(number(row(answer, "gateways", 0), "silent_s"), 60);
	assert_int_equal(number(row(answer, "gateways", 0), "unanswered"), 7);
	assert_true(json_number_value(json_object_get(row(answer, "gateways", 0), "answer_ms")) ==
		    12.5);
	json_decref(answer);
}

/* Answered ones wait no more; those of SIP were never ours. */
static void commands_that_wait_are_counted_at_their_receiver(void **state)
{
	json_t *answer;

	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_command(1, NOW - SECOND, 0, 2);
	put_command(1, NOW - SECOND, 0, 2);
	put_command(1, NOW - 30 * SECOND, 200, 2);
	put_command(1, NOW - 30 * SECOND, 0, 1);
	put_command(9, NOW - SECOND, 0, 2);
	answer = ask(NULL);
	assert_int_equal(number(row(answer, "gateways", 0), "waiting"), 2);
	assert_string_equal(word(row(answer, "gateways", 0), "state"), "in service");
	assert_int_equal(number(row(answer, "agents", 0), "waiting"), 1);
	json_decref(answer);
}

static void agent_stands_once_with_its_gateways_and_its_alarm(void **state)
{
	json_t *answer;

	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_gateway(2, 9, GATEWAY_IN_SERVICE);
	answer = ask(NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "agents")), 1);
	assert_int_equal(number(row(answer, "agents", 0), "gateways"), 2);
	assert_string_equal(word(row(answer, "agents", 0), "agent"), "10.77.0.9");
	assert_string_equal(word(row(answer, "agents", 0), "zone"), "in");
	assert_true(json_is_false(json_object_get(row(answer, "agents", 0), "alarm")));
	json_decref(answer);
	put_health(9, (struct health_row){ .silent_ns = NOW - 40 * SECOND, .unanswered = 1 });
	answer = ask(NULL);
	assert_true(json_is_true(json_object_get(row(answer, "agents", 0), "alarm")));
	assert_int_equal(number(row(answer, "agents", 0), "silent_s"), 40);
	json_decref(answer);
}

static void gateways_are_found_by_their_own_address_or_their_agents(void **state)
{
	static const struct {
		const char *address;
		size_t found;
	} asked[] = { { "10.77.0.1", 1 }, { "10.77.0.9", 2 }, { "10.77.0.3", 0 } };

	(void)state;
	put_gateway(1, 9, GATEWAY_IN_SERVICE);
	put_gateway(2, 9, GATEWAY_IN_SERVICE);
	for (size_t i = 0; i < 3; i++) {
		json_t *answer = ask(asked[i].address);

		assert_int_equal(json_array_size(json_object_get(answer, "gateways")),
				 asked[i].found);
		json_decref(answer);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_state_of_a_gateway_has_its_word),
		TEST(connections_and_endpoints_are_counted_by_gateway),
		TEST(gateway_that_does_not_answer_for_t_max_is_lost),
		TEST(gateway_that_answered_something_since_is_not_lost),
		TEST(gateway_that_let_a_command_run_out_is_lost),
		TEST(commands_that_wait_are_counted_at_their_receiver),
		TEST(agent_stands_once_with_its_gateways_and_its_alarm),
		TEST(gateways_are_found_by_their_own_address_or_their_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
