// SPDX-License-Identifier: MIT
/* The shipped examples, each called through: a call agent outside, in a DMZ, and two that face each
 * other. Expected values follow from the files and RFC 3435. */
#include "golden/ground.h"

#define COMMAND(verb, id, endpoint) verb " " id " " endpoint " MGCP 1.0" CRLF
#define SDP(host, port) CRLF "v=0" CRLF "c=IN IP4 " host CRLF "m=audio " port " RTP/AVP 8" CRLF

static int set_up_outside(void **state)
{
	(void)state;
	return world_open_file("examples/mgcp-agent-outside.yaml");
}

static int set_up_dmz(void **state)
{
	(void)state;
	return world_open_file("examples/mgcp-agent-in-dmz.yaml");
}

static int set_up_agents(void **state)
{
	(void)state;
	return world_open_file("examples/mgcp-agent-to-agent.yaml");
}

static int set_up_hide(void **state)
{
	(void)state;
	return world_open_file("examples/mgcp-hide.yaml");
}

static void passes(const char *from, const char *to, const char *text)
{
	arrive(2, endpoint(from, 2427), endpoint(to, 2427), text);
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	assert_int_equal(w.sent, 1);
}

static void is_refused(const char *from, const char *to, const char *text, enum reason reason)
{
	arrive(2, endpoint(from, 2427), endpoint(to, 2427), text);
	assert_int_equal(w.judgement, JUDGEMENT_REFUSE);
	assert_int_equal(w.reason, reason);
	/* the examples only watch at first */
	assert_int_equal(w.sent, 1);
}

static void assert_both_ways(const char *a, uint16_t a_port, const char *b, uint16_t b_port)
{
	assert_true(open_to(a, a_port, b, b_port) & PERMIT_RTP);
	assert_true(open_to(b, b_port, a, a_port) & PERMIT_RTP);
}

static void agent_outside_calls_through(void **state)
{
	(void)state;
	passes("10.1.0.20", "203.0.113.10", COMMAND("RSIP", "1", "*@home") "RM: restart" CRLF);
	passes("203.0.113.10", "10.1.0.20", "200 1 OK" CRLF);
	passes("203.0.113.10", "10.1.0.20", COMMAND("CRCX", "1", "aaln/1@home") "C: 1" CRLF
	       "M: sendrecv" CRLF SDP("203.0.113.50", "20000"));
	passes("10.1.0.20", "203.0.113.10", "200 1 OK" CRLF "I: 1" CRLF SDP("10.1.0.20", "16000"));
	assert_both_ways("203.0.113.50", 20000, "10.1.0.20", 16000);
	/* its twin takes over */
	passes("203.0.113.11", "10.1.0.20", COMMAND("DLCX", "1", "aaln/1@home") "C: 1" CRLF);
	passes("10.1.0.20", "203.0.113.11", "250 1 OK" CRLF);
	assert_int_equal(w.open_count, 0);
	is_refused("203.0.113.66", "10.1.0.20", COMMAND("AUEP", "1", "aaln/1@home"),
		   REASON_mgcp_not_agent);
}

static void agent_in_a_dmz_joins_gateways_of_both_sides(void **state)
{
	(void)state;
	passes("192.0.2.10", "10.1.0.20", COMMAND("CRCX", "1", "aaln/$@in") "C: 1" CRLF
	       "M: recvonly" CRLF);
	passes("10.1.0.20", "192.0.2.10", "200 1 OK" CRLF "Z: aaln/1@in" CRLF "I: A" CRLF
	       SDP("10.1.0.20", "16000"));
	passes("192.0.2.10", "198.51.100.20", COMMAND("CRCX", "2", "ds/1@out") "C: 1" CRLF
	       "M: sendrecv" CRLF SDP("10.1.0.20", "16000"));
	/* the far gateway may send before the near one knows it */
	assert_true(open_to(NULL, 0, "10.1.0.20", 16000));
	passes("198.51.100.20", "192.0.2.10", "200 2 OK" CRLF "I: B" CRLF
	       SDP("198.51.100.20", "18000"));
	passes("192.0.2.10", "10.1.0.20", COMMAND("MDCX", "3", "aaln/1@in") "C: 1" CRLF "I: A" CRLF
	       "M: sendrecv" CRLF SDP("198.51.100.20", "18000"));
	passes("10.1.0.20", "192.0.2.10", "200 3 OK" CRLF);
	assert_both_ways("10.1.0.20", 16000, "198.51.100.20", 18000);
	/* each connection is a claim of its own: the last one closes */
	passes("192.0.2.10", "198.51.100.20", COMMAND("DLCX", "4", "ds/1@out") "C: 1" CRLF);
	passes("198.51.100.20", "192.0.2.10", "250 4 OK" CRLF);
	assert_both_ways("10.1.0.20", 16000, "198.51.100.20", 18000);
	passes("192.0.2.10", "10.1.0.20", COMMAND("DLCX", "5", "*@in") "C: 1" CRLF);
	passes("10.1.0.20", "192.0.2.10", "250 5 OK" CRLF);
	assert_int_equal(w.open_count, 0);
	is_refused("192.0.2.10", "10.1.0.20", COMMAND("EPCF", "6", "aaln/1@in") "B: e:A" CRLF,
		   REASON_mgcp_command_denied);
}

static void two_agents_command_gateways_of_each_other(void **state)
{
	(void)state;
	passes("10.1.0.10", "198.51.100.30", COMMAND("CRCX", "1", "ds/1@theirs") "C: 1" CRLF
	       "M: sendrecv" CRLF SDP("10.1.0.40", "20000"));
	passes("198.51.100.30", "10.1.0.10", "200 1 OK" CRLF "I: 1" CRLF
	       SDP("198.51.100.30", "16000"));
	assert_both_ways("10.1.0.40", 20000, "198.51.100.30", 16000);
	passes("198.51.100.10", "10.1.0.30", COMMAND("AUEP", "1", "aaln/1@ours"));
	is_refused("198.51.100.10", "10.1.0.30", COMMAND("RSIP", "2", "*@ours") "RM: restart" CRLF,
		   REASON_mgcp_wrong_direction);
	/* and an agent may be another one's gateway */
	passes("10.1.0.10", "198.51.100.10", COMMAND("RSIP", "3", "*@ours") "RM: restart" CRLF);
	passes("198.51.100.10", "10.1.0.10", COMMAND("AUEP", "4", "aaln/1@ours"));
	passes("10.1.0.10", "198.51.100.30", COMMAND("DLCX", "5", "ds/1@theirs"));
	passes("198.51.100.30", "10.1.0.10", "250 5 OK" CRLF);
	assert_int_equal(w.open_count, 0);
}

/* The agent answers and commands where it saw the gateway. */
static void hidden_gateway_calls_through(void **state)
{
	uint16_t at;

	(void)state;
	passes("10.1.0.20", "203.0.113.10", COMMAND("RSIP", "1", "*@home") "RM: restart" CRLF);
	at = ntohs(w.leaves.source.port);
	assert_in_range(at, 20000, 31999);
	arrive(2, endpoint("203.0.113.10", 2427), endpoint("203.0.113.1", at),
	       COMMAND("CRCX", "1", "aaln/1@home") "C: 1" CRLF "M: sendrecv" CRLF
	       SDP("203.0.113.50", "20000"));
	assert_int_equal(w.judgement, JUDGEMENT_ACCEPT);
	passes("10.1.0.20", "203.0.113.10", "200 1 OK" CRLF "I: 1" CRLF SDP("10.1.0.20", "16000"));
	assert_null(strstr(w.sent_text, "10.1.0."));
	assert_non_null(strstr(w.sent_text, "c=IN IP4 203.0.113.1" CRLF));
	assert_true(open_to("10.1.0.20", 16000, "203.0.113.50", 20000) & PERMIT_RTP);
	/* the trunk gateway has not said a word */
	passes("203.0.113.10", "203.0.113.30", COMMAND("AUEP", "2", "ds/1@[203.0.113.30]"));
	assert_string_equal(w.sent_text, COMMAND("AUEP", "2", "ds/1@[10.1.0.30]"));
}

int main(void)
{
#define TEST_IN(name, world) cmocka_unit_test_setup_teardown(name, world, tear_down)
	const struct CMUnitTest tests[] = {
		TEST_IN(agent_outside_calls_through, set_up_outside),
		TEST_IN(agent_in_a_dmz_joins_gateways_of_both_sides, set_up_dmz),
		TEST_IN(two_agents_command_gateways_of_each_other, set_up_agents),
		TEST_IN(hidden_gateway_calls_through, set_up_hide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
