// SPDX-License-Identifier: MIT
/* One CRCX makes two connections, on two endpoints of one gateway (Z2:, RFC 3435 2.3.5); the answer
 * names both (I2:) and may describe both (3.4). */
#include "golden/mgcp_world.h"

#define EP2 "aaln/2@gw.example"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG);
}

static int set_up_narrow(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "limits: { mgcp_connections: 2 }\n");
}

static void create(const char *second)
{
	char text[256];

	snprintf(text, sizeof(text), COMMAND("CRCX", "100", EP) MODE("sendrecv") "Z2: %s" CRLF, second);
	command(text);
	assert_accepted();
}

static uint32_t calls(void)
{
	return tables_count(w.tables, ROW_call);
}

/* Connection 2 gets a far end of its own: it can only be found by its names. */
static void assert_second_is_found(void)
{
	command(COMMAND("MDCX", "101", EP2) "C: 77" CRLF "I: 2" CRLF "M: sendrecv" CRLF
		SDP(PHONE, "4000"));
	answer("200 101 OK" CRLF);
	assert_accepted();
	assert_int_equal(calls(), 2);
	assert_true(open_to(PHONE, 4000, GW, 16004) & PERMIT_RTP);
	assert_true(open_to(GW, 16004, PHONE, 4000) & PERMIT_RTP);
}

static void second_connection_is_known_by_its_own_names(void **state)
{
	(void)state;
	create(EP2);
	answer("200 100 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_accepted();
	assert_int_equal(calls(), 2);
	assert_second_is_found();
}

/* They are joined inside the gateway: nobody else may send there. */
static void nothing_opens_between_two_endpoints_of_one_gateway(void **state)
{
	(void)state;
	create(EP2);
	answer("200 100 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_int_equal(w.open_count, 0);
}

static void second_endpoint_that_was_left_open_is_named_by_the_answer(void **state)
{
	(void)state;
	create("aaln/$@gw.example");
	answer("200 100 OK" CRLF "I: 1" CRLF "Z2: AALN/2@gw.example" CRLF "I2: 2" CRLF
	       SDP(GW, "16000") SDP(GW, "16004"));
	assert_second_is_found();
}

static void each_of_the_two_is_deleted_by_itself(void **state)
{
	(void)state;
	create(EP2);
	answer("200 100 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_second_is_found();
	command(COMMAND("DLCX", "102", EP2) "C: 77" CRLF "I: 2" CRLF);
	answer("250 102 OK" CRLF);
	assert_int_equal(calls(), 1);
	assert_int_equal(w.open_count, 0);
	command(COMMAND("DLCX", "103", EP) "C: 77" CRLF "I: 1" CRLF);
	answer("250 103 OK" CRLF);
	assert_int_equal(calls(), 0);
}

static void restart_ends_both(void **state)
{
	(void)state;
	create(EP2);
	answer("200 100 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_second_is_found();
	tell(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	assert_int_equal(calls(), 0);
	assert_int_equal(w.open_count, 0);
}

static void second_connection_that_nobody_asked_for_is_none(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("200 100 OK" CRLF "I: 1" CRLF "Z2: aaln/2@gw.example" CRLF "I2: 2" CRLF
	       SDP(GW, "16000") SDP(GW, "16004"));
	assert_int_equal(calls(), 1);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
}

static void answer_may_describe_the_first_alone(void **state)
{
	(void)state;
	create(EP2);
	answer("200 100 OK" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000"));
	assert_int_equal(calls(), 2);
	command(COMMAND("MDCX", "101", EP2) "C: 77" CRLF "I: 2" CRLF "M: sendrecv" CRLF
		SDP(PHONE, "4000"));
	answer("200 101 OK" CRLF SDP(GW, "16004"));
	assert_true(open_to(GW, 16004, PHONE, 4000) & PERMIT_RTP);
}

/* Neither is there before the final answer, nor after a refusal. */
static void refused_create_makes_neither(void **state)
{
	(void)state;
	create(EP2);
	answer("100 100 wait" CRLF "I: 1" CRLF "I2: 2" CRLF SDP(GW, "16000") SDP(GW, "16004"));
	assert_accepted();
	assert_int_equal(calls(), 1);
	answer("400 100 no" CRLF);
	assert_int_equal(calls(), 0);
	assert_int_equal(w.open_count, 0);
}

static void both_count_as_connections_of_the_gateway(void **state)
{
	(void)state;
	connect_more(90, "aaln/9", "9", 4020);
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") "Z2: " EP2 CRLF);
	assert_refused(REASON_mgcp_connections);
	command(COMMAND("CRCX", "101", EP) MODE("sendrecv"));
	assert_accepted();
}

static void second_names_that_are_none_are_refused(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") "Z2: nobody" CRLF);
	assert_refused(REASON_mgcp_bad_endpoint);
	command(COMMAND("MDCX", "101", EP) MODE("sendrecv") "I2: a,b" CRLF);
	assert_refused(REASON_mgcp_bad_parameter);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(second_connection_is_known_by_its_own_names),
		TEST(nothing_opens_between_two_endpoints_of_one_gateway),
		TEST(second_endpoint_that_was_left_open_is_named_by_the_answer),
		TEST(each_of_the_two_is_deleted_by_itself),
		TEST(restart_ends_both),
		TEST(second_connection_that_nobody_asked_for_is_none),
		TEST(answer_may_describe_the_first_alone),
		TEST(refused_create_makes_neither),
		cmocka_unit_test_setup_teardown(both_count_as_connections_of_the_gateway,
						set_up_narrow, tear_down),
		TEST(second_names_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
