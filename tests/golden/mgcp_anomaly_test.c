// SPDX-License-Identifier: MIT
/* The rules of anomaly of MGCP: each seen, and what the file may have done about it. Expected values
 * are those of RFC 3435 and of the table's sentences, written by hand. */
#include "golden/mgcp_world.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG);
}

#define SET_UP(name, anomalies)                                                                  \
	static int set_up_##name(void **state)                                                   \
	{                                                                                        \
		(void)state;                                                                     \
		return world_open(MGCP_CONFIG "protections: { mgcp: { anomalies: {"              \
				  anomalies "} } }\n");                                          \
	}
SET_UP(lenient, "takeover: tell, stray_response: tell, reused_id: off, replay: tell")
SET_UP(strict, "restart_loop: refuse, create_out_of_service: refuse,"
	       " name_scan: { action: refuse, limit: 20 }, stray_notify: refuse")
SET_UP(denying, "stray_command: deny, delete_storm: { action: deny, limit: 2 }")
SET_UP(agent, "agent_message_rate: 10, agent_create_rate: 4")
SET_UP(silent, "restart_loop: off, name_scan: off")

/* Passed, and told. */
static void assert_told(enum reason reason)
{
	assert_accepted();
	assert_int_equal(w.reason, reason);
	assert_int_equal(w.counts[reason], 1);
}

static void assert_unnoticed(void)
{
	assert_accepted();
	assert_int_equal(w.reason, REASON_none);
}

static void ask(unsigned int id, const char *gateway, const char *verb, const char *local)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %u %s@gw.example MGCP 1.0" CRLF, verb, id, local);
	say(AGENT, 2727, gateway, 2427, text);
}

/* what the file may change */
static void what_is_only_told_passes(void **state)
{
	(void)state;
	connect_phone();
	say(OTHER_AGENT, 2727, GW, 2427, COMMAND("AUEP", "1", EP));
	assert_told(REASON_mgcp_agent_unannounced);
	answer("200 777 OK" CRLF);
	assert_told(REASON_mgcp_unknown_transaction);
	command(COMMAND("AUEP", "100", EP));
	assert_unnoticed();
	assert_int_equal(w.counts[COUNTER_messages_refused], 0);
}

/* RFC 3435 3.2.2.19: what is confirmed is forgotten by the gateway. */
static void replay_that_is_told_changes_nothing(void **state)
{
	(void)state;
	connect_phone();
	command("000 100" CRLF);
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_told(REASON_mgcp_replayed);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
}

static void takeover_that_is_told_changes_no_agent(void **state)
{
	(void)state;
	connect_phone();
	say(OTHER_AGENT, 2727, GW, 2427, COMMAND("AUEP", "1", EP));
	assert_told(REASON_mgcp_agent_unannounced);
	command(COMMAND("AUEP", "101", EP));
	assert_unnoticed();
}

static void sender_is_denied_where_the_file_says_so(void **state)
{
	(void)state;
	say(PHONE, 2727, GW, 2427, COMMAND("RQNT", "100", EP) "X: 1" CRLF);
	assert_refused(REASON_mgcp_not_agent);
	assert_true(w.denies);
	ask(101, GW, "DLCX", "*");
	ask(102, GW, "DLCX", "*");
	assert_accepted();
	ask(103, GW, "DLCX", "*");
	assert_refused(REASON_mgcp_delete_storm);
	assert_true(w.denies);
	say(PHONE, 2727, GW, 2427, "200 9 OK" CRLF);
	assert_refused(REASON_mgcp_unknown_transaction);
	assert_false(w.denies);
}

/* how often */
static void one_agent_commands_so_often(void **state)
{
	(void)state;
	/* on two gateways, so that neither has its fill */
	for (unsigned int i = 0; i < 10; i++) {
		ask(100 + i, i % 2 ? GW : GW2, "RQNT", "aaln/1");
		assert_accepted();
	}
	ask(120, GW, "RQNT", "aaln/1");
	assert_refused(REASON_mgcp_agent_message_rate);
	/* others of its server count on their own, and so do gateways that tell it something */
	say(AGENT_TOO, 2727, GW, 2427, COMMAND("RQNT", "121", EP));
	assert_accepted();
	tell(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	assert_accepted();
	tell(COMMAND("NTFY", "501", EP) "X: 0" CRLF "O: L/hd" CRLF);
	assert_accepted();
	w.now_ns += SECOND;
	ask(122, GW, "RQNT", "aaln/1");
	assert_accepted();
}

static void one_agent_creates_so_often(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		ask(100 + i, i % 2 ? GW : GW2, "CRCX", "aaln/1");
		assert_accepted();
	}
	ask(110, GW, "CRCX", "aaln/1");
	assert_refused(REASON_mgcp_agent_create_rate);
	ask(111, GW, "RQNT", "aaln/1");
	assert_accepted();
}

/* The numbers hold where the file says nothing. */
static void agent_has_two_hundred_connections_and_a_thousand_commands_a_second(void **state)
{
	uint32_t created = 0, asked = 0;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		ask(1000 + i, i % 2 ? GW : GW2, "CRCX", "aaln/1");
		created += w.judgement == JUDGEMENT_ACCEPT;
	}
	assert_int_equal(created, 200);
	assert_refused(REASON_mgcp_agent_create_rate);
	for (unsigned int i = 0; i < 1000; i++) {
		ask(2000 + i, i % 2 ? GW : GW2, "RQNT", "aaln/1");
		asked += w.judgement == JUDGEMENT_ACCEPT;
	}
	assert_int_equal(asked, 1000 - 200);
	assert_refused(REASON_mgcp_agent_message_rate);
}

static void deletions_of_many_endpoints_are_counted_apart(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		ask(100 + i, GW, "DLCX", i % 2 ? "*" : "aaln/*");
	assert_accepted();
	ask(130, GW, "DLCX", "aaln/*");
	assert_refused(REASON_mgcp_delete_storm);
	/* one endpoint's are none */
	ask(131, GW, "DLCX", "aaln/1");
	assert_accepted();
	w.now_ns += SECOND;
	ask(132, GW, "DLCX", "*");
	assert_accepted();
}

static uint32_t ask_about(uint32_t first, uint32_t names)
{
	uint32_t passed = 0;

	for (uint32_t i = first; i < first + names; i++) {
		char local[32];

		snprintf(local, sizeof(local), "s%u/ds1-%u/%u", i / 96, i / 24 % 4, i % 24);
		ask(3000 + i, GW, "AUEP", local);
		passed += w.judgement == JUDGEMENT_ACCEPT;
		w.now_ns += SECOND / 100;
	}
	return passed;
}

/* Estimated: a tenth more or less. */
static void many_names_in_a_minute_are_a_scan(void **state)
{
	(void)state;
	assert_int_equal(ask_about(0, 85), 85);
	assert_int_equal(w.counts[REASON_mgcp_name_scan], 0);
	assert_int_equal(ask_about(85, 35), 35);
	assert_in_range(w.counts[REASON_mgcp_name_scan], 5, 34);
}

static void same_names_again_are_no_scan(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_about(0, 15), 15);
	/* repeats of one command, of the same bytes */
	assert_int_equal(w.counts[REASON_mgcp_name_scan], 0);
	w.now_ns += 60 * SECOND;
	assert_int_equal(ask_about(50, 15), 15);
	assert_int_equal(w.counts[REASON_mgcp_name_scan], 0);
	/* wildcards name all at once */
	ask(9000, GW, "AUEP", "*");
	assert_unnoticed();
}

static void scan_is_refused_where_the_file_says_so(void **state)
{
	(void)state;
	assert_in_range(ask_about(0, 60), 16, 24);
	assert_refused(REASON_mgcp_name_scan);
}

/* what a gateway says of itself */
static void restart(unsigned int id, const char *local, const char *method)
{
	char text[256];

	snprintf(text, sizeof(text), "RSIP %u %s@gw.example MGCP 1.0" CRLF "RM: %s" CRLF, id, local,
		 method);
	tell(text);
}

static void gateway_that_restarts_again_and_again_is_told_of(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		restart(500 + i, "*", "restart");
		assert_unnoticed();
		/* the same bytes again are the same restart */
		restart(500 + i, "*", "restart");
		assert_unnoticed();
		w.now_ns += 59 * SECOND;
	}
	restart(510, "*", "restart");
	assert_told(REASON_mgcp_restart_loop);
	w.now_ns += 60 * SECOND;
	restart(511, "*", "restart");
	assert_unnoticed();
}

static void endpoints_that_restart_one_by_one_are_no_loop(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 24; i++) {
		char local[16];

		snprintf(local, sizeof(local), "aaln/%u", i);
		restart(500 + i, local, "restart");
		assert_unnoticed();
	}
	restart(600, "*", "disconnected");
	assert_unnoticed();
}

static void restart_loop_is_refused_where_the_file_says_so(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		restart(500 + i, "*", "restart");
	assert_refused(REASON_mgcp_restart_loop);
}

static void what_is_off_is_not_seen(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		restart(500 + i, "*", "restart");
	assert_unnoticed();
	assert_int_equal(ask_about(0, 150), 150);
	assert_unnoticed();
}

static void connection_on_a_gateway_out_of_service_is_told_of(void **state)
{
	(void)state;
	restart(500, "*", "forced");
	ask(100, GW, "AUEP", "aaln/1");
	assert_unnoticed();
	command(COMMAND("CRCX", "101", EP) MODE("recvonly"));
	assert_told(REASON_mgcp_out_of_service);
	restart(501, "*", "restart");
	command(COMMAND("CRCX", "102", EP) MODE("recvonly"));
	assert_unnoticed();
	restart(502, "*", "graceful");
	command(COMMAND("CRCX", "103", EP) MODE("recvonly"));
	assert_accepted();
	assert_int_equal(w.counts[REASON_mgcp_out_of_service], 2);
}

static void connection_on_a_gateway_out_of_service_is_refused_by_word(void **state)
{
	(void)state;
	restart(500, "*", "forced");
	command(COMMAND("CRCX", "101", EP) MODE("recvonly"));
	assert_refused(REASON_mgcp_out_of_service);
}

/* what a gateway reports */
static void request(unsigned int id, const char *local, const char *number)
{
	char text[256];

	snprintf(text, sizeof(text), "RQNT %u %s@gw.example MGCP 1.0" CRLF "X: %s" CRLF
		 "R: L/hd" CRLF, id, local, number);
	command(text);
	assert_accepted();
}

static void notify(unsigned int id, const char *local, const char *number)
{
	char text[256];

	snprintf(text, sizeof(text), "NTFY %u %s@gw.example MGCP 1.0" CRLF "x: %s" CRLF
		 "O: L/hd" CRLF, id, local, number);
	tell(text);
}

/* What was asked before the last one may still be on its way (RFC 3435 4.4.1). */
static void report_that_nobody_asked_for_is_told_of(void **state)
{
	(void)state;
	request(100, "aaln/1", "AB1");
	notify(500, "aaln/1", "AB1");
	assert_unnoticed();
	request(101, "AALN/1", "AB2");
	notify(501, "aaln/1", "AB1");
	assert_unnoticed();
	notify(502, "aaln/1", "AB2");
	assert_unnoticed();
	notify(503, "aaln/1", "AB3");
	assert_told(REASON_mgcp_stray_notify);
	/* persistent events bear 0 */
	notify(504, "aaln/1", "0");
	assert_unnoticed();
}

static void older_request_is_forgotten(void **state)
{
	(void)state;
	request(100, "aaln/1", "1");
	request(101, "aaln/1", "2");
	request(102, "aaln/1", "3");
	request(103, "aaln/1", "4");
	notify(500, "aaln/1", "1");
	assert_unnoticed();
	request(104, "aaln/1", "5");
	notify(501, "aaln/1", "1");
	assert_told(REASON_mgcp_stray_notify);
}

/* CRCX, MDCX and DLCX may bear a request (RFC 3435 2.3.5). */
static void request_inside_another_command_counts(void **state)
{
	(void)state;
	request(99, "aaln/1", "A");
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "C: 77" CRLF "I: 1" CRLF "M: sendrecv" CRLF "X: B" CRLF
		"R: L/hu" CRLF);
	assert_accepted();
	notify(500, "aaln/1", "B");
	assert_unnoticed();
	notify(501, "aaln/1", "C");
	assert_told(REASON_mgcp_stray_notify);
}

static void what_was_asked_is_not_known_of_every_endpoint(void **state)
{
	(void)state;
	notify(500, "aaln/1", "AB1");
	assert_unnoticed();
	request(100, "aaln/1", "AB1");
	notify(501, "aaln/2", "AB7");
	assert_unnoticed();
	/* one request for all of them */
	w.now_ns += SECOND;
	request(101, "*", "AB8");
	notify(502, "aaln/1", "AB8");
	assert_unnoticed();
	w.now_ns += SECOND;
	request(102, "aaln/1", "AB9");
	notify(503, "aaln/1", "AB8");
	assert_told(REASON_mgcp_stray_notify);
}

static void report_that_nobody_asked_for_is_refused_by_word(void **state)
{
	(void)state;
	request(100, "aaln/1", "AB1");
	notify(500, "aaln/1", "AB3");
	assert_refused(REASON_mgcp_stray_notify);
	w.now_ns += 3600 * SECOND;
	request(101, "aaln/1", "AB4");
	notify(501, "aaln/1", "AB4");
	assert_unnoticed();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_IN(name, world) cmocka_unit_test_setup_teardown(name, set_up_##world, tear_down)
	const struct CMUnitTest tests[] = {
		TEST_IN(what_is_only_told_passes, lenient),
		TEST_IN(replay_that_is_told_changes_nothing, lenient),
		TEST_IN(takeover_that_is_told_changes_no_agent, lenient),
		TEST_IN(sender_is_denied_where_the_file_says_so, denying),
		TEST_IN(one_agent_commands_so_often, agent),
		TEST_IN(one_agent_creates_so_often, agent),
		TEST(agent_has_two_hundred_connections_and_a_thousand_commands_a_second),
		TEST(deletions_of_many_endpoints_are_counted_apart),
		TEST(many_names_in_a_minute_are_a_scan),
		TEST(same_names_again_are_no_scan),
		TEST_IN(scan_is_refused_where_the_file_says_so, strict),
		TEST(gateway_that_restarts_again_and_again_is_told_of),
		TEST(endpoints_that_restart_one_by_one_are_no_loop),
		TEST_IN(restart_loop_is_refused_where_the_file_says_so, strict),
		TEST_IN(what_is_off_is_not_seen, silent),
		TEST(connection_on_a_gateway_out_of_service_is_told_of),
		TEST_IN(connection_on_a_gateway_out_of_service_is_refused_by_word, strict),
		TEST(report_that_nobody_asked_for_is_told_of),
		TEST(older_request_is_forgotten),
		TEST(request_inside_another_command_counts),
		TEST(what_was_asked_is_not_known_of_every_endpoint),
		TEST_IN(report_that_nobody_asked_for_is_refused_by_word, strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
