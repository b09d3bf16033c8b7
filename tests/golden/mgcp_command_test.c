// SPDX-License-Identifier: MIT
/* MGCP commands: done once only, several in a datagram; what media they may open. Expected values
 * are those of RFC 3435, written by hand. */
#include "golden/mgcp_world.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG
			  "protections: { mgcp: { mode: enforce, commands: { deny: [EPCF] } } }\n");
}

static int set_up_wide(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG
			  "protections: { mgcp: { mode: enforce, fax: deny } }\n"
			  "ports: { mgcp: [2427, 2727, 3427] }\n");
}

/* modes */
static void assert_ways(const char *mode, bool sends, bool receives)
{
	static unsigned int id = 1000;
	char text[512];

	snprintf(text, sizeof(text), "MDCX %u " EP " MGCP 1.0" CRLF "C: 77" CRLF "I: 1" CRLF
		 "M: %s" CRLF, ++id, mode);
	w.now_ns += SECOND;
	command(text);
	snprintf(text, sizeof(text), "200 %u OK" CRLF, id);
	answer(text);
	run_timers(6);               /* what moved has drained */
	assert_int_equal(!!(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP), sends);
	assert_int_equal(!!(open_to(PHONE, 4000, GW, 16000) & PERMIT_RTP), receives);
	/* RTCP goes on whatever the mode is */
	assert_true(open_to(GW, 16001, PHONE, 4001) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 4001, GW, 16001) & PERMIT_RTCP);
}

/* RFC 3435 2.3.5 */
static void modes_open_their_ways(void **state)
{
	(void)state;
	connect_phone();
	assert_ways("sendonly", true, false);
	assert_ways("recvonly", false, true);
	assert_ways("inactive", false, false);
	assert_ways("confrnce", true, true);
	assert_ways("loopback", false, false);
	assert_ways("SendRecv", true, true);
	assert_ways("conttest", false, false);
	assert_ways("netwloop", true, true);
	assert_ways("inactive", false, false);
	assert_ways("netwtest", true, true);
	assert_ways("inactive", false, false);
	assert_ways("data", true, true);
	assert_ways("inactive", false, false);
	assert_ways("fm/private", true, true);
}

static void refused_mode_changes_nothing(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("inactive"));
	/* until its answer nobody knows which mode is in force, whatever drains meanwhile */
	run_timers(6);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	answer("517 101 unsupported mode" CRLF);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	assert_true(open_to(PHONE, 4000, GW, 16000) & PERMIT_RTP);
}

/* media */
static void fax_is_a_line_like_others(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") CRLF "v=0" CRLF "c=IN IP4 " PHONE CRLF
		"m=image 4000 udptl t38" CRLF);
	answer("200 100 OK" CRLF "I: 1" CRLF CRLF "v=0" CRLF "c=IN IP4 " GW CRLF
	       "m=image 16000 udptl t38" CRLF);
	assert_accepted();
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_ANY);
	assert_int_equal(open_to(GW, 16001, PHONE, 4001), 0);
}

static void fax_is_refused_where_policy_denies_it(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") CRLF "v=0" CRLF
		"c=IN IP4 " PHONE CRLF "m=image 4000 udptl t38" CRLF);
	assert_refused(REASON_mgcp_fax_denied);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
}

static void far_end_in_the_gateways_own_zone_opens_nothing(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(GW2, "4000"));
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_accepted();
	assert_int_equal(w.open_count, 0);
}

static void far_end_in_a_third_zone_is_opened_to_the_gateway(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP("10.77.3.5", "4000"));
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_accepted();
	assert_true(open_to(GW, 16000, "10.77.3.5", 4000) & PERMIT_RTP);
	assert_true(open_to("10.77.3.5", 4000, GW, 16000) & PERMIT_RTP);
}

static void agent_may_not_open_towards_whom_it_does_not_serve(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP("192.0.2.1", "4000"));
	assert_refused(REASON_guard_foreign_host);
	command(COMMAND("CRCX", "101", EP) MODE("sendrecv") SDP(PHONE, "161"));
	assert_refused(REASON_guard_forbidden_port);
	assert_int_equal(w.open_count, 0);
}

static void gateway_may_not_name_another_host_as_its_own_end(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW2, "16000"));
	assert_refused(REASON_guard_foreign_host);
	assert_int_equal(open_to(PHONE, 4000, GW2, 16000), 0);
}

static void description_that_is_none_is_refused(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") CRLF "v=0" CRLF "m=audio" CRLF);
	assert_refused(REASON_sdp_malformed);
}

/* transactions */
static void repeated_command_goes_on_and_opens_once(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_accepted();
	/* the same command behind another in one datagram is the same command */
	command(COMMAND("AUEP", "101", EP) "." CRLF
		COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000") "." CRLF);
	assert_int_equal(judged(), 2);
	assert_int_equal(refused(), 0);
	assert_int_equal(w.open_count, 8);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
}

static void repeated_answer_changes_nothing(void **state)
{
	(void)state;
	connect_phone();
	answer("200 100 OK" CRLF "I: 2" CRLF SDP(GW, "16100"));
	assert_accepted();
	assert_int_equal(open_to(PHONE, 4000, GW, 16100), 0);
	assert_int_equal(w.open_count, 8);
}

static void number_of_another_command_is_refused(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "100", EP) "C: 77" CRLF);
	assert_refused(REASON_mgcp_transaction_reused);
	/* RFC 3435 3.2.1.2: each sender counts for itself, leading zeros mean nothing */
	tell(COMMAND("NTFY", "100", EP) "X: 1" CRLF "O: L/hd" CRLF);
	assert_accepted();
	command(COMMAND("AUEP", "000100", EP));
	assert_refused(REASON_mgcp_transaction_reused);
}

static void number_may_come_again_when_the_old_answer_is_forgotten(void **state)
{
	(void)state;
	connect_phone();
	run_timers(36);
	command(COMMAND("AUEP", "100", EP));
	assert_accepted();
}

/* What opens nothing is forgotten sooner, and its rows are free for others. */
static void harmless_transactions_are_forgotten_soon(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "100", EP) "X: 1" CRLF);
	answer("200 100 OK" CRLF);
	connect_more(101, "aaln/1", "77", 4000);
	run_timers(6);
	assert_int_equal(tables_count(w.tables, ROW_transaction), 1);
}

static void confirmed_command_is_not_repeated(void **state)
{
	(void)state;
	command(COMMAND("AUEP", "100", EP));
	answer("200 100 OK" CRLF "K:" CRLF);
	command("000 100" CRLF);
	assert_accepted();
	command(COMMAND("AUEP", "100", EP));
	assert_refused(REASON_mgcp_replayed);
}

static void is_replay(const char *audit, bool replayed)
{
	command(audit);
	if (replayed)
		assert_refused(REASON_mgcp_replayed);
	else
		assert_accepted();
}

/* RFC 3435 3.2.2.19: ids and ranges; what was not answered yet cannot be confirmed. */
static void what_a_command_confirms_is_not_repeated(void **state)
{
	(void)state;
	command(COMMAND("AUEP", "100", EP));
	answer("200 100 OK" CRLF);
	command(COMMAND("AUEP", "101", EP));
	command(COMMAND("AUEP", "102", EP));
	answer("200 102 OK" CRLF);
	command(COMMAND("AUEP", "103", EP));
	answer("200 103 OK" CRLF);
	command(COMMAND("AUEP", "104", EP) "K: 100-102, 110" CRLF);
	assert_accepted();
	is_replay(COMMAND("AUEP", "100", EP), true);
	is_replay(COMMAND("AUEP", "101", EP), false);
	is_replay(COMMAND("AUEP", "102", EP), true);
	is_replay(COMMAND("AUEP", "103", EP), false);
	is_replay(COMMAND("AUEP", "104", EP) "K: 100-102, 110" CRLF, false);
}

/* MDCX asks for more rows: what it confirms is seen then, too. */
static void modify_confirms_as_well(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "K: 100" CRLF "I: 1" CRLF MODE("sendrecv"));
	assert_accepted();
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_refused(REASON_mgcp_replayed);
}

/* The number is another's, though it is the same. */
static void nobody_confirms_for_another(void **state)
{
	(void)state;
	command(COMMAND("AUEP", "100", EP));
	answer("200 100 OK" CRLF);
	say(AGENT_TOO, 2727, GW, 2427, COMMAND("AUEP", "101", EP) "K: 100" CRLF);
	assert_accepted();
	is_replay(COMMAND("AUEP", "100", EP), false);
}

static void confirmation_of_nothing_is_refused(void **state)
{
	(void)state;
	command("000 100" CRLF);
	assert_refused(REASON_mgcp_unknown_transaction);
}

static void answer_that_nobody_asked_for_is_refused(void **state)
{
	(void)state;
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_refused(REASON_mgcp_unknown_transaction);
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	say(GW2, 2427, AGENT, 2727, "200 100 OK" CRLF "I: 1" CRLF SDP(GW2, "16000"));
	assert_refused(REASON_mgcp_unknown_transaction);
	say(GW, 2427, AGENT_TOO, 2727, "200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_refused(REASON_mgcp_unknown_transaction);
}

static void answer_to_an_ephemeral_port_gets_a_door(void **state)
{
	(void)state;
	say(AGENT, 40000, GW, 2427, COMMAND("AUEP", "100", EP));
	assert_true(open_to(GW, 2427, AGENT, 40000) & PERMIT_SIGNALLING);
	run_timers(36);
	assert_int_equal(w.open_count, 0);
}

static void ports_of_the_file_are_served(void **state)
{
	(void)state;
	say(AGENT, 3427, GW, 2427, COMMAND("AUEP", "100", EP));
	assert_accepted();
	assert_int_equal(w.open_count, 0);
}

/* several messages */
static void messages_of_a_datagram_go_on_as_one(void **state)
{
	static const char both[] = "200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000") "." CRLF
				   COMMAND("NTFY", "500", EP) "X: 1" CRLF "O: L/hd" CRLF;

	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer(both);
	assert_int_equal(judged(), 2);
	assert_int_equal(refused(), 0);
	assert_int_equal(w.sent, 1);
	assert_string_equal(w.sent_text, both);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
}

static void refused_message_is_left_out_of_its_datagram(void **state)
{
	(void)state;
	command(COMMAND("AUEP", "100", EP) "." CRLF COMMAND("EPCF", "101", EP) "." CRLF
		COMMAND("AUEP", "102", EP));
	assert_int_equal(judged(), 3);
	assert_int_equal(refused(), 1);
	assert_int_equal(w.sent, 1);
	assert_string_equal(w.sent_text,
			    COMMAND("AUEP", "100", EP) "." CRLF COMMAND("AUEP", "102", EP));
}

/* RFC 3435 3.5.5: the dot stands between messages. */
static void what_stands_before_a_refused_message_ends_with_no_separator(void **state)
{
	(void)state;
	command(COMMAND("AUEP", "100", EP) "." CRLF COMMAND("AUEP", "101", EP) "." CRLF
		COMMAND("EPCF", "102", EP));
	assert_int_equal(judged(), 3);
	assert_int_equal(refused(), 1);
	assert_string_equal(w.sent_text,
			    COMMAND("AUEP", "100", EP) "." CRLF COMMAND("AUEP", "101", EP));
	/* as it came, where nothing was taken away */
	command(COMMAND("AUEP", "103", EP) "." CRLF);
	assert_string_equal(w.sent_text, COMMAND("AUEP", "103", EP) "." CRLF);
}

static void empty_datagram_goes_on_unread(void **state)
{
	(void)state;
	command(CRLF);
	assert_int_equal(judged(), 0);
	assert_int_equal(w.sent, 1);
}

/* the other commands */
static void other_commands_pass_and_open_nothing(void **state)
{
	(void)state;
	command(COMMAND("RQNT", "101", EP) "X: 1" CRLF "R: L/hd(N)" CRLF "S: L/dl" CRLF);
	assert_accepted();
	answer("200 101 OK" CRLF);
	assert_accepted();
	command(COMMAND("AUEP", "102", "*@gw.example") "F: A,I" CRLF);
	answer("200 102" CRLF "Z: aaln/1@gw.example" CRLF "Z: aaln/2@gw.example" CRLF
	       "M: sendrecv, recvonly" CRLF);
	assert_accepted();
	/* RFC 3435 3.4: the near description, then the far one */
	command(COMMAND("AUCX", "103", EP) "I: 1" CRLF "F: LC,RC" CRLF);
	answer("200 103 OK" CRLF SDP(GW, "16000") SDP(PHONE, "4000"));
	assert_accepted();
	command(COMMAND("XTST", "104", EP));
	assert_accepted();
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void denied_command_is_refused(void **state)
{
	(void)state;
	command(COMMAND("EPCF", "101", EP) "B: e:mu" CRLF);
	assert_refused(REASON_mgcp_command_denied);
}

/* silence */
static void silent_connection_ends(void **state)
{
	(void)state;
	connect_phone();
	run_timers(601);
	assert_int_equal(w.open_count, 0);
	run_timers(3700);
}

static void id_that_comes_again_ends_its_namesake(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("CRCX", "101", EP) MODE("sendrecv") SDP(PHONE, "4040"));
	answer("200 101 OK" CRLF "I: 1" CRLF SDP(GW, "16040"));
	assert_int_equal(open_to(GW, 16000, PHONE, 4000), 0);
	assert_true(open_to(GW, 16040, PHONE, 4040) & PERMIT_RTP);
	assert_int_equal(tables_count(w.tables, ROW_call), 1);
}

/* It began before the gateway of ours stood there. */
static void connection_that_is_not_known_is_adopted(void **state)
{
	(void)state;
	command(COMMAND("MDCX", "100", EP) "I: AB" CRLF MODE("sendrecv") SDP(PHONE, "4000"));
	assert_true(open_to(NULL, 0, PHONE, 4000) & PERMIT_EARLY);
	answer("200 100 OK" CRLF SDP(GW, "16000"));
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	command(COMMAND("DLCX", "101", EP) "I: AB" CRLF);
	answer("250 101 OK" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void adopted_connection_that_the_gateway_denies_closes(void **state)
{
	(void)state;
	command(COMMAND("MDCX", "100", EP) "I: AB" CRLF MODE("sendrecv") SDP(PHONE, "4000"));
	answer("515 100 no such connection" CRLF);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void adopted_connection_that_nobody_answers_for_closes(void **state)
{
	(void)state;
	command(COMMAND("MDCX", "100", EP) "I: AB" CRLF MODE("sendrecv") SDP(PHONE, "4000"));
	run_timers(36);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void domains_of_one_host_have_endpoints_of_their_own(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "101", "aaln/1@gw2.example") "I: 1" CRLF);
	answer("250 101 OK" CRLF);
	assert_int_equal(w.open_count, 8);
}

static void modify_of_another_call_touches_nothing(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF "C: 99" CRLF SDP(PHONE, "4020"));
	assert_accepted();
	assert_int_equal(w.open_count, 8);
	answer("516 101 another call" CRLF);
	assert_int_equal(w.open_count, 8);
}

static void late_answer_to_a_modify_of_what_is_gone_passes(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv"));
	command(COMMAND("DLCX", "102", EP) "I: 1" CRLF);
	answer("250 102 OK" CRLF);
	answer("200 101 OK" CRLF);
	assert_accepted();
	assert_int_equal(w.open_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_IN(name, world) cmocka_unit_test_setup_teardown(name, world, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(modes_open_their_ways),
		TEST(refused_mode_changes_nothing),
		TEST(fax_is_a_line_like_others),
		TEST_IN(fax_is_refused_where_policy_denies_it, set_up_wide),
		TEST(far_end_in_the_gateways_own_zone_opens_nothing),
		TEST(far_end_in_a_third_zone_is_opened_to_the_gateway),
		TEST(agent_may_not_open_towards_whom_it_does_not_serve),
		TEST(gateway_may_not_name_another_host_as_its_own_end),
		TEST(description_that_is_none_is_refused),
		TEST(repeated_command_goes_on_and_opens_once),
		TEST(repeated_answer_changes_nothing),
		TEST(number_of_another_command_is_refused),
		TEST(number_may_come_again_when_the_old_answer_is_forgotten),
		TEST(harmless_transactions_are_forgotten_soon),
		TEST(confirmed_command_is_not_repeated),
		TEST(what_a_command_confirms_is_not_repeated),
		TEST(modify_confirms_as_well),
		TEST(nobody_confirms_for_another),
		TEST(confirmation_of_nothing_is_refused),
		TEST(answer_that_nobody_asked_for_is_refused),
		TEST(answer_to_an_ephemeral_port_gets_a_door),
		TEST_IN(ports_of_the_file_are_served, set_up_wide),
		TEST(messages_of_a_datagram_go_on_as_one),
		TEST(refused_message_is_left_out_of_its_datagram),
		TEST(what_stands_before_a_refused_message_ends_with_no_separator),
		TEST(empty_datagram_goes_on_unread),
		TEST(other_commands_pass_and_open_nothing),
		TEST(denied_command_is_refused),
		TEST(silent_connection_ends),
		TEST(id_that_comes_again_ends_its_namesake),
		TEST(connection_that_is_not_known_is_adopted),
		TEST(adopted_connection_that_the_gateway_denies_closes),
		TEST(adopted_connection_that_nobody_answers_for_closes),
		TEST(domains_of_one_host_have_endpoints_of_their_own),
		TEST(modify_of_another_call_touches_nothing),
		TEST(late_answer_to_a_modify_of_what_is_gone_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
