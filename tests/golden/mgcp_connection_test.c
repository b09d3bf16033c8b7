// SPDX-License-Identifier: MIT
/* MGCP connections from their command to their end. Expected values are those of RFC 3435 and of
 * what gateways do on the wire, written by hand. */
#include "golden/mgcp_world.h"

static int set_up(void **state)
{
	(void)state;
	return world_open(MGCP_CONFIG "protections: { mgcp: enforce }\n");
}

static void far_end_is_open_before_the_answer(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	assert_accepted();
	/* its first byte is no RTP: gateways send one to NATs on the way */
	assert_true(open_to(NULL, 0, PHONE, 4000) & PERMIT_ANY);
	assert_true(open_to(NULL, 0, PHONE, 4001) & PERMIT_EARLY);
	assert_int_equal(w.open_count, 2);
}

static void answer_opens_exact_flows_both_ways(void **state)
{
	(void)state;
	connect_phone();
	assert_int_equal(open_to(GW, 16000, PHONE, 4000), PERMIT_RTP | PERMIT_STUN);
	assert_true(open_to(PHONE, 4000, GW, 16000) & PERMIT_RTP);
	assert_true(open_to(GW, 16001, PHONE, 4001) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 4001, GW, 16001) & PERMIT_RTCP);
	assert_true(open_to(PHONE, 0, GW, 16000) & PERMIT_LOCK);
	assert_int_equal(open_to(NULL, 0, PHONE, 4000), 0);
	assert_int_equal(w.open_count, 8);
}

static void without_a_far_end_the_gateway_receives_from_anybody(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("recvonly"));
	assert_int_equal(w.open_count, 0);
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_true(open_to(NULL, 0, GW, 16000) & PERMIT_RTP);
	assert_false(open_to(NULL, 0, GW, 16000) & PERMIT_ANY);
	run_timers(36);
	assert_int_equal(w.open_count, 2);
}

static void modify_opens_its_far_end_to_the_gateway_alone(void **state)
{
	(void)state;
	without_a_far_end_the_gateway_receives_from_anybody(state);
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4000"));
	assert_accepted();
	assert_true(open_to(GW, 0, PHONE, 4000) & PERMIT_ANY);
	assert_int_equal(open_to(NULL, 0, PHONE, 4000), 0);
	answer("200 101 OK" CRLF);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	assert_int_equal(open_to(NULL, 0, GW, 16000), 0);
	assert_int_equal(w.open_count, 8);
}

static void modify_without_description_keeps_the_old_one(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv"));
	answer("200 101 OK" CRLF);
	assert_accepted();
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	assert_int_equal(w.open_count, 8);
}

static void refused_modify_takes_its_far_end_back(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4020"));
	assert_true(open_to(GW, 0, PHONE, 4020) & PERMIT_EARLY);
	answer("400 101 no" CRLF);
	assert_int_equal(open_to(GW, 0, PHONE, 4020), 0);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	assert_int_equal(w.open_count, 8);
}

static void unanswered_modify_is_taken_back_by_its_timer(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4020"));
	run_timers(36);
	assert_int_equal(open_to(GW, 0, PHONE, 4020), 0);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
}

static void unanswered_modify_leaves_the_near_end_open(void **state)
{
	(void)state;
	without_a_far_end_the_gateway_receives_from_anybody(state);
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4020"));
	run_timers(36);
	assert_int_equal(open_to(GW, 0, PHONE, 4020), 0);
	assert_true(open_to(NULL, 0, GW, 16000) & PERMIT_RTP);
}

static void moved_far_end_drains_and_closes(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv") SDP(PHONE, "4020"));
	answer("200 101 OK" CRLF);
	assert_true(open_to(GW, 16000, PHONE, 4020) & PERMIT_RTP);
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	run_timers(6);
	assert_int_equal(open_to(GW, 16000, PHONE, 4000), 0);
	assert_true(open_to(GW, 16000, PHONE, 4020) & PERMIT_RTP);
}

static void gateway_may_move_its_own_end_in_an_answer(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv"));
	answer("200 101 OK" CRLF SDP(GW, "16008"));
	assert_accepted();
	assert_true(open_to(PHONE, 4000, GW, 16008) & PERMIT_RTP);
	assert_true(open_to(GW, 16008, PHONE, 4000) & PERMIT_RTP);
}

static void resolve(const char *create)
{
	command(create);
	assert_true(open_to(NULL, 0, PHONE, 4000) & PERMIT_EARLY);
	answer("200 100 OK" CRLF "Z: AALN/1@gw.example" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	assert_int_equal(open_to(NULL, 0, PHONE, 4000), 0);
	/* the name that the gateway chose, in any case (RFC 3435 3.2.1.3) */
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF "I: 1" CRLF);
	answer("250 101 OK" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void any_of_wildcard_is_resolved_by_the_answer(void **state)
{
	(void)state;
	resolve(COMMAND("CRCX", "100", "aaln/$@gw.example") MODE("sendrecv") SDP(PHONE, "4000"));
}

static void all_of_wildcard_is_resolved_by_the_answer(void **state)
{
	(void)state;
	resolve(COMMAND("CRCX", "100", "aaln/*@gw.example") MODE("sendrecv") SDP(PHONE, "4000"));
}

static void answer_that_names_no_connection_opens_nothing_lasting(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("200 100 OK" CRLF SDP(GW, "16000"));
	assert_accepted();
	assert_int_equal(open_to(GW, 16000, PHONE, 4000), 0);
	run_timers(36);
	assert_int_equal(w.open_count, 0);
}

static void answer_with_two_connections_is_refused(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("200 100 OK" CRLF "I: 1" CRLF "I: 2" CRLF SDP(GW, "16000"));
	assert_refused(REASON_mgcp_duplicate_parameter);
}

static void refused_create_closes(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("502 100 no resources" CRLF);
	assert_accepted();
	assert_int_equal(w.open_count, 0);
}

static void unanswered_create_ends_by_its_timer(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	run_timers(36);
	assert_int_equal(w.open_count, 0);
}

/* RFC 3435 3.5.5: a provisional answer may carry the connection already. */
static void provisional_answer_opens_and_its_refusal_closes(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	answer("100 100 wait" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_accepted();
	assert_true(open_to(GW, 16000, PHONE, 4000) & PERMIT_RTP);
	command(COMMAND("DLCX", "101", EP) "I: 1" CRLF);
	answer("250 101 OK" CRLF);
	assert_int_equal(w.open_count, 0);
}

/* A gateway that answers in two voices must not leave the first one's rows behind. */
static void later_answer_does_not_rename_the_connection(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", "aaln/$@gw.example") MODE("sendrecv") SDP(PHONE, "4000"));
	answer("100 100 wait" CRLF "Z: " EP CRLF "I: 1" CRLF SDP(GW, "16000"));
	answer("200 100 OK" CRLF "Z: aaln/2@gw.example" CRLF "I: 2" CRLF SDP(GW, "16000"));
	assert_accepted();
	command(COMMAND("MDCX", "101", EP) "I: 1" CRLF MODE("sendrecv"));
	answer("200 101 OK" CRLF "I: 3" CRLF);
	assert_accepted();
	command(COMMAND("DLCX", "102", EP) "I: 1" CRLF);
	answer("250 102 OK" CRLF);
	assert_int_equal(w.open_count, 0);
	assert_int_equal(tables_count(w.tables, ROW_call), 0);
}

static void final_answer_may_come_long_after_a_provisional_one(void **state)
{
	(void)state;
	command(COMMAND("CRCX", "100", EP) MODE("sendrecv") SDP(PHONE, "4000"));
	run_timers(30);
	answer("100 100 wait" CRLF);
	run_timers(30);
	answer("200 100 OK" CRLF "I: 1" CRLF SDP(GW, "16000"));
	assert_accepted();
}

static void delete_closes_at_its_answer(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF "I: 1" CRLF);
	assert_int_equal(w.open_count, 8);
	answer("250 101 OK" CRLF "P: PS=1, OS=160, PR=0, OR=0, PL=0, JI=0, LA=0" CRLF);
	assert_int_equal(w.open_count, 0);
	run_timers(36);
	run_timers(3700);
}

static void delete_of_a_call_spares_other_calls_of_the_endpoint(void **state)
{
	(void)state;
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/1", "77", 4010);
	connect_more(3, "aaln/1", "78", 4020);
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF);
	answer("200 101 OK" CRLF);
	assert_false(is_connected(4000) || is_connected(4010));
	assert_true(is_connected(4020));
}

static void delete_of_an_endpoint_takes_all_of_it(void **state)
{
	(void)state;
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/1", "78", 4010);
	connect_more(3, "aaln/2", "77", 4020);
	command(COMMAND("DLCX", "101", EP));
	answer("250 101 OK" CRLF);
	assert_false(is_connected(4000) || is_connected(4010));
	assert_true(is_connected(4020));
}

static void delete_of_a_call_everywhere(void **state)
{
	(void)state;
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/2", "78", 4010);
	connect_more(3, "ds/e1-1/2", "77", 4020);
	command(COMMAND("DLCX", "101", "*@gw.example") "C: 77" CRLF);
	answer("200 101 OK" CRLF);
	assert_false(is_connected(4000) || is_connected(4020));
	assert_true(is_connected(4010));
}

static void delete_of_what_a_wildcard_stands_for(void **state)
{
	(void)state;
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/2", "78", 4010);
	connect_more(3, "ds/e1-1/2", "77", 4020);
	command(COMMAND("DLCX", "101", "aaln/*@gw.example"));
	answer("200 101 OK" CRLF);
	assert_false(is_connected(4000) || is_connected(4010));
	assert_true(is_connected(4020));
}

static void delete_of_a_range(void **state)
{
	(void)state;
	connect_more(1, "ds/e1-1/2", "77", 4000);
	connect_more(2, "ds/e1-1/9", "78", 4010);
	connect_more(3, "ds/e1-1/10", "77", 4020);
	command(COMMAND("DLCX", "101", "ds/e1-1/[1-4,9]@gw.example"));
	answer("200 101 OK" CRLF);
	assert_false(is_connected(4000) || is_connected(4010));
	assert_true(is_connected(4020));
}

static void refused_delete_closes_nothing(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF "I: 1" CRLF);
	answer("400 101 try later" CRLF);
	assert_int_equal(w.open_count, 8);
}

static void delete_of_what_the_gateway_does_not_know_closes_it(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF "I: 1" CRLF);
	answer("515 101 no such connection" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void unanswered_delete_closes_by_its_timer(void **state)
{
	(void)state;
	connect_phone();
	command(COMMAND("DLCX", "101", EP) "C: 77" CRLF "I: 1" CRLF);
	run_timers(36);
	run_timers(1);
	assert_int_equal(w.open_count, 0);
}

static void gateways_own_delete_closes_at_once(void **state)
{
	(void)state;
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/1", "77", 4010);
	tell(COMMAND("DLCX", "500", EP) "C: 77" CRLF "I: 1" CRLF "E: 900 - hardware" CRLF);
	assert_accepted();
	assert_false(is_connected(4000));
	assert_true(is_connected(4010));
	say(AGENT, 2727, GW, 2427, "200 500 OK" CRLF);
	assert_accepted();
}

static void delete_of_another_gateway_closes_nothing_here(void **state)
{
	(void)state;
	connect_phone();
	say(GW2, 2427, AGENT, 2727, COMMAND("DLCX", "500", EP) "C: 77" CRLF "I: 1" CRLF);
	say(GW2, 2427, AGENT, 2727, COMMAND("RSIP", "501", "*@gw.example") "RM: restart" CRLF);
	assert_int_equal(w.open_count, 8);
}

static void restart(const char *rsip)
{
	connect_more(1, "aaln/1", "77", 4000);
	connect_more(2, "aaln/2", "78", 4010);
	tell(rsip);
	assert_accepted();
}

static void restart_of_a_gateway_closes_all(void **state)
{
	(void)state;
	restart(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void forced_restart_closes_all(void **state)
{
	(void)state;
	restart(COMMAND("RSIP", "500", "*@gw.example") "rm: Forced" CRLF);
	assert_int_equal(w.open_count, 0);
}

static void restart_of_one_endpoint_closes_its_own(void **state)
{
	(void)state;
	restart(COMMAND("RSIP", "500", "AALN/2@gw.example") "RM: restart" CRLF);
	assert_true(is_connected(4000));
	assert_false(is_connected(4010));
}

static void graceful_restart_closes_nothing(void **state)
{
	(void)state;
	restart(COMMAND("RSIP", "500", "*@gw.example") "RM: graceful" CRLF "RD: 300" CRLF);
	assert_int_equal(w.open_count, 16);
}

static void disconnected_gateway_keeps_its_calls(void **state)
{
	(void)state;
	restart(COMMAND("RSIP", "500", "*@gw.example") "RM: disconnected" CRLF);
	assert_int_equal(w.open_count, 16);
}

static void restart_ends_more_than_a_batch_holds(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 120; i++)
		connect_more(i + 1, i % 2 ? "aaln/1" : "aaln/2", "77", 4000 + 4 * i);
	assert_int_equal(w.open_count, 960);
	tell(COMMAND("RSIP", "500", "*@gw.example") "RM: restart" CRLF);
	w.now_ns++;
	connect_more(501, "aaln/1", "79", 9000);
	for (int i = 0; i < 4; i++)
		run_timers(1);
	assert_false(is_connected(4000) || is_connected(4000 + 4 * 119));
	/* what began after the restart is spared */
	assert_true(is_connected(9000));
	assert_int_equal(w.open_count, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(far_end_is_open_before_the_answer),
		TEST(answer_opens_exact_flows_both_ways),
		TEST(without_a_far_end_the_gateway_receives_from_anybody),
		TEST(modify_opens_its_far_end_to_the_gateway_alone),
		TEST(modify_without_description_keeps_the_old_one),
		TEST(refused_modify_takes_its_far_end_back),
		TEST(unanswered_modify_is_taken_back_by_its_timer),
		TEST(unanswered_modify_leaves_the_near_end_open),
		TEST(moved_far_end_drains_and_closes),
		TEST(gateway_may_move_its_own_end_in_an_answer),
		TEST(any_of_wildcard_is_resolved_by_the_answer),
		TEST(all_of_wildcard_is_resolved_by_the_answer),
		TEST(answer_that_names_no_connection_opens_nothing_lasting),
		TEST(answer_with_two_connections_is_refused),
		TEST(refused_create_closes),
		TEST(unanswered_create_ends_by_its_timer),
		TEST(provisional_answer_opens_and_its_refusal_closes),
		TEST(later_answer_does_not_rename_the_connection),
		TEST(final_answer_may_come_long_after_a_provisional_one),
		TEST(delete_closes_at_its_answer),
		TEST(delete_of_a_call_spares_other_calls_of_the_endpoint),
		TEST(delete_of_an_endpoint_takes_all_of_it),
		TEST(delete_of_a_call_everywhere),
		TEST(delete_of_what_a_wildcard_stands_for),
		TEST(delete_of_a_range),
		TEST(refused_delete_closes_nothing),
		TEST(delete_of_what_the_gateway_does_not_know_closes_it),
		TEST(unanswered_delete_closes_by_its_timer),
		TEST(gateways_own_delete_closes_at_once),
		TEST(delete_of_another_gateway_closes_nothing_here),
		TEST(restart_of_a_gateway_closes_all),
		TEST(forced_restart_closes_all),
		TEST(restart_of_one_endpoint_closes_its_own),
		TEST(graceful_restart_closes_nothing),
		TEST(disconnected_gateway_keeps_its_calls),
		TEST(restart_ends_more_than_a_batch_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
