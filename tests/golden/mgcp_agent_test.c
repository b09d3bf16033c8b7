// SPDX-License-Identifier: MIT
/* Who may command whom in MGCP, and how often. Expected values are those of RFC 3435, written by
 * hand. */
#include "golden/mgcp_world.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG
			  "protections: { mgcp: { anomalies: { message_rate: 20, create_rate: 5,"
			  " delete_rate: 5, audit_rate: 5, restart_rate: 3 } } }\n");
}

static int set_up_wide(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG
			  "protections: { mgcp: { anomalies: { message_rate: off, create_rate: 0,"
			  " agent_message_rate: 0, agent_create_rate: 0 } } }\n");
}

static int set_up_watching(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "protections: { mgcp: monitor }\n");
}

/* who commands whom */
static void only_call_agents_command(void **state)
{
	(void)state;
	say(PHONE, 2727, GW, 2427, COMMAND("RQNT", "100", EP) "X: 1" CRLF);
	assert_refused(REASON_mgcp_not_agent);
	say(PHONE, 2727, GW, 2427, COMMAND("CRCX", "101", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_refused(REASON_mgcp_not_agent);
	assert_int_equal(w.open_count, 0);
}

static void gateways_speak_to_call_agents_alone(void **state)
{
	(void)state;
	say(GW, 2427, PHONE, 2727, COMMAND("NTFY", "100", EP) "X: 1" CRLF "O: L/hd" CRLF);
	assert_refused(REASON_mgcp_foreign_agent);
	say(GW, 2427, PHONE, 2727, COMMAND("DLCX", "101", EP));
	assert_refused(REASON_mgcp_foreign_agent);
}

static void addresses_count_only_in_their_own_zone(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4020"));
	w.from_zone = 3;
	answer("200 101 OK" CRLF);
	assert_refused(REASON_mgcp_unknown_transaction);
	tell(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	assert_refused(REASON_mgcp_wrong_zone);
	command(COMMAND("DLCX", "102", EP));
	assert_refused(REASON_mgcp_not_agent);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
}

static void agent_does_not_restart(void **state)
{
	(void)state;
	command(COMMAND("RSIP", "100", "*@gw.example") "RM: restart" CRLF);
	assert_refused(REASON_mgcp_wrong_direction);
}

static void agent_commands_only_whom_it_serves(void **state)
{
	(void)state;
	say(ALIEN_AGENT, 2727, GW, 2427, COMMAND("AUEP", "100", EP));
	assert_refused(REASON_mgcp_not_its_gateway);
	say(GW, 2427, ALIEN_AGENT, 2727, COMMAND("RSIP", "100", EP) "RM: restart" CRLF);
	assert_refused(REASON_mgcp_not_its_gateway);
}

static void command_without_a_rule_is_refused(void **state)
{
	(void)state;
	say(AGENT, 2727, "10.77.3.5", 2427, COMMAND("AUEP", "100", EP));
	assert_refused(REASON_message_no_rule);
}

static void other_agent(const char *id)
{
	char text[256];

	snprintf(text, sizeof(text), "AUEP %s " EP " MGCP 1.0" CRLF, id);
	say(OTHER_AGENT, 2727, GW, 2427, text);
}

static void second_agent_that_nobody_announced_is_refused(void **state)
{
	(void)state;
	connect_phone();
	other_agent("1");
	assert_refused(REASON_mgcp_agent_unannounced);
	tell(COMMAND("NTFY", "500", EP) "X: 1" CRLF "O: L/hd" CRLF);
	assert_accepted();
	say(GW, 2427, OTHER_AGENT, 2727, COMMAND("NTFY", "501", EP) "X: 1" CRLF "O: L/hd" CRLF);
	assert_refused(REASON_mgcp_agent_unannounced);
}

static void addresses_of_one_server_are_one_agent(void **state)
{
	(void)state;
	connect_phone();
	say(AGENT_TOO, 2727, GW, 2427, COMMAND("DLCX", "101", EP) "C: 77" CRLF);
	assert_accepted();
	say(GW, 2427, AGENT_TOO, 2727, "250 101 OK" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void agent_hands_over_by_notified_entity(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "N: ca2@[" OTHER_AGENT "]:2727" CRLF "X: 1" CRLF);
	other_agent("1");
	assert_accepted();
	/* now the first one is the stranger */
	command(COMMAND("AUEP", "101", EP));
	assert_refused(REASON_mgcp_agent_unannounced);
}

/* Names are resolved by the file alone. */
static void notified_entity_may_be_a_name_of_the_file(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "N: ca@CA2.example.net:5678" CRLF "X: 1" CRLF);
	assert_accepted();
	assert_true(open_to(GW, 0, OTHER_AGENT, 5678) & PERMIT_SIGNALLING);
	assert_true(open_to(GW, 0, "10.77.1.21", 5678) & PERMIT_SIGNALLING);
	other_agent("1");
	assert_accepted();
}

static void name_that_the_file_does_not_know_announces_nobody(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "N: ca@ca3.example.net:5678" CRLF "X: 1" CRLF);
	assert_accepted();
	assert_int_equal(w.open_count, 0);
	other_agent("1");
	assert_refused(REASON_mgcp_agent_unannounced);
}

static void gateway_hands_itself_over_by_restart(void **state)
{
	(void)state;
	connect_phone();
	say(GW, 2427, OTHER_AGENT, 2727, COMMAND("RSIP", "500", "*@gw.example")
	    "RM: disconnected" CRLF);
	assert_accepted();
	other_agent("1");
	assert_accepted();
}

/* RFC 3435 2.4.9: 521, the endpoint is redirected to another agent */
static void agent_sends_a_restarting_gateway_elsewhere(void **state)
{
	(void)state;
	tell(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	say(AGENT, 2727, GW, 2427, "521 500 elsewhere" CRLF "N: ca@" OTHER_AGENT CRLF);
	assert_accepted();
	other_agent("1");
	assert_accepted();
}

static void notified_entity_that_is_no_agent_is_refused(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "N: x@" PHONE ":2727" CRLF "X: 1" CRLF);
	assert_refused(REASON_mgcp_foreign_agent);
}

static void notified_entitys_port_gets_a_door(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "N: ca@" AGENT ":5678" CRLF "X: 1" CRLF);
	assert_true(open_to(GW, 0, AGENT, 5678) & PERMIT_SIGNALLING);
	say(GW, 2427, AGENT, 5678, COMMAND("NTFY", "500", EP) "X: 1" CRLF "O: L/hd" CRLF);
	assert_accepted();
}

/* how often */
static uint32_t repeat(uint32_t times, const char *verb, const char *from, const char *to)
{
	static unsigned int id = 2000;
	uint32_t passed = 0;
	char text[256];

	for (uint32_t i = 0; i < times; i++) {
		snprintf(text, sizeof(text), "%s %u aaln/%u@gw.example MGCP 1.0" CRLF "RM: restart"
			 CRLF "M: recvonly" CRLF, verb, ++id, i);
		say(from, 2727, to, 2727, text);
		passed += w.judgement == JUDGEMENT_ACCEPT;
	}
	return passed;
}

static void assert_rate(const char *verb, const char *from, const char *to, uint32_t limit,
			enum reason reason)
{
	assert_int_equal(repeat(limit + 2, verb, from, to), limit);
	assert_refused(reason);
	w.now_ns += SECOND;
	assert_int_equal(repeat(1, verb, from, to), 1);
}

static void commands_of_a_gateway_are_counted(void **state)
{
	(void)state;
	assert_rate("CRCX", AGENT, GW, 5, REASON_mgcp_create_rate);
	w.now_ns += SECOND;
	assert_rate("DLCX", AGENT, GW, 5, REASON_mgcp_delete_rate);
	w.now_ns += SECOND;
	assert_rate("AUEP", AGENT, GW, 5, REASON_mgcp_audit_rate);
	w.now_ns += SECOND;
	assert_rate("AUCX", AGENT, GW, 5, REASON_mgcp_audit_rate);
	w.now_ns += SECOND;
	assert_rate("RQNT", AGENT, GW, 20, REASON_mgcp_message_rate);
	/* another gateway has a count of its own */
	assert_int_equal(repeat(20, "RQNT", AGENT, GW2), 20);
}

/* An avalanche comes from many gateways at once. */
static void restarts_are_counted_at_the_agent(void **state)
{
	(void)state;
	assert_int_equal(repeat(2, "RSIP", GW, AGENT), 2);
	assert_int_equal(repeat(2, "RSIP", GW2, AGENT), 1);
	assert_refused(REASON_mgcp_restart_rate);
}

static void gateway_has_so_many_connections(void **state)
{
	(void)state;
	assert_int_equal(repeat(LIMIT_MGCP_CONNECTIONS + 1, "CRCX", AGENT, GW),
			 LIMIT_MGCP_CONNECTIONS);
	assert_refused(REASON_mgcp_connections);
}

static int set_up_narrow(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "limits: { mgcp_connections: 20, mgcp_endpoints: 10 }\n");
}

/* repeat() begins on aaln/0 each time. */
static void gateway_has_so_many_connections_and_endpoints_as_the_file_says(void **state)
{
	(void)state;
	assert_int_equal(repeat(8, "CRCX", AGENT, GW), 8);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 0);
	assert_int_equal(repeat(11, "CRCX", AGENT, GW), 10);
	assert_refused(REASON_mgcp_endpoints);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 1);
	assert_int_equal(repeat(3, "CRCX", AGENT, GW), 2);
	assert_refused(REASON_mgcp_connections);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 1);
	/* another gateway has room of its own */
	assert_int_equal(repeat(3, "CRCX", AGENT, GW2), 3);
}

/* Told again when it was less meanwhile. */
static void crowded_gateway_is_told_of_once_until_it_has_room(void **state)
{
	(void)state;
	assert_int_equal(repeat(9, "CRCX", AGENT, GW), 9);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 1);
	run_timers(40);
	assert_int_equal(repeat(8, "CRCX", AGENT, GW), 8);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 1);
	assert_int_equal(repeat(10, "CRCX", AGENT, GW), 10);
	assert_int_equal(w.told[TELL_GATEWAY_CROWDED], 2);
}

static int set_up_allowing(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "protections: { mgcp: { mode: enforce, commands:"
				      " { allow: [AUEP, RQNT], deny: RQNT } } }\n");
}

static void what_is_not_among_the_allowed_commands_is_denied(void **state)
{
	static const char *const verbs[] = { "RQNT", "CRCX", "XTST" };

	(void)state;
	assert_int_equal(repeat(1, "AUEP", AGENT, GW), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(repeat(1, verbs[i], AGENT, GW), 0);
		assert_refused(REASON_mgcp_command_denied);
	}
}

static void monitored_refusal_goes_on_and_opens_nothing(void **state)
{
	(void)state;
	say(PHONE, 2727, GW, 2427, COMMAND("CRCX", "101", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.open_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_IN(name, world) cmocka_unit_test_setup_teardown(name, world, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_call_agents_command),
		TEST(gateways_speak_to_call_agents_alone),
		TEST(addresses_count_only_in_their_own_zone),
		TEST(agent_does_not_restart),
		TEST(agent_commands_only_whom_it_serves),
		TEST(command_without_a_rule_is_refused),
		TEST(second_agent_that_nobody_announced_is_refused),
		TEST(addresses_of_one_server_are_one_agent),
		TEST(agent_hands_over_by_notified_entity),
		TEST(notified_entity_may_be_a_name_of_the_file),
		TEST(name_that_the_file_does_not_know_announces_nobody),
		TEST(gateway_hands_itself_over_by_restart),
		TEST(agent_sends_a_restarting_gateway_elsewhere),
		TEST(notified_entity_that_is_no_agent_is_refused),
		TEST(notified_entitys_port_gets_a_door),
		TEST(commands_of_a_gateway_are_counted),
		TEST(restarts_are_counted_at_the_agent),
		TEST_IN(gateway_has_so_many_connections, set_up_wide),
		TEST_IN(gateway_has_so_many_connections_and_endpoints_as_the_file_says,
			set_up_narrow),
		TEST_IN(crowded_gateway_is_told_of_once_until_it_has_room, set_up_narrow),
		TEST_IN(what_is_not_among_the_allowed_commands_is_denied, set_up_allowing),
		TEST_IN(monitored_refusal_goes_on_and_opens_nothing, set_up_watching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
